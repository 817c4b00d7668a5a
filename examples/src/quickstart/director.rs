//! The acts, in order.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::closing::{Closing, Run};
use super::device::Act;
use super::page::{self, Ink, Page};
use super::processes::{Process, ProcessError};
use super::stage::{Server, Stage, StageError};
use super::story;

/// Why the play was broken off.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("what was logged does not arrive at the receiver")]
    NotArriving,
    #[error("the device failed: {0}")]
    Device(String),
}

/// Plays the scripted session, or a file.
pub(super) fn run(replay: Option<&Path>, keep: bool) -> ExitCode {
    let page = Page::new();
    let played = match replay {
        None => session(page, keep),
        Some(file) => self::replay(page, file, keep),
    };
    match played {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("quickstart: {}", super::explain(&failure));
            ExitCode::FAILURE
        }
    }
}

fn session(page: Page, keep: bool) -> Result<bool, Failure> {
    let play = Play::begin(page, usize::MAX)?;
    page.line(
        "One session in the field: a device, a server, a receiver, each a process of its own.",
    );
    let server = play.stage.server()?;
    play.introduce(&server);

    let mut device = play.stage.device(&server, Act::Morning, None)?;
    let mut morning = Run::default();
    play.follow(&device, &mut morning, "online")?;
    play.arrived(&[&morning])?;
    play.tell("the device starts, signs in and synchronizes", &morning);
    server.stop()?;
    play.tell(
        "the server is stopped; the device goes on logging",
        &morning,
    );
    device.say("go")?;
    play.follow(&device, &mut morning, "offline")?;
    play.tell(
        "an upload fails, a thread panics, nothing gets out",
        &morning,
    );
    device.say("go")?;
    for _ in 0..PHOTOS_BEFORE_KILL {
        play.hear(&device, &mut morning)?;
    }
    device.kill()?;
    while play.hear_if_any(&device, &mut morning)? {}
    morning.killed = true;
    play.tell(
        "the device is killed (SIGKILL) while it takes photos",
        &morning,
    );
    play.stage.search_files()?;

    let server = play.stage.server()?;
    let mut device = play.stage.device(&server, Act::Afternoon, None)?;
    let mut afternoon = Run::default();
    while play.hear_if_any(&device, &mut afternoon)? {}
    device.wait()?;
    play.arrived(&[&morning, &afternoon])?;
    play.tell(
        "server and device are started again; what waited is delivered",
        &afternoon,
    );
    play.end(server, vec![morning, afternoon], true, keep)
}

fn replay(page: Page, file: &Path, keep: bool) -> Result<bool, Failure> {
    let play = Play::begin(page, REPLAY_SAMPLE)?;
    page.line("A text file on the road: each line is an event on a device.");
    let server = play.stage.server()?;
    play.introduce(&server);
    let mut device = play.stage.device(&server, Act::Replay, Some(file))?;
    let mut run = Run::default();
    while play.hear_if_any(&device, &mut run)? {}
    device.wait()?;
    play.arrived(&[&run])?;
    play.tell("the file is logged and delivered", &run);
    play.end(server, vec![run], false, keep)
}

/// What all acts share.
struct Play {
    page: Page,
    begun: Instant,
    stage: Stage,
}

impl Play {
    fn begin(page: Page, keep_first: usize) -> Result<Play, Failure> {
        Ok(Play {
            page,
            begun: Instant::now(),
            stage: Stage::set(keep_first)?,
        })
    }

    fn introduce(&self, server: &Server) {
        let Play { page, stage, .. } = self;
        page.line("");
        page.line(&format!(
            "  device    logs through tracing, sends to {}",
            server.url
        ));
        page.line(&format!(
            "  server    soliplex-ingest, forwards to {}",
            stage.receiver_url()
        ));
        page.line("  receiver  an OTLP backend in small, keeps what arrives");
        page.line("");
    }

    /// One line about what has just happened.
    fn tell(&self, what: &str, run: &Run) {
        let seconds = format!("{:6.2} s", self.begun.elapsed().as_secs_f64());
        let arrived = self.stage.arrivals.tally().delivered;
        let counts = format!(
            "{:>5} logged, {:>5} arrived",
            page::count(run.told),
            page::count(arrived)
        );
        let (seconds, counts) = (
            self.page.ink(Ink::Dim, &seconds),
            self.page.ink(Ink::Dim, &counts),
        );
        self.page.line(&format!("{seconds}  {what:<62}{counts}"));
    }

    /// Listens to the device until it waits at this stage.
    fn follow(&self, device: &Process, run: &mut Run, stage: &str) -> Result<(), Failure> {
        let waits = format!("stage {stage}");
        while self.hear(device, run)? != waits {}
        Ok(())
    }

    fn hear(&self, device: &Process, run: &mut Run) -> Result<String, Failure> {
        let line = device.expect_line(PATIENCE)?;
        note(run, &line)?;
        Ok(line)
    }

    fn hear_if_any(&self, device: &Process, run: &mut Run) -> Result<bool, Failure> {
        let line = device.line(PATIENCE)?;
        if let Some(line) = &line {
            note(run, line)?;
        }
        Ok(line.is_some())
    }

    /// Waits until everything these runs have told is at the receiver, or known to be discarded.
    fn arrived(&self, runs: &[&Run]) -> Result<(), Failure> {
        let told: u64 = runs.iter().map(|run| run.told).sum();
        let enough = self.stage.arrivals.wait_until(PATIENCE, |tally| {
            tally.delivered + tally.discarded.values().sum::<u64>() >= told
        });
        if enough {
            Ok(())
        } else {
            Err(Failure::NotArriving)
        }
    }

    fn end(
        self,
        server: Server,
        runs: Vec<Run>,
        scripted: bool,
        keep: bool,
    ) -> Result<bool, Failure> {
        // The server forwards what it has before it ends, so that nothing can arrive afterwards.
        server.stop()?;
        self.stage.search_files()?;
        let Play { page, stage, begun } = self;
        story::print(page, &stage.arrivals.tally(), scripted);
        let closing = Closing::new(
            runs,
            &stage.arrivals.tally(),
            &stage.watch,
            stage.canary_names(),
        );
        let folder = stage.strike(keep)?;
        closing.print(page, begun.elapsed(), folder.as_deref());
        Ok(closing.adds_up())
    }
}

/// Takes in a line; one that says that the device failed ends the play.
fn note(run: &mut Run, line: &str) -> Result<(), Failure> {
    run.hear(line);
    match line.strip_prefix("failed ") {
        Some(reason) => Err(Failure::Device(reason.to_owned())),
        None => Ok(()),
    }
}

/// Longer than any step takes on loopback, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// The device takes one every few milliseconds.
const PHOTOS_BEFORE_KILL: usize = 6;

/// Records of a replayed file that are shown from its begin.
const REPLAY_SAMPLE: usize = 6;
