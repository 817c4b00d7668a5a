//! The spool against a naive model and at its bounds; `failures` has it on a disk that fails at every
//! write, and through a power cut at every sync.
//!
//! What must hold, whatever happens: a batch that was acknowledged is there until it is confirmed,
//! and a batch that was refused can be appended again without being taken for a duplicate.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;

use super::disk::Disk;
use super::*;
use crate::config::Config;
use crate::otlp::{self, Arrival};

mod failures;

fn limits(toml: &str) -> Limits {
    let toml = format!("[auth]\nmode='disabled'\n[limits]\ndisk_headroom_bytes = 0\n{toml}");
    Config::from_toml(&toml).unwrap().limits
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

/// A batch of records that carry these ids.
fn batch(ids: &[u64]) -> Batch {
    let records: Vec<_> = ids
        .iter()
        .map(|number| soliplex_wire::LogRecordRef {
            id: Some(id(*number)),
            ..Default::default()
        })
        .collect();
    let arrival = Arrival {
        received_at: jiff::Timestamp::UNIX_EPOCH,
        sent_at: None,
        user: None,
        session: None,
        issuer: None,
        rules: None,
        logfire: false,
    };
    let (mut request, resource) = (Vec::new(), soliplex_wire::Attributes::new());
    let facts = otlp::encode(&mut request, &resource, &records, &arrival);
    Batch {
        request,
        facts,
        ids: ids.iter().map(|number| id(*number)).collect(),
    }
}

/// The ids in everything that waits, in the order in which it is lent.
fn waiting_ids(spool: &Spool) -> Vec<u128> {
    let loans = spool.peek(usize::MAX, usize::MAX);
    let seqs: Vec<u64> = loans.iter().map(|loan| loan.seq).collect();
    let ids = seqs
        .iter()
        .flat_map(|seq| ids_of(&spool.read(*seq).unwrap().unwrap()))
        .collect();
    spool.release(&seqs);
    ids
}

fn ids_of(request: &[u8]) -> Vec<u128> {
    let request = otlp::proto::ExportLogsServiceRequest::decode(request).unwrap();
    otlp::records(&request)
        .map(|record| {
            let uid = record
                .attributes
                .iter()
                .find(|attribute| attribute.key == otlp::RECORD_UID)
                .unwrap();
            let Some(otlp::proto::any_value::Value::StringValue(text)) =
                &uid.value.as_ref().unwrap().value
            else {
                panic!("a uid is a text");
            };
            text.parse::<Uuid>().unwrap().as_u128() - 1
        })
        .collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u64>),
    /// Lend so many records' worth, and confirm or release.
    Lend {
        records: usize,
        confirm: bool,
    },
    /// Lend one batch and put two halves in its place.
    Split,
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::btree_set(0_u64..40, 1..6).prop_map(|ids| Step::Append(ids.into_iter().collect())),
        3 => (1_usize..12, any::<bool>()).prop_map(|(records, confirm)| Step::Lend { records, confirm }),
        1 => Just(Step::Split),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_spool_does_what_a_list_of_new_ids_would(steps in proptest::collection::vec(any_step(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let limits = limits("");
        let mut spool = Spool::open(dir.path(), &limits).unwrap();
        // The model: every id ever taken, and those that wait, each in the order in which it came.
        let mut taken = std::collections::BTreeSet::new();
        let mut waiting: Vec<u128> = Vec::new();
        for step in steps {
            match step {
                Step::Append(ids) => {
                    let appended = block_on(spool.append(batch(&ids))).unwrap();
                    let new: Vec<u128> = ids.iter().filter(|id| taken.insert(**id)).map(|id| u128::from(*id)).collect();
                    prop_assert_eq!(appended.records as usize, new.len());
                    prop_assert_eq!(appended.duplicates as usize, ids.len() - new.len());
                    waiting.extend(new);
                }
                Step::Lend { records, confirm } => {
                    let loans = spool.peek(records, usize::MAX);
                    let seqs: Vec<u64> = loans.iter().map(|loan| loan.seq).collect();
                    let lent: Vec<u128> =
                        seqs.iter().flat_map(|seq| ids_of(&spool.read(*seq).unwrap().unwrap())).collect();
                    prop_assert_eq!(&lent[..], &waiting[..lent.len()]);
                    prop_assert_eq!(lent.is_empty(), waiting.is_empty());
                    if confirm {
                        waiting.drain(..lent.len());
                        spool.confirm(seqs);
                    } else {
                        spool.release(&seqs);
                    }
                }
                Step::Split => {
                    // Halves go to the end, so the model moves the records there too.
                    if let Some(loan) = spool.peek(1, usize::MAX).first() {
                        let whole = spool.read(loan.seq).unwrap().unwrap();
                        let ids = ids_of(&whole);
                        let (left, right) = otlp::halves(&whole).unwrap();
                        let parts = [left, right].into_iter().filter(|half| otlp::count(half) > 0).map(|half| {
                            let request = half.encode_to_vec();
                            Batch { facts: Facts::of(&half, request.len()), request, ids: Vec::new() }
                        });
                        block_on(spool.split(loan.seq, parts.collect())).unwrap();
                        waiting.drain(..ids.len());
                        waiting.extend(ids);
                    }
                }
                Step::Reopen => {
                    drop(spool);
                    spool = Spool::open(dir.path(), &limits).unwrap();
                }
            }
            prop_assert_eq!(spool.pending().records as usize, waiting.len());
        }
        prop_assert_eq!(waiting_ids(&spool), waiting);
    }
}

#[test]
fn ids_are_forgotten_after_their_window() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), &limits("dedupe_window_seconds = 0")).unwrap();
    for _ in 0..2 {
        let appended = block_on(spool.append(batch(&[1]))).unwrap();
        // The commit of something else is when time is looked at.
        let _ = block_on(spool.append(batch(&[2, 3]))).unwrap();
        assert_eq!((appended.records, appended.duplicates), (1, 0));
        let _ = block_on(spool.append(batch(&[4]))).unwrap();
    }
}

#[test]
fn beyond_their_bound_the_oldest_ids_are_forgotten_first() {
    let dir = tempfile::tempdir().unwrap();
    let limits = limits("dedupe_ids = 10");
    let spool = Spool::open(dir.path(), &limits).unwrap();
    for number in 0..30 {
        let _ = block_on(spool.append(batch(&[number]))).unwrap();
    }
    assert_eq!(block_on(spool.append(batch(&[29]))).unwrap().duplicates, 1);
    assert_eq!(block_on(spool.append(batch(&[0]))).unwrap().duplicates, 0);
    // An operator sees that the window is shorter than the configuration says.
    assert!(spool.ids_forgotten_early() >= 19);
    drop(spool);
    assert!(Spool::open(dir.path(), &limits).unwrap().recovered().ids <= 12);
}

#[test]
fn at_its_bound_the_spool_refuses_and_takes_again_after_a_confirm() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = batch(&[0]).request.len();
    let spool = Spool::open(
        dir.path(),
        &limits(&format!("spool_bytes = {}", bytes + bytes / 2)),
    )
    .unwrap();
    assert_eq!(block_on(spool.append(batch(&[0]))).unwrap().records, 1);
    assert!(matches!(
        block_on(spool.append(batch(&[1]))),
        Err(AppendError::Full)
    ));
    spool.confirm(spool.peek(1, 1).iter().map(|loan| loan.seq).collect());
    assert_eq!(block_on(spool.append(batch(&[1]))).unwrap().records, 1);
}

#[test]
fn the_disks_headroom_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut limits = limits("");
    limits.disk_headroom_bytes = u64::MAX;
    let spool = Spool::open(dir.path(), &limits).unwrap();
    assert!(matches!(
        block_on(spool.append(batch(&[0]))),
        Err(AppendError::DiskFull)
    ));
}

#[test]
fn a_disk_that_was_filled_takes_batches_again_once_the_spool_is_drained() {
    const MIB: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::new(i64::MAX, i64::MAX, false);
    disk.end_at(48 * MIB);
    let mut limits = limits("");
    limits.disk_headroom_bytes = 8 * MIB;
    let spool = Spool::open_with(dir.path(), &limits, &disk.opener()).unwrap();
    let large = |number: u64| {
        let mut batch = batch(&[number]);
        batch.request.resize(MIB as usize, 0);
        batch.facts.bytes = MIB as u32;
        batch
    };
    // Twice: what the first filling leaves of the disk is all that the second has.
    for round in 0..2 {
        let first = round * 1000;
        let mut kept = 0;
        let refused = loop {
            match block_on(spool.append(large(first + kept))) {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, AppendError::DiskFull), "{refused}");
        assert!(kept >= 10, "round {round}: {kept} batches");
        assert_eq!(spool.refusal(), Some(Refusal::DiskFull));
        let lent = spool.peek(usize::MAX, usize::MAX);
        assert_eq!(lent.len() as u64, kept);
        spool.confirm(lent.iter().map(|loan| loan.seq).collect());
        block_on(spool.flush());
        assert_eq!(spool.refusal(), None, "round {round}");
    }
}

#[test]
fn the_oldest_id_says_how_far_back_duplicates_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), &limits("")).unwrap();
    assert_eq!(spool.oldest_id(), Duration::ZERO);
    let before = jiff::Timestamp::now();
    let _ = block_on(spool.append(batch(&[0]))).unwrap();
    let most = jiff::Timestamp::now().duration_since(before);
    assert!(spool.oldest_id() <= Duration::try_from(most).unwrap() + Duration::from_millis(1));
    drop(spool);
    let spool = Spool::open(dir.path(), &limits("")).unwrap();
    assert!(spool.shared.oldest_id_ms.load(Ordering::Relaxed) > 0);
}
