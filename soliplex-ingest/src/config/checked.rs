//! From what was set to a [`Config`]: which values go together, and which cannot be meant.

use std::path::PathBuf;

mod auth;

use super::source::{Settings, invalid};
use super::{
    Compression, Config, ConfigError, Delivery, Endpoint, ForwardConfig, Limits, LogConfig,
    LogFormat, TlsConfig, keys,
};

pub(super) fn check(set: &Settings) -> Result<Config, ConfigError> {
    Ok(Config {
        listen: set.parse(keys::LISTEN, "an address and port such as 127.0.0.1:4319")?,
        data_dir: set.text(keys::DATA_DIR)?.into(),
        auth: auth::check(set)?,
        forward: forward(set)?,
        limits: limits(set)?,
        log: LogConfig {
            filter: set.text(keys::LOG_FILTER)?,
            format: set.choice(
                keys::LOG_FORMAT,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            )?,
            dir: set.optional(keys::LOG_DIR)?.map(PathBuf::from),
        },
        tls: tls(set)?,
        cors_origins: set.origins(keys::CORS_ORIGINS)?,
    })
}

fn forward(set: &Settings) -> Result<ForwardConfig, ConfigError> {
    let endpoint = endpoint(&set.text(keys::FORWARD_ENDPOINT)?)?;
    let delivery = set.choice(keys::FORWARD_DELIVERY, &DELIVERIES)?;
    // What is kept is compressed for the disk's sake, and forwarded as it is kept.
    let automatic = match delivery {
        Delivery::Passthrough if endpoint.is_on_this_machine() => Compression::None,
        _ => Compression::Gzip,
    };
    let compressions = [
        ("auto", automatic),
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
    ];
    Ok(ForwardConfig {
        endpoint,
        token: set.secret(keys::FORWARD_TOKEN)?,
        token_file: set.secret_file(keys::FORWARD_TOKEN)?,
        headers: set.pairs(keys::FORWARD_HEADERS)?,
        compression: set.choice(keys::FORWARD_COMPRESSION, &compressions)?,
        delivery,
        in_flight: set.at_least_one(keys::FORWARD_IN_FLIGHT)?,
        request_bytes: set.at_least_one(keys::FORWARD_REQUEST_BYTES)?,
        request_records: set.at_least_one(keys::FORWARD_REQUEST_RECORDS)?,
        linger: set.millis(keys::FORWARD_LINGER_MS)?,
        timeout: set.timeout(keys::FORWARD_TIMEOUT_SECONDS)?,
        max_age: set.seconds(keys::FORWARD_MAX_AGE_SECONDS)?,
        max_ahead: set.seconds(keys::FORWARD_MAX_AHEAD_SECONDS)?,
    })
}

fn endpoint(text: &str) -> Result<Endpoint, ConfigError> {
    if text == "stdout" {
        return Ok(Endpoint::Stdout);
    }
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Endpoint::Url(url)),
        _ => Err(invalid(
            keys::FORWARD_ENDPOINT,
            "an http or https address, or stdout",
        )),
    }
}

fn limits(set: &Settings) -> Result<Limits, ConfigError> {
    Ok(Limits {
        body_bytes: set.at_least_one(keys::LIMITS_BODY_BYTES)?,
        bodies_bytes: set.at_least_one(keys::LIMITS_BODIES_BYTES)?,
        connections: set.at_least_one(keys::LIMITS_CONNECTIONS)?,
        connections_per_address: usize::try_from(set.count(keys::LIMITS_CONNECTIONS_PER_ADDRESS)?)
            .unwrap_or(usize::MAX),
        concurrent_requests: set.at_least_one(keys::LIMITS_CONCURRENT_REQUESTS)?,
        header_timeout: set.timeout(keys::LIMITS_HEADER_TIMEOUT_SECONDS)?,
        body_timeout: set.timeout(keys::LIMITS_BODY_TIMEOUT_SECONDS)?,
        shutdown_timeout: set.seconds(keys::LIMITS_SHUTDOWN_TIMEOUT_SECONDS)?,
        requests_per_minute_per_address: set.rate(keys::LIMITS_REQUESTS_PER_MINUTE_PER_ADDRESS)?,
        records_per_minute_per_user: set.rate(keys::LIMITS_RECORDS_PER_MINUTE_PER_USER)?,
        records_per_minute_per_session: set.rate(keys::LIMITS_RECORDS_PER_MINUTE_PER_SESSION)?,
        bytes_per_minute_per_user: set.rate(keys::LIMITS_BYTES_PER_MINUTE_PER_USER)?,
        tracked_identities: set.at_least_one(keys::LIMITS_TRACKED_IDENTITIES)?,
        spool_bytes: set.count(keys::LIMITS_SPOOL_BYTES)?,
        disk_headroom_bytes: set.count(keys::LIMITS_DISK_HEADROOM_BYTES)?,
        dead_letter_bytes: set.count(keys::LIMITS_DEAD_LETTER_BYTES)?,
        dedupe_window: set.seconds(keys::LIMITS_DEDUPE_WINDOW_SECONDS)?,
        dedupe_ids: set.at_least_one(keys::LIMITS_DEDUPE_IDS)?,
    })
}

fn tls(set: &Settings) -> Result<Option<TlsConfig>, ConfigError> {
    match (
        set.optional(keys::TLS_CERTIFICATE_FILE)?,
        set.optional(keys::TLS_KEY_FILE)?,
    ) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(TlsConfig {
            certificate_file: certificate.into(),
            key_file: key.into(),
        })),
        (Some(_), None) => Err(ConfigError::Missing {
            key: keys::TLS_KEY_FILE.path,
            needed_by: "tls.certificate_file",
        }),
        (None, Some(_)) => Err(ConfigError::Missing {
            key: keys::TLS_CERTIFICATE_FILE.path,
            needed_by: "tls.key_file",
        }),
    }
}

const DELIVERIES: [(&str, Delivery); 2] = [
    ("spool", Delivery::Spool),
    ("passthrough", Delivery::Passthrough),
];
