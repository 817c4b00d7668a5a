//! Which rules apply: those of the logger that an event or span belongs to.
//!
//! Rules can be scoped to loggers, and an event's logger is its target. Two callers do not say
//! theirs: a late record knows only its callsite, so the targets of spans are remembered; and the
//! `log` bridge, whose events all have the target `log`, names the real one in a field.

use std::{
    collections::HashMap,
    fmt,
    sync::{PoisonError, RwLock},
};

use tracing_core::{
    Event, Field,
    callsite::Identifier,
    field::Visit,
    span::{Attributes, Record},
};

use crate::Rules;

/// The targets of the spans seen so far; empty while no rule is scoped.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    targets: RwLock<HashMap<Identifier, &'static str>>,
}

impl Scopes {
    pub(super) fn of_event<'r>(&self, rules: &'r Rules, event: &Event<'_>) -> &'r Rules {
        if !rules.has_scopes() {
            return rules;
        }
        let target = event.metadata().target();
        let bridged = (target == "log").then(|| Probe::of(|visitor| event.record(visitor)).target);
        rules.for_logger(bridged.flatten().as_deref().unwrap_or(target))
    }

    pub(super) fn of_span<'r>(&self, rules: &'r Rules, attributes: &Attributes<'_>) -> &'r Rules {
        if !rules.has_scopes() {
            return rules;
        }
        let metadata = attributes.metadata();
        let callsite = metadata.callsite();
        let known = self.target_of(&callsite).is_some();
        if !known {
            let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
            targets.insert(callsite, metadata.target());
        }
        rules.for_logger(metadata.target())
    }

    pub(super) fn of_record<'r>(&self, rules: &'r Rules, record: &Record<'_>) -> &'r Rules {
        if !rules.has_scopes() {
            return rules;
        }
        let callsite = Probe::of(|visitor| record.record(visitor)).callsite;
        let target = callsite.and_then(|callsite| self.target_of(&callsite));
        target.map_or(rules, |target| rules.for_logger(target))
    }

    fn target_of(&self, callsite: &Identifier) -> Option<&'static str> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        targets.get(callsite).copied()
    }
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
