//! What never changes about the events or the spans of one callsite: worked out at the first one,
//! so that no name is looked at, and none escaped, at those that follow.

use soliplex_sanitize::PerCallsite;
use soliplex_wire::encode::{Buffer, Key, Members, Opening};
use soliplex_wire::limits::MAX_ATTRIBUTES;
use tracing_core::{Event, Metadata};
use tracing_log::NormalizeEvent as _;

use super::severity;
use crate::breadcrumbs::layer::CATEGORY;

/// The plans of the callsites seen so far.
#[derive(Debug, Default)]
pub(crate) struct Plans(PerCallsite<Box<Plan>>);

/// How the records of one callsite are made, or its spans kept.
#[derive(Debug)]
pub(crate) struct Plan {
    /// None for the bridge from `log`, whose few callsites serve every logger there is.
    opening: Option<Opening>,
    /// By the fields' index.
    fields: Box<[PlannedField]>,
    /// Whether two fields have the same name.
    pub(crate) repeats: bool,
    /// Whether a field may name the breadcrumb's category.
    pub(crate) categorizes: bool,
    /// Whether there is one message and no more.
    pub(crate) says_once: bool,
}

/// What becomes of one field.
#[derive(Debug)]
pub(crate) struct PlannedField {
    pub(crate) name: &'static str,
    pub(crate) key: Key,
    pub(crate) part: Part,
    /// One bit of its own; none if it is beyond as many attributes as a record may have.
    pub(crate) bit: Bits,
    /// Whether no other field of the callsite is the same part.
    pub(crate) is_only: bool,
    /// Whether it is an attribute whatever its value is and whatever came before it.
    pub(crate) is_plain: bool,
}

/// A set of fields of one callsite.
pub(crate) type Bits = u128;

const _: () = assert!(
    Bits::BITS as usize == MAX_ATTRIBUTES,
    "a bit for each attribute"
);

/// Where a field's text goes. A number is an attribute, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    Message,
    Error,
    StackTrace,
    Attribute,
    /// Nowhere: the record tells it already.
    Told,
}

impl Plans {
    /// Lends the callsite's plan, which `make` makes if it is new, to `use_it`.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        metadata: &Metadata<'static>,
        make: impl Fn() -> Plan,
        use_it: impl FnOnce(&Plan) -> R,
    ) -> R {
        match self
            .0
            .get_or_insert_with(metadata.callsite(), || Box::new(make()))
        {
            Some(plan) => use_it(plan),
            // Too many callsites to remember them all.
            None => use_it(&make()),
        }
    }
}

impl Plan {
    pub(crate) fn of_event(event: &Event<'_>) -> Plan {
        let metadata = event.metadata();
        if event.is_log() {
            // The bridge's own `log.` fields are what the metadata says.
            return Plan::new(metadata, |name| match name.starts_with("log.") {
                true => Part::Told,
                false => Part::of(name),
            });
        }
        Plan {
            opening: Some(Opening::new(severity(metadata.level()), metadata.target())),
            ..Plan::new(metadata, Part::of)
        }
    }

    pub(crate) fn of_span(metadata: &Metadata<'static>) -> Plan {
        Plan::new(metadata, |_| Part::Attribute)
    }

    fn new(metadata: &Metadata<'static>, part: impl Fn(&str) -> Part) -> Plan {
        let names: Vec<&'static str> = metadata.fields().iter().map(|f| f.name()).collect();
        let count = |is: &dyn Fn(&str) -> bool| names.iter().filter(|name| is(name)).count();
        let repeats = names.iter().any(|name| count(&|other| other == *name) > 1);
        let plan = |(index, name): (usize, &&'static str)| {
            let bit = Bits::from(1_u8).checked_shl(index as u32).unwrap_or(0);
            let part_of_it = part(name);
            PlannedField {
                name,
                bit,
                key: Key::new(name),
                part: part_of_it,
                is_only: count(&|other| part(other) == part_of_it) == 1,
                is_plain: part_of_it == Part::Attribute && bit != 0 && !repeats,
            }
        };
        Plan {
            opening: None,
            fields: names.iter().enumerate().map(plan).collect(),
            categorizes: names.contains(&CATEGORY),
            says_once: count(&|other| part(other) == Part::Message) == 1,
            repeats,
        }
    }

    /// Begins the record of an event.
    #[inline(always)]
    pub(crate) fn begin<'a>(&self, out: &'a mut Buffer, event: &Event<'_>) -> Members<'a> {
        match &self.opening {
            Some(opening) => Members::open(out, opening),
            None => Plan::begin_bridged(out, event),
        }
    }

    #[inline(never)]
    fn begin_bridged<'a>(out: &'a mut Buffer, event: &Event<'_>) -> Members<'a> {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        Members::begin(out, severity(metadata.level()), metadata.target())
    }

    /// The field of this callsite that stands at `index`.
    #[inline]
    pub(crate) fn field(&self, index: usize) -> Option<&PlannedField> {
        self.fields.get(index)
    }

    /// Whether one of `fields` has this name.
    pub(crate) fn names(&self, fields: Bits, name: &str) -> bool {
        let mut planned = self.fields.iter();
        planned.any(|field| field.bit & fields != 0 && field.name == name)
    }
}

impl Part {
    /// By the names people already use: `error!(error = %e)`, `err = &e as &dyn Error`,
    /// OpenTelemetry's `exception.stacktrace`.
    fn of(name: &str) -> Part {
        match name {
            "message" => Part::Message,
            "error" | "err" | "exception.message" => Part::Error,
            "stack_trace" | "stackTrace" | "backtrace" | "exception.stacktrace" => Part::StackTrace,
            _ => Part::Attribute,
        }
    }
}
