//! Key sets that rotate: what is fetched when, and what happens while nothing can be fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use soliplex_ingest::auth::AuthError;
use tokio::task::JoinSet;

use crate::provider::Provider;
use crate::road::{Road, SECRET, data_dir, records};
use crate::tokens::{EC, OTHER_RSA, RSA, authenticator, claims, jane, rsa, sign, verify_token};
use crate::upstream::{Upstream, assert_taken_once};
use crate::within::{eventually, within};

#[tokio::test]
async fn a_rotated_key_is_fetched_when_its_first_token_comes() {
    let provider = Provider::start().await;
    provider.publish(&[("old", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(0).await;
    assert_eq!(
        verify_token(
            &auth,
            &sign(Algorithm::RS256, &rsa(RSA), Some("old"), &claims())
        )
        .await,
        Ok(jane())
    );
    provider.publish(&[("new", &rsa(OTHER_RSA), Algorithm::RS256)]);
    let rotated = sign(Algorithm::RS256, &rsa(OTHER_RSA), Some("new"), &claims());
    assert_eq!(verify_token(&auth, &rotated).await, Ok(jane()));
    assert_eq!(provider.asked(), 2);
    let old = sign(Algorithm::RS256, &rsa(RSA), Some("old"), &claims());
    assert_eq!(verify_token(&auth, &old).await, Err(AuthError::Invalid));
}

#[tokio::test]
async fn sessions_that_wait_for_the_same_key_share_one_request() {
    let provider = Provider::start().await;
    provider.publish(&[("old", &rsa(RSA), Algorithm::RS256)]);
    let auth = Arc::new(provider.authenticator(0).await);
    provider.publish(&[("new", &rsa(RSA), Algorithm::RS256)]);
    let held = provider.hold().await;
    let token = sign(Algorithm::RS256, &rsa(RSA), Some("new"), &claims());
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let (auth, token) = (Arc::clone(&auth), token.clone());
        waiting.spawn(async move { verify_token(&auth, &token).await });
    }
    provider.until_asked(2).await;
    drop(held);
    for verified in within(waiting.join_all()).await {
        assert_eq!(verified, Ok(jane()));
    }
    assert_eq!(provider.asked(), 2);
}

/// A provider that does not answer takes ten seconds to give up: asked again by each in turn, it would
/// hold up the last for minutes.
#[tokio::test]
async fn sessions_that_wait_for_a_provider_in_vain_do_not_ask_it_again() {
    let provider = Provider::start().await;
    provider.publish(&[("old", &rsa(RSA), Algorithm::RS256)]);
    let auth = Arc::new(provider.authenticator(0).await);
    provider.fail();
    let held = provider.hold().await;
    let token = sign(Algorithm::RS256, &rsa(RSA), Some("new"), &claims());
    let begun = Arc::new(AtomicUsize::new(0));
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let (auth, token, begun) = (Arc::clone(&auth), token.clone(), Arc::clone(&begun));
        waiting.spawn(async move {
            // This runtime has one thread: whoever has begun waits when another is looked at.
            begun.fetch_add(1, Ordering::SeqCst);
            verify_token(&auth, &token).await
        });
    }
    provider.until_asked(2).await;
    eventually(async || (begun.load(Ordering::SeqCst) == 50).then_some(())).await;
    drop(held);
    for verified in within(waiting.join_all()).await {
        assert_eq!(verified, Err(AuthError::KeysUnavailable));
    }
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn within_the_cooldown_one_new_key_is_found_and_the_next_is_refused() {
    let provider = Provider::start().await;
    provider.publish(&[("old", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(3600).await;
    for (kid, expected) in [("new", Ok(jane())), ("newer", Err(AuthError::Invalid))] {
        provider.publish(&[(kid, &rsa(RSA), Algorithm::RS256)]);
        let token = sign(Algorithm::RS256, &rsa(RSA), Some(kid), &claims());
        assert_eq!(verify_token(&auth, &token).await, expected, "{kid}");
        assert_eq!(provider.asked(), 2, "{kid}");
    }
}

#[tokio::test]
async fn within_the_cooldown_of_a_failed_read_nobody_is_refused_and_nobody_asks() {
    let provider = Provider::start().await;
    provider.publish(&[("old", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(3600).await;
    provider.fail();
    for kid in ["one", "two", "three"] {
        let token = sign(Algorithm::RS256, &rsa(RSA), Some(kid), &claims());
        let verified = verify_token(&auth, &token).await;
        assert_eq!(verified, Err(AuthError::KeysUnavailable), "{kid}");
        assert_eq!(provider.asked(), 2, "{kid}");
    }
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_is_refused_and_reaches_the_provider_once() {
    let provider = Provider::start().await;
    provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
    let auth = provider.authenticator(3600).await;
    for kid in 0..200 {
        let token = sign(
            Algorithm::HS256,
            &EncodingKey::from_secret(b"x"),
            Some(&kid.to_string()),
            &claims(),
        );
        assert_eq!(verify_token(&auth, &token).await, Err(AuthError::Invalid));
    }
    // Once at the start, and once for all of them.
    assert_eq!(provider.asked(), 2);
    let known = sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims());
    assert_eq!(verify_token(&auth, &known).await, Ok(jane()));
}

/// A provider that shows no usable key is as good as one that is down.
#[tokio::test]
async fn known_keys_outlive_the_provider_and_unknown_ones_are_no_fault_of_the_client() {
    for is_down in [true, false] {
        let provider = Provider::start().await;
        provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
        let auth = provider.authenticator(0).await;
        if is_down {
            provider.fail();
        } else {
            provider.publish(&[]);
        }
        let unknown = sign(Algorithm::RS256, &rsa(OTHER_RSA), Some("new"), &claims());
        let unknown = verify_token(&auth, &unknown).await;
        assert_eq!(unknown, Err(AuthError::KeysUnavailable), "{is_down}");
        let known = sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims());
        assert_eq!(verify_token(&auth, &known).await, Ok(jane()), "{is_down}");
    }
}

#[tokio::test]
async fn a_server_whose_provider_is_down_is_not_ready_and_answers_503() {
    let provider = Provider::start().await;
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let url = &provider.url;
    let more = format!("---\n[auth]\nmode = 'jwks'\njwks_url = '{url}'\njwks_cooldown_seconds = 0");
    let mut road = Road::start(dir.path(), &upstream.endpoint(), &more).await;
    road.token = sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims());
    let response = road.request(r#"{"logs":[]}"#).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(road.get("/readyz").await.0, 503);
    provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
    assert_eq!(
        road.request(r#"{"logs":[]}"#)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(road.get("/readyz").await.0, 200);
    let _ = road.stop().await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_holds_up_no_start_and_is_waited_for_in_the_background() {
    let provider = Provider::start().await;
    provider.publish(&[("k", &rsa(RSA), Algorithm::RS256)]);
    let held = provider.hold().await;
    let upstream = Upstream::start([]).await;
    let dir = data_dir();
    let url = &provider.url;
    let more = format!("---\n[auth]\nmode = 'jwks'\njwks_url = '{url}'");
    let endpoint = upstream.endpoint();
    // A provider is given up after ten seconds.
    let start = Road::start(dir.path(), &endpoint, &more);
    let start = tokio::time::timeout(Duration::from_secs(8), start).await;
    let mut road = start.unwrap();
    provider.until_asked(1).await;
    assert_eq!(road.get("/healthz").await.0, 200);
    let (status, page) = road.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(page.contains("have not been fetched yet"), "{page}");

    drop(held);
    // Nobody posts to a server that is not ready; it becomes so by itself.
    road.until_page("/readyz", "\"ready\"").await;
    road.token = sign(Algorithm::RS256, &rsa(RSA), Some("k"), &claims());
    road.accept(&records(0..1)).await;
    assert_eq!(provider.asked(), 1);
    let _ = road.stop().await;
    assert_taken_once(&upstream, 1);
}

#[tokio::test]
async fn a_key_set_gives_only_signing_keys_of_the_allowed_kinds() {
    let jwk = |key: &EncodingKey, algorithm, kid: &str, changes: Value| {
        let mut jwk =
            serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
        jwk["kid"] = kid.into();
        let map = jwk.as_object_mut().unwrap();
        map.extend(changes.as_object().unwrap().clone());
        jwk
    };
    let shared = EncodingKey::from_secret(SECRET.as_bytes());
    let ec = EncodingKey::from_ec_pem(EC.as_bytes()).unwrap();
    let set = json!({ "keys": [
        jwk(&rsa(RSA), Algorithm::RS256, "enc", json!({ "use": "enc" })),
        jwk(&rsa(RSA), Algorithm::RS256, "rs512", json!({ "alg": "RS512" })),
        jwk(&shared, Algorithm::HS256, "shared", json!({})),
        jwk(&ec, Algorithm::ES256, "good", json!({ "use": "sig" })),
    ] });
    let dir = data_dir();
    let file = dir.path().join("keys.json");
    std::fs::write(&file, set.to_string()).unwrap();
    let auth = authenticator(&format!(
        "mode = 'jwks'\njwks_file = {file:?}\njwks_cooldown_seconds = 0"
    ))
    .await;
    for (token, expected) in [
        (
            sign(Algorithm::RS256, &rsa(RSA), Some("enc"), &claims()),
            Err(AuthError::Invalid),
        ),
        (
            sign(Algorithm::RS512, &rsa(RSA), Some("rs512"), &claims()),
            Err(AuthError::Invalid),
        ),
        (
            sign(Algorithm::HS256, &shared, Some("shared"), &claims()),
            Err(AuthError::Invalid),
        ),
        (
            sign(Algorithm::ES256, &ec, Some("good"), &claims()),
            Ok(jane()),
        ),
        (sign(Algorithm::ES256, &ec, None, &claims()), Ok(jane())),
    ] {
        assert_eq!(verify_token(&auth, &token).await, expected);
    }
}
