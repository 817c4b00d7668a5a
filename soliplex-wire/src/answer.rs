//! What the server says of a batch it took.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The body of a 200: every record has exactly one fate.
///
/// `accepted + duplicates + rejected.len()` is the number of records in the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// Records the server now holds and had not seen before.
    pub accepted: u64,
    /// Records the server holds already; sending them again changed nothing.
    pub duplicates: u64,
    /// Records the server will never take as they are.
    pub rejected: Vec<Rejected>,
}

/// One record the server will never take as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rejected {
    /// The record's place in the batch, from 0. A server always says it; without it, the id says
    /// which record it is.
    pub index: Option<usize>,
    /// The record's id, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What is wrong with it, in words that hold no part of it.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_what_it_writes_and_what_an_older_server_writes() {
        let answer = Answer {
            accepted: 98,
            duplicates: 1,
            rejected: vec![Rejected {
                index: Some(4),
                id: None,
                reason: "expected a JSON object".into(),
            }],
        };
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(
            json,
            r#"{"accepted":98,"duplicates":1,"rejected":[{"index":4,"reason":"expected a JSON object"}]}"#
        );
        assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), answer);
        let older: Answer = serde_json::from_str(r#"{"accepted":2,"more":true}"#).unwrap();
        assert_eq!(
            older,
            Answer {
                accepted: 2,
                ..Default::default()
            }
        );
    }
}
