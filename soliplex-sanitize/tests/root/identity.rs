//! With rules that change nothing, the root changes no byte of any output.

use std::error::Error;

use soliplex_sanitize::{Rules, Sanitize as _};
use tracing::{
    Dispatch, Level, debug, dispatcher, error, event, field, info, info_span, span, trace, warn,
};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use crate::capture::{FORMATS, Failure, Output, bridge_log};

/// Everything a macro can log, each by a function of its own so that both stacks see the same
/// callsites.
const LOGGED: [(&str, fn()); 14] = [
    ("a message", || info!("plain")),
    ("a formatted message", || warn!("{} of {:?}", 1, "two")),
    ("every number", || {
        info!(
            a = 1_i8,
            b = -2_i64,
            c = 3_u16,
            d = u64::MAX,
            e = i128::MIN,
            f = u128::MAX,
            g = 1.5_f32,
            h = f64::NAN
        );
    }),
    ("long numbers", || {
        info!(
            card = 4_111_111_111_111_111_u64,
            at = 1_700_000_000_000_i64,
            big = 1e300
        )
    }),
    ("booleans and strings", || {
        info!(
            yes = true,
            no = false,
            text = "te\"xt\n",
            owned = String::from("ö"),
            empty = ""
        )
    }),
    (
        "debug and display",
        || info!(debug = ?Some("x"), display = %"y z", pretty = ?vec![1, 2], "m"),
    ),
    ("bytes", || info!(bytes = &b"by\xfftes"[..])),
    ("absent values", || {
        info!(
            none = Option::<u64>::None,
            some = Some(1),
            empty = field::Empty,
            "m"
        )
    }),
    ("errors with sources", || {
        let error = Failure::chain(&["outer", "middle", "inner"]);
        let error: &(dyn Error + 'static) = &error;
        error!(error, wrapped = %error, debugged = ?error, "failed");
    }),
    ("names and targets", || {
        event!(name: "named", target: "some::target", Level::DEBUG, dotted.name = 1, "quoted name" = 2, r#type = 3, "m");
    }),
    ("spans, late records and parents", || {
        let outer = info_span!(
            "outer",
            early = 1,
            late = field::Empty,
            later = field::Empty
        );
        outer
            .record("late", "now")
            .record("later", tracing::field::debug([1]));
        let _entered = outer.enter();
        let inner = span!(Level::DEBUG, "inner", text = "t", none = Option::<u8>::None);
        inner.in_scope(|| trace!("inside"));
        debug!(parent: &inner, "explicit parent");
        debug!(parent: None, "no parent");
        let root = info_span!(parent: None, "root", a = 1);
        let child = info_span!(parent: &root, "child");
        child.follows_from(&outer);
        child.in_scope(|| info!("in the child"));
    }),
    ("instrumented functions", || {
        #[tracing::instrument(err, ret, fields(extra = 7))]
        fn fails(argument: &str) -> Result<u8, Failure> {
            Err(Failure::chain(&["no"]))
        }
        let _ = fails("argument");
    }),
    ("more than thirty-two fields", || {
        info!(
            f01 = 1, f02 = 2, f03 = 3, f04 = 4, f05 = 5, f06 = 6, f07 = 7, f08 = 8, f09 = 9, f10 = 10,
            f11 = 11, f12 = 12, f13 = 13, f14 = 14, f15 = 15, f16 = 16, f17 = 17, f18 = 18, f19 = 19, f20 = 20,
            f21 = "a", f22 = "b", f23 = ?"c", f24 = %"d", f25 = true, f26 = 2.5, f27 = 27, f28 = 28, f29 = 29,
            f30 = 30, f31 = 31, f32 = 32, f33 = 33, f34 = 34, "and a message"
        );
    }),
    ("log records", || {
        log::info!("through the bridge");
        log::warn!(target: "another::target", "{}", 1);
    }),
];

#[test]
fn output_is_the_same_byte_for_byte_with_rules_that_do_nothing() {
    bridge_log();
    for format in FORMATS {
        for (what, log) in LOGGED {
            let (bare, rooted) = (Output::default(), Output::default());
            let stack = Registry::default().with(format.layer(&bare));
            dispatcher::with_default(&Dispatch::new(stack), log);
            let stack = Registry::default()
                .with(format.layer(&rooted))
                .sanitize(Rules::none());
            dispatcher::with_default(&stack.into(), log);
            assert_ne!(bare.text(), "", "{what}");
            assert_eq!(bare.text(), rooted.text(), "{what}, {format:?}");
        }
    }
}

#[test]
fn clean_output_is_the_same_byte_for_byte_under_the_standard_rules() {
    bridge_log();
    for format in FORMATS {
        for (what, log) in LOGGED {
            if what == "long numbers" {
                continue;
            }
            let (bare, rooted) = (Output::default(), Output::default());
            let stack = Registry::default().with(format.layer(&bare));
            dispatcher::with_default(&Dispatch::new(stack), log);
            let stack = Registry::default()
                .with(format.layer(&rooted))
                .sanitize(Rules::standard());
            dispatcher::with_default(&stack.into(), log);
            assert_eq!(bare.text(), rooted.text(), "{what}, {format:?}");
        }
    }
}
