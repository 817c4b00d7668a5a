//! Prints how fast the machine is now, for what is measured in processes of its own.

#![allow(clippy::print_stdout, reason = "its answer is what it prints")]

use soliplex_benches::pace;

fn main() {
    // Untimed, for a processor that has slept.
    pace::now();
    println!("{}", pace::now());
}
