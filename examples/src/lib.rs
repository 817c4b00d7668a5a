//! The programs a newcomer runs first, as a library, so that tests run the very same code.
//!
//! - [`quickstart`] plays a whole session in the field on this machine and gives an account of it;
//! - [`field_device`] logs at a given rate, crashes on request, and tells what it has logged.
//!
//! Each program is a thin file in `src/bin`. What `redact` does stands in `soliplex-sanitize`.
//!
//! The README's code is compiled here too, as a test of the documentation.

#![forbid(unsafe_code)]

pub mod quickstart;

pub mod field_device;

pub mod account;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
