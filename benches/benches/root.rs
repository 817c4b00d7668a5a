//! What the sanitizing root adds to an event that no rule touches, in time and in allocations.
//!
//! Each event is logged to the registry with one layer on top: bare, below a root whose rules do
//! nothing (the price of rewriting) and below a root with the standard rules (the price of
//! looking). The layer either only counts, so that the whole rendering is on the root's account,
//! or reads every value as a real one does, which the root then spares it.
//!
//! Not in the report, whose client section has the root as one part of our road: this is for who
//! works on the root, and the head of `soliplex-sanitize` quotes it.
//!
//! `cargo bench -p soliplex-benches --bench root`

use std::{
    cell::Cell,
    fmt::{self, Write as _},
};

use divan::{AllocProfiler, Bencher, black_box};
use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{Dispatch, dispatcher, info};
use tracing_core::{Event, Field, Subscriber, field::Visit};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// What stands above the layers.
#[derive(Debug)]
enum Root {
    Bare,
    Idle,
    Standard,
}

const ROOTS: [Root; 3] = [Root::Bare, Root::Idle, Root::Standard];

impl Root {
    fn over(&self, layer: impl Layer<Registry> + Send + Sync) -> Dispatch {
        let stack = Registry::default().with(layer);
        match self {
            Root::Bare => Dispatch::new(stack),
            Root::Idle => stack.sanitize(Rules::none()).into(),
            Root::Standard => stack.sanitize(Rules::standard()).into(),
        }
    }
}

#[divan::bench(args = ROOTS)]
fn message_counted(bencher: Bencher, root: &Root) {
    measure(bencher, root.over(Counting), || info!("request finished"));
}

#[divan::bench(args = ROOTS)]
fn typed_fields_and_message_counted(bencher: Bencher, root: &Root) {
    measure(bencher, root.over(Counting), typed);
}

/// A path is looked at where it begins: it might lead through somebody's home.
#[divan::bench(args = ROOTS)]
fn typed_fields_with_a_path_counted(bencher: Bencher, root: &Root) {
    measure(bencher, root.over(Counting), || {
        info!(
            status = black_box(200),
            elapsed_ms = black_box(17.5),
            cached = black_box(true),
            method = black_box("GET"),
            route = black_box("/threads/list"),
            "request finished"
        );
    });
}

/// The usual event says what it said before, which the root remembers; this one never does.
#[divan::bench(args = ROOTS)]
fn typed_fields_and_text_that_varies_counted(bencher: Bencher, root: &Root) {
    let workers: Vec<String> = (0..1024).map(|n| format!("thread {n} of a list")).collect();
    let next = Cell::new(0);
    measure(bencher, root.over(Counting), || {
        next.set((next.get() + 1) % workers.len());
        info!(
            status = black_box(200),
            elapsed_ms = black_box(17.5),
            cached = black_box(true),
            method = black_box("GET"),
            worker = workers[next.get()].as_str(),
            "request finished"
        );
    });
}

#[divan::bench(args = ROOTS)]
fn typed_fields_and_message_read(bencher: Bencher, root: &Root) {
    measure(bencher, root.over(Reading), typed);
}

#[divan::bench(args = ROOTS)]
fn formatted_message_and_debug_read(bencher: Bencher, root: &Root) {
    measure(bencher, root.over(Reading), || {
        info!(state = ?black_box(Some("ready")), "worker {} took {} ms", black_box(7), black_box(113));
    });
}

#[divan::bench(args = ROOTS)]
fn sixteen_fields_read(bencher: Bencher, root: &Root) {
    measure(bencher, root.over(Reading), || {
        info!(
            a = 1,
            b = 2,
            c = 3,
            d = 4,
            e = 5,
            f = 6,
            g = 7,
            h = true,
            i = false,
            j = 1.5,
            k = "one",
            l = "two",
            m = "three",
            n = "four",
            o = "five",
            "request finished"
        );
    });
}

/// The event of the requirement: fields of the common kinds and a message.
fn typed() {
    info!(
        status = black_box(200),
        elapsed_ms = black_box(17.5),
        cached = black_box(true),
        method = black_box("GET"),
        worker = black_box("thread list"),
        "request finished"
    );
}

fn measure(bencher: Bencher, dispatch: Dispatch, log: impl Fn()) {
    dispatcher::with_default(&dispatch, || {
        // The first event pays for registration and for the thread's scratch memory.
        log();
        bencher.bench_local(&log);
    });
}

/// Takes notice of each event and looks no further.
struct Counting;

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        black_box(event);
    }
}

/// Prints every value into a kept buffer, as a formatting layer does.
struct Reading;

impl<S: Subscriber> Layer<S> for Reading {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = KEPT.take();
        text.clear();
        event.record(&mut Printer(&mut text));
        KEPT.set(black_box(text));
    }
}

struct Printer<'a>(&'a mut String);

impl Visit for Printer<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push_str(field.name());
        self.0.push_str(value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(field.name());
        let _ = write!(self.0, "{value:?}");
    }
}

thread_local! {
    static KEPT: Cell<String> = const { Cell::new(String::new()) };
}
