//! What becomes of records when consent is given, withdrawn and given again, and of those logged
//! while the files are let go of.

use super::*;

impl Pipeline {
    /// What [`Soliplex::set_consent`](crate::Soliplex::set_consent) does; resolves when it is so.
    fn consent(&self, consent: Consent) -> oneshot::Receiver<()> {
        if consent == Consent::Denied {
            self.capture.withdraw();
        }
        let (reply, obeyed) = oneshot::channel();
        let reply = Box::new(move || _ = reply.send(()));
        let command = Command::SetConsent(consent, reply);
        self.commands.send(command).ok().unwrap();
        obeyed
    }
}

#[tokio::test(start_paused = true)]
async fn pending_consent_holds_records_until_it_is_granted() {
    let pipeline = Pipeline::start_with(
        |settings| settings.consent = Consent::Pending,
        SpoolOptions::default(),
    );
    pipeline.log(Severity::Error, "held");
    let report = pipeline.flush(HOUR).await;
    assert_eq!((report.delivered, report.waiting), (0, 1));
    drop(pipeline.consent(Consent::Granted));
    assert_eq!(pipeline.flush(HOUR).await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn withdrawn_consent_wipes_what_is_stored_and_counts_it() {
    let pipeline = Pipeline::start_with(
        |settings| settings.consent = Consent::Pending,
        SpoolOptions::default(),
    );
    pipeline.log_many(10);
    let _ = pipeline.flush(HOUR).await;
    pipeline.log_many(5);
    drop(pipeline.consent(Consent::Denied));
    let report = pipeline.flush(HOUR).await;
    assert_eq!(report.waiting, 0);
    let stats = pipeline.capture.diagnostics.stats();
    assert_eq!(stats.discarded, [(DiscardReason::Denied, 15)]);
    drop(pipeline.consent(Consent::Granted));
    let _ = pipeline.flush(HOUR).await;
    let told = ["session started", "records discarded"];
    assert_eq!(pipeline.server.messages(), told);
    pipeline.assert_accounted();
}

/// The store that was made in place of the wiped one knew whose it was.
#[tokio::test(start_paused = true)]
async fn nothing_in_the_file_names_a_session_whose_consent_was_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let spool = SpoolOptions::default();
    let pipeline = Pipeline::start_on(Some(folder.path()), |_| {}, spool);
    pipeline.server.answers_always(Some(BUSY));
    let named = [
        pipeline.capture.session.session_id().to_string(),
        "\"installId\":\"install\"".to_owned(),
    ];
    let names_it = || {
        let bytes = std::fs::read(folder.path().join("spool.redb")).unwrap();
        let has = |name: &String| {
            bytes
                .windows(name.len())
                .any(|found| found == name.as_bytes())
        };
        named.each_ref().map(has)
    };
    pipeline.log_many(10);
    let _ = pipeline.flush(Duration::from_secs(5)).await;
    assert_eq!(names_it(), [true; 2]);
    drop(pipeline.consent(Consent::Denied));
    let _ = pipeline.flush(HOUR).await;
    assert_eq!(names_it(), [false; 2]);
    pipeline.consent(Consent::Granted).await.unwrap();
    pipeline.log_many(1);
    let _ = pipeline.flush(Duration::from_secs(5)).await;
    assert!(names_it()[1], "another session begins");
}

#[tokio::test(start_paused = true)]
async fn consent_given_again_at_once_begins_a_session_that_arrives_whole() {
    let pipeline = Pipeline::start_with(
        |settings| settings.consent = Consent::Pending,
        SpoolOptions::default(),
    );
    pipeline.log(Severity::Info, "before");
    let mut obeyed = None;
    for _ in 0..5 {
        drop(pipeline.consent(Consent::Denied));
        obeyed = Some(pipeline.consent(Consent::Granted));
    }
    pipeline.log(Severity::Info, "too early");
    obeyed.unwrap().await.unwrap();
    pipeline.log(Severity::Info, "after");
    assert!(pipeline.flush(HOUR).await.is_complete());
    let requests = pipeline.server.requests.lock().unwrap();
    let records: Vec<_> = requests
        .iter()
        .flat_map(|request| &request.records)
        .collect();
    let told = |message: &str| {
        let of = records.iter().filter(|record| record.message == message);
        of.map(|record| record.seq.unwrap()).collect::<Vec<_>>()
    };
    // Each session has its marker or nothing; the others have been wiped.
    assert_eq!(told("session started").last(), Some(&1));
    assert_eq!(told("after").len(), 1);
    assert!(told("after") > vec![1], "it is not the session's first");
    assert!(told("before").is_empty() && told("too early").is_empty());
    drop(requests);
    pipeline.assert_accounted();
}

#[tokio::test(start_paused = true)]
async fn who_withdraws_last_is_obeyed_whichever_thread_came_first() {
    let pipeline = Pipeline::start();
    pipeline.consent(Consent::Denied).await.unwrap();
    // Another thread gives consent just before this one's command comes, but after its word.
    let overtaken = pipeline.consent(Consent::Granted);
    drop(pipeline.consent(Consent::Denied));
    let _ = overtaken.await;
    let _ = pipeline.flush(HOUR).await;
    pipeline.log(Severity::Info, "unheard");
    let _ = pipeline.flush(HOUR).await;
    assert_eq!(pipeline.capture.diagnostics.stats().captured, 0);
}

#[tokio::test(start_paused = true)]
async fn without_its_files_no_session_begins() {
    let pipeline = Pipeline::start();
    pipeline.consent(Consent::Denied).await.unwrap();
    assert!(pipeline.suspend().await);
    // The queue is in memory, and nobody else's.
    pipeline.consent(Consent::Granted).await.unwrap();
    pipeline.log(Severity::Info, "kept");
    assert_eq!(pipeline.capture.diagnostics.stats().captured, 1);
}

/// The worker was about to capture again when consent was withdrawn once more: it must not, before
/// it has read that command too.
#[tokio::test(start_paused = true)]
async fn a_withdrawal_holds_while_the_worker_still_obeys_an_earlier_change_of_mind() {
    let pipeline = Pipeline::start();
    pipeline.log_many(3);
    drop(pipeline.consent(Consent::Denied));
    drop(pipeline.consent(Consent::Granted));
    // As on another thread, before its command is there.
    pipeline.capture.withdraw();
    tokio::time::sleep(Duration::from_secs(5)).await;
    pipeline.log(Severity::Error, "not to be captured");
    let captured = pipeline.capture.diagnostics.stats().captured;
    assert_eq!(captured, 3);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_pipeline_keeps_what_is_logged_and_sends_it_when_resumed() {
    let pipeline = Pipeline::start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    pipeline.log(Severity::Info, "before");
    assert!(pipeline.suspend().await);
    pipeline.log(Severity::Error, "asleep");
    let sent = pipeline.server.times().len();
    tokio::time::sleep(HOUR).await;
    assert_eq!(
        pipeline.server.times().len(),
        sent,
        "nothing is sent while suspended"
    );
    pipeline
        .commands
        .send(Command::Resume(Box::new(|| ())))
        .ok()
        .unwrap();
    let _ = pipeline.flush(HOUR).await;
    assert_eq!(pipeline.server.messages(), ["before", "asleep"]);
    pipeline.assert_accounted();
}
