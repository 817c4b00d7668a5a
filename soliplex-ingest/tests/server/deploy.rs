//! The examples of how it is run: each command, variable and time in them is one that there is.

use std::path::Path;

use soliplex_ingest::Config;
use soliplex_ingest::config::Environment;

use crate::process::ingest;
use crate::road::data_dir;

const UNIT: &str = include_str!("../../deploy/soliplex-ingest.service");
const CONTAINERFILE: &str = include_str!("../../deploy/Containerfile");
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config.toml");

/// What lines of `<name><value>` say, in order.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .collect()
}

/// The one thing that such lines say.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let [value] = values(text, name)[..] else {
        panic!("{name} is not there once")
    };
    value
}

/// Whether a command line is understood; nothing of it is done.
fn is_understood(arguments: &[&str]) -> bool {
    let output = ingest(arguments).arg("--help").output().unwrap();
    output.status.success()
}

/// The example configuration under an environment.
fn configured<'a>(variables: impl IntoIterator<Item = (&'a str, String)>) -> Config {
    let environment: Environment = variables.into_iter().collect();
    Config::from_sources(Some(Path::new(CONFIG)), &environment).unwrap()
}

#[test]
fn the_commands_of_the_examples_are_understood() {
    assert!(!is_understood(&["serve", "--konfig", "x"]) && !is_understood(&["server"]));
    let unit: Vec<&str> = value(UNIT, "ExecStart=").split_whitespace().collect();
    let [entry] = json(value(CONTAINERFILE, "ENTRYPOINT "))
        .try_into()
        .unwrap();
    let arguments = json(value(CONTAINERFILE, "CMD "));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    for arguments in [&unit[1..], &arguments] {
        assert_eq!(arguments[0], "serve");
        assert!(is_understood(arguments), "{arguments:?}");
    }
    // The binary is where it was put.
    let copied = values(CONTAINERFILE, "COPY --from=build ");
    assert!(copied[0].ends_with(&format!("/soliplex-ingest {entry}")));
    assert!(UNIT.contains(&format!("Install the binary as {},", unit[0])));
}

fn json(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_unit_sets_what_there_is_and_leaves_time_for_an_end_in_order() {
    let dir = data_dir();
    let credentials = dir.path().to_str().unwrap();
    let (credential, _) = value(UNIT, "LoadCredential=").split_once(':').unwrap();
    std::fs::write(dir.path().join(credential), "raw").unwrap();
    let variables = values(UNIT, "Environment=");
    let config = configured(variables.iter().map(|variable| {
        let (name, value) = variable.split_once('=').unwrap();
        (name, value.replace("%d", credentials))
    }));
    assert_eq!(config.forward.token.unwrap().reveal(), "raw");
    let state = format!("/var/lib/{}", value(UNIT, "StateDirectory="));
    assert_eq!(config.data_dir, Path::new(&state));

    let stop: u64 = value(UNIT, "TimeoutStopSec=").parse().unwrap();
    assert!(stop > config.limits.shutdown_timeout.as_secs());
    let files: usize = value(UNIT, "LimitNOFILE=").parse().unwrap();
    assert!(files > config.limits.connections + config.forward.in_flight);
}

#[test]
fn the_container_sets_what_there_is_and_shows_the_port_that_is_listened_on() {
    let dir = data_dir();
    let token = dir.path().join("token");
    std::fs::write(&token, "raw").unwrap();
    let set = value(CONTAINERFILE, "ENV ").split_whitespace();
    let mut variables: Vec<(&str, String)> = set
        .map(|variable| variable.split_once('=').unwrap())
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    // As it is run, by the example at its head.
    let (_, run) = CONTAINERFILE.split_once("-e ").unwrap();
    let (name, _) = run.split_once('=').unwrap();
    variables.push((name, token.to_str().unwrap().to_owned()));
    let config = configured(variables);
    assert_eq!(config.forward.token.unwrap().reveal(), "raw");
    assert!(config.listen.ip().is_unspecified());
    let port = config.listen.port().to_string();
    assert_eq!(value(CONTAINERFILE, "EXPOSE "), port);
    assert!(CONTAINERFILE.contains(&format!("-p {port}:{port} ")));
    assert_eq!(config.data_dir, Path::new(value(CONTAINERFILE, "VOLUME ")));
    // The mounted configuration is the one that is read.
    let read = json(value(CONTAINERFILE, "CMD ")).pop().unwrap();
    assert!(CONTAINERFILE.contains(&format!("config.toml:{read}:ro")));
}
