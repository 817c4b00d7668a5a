//! End-to-end tests over real processes, files and sockets.
//!
//! The tests are in `main.rs` and its modules. This package builds the programs they start, so that
//! `cargo test` has them as real processes: examples under another name, and two of the tests' own.
