//! The processes of the play: started, listened to, and ended.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A process, its output read line by line on threads of ours. Killed when dropped.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    readers: Vec<JoinHandle<()>>,
}

/// What went wrong with a process.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    /// It could not be started.
    #[error("the {0} could not be started")]
    Start(&'static str, #[source] io::Error),
    /// It could not be signaled or waited for.
    #[error("the {0} does not obey")]
    Control(&'static str, #[source] io::Error),
    /// It ended while more was expected of it.
    #[error("the {0} has ended: run again with --keep and read its log")]
    Ended(&'static str),
    /// It said nothing for too long.
    #[error("the {0} says nothing any more")]
    Silent(&'static str),
}

/// Called with each line, its end cut off.
pub(super) type OnLine = Box<dyn FnMut(&[u8]) + Send>;

/// Called with each line; `true` for one to hand on to [`Process::line`].
pub(super) type SiftLine = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// How a process is to be started.
pub(super) struct Start {
    pub(super) name: &'static str,
    pub(super) command: Command,
    pub(super) stdin: Stdio,
    pub(super) on_stdout: SiftLine,
    pub(super) on_stderr: OnLine,
}

impl Process {
    pub(super) fn start(start: Start) -> Result<Process, ProcessError> {
        let Start {
            name,
            mut command,
            stdin,
            mut on_stdout,
            mut on_stderr,
        } = start;
        let started = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.map_err(|error| ProcessError::Start(name, error))?;
        let (send, lines) = channel();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(std::thread::spawn(move || {
                read_lines(stdout, |line| {
                    if on_stdout(line) {
                        hand_on(&send, line);
                    }
                });
            }));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(std::thread::spawn(move || {
                read_lines(stderr, |line| on_stderr(line));
            }));
        }
        Ok(Process {
            name,
            child,
            lines,
            readers,
        })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line handed on; `None` when there are no more.
    pub(super) fn line(&self, within: Duration) -> Result<Option<String>, ProcessError> {
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(ProcessError::Silent(self.name)),
        }
    }

    /// The next line, from a process that must still have one.
    pub(super) fn expect_line(&self, within: Duration) -> Result<String, ProcessError> {
        self.line(within)?.ok_or(ProcessError::Ended(self.name))
    }

    /// Sends a line to its standard input.
    pub(super) fn say(&mut self, line: &str) -> Result<(), ProcessError> {
        let Some(stdin) = &mut self.child.stdin else {
            return Ok(());
        };
        let told = stdin.write_all(format!("{line}\n").as_bytes());
        told.map_err(|_closed| ProcessError::Ended(self.name))
    }

    /// SIGKILL: no handler, no destructor, no last word.
    pub(super) fn kill(&mut self) -> Result<(), ProcessError> {
        self.child
            .kill()
            .map_err(|error| ProcessError::Control(self.name, error))?;
        self.wait().map(|_status| ())
    }

    /// Asks it to end, as a service manager does.
    pub(super) fn terminate(&mut self) -> Result<ExitStatus, ProcessError> {
        // The standard library can only kill; every Unix has a shell that can ask.
        let asked = Command::new("sh")
            .args([OsStr::new("-c"), OsStr::new("kill -s TERM \"$0\"")])
            .arg(self.id().to_string())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            self.kill()?;
        }
        self.wait()
    }

    /// Waits for its end, and for the last of its output.
    pub(super) fn wait(&mut self) -> Result<ExitStatus, ProcessError> {
        let status = self
            .child
            .wait()
            .map_err(|error| ProcessError::Control(self.name, error))?;
        for reader in self.readers.drain(..) {
            // A reader that panicked has nothing more to say.
            let _ = reader.join();
        }
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already, most often.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hand_on(send: &Sender<String>, line: &[u8]) {
    // Nobody listens any more: then nobody misses the line.
    let _ = send.send(String::from_utf8_lossy(line).into_owned());
}

fn read_lines(output: impl Read, mut on_line: impl FnMut(&[u8])) {
    let mut output = BufReader::with_capacity(64 * 1024, output);
    let mut line = Vec::new();
    // An error is the end of the pipe, as its process is the only one who writes.
    while output
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        on_line(line.trim_ascii_end());
        line.clear();
    }
}
