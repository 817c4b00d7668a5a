//! Markers as processes leave them, and as disks do.

use std::fs;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use super::*;

const SECOND: i64 = 1_000_000_000;
const GRACE: Duration = Duration::from_secs(2);
const START: i64 = 1_770_000_000 * SECOND;

fn session() -> Uuid {
    Uuid::from_u64_pair(7, 8)
}

fn install() -> Uuid {
    Uuid::from_u64_pair(5, 6)
}

/// That long after the start, by both clocks.
fn at(nanos: i64) -> Moment {
    Moment {
        unix_nanos: START + nanos,
        monotonic_nanos: 77 + nanos,
    }
}

fn begun(directory: &TempDir) -> Run {
    let (run, _) = Run::open(&directory.path().join(FILE));
    run.begin(session(), install(), at(0));
    run
}

fn found(directory: &TempDir) -> Found {
    found_elsewhere(&directory.path().join(FILE))
}

fn previous_of(directory: &TempDir) -> Previous {
    match found(directory) {
        Found::Previous(previous) => previous,
        found => panic!("{found:?}"),
    }
}

#[test]
fn each_end_is_told_by_what_the_run_left() {
    type Left = fn(&Run);
    let cases: [(&str, Left, End); 24] = [
        ("killed at once", |_| (), End::Uncleanly),
        ("killed", |run| run.alive(at(9 * SECOND)), End::Uncleanly),
        ("shut down", |run| run.end(at(SECOND)), End::Clean),
        (
            "panicked",
            |run| run.panicked(at(SECOND), GRACE),
            End::Panic,
        ),
        (
            "panicked, alive for a moment while it unwound",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.alive(at(2 * SECOND));
            },
            End::Panic,
        ),
        (
            "caught a panic, served on, killed",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.alive(at(4 * SECOND));
            },
            End::Uncleanly,
        ),
        (
            "caught a panic, shut down right after",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.end(at(SECOND));
            },
            End::Clean,
        ),
        (
            "shut down by a guard that unwound",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.panicked(at(SECOND), Duration::MAX);
                run.end(at(2 * SECOND));
            },
            End::Panic,
        ),
        (
            "shut down by a guard that unwound, while another thread panicked too",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.panicked(at(SECOND), Duration::MAX);
                run.panicked(at(SECOND), GRACE);
                run.end(at(2 * SECOND));
            },
            End::Panic,
        ),
        (
            "panicked, and another thread of it, and unwound for a while",
            |run| {
                run.panicked(at(SECOND), 4 * GRACE);
                run.panicked(at(SECOND), GRACE);
                run.alive(at(SECOND + 2 * i64::try_from(GRACE.as_nanos()).unwrap()));
            },
            End::Panic,
        ),
        (
            "caught a panic, and died of the next",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.alive(at(60 * SECOND));
                run.panicked(at(61 * SECOND), GRACE);
            },
            End::Panic,
        ),
        (
            "panicked after it was shut down",
            |run| {
                run.end(at(SECOND));
                run.panicked(at(SECOND), GRACE);
            },
            End::Clean,
        ),
        (
            "slept without its files",
            |run| run.suspend(at(0)),
            End::Suspended,
        ),
        (
            "panicked while it slept without its files",
            |run| {
                run.suspend(at(0));
                run.panicked(at(SECOND), GRACE);
            },
            End::Panic,
        ),
        (
            "caught a panic while it slept without its files",
            |run| {
                run.suspend(at(0));
                run.panicked(at(SECOND), GRACE);
                run.alive(at(4 * SECOND));
            },
            End::Suspended,
        ),
        (
            "caught a panic while it slept, woke, killed",
            |run| {
                run.suspend(at(0));
                run.panicked(at(SECOND), GRACE);
                run.resume(session(), 0, at(SECOND));
            },
            End::Uncleanly,
        ),
        (
            "slept, woke, killed",
            |run| {
                run.suspend(at(0));
                assert_eq!(run.resume(session(), 0, at(SECOND)), Found::Nothing);
            },
            End::Uncleanly,
        ),
        (
            "its main ended, and its worker looked once more",
            |run| {
                run.left(at(SECOND));
                run.alive(at(2 * SECOND));
            },
            End::Clean,
        ),
        (
            "its main thread ended, it served on, killed",
            |run| {
                run.left(at(SECOND));
                run.alive(at(4 * SECOND));
            },
            End::Uncleanly,
        ),
        (
            "panicked in main, which ended of it",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.left(at(SECOND));
            },
            End::Panic,
        ),
        (
            "caught a panic, and its main ended some time later",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.left(at(4 * SECOND));
            },
            End::Clean,
        ),
        (
            "caught a panic, was seen to go on, and its main ended at once",
            |run| {
                run.panicked(at(SECOND), GRACE);
                run.survived();
                run.left(at(SECOND));
            },
            End::Clean,
        ),
        (
            "shut down by a guard that unwound, and the process went on",
            |run| {
                run.panicked(at(SECOND), Duration::MAX);
                run.end(at(SECOND));
                run.survived();
            },
            End::Clean,
        ),
        (
            "panicked on its way out of main",
            |run| {
                run.left(at(SECOND));
                run.panicked(at(SECOND), GRACE);
            },
            End::Panic,
        ),
    ];
    for (name, left, end) in cases {
        let directory = tempdir().unwrap();
        let run = begun(&directory);
        left(&run);
        drop(run);
        assert_eq!(previous_of(&directory).end, end, "{name}");
    }
}

#[test]
fn a_process_that_finds_a_run_of_its_own_knows_that_it_was_no_crash() {
    type Left = fn(&Run);
    let cases: [(&str, Left, End); 4] = [
        (
            "shut down by a guard that unwound",
            |run| {
                run.panicked(at(SECOND), Duration::MAX);
                run.end(at(SECOND));
            },
            End::Clean,
        ),
        ("everybody let go of it", |run| run.left(at(0)), End::Clean),
        ("its worker was lost", |_| (), End::Unknown),
        (
            "its worker was lost by a panic",
            |run| run.panicked(at(SECOND), GRACE),
            End::Unknown,
        ),
    ];
    for (name, left, end) in cases {
        let directory = tempdir().unwrap();
        left(&begun(&directory));
        match Run::open(&directory.path().join(FILE)).1 {
            Ok(Found::Previous(previous)) => assert_eq!(previous.end, end, "{name}"),
            found => panic!("{name}: {found:?}"),
        }
    }
}

#[test]
fn a_run_in_whose_place_another_has_begun_does_not_speak_for_it() {
    let directory = tempdir().unwrap();
    let first = begun(&directory);
    let (second, _) = Run::open(&directory.path().join(FILE));
    second.begin(Uuid::from_u64_pair(1, 2), install(), at(SECOND));
    first.panicked(at(2 * SECOND), GRACE);
    first.refuse();
    first.left(at(2 * SECOND));
    first.end(at(2 * SECOND));
    let previous = previous_of(&directory);
    assert_eq!((previous.end, previous.refused), (End::Uncleanly, 0));
    assert_eq!(previous.run_nanos, 0);
}

#[test]
fn the_next_start_knows_which_session_it_was_and_how_long_it_ran() {
    let directory = tempdir().unwrap();
    let run = begun(&directory);
    run.set_lifecycle(Lifecycle::Hidden);
    run.set_generation(3);
    run.alive(at(90 * SECOND));
    let previous = previous_of(&directory);
    assert_eq!(previous.first_session, session());
    assert_eq!(previous.generation, 3);
    assert_eq!(previous.started, START);
    assert_eq!(previous.install_id, install());
    assert_eq!(previous.run_time_ms(), 90_000);
    assert_eq!(previous.lifecycle, Lifecycle::Hidden);
}

#[test]
fn a_clock_that_is_set_makes_no_kill_a_panic_and_no_panic_a_kill() {
    let hour = 3600 * SECOND;
    // How far the clock is set after the panic; how long the run lives on; how it is told to end.
    for (set, lived_on, end) in [
        (-hour, 4 * SECOND, End::Uncleanly),
        (hour, 4 * SECOND, End::Uncleanly),
        (-hour, SECOND, End::Panic),
        (hour, SECOND, End::Panic),
    ] {
        let directory = tempdir().unwrap();
        let run = begun(&directory);
        run.panicked(at(SECOND), GRACE);
        let later = at(SECOND + lived_on);
        run.alive(Moment {
            unix_nanos: later.unix_nanos + set,
            ..later
        });
        let previous = previous_of(&directory);
        assert_eq!(previous.end, end, "{set} {lived_on}");
        assert_eq!(previous.last_alive, later.unix_nanos + set);
        let run_time_ms = (SECOND + lived_on) / 1_000_000;
        assert_eq!(
            previous.run_time_ms(),
            run_time_ms,
            "not as the clock has it"
        );
    }
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
    sleeper.suspend(at(0));
    let (other, _) = Run::open(&directory.path().join(FILE));
    other.begin(Uuid::from_u64_pair(1, 2), install(), at(SECOND));
    // It is another process's.
    other.words[PROCESS].store(1, Relaxed);
    // While it sleeps it must not touch what is not its own.
    sleeper.panicked(at(2 * SECOND), GRACE);
    drop(other);
    let Found::Previous(between) = sleeper.resume(session(), 2, at(3 * SECOND)) else {
        panic!("the other run went unnoticed");
    };
    assert_eq!(between.first_session, Uuid::from_u64_pair(1, 2));
    assert_eq!(between.end, End::Uncleanly);
    let again = previous_of(&directory);
    assert_eq!((again.first_session, again.generation), (session(), 2));
}

#[test]
fn a_marker_that_cannot_be_had_stops_nothing() {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join(FILE)).unwrap();
    let (run, found) = Run::open(&directory.path().join(FILE));
    assert!(found.is_err());
    run.begin(session(), install(), at(0));
    run.panicked(at(0), GRACE);
    run.sync();
    run.end(at(0));
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
