//! The redaction receipt: which rules ran, and how often each fired, told with a batch.
//!
//! It says what the rules did *in this process* since the last batch that was confirmed, or since the
//! pipeline was set up: to the records of the batch, to what only other layers were shown, and to
//! what the application sanitized itself by the same rules. A hit is told by the next batch, and
//! again by those after it until one is confirmed: none is lost while the process lives, and one is
//! told twice only when an answer is lost on its way. Hits that no batch has told when the process
//! ends are not told by the next: a receipt is evidence that the rules ran, not a ledger.

use std::collections::BTreeMap;

use soliplex_sanitize::Rules;
use soliplex_wire::Receipt;

/// Gathers what the rules did since the last batch that arrived.
#[derive(Debug)]
pub(crate) struct Receipts {
    rules: Rules,
    /// The rules' own counts, which only grow, as far as they have been told or are pending.
    seen: BTreeMap<String, u64>,
    pending: Receipt,
}

impl Receipts {
    /// Counts from now on.
    pub(crate) fn new(rules: Rules) -> Receipts {
        let pending = Receipt {
            rules: rules.hash().to_string(),
            ..Receipt::default()
        };
        let seen = counts(&rules);
        Receipts {
            rules,
            seen,
            pending,
        }
    }

    /// The receipt for the next request: all that no confirmed batch has told yet.
    pub(crate) fn pending(&mut self) -> Option<&Receipt> {
        if self.rules.is_none() {
            return None;
        }
        let counts = counts(&self.rules);
        for (rule, count) in &counts {
            let seen = self.seen.get(rule).copied().unwrap_or_default();
            let new = count.saturating_sub(seen);
            if new > 0 {
                *self.pending.redactions.entry(rule.clone()).or_default() += new;
            }
        }
        self.seen = counts;
        Some(&self.pending)
    }

    /// The batch that told it has arrived.
    pub(crate) fn sent(&mut self) {
        self.pending.redactions.clear();
    }
}

fn counts(rules: &Rules) -> BTreeMap<String, u64> {
    let counts = rules.counts();
    let owned = counts.iter().map(|(rule, count)| (rule.to_owned(), count));
    owned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(receipts: &mut Receipts) -> Vec<(String, u64)> {
        let receipt = receipts.pending().unwrap();
        receipt.redactions.clone().into_iter().collect()
    }

    fn hits(hits: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = hits
            .iter()
            .map(|(rule, count)| ((*rule).to_owned(), *count));
        owned.collect()
    }

    #[test]
    fn what_no_confirmed_batch_has_told_is_told_again() {
        let rules = Rules::builder().build().unwrap();
        let _ = rules.sanitize("before@example.org");
        let mut receipts = Receipts::new(rules.clone());
        assert_eq!(told(&mut receipts), []);
        let _ = rules.sanitize("a@example.org from 10.0.0.1");
        assert_eq!(told(&mut receipts), hits(&[("email", 1), ("ipv4", 1)]));
        // Not confirmed, and more is to tell.
        let _ = rules.sanitize("b@example.org");
        assert_eq!(told(&mut receipts), hits(&[("email", 2), ("ipv4", 1)]));
        // What happens while the batch is on its way is told by the next.
        let _ = rules.sanitize("c@example.org");
        receipts.sent();
        assert_eq!(told(&mut receipts), hits(&[("email", 1)]));
        receipts.sent();
        assert_eq!(told(&mut receipts), []);
    }

    #[test]
    fn pipelines_that_share_rules_take_nothing_from_one_another() {
        let rules = Rules::builder().build().unwrap();
        let mut one = Receipts::new(rules.clone());
        let mut other = Receipts::new(rules.clone());
        let _ = rules.sanitize("a@example.org");
        for receipts in [&mut one, &mut other] {
            assert_eq!(told(receipts), hits(&[("email", 1)]));
        }
    }

    #[test]
    fn a_receipt_names_its_rules_and_no_rules_give_none() {
        let receipt = |rules| Receipts::new(rules).pending().cloned();
        let named = receipt(Rules::standard()).unwrap().rules;
        assert_eq!(named, Rules::standard().hash().to_string());
        assert_eq!(receipt(Rules::none()), None);
    }
}
