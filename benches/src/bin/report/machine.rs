//! What the figures were measured on, and in which circumstances.

use std::fs;
use std::process::Command;
use std::thread;

/// Facts, each with its name. What cannot be found out is left out.
pub(crate) fn facts() -> Vec<(String, String)> {
    let cores = thread::available_parallelism().map(|cores| cores.to_string());
    let facts = [
        ("processor", value_in("/proc/cpuinfo", "model name", ':')),
        ("cores", cores.ok()),
        ("memory", value_in("/proc/meminfo", "MemTotal", ':')),
        ("system", value_in("/etc/os-release", "PRETTY_NAME", '=')),
        (
            "kernel",
            said("uname", &["-sr"]).map(|kernel| major(&kernel)),
        ),
        ("compiler", said("rustc", &["--version"])),
        ("day", said("date", &["-u", "+%Y-%m-%d"])),
    ];
    facts
        .into_iter()
        .filter_map(|(name, fact)| Some((name.to_owned(), fact?)))
        .collect()
}

/// What `benches/report` wrote down of its run: a line a fact, its name and a tab before it.
pub(crate) fn of_run(lines: &str) -> Vec<(String, String)> {
    let facts = lines.lines().filter_map(|line| line.split_once('\t'));
    facts
        .map(|(name, fact)| (name.to_owned(), fact.to_owned()))
        .collect()
}

/// The value behind a name in a file of lines.
fn value_in(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(separator)?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// A kernel's name with the first two parts of its version; the rest is whoever built it.
fn major(kernel: &str) -> String {
    kernel.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn said(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
