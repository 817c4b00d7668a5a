//! The bytes of one chunk: the records of one append that share a lane and a context. Turns
//! records into a value and back, and trusts nothing it reads. Where chunks are kept, and under
//! which numbers, is not known here.
//!
//! All integers are little-endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | format version, [`VERSION`] |
//! | 1 | 1 | flags, none yet; one is reserved for an encrypted body |
//! | 2 | 2 | records, at least 1 |
//! | 4 | 4 | CRC-32 of everything else |
//! | 8 | 8 | context |
//! | 16 | 8 | lowest seq |
//! | 24 | 8 | highest seq |
//! | 32 | 8 | earliest time, nanoseconds since the Unix epoch |
//! | 40 | 8 | latest time |
//! | 48 | 16 each | per record: payload length (4), flags (4, none yet), seq (8) |
//! | … | | the payloads, one after the other |
//!
//! A version or a flag this code does not know makes the chunk unreadable, never misread.

use super::state::LaneTotals;
use thiserror::Error;

/// The version written; the only one read.
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 48;
const RECORD_HEADER_BYTES: usize = 16;
const CRC_RANGE: std::ops::Range<usize> = 4..8;

/// One record on its way in.
#[derive(Clone, Copy)]
pub(crate) struct ChunkRecord<'a> {
    /// The record's number within its session.
    pub(crate) seq: u64,
    /// When it was logged, nanoseconds since the Unix epoch.
    pub(crate) unix_nanos: i64,
    /// The encoded record.
    pub(crate) payload: &'a [u8],
}

/// What a chunk says of itself; read without touching the payloads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ChunkHeader {
    /// How many records it holds.
    pub(crate) records: u64,
    /// Their payloads' bytes, together.
    pub(crate) payload_bytes: u64,
    /// The context all of them were captured in.
    pub(crate) context: u64,
    /// The lowest number among them.
    pub(crate) first_seq: u64,
    /// The highest.
    pub(crate) last_seq: u64,
    /// The latest time among them, nanoseconds since the Unix epoch.
    pub(crate) last_unix_nanos: i64,
}

/// Why a stored chunk cannot be read.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
pub(crate) enum ChunkError {
    /// Written by a later version, or with a feature this one lacks.
    #[error("unknown chunk format")]
    UnknownFormat,
    /// The lengths inside do not add up to the length outside.
    #[error("chunk of an impossible length")]
    Length,
    /// The bytes are not those that were written.
    #[error("chunk with a wrong checksum")]
    Checksum,
}

/// The bytes a chunk of these records takes, header included.
pub(crate) fn encoded_len(records: &[ChunkRecord<'_>]) -> usize {
    let payloads: usize = records.iter().map(|record| record.payload.len()).sum();
    HEADER_BYTES + records.len() * RECORD_HEADER_BYTES + payloads
}

/// What one record adds to the length of a chunk.
pub(crate) fn record_len(payload: &[u8]) -> usize {
    RECORD_HEADER_BYTES + payload.len()
}

/// The bytes of all the chunks these totals count.
pub(crate) fn stored_bytes(totals: LaneTotals) -> u64 {
    totals.bytes + totals.records * RECORD_HEADER_BYTES as u64 + totals.chunks * HEADER_BYTES as u64
}

/// Writes the chunk into `out`, which must be [`encoded_len`] long.
pub(crate) fn encode(context: u64, records: &[ChunkRecord<'_>], out: &mut [u8]) {
    let mut writer = Writer { out, at: 0 };
    let seqs = || records.iter().map(|record| record.seq);
    let times = || records.iter().map(|record| record.unix_nanos);
    writer.put(&[VERSION, 0]);
    // The caller keeps to a hundred records, and a payload to well under 4 GiB.
    writer.put(&u16::try_from(records.len()).unwrap_or(0).to_le_bytes());
    writer.put(&[0; 4]);
    writer.put(&context.to_le_bytes());
    writer.put(&seqs().min().unwrap_or(0).to_le_bytes());
    writer.put(&seqs().max().unwrap_or(0).to_le_bytes());
    writer.put(&times().min().unwrap_or(0).to_le_bytes());
    writer.put(&times().max().unwrap_or(0).to_le_bytes());
    for record in records {
        let len = u32::try_from(record.payload.len()).unwrap_or(u32::MAX);
        writer.put(&len.to_le_bytes());
        writer.put(&[0; 4]);
        writer.put(&record.seq.to_le_bytes());
    }
    for record in records {
        writer.put(record.payload);
    }
    let crc = checksum(out).to_le_bytes();
    if let Some(place) = out.get_mut(CRC_RANGE) {
        place.copy_from_slice(&crc);
    }
}

impl ChunkHeader {
    /// Reads the header alone; the checksum is left to [`records`].
    pub(crate) fn decode(chunk: &[u8]) -> Result<Self, ChunkError> {
        let mut reader = Reader { rest: chunk };
        let [version, flags] = reader.take::<2>()?;
        if version != VERSION || flags != 0 {
            return Err(ChunkError::UnknownFormat);
        }
        let records = usize::from(u16::from_le_bytes(reader.take()?));
        let _crc: [u8; 4] = reader.take()?;
        let context = u64::from_le_bytes(reader.take()?);
        let first_seq = u64::from_le_bytes(reader.take()?);
        let last_seq = u64::from_le_bytes(reader.take()?);
        let _earliest: [u8; 8] = reader.take()?;
        let last_unix_nanos = i64::from_le_bytes(reader.take()?);
        let body = HEADER_BYTES + records * RECORD_HEADER_BYTES;
        let payload_bytes = chunk.len().checked_sub(body).ok_or(ChunkError::Length)?;
        if records == 0 {
            return Err(ChunkError::Length);
        }
        Ok(Self {
            records: records as u64,
            payload_bytes: payload_bytes as u64,
            context,
            first_seq,
            last_seq,
            last_unix_nanos,
        })
    }
}

/// The records of a chunk, each as its seq and its payload, after checking every byte.
pub(crate) fn records(chunk: &[u8]) -> Result<Vec<(u64, &[u8])>, ChunkError> {
    let header = ChunkHeader::decode(chunk)?;
    if chunk.get(CRC_RANGE) != Some(checksum(chunk).to_le_bytes().as_slice()) {
        return Err(ChunkError::Checksum);
    }
    let count = usize::try_from(header.records).map_err(|_| ChunkError::Length)?;
    let (_, body) = chunk
        .split_at_checked(HEADER_BYTES)
        .ok_or(ChunkError::Length)?;
    let (entries, payloads) = body
        .split_at_checked(count * RECORD_HEADER_BYTES)
        .ok_or(ChunkError::Length)?;
    let mut entries = Reader { rest: entries };
    let mut payloads = Reader { rest: payloads };
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let len = u32::from_le_bytes(entries.take()?);
        if entries.take::<4>()? != [0; 4] {
            return Err(ChunkError::UnknownFormat);
        }
        let seq = u64::from_le_bytes(entries.take()?);
        let len = usize::try_from(len).map_err(|_| ChunkError::Length)?;
        records.push((seq, payloads.slice(len)?));
    }
    if payloads.rest.is_empty() {
        Ok(records)
    } else {
        Err(ChunkError::Length)
    }
}

fn checksum(chunk: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(chunk.get(..CRC_RANGE.start).unwrap_or_default());
    hasher.update(chunk.get(CRC_RANGE.end..).unwrap_or_default());
    hasher.finalize()
}

struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(place) = self.out.get_mut(self.at..end) {
            place.copy_from_slice(bytes);
        }
        self.at = end;
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn slice(&mut self, len: usize) -> Result<&'a [u8], ChunkError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(ChunkError::Length)?;
        self.rest = rest;
        Ok(head)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ChunkError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(ChunkError::Length)?;
        self.rest = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn encoded(context: u64, payloads: &[Vec<u8>]) -> Vec<u8> {
        let records: Vec<ChunkRecord<'_>> = payloads
            .iter()
            .zip(7..)
            .map(|(payload, seq)| ChunkRecord {
                seq,
                unix_nanos: -5,
                payload,
            })
            .collect();
        let mut out = vec![0xAA; encoded_len(&records)];
        encode(context, &records, &mut out);
        out
    }

    proptest! {
        #[test]
        fn every_chunk_reads_back_as_it_was_written(
            context: u64,
            payloads in vec(vec(any::<u8>(), 0..64), 1..20),
        ) {
            let chunk = encoded(context, &payloads);
            let header = ChunkHeader::decode(&chunk).unwrap();
            prop_assert_eq!(header.context, context);
            prop_assert_eq!(header.records, payloads.len() as u64);
            prop_assert_eq!((header.first_seq, header.last_unix_nanos), (7, -5));
            prop_assert_eq!(header.last_seq, 6 + payloads.len() as u64);
            let read: Vec<Vec<u8>> = records(&chunk).unwrap().iter().map(|(_, p)| p.to_vec()).collect();
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn no_single_changed_byte_goes_unnoticed(
            payloads in vec(vec(any::<u8>(), 0..32), 1..6),
            at: prop::sample::Index,
            flip in 1..=255u8,
        ) {
            let mut chunk = encoded(3, &payloads);
            let at = at.index(chunk.len());
            chunk[at] ^= flip;
            prop_assert!(records(&chunk).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..256)) {
            prop_assert!(records(&bytes).is_err());
        }
    }

    #[test]
    fn a_chunk_of_a_later_version_is_refused() {
        let mut chunk = encoded(1, &[vec![1]]);
        chunk[0] = VERSION + 1;
        assert_eq!(records(&chunk), Err(ChunkError::UnknownFormat));
        assert_eq!(ChunkHeader::decode(&chunk), Err(ChunkError::UnknownFormat));
    }

    #[test]
    fn an_encrypted_chunk_is_refused() {
        let mut chunk = encoded(1, &[vec![1]]);
        chunk[1] = 1;
        assert_eq!(records(&chunk), Err(ChunkError::UnknownFormat));
    }
}
