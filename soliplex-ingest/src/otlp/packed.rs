//! A batch as it is kept: compressed once, for the disk and for the upstream alike.
//!
//! gzip is a head, a deflate stream and a checksum of what was compressed. A deflate stream that is
//! flushed and not ended stops at a whole byte, and another may follow it; two checksums can be
//! combined into that of both. So batches that were compressed one by one become one gzip body of
//! one member by being put behind each other, without being looked at again (RFC 1951, section 3.2;
//! RFC 1952, section 2.3).
//!
//! | bytes | what |
//! |---|---|
//! | 1 | [`MARK`], with which no encoded request begins |
//! | 4 | the checksum of the encoded request, little-endian |
//! | 4 | its length, little-endian |
//! | the rest | the flushed deflate stream |
//!
//! A batch is also kept as it was encoded, where the upstream does not take gzip; every reader here
//! takes both.

use std::cell::RefCell;

use crc32fast::Hasher;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// A batch that is not what its own checksum and length say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kept batch is damaged")]
pub(crate) struct Damaged;

/// Compresses an encoded request for keeping.
pub(crate) fn pack(request: &[u8]) -> Vec<u8> {
    let Ok(len) = u32::try_from(request.len()) else {
        return request.to_vec();
    };
    let mut packed = Vec::with_capacity(HEAD_BYTES + room_for(request));
    packed.push(MARK);
    packed.extend_from_slice(&crc32fast::hash(request).to_le_bytes());
    packed.extend_from_slice(&len.to_le_bytes());
    match DEFLATE.with_borrow_mut(|deflate| flushed(deflate, request, &mut packed)) {
        Ok(()) => {
            // Records seldom take the room they were given, and dozens of batches wait for a commit.
            packed.shrink_to_fit();
            packed
        }
        // Deflate has no input that it refuses; were there one, it would be kept as it is.
        Err(_) => request.to_vec(),
    }
}

/// Compresses what `write` appends, and gives what it says of that.
pub(crate) fn pack_written<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> (Vec<u8>, T) {
    WRITTEN.with_borrow_mut(|request| {
        request.clear();
        let said = write(request);
        let packed = pack(request);
        // Nothing shrinks to less than what it holds.
        request.clear();
        request.shrink_to(MAX_KEPT_ROOM);
        (packed, said)
    })
}

/// The encoded request of a kept batch.
pub(crate) fn unpack(kept: Vec<u8>) -> Result<Vec<u8>, Damaged> {
    let Some(packed) = Packed::read(&kept)? else {
        return Ok(kept);
    };
    let len = packed.len as usize;
    // The length was read from a disk: more than deflate can give is none to make room for.
    if len / MAX_RATIO > packed.stream.len() {
        return Err(Damaged);
    }
    // A byte more than is needed, so that the end of the stream is read too.
    let mut request = Vec::with_capacity(len + 1);
    let mut inflate = Decompress::new(false);
    inflate
        .decompress_vec(packed.stream, &mut request, FlushDecompress::Sync)
        .map_err(|_| Damaged)?;
    let is_whole = inflate.total_in() == packed.stream.len() as u64
        && packed.stream.ends_with(&FLUSH_END)
        && request.len() == len
        && crc32fast::hash(&request) == packed.crc;
    is_whole.then_some(request).ok_or(Damaged)
}

/// Whether a kept batch is compressed.
pub(crate) fn is_packed(kept: &[u8]) -> bool {
    kept.first() == Some(&MARK)
}

/// One gzip body of kept batches, in order; `None` when one of them is not compressed, or damaged.
pub(crate) fn gzip(batches: &[Vec<u8>]) -> Option<Vec<u8>> {
    let len: usize = batches.iter().map(Vec::len).sum();
    let mut body = Vec::with_capacity(len + GZIP_HEAD.len() + LAST_BLOCK.len() + 8);
    body.extend_from_slice(&GZIP_HEAD);
    let mut crc = Hasher::new();
    let mut total = 0_u32;
    for kept in batches {
        let packed = Packed::read(kept).ok()??;
        body.extend_from_slice(packed.stream);
        crc.combine(&Hasher::new_with_initial_len(packed.crc, packed.len.into()));
        total = total.wrapping_add(packed.len);
    }
    body.extend_from_slice(&LAST_BLOCK);
    body.extend_from_slice(&crc.finalize().to_le_bytes());
    body.extend_from_slice(&total.to_le_bytes());
    Some(body)
}

struct Packed<'a> {
    crc: u32,
    len: u32,
    stream: &'a [u8],
}

impl Packed<'_> {
    /// `None` for a batch that was kept as it was encoded.
    fn read(kept: &[u8]) -> Result<Option<Packed<'_>>, Damaged> {
        let Some(rest) = kept.strip_prefix(&[MARK]) else {
            return Ok(None);
        };
        let (crc, rest) = rest.split_first_chunk().ok_or(Damaged)?;
        let (len, stream) = rest.split_first_chunk().ok_or(Damaged)?;
        Ok(Some(Packed {
            crc: u32::from_le_bytes(*crc),
            len: u32::from_le_bytes(*len),
            stream,
        }))
    }
}

/// Appends `input` as a deflate stream that is flushed and not ended.
fn flushed(
    deflate: &mut Compress,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), flate2::CompressError> {
    deflate.reset();
    loop {
        out.reserve(room_for(input));
        let read = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = input.get(read..).unwrap_or_default();
        let status = deflate.compress_vec(rest, out, FlushCompress::Sync)?;
        // A flush is complete when it leaves room; without room it goes on in the next call.
        if status == Status::BufError || out.len() < out.capacity() {
            return Ok(());
        }
    }
}

/// Bytes that records take when they are compressed, and a flush's own.
fn room_for(input: &[u8]) -> usize {
    input.len() / 4 + 64
}

thread_local! {
    /// Its tables take a quarter of a megabyte: too much to fill for each batch anew.
    static DEFLATE: RefCell<Compress> =
        // Level 1 costs a third of level 6 and gives five times instead of seven.
        RefCell::new(Compress::new(Compression::fast(), false));

    /// Where a request stands only to be compressed.
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of room that each thread keeps for the next request: four times a batch of our client's.
const MAX_KEPT_ROOM: usize = 256 << 10;

/// An encoded request begins with its first field, 10.
const MARK: u8 = 1;
const HEAD_BYTES: usize = 9;

/// Deflate gives at most 1032 bytes for one.
const MAX_RATIO: usize = 1032;

/// RFC 1952, section 2.3: the mark, deflate, no flags, no time, "fastest", no system told.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// RFC 1951, section 3.2.4: the length of the empty stored block that a flush ends with.
const FLUSH_END: [u8; 4] = [0, 0, 0xff, 0xff];

/// RFC 1951, section 3.2.3: the last block, with fixed codes, and its end at once.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Bytes that begin as a request does: some repeat themselves, some do not.
    fn request() -> impl Strategy<Value = Vec<u8>> {
        let text = ("[a-z ]{0,40}", 0..2_000_usize).prop_map(|(text, n)| text.repeat(n).into());
        prop_oneof![text, vec(any::<u8>(), 0..20_000)].prop_map(|mut bytes: Vec<u8>| {
            bytes.insert(0, 10);
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn batches_behind_each_other_are_one_gzip_member(requests in vec(request(), 0..5)) {
            let packed: Vec<_> = requests.iter().map(|request| pack(request)).collect();
            let body = gzip(&packed).unwrap();
            // This decoder reads one member and stops; what follows would stay unread.
            let mut decoder = GzDecoder::new(&*body);
            let mut all = Vec::new();
            decoder.read_to_end(&mut all).unwrap();
            prop_assert_eq!(all, requests.concat());
            prop_assert!(decoder.into_inner().is_empty());
        }

        #[test]
        fn what_is_packed_unpacks_and_what_is_not_stays(request in request()) {
            prop_assert_eq!(unpack(pack(&request)), Ok(request.clone()));
            prop_assert_eq!(unpack(request.clone()), Ok(request.clone()));
            prop_assert_eq!(gzip(&[pack(&request), request]), None);
        }

        #[test]
        fn damage_is_found(request in request(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut kept = pack(&request);
            let at = 1 + at.index(kept.len() - 1);
            kept[at] ^= 1_u8 << bit;
            // Up to seven bits in front of the flush's end mean nothing.
            prop_assert!(unpack(kept).map_or(true, |same| same == request));
        }
    }

    #[test]
    fn a_large_request_leaves_no_more_room_behind_than_may_be_kept() {
        let large = vec![10; 4 * MAX_KEPT_ROOM];
        let (packed, ()) = pack_written(|request| request.extend_from_slice(&large));
        assert_eq!(unpack(packed), Ok(large));
        let kept = WRITTEN.with_borrow(Vec::capacity);
        assert!(kept <= MAX_KEPT_ROOM, "{kept}");
    }

    #[test]
    fn a_batch_that_was_cut_off_or_claims_too_much_is_damaged() {
        let kept = pack(b"\x0ahello hello hello");
        for end in 1..kept.len() {
            assert_eq!(unpack(kept[..end].to_vec()), Err(Damaged), "{end}");
        }
        let mut boast = kept;
        boast[5..9].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(unpack(boast), Err(Damaged));
    }
}
