//! `field-device`, built for the tests that kill it.

fn main() -> std::process::ExitCode {
    soliplex_examples::field_device::main(std::env::args_os())
}
