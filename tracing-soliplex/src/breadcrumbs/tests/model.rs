//! Writing, clearing, wiping and restarting in any order, beside a `VecDeque`.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Write(String),
    Clear,
    Wipe,
    Reopen,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => "\\PC{0,40}".prop_map(Step::Write),
        1 => Just(Step::Clear),
        1 => Just(Step::Wipe),
        2 => Just(Step::Reopen),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn the_last_records_are_there_in_order_whatever_is_done(
        slots in (0u32..4).prop_map(|power| 1u64 << power),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut ring = heap_ring(slots);
        let mut expected = VecDeque::new();
        let mut wiped = false;
        for step in steps {
            match step {
                Step::Write(message) => {
                    let written = write(&ring, &message);
                    prop_assert_eq!(written.is_some(), !wiped);
                    if !wiped {
                        expected.push_back(message);
                        if expected.len() as u64 > slots {
                            expected.pop_front();
                        }
                    }
                }
                Step::Clear if wiped => {}
                Step::Clear => {
                    ring.clear();
                    expected.clear();
                    prop_assert!(ring.is_blank());
                }
                Step::Wipe => {
                    prop_assert!(ring.close_all());
                    expected.clear();
                    wiped = true;
                    prop_assert!(ring.is_blank());
                }
                Step::Reopen => {
                    ring.open();
                    wiped = false;
                }
                Step::Restart => {
                    ring = Ring::adopt(copy_of(&ring)).expect("a ring");
                    wiped = false;
                }
            }
            prop_assert_eq!(&messages(&ring), &Vec::from(expected.clone()));
        }
    }
}
