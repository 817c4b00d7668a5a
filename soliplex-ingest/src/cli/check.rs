//! `check`: everything a start needs, tried without serving.

use std::sync::Arc;

use crate::auth::{Authenticator, KeysAtHand};
use crate::config::{Config, Delivery, Endpoint};
use crate::dead_letters::DeadLetters;
use crate::forward::{Cause, Outcome, Upstream};
use crate::otlp::proto::ExportLogsServiceRequest;
use crate::spool::{Spool, StoreError};
use crate::tls;

use super::{Failure, explain, log, print};

/// Tries one thing after another and reports each; fails if one of them did. What a server would not
/// even start with is no matter of trying.
pub(super) async fn run(config: Config) -> Result<(), Failure> {
    log::filter(&config.log)?;
    let to_upstream = Upstream::try_new(&config.forward, Arc::default())?;
    let mut failed = 0;
    let mut report = |what: &str, result: Result<String, String>| {
        let (mark, text) = match result {
            Ok(text) => ("ok  ", text),
            Err(text) => {
                failed += 1;
                ("FAIL", text)
            }
        };
        print(&format!("{mark}  {what}: {text}\n"))
    };
    report(
        "configuration",
        Ok("every key is known and fits".to_owned()),
    )?;
    report("authentication", authentication(&config).await)?;
    report("tls", certificate(&config))?;
    report("store", store(&config))?;
    report("upstream", upstream(&config, &to_upstream).await)?;
    if failed == 0 {
        Ok(())
    } else {
        Err(Failure::Told(format!("{failed} of 5 checks failed")))
    }
}

async fn authentication(config: &Config) -> Result<String, String> {
    let auth = Authenticator::try_new(&config.auth)
        .await
        .map_err(|error| explain(&error))?;
    auth.read_keys().await;
    match auth.keys_at_hand() {
        KeysAtHand { missing: 0, .. } => Ok("keys are at hand".to_owned()),
        KeysAtHand {
            present: 0,
            missing: 1,
            ..
        } => Err("the key set could not be fetched".to_owned()),
        KeysAtHand {
            present, missing, ..
        } => Err(format!(
            "the key sets of {missing} of {} issuers could not be fetched",
            present + missing
        )),
    }
}

fn certificate(config: &Config) -> Result<String, String> {
    match &config.tls {
        None => Ok("off; put a proxy with TLS in front, or set tls.certificate_file".to_owned()),
        Some(files) => tls::acceptor(files)
            .map(|_| "certificate and key fit".to_owned())
            .map_err(|error| explain(&error)),
    }
}

fn store(config: &Config) -> Result<String, String> {
    if config.forward.delivery == Delivery::Passthrough {
        return Ok("not used in passthrough".to_owned());
    }
    let spool = match Spool::open(&config.data_dir, &config.limits) {
        // Looking at the settings of a server that runs, before it is started again with them.
        Err(StoreError::InUse) => {
            return Ok("not opened: a server that runs has it, as this one would".to_owned());
        }
        opened => opened.map_err(|error| explain(&error))?,
    };
    let letters = DeadLetters::open(&config.data_dir, config.limits.dead_letter_bytes)
        .and_then(|letters| letters.list())
        .map_err(|error| explain(&error))?;
    let pending = spool.pending();
    Ok(format!(
        "{} records in {} bytes wait, {} dead letters",
        pending.records,
        pending.bytes,
        letters.len()
    ))
}

/// An empty request: OTLP asks receivers to answer it with success, and it leaves nothing behind.
async fn upstream(config: &Config, upstream: &Upstream) -> Result<String, String> {
    if config.forward.endpoint == Endpoint::Stdout {
        return Ok("standard output".to_owned());
    }
    let empty = prost::Message::encode_to_vec(&ExportLogsServiceRequest::default());
    match upstream.post(empty).await {
        Outcome::Accepted | Outcome::Partial { .. } => Ok("takes requests".to_owned()),
        // The token and the address were right, or it would not have looked into the body.
        Outcome::Refused(400 | 422, _) => {
            Ok("answers; it refuses an empty request, which some do".to_owned())
        }
        outcome => Err(format!("{outcome}; {}", hint(&outcome, config))),
    }
}

/// Which setting an operator is to look at.
fn hint(outcome: &Outcome, config: &Config) -> &'static str {
    match outcome {
        Outcome::Held(Cause::Status(401 | 403)) if config.forward.token.is_none() => {
            "forward.token is not set"
        }
        Outcome::Held(Cause::Status(401 | 403)) => "forward.token is not the right one",
        Outcome::Held(_) | Outcome::Later { .. } => "forward.endpoint is used as it stands",
        _ => "it does not look like an OTLP receiver",
    }
}
