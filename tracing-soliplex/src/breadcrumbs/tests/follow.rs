//! A subscription that keeps up, lags, meets a skipped record, or is cleared under its eyes.

use std::time::{Duration, Instant};

use super::super::filter::Filter;
use super::super::subscription::{Subscription, Update};
use super::*;

fn start(slots: usize) -> (Arc<Breadcrumbs>, Subscription) {
    let options = BreadcrumbOptions {
        slots,
        ..BreadcrumbOptions::default()
    };
    let breadcrumbs = Arc::new(Breadcrumbs::open(None, options).0);
    let follow = Subscription::new(Arc::clone(&breadcrumbs), Filter::new());
    (breadcrumbs, follow)
}

fn note(breadcrumbs: &Breadcrumbs, messages: impl IntoIterator<Item = u32>) {
    for message in messages {
        breadcrumbs.note(Severity::Info, 0, "app", &message.to_string());
    }
}

/// Messages as they are; what was missed as `-3`.
fn updates(updates: impl Iterator<Item = Update>) -> Vec<i64> {
    let number = |update| match update {
        Update::Record(record) => record.breadcrumb.message.parse().expect("a number"),
        Update::Missed(count) => -(count as i64),
    };
    updates.map(number).collect()
}

#[test]
fn who_keeps_up_gets_everything_from_then_on_in_order() {
    let (breadcrumbs, _) = start(8);
    note(&breadcrumbs, [1]);
    let mut follow = Subscription::new(Arc::clone(&breadcrumbs), Filter::new());
    assert_eq!(updates(&mut follow), [0; 0]);
    note(&breadcrumbs, [2, 3]);
    assert_eq!(updates(&mut follow), [2, 3]);
    note(&breadcrumbs, 4..9);
    assert_eq!(updates(&mut follow), [4, 5, 6, 7, 8]);
}

#[test]
fn who_lags_is_told_how_many_were_missed() {
    let (breadcrumbs, mut follow) = start(8);
    note(&breadcrumbs, 1..=30);
    assert_eq!(updates(&mut follow), [-22, 23, 24, 25, 26, 27, 28, 29, 30]);
    assert_eq!(updates(&mut follow), [0; 0]);
}

#[test]
fn what_is_cleared_away_was_not_missed() {
    let (breadcrumbs, mut follow) = start(8);
    note(&breadcrumbs, [1, 2]);
    breadcrumbs.clear();
    note(&breadcrumbs, [3]);
    assert_eq!(updates(&mut follow), [3]);
}

#[test]
fn a_filter_shows_what_it_names() {
    let (breadcrumbs, _) = start(8);
    let filter = Filter::new().text("3");
    let mut follow = Subscription::new(Arc::clone(&breadcrumbs), filter);
    note(&breadcrumbs, [3, 4, 33]);
    assert_eq!(updates(&mut follow), [3, 33]);
}

#[test]
fn a_record_that_never_comes_is_waited_for_a_moment_and_then_counted() {
    let (breadcrumbs, mut follow) = start(8);
    note(&breadcrumbs, [1]);
    // A ticket was taken and nothing came of it.
    breadcrumbs.ring.memory()[32].fetch_add(1, Relaxed);
    note(&breadcrumbs, [3]);
    let begin = Instant::now();
    let mut at = |millis| {
        let now = begin + Duration::from_millis(millis);
        updates(std::iter::from_fn(|| follow.next_at(now)))
    };
    assert_eq!(at(0), [1]);
    assert_eq!(at(50), [0; 0]);
    assert_eq!(at(200), [-1, 3]);
}

#[test]
fn whoever_waits_gets_what_another_thread_logs() {
    let (breadcrumbs, mut follow) = start(8);
    assert_eq!(follow.next_timeout(Duration::ZERO), None);
    let other = std::thread::spawn(move || note(&breadcrumbs, [1]));
    let update = follow.next_timeout(Duration::from_secs(30));
    assert_eq!(updates(update.into_iter()), [1]);
    other.join().expect("a thread");
}

#[test]
fn threads_that_log_all_the_time_lose_nothing_that_is_not_told() {
    const THREADS: u64 = 3;
    const EACH: u64 = 2_000;
    let (breadcrumbs, mut follow) = start(64);
    let mut told = 0;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let breadcrumbs = &breadcrumbs;
            scope.spawn(move || note(breadcrumbs, 0..EACH as u32));
        }
        while told < THREADS * EACH {
            match follow.next_timeout(Duration::from_secs(30)) {
                Some(Update::Record(_)) => told += 1,
                Some(Update::Missed(count)) => told += count,
                None => panic!("{told} of {} were told of", THREADS * EACH),
            }
        }
    });
    assert_eq!(told, THREADS * EACH);
}
