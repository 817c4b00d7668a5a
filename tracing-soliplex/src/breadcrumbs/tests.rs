//! The breadcrumbs beside a naive model, between any two stores, damaged, raced, and as an
//! application meets them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use soliplex_wire::Severity;

use super::file::file_words;
use super::ring::{Entry, Found, Ring};
use super::slot::Slot;
use super::text::Text;
use super::word::Word;
use super::*;

mod crash;
mod files;
mod follow;
mod interleavings;
mod kill;
mod layers;
mod model;
mod reports;

/// A ring over plain words.
type HeapRing = Ring<Arc<[AtomicU64]>>;

fn heap_ring(slots: u64) -> HeapRing {
    Ring::format(zeros(slots))
}

fn zeros(slots: u64) -> Arc<[AtomicU64]> {
    (0..file_words(slots)).map(|_| AtomicU64::new(0)).collect()
}

/// What a process that ends now would leave.
fn copy_of(ring: &HeapRing) -> Arc<[AtomicU64]> {
    let words = ring.memory().iter();
    words
        .map(|word| AtomicU64::new(word.load(Relaxed)))
        .collect()
}

fn write<W: Word, M: std::ops::Deref<Target = [W]>>(ring: &Ring<M>, message: &str) -> Option<u64> {
    Text::with(|text| {
        text.begin("app");
        text.push(message);
        let (head, text) = text.finish(Severity::Info);
        ring.write(&Entry {
            unix_nanos: 7,
            session: ring.session(),
            head,
            text,
        })
    })
}

/// The messages that are there, oldest first.
fn messages<W: Word, M: std::ops::Deref<Target = [W]>>(ring: &Ring<M>) -> Vec<String> {
    let tail = ring.tail();
    let mut slot = Slot::new();
    let mut messages = Vec::new();
    for ticket in ring.oldest(tail)..tail {
        if ring.read(ticket, &mut slot) == Found::Whole {
            messages.push(slot.texts().expect("text").message.to_owned());
        }
    }
    messages
}
