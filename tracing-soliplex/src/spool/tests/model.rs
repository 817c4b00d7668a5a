//! Beside the spool runs a list of groups that nobody could get wrong, and both must agree after
//! any sequence of operations.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    Append(Vec<(Lane, u64)>),
    /// Peek so many records after so many batches, and confirm with some dead.
    Deliver {
        skip: usize,
        max_records: u64,
        dead: Vec<usize>,
    },
    /// A second confirmation of the last one delivered.
    ConfirmAgain,
    /// Evict what was appended before this share of the time so far, in percent.
    EvictOlder(u64),
    EvictAtBound,
    Reopen,
    Wipe,
    Compact,
}

fn op() -> impl Strategy<Value = Op> {
    let lane = prop_oneof![
        3 => Just(Lane::Low),
        3 => Just(Lane::Normal),
        3 => Just(Lane::High),
        1 => Just(Lane::Marker),
    ];
    let kinds = vec((lane, 1..3u64), 1..12);
    prop_oneof![
        6 => kinds.prop_map(Op::Append),
        5 => (0..2usize, 1..20u64, vec(0..10usize, 0..2))
            .prop_map(|(skip, max_records, dead)| Op::Deliver { skip, max_records, dead }),
        1 => Just(Op::ConfirmAgain),
        2 => (0..100u64).prop_map(Op::EvictOlder),
        1 => Just(Op::EvictAtBound),
        2 => Just(Op::Reopen),
        1 => Just(Op::Wipe),
        1 => Just(Op::Compact),
    ]
}

/// Records that were appended together and share lane and context.
#[derive(Clone, Debug)]
struct Group {
    lane: Lane,
    context: u64,
    records: Vec<Record>,
}

#[derive(Default)]
struct Model {
    groups: Vec<Group>,
    /// The seqs of dead letters, with their contexts.
    dead: Vec<(u64, u64)>,
    next_seq: u64,
}

impl Model {
    fn make(&mut self, kinds: &[(Lane, u64)]) -> Vec<Record> {
        kinds
            .iter()
            .map(|(lane, context)| {
                self.next_seq += 1;
                Record {
                    context: *context,
                    ..record(*lane, self.next_seq)
                }
            })
            .collect()
    }

    fn append(&mut self, records: &[Record]) {
        let mut groups: Vec<Group> = Vec::new();
        for record in records {
            let (lane, context) = (record.lane, record.context);
            match groups
                .iter_mut()
                .find(|g| (g.lane, g.context) == (lane, context))
            {
                Some(group) => group.records.push(record.clone()),
                None => groups.push(Group {
                    lane,
                    context,
                    records: vec![record.clone()],
                }),
            }
        }
        self.groups.extend(groups);
    }

    /// The groups a peek brings: a context and a range.
    fn peek(&self, start: usize, max_records: u64) -> Option<(u64, std::ops::Range<usize>)> {
        let context = self.groups.get(start)?.context;
        let mut records = 0;
        let taken = self.groups[start..]
            .iter()
            .enumerate()
            .take_while(|(place, group)| {
                records += group.records.len() as u64;
                group.context == context && (*place == 0 || records <= max_records)
            });
        Some((context, start..start + taken.count()))
    }

    fn seqs(groups: &[Group]) -> Vec<u64> {
        let mut seqs: Vec<_> = groups
            .iter()
            .flat_map(|g| &g.records)
            .map(|r| r.seq)
            .collect();
        seqs.sort_unstable();
        seqs
    }

    /// Drops what is older from the front of each lane, and markers that are alone with it, and
    /// returns its seqs by lane and context.
    fn evict(&mut self, oldest_kept: u64) -> BTreeMap<(Lane, u64), Vec<u64>> {
        let mut gone = Vec::new();
        for lane in [Lane::Low, Lane::Normal] {
            gone.append(&mut self.evict_front(lane, oldest_kept));
        }
        gone.append(&mut self.evict_lone_markers(oldest_kept));
        gone.append(&mut self.evict_front(Lane::High, oldest_kept));
        gone.append(&mut self.evict_lone_markers(oldest_kept));
        let mut seqs = BTreeMap::<_, Vec<u64>>::new();
        for group in gone {
            let of = seqs.entry((group.lane, group.context)).or_default();
            of.extend(group.records.iter().map(|r| r.seq));
        }
        seqs
    }

    fn evict_front(&mut self, lane: Lane, oldest_kept: u64) -> Vec<Group> {
        let mut stopped = false;
        let groups = self.groups.extract_if(.., |group| {
            stopped |= group.lane == lane && group.newest() >= oldest_kept;
            group.lane == lane && !stopped
        });
        groups.collect()
    }

    fn evict_lone_markers(&mut self, oldest_kept: u64) -> Vec<Group> {
        let users = |context| {
            let groups = self.groups.iter().filter(|g| g.context == context);
            let dead = self.dead.iter().filter(|(_, of)| *of == context);
            groups.count() + dead.count()
        };
        let lone: Vec<bool> = self
            .groups
            .iter()
            .map(|g| g.lane == Lane::Marker && g.newest() < oldest_kept && users(g.context) == 1)
            .collect();
        let mut lone = lone.into_iter();
        let groups = self.groups.extract_if(.., |_| lone.next().unwrap());
        groups.collect()
    }
}

impl Group {
    fn newest(&self) -> u64 {
        self.records.iter().map(|r| r.seq).max().unwrap()
    }
}

const MAX_AGE: std::time::Duration = std::time::Duration::from_nanos(1_000);

struct Pair {
    disk: Disk,
    spool: Spool,
    model: Model,
    /// How many were refused, evicted and wiped, which is to be told.
    lost: u64,
    last: Option<(PeekHandle, u64)>,
}

impl Pair {
    fn open(disk: &Disk) -> Spool {
        let options = SpoolOptions {
            max_age: MAX_AGE,
            ..SpoolOptions::default()
        };
        let disk = disk.clone();
        Spool::with_backend(move || Ok(disk.clone()), &options)
            .unwrap()
            .0
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Append(kinds) => {
                let records = self.model.make(&kinds);
                let appended = self.spool.append_records(&records).unwrap();
                assert_eq!(appended.records, records.len() as u64);
                self.model.append(&records);
            }
            Op::Deliver {
                skip,
                max_records,
                dead,
            } => self.deliver(skip, max_records, &dead),
            Op::ConfirmAgain => {
                if let Some((handle, records)) = &self.last {
                    let again = self.spool.confirm(handle, &[], 0).unwrap();
                    assert_eq!((again.records, again.missing), (0, *records));
                }
            }
            Op::EvictOlder(percent) => self.evict_older(self.model.next_seq * percent / 100),
            Op::EvictAtBound => self.evict_at_bound(),
            Op::Reopen => {
                self.spool = {
                    let nowhere = Self::open(&Disk::default());
                    drop(std::mem::replace(&mut self.spool, nowhere));
                    Self::open(&self.disk)
                };
            }
            Op::Wipe => {
                self.lost += Model::seqs(&self.model.groups).len() as u64;
                self.spool.wipe().unwrap();
                self.model.groups.clear();
                self.model.dead.clear();
            }
            Op::Compact => drop(self.spool.compact_if_worth().unwrap()),
        }
    }

    fn peek(&mut self, skip: usize, max_records: u64) -> Option<(Peeked, std::ops::Range<usize>)> {
        let limits = PeekLimits {
            max_records,
            ..NO_LIMITS
        };
        let (mut after, mut start) = (Cursor::default(), 0);
        for _ in 0..skip {
            let Some(peeked) = self.spool.peek(after, limits).unwrap() else {
                break;
            };
            after = peeked.handle.cursor();
            start = self.model.peek(start, max_records).unwrap().1.end;
        }
        let peeked = self.spool.peek(after, limits).unwrap();
        let expected = self.model.peek(start, max_records);
        assert_eq!(peeked.is_some(), expected.is_some());
        let (peeked, (context, range)) = (peeked?, expected?);
        let seqs: Vec<_> = peeked.records.iter().map(|r| r.seq).collect();
        assert_eq!(seqs, Model::seqs(&self.model.groups[range.clone()]));
        assert_eq!(peeked.facts, FACTS[usize::try_from(context).unwrap() - 1].1);
        for stored in &peeked.records {
            assert_eq!(stored.payload, record(Lane::Low, stored.seq).payload);
        }
        Some((peeked, range))
    }

    fn deliver(&mut self, skip: usize, max_records: u64, dead: &[usize]) {
        let Some((peeked, range)) = self.peek(skip, max_records) else {
            return;
        };
        let mut dead = dead.to_vec();
        dead.retain(|place| *place < peeked.records.len());
        dead.dedup();
        let letters: Vec<_> = dead
            .iter()
            .map(|record| DeadLetter {
                record: *record,
                reason: "no",
            })
            .collect();
        let confirmed = self.spool.confirm(&peeked.handle, &letters, 0).unwrap();
        let records = peeked.records.len() as u64;
        assert_eq!((confirmed.records, confirmed.missing), (records, 0));
        assert_eq!(confirmed.dead, dead.len() as u64);
        self.lost += confirmed.dead;
        let context = self.model.groups[range.start].context;
        let buried = dead
            .iter()
            .map(|place| (peeked.records[*place].seq, context));
        self.model.dead.extend(buried);
        self.model.groups.drain(range);
        self.last = Some((peeked.handle, records));
    }

    fn evict_older(&mut self, oldest_kept: u64) {
        let now = START + i64::try_from(oldest_kept).unwrap() + 1_000;
        let evictions = self.spool.evict(Some(now)).unwrap();
        let expected = self.model.evict(oldest_kept);
        assert_eq!(evictions.len(), expected.len());
        for eviction in evictions {
            self.lost += eviction.records;
            let seqs = &expected[&(eviction.lane, eviction.context)];
            assert_eq!(eviction.reason, EvictReason::Age);
            assert_eq!(eviction.records, seqs.len() as u64);
            assert_eq!(Some(&eviction.first_seq), seqs.iter().min());
            assert_eq!(Some(&eviction.last_seq), seqs.iter().max());
        }
    }

    /// An eighth of the bound is more than these few records, so all of them go.
    fn evict_at_bound(&mut self) {
        self.spool.at_bound = Some(Lane::Marker);
        let evictions = self.spool.evict(Some(0)).unwrap();
        let evicted: u64 = evictions.iter().map(|eviction| eviction.records).sum();
        assert_eq!(evicted, Model::seqs(&self.model.groups).len() as u64);
        self.lost += evicted;
        self.model.groups.clear();
    }

    fn agree(&mut self) {
        let totals = self.spool.stats();
        for lane in Lane::ALL {
            let groups = self.model.groups.iter().filter(|g| g.lane == lane);
            let records: u64 = groups.map(|g| g.records.len() as u64).sum();
            assert_eq!(totals.lanes[lane as usize].records, records);
        }
        assert_eq!(totals.dead, self.model.dead.len() as u64);
        let untold: u64 = self
            .spool
            .untold()
            .iter()
            .filter_map(|loss| loss.count)
            .sum();
        assert_eq!(untold, self.lost);
        let mut waiting = self.spool.waiting();
        waiting.sort_unstable();
        assert_eq!(waiting, Model::seqs(&self.model.groups));
        let dead: Vec<_> = self
            .spool
            .dead_letters()
            .unwrap()
            .iter()
            .map(|d| d.seq)
            .collect();
        let expected: Vec<u64> = self.model.dead.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(dead, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_spool_does_what_a_list_would_do(ops in vec(op(), 1..40)) {
        let disk = Disk::default();
        let spool = Pair::open(&disk);
        let mut pair = Pair { disk, spool, model: Model::default(), lost: 0, last: None };
        for op in ops {
            pair.run(op);
            pair.agree();
        }
    }
}
