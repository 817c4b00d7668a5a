//! Loss records: what was given up is told in the stream, where it would have stood.

use soliplex_wire::Severity;
use soliplex_wire::encode::{Buffer, Members};

use crate::diagnostics::Loss;
use crate::session::Session;

/// The logger of what the pipeline itself has to say.
pub(crate) const LOGGER: &str = "soliplex";

/// One packed record for each loss.
pub(crate) fn records(losses: &[Loss], session: &Session, unix_nanos: i64) -> Vec<Vec<u8>> {
    losses
        .iter()
        .map(|loss| record(loss, session, unix_nanos))
        .collect()
}

fn record(loss: &Loss, session: &Session, unix_nanos: i64) -> Vec<u8> {
    // An error's severity keeps it when room gets scarce: a gap must not be lost in a gap.
    let head = session.head(Severity::Error, unix_nanos);
    let mut packed = Buffer::new();
    packed.piece(&head.to_bytes());
    let mut members = Members::begin(&mut packed, Severity::Warn, LOGGER);
    members.attribute("soliplex.discard.reason", loss.reason.as_str());
    if let Some(count) = loss.count {
        members.attribute("soliplex.discard.count", count);
    }
    if let Some((first, last)) = loss.seqs {
        members.attribute("soliplex.discard.first_seq", first);
        members.attribute("soliplex.discard.last_seq", last);
    }
    members.message(match loss.count {
        Some(_) => "records discarded",
        None => "a damaged file set aside, with records nobody can count",
    });
    members.end();
    packed.into_vec()
}
