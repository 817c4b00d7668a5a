//! The programs a newcomer runs first.
