//! Flushes and ends from where an application puts its last words: `Drop`, also of a thread's locals,
//! which are dropped when nothing of the thread is left to wait in.

use std::cell::RefCell;

use tracing_soliplex::Soliplex;

use super::{Begin as _, SOON, assert_balance, builder, log};
use crate::scripted::{Reply, Scripted};

/// Says a last word, and waits until it has arrived.
struct Guard(Soliplex);

impl Drop for Guard {
    fn drop(&mut self) {
        log(&self.0, || tracing::info!("the last word"));
        assert!(self.0.flush(SOON).is_complete());
        assert!(self.0.shutdown(SOON).is_complete());
    }
}

thread_local! {
    static KEPT: RefCell<Option<Guard>> = const { RefCell::new(None) };
}

#[test]
fn a_guard_delivers_and_ends_wherever_it_is_dropped() {
    let in_scope = |guard: Guard| drop(guard);
    let in_locals = |guard: Guard| KEPT.set(Some(guard));
    for dropped in [in_scope as fn(Guard), in_locals] {
        let server = Scripted::start(|_| Reply::accepted());
        let soliplex = builder(&server).begin();
        let guard = Guard(soliplex.clone());
        std::thread::spawn(move || dropped(guard)).join().unwrap();
        assert_eq!(server.wait_for(1)[0].logged(), ["the last word"]);
        assert_balance(&soliplex);
    }
}

#[test]
fn a_guard_within_a_runtime_delivers_when_it_is_dropped() {
    let server = Scripted::start(|_| Reply::accepted());
    let soliplex = builder(&server).begin();
    let guard = Guard(soliplex.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async move { drop(guard) });
    assert_eq!(server.wait_for(1)[0].logged(), ["the last word"]);
    assert_balance(&soliplex);
}
