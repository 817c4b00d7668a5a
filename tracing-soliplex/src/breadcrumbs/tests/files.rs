//! Files as the start may find them.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use soliplex_wire::Uuid;
use tempfile::TempDir;

use super::*;

struct Place {
    /// Removed when the test ends.
    _dir: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(FILE);
    Place { _dir: dir, path }
}

impl Place {
    fn open_with(&self, slots: usize) -> (Breadcrumbs, Previous) {
        let options = BreadcrumbOptions {
            slots,
            ..BreadcrumbOptions::default()
        };
        Breadcrumbs::open(Some(&self.path), options)
    }

    fn open(&self) -> (Breadcrumbs, Previous) {
        self.open_with(8)
    }
}

const SESSION: Uuid = Uuid::from_u128(0x0192_0000_0000_4000_8000_0000_0000_0001);
const LATER: Uuid = Uuid::from_u128(0x0193_0000_0000_4000_8000_0000_0000_0002);

fn note(breadcrumbs: &Breadcrumbs, message: &str) {
    breadcrumbs.note(Severity::Info, 1_000_000_000, "app::http", message);
}

fn told(previous: &Previous) -> Vec<&str> {
    let crumbs = previous.breadcrumbs.iter();
    crumbs
        .map(|breadcrumb| breadcrumb.message.as_str())
        .collect()
}

fn shown(breadcrumbs: &Breadcrumbs) -> Vec<String> {
    let recent = breadcrumbs.recent(&filter::Filter::new());
    recent
        .into_iter()
        .map(|record| record.breadcrumb.message)
        .collect()
}

#[test]
fn the_next_start_is_told_what_the_last_session_did_last() {
    let place = place();
    let (breadcrumbs, previous) = place.open();
    assert_eq!((previous.session_id, told(&previous)), (None, vec![]));
    breadcrumbs.begin_session(SESSION);
    (0..40).for_each(|number| note(&breadcrumbs, &number.to_string()));
    drop(breadcrumbs);

    let (breadcrumbs, previous) = place.open();
    assert_eq!(previous.session_id, Some(SESSION));
    assert_eq!(
        told(&previous),
        ["32", "33", "34", "35", "36", "37", "38", "39"]
    );
    assert_eq!(previous.breadcrumbs[0].category.as_str(), "network");
    assert_eq!(previous.trouble, None);

    // They are shown on, but are no breadcrumbs of the new session's.
    breadcrumbs.begin_session(LATER);
    note(&breadcrumbs, "new");
    assert_eq!(shown(&breadcrumbs)[..2], ["new", "39"]);
    let newest = &breadcrumbs.recent(&filter::Filter::new())[..2];
    let sessions = newest.iter().map(|record| record.session_id);
    assert_eq!(sessions.collect::<Vec<_>>(), [Some(LATER), Some(SESSION)]);
    let of_session = filter::Filter::new().session(&LATER.to_string());
    assert_eq!(breadcrumbs.recent(&of_session).len(), 1);
    drop(breadcrumbs);
    let (_, previous) = place.open();
    assert_eq!(
        (previous.session_id, told(&previous)),
        (Some(LATER), vec!["new"])
    );
}

#[test]
fn a_record_keeps_its_session_however_often_others_begin_and_it_is_taken_up_again() {
    let place = place();
    let (breadcrumbs, _) = place.open();
    breadcrumbs.begin_session(SESSION);
    note(&breadcrumbs, "old");
    for later in 1..50 {
        breadcrumbs.begin_session(Uuid::from_u128(later << 64 | later));
        // As after a sleep, in which another process may have used the file.
        (0..20).for_each(|_| drop(breadcrumbs.rejoin()));
    }
    let of_session = filter::Filter::new().session(&SESSION.to_string());
    assert_eq!(breadcrumbs.recent(&of_session).len(), 1);
    drop(breadcrumbs);
    let (breadcrumbs, _) = place.open_with(64);
    assert_eq!(breadcrumbs.recent(&of_session).len(), 1, "moved over");
}

#[test]
fn a_start_that_ends_early_is_told_as_a_session_that_did_nothing() {
    let place = place();
    let (breadcrumbs, _) = place.open();
    breadcrumbs.begin_session(SESSION);
    note(&breadcrumbs, "old");
    drop(breadcrumbs);
    place.open().0.begin_session(LATER);

    let (_, previous) = place.open();
    assert_eq!(
        (previous.session_id, told(&previous)),
        (Some(LATER), vec![])
    );
}

#[test]
fn another_size_takes_over_what_it_has_room_for() {
    for (before, after, kept) in [(8, 32, 8), (32, 8, 8), (32, 100, 20)] {
        let place = place();
        let (breadcrumbs, _) = place.open_with(before);
        breadcrumbs.begin_session(SESSION);
        (0..20).for_each(|number| note(&breadcrumbs, &number.to_string()));
        drop(breadcrumbs);
        let (breadcrumbs, previous) = place.open_with(after);
        assert_eq!(previous.session_id, Some(SESSION));
        let expected: Vec<String> = (20 - kept..20).rev().map(|n| n.to_string()).collect();
        assert_eq!(shown(&breadcrumbs), expected, "{before} to {after}");
        let words = [before, after].map(|slots| file_words(slots.next_power_of_two() as u64));
        let bytes = fs::read(&place.path).expect("the file");
        assert_eq!(bytes.len(), words[0].max(words[1]) * 8, "never shorter");
        let behind = &bytes[words[1] * 8..];
        assert!(behind.iter().all(|byte| *byte == 0), "and nothing behind");
    }
}

#[test]
fn who_sleeps_while_another_uses_the_file_goes_on_in_it_and_learns_what_that_did() {
    // How many slots the other wants, and what becomes of the sleeper's records in its ring.
    for (slots, kept) in [(8, &["old"][..]), (32, &["old"]), (2, &[])] {
        let place = place();
        let (sleeper, _) = place.open_with(8);
        let sleeper = Arc::new(sleeper);
        sleeper.begin_session(SESSION);
        note(&sleeper, "old");
        let mut view = subscription::Subscription::new(Arc::clone(&sleeper), Default::default());

        let (other, previous) = place.open_with(slots);
        assert_eq!(previous.session_id, Some(SESSION));
        other.begin_session(LATER);
        note(&other, "by the other");
        note(&other, "and again");
        drop(other);

        let between = sleeper.rejoin();
        assert_eq!(between.session_id, Some(LATER));
        assert_eq!(told(&between), ["by the other", "and again"], "{slots}");
        assert_eq!(between.trouble, None);
        note(&sleeper, "awake");
        let expected = [&["awake", "and again", "by the other"], kept].concat();
        assert_eq!(shown(&sleeper), expected, "{slots}");
        let last = view.by_ref().last();
        let Some(subscription::Update::Record(record)) = last else {
            panic!("{last:?}");
        };
        assert_eq!(record.breadcrumb.message, "awake");

        // And whoever comes next finds it.
        drop((sleeper, view));
        let (_, previous) = place.open_with(8);
        assert_eq!(
            (previous.session_id, told(&previous)),
            (Some(SESSION), vec!["awake"])
        );
    }
}

#[test]
fn a_damaged_file_is_begun_anew_and_said_so() {
    let changes: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes[..8].copy_from_slice(b"SQLite f"),
        |bytes| bytes[8] ^= 2,
        |bytes| bytes[16] ^= 1,
        |bytes| bytes[24] ^= 1,
        |bytes| bytes.truncate(1000),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let place = place();
        note(&place.open().0, "lost");
        let mut bytes = fs::read(&place.path).expect("the file");
        change(&mut bytes);
        fs::write(&place.path, &bytes).expect("the file");

        let (breadcrumbs, previous) = place.open();
        assert!(previous.trouble.is_some(), "change {number}");
        assert_eq!(shown(&breadcrumbs), [""; 0]);
        note(&breadcrumbs, "kept");
        drop(breadcrumbs);
        let (breadcrumbs, previous) = place.open();
        assert_eq!(previous.trouble, None);
        assert_eq!(shown(&breadcrumbs), ["kept"]);
    }
}

#[test]
fn a_file_whose_creation_was_interrupted_is_finished_without_a_word() {
    for length in [0, 5, 8, 512, 4096, file_words(8) * 8] {
        let place = place();
        fs::write(&place.path, vec![0; length]).expect("a file");
        let (breadcrumbs, previous) = place.open();
        assert_eq!(previous.trouble, None, "{length} bytes");
        note(&breadcrumbs, "kept");
        assert_eq!(shown(&breadcrumbs), ["kept"]);
    }
}

#[test]
fn a_place_where_no_file_can_be_keeps_them_in_memory() {
    let place = place();
    let nowhere = place.path.join("missing").join(FILE);
    let (breadcrumbs, previous) = Breadcrumbs::open(Some(&nowhere), BreadcrumbOptions::default());
    assert!(previous.trouble.is_some());
    note(&breadcrumbs, "kept for now");
    assert_eq!(shown(&breadcrumbs), ["kept for now"]);
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone_and_has_no_holes() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let place = place();
    let open = place.open();
    let metadata = fs::metadata(&place.path).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let has_holes = || {
        let file = fs::File::open(&place.path).expect("a file");
        file.sync_all().expect("a sync");
        let metadata = file.metadata().expect("its size");
        metadata.blocks() * 512 < metadata.len()
    };
    assert!(!has_holes());
    drop(open);
    // As a creation that was interrupted may leave it.
    let file = fs::File::create(&place.path).expect("a file");
    file.set_len(file_words(64) as u64 * 8).expect("a hole");
    assert!(has_holes());
    let _open = place.open_with(64);
    assert!(!has_holes());
}

#[test]
fn after_a_wipe_the_file_holds_nothing_and_takes_nothing_until_it_is_reopened() {
    let place = place();
    let (breadcrumbs, _) = place.open();
    note(&breadcrumbs, "a patient's name");
    breadcrumbs.wipe();
    note(&breadcrumbs, "a patient's name");
    breadcrumbs.clear();
    note(&breadcrumbs, "a patient's name");
    let bytes = fs::read(&place.path).expect("the file");
    assert!(!bytes.windows(7).any(|window| window == b"patient"));
    breadcrumbs.reopen();
    note(&breadcrumbs, "allowed");
    assert_eq!(shown(&breadcrumbs), ["allowed"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_in_the_file_stop_a_start(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..20),
        keep_prefix: bool,
    ) {
        let place = place();
        let (breadcrumbs, _) = place.open();
        breadcrumbs.begin_session(SESSION);
        let written: Vec<String> = (0..12).map(|number| format!("message {number}")).collect();
        written.iter().for_each(|message| note(&breadcrumbs, message));
        drop(breadcrumbs);
        let mut bytes = fs::read(&place.path).expect("the file");
        let (words, _) = bytes.as_chunks_mut::<8>();
        for (index, value) in damage {
            let from = if keep_prefix { 32 } else { 0 };
            let index = from + index.index(words.len() - from);
            words[index] = value.to_le_bytes();
        }
        fs::write(&place.path, &bytes).expect("the file");

        // What is damaged is gone; what is there is what was written, in order, and it goes on.
        let (breadcrumbs, previous) = place.open();
        prop_assert_eq!(previous.trouble.is_some() && keep_prefix, false);
        let mut expected = written.iter().rev();
        for message in shown(&breadcrumbs) {
            prop_assert!(expected.any(|written| *written == message), "{}", message);
        }
        note(&breadcrumbs, "after");
        prop_assert_eq!(&shown(&breadcrumbs)[0], "after");
    }

    #[test]
    fn a_file_of_any_bytes_is_begun_anew(
        bytes in prop::collection::vec(any::<u8>(), 0..6000),
    ) {
        let place = place();
        fs::write(&place.path, &bytes).expect("a file");
        let (breadcrumbs, _) = place.open();
        note(&breadcrumbs, "kept");
        prop_assert_eq!(shown(&breadcrumbs), ["kept"]);
    }
}
