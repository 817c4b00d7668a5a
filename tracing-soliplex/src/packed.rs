//! A record as it lies in the queue and in the spool: a fixed head, then its members.
//!
//! The head holds what is cheaper as a number; what it holds is written as JSON only when the
//! record is sent ([`encode::Head`](soliplex_wire::encode::Head)). The members have their values
//! [packed](soliplex_wire::encode::Members) in the queue, and are JSON in the spool
//! ([`print`](mod@crate::print)).
//!
//! | bytes | what | |
//! |---|---|---|
//! | 0 | version | that of its [`Form`]; what has another version is not read |
//! | 1 | kind | [`Kind`] |
//! | 2 | severity | OpenTelemetry's number |
//! | 3 | | zero; reserved |
//! | 4–11 | context | the session's facts it was captured under, see [`Session`](crate::session::Session) |
//! | 12–27 | id | UUIDv7, big-endian as UUIDs are |
//! | 28–35 | seq | from 1, within the session |
//! | 36–43 | time | nanoseconds since the Unix epoch, signed |
//! | 44– | body | the members, or for [`Kind::Context`] the session's facts as JSON |
//!
//! Numbers are little-endian but for the id.

use soliplex_wire::{Severity, Uuid};

/// Bytes of the head.
pub(crate) const HEAD_BYTES: usize = 44;

/// Where a record lies, which decides how its members are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the queue, its values packed.
    Queued,
    /// In the spool, its members printed.
    Stored,
}

/// What is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A record.
    Record,
    /// The facts of a session, which records refer to.
    Context,
}

/// What is known of every packed record without reading its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedHead {
    pub(crate) kind: Kind,
    pub(crate) severity: Severity,
    pub(crate) context: u64,
    pub(crate) id: Uuid,
    pub(crate) seq: u64,
    pub(crate) unix_nanos: i64,
}

/// A packed record, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed<'a> {
    pub(crate) head: PackedHead,
    pub(crate) body: &'a [u8],
}

impl Form {
    /// The version of this layout. The first one had its members printed in the queue, too.
    const fn version(self) -> u8 {
        match self {
            Form::Stored => 1,
            Form::Queued => 2,
        }
    }
}

impl PackedHead {
    pub(crate) fn to_bytes(self, form: Form) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        self.write_to(&mut bytes, form);
        bytes
    }

    /// Writes each number where it belongs: a head that is put together elsewhere and copied is read
    /// back before it has left the processor's store buffer, which costs as much as all the rest.
    #[inline(always)]
    pub(crate) fn write_to(&self, bytes: &mut [u8; HEAD_BYTES], form: Form) {
        let kind = match self.kind {
            Kind::Record => 1,
            Kind::Context => 2,
        };
        let (upper, lower) = self.id.as_u64_pair();
        bytes[..4].copy_from_slice(&[form.version(), kind, self.severity.number(), 0]);
        bytes[4..12].copy_from_slice(&self.context.to_le_bytes());
        bytes[12..20].copy_from_slice(&upper.to_be_bytes());
        bytes[20..28].copy_from_slice(&lower.to_be_bytes());
        bytes[28..36].copy_from_slice(&self.seq.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.unix_nanos.to_le_bytes());
    }
}

impl<'a> Packed<'a> {
    /// `None` when the bytes are no record of this form and its version.
    pub(crate) fn parse(bytes: &'a [u8], form: Form) -> Option<Packed<'a>> {
        let (head, body) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let kind = match head[1] {
            _ if head[0] != form.version() => return None,
            1 => Kind::Record,
            2 => Kind::Context,
            _ => return None,
        };
        let head = PackedHead {
            kind,
            severity: Severity::from_number(head[2])?,
            context: u64::from_le_bytes(*head[4..].first_chunk()?),
            id: Uuid::from_bytes(*head[12..].first_chunk()?),
            seq: u64::from_le_bytes(*head[28..].first_chunk()?),
            unix_nanos: i64::from_le_bytes(*head[36..].first_chunk()?),
        };
        Some(Packed { head, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: PackedHead = PackedHead {
        kind: Kind::Record,
        severity: Severity::Warn,
        context: 0x0102_0304_0506_0708,
        id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        seq: u64::MAX,
        unix_nanos: -1,
    };

    #[test]
    fn a_packed_record_reads_what_it_writes() {
        for kind in [Kind::Record, Kind::Context] {
            for form in [Form::Queued, Form::Stored] {
                let head = PackedHead { kind, ..HEAD };
                let bytes = [&head.to_bytes(form)[..], b"body"].concat();
                let packed = Packed {
                    head,
                    body: b"body",
                };
                assert_eq!(Packed::parse(&bytes, form), Some(packed));
            }
        }
    }

    #[test]
    fn what_is_no_record_of_this_form_and_version_is_not_read() {
        for (form, other) in [(Form::Queued, Form::Stored), (Form::Stored, Form::Queued)] {
            let good = HEAD.to_bytes(form);
            assert_eq!(Packed::parse(&good[..HEAD_BYTES - 1], form), None);
            assert_eq!(Packed::parse(&good, other), None);
            for (at, byte) in [(0, 3), (1, 9), (2, 7)] {
                let mut bytes = good;
                bytes[at] = byte;
                assert_eq!(Packed::parse(&bytes, form), None, "byte {at}");
            }
        }
    }
}
