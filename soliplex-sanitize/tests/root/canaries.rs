//! A secret of its own down every way in, and none of them in anything that comes out.

use std::{
    error::Error,
    fmt,
    sync::atomic::{AtomicU32, Ordering},
};

use soliplex_sanitize::{Rules, Sanitize as _, SanitizeLayer};
use tracing::{Dispatch, dispatcher, error, info, info_span, warn};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::capture::{FORMATS, Output, Recorder, bridge_log};

/// Hands out secrets, each of which occurs once in the whole run.
#[derive(Default)]
struct Canaries {
    handed_out: Vec<(&'static str, String)>,
}

impl Canaries {
    /// An e-mail address. What must not come out is its local part.
    fn email(&mut self, way: &'static str) -> String {
        let canary = format!("canary{}x", unique());
        let email = format!("{canary}@example.org");
        self.handed_out.push((way, canary));
        email
    }

    /// A value without a shape of its own, for fields with a sensitive name.
    fn password(&mut self, way: &'static str) -> String {
        let canary = format!("canary-{}-x", unique());
        self.handed_out.push((way, canary.clone()));
        canary
    }

    /// A card number as a number.
    fn card(&mut self, way: &'static str) -> u64 {
        let number = with_check_digit(411_111_110_000_000 + u64::from(unique()) * 7919);
        self.handed_out.push((way, number.to_string()));
        number
    }

    fn check(&self, outlet: &str, output: &str) {
        assert!(!output.is_empty(), "{outlet} put nothing out");
        for (way, canary) in &self.handed_out {
            assert!(
                !output.contains(canary),
                "{way} leaks through {outlet}:\n{output}"
            );
        }
    }
}

/// Completes a card number by Luhn's check digit.
fn with_check_digit(digits: u64) -> u64 {
    let mut sum = 0;
    let mut rest = digits;
    for place in 0.. {
        if rest == 0 {
            break;
        }
        let digit = rest % 10 * if place % 2 == 0 { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
        rest /= 10;
    }
    digits * 10 + (10 - sum % 10) % 10
}

fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An error whose text, and whose `Debug`, are given at run time.
#[derive(Debug)]
struct Leaky {
    text: String,
    source: Option<Box<Leaky>>,
}

impl fmt::Display for Leaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Leaky {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// A `Debug` with a secret inside a structure.
#[derive(Debug)]
struct Login {
    #[allow(dead_code, reason = "only printed")]
    user: String,
    #[allow(dead_code, reason = "only printed")]
    password: Option<String>,
}

#[tracing::instrument(err, ret, fields(late))]
fn instrumented(
    argument: &str,
    password: &str,
    late: String,
    answer: Result<String, Leaky>,
) -> Result<String, Leaky> {
    tracing::Span::current().record("late", late.as_str());
    answer
}

/// Sends a canary down every way into the current subscriber.
fn log_everything(canaries: &mut Canaries) {
    let c = canaries;
    info!("message {}", c.email("message"));
    info!(
        text = c.email("str"),
        owned = String::from("to ") + &c.email("String"),
        "m"
    );
    info!(value = ?c.email("debug"), nested = ?vec![Some(c.email("nested debug"))], "m");
    info!(value = %c.email("display"), "m");
    info!(
        bytes = c.email("bytes").as_bytes(),
        broken = &[c.email("broken bytes").as_bytes(), &[0xff]].concat()[..],
        "m"
    );
    info!(
        card = c.card("u64"),
        card_signed = c.card("i64") as i64,
        n = i128::from(c.card("i128")),
        m = u128::from(c.card("u128"))
    );
    info!(password = c.password("password"), user.secret = ?c.password("debug of a sensitive name"), "m");
    info!(login = ?Login { user: c.email("field of a debug"), password: Some(c.password("password in a debug")) }, "m");
    info!(
        json = format!(
            r#"{{"user":"{}","password":"{}"}}"#,
            c.email("JSON"),
            c.password("password in JSON")
        ),
        "m"
    );

    let source = Leaky {
        text: format!("no route to {}", c.email("source of an error")),
        source: None,
    };
    let error = Leaky {
        text: format!("mail to {} failed", c.email("error")),
        source: Some(Box::new(source)),
    };
    error!(error = &error as &(dyn Error + 'static), "failed");
    warn!(%error, debug = ?error, "failed");

    let span = info_span!(
        "outer",
        mail = c.email("span"),
        token = c.password("token of a span"),
        late = tracing::field::Empty,
        password = tracing::field::Empty
    );
    span.record("late", c.email("late record").as_str());
    span.record(
        "password",
        tracing::field::debug(c.password("late password")),
    );
    let _entered = span.enter();
    let root = info_span!(parent: None, "root", who = %c.email("span without a parent"));
    info!(parent: &root, "to {}", c.email("event with a parent"));
    let answer = Leaky {
        text: c.email("returned error"),
        source: None,
    };
    let _ = instrumented(
        &c.email("argument"),
        &c.password("argument called password"),
        c.email("late argument"),
        Err(answer),
    );
    let _ = instrumented("", "", String::new(), Ok(c.email("returned value")));

    log::info!("bridged {}", c.email("log message"));
    log::info!(target: &c.email("log target"), "bridged");
}

#[test]
fn no_canary_comes_out_of_any_fmt_format() {
    bridge_log();
    for format in FORMATS {
        let output = Output::default();
        let stack = Registry::default().with(format.layer(&output));
        let mut canaries = Canaries::default();
        dispatcher::with_default(&stack.sanitize(Rules::standard()).into(), || {
            log_everything(&mut canaries)
        });
        canaries.check(&format!("{format:?}"), &output.text());
        assert!(output.text().contains("[EMAIL]") && output.text().contains("[REDACTED]"));
    }
}

#[test]
fn no_canary_comes_out_of_a_layer_that_keeps_everything() {
    bridge_log();
    let (root, wrapped) = (Recorder::default(), Recorder::default());
    let mut canaries = Canaries::default();
    let stack = Registry::default()
        .with(root.clone())
        .sanitize(Rules::standard());
    dispatcher::with_default(&stack.into(), || log_everything(&mut canaries));
    let stack = Registry::default().with(SanitizeLayer::new(wrapped.clone(), Rules::standard()));
    dispatcher::with_default(&Dispatch::new(stack), || log_everything(&mut canaries));
    for (outlet, recorder) in [("the root", root), ("a wrapped layer", wrapped)] {
        canaries.check(outlet, &format!("{:?}", recorder.seen()));
        let bytes: Vec<u8> = recorder.bytes();
        canaries.check(
            &format!("bytes below {outlet}"),
            &String::from_utf8_lossy(&bytes),
        );
    }
}

/// The test would prove little if its canaries did not sing where nobody stops them.
#[test]
fn every_canary_comes_out_of_a_stack_without_a_root() {
    bridge_log();
    let recorder = Recorder::default();
    let mut canaries = Canaries::default();
    let stack = Registry::default().with(recorder.clone());
    dispatcher::with_default(&Dispatch::new(stack), || log_everything(&mut canaries));
    let output = format!(
        "{:?}{}",
        recorder.seen(),
        String::from_utf8_lossy(&recorder.bytes())
    );
    for (way, canary) in canaries.handed_out {
        assert!(output.contains(&canary), "{way} does not reach a layer");
    }
}
