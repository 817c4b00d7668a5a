//! The command `quickstart`; everything it does stands in [`soliplex_examples::quickstart`].

fn main() -> std::process::ExitCode {
    soliplex_examples::quickstart::main(std::env::args_os())
}
