//! Static public keys: PEM files, each with one key or certificate or several.

use std::path::PathBuf;

use jsonwebtoken::{Algorithm, DecodingKey};

use super::AuthSetupError;
use super::issuer::Key;

/// Reads every key of every file.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Key>, AuthSetupError> {
    let mut keys = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(AuthSetupError::PemFile)?;
        let found = blocks(&text)
            .map(key)
            .collect::<Option<Vec<Key>>>()
            .ok_or(AuthSetupError::PemKey)?;
        if found.is_empty() {
            return Err(AuthSetupError::PemKey);
        }
        keys.extend(found);
    }
    Ok(keys)
}

/// The kind of key decides the algorithm; a private key is none of our business and no key here.
fn key(block: &str) -> Option<Key> {
    if block.contains("PRIVATE KEY") {
        return None;
    }
    let pem = block.as_bytes();
    let (algorithm, key) = DecodingKey::from_rsa_pem(pem)
        .map(|key| (Algorithm::RS256, key))
        .or_else(|_| DecodingKey::from_ec_pem(pem).map(|key| (Algorithm::ES256, key)))
        .or_else(|_| DecodingKey::from_ed_pem(pem).map(|key| (Algorithm::EdDSA, key)))
        .ok()?;
    Some(Key {
        kid: None,
        algorithm,
        key,
    })
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = text.match_indices("-----BEGIN").map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| &text[start..end])
}
