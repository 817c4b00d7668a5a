//! The command line, as an operator types it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::process::{Process, configured, ingest, token};
use crate::road::{Road, SECRET, data_dir, record};
use crate::upstream::{Step, Upstream, text};

async fn run(mut command: Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    (
        status.code(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

#[tokio::test]
async fn a_wrong_configuration_exits_with_2_and_shows_no_value() {
    for (key, value, expected) in [
        (
            "AUTH__HS256_SECRET",
            "canary",
            "auth.hs256_secret: expected at least 32 bytes",
        ),
        (
            "FORWARD__ENDPOINT",
            "https://can ary:x/",
            "forward.endpoint: expected an http or https address, or stdout",
        ),
        (
            "FORWARD__TOKEN",
            "can\nary",
            "forward.token cannot be sent as an HTTP header",
        ),
        ("LOG__FILTER", "can=ary=x", "log.filter is not a filter"),
    ] {
        // Whoever looks before starting is told the same.
        for doing in ["serve", "check"] {
            let dir = data_dir();
            let mut command = configured(&[doing], dir.path(), "stdout");
            command.env(format!("SOLIPLEX_INGEST_{key}"), value);
            let (code, out, err) = run(command).await;
            assert_eq!((code, out.as_str()), (Some(2), ""), "{doing} {key}");
            assert_eq!(err, format!("soliplex-ingest: {expected}\n"), "{doing}");
        }
    }
}

#[tokio::test]
async fn check_reports_what_would_fail() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let (code, out, _) = run(configured(&["check"], dir.path(), &upstream.endpoint())).await;
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(
        out.lines().filter(|line| line.starts_with("ok  ")).count(),
        5
    );
    upstream.otherwise(Step::Status(401, None));
    let (code, out, err) = run(configured(&["check"], dir.path(), &upstream.endpoint())).await;
    assert_eq!(code, Some(1));
    let expected = "FAIL  upstream: status 401; forward.token is not set";
    assert!(out.contains(expected), "{out}");
    assert!(err.contains("1 of 5 checks failed"), "{err}");

    // Beside the server whose settings are looked at, its store is no reason to fail.
    upstream.otherwise(Step::Accept);
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    let (code, out, _) = run(configured(&["check"], dir.path(), &upstream.endpoint())).await;
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.contains("ok    store: not opened: a server that runs has it"),
        "{out}"
    );
    let _ = road.stop().await;
}

#[tokio::test]
async fn dead_letters_are_listed_exported_and_sent_again() {
    let upstream = Upstream::start([]).await;
    upstream.otherwise(Step::Refuse("poison"));
    let dir = data_dir();
    let road = Road::start(dir.path(), &upstream.endpoint(), "").await;
    road.accept(&[record(0, "info", "poison"), record(1, "info", "fine")])
        .await;
    assert_eq!(road.stop().await.account.dead, 1);

    let endpoint = upstream.endpoint();
    let (_, out, _) = run(configured(&["dead-letters", "list"], dir.path(), &endpoint)).await;
    // With the upstream's own words: what an operator looks for first.
    let line = "refused  status 400: not like this  1 of 1 records";
    assert!(out.contains(line), "{out}");
    let (_, out, _) = run(configured(
        &["dead-letters", "export"],
        dir.path(),
        &endpoint,
    ))
    .await;
    let letter: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(
        letter["request"]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"],
        json!({ "stringValue": "poison" })
    );

    let (_, out, _) = run(configured(
        &["dead-letters", "resend"],
        dir.path(),
        &endpoint,
    ))
    .await;
    assert!(
        out.starts_with("0 sent and removed, 1 refused again"),
        "{out}"
    );
    // The letter has been there for weeks; the upstream takes a day.
    let path = std::fs::read_dir(dir.path().join("dead-letters"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut old: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    old["request"]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["timeUnixNano"] =
        json!("1000000000000000000");
    std::fs::write(&path, old.to_string()).unwrap();
    upstream.otherwise(Step::Accept);
    let (_, out, _) = run(configured(
        &["dead-letters", "resend"],
        dir.path(),
        &endpoint,
    ))
    .await;
    assert!(out.starts_with("1 sent and removed"), "{out}");
    let (_, out, _) = run(configured(&["dead-letters", "list"], dir.path(), &endpoint)).await;
    assert_eq!(out, "");
    assert_eq!(upstream.seen(|seen| seen.taken.len()), 2);
    upstream.seen(|seen| {
        let last = seen.records.last().unwrap();
        assert_eq!(text(last, "soliplex.time_adjusted"), "too old");
    });
}

#[tokio::test]
async fn the_sink_prints_what_the_server_forwards_as_lines_and_as_json() {
    for (flag, expected) in [
        (None, "INFO  test: hello install.id=i"),
        (Some("--jsonl"), "\"body\":\"hello\""),
    ] {
        let mut command = ingest(&["otlp-sink", "--listen", "127.0.0.1:0"]);
        command.args(flag);
        let mut sink = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(sink.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let endpoint = first.strip_prefix("listening on ").unwrap();
        let dir = data_dir();
        let road = Road::start(dir.path(), endpoint, "").await;
        road.accept(&[record(0, "info", "hello")]).await;
        let _ = road.stop().await;
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains(expected), "{line}");
        sink.kill().unwrap();
        sink.wait().unwrap();
    }
}

#[tokio::test]
async fn a_server_asked_to_stop_finishes_and_exits_with_0() {
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let mut command = configured(&["serve"], dir.path(), &upstream.endpoint());
    command
        .env("SOLIPLEX_INGEST_LOG__FORMAT", "json")
        .stderr(Stdio::piped());
    let server = Process::start(command).await;
    let response = reqwest::Client::new()
        .post(format!("{}/api/v1/logs", server.base))
        .header("authorization", format!("Bearer {}", token(dir.path())))
        .body(json!({ "logs": [record(0, "info", "hello")] }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let output = server.stop().await;
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(
        log.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{log}"
    );
    assert!(log.contains("\"account.forwarded\":1"), "{log}");
    assert_eq!(upstream.seen(|seen| seen.taken.len()), 1);
}

/// What a server wrote into its folder of logs.
fn log_in(dir: &Path) -> String {
    let files = std::fs::read_dir(dir).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect()
}

#[tokio::test]
async fn the_log_holds_no_secret_and_no_record_however_much_it_says() {
    let upstream = Upstream::start([Step::Status(401, None)]).await;
    upstream.otherwise(Step::Refuse("canary"));
    let (dir, session) = (data_dir(), data_dir());
    let session = token(session.path());
    let mut command = configured(&["serve"], dir.path(), &upstream.endpoint());
    command
        .env("SOLIPLEX_INGEST_FORWARD__TOKEN", "canary-for-the-upstream")
        .env("SOLIPLEX_INGEST_LOG__FILTER", "trace")
        .env("SOLIPLEX_INGEST_LOG__DIR", dir.path().join("logs"));
    let server = Process::start(command).await;
    for (token, body, status) in [
        (
            &session,
            json!({ "logs": [record(0, "info", "canary")] }).to_string(),
            200,
        ),
        (&session, "{\"canary\":".to_owned(), 400),
        (
            &"canary.of.nobody".to_owned(),
            r#"{"logs":[]}"#.to_owned(),
            401,
        ),
    ] {
        let request = reqwest::Client::new()
            .post(format!("{}/api/v1/logs", server.base))
            .header("authorization", format!("Bearer {token}"))
            .body(body);
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    upstream.until(|seen| seen.headers.len() == 1).await;
    let output = server.stop().await;
    assert_eq!(output.status.code(), Some(0));
    let log = log_in(&dir.path().join("logs"));
    assert!(log.contains("TRACE") && log.contains("stopped"), "{log}");
    for secret in ["canary", SECRET, &session] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// Nothing but the rules is between what the server has to say and its log.
#[tokio::test]
async fn the_log_is_sanitized_in_both_of_its_forms() {
    for format in ["text", "json"] {
        let dir = data_dir();
        let data = dir.path().join("jane.doe@example.com");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("spool.redb"), "no store").unwrap();
        let logs = dir.path().join("logs");
        let mut command = configured(&["serve"], &data, "stdout");
        command
            .env("SOLIPLEX_INGEST_LOG__FORMAT", format)
            .env("SOLIPLEX_INGEST_LOG__DIR", &logs);
        let output = Process::start(command).await.stop().await;
        assert_eq!(output.status.code(), Some(0));
        let log = log_in(&logs);
        // Told with the folder that it is in.
        assert!(log.contains("the spool is damaged and set aside"), "{log}");
        assert!(!log.contains("jane.doe"), "{format}: {log}");
    }
}

#[tokio::test]
async fn a_server_without_authentication_says_so_loudly() {
    let dir = data_dir();
    let mut command = configured(&["serve"], dir.path(), "stdout");
    command
        .env("SOLIPLEX_INGEST_AUTH__MODE", "disabled")
        .env_remove("SOLIPLEX_INGEST_AUTH__HS256_SECRET")
        .env("SOLIPLEX_INGEST_LOG__DIR", dir.path().join("logs"));
    let output = Process::start(command).await.stop().await;
    assert_eq!(output.status.code(), Some(0));
    let log = log_in(&dir.path().join("logs"));
    assert!(
        log.contains("WARN") && log.contains("authentication is DISABLED"),
        "{log}"
    );
}

#[tokio::test]
async fn with_a_folder_the_log_goes_to_a_file_of_the_day_and_old_ones_go() {
    let dir = data_dir();
    let logs = dir.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    for day in 1..=20 {
        let name = format!("soliplex-ingest.2026-01-{day:02}.log");
        std::fs::write(logs.join(name), "old").unwrap();
    }
    let mut command = configured(&["serve"], dir.path(), "http://127.0.0.1:9/v1/logs");
    command
        .env("SOLIPLEX_INGEST_LOG__DIR", &logs)
        .stderr(Stdio::piped());
    let server = Process::start(command).await;
    let port = server.base.rsplit(':').next().unwrap().to_owned();
    let output = server.stop().await;
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "the log is in the file alone");

    let mut files: Vec<_> = std::fs::read_dir(&logs)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() <= 14, "{files:?}");
    let today = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .find(|text| text != "old")
        .unwrap();
    // The rules hide addresses; the port and who can reach it are there to read.
    for said in [
        format!("serving scheme=\"http\" port={port} interface=\"loopback\""),
        "stopped".to_owned(),
    ] {
        assert!(today.contains(&said), "{today}");
    }
}

#[tokio::test]
async fn help_and_the_table_of_keys_are_complete() {
    let (code, out, _) = run(ingest(&["--help"])).await;
    assert_eq!(code, Some(0));
    for word in [
        "serve",
        "token",
        "check",
        "dead-letters",
        "otlp-sink",
        "config-keys",
        "Exit codes",
    ] {
        assert!(out.contains(word), "{word}");
    }
    // What can be copied is one command: a line that the next belongs to says so.
    let (_, curl) = out.split_once("curl ").unwrap();
    let address = curl.split_once("/api/v1/logs").unwrap().0;
    let lines: Vec<&str> = address.lines().collect();
    let (_, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| line.ends_with('\\')), "{address}");
    let (_, out, _) = run(ingest(&["config-keys"])).await;
    let uncommented: String = out
        .lines()
        .filter_map(|line| line.strip_prefix("# ").or(Some(line)))
        .filter(|line| line.contains(" = ") || line.starts_with('['))
        .collect::<Vec<_>>()
        .join("\n");
    for key in soliplex_ingest::config::keys::ALL {
        let name = key.path.rsplit('.').next().unwrap();
        assert!(
            uncommented
                .lines()
                .any(|line| line.starts_with(&format!("{name} = "))),
            "{}",
            key.path
        );
    }
}
