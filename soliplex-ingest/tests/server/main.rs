//! The server as its clients and its upstream see it: real sockets, real disks, real kills.
//!
//! `road` starts a server in this process, `upstream` is the far end with a script. Every test that
//! breaks something ends in the account: each record has exactly one fate.

// The allowances for tests in clippy.toml do not reach the functions between tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod road;
mod upstream;

mod accept;
mod auth;
mod commands;
mod connections;
mod faults;
mod kill;
mod logfire;
mod oracle;
