//! What is known of a batch without reading it, and how that is kept.

use crate::otlp;

/// What is known of a batch without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How many records it holds.
    pub records: u32,
    /// How many bytes of OTLP it is.
    pub bytes: u32,
    /// Whether one of its records is ERROR or FATAL.
    pub urgent: bool,
    /// Its earliest record's time, nanoseconds since 1970.
    pub earliest: u64,
    /// Its latest record's time, nanoseconds since 1970.
    pub latest: u64,
}

impl Facts {
    /// The facts of an encoded request.
    pub(crate) fn of(request: &otlp::proto::ExportLogsServiceRequest, bytes: usize) -> Facts {
        let mut facts = Facts {
            records: 0,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            urgent: false,
            earliest: u64::MAX,
            latest: 0,
        };
        for record in otlp::records(request) {
            facts.records += 1;
            facts.urgent |=
                record.severity_number >= i32::from(soliplex_wire::Severity::Error.number());
            facts.earliest = facts.earliest.min(record.time_unix_nano);
            facts.latest = facts.latest.max(record.time_unix_nano);
        }
        facts
    }
}

impl Facts {
    pub(super) fn to_bytes(self) -> [u8; 25] {
        let mut bytes = [0; 25];
        bytes[0..4].copy_from_slice(&self.records.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[8] = self.urgent.into();
        bytes[9..17].copy_from_slice(&self.earliest.to_le_bytes());
        bytes[17..25].copy_from_slice(&self.latest.to_le_bytes());
        bytes
    }

    /// `None` when these are no facts; such a batch stays where it is and is not counted.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Facts> {
        let bytes: &[u8; 25] = bytes.try_into().ok()?;
        let (records, rest) = bytes.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (urgent, rest) = rest.split_first()?;
        let (earliest, rest) = rest.split_first_chunk()?;
        let (latest, _) = rest.split_first_chunk()?;
        Some(Facts {
            records: u32::from_le_bytes(*records),
            bytes: u32::from_le_bytes(*len),
            urgent: *urgent != 0,
            earliest: u64::from_le_bytes(*earliest),
            latest: u64::from_le_bytes(*latest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_read_what_they_write() {
        let facts = Facts {
            records: 7,
            bytes: 9,
            urgent: true,
            earliest: 1,
            latest: u64::MAX,
        };
        assert_eq!(Facts::from_bytes(&facts.to_bytes()), Some(facts));
        assert_eq!(Facts::from_bytes(&[0; 24]), None);
    }
}
