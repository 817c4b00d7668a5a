//! `quickstart`, built for the tests that run it.

fn main() -> std::process::ExitCode {
    soliplex_examples::quickstart::main(std::env::args_os())
}
