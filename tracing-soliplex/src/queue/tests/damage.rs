//! Whatever happens to the bytes of a ring, it opens, and gives nothing that was not pushed.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::frame::Head;
use super::super::recovery::Unusable;
use super::*;

const CAPACITY: u64 = 1024;

/// A ring as a process leaves it: some frames released, some waiting.
fn left_behind(released: usize, frames: &[Vec<u8>]) -> Vec<u64> {
    let memory: Arc<[AtomicU64]> = (0..words(CAPACITY)).map(|_| AtomicU64::new(0)).collect();
    let ring = Ring::format(Arc::clone(&memory), ID);
    let mut cursor = Cursor::new(&ring);
    for _ in 0..released {
        // One frame always waits, or the ring would start over at its front.
        ring.push(Lane::Error, &[0; 77]).expect("room");
        cursor.free(&ring, cursor.at());
        read_all(&mut cursor, &ring);
    }
    for payload in frames {
        // Where the ring is full the rest is left out, which is as good a ring as any.
        let _ = ring.push(Lane::Error, payload);
    }
    cursor.free(&ring, cursor.at());
    memory.iter().map(|word| word.load(Relaxed)).collect()
}

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..80), 0..12)
}

fn atomics(words: &[u64]) -> Box<[AtomicU64]> {
    words.iter().map(|word| AtomicU64::new(*word)).collect()
}

/// Opens and reads to the end; the frames, or why there are none.
fn open(words: &[u64]) -> Result<Vec<Vec<u8>>, Unusable> {
    let (ring, found) = Ring::adopt(atomics(words))?;
    let mut cursor = Cursor::new(&ring);
    let frames = read_all(&mut cursor, &ring);
    assert_eq!(found.frames, frames.len() as u64);
    assert_eq!(cursor.at(), ring.tail());
    // Free to the last byte, whatever was in it.
    cursor.free(&ring, cursor.at());
    assert!(ring.push(Lane::Error, &[1; 1000]).is_ok());
    assert_eq!(read_all(&mut cursor, &ring), [vec![1; 1000]]);
    Ok(frames)
}

/// Whether all of `part` stands in `whole`, in the same order.
fn is_subsequence(part: &[Vec<u8>], whole: &[Vec<u8>]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|frame| whole.any(|other| other == frame))
}

proptest! {
    #[test]
    fn flipped_bits_cost_no_more_frames_than_they_hit(
        released in 0usize..40,
        frames in frames(),
        flips in vec((PREFIX_WORDS..words(CAPACITY), 0..64u32), 0..6),
    ) {
        let mut words = left_behind(released, &frames);
        let pushed = open(&words).expect("a ring");
        for (word, bit) in &flips {
            words[*word] ^= 1 << bit;
        }
        match open(&words) {
            Ok(read) => {
                prop_assert!(is_subsequence(&read, &pushed));
                prop_assert!(read.len() + flips.len() >= pushed.len());
            }
            // Nothing is left to go by.
            Err(unusable) => {
                prop_assert_eq!(unusable, Unusable::Damaged);
                prop_assert!(pushed.len() <= flips.len());
            }
        }
    }

    #[test]
    fn a_damaged_prefix_costs_no_wrong_frame(
        released in 0usize..40,
        frames in frames(),
        flips in vec((0..PREFIX_WORDS.min(40), 0..64u32), 1..6),
    ) {
        let mut words = left_behind(released, &frames);
        let pushed = open(&words).expect("a ring");
        for (word, bit) in flips {
            words[word] ^= 1 << bit;
        }
        if let Ok(read) = open(&words) {
            prop_assert_eq!(read, pushed);
        }
    }

    #[test]
    fn arbitrary_words_behind_a_sound_prefix_are_no_frames(
        noise in vec(any::<u64>(), words(CAPACITY) - PREFIX_WORDS),
        bounds in any::<[u64; 3]>(),
        small: bool,
    ) {
        let mut words = left_behind(0, &[]);
        words[PREFIX_WORDS..].copy_from_slice(&noise);
        for (at, bound) in [16, 32, 33].into_iter().zip(bounds) {
            words[at] = if small { bound % 4096 * 8 } else { bound };
        }
        if let Ok(read) = open(&words) {
            prop_assert!(read.is_empty());
        }
    }

    #[test]
    fn a_ring_of_another_size_is_not_read(
        frames in frames(),
        length in 0..words(CAPACITY) * 2,
    ) {
        prop_assume!(length != words(CAPACITY));
        let mut words = left_behind(3, &frames);
        words.resize(length, 0);
        prop_assert_eq!(open(&words), Err(Unusable::Size));
    }
}

#[test]
fn a_payload_that_quotes_another_frame_is_not_taken_for_it() {
    // The bytes of a frame, logged by someone who has read the file: as they are, and as they
    // would have to be at the place where they land.
    let words = left_behind(0, &[b"quoted!!".to_vec()]);
    let quoted: Vec<u8> = words[PREFIX_WORDS..PREFIX_WORDS + 3]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let mut words = left_behind(0, &[quoted]);
    // The frame around the quotation is torn, so that what is in it is looked at.
    words[PREFIX_WORDS] ^= 1;
    assert_eq!(open(&words), Ok(vec![]));
}

#[test]
fn a_file_made_to_be_checksummed_for_ever_is_given_up() {
    // Every word claims to begin a frame of the largest size that belongs where it stands.
    let claim = |place: u64| ID ^ place;
    let capacity = 256 * 1024;
    let memory: Arc<[AtomicU64]> = (0..self::words(capacity))
        .map(|_| AtomicU64::new(0))
        .collect();
    drop(Ring::format(Arc::clone(&memory), ID));
    let head = Head::decode(2 << 62 | (64 * 1024) << 32);
    for place in (0..capacity).step_by(16) {
        let index = PREFIX_WORDS + (place / 8) as usize;
        memory[index].store(head.encode(), Relaxed);
        memory[index + 1].store(claim(place), Relaxed);
    }
    assert_eq!(Ring::adopt(memory).map(|_| ()), Err(Unusable::Damaged));
}

#[test]
fn a_frame_that_changes_under_a_running_reader_is_given_up_and_the_next_is_read() {
    let memory: Arc<[AtomicU64]> = atomics(&left_behind(0, &[])).into();
    let (ring, _) = Ring::adopt(Arc::clone(&memory)).expect("a ring");
    let mut cursor = Cursor::new(&ring);
    for payload in [b"one", b"two"] {
        ring.push(Lane::Info, payload).expect("room");
    }
    memory[PREFIX_WORDS + 2].fetch_xor(1, Relaxed);

    let mut frames = Vec::new();
    let read = cursor.read(&ring, |_, payload| {
        frames.push(payload.to_vec());
        true
    });
    assert_eq!(frames, [b"two".to_vec()]);
    assert_eq!(read.damaged, 1);
}

#[test]
fn a_head_that_changes_under_a_running_reader_costs_what_is_there_and_nothing_later() {
    let memory: Arc<[AtomicU64]> = atomics(&left_behind(0, &[])).into();
    let (ring, _) = Ring::adopt(Arc::clone(&memory)).expect("a ring");
    let mut cursor = Cursor::new(&ring);
    ring.push(Lane::Info, b"one").expect("room");
    memory[PREFIX_WORDS].store(u64::MAX, Relaxed);
    assert!(read_all(&mut cursor, &ring).is_empty());

    ring.push(Lane::Info, b"two").expect("room");
    assert_eq!(read_all(&mut cursor, &ring), [b"two".to_vec()]);
}
