//! A process may be killed between any two stores: every one of those moments is tried.
//!
//! The ring lies in words that, before each store, hand a copy of the whole memory to the next
//! start.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use super::*;

const SLOTS: u64 = 4;

thread_local! {
    /// Address and value of each store of this thread, in order.
    static STORES: RefCell<Vec<(usize, u64)>> = const { RefCell::new(Vec::new()) };
}

/// A word that writes down what is stored in it.
struct Noted(AtomicU64);

impl Noted {
    fn note(&self, value: u64) {
        let address = std::ptr::from_ref(self).addr();
        STORES.with_borrow_mut(|stores| stores.push((address, value)));
    }
}

impl Word for Noted {
    fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.note(value);
        self.0.store(value, order);
    }

    fn exchange(&self, current: u64, new: u64) -> bool {
        let exchanged = self.0.exchange(current, new);
        if exchanged {
            self.note(new);
        }
        exchanged
    }

    fn increment(&self) -> u64 {
        let before = self.0.increment();
        self.note(before + 1);
        before
    }
}

/// What every start finds that follows a crash after so many of the stores of `run`.
fn after_each_store(
    ring: &Ring<Arc<[Noted]>>,
    run: impl FnOnce(&Ring<Arc<[Noted]>>),
) -> Vec<Vec<String>> {
    let memory = Arc::clone(ring.memory());
    let mut words: Vec<u64> = memory.iter().map(|word| word.0.load(Relaxed)).collect();
    STORES.take();
    run(ring);
    let found = |words: &[u64]| {
        let memory: Arc<[AtomicU64]> = words.iter().map(|word| AtomicU64::new(*word)).collect();
        messages(&Ring::adopt(memory).expect("a ring"))
    };
    let mut all = vec![found(&words)];
    for (address, value) in STORES.take() {
        words[(address - memory.as_ptr().addr()) / size_of::<Noted>()] = value;
        all.push(found(&words));
    }
    all
}

fn ring() -> Ring<Arc<[Noted]>> {
    Ring::format(
        (0..file_words(SLOTS))
            .map(|_| Noted(AtomicU64::new(0)))
            .collect(),
    )
}

fn strings(messages: &[&str]) -> Vec<String> {
    messages
        .iter()
        .map(|message| (*message).to_owned())
        .collect()
}

#[test]
fn a_crash_costs_at_most_the_record_being_written_and_the_one_it_replaces() {
    let ring = ring();
    for message in ["one", "two", "three", "four"] {
        write(&ring, message);
    }
    let found = after_each_store(&ring, |ring| {
        write(ring, &"five".repeat(30));
    });
    let before = strings(&["one", "two", "three", "four"]);
    let between = strings(&["two", "three", "four"]);
    let after = strings(&["two", "three", "four", &"five".repeat(30)]);
    assert_eq!(found.first(), Some(&before));
    assert_eq!(found.last(), Some(&after));
    assert!(found.len() > 15, "{} stores", found.len());
    for (stores, found) in found.iter().enumerate() {
        assert!(
            [&before, &between, &after].contains(&found),
            "{stores}: {found:?}"
        );
    }
}

#[test]
fn a_crash_while_wiping_leaves_whole_records_or_none() {
    let ring = ring();
    let all = ["one", "two", "three"];
    all.iter().for_each(|message| _ = write(&ring, message));
    let found = after_each_store(&ring, |ring| assert!(ring.close_all()));
    for found in &found {
        assert!(strings(&all).ends_with(found), "{found:?}");
    }
    assert_eq!(found.last(), Some(&vec![]));
}
