//! The one background loop: queue to spool, spool to server.
//!
//! It runs on a thread of its own with a runtime of its own, and no layer hears either: what the
//! HTTP client, the store or we ourselves would log never comes back in here.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::breadcrumbs::Breadcrumbs;
use crate::capture::Capture;
use crate::clock::Clock;
use crate::command::{Command, Consent};
use crate::delivery::Pace;
use crate::diagnostics::{Diagnostic, Diagnostics, DiscardReason};
use crate::exporter::{ExportOutcome, Exporter};
use crate::intake::{Intake, MAX_COMMIT_BYTES};
use crate::main_thread::{self, LastSeen};
use crate::queue::{Position, Queue};
use crate::receipt::Receipts;
use crate::spool::{Spool, Unavailable};
use crate::store::{self, Store};
use crate::wake::Wake;

mod calendar;
mod connect;
mod host;
mod keep;
mod obey;
mod parts;
mod send;
mod suspend;
mod tell;
mod test_event;
#[cfg(test)]
mod tests;
mod thread;
mod wipe;

use calendar::Calendar;
use host::Host;
use keep::STORE_RETRY;
use obey::PendingFlush;
pub(crate) use parts::{MakeExporter, NetworkChecker, Parts, Settings, TokenProvider};
use send::{Flight, Hand};
use test_event::PendingTest;
pub(crate) use thread::spawn;

/// How often the queue is looked at while records come in. At 8 MiB and half a kilobyte each, it
/// takes more than 160,000 records a second to fill it in between, and half of that rouses us.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often it is looked at when nothing has come for [`QUIET_AFTER`]: a phone in a pocket is
/// woken four times a second, and an error is still on its way within the second.
const LOOK_EVERY_QUIET: Duration = Duration::from_millis(250);

const QUIET_AFTER: Duration = Duration::from_secs(5);

/// How long after the last record the queue is kept ready for the next ones: a user reads a page
/// before the next tap. What is kept ready is written to disk twice a minute, so not for ever.
const PREPARED_FOR: Duration = Duration::from_secs(60);

/// Tells whoever waits for the end that it has come.
type Stopped = Box<dyn FnOnce() + Send>;

struct Worker {
    capture: Weak<Capture>,
    queue: Arc<Queue>,
    intake: Intake,
    spool: Spool,
    wake: Arc<Wake>,
    breadcrumbs: Arc<Breadcrumbs>,
    clock: Arc<dyn Clock>,
    diagnostics: Arc<Diagnostics>,
    settings: Settings,
    host: Host,
    exporter: Option<Box<dyn Exporter>>,
    receipts: Receipts,

    pace: Pace,
    /// Whether the spool keeps a pace that a success puts an end to.
    pace_is_kept: bool,
    enabled: bool,
    /// Records to send before delivery rests until the next occasion.
    to_send: u64,
    /// The next occasion.
    due: Instant,
    last_urgent: Option<Instant>,
    /// The end of the queue when an error was noticed: it is urgent once that is stored.
    urgent: Option<Position>,
    hand: Option<Hand>,
    flying: Option<Flight>,

    /// Records that have left the spool since the start, whatever became of them.
    left: u64,
    flushes: Vec<PendingFlush>,
    tests: Vec<PendingTest>,
    /// Called when the files are taken again.
    on_resume: VecDeque<Box<dyn FnOnce() + Send>>,
    /// Who asked for the end; it comes when the first of their flushes is answered.
    stopping: Vec<Stopped>,
    is_over: bool,

    store: Store,
    /// Whether the files are not in use: let go of, or not to be had yet.
    suspended: bool,
    /// Whether the queue's file has been let go of, and may be somebody else's.
    let_go: bool,
    /// How many records had ever been delivered from the store when it was let go of.
    delivered_before: Option<u64>,
    /// Whether consent was withdrawn and something may still be stored.
    wipe_due: bool,
    /// Whether consent was withdrawn and nothing is captured since.
    refused: bool,
    /// How many withdrawals have been obeyed.
    withdrawals: u64,
    /// Called when what is logged is captured again.
    on_readmitted: Option<Box<dyn FnOnce() + Send>>,
    /// When to try again to take the files that somebody else has.
    resume_at: Option<Instant>,

    last_record: Instant,
    last_tidy: Instant,
    /// When a store that failed is to be tried again. Nothing is sent until then: that it has
    /// arrived could not be noted.
    store_retry: Option<Instant>,
    /// When to store again what found no room on the disk. Sending goes on: it makes room.
    disk_full_until: Option<Instant>,
    calendar: Calendar,
    /// Whether the store's failure has been reported and is not over.
    store_failing: bool,
    /// Whether the last look at the queue moved anything.
    moved: bool,
}

/// What ended a nap.
enum Happened {
    Asked(Option<Command>),
    Answered(ExportOutcome),
    Time,
}

impl Worker {
    async fn start(parts: Parts) -> Option<Stopped> {
        let Parts {
            mut intake,
            mut store,
            recovered,
            troubles,
            diagnostics,
            mut settings,
            ..
        } = parts;
        for trouble in &troubles {
            diagnostics.report(trouble);
        }
        if let Some(fallback) = &recovered.fallback {
            diagnostics.report(&Diagnostic::StoreUnavailable {
                error: fallback.to_string(),
            });
        }
        if let Some(aside) = &recovered.set_aside {
            diagnostics.queue_set_aside(&aside.path);
        }
        if let Some(error) = store.refused.take() {
            diagnostics.report(&Diagnostic::StoreUnavailable { error });
        }
        diagnostics
            .recovered
            .fetch_add(recovered.torn, Ordering::Relaxed);
        diagnostics.discard(DiscardReason::Torn, recovered.torn);
        let (mut spool, waits) = match first_spool(
            &mut store,
            &mut intake,
            parts.queue.is_durable(),
            &diagnostics,
        ) {
            Ok(opened) => opened,
            Err(error) => {
                let error = store::chain(&error);
                diagnostics.report(&Diagnostic::StoreUnavailable { error });
                return None;
            }
        };
        let found = spool.stats().records();
        diagnostics.recovered.fetch_add(found, Ordering::Relaxed);
        let host = Host::new(
            settings.network_checker.take(),
            settings.token_provider.take(),
        );
        let now = Instant::now();
        let mut pace = Pace::new(settings.seed);
        pace.jitter_start(now, settings.startup_jitter);
        let pace_is_kept = settings.resume(&mut pace, &mut spool, parts.clock.unix_nanos());
        let calendar = Calendar::new(parts.clock.moment());
        let mut worker = Worker {
            capture: parts.capture,
            queue: parts.queue,
            intake,
            spool,
            wake: parts.wake,
            breadcrumbs: parts.breadcrumbs,
            clock: parts.clock,
            diagnostics,
            host,
            exporter: None,
            receipts: parts.receipts,
            pace,
            pace_is_kept,
            enabled: true,
            to_send: 0,
            due: now,
            last_urgent: None,
            urgent: None,
            hand: None,
            flying: None,
            left: 0,
            flushes: Vec::new(),
            tests: Vec::new(),
            on_resume: VecDeque::new(),
            stopping: Vec::new(),
            is_over: false,
            store,
            suspended: waits,
            let_go: false,
            delivered_before: None,
            wipe_due: settings.consent == Consent::Denied,
            refused: settings.consent == Consent::Denied,
            withdrawals: 0,
            on_readmitted: None,
            resume_at: waits.then(|| now + STORE_RETRY),
            last_record: now,
            last_tidy: now,
            store_retry: None,
            disk_full_until: None,
            calendar,
            store_failing: waits,
            moved: false,
            settings,
        };
        worker.connect();
        Some(worker.run(parts.commands).await)
    }

    async fn run(&mut self, mut commands: UnboundedReceiver<Command>) -> Stopped {
        let mut listening = true;
        loop {
            if self.suspended {
                self.wait_for_files();
                self.wipe_without_store();
                self.readmit();
                self.aim_flushes();
            } else {
                self.notice_errors();
                self.wipe_if_due();
                self.readmit();
                self.pay();
                self.take_in();
                if self.last_record.elapsed() < PREPARED_FOR {
                    self.intake.prepare_queue();
                }
                self.tidy();
                self.aim_flushes();
                self.depart();
            }
            self.answer_tests();
            self.answer_flushes();
            self.intake.session().run.alive(self.clock.moment());
            self.diagnostics.tell_changes();
            let is_asked = self.is_over;
            if let Some(stopped) = self.stopped(listening) {
                // Nobody asked: a `main` that unwinds lets go of everything, and that is its end.
                if is_asked || main_thread::last_seen() != LastSeen::Unwinds {
                    self.end_run();
                }
                // What is logged from here on is for whoever opens the ring next.
                let _ = self.queue.unlock();
                return stopped;
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
    fn stopped(&mut self, listening: bool) -> Option<Stopped> {
        if self.is_over {
            // Others may wait for theirs far longer: they are told how far it came.
            self.answer_everybody();
            let replies = std::mem::take(&mut self.stopping);
            return Some(Box::new(|| replies.into_iter().for_each(|reply| reply())));
        }
        let abandoned = !listening && self.capture.strong_count() == 0;
        (abandoned && self.intake.has_reached(self.queue.end())).then(|| Box::new(|| ()) as Box<_>)
    }

    /// The run ends in order if nothing that was logged depends on this process any more.
    fn end_run(&self) {
        let run = &self.intake.session().run;
        if self.queue.is_durable() || self.intake.has_reached(self.queue.end()) {
            run.end(self.clock.moment());
            run.sync();
        }
    }

    /// How long nothing needs to be done, unless something comes.
    fn nap(&self) -> Duration {
        let now = Instant::now();
        // More than a commit's worth is waiting: no rest until it is not, or stands behind what is
        // not whole.
        if !self.suspended
            && self.moved
            && self.store_retry.is_none()
            && self.disk_full_until.is_none()
            && self.queue.fill().used > MAX_COMMIT_BYTES as u64
        {
            return Duration::ZERO;
        }
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
}

/// The spool to begin with, and whether it only stands in for the folder's.
///
/// While a folder cannot be had, as on a full disk, records stay in the queue, which outlives the
/// process and is tried to be emptied again and again. Only a queue in memory is emptied into
/// memory.
fn first_spool(
    store: &mut Store,
    intake: &mut Intake,
    is_durable: bool,
    diagnostics: &Diagnostics,
) -> Result<(Spool, bool), Unavailable> {
    let failed = match store.open(intake, diagnostics) {
        Ok(Some(joined)) => return Ok((joined.spool, false)),
        Ok(None) => false,
        Err(error) => {
            let error = store::chain(&*error);
            diagnostics.report(&Diagnostic::StoreUnavailable { error });
            true
        }
    };
    let mut spool = store.in_memory()?;
    let waits = failed && is_durable;
    if !waits {
        store.path = None;
        intake.join(&mut spool)?;
    }
    Ok((spool, waits))
}

/// The answer to the request under way; never, when there is none.
async fn answer(flying: &mut Option<Flight>) -> ExportOutcome {
    match flying {
        Some(flight) => flight.answer.as_mut().await,
        None => std::future::pending().await,
    }
}
