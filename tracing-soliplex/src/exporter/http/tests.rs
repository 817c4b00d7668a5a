//! What counts as an endpoint, as an answer, and as none.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn an_endpoint_is_encrypted_or_local() {
    for (text, expected) in [
        (
            "https://ingest.example.org",
            Ok("https://ingest.example.org/api/v1/logs"),
        ),
        (
            "https://ingest.example.org/base/logs",
            Ok("https://ingest.example.org/base/logs"),
        ),
        (
            "http://127.0.0.1:4319",
            Ok("http://127.0.0.1:4319/api/v1/logs"),
        ),
        ("http://[::1]:4319/", Ok("http://[::1]:4319/api/v1/logs")),
        ("http://localhost", Ok("http://localhost/api/v1/logs")),
        ("http://ingest.example.org", Err(EndpointError::Plaintext)),
        (
            "http://127.0.0.1.example.org",
            Err(EndpointError::Plaintext),
        ),
        (
            "https://me:hunter2@ingest.example.org",
            Err(EndpointError::Credentials),
        ),
        ("ftp://ingest.example.org", Err(EndpointError::Scheme)),
        ("ingest", Err(EndpointError::NotAUrl)),
    ] {
        let parsed = Endpoint::parse(text);
        assert_eq!(
            parsed.as_ref().map(Endpoint::as_str),
            expected.as_ref().map(|url| *url)
        );
    }
}

#[test]
fn only_our_own_answer_or_none_confirms_a_batch() {
    let all = ExportOutcome::Accepted(Answer::default());
    let elsewhere = ExportOutcome::Misplaced { status: 200 };
    for (body, outcome) in [
        ("", all.clone()),
        ("\r\n", all.clone()),
        ("{}", all),
        ("<!doctype html><title>Log in</title>", elsewhere.clone()),
        ("\"ok\"", elsewhere.clone()),
        ("{\"error\":\"log in first\"}", elsewhere.clone()),
        ("{\"accepted\":1,", elsewhere),
    ] {
        assert_eq!(of_answer(200, body.as_bytes()), outcome, "{body}");
    }
}

#[test]
fn a_time_is_named_in_seconds_or_as_a_date() {
    let now = "2026-11-21T20:00:00Z".parse().unwrap();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (text, wait) in [
        ("120", seconds(120)),
        (" 0 ", seconds(0)),
        ("Sat, 21 Nov 2026 20:02:00 GMT", seconds(120)),
        ("Sat, 21 Nov 2026 19:00:00 GMT", seconds(0)),
        ("Sun, 22 Nov 2026 20:00:00 GMT", seconds(3600)),
        ("86400", seconds(3600)),
        ("-1", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(wait_named(text, now), wait, "{text:?}");
    }
}

/// A server that takes the request and never says a word. The clock moves when all else waits.
#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let exporter = HttpExporter::try_new(Endpoint::parse(&url).unwrap(), Vec::new()).unwrap();
    let begun = tokio::time::Instant::now();
    let outcome = exporter.export(Export {
        body: b"{}".to_vec(),
        token: None,
    });
    let ExportOutcome::Unreachable {
        error,
        may_have_arrived: true,
    } = outcome.await
    else {
        panic!("an answer from nobody");
    };
    assert!(error.starts_with("timed out"), "{error}");
    let took = begun.elapsed();
    let late = Duration::from_secs(1);
    assert!((TIMEOUT..TIMEOUT + late).contains(&took), "{took:?}");
}

#[test]
fn neither_endpoint_nor_error_shows_a_secret() {
    let endpoint = Endpoint::parse("https://ingest.example.org/?key=hunter2").unwrap();
    assert!(!format!("{endpoint:?}").contains("hunter2"));
    let error = Endpoint::parse("https://me:hunter2@ingest.example.org").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

/// A server that answers one request as it is told, on a thread of its own.
async fn outcome_of(serve: impl FnOnce(TcpStream) + Send + 'static) -> ExportOutcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        serve(stream);
    });
    let exporter = HttpExporter::try_new(Endpoint::parse(&url).unwrap(), Vec::new()).unwrap();
    let outcome = exporter.export(Export {
        body: b"{}".to_vec(),
        token: None,
    });
    let outcome = outcome.await;
    // The connection is closed by the runtime's own turn.
    drop(exporter);
    let joined = tokio::task::spawn_blocking(|| server.join().unwrap());
    joined.await.unwrap();
    outcome
}

/// A page of a proxy that answers everything had the same batch sent again every minute.
#[tokio::test]
async fn an_answer_too_long_to_be_ours_is_that_of_another_server() {
    let outcome = outcome_of(|mut stream| {
        let page = vec![b' '; MAX_ANSWER_BYTES + 1];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", page.len());
        // It is not read to its end.
        let _ = stream
            .write_all(head.as_bytes())
            .and(stream.write_all(&page));
    });
    assert_eq!(outcome.await, ExportOutcome::Misplaced { status: 200 });
}

/// An answer that comes a byte at a time, and never ends. The server waits for the client to hang up;
/// the clock moves when all else waits.
#[tokio::test(start_paused = true)]
async fn an_answer_that_trickles_is_given_up_in_time() {
    let begun = tokio::time::Instant::now();
    let outcome = outcome_of(|mut stream| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{";
        stream.write_all(head).unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
    });
    let ExportOutcome::Unreachable {
        may_have_arrived: true,
        ..
    } = outcome.await
    else {
        panic!("half an answer was taken for a whole one");
    };
    let took = begun.elapsed();
    let late = Duration::from_secs(1);
    assert!((TIMEOUT..TIMEOUT + late).contains(&took), "{took:?}");
}
