//! A program that ends in the way its first argument says, with its store where the second says.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::env::args;
use std::panic::{self, AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::exit;
use std::thread;
use std::time::{Duration, Instant};

use tracing_soliplex::{NetworkKind, PanicHook, Soliplex, StartError};

fn main() -> Result<(), StartError> {
    let mut args = args().skip(1);
    let end = args.next().unwrap_or_default();
    let store = PathBuf::from(args.next().unwrap_or_default());
    let is = |word: &str| end.contains(word);
    let hook = match is("hook off") {
        true => PanicHook::Off,
        false => PanicHook::default(),
    };
    let builder = || {
        let builder = Soliplex::builder("tested-end", "1").panic_hook(hook);
        builder.store_dir(&store)
    };
    if is("start refused") {
        let early = builder().early()?;
        if !is("no layer") {
            std::mem::forget(early.export_layer());
        }
        let started = early.endpoint("no url").start();
        match started {
            Err(_) if is("panics") => panics(),
            Err(_) if is("aborts") => std::process::abort(),
            started => drop(started),
        }
        if !is("started again") {
            return Ok(());
        }
    }
    let soliplex = match is("started elsewhere") {
        true => thread::scope(|scope| {
            let started = scope.spawn(|| builder().start());
            started.join().unwrap_or_else(|_| exit(101))
        }),
        false => builder().start(),
    }?;
    // It goes on until the process ends, as under a global subscriber.
    std::mem::forget(soliplex.export_layer());
    if is("hook replaced") {
        panic::set_hook(Box::new(|_| ()));
    }
    if is("second pipeline") {
        let second = Soliplex::builder("tested-end", "2").store_dir(store.join("second"));
        std::mem::forget(second.start()?);
    }
    // So that it is told of main's end whether or not it lets go of the handle.
    let kept = is("kept").then(|| soliplex.clone());
    if is("an early thread-local") {
        keep_for_last(&soliplex, &end);
    }
    if is("a panic of its own") {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _guard = is("shut down by a guard").then(|| Guard(soliplex.clone()));
            panics()
        }));
    }
    if is("another thread's panic") {
        let panicked = thread::spawn(|| panics()).join();
        if let (true, Err(panic)) = (is("carries on"), panicked) {
            resume_unwind(panic);
        }
    }
    if is("lives on") {
        let caught = Duration::from_secs(10) + Duration::from_millis(500);
        wait_until(|| panicked(&store).is_none_or(|lived_on| lived_on > caught));
    }
    if is("main has logged") {
        soliplex.network_changed(NetworkKind::Wifi, true);
    }
    if is("shut down at once") {
        let _ = soliplex.shutdown(Duration::from_secs(30));
    }
    if is("suspended") {
        assert!(soliplex.suspend(Duration::from_secs(30)));
    }
    if is("starts again") {
        std::mem::forget(builder().start()?);
    }
    let _guard = is("a guard of main's").then(|| Guard(soliplex.clone()));
    if is("a thread-local") {
        keep_for_last(&soliplex, &end);
    }
    std::mem::forget(soliplex);
    if is("exit elsewhere") {
        thread::scope(|scope| {
            scope.spawn(|| exit(0));
        });
    }
    if is("panics") {
        let _slow = is("slowly").then(|| Slow(&store));
        panics();
    }
    drop(kept);
    Ok(())
}

thread_local! {
    /// Dropped before what the pipeline itself keeps of this thread.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

fn keep_for_last(soliplex: &Soliplex, end: &str) {
    let does = match () {
        () if end.contains("thread-local logs") => |soliplex: &Soliplex| {
            soliplex.network_changed(NetworkKind::Wifi, true);
        },
        () if end.contains("thread-local shuts down") => |soliplex: &Soliplex| {
            let _ = soliplex.shutdown(Duration::from_secs(30));
        },
        () => |_: &Soliplex| (),
    };
    let soliplex = soliplex.clone();
    LAST.set(Some(Last { soliplex, does }));
}

/// A handle, and what is done with it before it is let go of.
struct Last {
    soliplex: Soliplex,
    does: fn(&Soliplex),
}

impl Drop for Last {
    fn drop(&mut self) {
        (self.does)(&self.soliplex);
    }
}

/// Shuts down when it is dropped.
struct Guard(Soliplex);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Duration::from_secs(30));
    }
}

#[expect(clippy::panic, reason = "a panic is what was asked for")]
fn panics() -> ! {
    panic!("as it was told to")
}

/// Unwound only when the run has been alive for longer than it takes most programs to end.
struct Slow<'a>(&'a Path);

impl Drop for Slow<'_> {
    fn drop(&mut self) {
        let most = Duration::from_millis(2_100);
        wait_until(|| panicked(self.0).is_some_and(|lived_on| lived_on > most));
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let given_up = Instant::now() + Duration::from_secs(60);
    while !is_so() && Instant::now() < given_up {
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// As the marker has it: for how long the run was alive after a thread panicked, if one did.
fn panicked(store: &Path) -> Option<Duration> {
    let marker = std::fs::read(store.join("run.marker")).unwrap_or_default();
    let word = |place: usize| {
        let word = marker.get(8 * place..).and_then(|rest| rest.first_chunk());
        word.copied().map_or(0, u64::from_ne_bytes)
    };
    let lived_on = word(14).saturating_sub(word(15));
    (word(10) != 0).then(|| Duration::from_nanos(lived_on))
}
