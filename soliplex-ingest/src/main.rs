//! The command `soliplex-ingest`; everything it does stands in [`soliplex_ingest::cli`].

fn main() -> std::process::ExitCode {
    soliplex_ingest::cli::main(std::env::args_os())
}
