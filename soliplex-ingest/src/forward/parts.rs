//! A batch that the upstream refuses is sent in parts, to find the records it means.

use prost::Message as _;

use super::Forwarder;
use super::deliver::{INTERNAL, Tally, after_refusal};
use super::outcome::Outcome;
use super::pace::Pace;
use crate::otlp;
use crate::spool::{Batch, Facts, Loan};

/// A part of a batch, still to be sent.
struct Part {
    request: Vec<u8>,
    records: u64,
    /// What is known to become of it.
    known: Option<Outcome>,
}

impl Forwarder {
    /// Halves a refused batch until every part is taken or is a single record that is not.
    pub(super) async fn deliver_in_parts(
        &self,
        loan: Loan,
        first: Outcome,
        back: &mut Vec<u64>,
    ) -> Pace {
        let request = match self.join(&[loan]) {
            Ok(request) => request,
            Err(missing) => {
                self.miss(missing).await;
                back.push(loan.seq);
                return INTERNAL;
            }
        };
        let refused = after_refusal(&first);
        let mut parts = vec![Part {
            request,
            records: loan.facts.records.into(),
            known: Some(first),
        }];
        let mut tally = Tally::default();
        let mut refusals = 0;
        while let Some(mut part) = parts.pop() {
            let outcome = match part.known.take() {
                Some(outcome) => outcome,
                None => self.upstream.post(part.request.clone()).await,
            };
            match outcome {
                Outcome::Accepted => tally.forwarded += part.records,
                Outcome::TooLarge | Outcome::Refused(..)
                    if part.records > 1 && refusals < MAX_REFUSALS =>
                {
                    refusals += 1;
                    if let Ok((left, right)) = otlp::halves(&part.request) {
                        parts.extend([right, left].map(|half| Part {
                            request: half.encode_to_vec(),
                            records: otlp::count(&half) as u64,
                            known: None,
                        }));
                    }
                }
                Outcome::Later { after, cause } => {
                    parts.push(part);
                    self.keep_parts(loan.seq, parts, &tally, back).await;
                    return Pace::Later { after, cause };
                }
                Outcome::Held(cause) => {
                    parts.push(part);
                    self.keep_parts(loan.seq, parts, &tally, back).await;
                    return Pace::Hold { cause };
                }
                outcome => {
                    // A place in the name for each part, so that a repetition overwrites and does
                    // not add.
                    let place = (loan.seq, tally.dead.len() as u64);
                    let kept = self
                        .bury(place, &part.request, part.records, &outcome, &mut tally)
                        .await;
                    if !kept && matches!(outcome, Outcome::Partial { .. }) {
                        tally.add(&outcome, part.records);
                    } else if !kept {
                        parts.push(part);
                        self.keep_parts(loan.seq, parts, &tally, back).await;
                        return INTERNAL;
                    }
                }
            }
        }
        self.end(vec![loan.seq], &tally);
        if tally.forwarded == 0 {
            refused
        } else {
            Pace::Go
        }
    }

    /// Puts the parts that are left in the place of the batch they came from.
    async fn keep_parts(&self, seq: u64, parts: Vec<Part>, tally: &Tally, back: &mut Vec<u64>) {
        let batches = parts
            .into_iter()
            .rev()
            .filter_map(|part| {
                let decoded =
                    otlp::proto::ExportLogsServiceRequest::decode(part.request.as_slice()).ok()?;
                let facts = Facts::of(&decoded, part.request.len());
                Some(Batch {
                    request: part.request,
                    facts,
                    ids: Vec::new(),
                })
            })
            .collect();
        match self.spool.split(seq, batches).await {
            Ok(()) => self.count(tally),
            // The whole batch is still there; some of its records go twice, none is lost.
            Err(_) => back.push(seq),
        }
    }
}

/// Refusals of one batch's parts before the rest is given up as it is: four bad records of a
/// hundred are found one by one, a batch that is bad throughout does not cost two hundred requests.
const MAX_REFUSALS: u32 = 32;
