//! A request's body: its type, its encoding, and both of its sizes.
//!
//! No more than the limit is read from the connection, and no more than the limit is decompressed
//! from it; a bomb costs what an honest body costs.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// Why there is no body. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Over the limit, before or after decompression.
    #[error("the body is over the limit of this server, before or after decompression")]
    TooLarge,
    /// Not JSON by its own account.
    #[error("send application/json")]
    Type,
    /// An encoding that is not known here.
    #[error("send gzip, zstd or no encoding")]
    Encoding,
    /// Not what its encoding says.
    #[error("the body is not what its content-encoding says")]
    Corrupt,
    /// The connection broke.
    #[error("the body did not arrive whole")]
    Broken,
    /// Too slow.
    #[error("the body took too long to arrive")]
    Timeout,
}

/// Reads a JSON body of at most `limit` bytes in either form.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, BodyError> {
    match Media::of(headers) {
        // A body without a type is taken for what everybody sends here.
        Some(Media::Json) => {}
        None if !headers.contains_key(CONTENT_TYPE) => {}
        _ => return Err(BodyError::Type),
    }
    read_any(headers, body, limit, timeout).await
}

/// Reads a body of any type, of at most `limit` bytes in either form.
pub(crate) async fn read_any(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, BodyError> {
    let encoding = encoding(headers)?;
    // A length that is announced is refused before a byte is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let raw = tokio::time::timeout(timeout, collect(body, limit))
        .await
        .map_err(|_| BodyError::Timeout)??;
    decompress(encoding, raw, limit)
}

/// Decompresses what arrived as its headers say, to at most `limit` bytes.
///
/// # Errors
///
/// [`TooLarge`](BodyError::TooLarge) beyond the limit, [`Encoding`](BodyError::Encoding) for one that is not
/// known, [`Corrupt`](BodyError::Corrupt) for bytes that are not what they say.
pub fn decode(headers: &HeaderMap, raw: Bytes, limit: usize) -> Result<Bytes, BodyError> {
    decompress(encoding(headers)?, raw, limit)
}

fn decompress(encoding: Encoding, raw: Bytes, limit: usize) -> Result<Bytes, BodyError> {
    match encoding {
        Encoding::Identity => Ok(raw),
        Encoding::Gzip => inflate(
            flate2::read::MultiGzDecoder::new(&raw[..]),
            raw.len(),
            limit,
        ),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&raw[..])
                .map_err(|_| BodyError::Corrupt)?;
            // A frame may ask for gigabytes of window; a body of the limit's size needs no more
            // than that.
            decoder
                .window_log_max(MAX_WINDOW_LOG)
                .map_err(|_| BodyError::Corrupt)?;
            inflate(decoder, raw.len(), limit)
        }
    }
}

/// The memory that bodies may take together.
///
/// A connection limit alone does not bound it: an HTTP/2 connection carries many bodies.
#[derive(Debug)]
pub(crate) struct Room(Arc<Semaphore>);

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let bytes = limits.bodies_bytes.max(limits.body_bytes);
        Room(Arc::new(Semaphore::new(
            kibibytes(bytes).min(Semaphore::MAX_PERMITS),
        )))
    }

    /// Room for a body: what it announces, or the limit where that says nothing of its size when
    /// read.
    pub(crate) fn reserve(
        &self,
        headers: &HeaderMap,
        body: &Body,
        limit: usize,
    ) -> Option<OwnedSemaphorePermit> {
        let plain = !headers.contains_key(CONTENT_ENCODING);
        let announced = body
            .size_hint()
            .exact()
            .filter(|_| plain)
            .and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = announced.map_or(limit, |bytes| bytes.min(limit));
        let permits = u32::try_from(kibibytes(bytes)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(permits).ok()
    }
}

fn kibibytes(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

/// The types of body there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Protobuf,
}

enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Media {
    /// The type a request states; `None` for none and for any other.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Media> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let essence = value.split(';').next()?.trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Some(Media::Json)
        } else if essence.eq_ignore_ascii_case("application/x-protobuf") {
            Some(Media::Protobuf)
        } else {
            None
        }
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, BodyError> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else {
        return Ok(Encoding::Identity);
    };
    // Encodings on top of each other serve nobody but a bomb.
    if values.next().is_some() {
        return Err(BodyError::Encoding);
    }
    match value
        .to_str()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "identity" | "" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(BodyError::Encoding),
    }
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut all = Vec::with_capacity(announced.min(limit));
    while let Some(frame) =
        std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
    {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if all.len() + data.len() > limit {
            return Err(BodyError::TooLarge);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.into())
}

fn inflate(reader: impl Read, compressed: usize, limit: usize) -> Result<Bytes, BodyError> {
    let mut out = Vec::with_capacity((compressed * 4).min(limit));
    // One byte beyond the limit tells a body of exactly the limit from a longer one.
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| BodyError::Corrupt)?;
    if out.len() > limit {
        Err(BodyError::TooLarge)
    } else {
        Ok(out.into())
    }
}

/// 8 MiB, what RFC 8878, section 3.1.1.1.2, asks every decoder to support.
const MAX_WINDOW_LOG: u32 = 23;

#[cfg(test)]
mod tests;
