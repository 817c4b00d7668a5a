//! What one event costs the thread that logs it: our road part by part, and beside its peers.
//!
//! All roads get the same event, five fields and a message, in one process. A full queue would be
//! measured for what refusing costs, so events come in bursts that each queue can hold. A round is a
//! burst on each road, milliseconds apart, and then a pause in which the queues are emptied. What is
//! compared is compared within a round. Single calls, of which the first after a pause pays for a
//! thread that has slept, are timed apart, and so is what a flood leaves of itself.
//!
//! ```text
//! cargo bench -p soliplex-benches --bench client                   # about four minutes
//! cargo bench -p soliplex-benches --bench client -- --quick        # half a minute
//! cargo bench -p soliplex-benches --bench client -- --quick "ours" # the roads so named
//! ```

#![allow(clippy::unwrap_used, reason = "a bench may be blunt")]

mod aims;
mod cost;
mod flood;
mod pair;
mod peers;
mod roads;
mod sink;
mod tables;

use soliplex_benches::options::Options;
use soliplex_benches::section::Section;

fn main() -> std::io::Result<()> {
    let options = Options::from_args();
    let folder = tempfile::tempdir()?;
    let stage = roads::Stage::set(folder.path());
    let mut roads = stage.roads();
    roads.retain(|road| options.chooses(road.name));
    let costs = cost::measure(&roads, &options);
    let floods = match options.named {
        None => flood::measure(folder.path(), &options),
        Some(_) => Vec::new(),
    };

    let mut section = Section::new(
        "client",
        "Client: one event on the thread that logs it",
        "An event with five fields, whose texts change from one to the next, and a literal message \
         goes through each road, in bursts of 1,000. A round is a burst on each road, in an order \
         that changes, milliseconds apart and within one process; between rounds queues are \
         emptied. Ratios and differences are those within a round, of which the median is quoted; \
         the medians of times are of the quieter half of the rounds. Two threads log at once where \
         it says so, and share each burst. Allocations are those of the logging thread. Before a \
         burst a thread has been busy for 2 ms and has logged a tenth as many events, so that it \
         is met at work. Single calls are timed one by one in bursts of their own, of all rounds; \
         what the very first event after a pause costs stands apart.",
        "cargo bench -p soliplex-benches --bench client",
    );
    section.paced([costs.one.paces(), costs.two.paces()]);
    tables::of_costs(&mut section, &costs);
    if !floods.is_empty() {
        tables::of_floods(&mut section, &floods);
    }
    aims::hold(&mut section, &costs);
    section.note(
        "What comes after the queue differs. OpenTelemetry's exporter and sentry's transport count \
         and let go; ours has no server here, so that its worker stores every record on disk and \
         sends none, which is more work beside the bursts, not less. All of it happens on other \
         threads, most of it in the pauses.",
    );
    section.note(
        "A tail of single calls holds what the machine did meanwhile, too: that of `no subscriber` \
         and `registry only`, which do next to nothing, shows how much. So does the first event \
         after a pause, when no cache holds anything of the road.",
    );
    section.note(
        "A flood is logged as fast as two threads can, one event in a hundred a warning; kept is \
         what came out at the other end: the exporter, the transport, the file, or for ours a \
         server on loopback that the records were delivered to.",
    );
    section.note(
        "fmt to a file, without non_blocking, keeps everything because the application waits for \
         the disk.",
    );
    section.finish(&options)
}
