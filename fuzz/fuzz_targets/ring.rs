//! The queue's file, whatever its bytes, opens or is set aside, and gives only what was pushed. What
//! was pushed, whatever its bytes, is printed or refused.
//!
//! An input whose first byte is odd is the file. Any other is a list of changes to a file that a
//! process has left behind: four bytes each, where (three) and what to exclusive-or (one); an odd
//! byte at the end cuts the file there, in 256ths. Either is a record's packed members, too, and a text
//! to pack.
//!
//! `fuzz/run ring`
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs, process};

use libfuzzer_sys::fuzz_target;
use soliplex_wire::Severity;
use soliplex_wire::encode::{Buffer, Members, print};

// The queue is private to its crate; its source is compiled here as it stands, which leaves the
// crate without a door that only a fuzz target would use.
#[path = "../../tracing-soliplex/src"]
#[allow(dead_code, unused_imports, unreachable_pub, unsafe_code)]
mod client {
    pub(crate) mod queue;
}
// Where the queue's source looks for them.
#[path = "../../tracing-soliplex/src/in_place.rs"]
#[allow(unreachable_pub)]
mod in_place;
#[path = "../../tracing-soliplex/src/map.rs"]
#[allow(dead_code, unreachable_pub, unsafe_code)]
mod map;

use client::queue::{Lane, Queue, QueueOptions};

/// The smallest there is, so that there is little to write for each input.
const OPTIONS: QueueOptions = QueueOptions { capacity_bytes: 0 };

/// What one process left behind.
struct Left {
    path: PathBuf,
    bytes: Vec<u8>,
    payloads: Vec<Vec<u8>>,
}

fuzz_target!(|input: &[u8]| {
    static LEFT: OnceLock<Left> = OnceLock::new();
    let left = LEFT.get_or_init(leave);
    let bytes = match input.first() {
        Some(first) if first % 2 == 1 => input.to_vec(),
        _ => damaged(&left.bytes, input.get(1..).unwrap_or_default()),
    };
    fs::write(&left.path, bytes).expect("a file");
    check(&left.path, &left.payloads);
    check_printing(input);
    check_packing(&String::from_utf8_lossy(input));
});

/// A file with a lap behind it, frames waiting across its end, and one of each kind of payload.
fn leave() -> Left {
    let path = env::temp_dir().join(format!("soliplex-fuzz-ring-{}", process::id()));
    let (queue, mut reader, _) = Queue::open(&path, OPTIONS);
    // One frame always waits, or the ring would start over at its front.
    let filler = vec![0; 50_000];
    let mut released = reader.position();
    for _ in 0..5 {
        queue.push(Lane::Error, &filler).expect("room");
        reader.release(released);
        released = reader.drain(usize::MAX, |_| ()).end;
    }
    let payloads: Vec<Vec<u8>> = (0..40u8)
        .map(|number| vec![number; usize::from(number) * 37])
        .collect();
    for payload in &payloads {
        queue.push(Lane::Error, payload).expect("room");
    }
    reader.release(released);
    drop((queue, reader));
    let bytes = fs::read(&path).expect("the file");
    Left {
        path,
        bytes,
        payloads,
    }
}

fn damaged(bytes: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (changes, cut) = changes.as_chunks();
    for [a, b, c, change] in changes {
        let place = u32::from_le_bytes([*a, *b, *c, 0]) as usize % bytes.len();
        bytes[place] ^= change;
    }
    if let [cut] = cut {
        bytes.truncate(bytes.len() / 256 * usize::from(*cut));
    }
    bytes
}

fn check(path: &Path, pushed: &[Vec<u8>]) {
    let (queue, mut reader, _) = Queue::open(path, OPTIONS);
    let mut pushed = pushed.iter();
    let drained = reader.drain(usize::MAX, |frame| {
        assert!(
            pushed.any(|payload| payload == frame.payload),
            "what comes out was pushed, in this order"
        );
    });
    assert_eq!(drained.damaged, 0, "recovery leaves nothing torn");
    reader.release(drained.end);
    assert_eq!(queue.fill().used, 0);
    queue.push(Lane::Error, b"goes on").expect("room");
    let drained = reader.drain(usize::MAX, |frame| assert_eq!(frame.payload, b"goes on"));
    assert_eq!(drained.frames, 1);
}

/// Members that nobody packed: a frame whose checksum is right by chance.
fn check_printing(packed: &[u8]) {
    let mut members = Buffer::new();
    let printed = print(packed, &mut members);
    assert!(members.len() <= 12 * packed.len());
    assert!(printed.is_ok() || members.is_empty());
}

/// A text is read back from what is printed as it was packed, and so is a number.
fn check_packing(text: &str) {
    let number = text
        .bytes()
        .fold(0, |number, byte| number << 8 | i64::from(byte));
    let (mut packed, mut members) = (Buffer::new(), Buffer::new());
    members.piece(b"{");
    let mut writer = Members::begin(&mut packed, Severity::Info, text);
    writer.attribute("number", number);
    writer.attribute("text", text);
    writer.message(text);
    writer.end();
    print(&packed, &mut members).expect("what was packed");
    members.piece(b"}");
    let read: serde_json::Value = serde_json::from_slice(&members).expect("JSON");
    let attributes = serde_json::json!({"number": number, "text": text});
    assert_eq!(read["attributes"], attributes);
    assert_eq!(
        (&read["logger"], &read["message"]),
        (&text.into(), &text.into())
    );
}
