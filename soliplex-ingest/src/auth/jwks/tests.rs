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

/// A provider that was down at the start was asked again only when a session came, which a server
/// that is not ready is not sent.
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
