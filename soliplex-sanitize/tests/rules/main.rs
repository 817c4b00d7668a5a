//! The rules engine from outside: what it catches, what it leaves alone, and what always holds.

#![allow(
    clippy::expect_used,
    reason = "a test may be blunt, and so may what it calls"
)]

mod builder;
mod catalog;
mod disguise;
mod draws;
mod held;
mod properties;
mod redact;
mod secrets;
mod shape;
mod structured;
mod vendors;
