//! Numbers, ids and silences.

use super::*;
use crate::clock::SystemClock;
use std::collections::HashSet;

#[test]
fn ids_of_a_session_never_meet_and_tell_their_time() {
    let session = Session::new("install", &Attributes::new());
    let millis = 1_770_379_200_123;
    let ids: HashSet<Uuid> = (0..100_000)
        .map(|seq| session.record_id(seq, millis * 1_000_000))
        .collect();
    assert_eq!(ids.len(), 100_000);
    for id in ids.iter().take(10) {
        assert_eq!(id.get_version_num(), 7);
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        assert_eq!(
            (seconds * 1000 + u64::from(nanos) / 1_000_000) as i64,
            millis
        );
    }
}

#[test]
fn a_later_session_has_another_id_and_counts_from_its_first_record() {
    let session = Session::new("install", &Attributes::new());
    let first = session.head(Severity::Info, 0);
    let next = session.take_next().unwrap();
    assert_eq!(session.take_next(), None, "only one thread begins it");
    let begins = session.first_head(next, Severity::Info, 0);
    session.has_begun(next, &SystemClock);
    let second = session.head(Severity::Info, 0);
    assert_eq!((begins.seq, second.seq), (1, 2));
    assert_eq!(
        (begins.context, second.context),
        (session.context(), session.context())
    );
    assert_ne!(first.context, second.context);
    assert!([first, begins, second].map(|head| session.is_own(head.context)) == [true; 3]);
    assert!(!session.is_own(Session::new("install", &Attributes::new()).context()));
    assert_eq!(session.session_id().get_version_num(), 4);
    assert_eq!(
        session.facts(second.context).session_id,
        session.session_id().to_string()
    );
    let ids: HashSet<Uuid> = [first, begins, second].map(|head| head.id).into();
    assert_eq!(ids.len(), 3);
}

/// Both clocks at once.
#[derive(Debug)]
struct At(i64);

impl Clock for At {
    fn unix_nanos(&self) -> i64 {
        self.0
    }

    fn moment(&self) -> Moment {
        Moment {
            unix_nanos: self.0,
            monotonic_nanos: self.0,
        }
    }

    fn asleep(&self) -> Option<i64> {
        Some(0)
    }
}

#[test]
fn a_session_expires_only_after_its_silence_and_only_if_asked_to() {
    let resource = Attributes::new();
    let timeout = Some(Duration::from_nanos(100));
    let session = Session::begin("install", &resource, Run::unmarked(), timeout);
    assert!(
        !session.has_expired(&At(i64::MAX)),
        "nothing has happened yet"
    );
    session.active(&At(1_000));
    assert_eq!(
        [1_050, 1_100, 1_101].map(|t| session.has_expired(&At(t))),
        [false, false, true]
    );
    let endless = Session::new("install", &resource);
    endless.active(&At(1_000));
    assert!(!endless.has_expired(&At(i64::MAX)));
}

#[test]
fn a_records_time_is_noted_once_a_second_and_when_the_clock_was_set() {
    let session = Session::new("install", &Attributes::new());
    let second = NOTE_EVERY;
    let start = 1_770_000_000 * second;
    session.active(&At(start));
    for (time, noted) in [
        (start, false),
        (start + second, false),
        (start + second + 1, true),
        (start + 1_000 * second, true),
        // Two threads need not come in the order in which they looked at the clock.
        (start - second / 2, false),
        (start - 1_000 * second, true),
        (0, true),
    ] {
        assert_eq!(session.is_to_note(time), noted, "{}", time - start);
    }
}

#[test]
fn the_facts_are_read_back() {
    let resource = [("service.name", "app")].into_iter().collect();
    let session = Session::new("install", &resource);
    let facts = session.facts(session.context());
    assert_eq!(Facts::from_json(&facts.to_json()), Some(facts.clone()));
    assert_eq!(facts.session_id, session.session_id().to_string());
    assert_eq!(facts.resource["service.name"], "app".into());
}
