//! The server as its clients and its upstream see it: real sockets, real disks, real kills.
//!
//! `road` starts a server in this process, `process` one of its own, `upstream` is the far end with
//! a script; `tokens` and `provider` are who signs a session, and `within` ends every wait. Every test
//! that breaks something ends in the account: each record has exactly one fate.

// The allowances for tests in clippy.toml do not reach the functions between tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod process;
mod provider;
mod road;
mod tokens;
mod upstream;
mod within;

mod accept;
mod auth;
mod browsers;
mod commands;
mod connections;
mod dedupe;
mod deploy;
mod draining;
mod encodings;
mod faults;
mod issuers;
mod key_sets;
mod kill;
mod logfire;
mod oracle;
mod pace;
mod random_kills;
mod store;
mod streams;
