//! Two threads that do the same at the same moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::Scope;

use crate::cost::Times;

/// The thread that has this, and another one that waits, asleep, for work that both are to do.
pub(crate) struct Pair<'r> {
    jobs: Sender<Job<'r>>,
    done: Receiver<Times>,
    meeting: Arc<Meeting>,
}

/// What a thread does; it meets the other one before what is timed.
type Job<'r> = Arc<dyn Fn(&Meeting) -> Times + Send + Sync + 'r>;

/// Where threads wait for one another without going to sleep, which would undo what they have
/// warmed up.
pub(crate) struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
}

impl<'r> Pair<'r> {
    /// Starts the second thread. It ends with the pair.
    pub(crate) fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> Pair<'r>
    where
        'r: 'scope,
    {
        let (jobs, jobs_there) = mpsc::channel::<Job<'r>>();
        let (done_there, done) = mpsc::channel();
        let meeting = Arc::new(Meeting::of(2));
        let met = meeting.clone();
        scope.spawn(move || {
            for job in jobs_there {
                let _ = done_there.send(job(&met));
            }
        });
        Pair {
            jobs,
            done,
            meeting,
        }
    }

    /// What each of the two found.
    pub(crate) fn both(&self, job: impl Fn(&Meeting) -> Times + Send + Sync + 'r) -> [Times; 2] {
        let job: Job<'r> = Arc::new(job);
        self.jobs.send(job.clone()).unwrap();
        let here = job(&self.meeting);
        [here, self.done.recv().unwrap()]
    }
}

impl Meeting {
    /// Of so many threads; of one, who waits for nobody.
    pub(crate) fn of(threads: usize) -> Meeting {
        Meeting {
            threads,
            arrived: AtomicUsize::new(0),
        }
    }

    /// Returns when everyone has come.
    pub(crate) fn wait(&self) {
        let arrived = self.arrived.fetch_add(1, Ordering::AcqRel) + 1;
        let complete = arrived.next_multiple_of(self.threads);
        while self.arrived.load(Ordering::Acquire) < complete {
            std::hint::spin_loop();
        }
    }

    /// Each one's part of so many events.
    pub(crate) fn share(&self, events: u64) -> u64 {
        events / self.threads as u64
    }
}
