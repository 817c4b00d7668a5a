//! Files as the start may find them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::recovery::Unusable;
use super::super::{Fallback, Queue, QueueOptions, Reader, Recovered};
use super::*;

const SMALL: QueueOptions = QueueOptions {
    capacity_bytes: 256 * 1024,
};

struct Place {
    /// Removed when the test ends.
    _dir: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("queue");
    Place { _dir: dir, path }
}

fn open(path: &Path) -> (Arc<Queue>, Reader, Recovered) {
    Queue::open(path, SMALL)
}

fn push(queue: &Queue, payload: &str) {
    queue.push(Lane::Info, payload.as_bytes()).expect("room");
}

fn texts(reader: &mut Reader) -> Vec<String> {
    let mut texts = Vec::new();
    let _ = reader.drain(usize::MAX, |frame| {
        texts.push(String::from_utf8_lossy(frame.payload).into_owned());
    });
    texts
}

#[test]
fn what_was_pushed_is_read_by_the_next_start_and_once_released_no_more() {
    let place = place();
    let (queue, reader, recovered) = open(&place.path);
    assert!(queue.is_durable());
    assert_eq!(recovered.torn, 0);
    push(&queue, "one");
    push(&queue, "two");
    drop((queue, reader));

    let (queue, mut reader, recovered) = open(&place.path);
    assert_eq!(recovered.torn, 0);
    assert_eq!(texts(&mut reader), ["one", "two"]);
    let drained = reader.drain(usize::MAX, |_| ());
    reader.release(drained.end);
    push(&queue, "three");
    drop((queue, reader));

    let (_queue, mut reader, _) = open(&place.path);
    assert_eq!(texts(&mut reader), ["three"]);
}

#[test]
fn frames_that_were_stored_but_not_released_are_discarded_by_their_position() {
    let place = place();
    let (queue, mut reader, _) = open(&place.path);
    push(&queue, "stored");
    let stored = reader.drain(usize::MAX, |_| ()).end;
    push(&queue, "not stored");
    drop((queue, reader));

    let (_queue, mut reader, _) = open(&place.path);
    assert_eq!(reader.discard_through(stored, |_| true), 1);
    assert_eq!(texts(&mut reader), ["not stored"]);
}

#[test]
fn an_empty_ring_of_another_capacity_is_replaced_and_one_in_use_is_kept() {
    let place = place();
    let larger = QueueOptions {
        capacity_bytes: 1024 * 1024,
    };
    let (queue, reader, _) = open(&place.path);
    push(&queue, "before the upgrade");
    drop((queue, reader));

    let (queue, mut reader, _) = Queue::open(&place.path, larger);
    assert_eq!(queue.fill().capacity, SMALL.capacity_bytes);
    assert_eq!(texts(&mut reader), ["before the upgrade"]);
    reader.release(reader.position());
    drop((queue, reader));

    let (queue, _reader, recovered) = Queue::open(&place.path, larger);
    assert_eq!(queue.fill().capacity, larger.capacity_bytes);
    assert!(recovered.set_aside.is_none() && recovered.fallback.is_none());
    assert_eq!(
        fs::metadata(&place.path).expect("a file").len(),
        4096 + larger.capacity_bytes
    );
}

#[test]
fn a_ring_that_a_sleeping_process_has_mapped_keeps_its_file() {
    let place = place();
    let larger = QueueOptions {
        capacity_bytes: 1024 * 1024,
    };
    let (asleep, _reader, _) = open(&place.path);
    asleep.unlock().expect("unlocked");
    let (awake, _, _) = Queue::open_beside(&place.path, larger);
    assert_eq!(awake.fill().capacity, SMALL.capacity_bytes);
    drop(awake);
    asleep.relock().expect("the same file");
    push(&asleep, "awake again");
    asleep.unlock().expect("unlocked");
    let (_awake, mut reader, _) = Queue::open_beside(&place.path, larger);
    assert_eq!(texts(&mut reader), ["awake again"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_replaced_meanwhile_is_not_taken_again() {
    let place = place();
    let (queue, _reader, _) = open(&place.path);
    queue.unlock().expect("unlocked");
    fs::remove_file(&place.path).expect("removed");
    queue.relock().expect_err("no file");
    let (_other, _, _) = open(&place.path);
    queue.relock().expect_err("another file");
}

/// A ring with a frame in it is changed by `damage`; the next start sets it aside for `reason`.
fn check_set_aside(reason: Unusable, damage: impl FnOnce(&mut Vec<u8>)) {
    let place = place();
    let (queue, reader, _) = open(&place.path);
    push(&queue, "lost");
    drop((queue, reader));
    let mut bytes = fs::read(&place.path).expect("the file");
    damage(&mut bytes);
    fs::write(&place.path, &bytes).expect("the file");

    let (queue, mut reader, recovered) = open(&place.path);
    let set_aside = recovered.set_aside.expect("a file set aside");
    assert_eq!(set_aside.reason, reason);
    assert_eq!(fs::read(&set_aside.path).expect("the file"), bytes);
    assert!(recovered.fallback.is_none());
    assert_eq!(texts(&mut reader), [""; 0]);
    push(&queue, "kept");
    drop((queue, reader));
    let (_queue, mut reader, recovered) = open(&place.path);
    assert!(recovered.set_aside.is_none());
    assert_eq!(texts(&mut reader), ["kept"]);
}

#[test]
fn a_file_that_is_no_ring_is_set_aside() {
    check_set_aside(Unusable::Foreign, |bytes| {
        bytes[..8].copy_from_slice(b"SQLite f")
    });
}

#[test]
fn a_file_of_another_version_is_set_aside() {
    // One of the version before this one, and one of a version to come.
    for version in [2, 4] {
        check_set_aside(Unusable::Version, |bytes| bytes[8] = version);
    }
}

#[test]
fn a_file_with_a_damaged_prefix_is_set_aside() {
    check_set_aside(Unusable::Damaged, |bytes| bytes[24] ^= 1);
}

/// The kernel writes pages in an order of its own.
#[test]
fn a_file_that_lost_its_first_page_to_a_power_cut_is_set_aside() {
    check_set_aside(Unusable::Damaged, |bytes| bytes[..4096].fill(0));
}

#[test]
fn a_file_that_was_cut_is_set_aside() {
    for length in [8, 4000, 4096, 4104, 5000, 100_000] {
        check_set_aside(Unusable::Size, |bytes| bytes.truncate(length));
    }
}

#[test]
fn a_file_that_has_grown_is_set_aside() {
    check_set_aside(Unusable::Size, |bytes| bytes.push(0));
    check_set_aside(Unusable::Size, |bytes| bytes.extend([0; 4096]));
}

#[test]
fn only_the_last_file_set_aside_is_kept() {
    let place = place();
    for round in 0..3u8 {
        fs::write(&place.path, [b'x', round]).expect("a file");
        let (_, _, recovered) = open(&place.path);
        let path = recovered.set_aside.expect("a file set aside").path;
        assert_eq!(fs::read(path).expect("the file"), [b'x', round]);
    }
    let files = fs::read_dir(place.path.parent().expect("a parent")).expect("a directory");
    assert_eq!(files.count(), 2);
}

#[test]
fn a_file_whose_creation_was_interrupted_is_finished_without_a_word() {
    for length in [0, 5, 8, 4096, 70_000, 4096 + 256 * 1024] {
        let place = place();
        fs::write(&place.path, vec![0; length]).expect("a file");
        let (queue, _reader, recovered) = open(&place.path);
        assert!(queue.is_durable(), "{length} bytes");
        assert!(recovered.set_aside.is_none(), "{length} bytes");
    }
}

#[test]
fn a_file_in_use_gives_a_ring_in_memory() {
    let place = place();
    let (first, mut reader, _) = open(&place.path);
    push(&first, "theirs");
    let (second, _second_reader, recovered) = open(&place.path);
    assert!(matches!(recovered.fallback, Some(Fallback::InUse)));
    assert!(!second.is_durable());
    push(&second, "ours");
    assert_eq!(texts(&mut reader), ["theirs"]);
}

#[test]
fn a_place_where_no_file_can_be_gives_a_ring_in_memory() {
    let place = place();
    let (queue, mut reader, recovered) = open(&place.path.join("missing").join("queue"));
    assert!(matches!(recovered.fallback, Some(Fallback::Open(_))));
    push(&queue, "kept for now");
    assert_eq!(texts(&mut reader), ["kept for now"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_gives_a_ring_in_memory() {
    // The one file that is always on a full disk.
    let place = place();
    std::os::unix::fs::symlink("/dev/full", &place.path).expect("a link");
    let (queue, _reader, recovered) = open(&place.path);
    assert!(recovered.fallback.is_some(), "{recovered:?}");
    assert!(!queue.is_durable());
    push(&queue, "kept for now");
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let _open = open(&place.path);
    let mode = fs::metadata(&place.path)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(target_os = "linux")]
#[test]
fn a_new_file_has_no_holes() {
    use std::os::unix::fs::MetadataExt;
    let place = place();
    let _open = open(&place.path);
    let metadata = fs::metadata(&place.path).expect("a file");
    fs::File::open(&place.path)
        .and_then(|file| file.sync_all())
        .expect("a sync");
    assert!(metadata.blocks() * 512 >= metadata.len());
}

#[test]
fn what_is_asked_for_is_rounded_up_and_kept_within_bounds() {
    for (asked, given) in [
        (0, 256 * 1024),
        (256 * 1024 + 1, 512 * 1024),
        (4 * 1024 * 1024, 4 * 1024 * 1024),
        (u64::MAX, 64 * 1024 * 1024),
    ] {
        let (queue, _reader) = Queue::memory(QueueOptions {
            capacity_bytes: asked,
        });
        assert_eq!(queue.fill().capacity, given);
    }
}

#[test]
fn debug_output_shows_no_record() {
    let (queue, reader) = Queue::memory(SMALL);
    push(&queue, "a patient's name");
    let text = format!("{queue:?} {reader:?}");
    assert!(text.contains("used: 32"), "{text}");
    assert!(!text.contains("patient"), "{text}");
}
