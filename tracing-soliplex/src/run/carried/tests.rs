//! Counts on their way from run to run.

use soliplex_wire::Uuid;

use super::super::*;
use crate::clock::Moment;

fn at(nanos: i64) -> Moment {
    Moment {
        unix_nanos: nanos,
        monotonic_nanos: nanos,
    }
}

#[test]
fn what_was_refused_is_counted_from_run_to_run_and_by_whoever_has_the_marker() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let open = || {
        let (run, found) = Run::open(&path);
        let found = found.unwrap();
        assert_eq!(found.is_refused_noted(), matches!(found.refused(), 4..));
        (run, found.refused())
    };
    let refuse = |run: &Run, times| (0..times).for_each(|_| run.refuse());
    let (first, _) = open();
    first.begin(Uuid::from_u128(1), Uuid::nil(), at(0));
    refuse(&first, 3);
    drop(first);
    let (second, found) = open();
    assert_eq!(found, 3);
    second.begin(Uuid::from_u128(2), Uuid::nil(), at(0));
    second.refused_is_noted();
    refuse(&second, 1);
    second.suspend(at(0));
    // Counted by it, and by nobody else until it has the marker again.
    refuse(&second, 1);

    let (between, found) = open();
    assert_eq!(found, 4);
    between.begin(Uuid::from_u128(3), Uuid::nil(), at(0));
    refuse(&between, 2);
    between.end(at(0));

    second.resume(Uuid::from_u128(2), 0, at(0));
    assert_eq!(second.refused_ever(), 7);
    refuse(&second, 1);
    assert_eq!(open().1, 8);
    second.forget();
    refuse(&second, 1);
    assert_eq!((second.refused_ever(), open().1), (1, 0));
}

#[test]
fn how_many_records_wait_is_known_to_the_next_run_until_it_has_looked_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let open = || {
        let (run, found) = Run::open(&path);
        (run, found.unwrap().stored())
    };
    let (first, _) = open();
    first.note_stored(3);
    first.begin(Uuid::from_u128(1), Uuid::nil(), at(0));
    assert_eq!(open().1, 3);
    first.note_stored(5);
    drop(first);
    let (second, found) = open();
    assert_eq!(found, 5);
    second.begin(Uuid::from_u128(2), Uuid::nil(), at(0));
    assert_eq!(open().1, 5);
    second.suspend(at(0));

    let (between, _) = open();
    between.begin(Uuid::from_u128(3), Uuid::nil(), at(0));
    between.note_stored(2);
    between.end(at(0));

    second.resume(Uuid::from_u128(2), 0, at(0));
    assert_eq!(open().1, 2);
    second.forget();
    assert_eq!((open().1, open().0.withdrawn()), (0, Some(2)));
    second.has_wiped();
    assert_eq!((open().1, open().0.withdrawn()), (0, None));
}
