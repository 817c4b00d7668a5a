//! The one background loop: queue to spool, spool to server.
//!
//! It runs on a thread of its own with a runtime of its own, and neither sees any subscriber:
//! what the HTTP client, the store or we ourselves would log never comes back in here.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use soliplex_sanitize::Rules;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tracing_core::subscriber::NoSubscriber;

use crate::batch;
use crate::capture::Capture;
use crate::clock::Clock;
use crate::command::{Command, Consent, Flush, FlushReport, StoredDeadLetter};
use crate::delivery::{InHand, Pace, Verdict};
use crate::diagnostics::{Diagnostic, Diagnostics, DiscardReason, State};
use crate::exporter::{Export, ExportOutcome, Exporter, Exporting, Token};
use crate::intake::Intake;
use crate::queue::{Queue, Recovered};
use crate::receipt::Receipts;
use crate::session::Facts;
use crate::spool::{AppendError, Cursor, DeadLetter, EvictReason, Peeked, Spool};
use crate::store::Store;
use crate::wake::Wake;

/// How often the queue is looked at while records come in. At 4 MiB and half a kilobyte each, it
/// takes more than 80,000 records a second to fill it in between, and half of that rouses us.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often it is looked at when nothing has come for [`QUIET_AFTER`]: a phone in a pocket is
/// woken four times a second, and an error is still on its way within the second.
const LOOK_EVERY_QUIET: Duration = Duration::from_millis(250);

const QUIET_AFTER: Duration = Duration::from_secs(5);

/// Errors are sent at once, but not oftener than this: an error in a loop is no reason to storm.
const URGENT_EVERY: Duration = Duration::from_secs(1);

/// How often age and size are looked after.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// How long a failing store is left alone before it is tried again.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// The name under which the spool keeps the pace of delivery.
const PACE: &str = "pace";

/// What the worker needs to start.
pub(crate) struct Parts {
    pub(crate) capture: Weak<Capture>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) intake: Intake,
    pub(crate) recovered: Recovered,
    pub(crate) store: Store,
    pub(crate) wake: Arc<Wake>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) diagnostics: Arc<Diagnostics>,
    pub(crate) commands: UnboundedReceiver<Command>,
    pub(crate) rules: Rules,
    pub(crate) settings: Settings,
}

/// How delivery goes about it; see the builder's methods of the same names.
pub(crate) struct Settings {
    pub(crate) service_name: String,
    /// Makes the exporter on the worker's thread; none when there is no endpoint.
    pub(crate) exporter: Option<MakeExporter>,
    pub(crate) token_provider: Option<TokenProvider>,
    pub(crate) network_checker: Option<NetworkChecker>,
    pub(crate) flush_interval: Duration,
    pub(crate) startup_jitter: Duration,
    pub(crate) consent: Consent,
    /// Makes one device's waits differ from another's.
    pub(crate) seed: u64,
}

pub(crate) type MakeExporter = Box<dyn FnOnce() -> Result<Box<dyn Exporter>, String> + Send>;
pub(crate) type TokenProvider = Box<dyn Fn() -> Option<String> + Send + Sync>;
pub(crate) type NetworkChecker = Box<dyn Fn() -> bool + Send + Sync>;

/// Runs the worker on a thread of its own.
///
/// # Errors
///
/// When the system has no thread to give.
pub(crate) fn spawn(parts: Parts) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("soliplex-worker".to_owned())
        .spawn(move || run(parts))?;
    Ok(())
}

fn run(parts: Parts) {
    let _deaf = tracing_core::dispatcher::set_default(&NoSubscriber::default().into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("soliplex-resolver")
        // The runtime's own threads look up names for the HTTP client, which likes to log.
        .on_thread_start(|| {
            let deaf = tracing_core::dispatcher::set_default(&NoSubscriber::default().into());
            std::mem::forget(deaf);
        })
        .build();
    match runtime {
        Ok(runtime) => {
            runtime.block_on(Worker::start(parts));
            // A name that is still being looked up must not hold up the end.
            runtime.shutdown_background();
        }
        Err(error) => parts.diagnostics.report(&Diagnostic::StoreUnavailable {
            error: format!("the worker could not start: {error}"),
        }),
    }
}

struct Worker {
    capture: Weak<Capture>,
    queue: Arc<Queue>,
    intake: Intake,
    spool: Spool,
    wake: Arc<Wake>,
    clock: Arc<dyn Clock>,
    diagnostics: Arc<Diagnostics>,
    settings: Settings,
    exporter: Option<Box<dyn Exporter>>,
    receipts: Receipts,

    pace: Pace,
    enabled: bool,
    /// Records to send before delivery rests until the next occasion.
    to_send: u64,
    /// The next occasion.
    due: Instant,
    last_urgent: Option<Instant>,
    hand: Option<Hand>,
    flying: Option<Flight>,

    /// Records that have left the spool since the start, whatever became of them.
    left: u64,
    flushes: Vec<PendingFlush>,
    stopping: Option<Box<dyn FnOnce() + Send>>,

    last_record: Instant,
    last_tidy: Instant,
    store_retry: Option<Instant>,
}

/// What ended a nap.
enum Happened {
    Asked(Option<Command>),
    Answered(ExportOutcome),
    Time,
}

/// A batch between peek and confirm.
struct Hand {
    peeked: Peeked,
    facts: Facts,
    fates: InHand,
}

/// A request between question and answer.
struct Flight {
    answer: Exporting,
    token: Option<Token>,
}

struct PendingFlush {
    flush: Flush,
    /// How far [`Worker::left`] has to come.
    goal: u64,
    before: crate::diagnostics::Stats,
}

impl Worker {
    async fn start(parts: Parts) {
        let Parts {
            mut intake,
            mut store,
            recovered,
            diagnostics,
            mut settings,
            ..
        } = parts;
        if let Some(fallback) = &recovered.fallback {
            diagnostics.report(&Diagnostic::StoreUnavailable {
                error: fallback.to_string(),
            });
        }
        if let Some(aside) = &recovered.set_aside {
            report_set_aside(&diagnostics, &aside.path);
        }
        let Some(spool) = store.open(&mut intake, &recovered, &diagnostics) else {
            return;
        };
        let exporter = settings.exporter.take().and_then(|make| match make() {
            Ok(exporter) => Some(exporter),
            Err(error) => {
                diagnostics.report(&Diagnostic::Parked { error });
                None
            }
        });
        let now = Instant::now();
        let mut pace = Pace::new(settings.seed);
        pace.jitter_start(now, settings.startup_jitter);
        let mut spool = spool;
        if let Ok(Some(remembered)) = spool.meta(PACE) {
            pace.resume(&remembered, now, parts.clock.unix_nanos());
        }
        let mut worker = Worker {
            capture: parts.capture,
            queue: parts.queue,
            intake,
            spool,
            wake: parts.wake,
            clock: parts.clock,
            diagnostics,
            exporter,
            receipts: Receipts::new(parts.rules),
            pace,
            enabled: true,
            to_send: 0,
            due: now,
            last_urgent: None,
            hand: None,
            flying: None,
            left: 0,
            flushes: Vec::new(),
            stopping: None,
            last_record: now,
            last_tidy: now,
            store_retry: None,
            settings,
        };
        worker.run(parts.commands).await;
    }

    async fn run(&mut self, mut commands: UnboundedReceiver<Command>) {
        let mut listening = true;
        loop {
            self.take_in();
            self.tidy();
            self.depart();
            self.answer_flushes();
            if let Some(stopped) = self.stopped(listening) {
                stopped();
                return;
            }
            let nap = self.nap();
            let happened = tokio::select! {
                biased;
                command = commands.recv(), if listening => Happened::Asked(command),
                outcome = answer(&mut self.flying) => Happened::Answered(outcome),
                () = self.wake.roused() => Happened::Time,
                () = tokio::time::sleep(nap) => Happened::Time,
            };
            match happened {
                Happened::Asked(Some(command)) => self.obey(command),
                Happened::Asked(None) => listening = false,
                Happened::Answered(outcome) => self.arrive(outcome),
                Happened::Time => {}
            }
        }
    }

    /// Whether the end has come: asked for, or because nobody can log or ask any more.
    fn stopped(&mut self, listening: bool) -> Option<Box<dyn FnOnce() + Send>> {
        if self.flushes.is_empty()
            && let Some(reply) = self.stopping.take()
        {
            return Some(reply);
        }
        let abandoned = !listening && self.capture.strong_count() == 0;
        (abandoned && self.intake.has_reached(self.queue.end())).then(|| Box::new(|| ()) as Box<_>)
    }

    /// How long nothing needs to be done, unless something comes.
    fn nap(&self) -> Duration {
        let now = Instant::now();
        let quiet = now.duration_since(self.last_record) > QUIET_AFTER;
        let look = if quiet && self.flushes.is_empty() {
            LOOK_EVERY_QUIET
        } else {
            LOOK_EVERY
        };
        let wait = self.pace.wait_until(now).filter(|_| self.to_send > 0);
        let deadline = self
            .flushes
            .iter()
            .map(|pending| pending.flush.deadline)
            .min();
        [wait, deadline]
            .into_iter()
            .flatten()
            .map(|then| then.saturating_duration_since(now))
            .fold(look, Duration::min)
    }

    // === Queue to spool ===

    fn take_in(&mut self) {
        let now = Instant::now();
        if self.store_retry.is_some_and(|retry| retry > now) {
            return;
        }
        if self.diagnostics.take_unsanitized_stack() {
            self.diagnostics.report(&Diagnostic::UnsanitizedStack);
        }
        match self.intake.run(&mut self.spool) {
            Ok(0) => {}
            Ok(_) => {
                self.store_retry = None;
                self.last_record = now;
            }
            Err(AppendError::Full) => self.make_room(),
            Err(error) => self.store_failed(&error),
        }
        self.publish();
    }

    /// The spool is at its bound: what is worth least goes, and if nothing can go, the newcomers.
    fn make_room(&mut self) {
        if self.evict() == 0 {
            self.intake.discard_taken(DiscardReason::SpoolFull);
        }
    }

    fn evict(&mut self) -> u64 {
        let evictions = match self.spool.evict(self.clock.unix_nanos()) {
            Ok(evictions) => evictions,
            Err(error) => {
                self.store_failed(&error);
                return 0;
            }
        };
        let mut evicted = 0;
        for eviction in evictions {
            let reason = match eviction.reason {
                EvictReason::Bytes => DiscardReason::SpoolFull,
                EvictReason::Age => DiscardReason::Expired,
            };
            let seqs = Some((eviction.first_seq, eviction.last_seq));
            self.discarded(reason, eviction.records, seqs);
            evicted += eviction.records;
        }
        self.left += evicted;
        evicted
    }

    fn tidy(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.last_tidy) < TIDY_EVERY {
            return;
        }
        self.last_tidy = now;
        self.evict();
        if self.hand.is_none()
            && let Err(error) = self.spool.compact_if_worth()
        {
            self.store_failed(&error);
        }
        let losses = self.spool.take_losses();
        self.discarded(DiscardReason::SpoolDamaged, losses.unreadable_records, None);
        self.left += losses.unreadable_records;
        if let Some(aside) = losses.set_aside {
            self.left += crate::store::report(&aside, &self.diagnostics);
        }
        self.publish();
    }

    fn store_failed(&mut self, error: &dyn std::error::Error) {
        self.store_retry = Some(Instant::now() + STORE_RETRY);
        let error = crate::store::chain(error);
        self.diagnostics
            .report(&Diagnostic::StoreUnavailable { error });
    }

    fn discarded(&self, reason: DiscardReason, count: u64, seqs: Option<(u64, u64)>) {
        if count > 0 {
            self.diagnostics.discard(reason, count, seqs);
            self.diagnostics
                .report(&Diagnostic::Discarded { reason, count });
        }
    }

    fn publish(&self) {
        let records = self.spool.stats().records();
        self.diagnostics.spooled.store(records, Ordering::Relaxed);
        self.diagnostics.set_state(self.state());
    }

    // === Spool to server ===

    fn state(&self) -> State {
        match () {
            () if !self.may_send() => State::Disabled,
            () if !self.is_online() => State::Offline,
            () => self.pace.state(),
        }
    }

    fn may_send(&self) -> bool {
        self.enabled && self.exporter.is_some() && self.settings.consent == Consent::Granted
    }

    fn is_online(&self) -> bool {
        self.settings
            .network_checker
            .as_ref()
            .is_none_or(|checker| checker())
    }

    /// Sends the next request, if it is time for one.
    fn depart(&mut self) {
        let now = Instant::now();
        self.look_for_occasion(now);
        if self.flying.is_some() || self.to_send == 0 || self.pace.wait_until(now).is_some() {
            return;
        }
        if !self.may_send() || !self.is_online() {
            return;
        }
        let token = match &self.settings.token_provider {
            None => None,
            Some(provider) => match provider() {
                Some(text) => Some(Token::new(text)),
                // Nobody is logged in: what is stored waits.
                None => return,
            },
        };
        if !self.pace.admits(token.as_ref(), now) || !self.take_in_hand() {
            return;
        }
        let (Some(hand), Some(exporter)) = (&self.hand, &self.exporter) else {
            return;
        };
        let Some(range) = hand.fates.next() else {
            return;
        };
        let body = batch::body(
            &hand.facts,
            &hand.peeked.records,
            range,
            self.clock.now(),
            self.receipts.pending(),
        );
        self.diagnostics.exports.fetch_add(1, Ordering::Relaxed);
        let answer = exporter.export(Export {
            body,
            token: token.clone(),
        });
        self.flying = Some(Flight { answer, token });
    }

    /// Delivery is due every so often, and soon after an error. What is waiting then is sent
    /// batch after batch.
    fn look_for_occasion(&mut self, now: Instant) {
        let rested = self
            .last_urgent
            .is_none_or(|last| now.duration_since(last) >= URGENT_EVERY);
        let urgent = rested && self.wake.take_urgent();
        if urgent {
            self.last_urgent = Some(now);
        }
        if urgent || now >= self.due {
            self.due = now + self.settings.flush_interval;
            self.to_send = self.to_send.max(self.spool.stats().records());
        }
    }

    /// Has a batch in hand, peeking one if need be; `false` when there is none.
    fn take_in_hand(&mut self) -> bool {
        if self.hand.is_some() {
            return true;
        }
        match self.spool.peek(Cursor::default(), batch::PEEK) {
            Ok(Some(peeked)) => {
                let facts = batch::facts(&peeked.facts, &self.settings.service_name);
                let fates = InHand::new(peeked.records.len());
                self.hand = Some(Hand {
                    peeked,
                    facts,
                    fates,
                });
                true
            }
            Ok(None) => {
                self.to_send = 0;
                false
            }
            Err(error) => {
                self.store_failed(&error);
                false
            }
        }
    }

    /// An answer has come.
    fn arrive(&mut self, outcome: ExportOutcome) {
        let now = Instant::now();
        let token = self.flying.take().and_then(|flight| flight.token);
        let Some(hand) = &mut self.hand else { return };
        let before = self.pace.state();
        match hand.fates.settle(outcome) {
            Verdict::Next => {
                self.pace.succeeded();
                self.receipts.sent();
                if before != State::Active {
                    self.diagnostics.report(&Diagnostic::Recovered);
                    self.remember_pace();
                }
                self.confirm();
            }
            Verdict::Later { retry_after, error } => {
                self.pace.failed(now, retry_after);
                self.diagnostics.failures.fetch_add(1, Ordering::Relaxed);
                self.diagnostics.report(&Diagnostic::ExportFailed { error });
                self.remember_pace();
            }
            Verdict::Unauthorized { error } => {
                self.pace.unauthorized(now, token);
                self.parked(before, error);
            }
            Verdict::Misplaced { error } => {
                self.pace.misplaced(now);
                self.parked(before, error);
            }
        }
        self.publish();
    }

    /// Reported when it begins, not each time it is found to go on.
    fn parked(&self, before: State, error: String) {
        self.diagnostics.failures.fetch_add(1, Ordering::Relaxed);
        if before != State::Parked {
            self.diagnostics.report(&Diagnostic::Parked { error });
        }
    }

    /// A device that is restarted while the server is down does not start over at a second. What
    /// cannot be stored is no loss: it would only be tried a little sooner.
    fn remember_pace(&mut self) {
        let pace = self.pace.to_bytes(Instant::now(), self.clock.unix_nanos());
        let _ = self.spool.put_meta(PACE, &pace);
    }

    /// When every record in hand has met its fate, they leave the spool.
    fn confirm(&mut self) {
        let Some(hand) = self.hand.take_if(|hand| hand.fates.next().is_none()) else {
            return;
        };
        let dead: Vec<DeadLetter<'_>> = hand
            .fates
            .dead
            .iter()
            .map(|(record, reason)| DeadLetter {
                record: *record,
                reason,
            })
            .collect();
        match self.spool.confirm(&hand.peeked.handle, &dead) {
            Ok(confirmed) => {
                // What was evicted while in hand has been counted there.
                let delivered = hand.fates.delivered.saturating_sub(confirmed.missing);
                self.diagnostics
                    .delivered
                    .fetch_add(delivered, Ordering::Relaxed);
                self.diagnostics
                    .duplicates
                    .fetch_add(hand.fates.duplicates, Ordering::Relaxed);
                for letter in &dead {
                    let seq = hand
                        .peeked
                        .records
                        .get(letter.record)
                        .map(|record| record.seq);
                    self.discarded(DiscardReason::Rejected, 1, seq.map(|seq| (seq, seq)));
                }
                self.left += confirmed.records;
                self.to_send = self.to_send.saturating_sub(confirmed.records.max(1));
            }
            // It is peeked and sent again; the server knows the ids.
            Err(error) => self.store_failed(&error),
        }
    }

    // === Commands ===

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Flush(flush) => self.begin_flush(flush),
            Command::Shutdown(flush, reply) => {
                self.begin_flush(flush);
                self.stopping = Some(reply);
            }
            Command::SetEnabled(enabled) => self.enabled = enabled,
            Command::SetConsent(consent) => {
                self.settings.consent = consent;
                if consent == Consent::Denied {
                    self.wipe();
                }
            }
            Command::Changed => {
                self.pace.changed(now);
                self.due = now;
            }
            Command::DeadLetters(reply) => reply(self.dead_letters()),
        }
    }

    /// Consent is withdrawn: what is on its way is called back, what is stored is deleted.
    fn wipe(&mut self) {
        (self.flying, self.hand, self.to_send) = (None, None, 0);
        while self.intake.discard_queued(DiscardReason::Denied) {}
        let records = self.spool.stats().records();
        match self.spool.wipe() {
            Ok(()) => {
                self.discarded(DiscardReason::Denied, records, None);
                self.left += records;
            }
            Err(error) => self.store_failed(&error),
        }
        self.publish();
    }

    fn dead_letters(&mut self) -> Vec<StoredDeadLetter> {
        let letters = self.spool.dead_letters().unwrap_or_default();
        letters
            .into_iter()
            .map(|letter| {
                let facts = Facts::default();
                let record = crate::spool::StoredRecord {
                    seq: letter.seq,
                    payload: letter.payload,
                };
                let body = batch::body(&facts, &[record], 0..1, self.clock.now(), None);
                StoredDeadLetter::new(letter.reason, &body)
            })
            .collect()
    }

    /// The barrier: everything that is in the queue now is in the spool before the wait begins.
    fn begin_flush(&mut self, flush: Flush) {
        let before = self.diagnostics.stats();
        let end = self.queue.end();
        while !self.intake.has_reached(end) && Instant::now() < flush.deadline {
            let reached = self.diagnostics.taken_in.load(Ordering::Relaxed);
            self.take_in();
            if reached == self.diagnostics.taken_in.load(Ordering::Relaxed) {
                break;
            }
        }
        let waiting = self.spool.stats().records();
        self.to_send = waiting;
        self.pace.hurry(Instant::now());
        self.flushes.push(PendingFlush {
            flush,
            goal: self.left + waiting,
            before,
        });
    }

    /// Answers the flushes that have come to an end: all delivered, too late, or in vain.
    fn answer_flushes(&mut self) {
        let now = Instant::now();
        let in_vain = match self.state() {
            State::Disabled | State::Offline => true,
            // A token or an answer may still be under way.
            State::Parked => self.flying.is_none() && self.pace.wait_until(now).is_some(),
            State::Active | State::BackingOff => false,
        };
        let waiting_for_login = self.flying.is_none()
            && self
                .settings
                .token_provider
                .as_ref()
                .is_some_and(|provider| provider().is_none());
        let left = self.left;
        let ended = |pending: &PendingFlush| {
            left >= pending.goal || now >= pending.flush.deadline || in_vain || waiting_for_login
        };
        if self.flushes.is_empty() {
            return;
        }
        self.publish();
        let stats = self.diagnostics.stats();
        for pending in self.flushes.extract_if(.., |pending| ended(pending)) {
            (pending.flush.reply)(FlushReport::between(&pending.before, &stats));
        }
    }
}

/// The answer to the request under way; never, when there is none.
async fn answer(flying: &mut Option<Flight>) -> ExportOutcome {
    match flying {
        Some(flight) => flight.answer.as_mut().await,
        None => std::future::pending().await,
    }
}

fn report_set_aside(diagnostics: &Diagnostics, path: &std::path::Path) {
    let file = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    diagnostics.report(&Diagnostic::SetAside { file });
}

#[cfg(test)]
mod tests;
