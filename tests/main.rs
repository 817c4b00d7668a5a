//! The whole road, tested for real: macros at one end, an OTLP receiver at the other, sockets,
//! files and processes in between.
//!
//! ```sh
//! cargo test -p soliplex-tests --test integration
//! SOLIPLEX_KILLS=1000 cargo test -p soliplex-tests --test integration kills  # ten minutes or so
//! SOLIPLEX_SEED=7 cargo test -p soliplex-tests --test integration kills    # the same choices again
//! ```
//!
//! No test sleeps: each waits for a line, a request or a record, and fails when it does not come.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

// What is tested, from one record to a hundred deaths.
mod breadcrumbs;
mod delivery;
mod quickstart;
mod road;

mod crashes;
mod ends;
mod exits;
mod kills;

// What it is tested with.
mod backend;
mod device;
mod failure;
mod random;
mod scripted;
