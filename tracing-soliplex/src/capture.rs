//! From an event to a packed record: rendered once, straight into bytes, on the thread that logs.
//! What costs more than a copy, printing numbers and escaping texts, is left to the worker
//! ([`print`](mod@crate::print)).
//!
//! In the steady state a capture allocates nothing and makes no system call: it writes into
//! buffers its thread keeps, and the queue copies them. What a record is made of is decided here;
//! that its values are clean was seen to before ([`soliplex_sanitize`]), by the stack's root or, when
//! it has none, by the layer.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use soliplex_wire::Severity;
use soliplex_wire::encode::{Buffer, Members};
use soliplex_wire::limits::MAX_RECORD_BYTES;
use tracing_core::Level;

use crate::breadcrumbs::Breadcrumbs;
use crate::capture::plan::Plans;
use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, DiscardReason};
use crate::end_of_main;
use crate::main_thread;
use crate::packed::{Form, HEAD_BYTES, PackedHead};
use crate::print::{self, MAX_MEMBER_BYTES};
use crate::queue::{Lane, Queue};
use crate::session::Session;
use crate::start_marker;
use crate::wake::Wake;

pub(crate) mod fields;
pub(crate) mod plan;
mod render;
pub(crate) mod visitor;

/// A buffer that one huge record has grown beyond this is not kept: four records at their limit.
const MAX_KEPT_BYTES: usize = 4 * MAX_RECORD_BYTES;

/// Turns what happened into packed records and puts them into the queue.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) session: Arc<Session>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) diagnostics: Arc<Diagnostics>,
    pub(crate) wake: Arc<Wake>,
    pub(crate) breadcrumbs: Arc<Breadcrumbs>,
    /// What is known of each callsite, for all layers.
    pub(crate) plans: Plans,
    pub(crate) enabled: AtomicBool,
    pub(crate) denied: AtomicBool,
    /// How often consent was withdrawn.
    pub(crate) withdrawals: AtomicU64,
    /// How often what spans had told was to be forgotten.
    pub(crate) forgotten: AtomicU64,
    /// Whether the queue's file is not ours at present.
    pub(crate) barred: AtomicBool,
}

/// The texts of a record that are gathered before they are written.
#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) message: String,
    /// Whether the message has been written already.
    pub(crate) message_is_written: bool,
    pub(crate) error: String,
    pub(crate) stack_trace: String,
    /// The attributes written so far that are no fields of the event.
    pub(crate) inherited: Vec<&'static str>,
}

/// Texts on their way into a record.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Where a value is rendered before it is written.
    pub(crate) rendered: String,
    /// The names of the enclosing spans.
    pub(crate) path: String,
}

impl Capture {
    /// Captures one record. `write` writes its attributes and gathers its texts.
    ///
    /// Never blocks, never fails: what the queue refuses is counted.
    pub(crate) fn record(
        &self,
        severity: Severity,
        logger: &str,
        write: impl FnOnce(&mut Members<'_>, &mut Texts),
    ) {
        self.record_opened(
            severity,
            None,
            |packed| Members::begin(packed, severity, logger),
            |members, texts, _| write(members, texts),
        );
    }

    /// The same for a record that `open` begins, of what happened then, if that is known, or now.
    pub(crate) fn record_opened(
        &self,
        severity: Severity,
        then: Option<i64>,
        open: impl for<'a> FnOnce(&'a mut Buffer) -> Members<'a>,
        write: impl FnOnce(&mut Members<'_>, &mut Texts, &mut Scratch),
    ) {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        // Who sees that consent was given again sees the session that began with it.
        if !is(&self.enabled) || self.denied.load(Ordering::Acquire) {
            return;
        }
        let unix_nanos = then.unwrap_or_else(|| self.clock.unix_nanos());
        if is(&self.barred) {
            return self.bounce(severity, unix_nanos);
        }
        self.note_time(unix_nanos);
        with_buffers(|buffers| {
            let Buffers {
                packed,
                texts,
                scratch,
            } = buffers;
            // The head's place; it is filled in last, so that a value that logs while it is
            // rendered has the lower number.
            packed.piece(&[0; HEAD_BYTES]);
            let mut members = open(packed);
            write(&mut members, texts, scratch);
            if !texts.message_is_written {
                members.message(&texts.message);
            }
            if !texts.error.is_empty() {
                members.error(&texts.error);
            }
            if !texts.stack_trace.is_empty() {
                members.stack_trace(&texts.stack_trace);
            }
            self.session.bound.write(&mut members);
            members.end();

            let head = self.session.head(severity, unix_nanos);
            if packed.len() > HEAD_BYTES + MAX_MEMBER_BYTES {
                print::cut(&head, packed);
            }
            if let Some(place) = packed.first_chunk_mut() {
                head.write_to(place, Form::Queued);
            }
            self.push(&head, packed);
        });
    }

    /// Gives up an event that must not be looked at, as if it had been captured.
    #[cold]
    pub(crate) fn refuse(&self, reason: DiscardReason) {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if is(&self.enabled) && !is(&self.denied) {
            self.diagnostics.captured.fetch_add(1, Ordering::Relaxed);
            self.diagnostics.discard(reason, 1);
        }
    }

    /// Gives up an event for which there is no queue. It takes a number all the same, which a gap can
    /// tell of when this process ends before it can.
    #[cold]
    fn bounce(&self, severity: Severity, unix_nanos: i64) {
        let head = self.session.head(severity, unix_nanos);
        self.diagnostics.captured.fetch_add(1, Ordering::Relaxed);
        self.count_refused(&head);
    }

    /// Counts a record for which there was no room.
    #[cold]
    pub(crate) fn count_refused(&self, head: &PackedHead) {
        // First for the next start: this process may end here.
        self.session.run.refuse();
        self.diagnostics
            .discard_record(DiscardReason::QueueFull, head);
    }

    /// Notes the time of what is about to be captured or kept, and that its thread goes on. Does
    /// nothing more than once a second, unless a thread has panicked.
    #[inline]
    pub(crate) fn note_time(&self, unix_nanos: i64) {
        main_thread::seen();
        if self.session.is_to_note(unix_nanos) {
            start_marker::note_time(self);
        }
    }

    /// Whether anything that is logged may be kept at present.
    pub(crate) fn takes(&self) -> bool {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is(&self.enabled) && !is(&self.denied) && !is(&self.barred)
    }

    /// Captures something the application has told us and no layer sees, and keeps it as a
    /// breadcrumb; all of it is clean. Returns whether anything is captured at present.
    pub(crate) fn tell(
        &self,
        logger: &str,
        message: &str,
        breadcrumb: &str,
        write: impl FnOnce(&mut Members<'_>),
    ) -> bool {
        if !self.takes() {
            return false;
        }
        self.record(Severity::Info, logger, |members, texts| {
            write(members);
            texts.message.push_str(message);
        });
        let now = self.clock.unix_nanos();
        self.breadcrumbs
            .note(Severity::Info, now, logger, breadcrumb);
        true
    }

    /// Nobody logs any more. What is in memory only, and not stored yet, is lost then: that is no end
    /// in order.
    pub(crate) fn is_left(&self) {
        if self.queue.is_durable() {
            self.session.run.left(self.clock.moment());
        }
    }

    /// The same of a `main` that was seen to go on after every panic there was.
    pub(crate) fn is_left_in_order(&self) {
        if self.queue.is_durable() {
            self.session.run.survived();
        }
        self.is_left();
    }

    /// Tells the run's marker of a panic in this thread.
    pub(crate) fn note_panic(&self) {
        let now = self.clock.moment();
        self.session.run.panicked(now, end_of_main::ends_within());
    }

    fn push(&self, head: &PackedHead, packed: &[u8]) {
        self.diagnostics.captured.fetch_add(1, Ordering::Relaxed);
        match self.queue.push(Lane::from(head.severity), packed) {
            Ok(pushed) if pushed.reached_half => self.wake.rouse(),
            Ok(_) => {}
            Err(_) => self.count_refused(head),
        }
        if head.severity >= Severity::Error {
            self.wake.note_urgent();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // The worker, if there is one, is about to find out; the process may not live to see it.
        match main_thread::is_unwound_here() {
            true => self.note_panic(),
            false => self.is_left(),
        }
    }
}

/// The severity of a level.
pub(crate) fn severity(level: &Level) -> Severity {
    match *level {
        Level::TRACE => Severity::Trace,
        Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warn,
        Level::ERROR => Severity::Error,
    }
}

/// What a thread keeps, so that no record costs it an allocation.
#[derive(Default)]
struct Buffers {
    packed: Buffer,
    texts: Texts,
    scratch: Scratch,
}

/// Lends this thread's buffers to `use_them`, empty.
///
/// They are taken out while in use: a value that logs while it is rendered gets buffers of its
/// own, and so does a thread that is already ending.
fn with_buffers(use_them: impl FnOnce(&mut Buffers)) {
    thread_local! {
        static KEPT: Cell<Option<Box<Buffers>>> = const { Cell::new(None) };
    }
    let mut buffers = match KEPT.try_with(Cell::take) {
        Ok(Some(buffers)) => buffers,
        Ok(None) => {
            end_of_main::watch_this_thread();
            Box::default()
        }
        Err(_) => Box::default(),
    };
    use_them(&mut buffers);
    buffers.clear();
    if buffers.capacity() <= MAX_KEPT_BYTES {
        let _ = KEPT.try_with(|kept| kept.set(Some(buffers)));
    }
}

impl Buffers {
    #[inline]
    fn clear(&mut self) {
        let Texts {
            message,
            message_is_written,
            error,
            stack_trace,
            inherited,
        } = &mut self.texts;
        for text in [message, error, stack_trace, &mut self.scratch.path] {
            text.clear();
        }
        *message_is_written = false;
        inherited.clear();
        self.packed.clear();
    }

    #[inline]
    fn capacity(&self) -> usize {
        let texts = [
            &self.texts.message,
            &self.texts.error,
            &self.texts.stack_trace,
            &self.scratch.rendered,
            &self.scratch.path,
        ];
        let texts: usize = texts.iter().map(|text| text.capacity()).sum();
        self.packed.capacity() + texts
    }
}
