//! Everything a stack puts out, kept for looking at: the bytes of all `fmt` formats, and the
//! values a layer is shown with the kind each was recorded as.

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use tracing_core::{Event, Field, Subscriber, field::Visit, span};
use tracing_subscriber::{
    Layer, Registry,
    fmt::{MakeWriter, format::FmtSpan},
    layer::Context,
};

/// Sends `log` records to the current subscriber from now on.
pub(crate) fn bridge_log() {
    // Tests run at the same time; one that finds the bridge half built would log into the void.
    static BRIDGED: LazyLock<()> = LazyLock::new(|| tracing_log::LogTracer::init().unwrap());
    LazyLock::force(&BRIDGED);
}

/// A shared buffer that `fmt` layers write to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Output;

    fn make_writer(&'a self) -> Output {
        self.clone()
    }
}

/// One way `fmt` can print, with and without colors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) ansi: bool,
}

/// Every format there is.
pub(crate) const FORMATS: [Format; 8] = [
    Format {
        name: "full",
        ansi: false,
    },
    Format {
        name: "full",
        ansi: true,
    },
    Format {
        name: "compact",
        ansi: false,
    },
    Format {
        name: "compact",
        ansi: true,
    },
    Format {
        name: "pretty",
        ansi: false,
    },
    Format {
        name: "pretty",
        ansi: true,
    },
    Format {
        name: "json",
        ansi: false,
    },
    Format {
        name: "json",
        ansi: true,
    },
];

impl Format {
    /// A layer that prints to `output`, everything but the time.
    pub(crate) fn layer(self, output: &Output) -> Box<dyn Layer<Registry> + Send + Sync> {
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(output.clone())
            .with_span_events(FmtSpan::NEW | FmtSpan::ENTER | FmtSpan::EXIT)
            .with_ansi(self.ansi)
            .without_time();
        match self.name {
            "full" => layer.boxed(),
            "compact" => layer.compact().boxed(),
            "pretty" => layer.pretty().boxed(),
            "json" => layer.json().boxed(),
            name => panic!("no such format: {name}"),
        }
    }
}

/// A layer that keeps what it is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<Seen>>>);

/// An event, a new span or a late record, as a layer saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) what: &'static str,
    pub(crate) values: Vec<(&'static str, Kind)>,
}

/// A value and the method it was recorded by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Str(String),
    Bytes(Vec<u8>),
    Debug(String),
    /// `Display` and `Debug` of the error and of each of its sources.
    Error(Vec<(String, String)>),
}

impl Recorder {
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// The values of the one thing seen.
    pub(crate) fn only(&self) -> Vec<(&'static str, Kind)> {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].values.clone()
    }

    /// All byte values seen, end to end.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let seen = self.seen();
        let values = seen.iter().flat_map(|seen| &seen.values);
        let bytes = values.filter_map(|(_, kind)| match kind {
            Kind::Bytes(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        bytes.collect::<Vec<_>>().concat()
    }

    /// The messages of all events seen.
    pub(crate) fn messages(&self) -> Vec<String> {
        let seen = self.seen();
        let values = seen
            .iter()
            .filter(|seen| seen.what == "event")
            .flat_map(|seen| &seen.values);
        values
            .filter_map(|(name, kind)| match kind {
                Kind::Debug(text) if *name == "message" => Some(text.clone()),
                _ => None,
            })
            .collect()
    }

    /// Keeps what `visit` shows.
    pub(crate) fn push(&self, what: &'static str, visit: impl FnOnce(&mut dyn Visit)) {
        let mut values = Values(Vec::new());
        visit(&mut values);
        self.0.lock().unwrap().push(Seen {
            what,
            values: values.0,
        });
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.push("event", |visitor| event.record(visitor));
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        self.push("span", |visitor| attributes.record(visitor));
    }

    fn on_record(&self, _: &span::Id, record: &span::Record<'_>, _: Context<'_, S>) {
        self.push("record", |visitor| record.record(visitor));
    }
}

struct Values(Vec<(&'static str, Kind)>);

impl Values {
    fn push(&mut self, field: &Field, kind: Kind) {
        self.0.push((field.name(), kind));
    }
}

impl Visit for Values {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Kind::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Kind::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Kind::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push(field, Kind::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.push(field, Kind::U128(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Kind::F64(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Kind::Str(value.to_owned()));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.push(field, Kind::Bytes(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut chain = Vec::new();
        let mut next = Some(value);
        while let Some(error) = next {
            chain.push((error.to_string(), format!("{error:?}")));
            next = error.source();
        }
        self.push(field, Kind::Error(chain));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Kind::Debug(format!("{value:?}")));
    }
}

/// An error over others, for source chains.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) text: &'static str,
    pub(crate) source: Option<Box<Failure>>,
}

impl Failure {
    pub(crate) fn chain(texts: &[&'static str]) -> Failure {
        let (text, sources) = texts.split_first().unwrap();
        let source = (!sources.is_empty()).then(|| Box::new(Failure::chain(sources)));
        Failure { text, source }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
