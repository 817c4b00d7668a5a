//! Placeholder.

// Until the worker stands on it.
#[allow(dead_code, unused_imports)]
mod spool;
