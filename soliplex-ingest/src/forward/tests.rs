//! The forwarder over a disk that fails, against an upstream that takes what it is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Bytes;
use prost::Message as _;
use tokio::sync::mpsc;

use super::*;
use crate::config::Config;
use crate::otlp::{self, Arrival};
use crate::spool::Batch;
use crate::spool::disk::Disk;

/// A batch of as many records, named `name`.
fn batch(name: &str, records: usize) -> Batch {
    let records = vec![
        soliplex_wire::LogRecordRef {
            message: name.into(),
            ..Default::default()
        };
        records
    ];
    let arrival = Arrival {
        received_at: jiff::Timestamp::now(),
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
        ids: Vec::new(),
    }
}

/// An upstream that takes everything and says what it took.
async fn upstream() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<String>>) {
    let (took, taken) = mpsc::unbounded_channel();
    let receive = async move |body: Bytes| {
        let request = otlp::proto::ExportLogsServiceRequest::decode(body).unwrap();
        let names = otlp::records(&request).map(|record| match &record.body {
            Some(otlp::proto::AnyValue {
                value: Some(otlp::proto::any_value::Value::StringValue(text)),
            }) => text.clone(),
            other => panic!("{other:?}"),
        });
        took.send(names.collect()).unwrap();
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/", axum::routing::post(receive));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, taken)
}

/// A road over `disk` in `dir`.
fn forwarder(disk: &Disk, dir: &std::path::Path, upstream: SocketAddr) -> Arc<Forwarder> {
    let config = Config::from_toml(&format!(
        "auth.mode='disabled'\nlimits.disk_headroom_bytes=0\n\
         [forward]\nendpoint='http://{upstream}/'\nlinger_ms=0\ncompression='none'"
    ))
    .unwrap();
    let metrics = Arc::new(Metrics::default());
    let spool = Spool::open_with(dir, &config.limits, &disk.opener()).unwrap();
    metrics.recovered(spool.pending().records);
    Arc::new(Forwarder::new(
        &config.forward,
        Arc::new(spool),
        Arc::new(Upstream::try_new(&config.forward, Arc::clone(&metrics)).unwrap()),
        Arc::new(DeadLetters::open(dir, 1 << 20).unwrap()),
        metrics,
    ))
}

const BATCHES: usize = 20;

/// A road with a backlog of twenty batches of three records, none of which has been read yet.
async fn backlog(
    dir: &std::path::Path,
) -> (Disk, Arc<Forwarder>, mpsc::UnboundedReceiver<Vec<String>>) {
    let (address, taken) = upstream().await;
    let disk = Disk::new(i64::MAX, i64::MAX, false);
    let first = forwarder(&disk, dir, address);
    for number in 0..BATCHES {
        let appended = first.spool.append(batch(&number.to_string(), 3)).await;
        assert_eq!(appended.unwrap().records, 3);
    }
    drop(first);
    let forwarder = forwarder(&disk, dir, address);
    (disk, forwarder, taken)
}

#[tokio::test]
async fn a_disk_that_fails_to_read_costs_time_and_no_record() {
    for sound in [0, 5] {
        let dir = tempfile::tempdir().unwrap();
        let (disk, forwarder, mut taken) = backlog(dir.path()).await;
        disk.fail_reads(sound, 1);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(Arc::clone(&forwarder).run(stopped));
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        while times.len() < BATCHES {
            for name in taken.recv().await.unwrap() {
                *times.entry(name).or_default() += 1;
            }
        }
        stop.send(true).unwrap();
        running.await.unwrap();
        assert!(times.values().all(|times| *times == 3), "{times:?}");
        let account = forwarder.metrics.account(forwarder.spool.pending());
        assert_eq!((account.forwarded, account.dead), (60, 0), "{account:?}");
        assert!(account.balances(), "{account:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_not_there_is_counted_and_never_as_forwarded() {
    let dir = tempfile::tempdir().unwrap();
    let (_disk, forwarder, mut taken) = backlog(dir.path()).await;
    let loan = forwarder.spool.peek(1, 1)[0];
    forwarder.spool.lose(loan.seq);
    forwarder.spool.release(&[loan.seq]);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&forwarder).run(stopped));
    let mut names = Vec::new();
    while names.len() < 57 {
        names.extend(taken.recv().await.unwrap());
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    let account = forwarder.metrics.account(forwarder.spool.pending());
    assert_eq!(
        (account.forwarded, account.dead, account.pending),
        (57, 3, 0)
    );
    assert!(account.balances(), "{account:?}");
    assert!(
        forwarder
            .metrics
            .render(&crate::metrics::Gauges::default())
            .contains("records_dead_total{reason=\"unreadable\"} 3")
    );
}
