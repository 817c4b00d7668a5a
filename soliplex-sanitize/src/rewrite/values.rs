//! Clean values put back into tracing's own shapes.
//!
//! `value_set_all` and `value_set` are hidden from the documentation of tracing-core but are what
//! every expanded `tracing` macro calls, so they cannot go within 0.1. The arrays lie on the
//! stack: the usual event allocates nothing.

use std::fmt;

use tracing_core::{
    Field,
    field::{self, DebugValue, Empty, FieldSet, Value, ValueSet},
    span::{Attributes, Record},
};

use super::{
    limits::MAX_RECORD_VALUES,
    scratch::{Recorded, Rendered, Scratch},
};

/// Hands `deliver` the values of an event or a new span, in the order of its `fields`.
///
/// A field that was not visited is passed as `Empty` if the span was `announcing` it, else as
/// absent. Of two values for one field, which no macro can produce, the last is kept.
#[inline]
pub(super) fn for_fields<R>(
    scratch: &Scratch,
    fields: &FieldSet,
    announcing: Option<&Attributes<'_>>,
    deliver: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    match fields.len().max(scratch.recorded.len()) {
        0..=4 => in_array::<4, R>(scratch, fields, announcing, deliver),
        5..=8 => in_array::<8, R>(scratch, fields, announcing, deliver),
        9..=16 => in_array::<16, R>(scratch, fields, announcing, deliver),
        17..=32 => in_array::<32, R>(scratch, fields, announcing, deliver),
        _ => in_vec(scratch, fields, announcing, deliver),
    }
}

/// Hands `deliver` the values of a late record, in the order they were recorded.
///
/// A record does not tell its fields, so each value travels with its own. Only arrays are taken
/// for that, hence the few sizes; what is left over in one is padded with absent values, which
/// are not visited but do count in [`Record::len`].
pub(super) fn for_record(scratch: &Scratch, mut deliver: impl FnMut(&Record<'_>)) {
    let recorded = scratch.recorded.chunks(MAX_RECORD_VALUES);
    let fields = scratch.fields.chunks(MAX_RECORD_VALUES);
    for (recorded, fields) in recorded.zip(fields) {
        match recorded.len() {
            0 => {}
            1 => with_fields::<1>(scratch, recorded, fields, &mut deliver),
            2 => with_fields::<2>(scratch, recorded, fields, &mut deliver),
            3 => with_fields::<3>(scratch, recorded, fields, &mut deliver),
            4 => with_fields::<4>(scratch, recorded, fields, &mut deliver),
            5..=8 => with_fields::<8>(scratch, recorded, fields, &mut deliver),
            9..=32 => with_fields::<32>(scratch, recorded, fields, &mut deliver),
            _ => with_fields::<MAX_RECORD_VALUES>(scratch, recorded, fields, &mut deliver),
        }
    }
}

fn in_array<const N: usize, R>(
    scratch: &Scratch,
    fields: &FieldSet,
    announcing: Option<&Attributes<'_>>,
    deliver: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    let mut values = [EMPTY; N];
    let mut slots: [Option<&dyn Value>; N] = [None; N];
    place(scratch, fields, announcing, &mut values, &mut slots);
    let slots = slots.get(..fields.len()).unwrap_or_default();
    deliver(&fields.value_set_all(slots))
}

#[cold]
fn in_vec<R>(
    scratch: &Scratch,
    fields: &FieldSet,
    announcing: Option<&Attributes<'_>>,
    deliver: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    let mut values: Vec<Clean<'_>> = Vec::new();
    values.resize_with(scratch.recorded.len(), || EMPTY);
    let mut slots: Vec<Option<&dyn Value>> = vec![None; fields.len()];
    place(scratch, fields, announcing, &mut values, &mut slots);
    deliver(&fields.value_set_all(&slots))
}

/// Puts each value where its field stands, and `Empty` where one was announced.
#[inline(always)]
fn place<'v>(
    scratch: &'v Scratch,
    fields: &FieldSet,
    announcing: Option<&Attributes<'_>>,
    values: &'v mut [Clean<'v>],
    slots: &mut [Option<&'v dyn Value>],
) {
    for (value, recorded) in values.iter_mut().zip(&scratch.recorded) {
        if let Some(slot) = slots.get_mut(recorded.index) {
            *slot = Some(match &recorded.value {
                Rendered::Bool(value) => value,
                Rendered::I64(value) => value,
                Rendered::U64(value) => value,
                Rendered::F64(value) => value,
                _ => {
                    *value = scratch.clean(recorded);
                    value.as_value()
                }
            });
        }
    }
    let Some(announcing) = announcing else { return };
    for (field, slot) in fields.iter().zip(slots) {
        if slot.is_none() && announcing.contains(&field) {
            *slot = Some(&Empty);
        }
    }
}

fn with_fields<const N: usize>(
    scratch: &Scratch,
    recorded: &[Recorded],
    fields: &[Field],
    deliver: &mut impl FnMut(&Record<'_>),
) {
    let Some(first) = fields.first() else {
        return;
    };
    let mut values = [EMPTY; N];
    for (value, recorded) in values.iter_mut().zip(recorded) {
        *value = scratch.clean(recorded);
    }
    let mut entries: [(&Field, Option<&dyn Value>); N] = [(first, None); N];
    for ((entry, field), value) in entries.iter_mut().zip(fields).zip(&values) {
        *entry = (field, Some(value.as_value()));
    }
    // Only the callsite of this set is compared with the fields'; its names are never read.
    let set = FieldSet::new(&[], first.callsite());
    deliver(&Record::new(&set.value_set(&entries)));
}

/// A value that can be recorded again, borrowing its text.
enum Clean<'a> {
    Absent,
    Str(&'a str),
    Debug(DebugValue<Verbatim<'a>>),
    Bytes(&'a [u8]),
    /// A number, a boolean, an error: recorded from where it lies.
    AsIs(&'a dyn Value),
}

const EMPTY: Clean<'static> = Clean::Absent;

impl Clean<'_> {
    #[inline(always)]
    fn as_value(&self) -> &dyn Value {
        match self {
            Clean::Str(text) => text,
            Clean::Debug(text) => text,
            Clean::Bytes(bytes) => bytes,
            Clean::AsIs(value) => *value,
            Clean::Absent => &Empty,
        }
    }
}

impl Scratch {
    #[inline(always)]
    fn clean<'a>(&'a self, recorded: &'a Recorded) -> Clean<'a> {
        match &recorded.value {
            Rendered::Str(range) => Clean::Str(self.text(range)),
            Rendered::Debug(range) => Clean::Debug(field::debug(Verbatim(self.text(range)))),
            Rendered::Bytes(range) => {
                Clean::Bytes(self.bytes.get(range.clone()).unwrap_or_default())
            }
            Rendered::Bool(value) => Clean::AsIs(value),
            Rendered::I64(value) => Clean::AsIs(value),
            Rendered::U64(value) => Clean::AsIs(value),
            Rendered::I128(at) => self
                .signed
                .get(*at)
                .map_or(EMPTY, |value| Clean::AsIs(value)),
            Rendered::U128(at) => self
                .unsigned
                .get(*at)
                .map_or(EMPTY, |value| Clean::AsIs(value)),
            Rendered::F64(value) => Clean::AsIs(value),
            Rendered::Error(at) => self
                .errors
                .get(*at)
                .map_or(EMPTY, |value| Clean::AsIs(value)),
        }
    }
}

/// Text that was rendered already: its `Debug` is the text itself.
struct Verbatim<'a>(&'a str);

impl fmt::Debug for Verbatim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
