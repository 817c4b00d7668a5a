//! The command `field-device`; everything it does stands in [`soliplex_examples::field_device`].

fn main() -> std::process::ExitCode {
    soliplex_examples::field_device::main(std::env::args_os())
}
