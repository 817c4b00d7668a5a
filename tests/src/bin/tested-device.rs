//! `field-device`, built for the tests that kill it.

fn main() -> std::process::ExitCode {
    soliplex_examples::field_device::main_with_fault(std::env::args_os(), read_nowhere)
}

/// Reads where nothing is mapped, as a defect in a library of C does.
#[expect(unsafe_code, reason = "safe code cannot touch a wrong address")]
fn read_nowhere() {
    let nowhere = std::ptr::without_provenance::<u8>(8);
    // SAFETY: there is none. The first page is mapped nowhere, so that the kernel ends the process
    // with SIGSEGV, which is what was asked for.
    let _ = unsafe { nowhere.read_volatile() };
}
