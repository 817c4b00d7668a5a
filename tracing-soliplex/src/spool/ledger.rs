//! The ledger: what was given up and has not been told to the server yet.
//!
//! A loss is entered by the very commit that causes it, so that no kill comes between the two. It is
//! told by a record like any other, which the caller makes and appends, and it leaves the ledger
//! when that record has been delivered, or refused for good. Until then the ledger remembers in which
//! chunk the record waits: should that be given up in turn, the loss is there to be told once more. A
//! gap is never lost in a gap.
//!
//! It is one row of the table `meta`, in JSON, and like all of that table it moves along when the
//! file has to be given up.

use super::limits::{MAX_LEDGER_FACTS, MAX_TOLD, MAX_UNTOLD};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The name of its row.
pub(crate) const ROW: &str = "losses";

/// The server will never take them.
pub(crate) const REJECTED: &str = "rejected";
/// They were in a chunk or a file that cannot be read.
pub(crate) const SPOOL_DAMAGED: &str = "spool_damaged";
/// Consent was withdrawn.
pub(crate) const DENIED: &str = "denied";

/// Records that were given up: for one reason, and in one context where that is known.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Loss {
    /// Why.
    pub(crate) reason: Cow<'static, str>,
    /// The context they were captured in; none when they are of several, or nobody knows.
    pub(crate) context: Option<u64>,
    /// Its facts, which may have left with them.
    pub(crate) facts: Option<String>,
    /// How many; nobody knows of a file that could not be read.
    pub(crate) count: Option<u64>,
    /// The lowest and the highest seq among them; those between may have been delivered.
    pub(crate) seqs: Option<(u64, u64)>,
}

/// All losses that the server does not know of.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ledger {
    /// No record tells of these.
    untold: Vec<Loss>,
    /// The chunk with the record that tells of each of these.
    told: Vec<(u64, Loss)>,
}

impl Loss {
    /// So many records of nobody knows which context.
    pub(crate) fn counted(reason: &'static str, count: u64) -> Self {
        Self {
            reason: reason.into(),
            count: Some(count),
            ..Self::default()
        }
    }

    /// Records that nobody could count.
    pub(crate) fn uncounted(reason: &'static str) -> Self {
        Self {
            reason: reason.into(),
            ..Self::default()
        }
    }

    /// The same in a context with these facts.
    pub(crate) fn of(self, context: u64, facts: Option<&[u8]>) -> Self {
        let facts = facts.and_then(|facts| String::from_utf8(facts.to_vec()).ok());
        let written =
            |facts: &String| serde_json::to_vec(facts).map_or(usize::MAX, |json| json.len());
        let facts = facts.filter(|facts| written(facts) <= MAX_LEDGER_FACTS);
        Self {
            context: Some(context),
            facts,
            ..self
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.reason, self.context, self.count.is_some())
            == (&other.reason, other.context, other.count.is_some())
    }

    fn merge(&mut self, other: Self) {
        self.count = self.count.zip(other.count).map(|(a, b)| a + b);
        self.seqs = match (self.seqs, other.seqs) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (known, None) | (None, known) => known,
        };
        self.facts = self.facts.take().or(other.facts);
    }

    /// All of it but how many and why.
    pub(crate) fn nameless(self) -> Self {
        Self {
            reason: self.reason,
            count: self.count,
            ..Self::default()
        }
    }
}

impl Ledger {
    /// Reads what [`to_json`](Self::to_json) wrote; what a later version wrote otherwise is empty.
    pub(super) fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    /// Nothing where there is nothing to tell.
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What no record tells of; no more of it than records that tell may be on their way.
    pub(super) fn untold(&self) -> &[Loss] {
        let room = MAX_TOLD.saturating_sub(self.told.len());
        &self.untold[..self.untold.len().min(room)]
    }

    /// Enters a loss.
    pub(super) fn add(&mut self, loss: Loss) {
        if loss.count == Some(0) {
            return;
        }
        if let Some(known) = self.untold.iter_mut().find(|known| known.is_like(&loss)) {
            known.merge(loss);
        } else if loss.context.is_none() || self.named() < MAX_UNTOLD {
            self.untold.push(loss);
        } else {
            // So many sessions at once that their names have to go; there are few reasons.
            self.add(loss.nameless());
        }
    }

    fn named(&self) -> usize {
        let named = self.untold.iter().filter(|loss| loss.context.is_some());
        named.count()
    }

    /// A record in this chunk tells of the loss, which may have grown since the record was made.
    pub(super) fn tell(&mut self, loss: &Loss, chunk: u64) {
        if let Some(known) = self.untold.iter_mut().find(|known| known.is_like(loss)) {
            known.count = known
                .count
                .zip(loss.count)
                .map(|(a, b)| a.saturating_sub(b));
        }
        self.untold.retain(|known| {
            let is_told = known.is_like(loss) && known.count.is_none_or(|count| count == 0);
            !is_told
        });
        self.told.push((chunk, loss.clone()));
    }

    /// A chunk has been delivered.
    pub(super) fn delivered(&mut self, chunk: u64) {
        self.told.retain(|(place, _)| *place != chunk);
    }

    /// A chunk has been given up; what was told in it is untold.
    pub(super) fn given_up(&mut self, chunk: u64) {
        self.untell(|place| place == chunk);
    }

    /// All chunks have been given up.
    pub(super) fn all_given_up(&mut self) {
        self.untell(|_| true);
    }

    /// Forgets whose records they were, and which.
    pub(super) fn forget_names(&mut self) {
        self.all_given_up();
        for loss in std::mem::take(&mut self.untold) {
            self.add(loss.nameless());
        }
    }

    fn untell(&mut self, is_gone: impl Fn(u64) -> bool) {
        let (gone, told) = std::mem::take(&mut self.told)
            .into_iter()
            .partition(|(place, _)| is_gone(*place));
        self.told = told;
        let gone: Vec<(u64, Loss)> = gone;
        for (_, loss) in gone {
            self.add(loss);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(context: u64, count: u64, seqs: (u64, u64)) -> Loss {
        Loss {
            seqs: Some(seqs),
            ..Loss::counted("spool_full", count).of(context, Some(b"{}"))
        }
    }

    #[test]
    fn losses_of_one_session_and_reason_are_one_and_others_stand_apart() {
        let mut ledger = Ledger::default();
        ledger.add(loss(1, 2, (5, 6)));
        ledger.add(loss(1, 3, (1, 4)));
        ledger.add(loss(2, 1, (9, 9)));
        ledger.add(Loss::uncounted(SPOOL_DAMAGED));
        ledger.add(Loss::counted(SPOOL_DAMAGED, 0));
        assert_eq!(
            ledger.untold(),
            [
                loss(1, 5, (1, 6)),
                loss(2, 1, (9, 9)),
                Loss::uncounted(SPOOL_DAMAGED)
            ]
        );
        assert_eq!(Ledger::from_json(&ledger.to_json()), ledger);
    }

    #[test]
    fn what_was_lost_since_a_record_told_of_it_is_told_by_the_next() {
        let mut ledger = Ledger::default();
        ledger.add(loss(1, 2, (5, 6)));
        let told = ledger.untold()[0].clone();
        ledger.add(loss(1, 1, (7, 7)));
        ledger.tell(&told, 40);
        assert_eq!(ledger.untold()[0].count, Some(1));
        ledger.delivered(40);
        assert_eq!(ledger.untold().len(), 1);
        let told = ledger.untold()[0].clone();
        ledger.tell(&told, 41);
        assert_eq!(ledger.untold(), []);
    }

    #[test]
    fn a_loss_told_in_a_chunk_that_is_given_up_is_untold_again() {
        let mut ledger = Ledger::default();
        ledger.add(loss(1, 2, (5, 6)));
        ledger.tell(&loss(1, 2, (5, 6)), 40);
        ledger.given_up(39);
        assert_eq!(ledger.untold(), []);
        ledger.add(loss(1, 1, (8, 8)));
        ledger.given_up(40);
        assert_eq!(ledger.untold(), [loss(1, 3, (5, 8))]);
    }

    /// Facts of the greatest length that is kept.
    fn longest_facts() -> Vec<u8> {
        let quotes = (MAX_LEDGER_FACTS - 2 - "{}".len()) / 2;
        format!("{{{}}}", "\"".repeat(quotes)).into_bytes()
    }

    #[test]
    fn it_is_never_longer_than_a_value_of_sixteen_pages() {
        let mut ledger = Ledger::default();
        let facts = longest_facts();
        let mut longest = 0;
        for round in 0..5 {
            for context in u64::MAX - 100..u64::MAX {
                let loss = Loss {
                    reason: format!("a_reason_of_some_length{}", context % 10).into(),
                    seqs: Some((u64::MAX, u64::MAX)),
                    ..Loss::counted("", 1 << 50).of(context, Some(&facts))
                };
                assert_eq!(loss.facts.as_ref().map(String::len), Some(facts.len()));
                ledger.add(loss);
            }
            for reason in 0..10 {
                let reason = format!("a_reason_of_some_length{reason}").into();
                ledger.add(Loss {
                    reason,
                    ..Loss::default()
                });
            }
            let bytes = ledger.to_json().len();
            assert!(bytes < 48 * 1024, "{round}: {bytes}");
            longest = longest.max(bytes);
            for (place, loss) in ledger.untold().to_vec().iter().enumerate() {
                ledger.tell(loss, u64::MAX - place as u64);
            }
        }
        assert!(longest > 40_000, "{longest}");
        assert_eq!(ledger.told.len(), MAX_TOLD);
        ledger.all_given_up();
        assert!(ledger.to_json().len() < 48 * 1024);
        let longer = [&facts[..], b"  "].concat();
        assert_eq!(Loss::counted("", 1).of(1, Some(&longer)).facts, None);
    }

    #[test]
    fn more_sessions_than_it_keeps_apart_cost_names_and_no_count() {
        let mut ledger = Ledger::default();
        let most = MAX_UNTOLD as u64;
        (0..3 * most).for_each(|context| ledger.add(loss(context, 1, (1, 1))));
        assert_eq!(ledger.untold.len(), MAX_UNTOLD + 1);
        let counts: u64 = ledger.untold.iter().filter_map(|loss| loss.count).sum();
        assert_eq!(counts, 3 * most);
        ledger.forget_names();
        assert_eq!(ledger.untold(), [Loss::counted("spool_full", 3 * most)]);
    }
}
