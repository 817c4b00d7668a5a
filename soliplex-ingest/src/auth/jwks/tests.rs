//! A key set that is read again: when, by whom, and what is said where that fails.

use super::*;

fn set(source: Source) -> KeySet {
    KeySet {
        source,
        refresh: Duration::from_secs(600),
        cooldown: Duration::from_secs(3600),
        held: RwLock::default(),
        last_read: Mutex::default(),
    }
}

fn publish(file: &std::path::Path, kid: &str) {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#);
    std::fs::write(file, format!(r#"{{"keys":[{key}]}}"#)).unwrap();
}

/// Nobody sends a session to a server that is not ready, so no session has the keys fetched that
/// were not to be had at the start.
#[tokio::test(start_paused = true)]
async fn keys_are_looked_for_until_they_are_there_and_then_at_their_interval() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.json");
    let set = Arc::new(set(Source::File(file.clone())));
    let fresh = Arc::clone(&set);
    let fresh = tokio::spawn(async move { fresh.keep_fresh().await });
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!set.has_keys());
    publish(&file, "first");
    while !set.has_keys() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(start.elapsed() <= Duration::from_secs(60) + UNTIL_KEYS + Duration::from_secs(1));

    // A key that is withdrawn is no key after the next interval, whoever comes with it.
    publish(&file, "second");
    tokio::time::sleep(set.refresh + Duration::from_secs(1)).await;
    assert!(knows(&set.keys(), Some("second")) && !knows(&set.keys(), Some("first")));
    fresh.abort();
}

#[tokio::test]
async fn a_read_that_fails_is_told_with_what_becomes_of_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.json");
    for (has_keys, told) in [(false, "refused with 503"), (true, "of the last time stay")] {
        let set = set(Source::File(file.clone()));
        if has_keys {
            publish(&file, "k");
            set.refresh().await;
            std::fs::remove_file(&file).unwrap();
        }
        for is_asked in [false, true] {
            let log = dir.path().join("log");
            let subscriber = tracing_subscriber::fmt()
                .with_writer(Arc::new(std::fs::File::create(&log).unwrap()))
                .finish();
            let _logging = tracing::subscriber::set_default(subscriber);
            if is_asked {
                *set.last_read.lock().await = LastRead::default();
                assert!(set.find(Some("other")).await.is_err());
            } else {
                set.refresh().await;
            }
            let log = std::fs::read_to_string(log).unwrap();
            assert!(log.contains(told), "{has_keys} {is_asked}: {log}");
        }
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_let_the_next_one_ask_at_once() {
    let provider = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", provider.local_addr().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let set = set(Source::Url(client, url));
    // The provider has been asked and does not answer; the client goes.
    let asked = tokio::select! {
        asked = provider.accept() => asked,
        _ = set.find(Some("k")) => panic!("nobody answered"),
    };
    assert!(matches!(
        set.find(Some("k")).await,
        Err(AuthError::KeysUnavailable)
    ));
    drop(asked);
}
