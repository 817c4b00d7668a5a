//! What the road costs, beside its peers, and the report that says so.
//!
//! Each bench is a program that measures one room, lets its contenders take turns, and leaves a
//! [`Section`](section::Section): printed as text, and kept as JSON. `benches/report` runs those of
//! the report; its `report` binary assembles the sections into `benches/REPORT.md` and draws the
//! plots. Benches that are not in the report say at their head what they are for.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "benches print what they found")]

pub mod options;

pub mod contest;
pub mod figures;
pub mod pace;
pub mod samples;

pub mod event;
pub mod lines;

pub mod section;

pub mod plot;
