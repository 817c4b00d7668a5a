//! Who may post: which keys go with which mode.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::source::{Settings, invalid};
use crate::config::{
    AuthConfig, AuthMode, ConfigError, IssuerConfig, IssuerKeys, JwksConfig, JwksSource, keys,
};

pub(super) fn check(set: &Settings) -> Result<AuthConfig, ConfigError> {
    #[derive(Clone, Copy)]
    enum Mode {
        Hs256,
        Pem,
        Jwks,
        Issuers,
        Disabled,
    }
    let modes = [
        ("hs256", Mode::Hs256),
        ("pem", Mode::Pem),
        ("jwks", Mode::Jwks),
        ("issuers", Mode::Issuers),
        ("disabled", Mode::Disabled),
    ];
    let mode = match set.choice(keys::AUTH_MODE, &modes)? {
        Mode::Hs256 => {
            let secret = set
                .secret(keys::AUTH_HS256_SECRET)?
                .ok_or(ConfigError::Missing {
                    key: keys::AUTH_HS256_SECRET.path,
                    needed_by: "auth.mode = \"hs256\"",
                })?;
            // RFC 7518, section 3.2: a key of the hash's size or larger must be used.
            if secret.reveal().len() < MIN_HS256_SECRET_BYTES {
                return Err(ConfigError::Invalid {
                    key: keys::AUTH_HS256_SECRET.path.to_owned(),
                    expected: "at least 32 bytes",
                });
            }
            AuthMode::Hs256(secret)
        }
        Mode::Pem => {
            let files = set.list(keys::AUTH_PEM_FILES)?;
            if files.is_empty() {
                return Err(ConfigError::Missing {
                    key: keys::AUTH_PEM_FILES.path,
                    needed_by: "auth.mode = \"pem\"",
                });
            }
            AuthMode::Pem(files.into_iter().map(PathBuf::from).collect())
        }
        Mode::Jwks => {
            let url = set.optional(keys::AUTH_JWKS_URL)?.map(JwksSource::Url);
            let file = set.optional(keys::AUTH_JWKS_FILE)?;
            let source = url.or(file.map(|file| JwksSource::File(file.into())));
            let source = source.ok_or(ConfigError::Missing {
                key: keys::AUTH_JWKS_URL.path,
                needed_by: "auth.mode = \"jwks\" (or auth.jwks_file)",
            })?;
            AuthMode::Jwks(jwks(set, source)?)
        }
        Mode::Issuers => AuthMode::Issuers(issuers(set)?),
        Mode::Disabled => AuthMode::Disabled,
    };
    Ok(AuthConfig {
        mode,
        user_claim: set.text(keys::AUTH_USER_CLAIM)?,
        session_claim: set.text(keys::AUTH_SESSION_CLAIM)?,
        issuers: set.list(keys::AUTH_ISSUERS)?,
        audiences: set.list(keys::AUTH_AUDIENCES)?,
        leeway: set.seconds(keys::AUTH_LEEWAY_SECONDS)?,
    })
}

fn jwks(set: &Settings, source: JwksSource) -> Result<JwksConfig, ConfigError> {
    Ok(JwksConfig {
        source,
        refresh: set.seconds(keys::AUTH_JWKS_REFRESH_SECONDS)?,
        cooldown: set.seconds(keys::AUTH_JWKS_COOLDOWN_SECONDS)?,
    })
}

fn issuers(set: &Settings) -> Result<Vec<IssuerConfig>, ConfigError> {
    let named = set.pairs(keys::AUTH_ISSUER_KEYS)?;
    if named.is_empty() {
        return Err(ConfigError::Missing {
            key: keys::AUTH_ISSUER_KEYS.path,
            needed_by: "auth.mode = \"issuers\"",
        });
    }
    // A second list of issuers could only contradict the first.
    if !set.list(keys::AUTH_ISSUERS)?.is_empty() {
        return Err(invalid(
            keys::AUTH_ISSUERS,
            "nothing with auth.mode = \"issuers\": auth.issuer_keys names them",
        ));
    }
    let mut audiences: BTreeMap<String, Vec<String>> = set
        .pairs(keys::AUTH_ISSUER_AUDIENCES)?
        .into_iter()
        .map(|(issuer, list)| {
            let list = list.reveal().split_whitespace().map(str::to_owned);
            (issuer, list.collect())
        })
        .collect();
    let mut issuers = Vec::with_capacity(named.len());
    for (issuer, place) in named {
        if issuer.is_empty()
            || issuers
                .iter()
                .any(|other: &IssuerConfig| other.issuer == issuer)
        {
            return Err(invalid(
                keys::AUTH_ISSUER_KEYS,
                "each issuer by name, and once",
            ));
        }
        let audiences = match audiences.remove(&issuer) {
            // Nobody means "anyone" by a list without a name in it.
            Some(own) if own.is_empty() => {
                return Err(invalid(
                    keys::AUTH_ISSUER_AUDIENCES,
                    "at least one audience an issuer",
                ));
            }
            Some(own) => own,
            None => set.list(keys::AUTH_AUDIENCES)?,
        };
        issuers.push(IssuerConfig {
            keys: issuer_keys(set, place.reveal())?,
            issuer,
            audiences,
        });
    }
    if audiences.is_empty() {
        Ok(issuers)
    } else {
        Err(invalid(
            keys::AUTH_ISSUER_AUDIENCES,
            "issuers that auth.issuer_keys names",
        ))
    }
}

fn issuer_keys(set: &Settings, place: &str) -> Result<IssuerKeys, ConfigError> {
    let source = if place.starts_with("https://") || place.starts_with("http://") {
        JwksSource::Url(place.to_owned())
    } else if place.ends_with(".json") {
        JwksSource::File(place.into())
    } else if place.is_empty() {
        return Err(invalid(
            keys::AUTH_ISSUER_KEYS,
            "an address or a file for each issuer",
        ));
    } else {
        return Ok(IssuerKeys::Pem(place.into()));
    };
    Ok(IssuerKeys::Jwks(jwks(set, source)?))
}

/// HMAC-SHA-256 with a shorter key can be guessed offline from one token.
const MIN_HS256_SECRET_BYTES: usize = 32;
