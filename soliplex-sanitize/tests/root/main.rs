//! What a stack below the sanitizing root sees: the same as without it, minus the secrets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code that is not itself a test function may be blunt, too"
)]

mod allowlist;
mod canaries;
mod capture;
mod deaf;
mod filters;
mod identity;
mod kinds;
mod layer;
mod limits;
mod property;
mod sizes;
