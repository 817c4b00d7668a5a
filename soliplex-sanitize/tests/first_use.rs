//! What the standard rules cost a process that uses them for the first time, in time and memory.
//!
//! A test program of its own, because its allocator counts and nothing may have been built before.
//! `cargo test --release -p soliplex-sanitize --test first_use -- --nocapture` prints the figures.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use soliplex_sanitize::Rules;

/// The system's allocator, counting the bytes that are held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came, and counting neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise about `pointer` and `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A line that goes through keys, addresses, vendors' keys and folded text.
const LINE: &str = "user=ann@example.com password=hunter2 from 10.0.0.1 %40 sk_live_0123456789abcdef01 https://hooks.slack.com/services/T0/B0/qKirRWalryBGqKirRWalryBG";

/// The allowance of a phone: 2 MB, where a lazily built automaton of the same patterns takes 64.
const MOST_BYTES: usize = 2 << 20;

#[test]
fn the_standard_rules_fit_a_phone() {
    let check = |name: &str, rules: fn() -> Rules| {
        let (held, start) = (HELD.load(Ordering::Relaxed), Instant::now());
        let rules = rules();
        let built = start.elapsed();
        assert_ne!(rules.sanitize(LINE), LINE);
        let first = start.elapsed() - built;
        let held = HELD.load(Ordering::Relaxed) - held;
        println!("{name}: {built:.1?} to build, {first:.1?} for the first line, {held} bytes kept");
        assert!(held < MOST_BYTES, "{name} keeps {held} bytes");
    };
    check("standard", Rules::standard);
    check("dod", Rules::dod);
}
