//! Which batches wait, and in which order they are lent.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Loan, Pending};

/// The batches that wait, by arrival; lent ones apart.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    ready: BTreeMap<u64, Facts>,
    urgent: BTreeSet<u64>,
    lent: BTreeMap<u64, Facts>,
    ready_bytes: u64,
    total: Pending,
}

impl Waiting {
    pub(super) fn add(&mut self, seq: u64, facts: Facts) {
        self.total.batches += 1;
        self.total.records += u64::from(facts.records);
        self.total.bytes += u64::from(facts.bytes);
        self.make_ready(seq, facts);
    }

    /// Lends at least one batch if any is ready.
    ///
    /// The newest urgent batch leads, so that an error of this minute does not wait behind an
    /// outage's backlog; the rest goes oldest first, so that nothing waits forever.
    pub(super) fn lend(&mut self, max_records: usize, max_bytes: usize) -> Vec<Loan> {
        let mut loans = Vec::new();
        let (mut records, mut bytes) = (0_usize, 0_usize);
        let mut next = self.urgent.last().copied().or_else(|| self.oldest());
        while let Some(seq) = next
            && let Some(facts) = self.ready.get(&seq).copied()
        {
            records = records.saturating_add(facts.records as usize);
            bytes = bytes.saturating_add(facts.bytes as usize);
            if !loans.is_empty() && (records > max_records || bytes > max_bytes) {
                break;
            }
            self.ready.remove(&seq);
            self.urgent.remove(&seq);
            self.ready_bytes -= u64::from(facts.bytes);
            self.lent.insert(seq, facts);
            loans.push(Loan { seq, facts });
            next = self.oldest();
        }
        loans
    }

    pub(super) fn put_back(&mut self, seqs: &[u64]) {
        for seq in seqs {
            if let Some(facts) = self.lent.remove(seq) {
                self.make_ready(*seq, facts);
            }
        }
    }

    pub(super) fn remove(&mut self, seqs: &[u64]) {
        for seq in seqs {
            if let Some(facts) = self.lent.remove(seq) {
                self.total.batches -= 1;
                self.total.records -= u64::from(facts.records);
                self.total.bytes -= u64::from(facts.bytes);
            }
        }
    }

    pub(super) fn pending(&self) -> Pending {
        self.total
    }

    pub(super) fn ready_bytes(&self) -> u64 {
        self.ready_bytes
    }

    fn oldest(&self) -> Option<u64> {
        self.ready.first_key_value().map(|(seq, _)| *seq)
    }

    fn make_ready(&mut self, seq: u64, facts: Facts) {
        self.ready_bytes += u64::from(facts.bytes);
        self.ready.insert(seq, facts);
        if facts.urgent {
            self.urgent.insert(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(urgent: &[bool]) -> Waiting {
        let mut waiting = Waiting::default();
        for (seq, urgent) in (0..).zip(urgent) {
            waiting.add(
                seq,
                Facts {
                    records: 10,
                    bytes: 100,
                    urgent: *urgent,
                    earliest: 0,
                    latest: 0,
                },
            );
        }
        waiting
    }

    fn seqs(loans: &[Loan]) -> Vec<u64> {
        loans.iter().map(|loan| loan.seq).collect()
    }

    #[test]
    fn the_newest_error_leads_and_the_oldest_follow() {
        let mut waiting = waiting(&[false, true, false, true, false]);
        assert_eq!(seqs(&waiting.lend(30, 1000)), [3, 0, 1]);
        assert_eq!(seqs(&waiting.lend(30, 1000)), [2, 4]);
        assert!(waiting.lend(30, 1000).is_empty());
    }

    #[test]
    fn a_batch_over_the_bound_is_lent_alone() {
        let mut waiting = waiting(&[false, false]);
        assert_eq!(seqs(&waiting.lend(1, 1)), [0]);
        assert_eq!(seqs(&waiting.lend(1, 1)), [1]);
    }

    #[test]
    fn what_is_put_back_is_lent_again_in_its_place() {
        let mut waiting = waiting(&[false, false, false]);
        let loans = seqs(&waiting.lend(20, 1000));
        assert_eq!(loans, [0, 1]);
        waiting.remove(&[1]);
        waiting.put_back(&[0]);
        assert_eq!(
            waiting.pending(),
            Pending {
                batches: 2,
                records: 20,
                bytes: 200
            }
        );
        assert_eq!(seqs(&waiting.lend(100, 1000)), [0, 2]);
    }
}
