//! Which rules apply: those of the logger that an event or span belongs to.
//!
//! Rules can be scoped to loggers, and an event's logger is its target. Two callers do not say
//! theirs: a late record, whose target stands with the callsite of its fields; and the `log`
//! bridge, whose events all have the target `log` and name the real one in a field.

use std::fmt;

use tracing_core::{
    Event, Field,
    callsite::Identifier,
    field::Visit,
    span::{Attributes, Record},
};

use crate::Rules;

#[inline]
pub(super) fn of_event<'r>(rules: &'r Rules, event: &Event<'_>) -> &'r Rules {
    if rules.has_scopes() {
        of_target(rules, event)
    } else {
        rules
    }
}

#[cold]
fn of_target<'r>(rules: &'r Rules, event: &Event<'_>) -> &'r Rules {
    let target = event.metadata().target();
    let bridged = (target == "log").then(|| Probe::of(|visitor| event.record(visitor)).target);
    rules.for_logger(bridged.flatten().as_deref().unwrap_or(target))
}

pub(super) fn of_span<'r>(rules: &'r Rules, attributes: &Attributes<'_>) -> &'r Rules {
    if !rules.has_scopes() {
        return rules;
    }
    rules.for_logger(attributes.metadata().target())
}

pub(super) fn of_record<'r>(rules: &'r Rules, record: &Record<'_>) -> &'r Rules {
    if !rules.has_scopes() {
        return rules;
    }
    let callsite = Probe::of(|visitor| record.record(visitor)).callsite;
    callsite.map_or(rules, |Identifier(callsite)| {
        rules.for_logger(callsite.metadata().target())
    })
}

/// Looks at the names of values without printing any.
#[derive(Default)]
struct Probe {
    callsite: Option<Identifier>,
    target: Option<String>,
}

impl Probe {
    fn of(visit: impl FnOnce(&mut dyn Visit)) -> Probe {
        let mut probe = Probe::default();
        visit(&mut probe);
        probe
    }
}

impl Visit for Probe {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.callsite.get_or_insert_with(|| field.callsite());
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.callsite.get_or_insert_with(|| field.callsite());
    }
}
