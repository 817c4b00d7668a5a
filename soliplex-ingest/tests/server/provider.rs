//! An identity provider that publishes what a test tells it to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use soliplex_ingest::auth::Authenticator;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

use crate::tokens::authenticator;
use crate::within::eventually;

/// An identity provider: what it answers with, and how often it was asked.
#[derive(Clone, Default)]
pub(crate) struct Provider {
    set: Arc<std::sync::Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
    /// Answers wait while it is held.
    answering: Arc<RwLock<()>>,
    pub(crate) url: String,
}

impl Provider {
    pub(crate) async fn start() -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let provider = Provider {
            url,
            ..Default::default()
        };
        let this = provider.clone();
        let answer = move || {
            this.asked.fetch_add(1, Ordering::SeqCst);
            let this = this.clone();
            async move {
                let _ = this.answering.read().await;
                let set = this.set.lock().unwrap().clone();
                set.map_or(Err(StatusCode::BAD_GATEWAY), |set| Ok(set.to_string()))
            }
        };
        let router = Router::new().route("/keys", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub(crate) fn publish(&self, keys: &[(&str, &EncodingKey, Algorithm)]) {
        let keys = keys.iter().map(|(kid, key, algorithm)| {
            let mut jwk = Jwk::from_encoding_key(key, *algorithm).unwrap();
            jwk.common.key_id = Some((*kid).to_owned());
            jwk
        });
        *self.set.lock().unwrap() = Some(json!({ "keys": keys.collect::<Vec<_>>() }));
    }

    pub(crate) fn fail(&self) {
        *self.set.lock().unwrap() = None;
    }

    /// Answers nobody until the guard is dropped.
    pub(crate) async fn hold(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.answering).write_owned().await
    }

    /// Returns once it has been asked so often.
    #[track_caller]
    pub(crate) fn until_asked(&self, times: usize) -> impl Future<Output = ()> {
        eventually(async move || (self.asked() >= times).then_some(()))
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) async fn authenticator(&self, cooldown: u64) -> Authenticator {
        let url = &self.url;
        authenticator(&format!(
            "mode = 'jwks'\njwks_url = '{url}'\njwks_cooldown_seconds = {cooldown}"
        ))
        .await
    }
}
