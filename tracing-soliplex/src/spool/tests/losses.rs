//! What is given up is told, whenever the process or the power goes: after each crash the records
//! that came in are those delivered, those that wait, and those the ledger or a delivered loss
//! record tells of.

use super::*;

/// A day with every way in which a spool gives records up, at the lowest bound there is: refused by
/// the server, too many, too old; and the records that tell of it, of which some are delivered and
/// some are given up themselves.
struct Day {
    spool: Spool,
    /// What the appends that have returned brought in, and the one under way.
    stored: u64,
    storing: u64,
    /// What the confirmations that have returned delivered, and the one under way.
    delivered: Fate,
    delivering: Fate,
    next_seq: u64,
}

/// What left the spool for the server.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    records: u64,
    /// How many lost records those of them told of.
    told: u64,
}

/// The payload of a record that tells of so many.
fn telling(count: u64) -> Vec<u8> {
    format!("told {count}").into_bytes()
}

fn told(payload: &[u8]) -> u64 {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    let count = text.strip_prefix("told ").map(|count| count.parse());
    count.map_or(0, Result::unwrap)
}

impl Day {
    fn live(spool: Spool) -> Self {
        let mut day = Self {
            spool,
            stored: 0,
            storing: 0,
            delivered: Fate::default(),
            delivering: Fate::default(),
            next_seq: 1,
        };
        // The power may go at any of these, and then the rest of the day does not take place.
        let _ = day.work();
        day
    }

    fn work(&mut self) -> Result<(), AppendError> {
        for round in 0..3 {
            for lane in [Lane::High, Lane::Normal, Lane::Low] {
                self.append(lane, 2)?;
            }
            self.spool.at_bound = Some(Lane::Low);
            self.spool.evict(None)?;
            self.tell()?;
            self.append(Lane::Normal, 2)?;
            if round != 1 {
                self.deliver()?;
            }
            self.append(Lane::High, 1)?;
            // Takes along the record that was told just now, unless that was delivered.
            self.spool.at_bound = Some(Lane::Marker);
            self.spool.evict(None)?;
            self.append(Lane::Low, 2)?;
            self.spool.evict(Some(i64::MAX))?;
        }
        self.tell()?;
        self.append(Lane::Normal, 1)
    }

    fn append(&mut self, lane: Lane, count: u64) -> Result<(), AppendError> {
        let new = records(lane, self.next_seq..self.next_seq + count);
        self.next_seq += count;
        self.storing = count;
        self.spool.append_records(&new)?;
        (self.stored, self.storing) = (self.stored + count, 0);
        Ok(())
    }

    fn tell(&mut self) -> Result<(), AppendError> {
        let losses = self.spool.untold().to_vec();
        let told: Vec<Record> = losses
            .iter()
            .map(|loss| {
                self.next_seq += 1;
                Record {
                    payload: telling(loss.count.unwrap()),
                    ..record(Lane::High, self.next_seq)
                }
            })
            .collect();
        self.storing = told.len() as u64;
        let telling: Vec<_> = told.iter().map(Record::frame).zip(&losses).collect();
        self.spool.append(Append {
            contexts: FACTS,
            telling: &telling,
            ..Append::default()
        })?;
        (self.stored, self.storing) = (self.stored + self.storing, 0);
        Ok(())
    }

    /// The oldest of what waits leaves, of which the server refuses the first.
    fn deliver(&mut self) -> Result<(), Unavailable> {
        let limits = PeekLimits {
            max_records: 5,
            ..NO_LIMITS
        };
        let Some(peeked) = self.spool.peek(Cursor::default(), limits)? else {
            return Ok(());
        };
        let refused = peeked.records.iter().position(|r| told(&r.payload) == 0);
        let dead: Vec<_> = refused
            .map(|record| DeadLetter {
                record,
                reason: "no",
            })
            .into_iter()
            .collect();
        self.delivering = Fate {
            records: (peeked.records.len() - dead.len()) as u64,
            told: peeked.records.iter().map(|r| told(&r.payload)).sum(),
        };
        self.spool.confirm(&peeked.handle, &dead, 0)?;
        self.delivered.records += self.delivering.records;
        self.delivered.told += self.delivering.told;
        self.delivering = Fate::default();
        Ok(())
    }
}

/// Whether everything that came in has its fate, with the step under way done or not done.
fn is_even(day: &Day, found: &mut Spool) -> bool {
    let waiting = found.waiting().len() as u64;
    assert_eq!(waiting, found.stats().records());
    let mut still_told = 0;
    let mut after = Cursor::default();
    while let Some(peeked) = found.peek(after, NO_LIMITS).unwrap() {
        after = peeked.handle.cursor();
        still_told += peeked.records.iter().map(|r| told(&r.payload)).sum::<u64>();
    }
    let untold: u64 = found.untold().iter().filter_map(|loss| loss.count).sum();
    let is_even = |came_in: u64, gone: Fate| {
        came_in
            == day.delivered.records
                + gone.records
                + waiting
                + untold
                + still_told
                + day.delivered.told
                + gone.told
    };
    let fates = [Fate::default(), day.delivering];
    [day.stored, day.stored + day.storing]
        .into_iter()
        .any(|came_in| fates.iter().any(|gone| is_even(came_in, *gone)))
}

#[test]
fn every_record_given_up_is_told_after_a_crash_at_any_sync() {
    for sync in 1.. {
        let disk = Disk::default();
        let day = Day::live({
            let spool = on_disk(&disk);
            disk.watch_syncs();
            disk.lose_power_at_sync(sync);
            spool
        });
        if disk.has_power() {
            assert!(sync > 30, "too few syncs to tell anything: {sync}");
            assert!(day.delivered.told > 0 && day.delivered.records > 5);
            return;
        }
        for reached in [|_| false, |_| true, |n| n % 2 == 0] as [fn(usize) -> bool; 3] {
            let mut found = on_disk(&disk.after_power_loss(reached));
            assert!(
                is_even(&day, &mut found),
                "sync {sync}: {:?} and {:?}, of {} and {}: {:?} wait, {:?}",
                day.delivered,
                day.delivering,
                day.stored,
                day.storing,
                found.waiting(),
                found.untold()
            );
        }
    }
}

#[test]
fn what_is_given_up_names_its_session_and_its_numbers() {
    let mut spool = on_disk(&Disk::default());
    for (context, seqs) in [(1, 5..8), (2, 1..3)] {
        let new: Vec<_> = records(Lane::Low, seqs)
            .into_iter()
            .map(|record| Record { context, ..record })
            .collect();
        spool.append_records(&new).unwrap();
    }
    spool.evict(Some(i64::MAX)).unwrap();
    let told: Vec<_> = spool
        .untold()
        .iter()
        .map(|loss| (&*loss.reason, loss.facts.as_deref(), loss.count, loss.seqs))
        .collect();
    assert_eq!(
        told,
        [
            ("expired", Some("facts of 1"), Some(3), Some((5, 7))),
            ("expired", Some("facts of 2"), Some(2), Some((1, 2))),
        ]
    );
}

/// A ledger with the most of everything: losses to be told, and losses told by records that wait.
fn burden(spool: &mut Spool) {
    let facts = |context: u64| format!("{{\"sessionId\":\"{context}{}\"}}", "x".repeat(980));
    for round in 0..2 {
        let contexts = round * 100..round * 100 + 40;
        let losses: Vec<_> = contexts
            .map(|context| Loss {
                seqs: Some((1, u64::MAX)),
                ..Loss::counted("spool_full", 1).of(context, Some(facts(context).as_bytes()))
            })
            .collect();
        assert!(losses.iter().all(|loss| loss.facts.is_some()));
        spool
            .append(Append {
                losses: &losses,
                ..Append::default()
            })
            .unwrap();
        let losses = spool.untold().to_vec();
        let told = records(Lane::High, 0..losses.len() as u64);
        let telling: Vec<_> = told.iter().map(Record::frame).zip(&losses).collect();
        spool
            .append(Append {
                contexts: FACTS,
                telling: &telling,
                ..Append::default()
            })
            .unwrap();
    }
    let ledger = spool.store.state().ledger.to_json();
    assert!(ledger.len() > 30_000, "{}", ledger.len());
}

/// It had no bound, and each loss has it written anew where there is no room for anything.
#[test]
fn a_full_spool_with_the_longest_ledger_can_be_emptied_by_either_way_and_filled_again() {
    for more in [None, Some(300_000)] {
        let disk = Disk::default();
        let mut spool = on_disk_within(&disk, &lowest_bound());
        burden(&mut spool);
        disk.set_capacity(more.map(|more| disk.len() + more));
        let one_by_one = PeekLimits {
            max_records: 1,
            ..NO_LIMITS
        };
        for (round, seq) in (0..4).zip((1_000..).step_by(1_000)) {
            let mut seqs = seq..;
            while seqs.next().is_some_and(|seq| {
                let of = Record {
                    context: seq % 4,
                    payload: vec![1; 3_000],
                    ..record(Lane::Low, seq)
                };
                spool.append_records(&[of]).is_ok()
            }) {}
            let stored = spool.stats().records();
            // Pages given back to a full disk are not to be had again.
            assert!(
                stored > 50 || more.is_some() && round > 0,
                "{round}: {stored}"
            );
            if round % 2 == 0 {
                let lost = spool.evict(Some(i64::MAX)).unwrap();
                let lost: u64 = lost.iter().map(|eviction| eviction.records).sum();
                assert_eq!(lost, stored, "{round}");
                continue;
            }
            let mut left = 0;
            while let Some(peeked) = spool.peek(Cursor::default(), one_by_one).unwrap() {
                let dead = [DeadLetter {
                    record: 0,
                    reason: "no",
                }];
                left += spool.confirm(&peeked.handle, &dead, 0).unwrap().records;
            }
            assert_eq!(left, stored, "{round}");
        }
    }
}

#[test]
fn a_wipe_tells_how_many_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = in_directory(directory.path());
    spool.append_records(&records(Lane::Low, 1..4)).unwrap();
    spool.evict(Some(i64::MAX)).unwrap();
    spool.append_records(&records(Lane::High, 4..6)).unwrap();
    spool.wipe().unwrap();
    // As a kill does, before anything else is stored.
    drop(spool);
    let spool = in_directory(directory.path());
    assert_eq!(
        spool.untold(),
        [
            Loss::counted(EvictReason::Age.as_str(), 3),
            Loss::counted(ledger::DENIED, 2),
        ]
    );
}

#[test]
fn a_file_that_is_given_up_is_told_of_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("spool.redb"), [7; 4096]).unwrap();
    drop(in_directory(directory.path()));
    let spool = in_directory(directory.path());
    let uncounted = Loss::uncounted(ledger::SPOOL_DAMAGED);
    assert_eq!(spool.untold(), [uncounted]);
}

/// They were noted after the commit, of no session, and by nobody where a kill came between.
#[test]
fn what_is_refused_without_a_name_is_noted_with_its_session_by_the_commit_that_removes_it() {
    let disk = Disk::default();
    let mut spool = on_disk(&disk);
    spool.append_records(&records(Lane::Normal, 0..5)).unwrap();
    let peeked = spool.peek_first();
    let dead = [DeadLetter {
        record: 1,
        reason: "bad",
    }];
    let confirmed = spool.confirm(&peeked.handle, &dead, 2).unwrap();
    assert_eq!((confirmed.refused, confirmed.unnamed), (1, 2));
    let again = spool.confirm(&peeked.handle, &dead, 2).unwrap();
    assert_eq!((again.refused, again.unnamed), (0, 0));
    drop(spool);
    let told: Vec<_> = on_disk(&disk)
        .untold()
        .iter()
        .map(|loss| (loss.reason.clone(), loss.facts.clone(), loss.count))
        .collect();
    let facts = Some("facts of 1".to_owned());
    assert_eq!(told, [(REJECTED.into(), facts, Some(3))]);
}
