//! Values that misbehave while being printed, and values too large to keep.
//!
//! What needs a process-wide subscriber, a `Debug` that logs, is in `root_reentrancy.rs`.

use std::{
    cell::Cell,
    error::Error,
    fmt,
    panic::{self, AssertUnwindSafe},
};

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{dispatcher, info};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

use crate::capture::{Kind, Recorder};

fn recorded(log: impl FnOnce()) -> Vec<(&'static str, Kind)> {
    let recorder = Recorder::default();
    let stack = Registry::default()
        .with(recorder.clone())
        .sanitize(Rules::standard());
    dispatcher::with_default(&stack.into(), log);
    recorder.only()
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half a secr")?;
        panic!("while printing");
    }
}

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Error for Panics {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("while naming the source");
    }
}

struct Fails;

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

#[test]
fn a_value_that_panics_or_fails_is_unprintable_and_the_others_arrive() {
    let error: &(dyn Error + 'static) = &Panics;
    let values = recorded(|| info!(a = ?Panics, b = 1, c = ?Fails, error, "{} told", Panics));
    let unprintable = || Kind::Debug("[UNPRINTABLE]".to_owned());
    assert_eq!(values[0], ("message", unprintable()));
    assert_eq!(values[1], ("a", unprintable()));
    assert_eq!(values[2], ("b", Kind::I64(1)));
    assert_eq!(values[3], ("c", unprintable()));
    let text = || "[UNPRINTABLE]".to_owned();
    assert_eq!(values[4], ("error", Kind::Error(vec![(text(), text())])));
}

/// Prints something else each time.
struct Fickle(Cell<u32>);

impl fmt::Debug for Fickle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.set(self.0.get() + 1);
        match self.0.get() {
            1 => f.write_str("harmless"),
            _ => f.write_str("a@example.org"),
        }
    }
}

#[test]
fn a_value_is_rendered_once_however_many_layers_look_at_it() {
    let (first, second) = (Recorder::default(), Recorder::default());
    let stack = Registry::default().with(first.clone()).with(second.clone());
    let fickle = Fickle(Cell::new(0));
    dispatcher::with_default(&stack.sanitize(Rules::standard()).into(), || info!(?fickle));
    assert_eq!(fickle.0.get(), 1);
    assert_eq!(
        first.only(),
        [("fickle", Kind::Debug("harmless".to_owned()))]
    );
    assert_eq!(second.only(), first.only());
}

/// Prints the same word for ever, or until told that there is no more room.
struct Endless(&'static str);

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str(self.0)?;
        }
    }
}

#[test]
fn an_endless_value_is_truncated_after_its_last_whole_word() {
    const MIB: usize = 1024 * 1024;
    let values = recorded(|| info!(endless = ?Endless("wörd ")));
    let Kind::Debug(text) = &values[0].1 else {
        panic!("{values:?}");
    };
    assert!(text.ends_with("wörd [TRUNCATED]"));
    assert!(
        (MIB - 4096..MIB + 20).contains(&text.len()),
        "{}",
        text.len()
    );

    let long = "wörd ".repeat(MIB);
    let values = recorded(|| info!(long));
    let Kind::Str(text) = &values[0].1 else {
        panic!("{values:?}");
    };
    assert!(text.ends_with("wörd [TRUNCATED]"));
    assert!(
        (MIB - 4096..MIB + 20).contains(&text.len()),
        "{}",
        text.len()
    );
}

#[test]
fn a_secret_that_crosses_the_bound_is_not_left_in_part() {
    const MIB: usize = 1024 * 1024;
    let long = format!("{} a.person@example.org", "x ".repeat(MIB / 2 - 8));
    let values = recorded(|| info!(long));
    let Kind::Str(text) = &values[0].1 else {
        panic!("{values:?}");
    };
    assert!(!text.contains("a.per"), "{}", &text[text.len() - 40..]);
}

#[test]
fn bytes_over_the_bound_are_truncated_after_their_last_whole_word() {
    const MIB: usize = 1024 * 1024;
    for (long, password) in [
        (
            format!("{} a.person@example.org", "x ".repeat(MIB / 2 - 8)),
            "",
        ),
        ("x ".repeat(MIB), "hunter2"),
    ] {
        let values = recorded(|| info!(long = long.as_bytes(), password = password.as_bytes()));
        let [(_, Kind::Bytes(bytes)), (_, Kind::Bytes(redacted))] = &values[..] else {
            panic!("{values:?}");
        };
        assert!(redacted.is_empty() || redacted == b"[REDACTED]");
        assert!(bytes.ends_with(b" [TRUNCATED]"));
        assert!(!bytes.windows(5).any(|part| part == b"a.per"));
        assert!((MIB - 4096..MIB + 20).contains(&bytes.len()));
    }
    let whole = "x".repeat(MIB);
    let values = recorded(|| info!(whole = whole.as_bytes()));
    assert_eq!(values[0].1, Kind::Bytes(whole.into_bytes()));
}

/// Names itself as its source.
#[derive(Debug)]
struct Ouroboros;

impl fmt::Display for Ouroboros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl Error for Ouroboros {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[test]
fn an_error_that_is_its_own_source_ends_after_a_bounded_chain() {
    let error: &(dyn Error + 'static) = &Ouroboros;
    let values = recorded(|| info!(error));
    let Kind::Error(chain) = &values[0].1 else {
        panic!("{values:?}");
    };
    assert_eq!(chain.len(), 33);
}

/// A layer with a bug.
struct PanicsOn(&'static str);

impl<S: Subscriber> Layer<S> for PanicsOn {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().target(), self.0);
    }
}

#[test]
fn a_panic_in_a_layer_leaves_the_root_usable() {
    let recorder = Recorder::default();
    let stack = Registry::default()
        .with(recorder.clone())
        .with(PanicsOn("poison"));
    dispatcher::with_default(&stack.sanitize(Rules::standard()).into(), || {
        for _ in 0..10 {
            let logged = || info!(target: "poison", "to {}", "a@example.org");
            assert!(panic::catch_unwind(AssertUnwindSafe(logged)).is_err());
            info!("after {}", "b@example.org");
        }
    });
    let after = recorder
        .messages()
        .iter()
        .filter(|text| *text == "after [EMAIL]")
        .count();
    assert_eq!(after, 10);
}
