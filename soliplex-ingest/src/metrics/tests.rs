//! The page of counters, and the sums that must come out.

use super::*;

#[test]
fn the_page_is_what_prometheus_reads() {
    let metrics = Metrics::default();
    metrics.received(3, 2, 1);
    metrics.dead(Reason::Partial, 2);
    metrics.answered(200, Duration::from_millis(3));
    metrics.answered(418, Duration::from_secs(9));
    let page = metrics.render(&Gauges {
        pending: Pending {
            batches: 1,
            records: 7,
            bytes: 9,
        },
        dead_letters: 4,
        oldest_id: Duration::from_secs(60),
        ids_forgotten_early: 0,
        keys_age: Duration::from_secs(61),
    });
    for line in [
        "# TYPE soliplex_ingest_records_received_total counter",
        "soliplex_ingest_records_received_total 3",
        "soliplex_ingest_records_dead_total{reason=\"partial_success\"} 2",
        "soliplex_ingest_records_pending 7",
        "soliplex_ingest_keys_age_seconds 61",
        "soliplex_ingest_answers_total{status=\"200\"} 1",
        "soliplex_ingest_answers_total{status=\"other\"} 1",
        "soliplex_ingest_answer_seconds_bucket{le=\"0.005\"} 1",
        "soliplex_ingest_answer_seconds_bucket{le=\"+Inf\"} 2",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
}

#[test]
fn the_account_balances_only_when_every_record_has_one_fate() {
    let metrics = Metrics::default();
    metrics.recovered(5);
    metrics.received(10, 7, 2);
    metrics.rejected(&RecordError::NotAnObject);
    metrics.forwarded(4);
    metrics.dead(Reason::Refused, 3);
    let pending = |records| Pending {
        batches: 1,
        records,
        bytes: 1,
    };
    assert!(metrics.account(pending(5)).balances());
    assert!(!metrics.account(pending(4)).balances());
}
