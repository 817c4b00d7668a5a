//! A record cut for its size is the same whoever notices: the thread that logs or the worker.

use soliplex_wire::encode::{Members, Value};
use soliplex_wire::limits::MAX_ATTRIBUTES;
use soliplex_wire::{Severity, Uuid};

use super::*;
use crate::packed::Kind;
use crate::queue::{Lane, Queue, QueueOptions};

const HEAD: PackedHead = PackedHead {
    kind: Kind::Record,
    severity: Severity::Error,
    context: 7,
    id: Uuid::from_u128(8),
    seq: 9,
    unix_nanos: 10,
};

/// As a thread packs it.
fn packed(write: impl FnOnce(&mut Members<'_>)) -> Buffer {
    let mut packed = Buffer::new();
    packed.piece(&HEAD.to_bytes(Form::Queued));
    let mut members = Members::begin(&mut packed, HEAD.severity, "test");
    write(&mut members);
    members.end();
    packed
}

/// As the spool stores it.
fn stored(packed: &[u8]) -> Vec<u8> {
    let packed = Packed::parse(packed, Form::Queued).unwrap();
    let mut out = Buffer::new();
    out.bytes(b"before");
    assert!(record(&packed, &mut out));
    out.into_vec().split_off(b"before".len())
}

fn read(stored: &[u8]) -> LogRecord {
    let packed = Packed::parse(stored, Form::Stored).unwrap();
    assert_eq!(packed.head, HEAD);
    let mut json = Vec::new();
    encode::Head::default().join(packed.body, &mut json);
    LogRecord::parse(str::from_utf8(&json).unwrap()).unwrap()
}

fn long(of: &str, bytes: usize) -> String {
    of.repeat(bytes / of.len())
}

/// Whatever the texts are made of and wherever the limit is noticed, what is stored is what cutting
/// the whole record gives.
#[test]
fn a_record_is_cut_alike_before_the_queue_and_behind_it() {
    let mut behind = 0;
    for of in ["plain ", "\u{1}", "\"", "ä\n"] {
        for bytes in [1_000, 12_000, 30_000, 60_000, 90_000] {
            let whole = LogRecord {
                severity: HEAD.severity,
                logger: "test".to_owned(),
                message: long(of, bytes),
                attributes: [("text", long(of, bytes / 2))].into_iter().collect(),
                error: Some(long(of, bytes / 3)),
                stack_trace: Some(long(of, bytes / 4)),
                ..LogRecord::default()
            };
            let mut expected = whole.clone();
            let is_cut = expected.truncate_to(MAX_MEMBER_BYTES).any();

            let mut packed = packed(|members| {
                members.attribute("text", long(of, bytes / 2).as_str());
                members.message(&whole.message);
                members.error(&long(of, bytes / 3));
                members.stack_trace(&long(of, bytes / 4));
            });
            let is_large = packed.len() > HEAD_BYTES + MAX_MEMBER_BYTES;
            behind += u32::from(is_cut && !is_large);
            if is_large {
                cut(&HEAD, &mut packed);
                packed[..HEAD_BYTES].copy_from_slice(&HEAD.to_bytes(Form::Queued));
            }
            let stored = stored(&packed);
            assert!(stored.len() <= HEAD_BYTES + MAX_MEMBER_BYTES);
            assert_eq!(read(&stored), expected, "{bytes} of {of:?}");
        }
    }
    assert!(behind > 2, "few were cut behind the queue: {behind}");
}

#[test]
fn what_was_cut_fits_the_queue_however_its_members_are_packed() {
    let key = |number: usize| format!("{number:0>256}");
    for value in ["\u{1}", "x", "\"quoted\""] {
        let value = long(value, 700);
        let mut packed = packed(|members| {
            for number in 0..MAX_ATTRIBUTES {
                members.attribute(&key(number), value.as_str());
            }
            members.message(&value);
        });
        cut(&HEAD, &mut packed);
        let (queue, _) = Queue::memory(QueueOptions::default());
        assert!(queue.push(Lane::Error, &packed).is_ok());
    }
}

#[test]
fn a_body_that_nobody_packed_leaves_nothing() {
    let mut packed = packed(|members| members.attribute("number", Value::U64(u64::MAX)));
    packed.truncate(packed.len() - "}".len() - 1);
    let packed = Packed::parse(&packed, Form::Queued).unwrap();
    let mut out = Buffer::new();
    out.bytes(b"before");
    assert!(!record(&packed, &mut out));
    assert_eq!(*out, *b"before");
}
