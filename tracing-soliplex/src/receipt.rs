//! The redaction receipt: which rules ran, and how often each fired, told with a batch.

use soliplex_sanitize::Rules;
use soliplex_wire::Receipt;

/// Gathers what the rules did since the last batch that arrived.
#[derive(Debug)]
pub(crate) struct Receipts {
    rules: Rules,
    pending: Receipt,
}

impl Receipts {
    pub(crate) fn new(rules: Rules) -> Receipts {
        let pending = Receipt {
            rules: rules.hash().to_string(),
            ..Receipt::default()
        };
        Receipts { rules, pending }
    }

    /// The receipt for the next request: all that no batch has told yet.
    pub(crate) fn pending(&mut self) -> Option<&Receipt> {
        for (rule, count) in self.rules.take_counts().iter() {
            *self.pending.redactions.entry(rule.to_owned()).or_default() += count;
        }
        (!self.rules.is_none()).then_some(&self.pending)
    }

    /// The batch that told it has arrived.
    pub(crate) fn sent(&mut self) {
        self.pending.redactions.clear();
    }
}
