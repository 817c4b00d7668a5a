//! Which versions of the peers were measured.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The crates that stand beside ours, and those that carry it.
const CRATES: [&str; 15] = [
    "fjall",
    "flate2",
    "opentelemetry-appender-tracing",
    "opentelemetry_sdk",
    "redact-core",
    "redb",
    "regex",
    "rusqlite",
    "sanitize-pii",
    "sentry-core",
    "sentry-tracing",
    "serde_json",
    "tracing",
    "tracing-appender",
    "tracing-subscriber",
];

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// Names and versions: crates as locked, and what the peers' own script installed.
pub(crate) fn of_peers(workspace: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let lock: Lock = toml::from_str(&fs::read_to_string(workspace.join("Cargo.lock"))?)?;
    let mut versions: Vec<String> = lock
        .package
        .into_iter()
        .filter(|package| CRATES.contains(&package.name.as_str()))
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    let installed = fs::read_to_string(workspace.join("target/bench-peers/versions.txt"));
    versions.extend(
        installed
            .unwrap_or_default()
            .lines()
            .map(|line| line.replace("==", " ")),
    );
    Ok(versions)
}
