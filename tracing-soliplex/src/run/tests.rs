//! Markers as processes leave them, and as disks do.

use std::fs;

use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use super::*;

const SECOND: i64 = 1_000_000_000;
const GRACE: Duration = Duration::from_secs(2);
const START: i64 = 1_770_000_000 * SECOND;

fn session() -> Uuid {
    Uuid::from_u64_pair(7, 8)
}

fn begun(directory: &TempDir) -> Run {
    let (run, _) = Run::open(&directory.path().join(FILE));
    run.begin(session(), START);
    run
}

fn found(directory: &TempDir) -> Found {
    Run::open(&directory.path().join(FILE)).1
}

#[test]
fn each_end_is_told_by_what_the_run_left() {
    type Left = fn(&Run);
    let cases: [(&str, Left, End); 13] = [
        ("killed at once", |_| (), End::Uncleanly),
        (
            "killed",
            |run| run.alive(START + 9 * SECOND),
            End::Uncleanly,
        ),
        ("shut down", |run| run.end(START + SECOND), End::Clean),
        (
            "panicked",
            |run| run.panicked(START + SECOND, GRACE),
            End::Panic,
        ),
        (
            "panicked, alive for a moment while it unwound",
            |run| {
                run.panicked(START + SECOND, GRACE);
                run.alive(START + 2 * SECOND);
            },
            End::Panic,
        ),
        (
            "caught a panic, served on, killed",
            |run| {
                run.panicked(START + SECOND, GRACE);
                run.alive(START + 4 * SECOND);
            },
            End::Uncleanly,
        ),
        (
            "caught a panic, shut down right after",
            |run| {
                run.panicked(START + SECOND, GRACE);
                run.end(START + SECOND);
            },
            End::Clean,
        ),
        (
            "shut down by a guard that unwound",
            |run| {
                run.panicked(START + SECOND, GRACE);
                run.panicked(START + SECOND, Duration::MAX);
                run.end(START + 2 * SECOND);
            },
            End::Panic,
        ),
        (
            "caught a panic, and died of the next",
            |run| {
                run.panicked(START + SECOND, GRACE);
                run.alive(START + 60 * SECOND);
                run.panicked(START + 61 * SECOND, GRACE);
            },
            End::Panic,
        ),
        (
            "panicked after it was shut down",
            |run| {
                run.end(START + SECOND);
                run.panicked(START + SECOND, GRACE);
            },
            End::Clean,
        ),
        (
            "slept without its files",
            |run| run.suspend(START),
            End::Suspended,
        ),
        (
            "slept, woke, killed",
            |run| {
                run.suspend(START);
                assert_eq!(run.resume(session(), 0), Found::Nothing);
            },
            End::Uncleanly,
        ),
        ("lost its worker", |run| run.unwatched(), End::Unknown),
    ];
    for (name, left, end) in cases {
        let directory = tempdir().unwrap();
        let run = begun(&directory);
        left(&run);
        drop(run);
        match found(&directory) {
            Found::Previous(previous) => assert_eq!(previous.end, end, "{name}"),
            found => panic!("{name}: {found:?}"),
        }
    }
}

#[test]
fn the_next_start_knows_which_session_it_was_and_how_long_it_ran() {
    let directory = tempdir().unwrap();
    let run = begun(&directory);
    run.set_lifecycle(Lifecycle::Hidden);
    run.set_generation(3);
    run.alive(START + 90 * SECOND);
    let Found::Previous(previous) = found(&directory) else {
        panic!("no previous run");
    };
    assert_eq!(previous.first_session, session());
    assert_eq!(previous.generation, 3);
    assert_eq!(previous.started, START);
    assert_eq!(previous.run_time_ms(), 90_000);
    assert_eq!(previous.lifecycle, Lifecycle::Hidden);
}

#[test]
fn the_first_start_knows_of_no_earlier_one() {
    assert_eq!(found(&tempdir().unwrap()), Found::Nothing);
}

#[test]
fn looking_at_a_marker_leaves_it_as_it_is() {
    let directory = tempdir().unwrap();
    drop(begun(&directory));
    let first = found(&directory);
    assert_eq!(found(&directory), first);
}

#[test]
fn a_run_that_slept_learns_of_the_one_that_came_in_between() {
    let directory = tempdir().unwrap();
    let sleeper = begun(&directory);
    sleeper.suspend(START);
    let (other, _) = Run::open(&directory.path().join(FILE));
    other.begin(Uuid::from_u64_pair(1, 2), START + SECOND);
    // While it sleeps it must not touch what is not its own.
    sleeper.panicked(START + 2 * SECOND, GRACE);
    drop(other);
    let Found::Previous(between) = sleeper.resume(session(), 2) else {
        panic!("the other run went unnoticed");
    };
    assert_eq!(between.first_session, Uuid::from_u64_pair(1, 2));
    assert_eq!(between.end, End::Uncleanly);
    let Found::Previous(again) = found(&directory) else {
        panic!("no marker after resuming");
    };
    assert_eq!((again.first_session, again.generation), (session(), 2));
}

#[test]
fn a_marker_that_cannot_be_had_stops_nothing() {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join(FILE)).unwrap();
    let (run, found) = Run::open(&directory.path().join(FILE));
    assert_eq!(found, Found::Unreadable);
    run.begin(session(), START);
    run.panicked(START, GRACE);
    run.sync();
    run.end(START);
}

proptest! {
    #[test]
    fn a_damaged_marker_is_no_lie_and_is_replaced(
        at in 0usize..(CHECKSUM + 1) * 8,
        flip in 1u8..,
    ) {
        let directory = tempdir().unwrap();
        let path = directory.path().join(FILE);
        drop(begun(&directory));
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        prop_assert_eq!(found(&directory), Found::Unreadable);
        drop(begun(&directory));
        prop_assert!(matches!(found(&directory), Found::Previous(_)));
    }

    #[test]
    fn any_bytes_in_place_of_a_marker_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
        let directory = tempdir().unwrap();
        fs::write(directory.path().join(FILE), bytes).unwrap();
        let _ = found(&directory);
        drop(begun(&directory));
        prop_assert!(matches!(found(&directory), Found::Previous(_)));
    }
}
