//! A program that ends in the way its first argument says, with its store where the second says.

#![forbid(unsafe_code)]

use std::env::args;
use std::process::exit;
use std::thread;
use std::time::Duration;

use tracing_soliplex::{NetworkKind, Soliplex, StartError};

fn main() -> Result<(), StartError> {
    let mut args = args().skip(1);
    let (end, store) = (args.next().unwrap_or_default(), args.next());
    let start = || {
        let builder = Soliplex::builder("tested-end", "1");
        builder
            .store_dir(store.as_deref().unwrap_or_default())
            .start()
    };
    let in_another_thread = end.contains("started elsewhere");
    let soliplex = match in_another_thread {
        true => thread::scope(|scope| scope.spawn(start).join().unwrap_or_else(|_| exit(101))),
        false => start(),
    }?;
    if end.contains("main has logged") {
        soliplex.network_changed(NetworkKind::Wifi, true);
    }
    if end.contains("shut down") {
        let _ = soliplex.shutdown(Duration::from_secs(30));
    }
    // It goes on until the process ends, as under a global subscriber.
    std::mem::forget(soliplex);
    if end.contains("exit elsewhere") {
        thread::scope(|scope| {
            scope.spawn(|| exit(0));
        });
    }
    Ok(())
}
