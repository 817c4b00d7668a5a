//! A program that ends in the way its first argument says, with its store where the second says.

#![forbid(unsafe_code)]

use std::env::args;
use std::panic::{self, catch_unwind, resume_unwind};
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
    let start = || {
        let builder = Soliplex::builder("tested-end", "1").panic_hook(hook);
        builder.store_dir(&store).start()
    };
    let soliplex = match is("started elsewhere") {
        true => thread::scope(|scope| scope.spawn(start).join().unwrap_or_else(|_| exit(101))),
        false => start(),
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
    if is("catches a panic of its own") {
        let _ = catch_unwind(|| panics());
    }
    if is("another thread's panic") {
        let panicked = thread::spawn(|| panics()).join();
        if let (true, Err(panic)) = (is("carries on"), panicked) {
            resume_unwind(panic);
        }
    }
    if is("main has logged") {
        soliplex.network_changed(NetworkKind::Wifi, true);
    }
    if is("shut down") {
        let _ = soliplex.shutdown(Duration::from_secs(30));
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

#[expect(clippy::panic, reason = "a panic is what was asked for")]
fn panics() -> ! {
    panic!("as it was told to")
}

/// Unwound only when the run has been alive for longer than it takes most programs to end.
struct Slow<'a>(&'a Path);

impl Drop for Slow<'_> {
    fn drop(&mut self) {
        let given_up = Instant::now() + Duration::from_secs(60);
        while !has_outlived_its_panic(self.0) && Instant::now() < given_up {
            thread::park_timeout(Duration::from_millis(20));
        }
    }
}

/// As the marker has it: how long the run was alive, and how long when a thread panicked.
fn has_outlived_its_panic(store: &Path) -> bool {
    let marker = std::fs::read(store.join("run.marker")).unwrap_or_default();
    let word = |place: usize| {
        let word = marker.get(8 * place..).and_then(|rest| rest.first_chunk());
        Duration::from_nanos(word.copied().map_or(0, u64::from_ne_bytes))
    };
    word(15) > Duration::ZERO && word(14) > word(15) + Duration::from_millis(2_100)
}
