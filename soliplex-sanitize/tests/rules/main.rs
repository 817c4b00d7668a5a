//! The rules engine from outside: what it catches, what it leaves alone, and what always holds.

mod builder;
mod catalog;
mod disguise;
mod properties;
mod redact;
mod structured;
mod vendors;
