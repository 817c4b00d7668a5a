//! An event that no rule touches is rewritten without a single allocation.
//!
//! A test program of its own, because its allocator counts.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
};

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{Dispatch, dispatcher, field, info, info_span};
use tracing_core::{Event, Field, Subscriber, field::Visit, span};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

/// The system's allocator, counting what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came; counting touches only a
// thread-local without a destructor, which neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise about `pointer` and `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise about all three is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reads all values and keeps none.
struct Reading;

impl Visit for Reading {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        black_box((field, value));
    }
}

impl<S: Subscriber> Layer<S> for Reading {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Reading);
    }

    fn on_record(&self, _: &span::Id, record: &span::Record<'_>, _: Context<'_, S>) {
        record.record(&mut Reading);
    }
}

/// Counts the allocations of `log` below a root with the standard rules, once it has run before.
fn check(what: &str, log: impl Fn()) {
    let stack = Registry::default().with(Reading);
    let dispatch: Dispatch = stack.sanitize(Rules::standard()).into();
    dispatcher::with_default(&dispatch, || {
        for _ in 0..3 {
            log();
        }
        let before = ALLOCATIONS.get();
        for _ in 0..100 {
            log();
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{what}");
    });
}

#[test]
fn a_clean_event_allocates_nothing() {
    check("a message", || info!("request finished"));
    check("a formatted message", || {
        info!("worker {} took {} ms", 7, 113)
    });
    check("typed fields", || {
        info!(
            status = 200,
            elapsed_ms = 17.5,
            cached = true,
            method = "GET",
            route = "/threads/list",
            state = ?Some("ready"),
            wide = 1_i128,
            "request finished"
        );
    });
    check("text that its name might give away", || {
        info!(request = "r-12345", "took {} ms", 123_456)
    });
    check("long numbers", || {
        info!(
            at = 1_700_000_000_123_u64,
            seq = 9_007_199_254_740_993_i64,
            "tick"
        )
    });
    check("bytes", || info!(bytes = &b"plain bytes"[..]));
    check("thirty-two fields", || {
        info!(
            f01 = 1,
            f02 = 2,
            f03 = 3,
            f04 = 4,
            f05 = 5,
            f06 = 6,
            f07 = 7,
            f08 = 8,
            f09 = 9,
            f10 = 10,
            f11 = 11,
            f12 = 12,
            f13 = 13,
            f14 = 14,
            f15 = 15,
            f16 = 16,
            f17 = 17,
            f18 = 18,
            f19 = 19,
            f20 = 20,
            f21 = 21,
            f22 = 22,
            f23 = 23,
            f24 = 24,
            f25 = 25,
            f26 = 26,
            f27 = "a",
            f28 = "b",
            f29 = "c",
            f30 = "d",
            f31 = "e",
            "message"
        );
    });
}

#[test]
fn a_clean_late_record_allocates_nothing() {
    let stack = Registry::default().with(Reading);
    let dispatch: Dispatch = stack.sanitize(Rules::standard()).into();
    dispatcher::with_default(&dispatch, || {
        let span = info_span!("s", state = field::Empty);
        for _ in 0..3 {
            span.record("state", "ready");
        }
        let before = ALLOCATIONS.get();
        span.record("state", "ready").record("state", 7);
        assert_eq!(ALLOCATIONS.get(), before);
    });
}

#[test]
fn a_huge_event_does_not_pin_its_memory_for_ever() {
    let stack = Registry::default().with(Reading);
    let dispatch: Dispatch = stack.sanitize(Rules::standard()).into();
    dispatcher::with_default(&dispatch, || {
        let long = "word ".repeat(100_000);
        info!(long);
        let before = ALLOCATIONS.get();
        info!(long);
        assert_ne!(
            ALLOCATIONS.get(),
            before,
            "its memory was given back and is asked for again"
        );
    });
}
