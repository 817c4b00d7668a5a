//! Loss records: what was given up is told in the stream, with the session that lacks it and the
//! first and last number that it had.
//!
//! What cannot be told is told by nobody: a torn frame and a file that cannot be read do not say
//! whose records they held, and what was wiped because consent was withdrawn is only counted.

use soliplex_wire::Severity;
use soliplex_wire::encode::{self, Buffer, Members};

use crate::packed::Form;
use crate::session::Session;
use crate::spool::Loss;

/// The logger of what the pipeline itself has to say.
pub(crate) const LOGGER: &str = "soliplex";

/// The record, as the spool stores it, that tells of a loss in the session with this id, where that
/// is known.
pub(crate) fn record(
    loss: &Loss,
    of_session: Option<&str>,
    session: &Session,
    unix_nanos: i64,
) -> Vec<u8> {
    // An error's severity keeps it when room gets scarce: a gap must not be lost in a gap.
    let head = session.head(Severity::Error, unix_nanos);
    let mut packed = Buffer::new();
    let mut members = Members::begin(&mut packed, Severity::Warn, LOGGER);
    members.attribute("soliplex.discard.reason", &*loss.reason);
    if let Some(count) = loss.count {
        members.attribute("soliplex.discard.count", count);
    }
    if let Some(id) = of_session {
        members.attribute("soliplex.discard.session_id", id);
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
    let mut stored = Buffer::new();
    stored.piece(&head.to_bytes(Form::Stored));
    // What was packed a line above can be printed.
    let _ = encode::print(&packed, &mut stored);
    stored.into_vec()
}
