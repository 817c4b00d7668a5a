//! For every rule: a valid secret, drawn anew each time and put between other words, never comes
//! out, nor do five letters or digits of it in a row.

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use soliplex_sanitize::Rules;

use crate::draws::{base64, drawn, iban, in_fours, with_check_digit};

/// What tells the secret, if anything must; how the secret is drawn; what closes it.
type Case = (
    &'static str,
    &'static str,
    fn() -> BoxedStrategy<String>,
    &'static str,
);

const CASES: &[Case] = &[
    ("key", "password=", || drawn("[a-z]{3}[A-Z0-9]{8}"), ""),
    (
        "key",
        "\"client_secret\":\"",
        || drawn("[A-Za-z0-9+/]{16,40}"),
        "\"",
    ),
    (
        "key",
        "--api-key ",
        || drawn("[a-z]{4}[0-9]{4}[A-Z]{6}"),
        "",
    ),
    ("cookie", "Cookie: a=", || drawn("[a-f0-9]{16,32}"), ""),
    (
        "private-key",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        || drawn("[A-Za-z0-9+/]{64}\n[A-Za-z0-9+/]{20,60}"),
        "\n-----END RSA PRIVATE KEY-----",
    ),
    (
        "url-credentials",
        "postgres://app:",
        || drawn("[a-z]{4}[A-Z0-9]{6}"),
        "@db/app",
    ),
    (
        "webhook",
        "https://hooks.slack.com/services/",
        || drawn("T[A-Z0-9]{8}/B[A-Z0-9]{8}/[A-Za-z0-9]{24}"),
        "",
    ),
    (
        "jwt",
        "",
        || drawn("eyJhbGciOiJIUzI1NiJ9\\.eyJ[A-Za-z0-9_-]{20,60}\\.[A-Za-z0-9_-]{43}"),
        "",
    ),
    ("api-key", "", || drawn("AKIA[A-Z2-7]{16}"), ""),
    ("api-key", "", || drawn("gh[pousr]_[A-Za-z0-9]{36}"), ""),
    (
        "api-key",
        "",
        || drawn("glpat-[A-Za-z0-9_-]{19}[A-Za-z0-9]"),
        "",
    ),
    (
        "api-key",
        "",
        || drawn("AIza[A-Za-z0-9_-]{34}[A-Za-z0-9]"),
        "",
    ),
    ("api-key", "", || drawn("sk_live_[A-Za-z0-9]{24}"), ""),
    (
        "api-key",
        "",
        || drawn("xoxb-[0-9]{12}-[0-9]{12}-[A-Za-z0-9]{24}"),
        "",
    ),
    ("api-key", "", || drawn("npm_[A-Za-z0-9]{36}"), ""),
    ("api-key", "", || drawn("hf_[A-Za-z]{34}"), ""),
    (
        "api-key",
        "",
        || drawn("SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{42}[A-Za-z0-9]"),
        "",
    ),
    (
        "bearer",
        "Bearer ",
        || drawn("[A-Za-z0-9]{8}[0-9][A-Za-z0-9_.-]{10,30}[A-Za-z0-9]"),
        "",
    ),
    (
        "basic",
        "Basic ",
        || {
            ("[a-z]{3,9}", "[!-~]{5,12}")
                .prop_map(|(user, password)| base64(&format!("{user}:{password}")))
                .boxed()
        },
        "",
    ),
    (
        "email",
        "",
        || drawn("[a-z]{5,9}[._+-]?[a-z0-9]{1,6}@[a-z]{5,9}\\.(com|org|de|co\\.uk|io)"),
        "",
    ),
    (
        "ssn",
        "",
        || {
            (1..666_u32, 1..100_u32, 1..10_000_u32)
                .prop_map(|(a, g, s)| format!("{a:03}-{g:02}-{s:04}"))
                .boxed()
        },
        "",
    ),
    ("itin", "", || drawn("9[0-9]{2}-7[0-9]-[0-9]{3}[1-9]"), ""),
    (
        "card",
        "",
        || {
            drawn("4[0-9]{14}")
                .prop_map(|n| with_check_digit(&n))
                .boxed()
        },
        "",
    ),
    (
        "card",
        "",
        || {
            drawn("5[1-5][0-9]{13}")
                .prop_map(|n| in_fours(&with_check_digit(&n), "-"))
                .boxed()
        },
        "",
    ),
    (
        "card",
        "",
        || {
            drawn("4[0-9]{14}")
                .prop_map(|n| in_fours(&with_check_digit(&n), " "))
                .boxed()
        },
        "",
    ),
    (
        "imei",
        "IMEI: ",
        || {
            drawn("35[0-9]{12}")
                .prop_map(|n| with_check_digit(&n))
                .boxed()
        },
        "",
    ),
    ("sim", "IMSI: ", || drawn("310[0-9]{12}"), ""),
    ("edipi", "EDIPI ", || drawn("1[0-9]{9}"), ""),
    (
        "edipi",
        "",
        || drawn("[A-Z]{5,9}\\.[A-Z]{5,9}\\.[A-Z]\\.1[0-9]{9}"),
        "",
    ),
    ("passport", "passport number ", || drawn("[0-9]{9}"), ""),
    ("license", "driver license: ", || drawn("[A-Z][0-9]{7}"), ""),
    ("medical-record", "MRN: ", || drawn("[0-9]{8}"), ""),
    ("birth", "born ", || drawn("19[4-9][0-9]-0[1-9]-1[0-9]"), ""),
    (
        "vin",
        "VIN ",
        || drawn("[1-5][A-HJ-NPR-Z]{4}[0-9]{4}[A-HJ-NPR-Z][0-9]{7}"),
        "",
    ),
    (
        "medicare",
        "",
        || {
            drawn(
                "[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-[AC-HJKMNP-RT-Y]{2}[0-9]{2}",
            )
        },
        "",
    ),
    ("bank-account", "bank account ", || drawn("[0-9]{10}"), ""),
    (
        "iban",
        "",
        || {
            drawn("[0-9]{18}")
                .prop_map(|account| iban("DE", &account))
                .boxed()
        },
        "",
    ),
    (
        "iban",
        "",
        || {
            drawn("[0-9]{18}")
                .prop_map(|account| in_fours(&iban("DE", &account), " "))
                .boxed()
        },
        "",
    ),
    (
        "phone",
        "",
        || drawn("\\+1 [2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}"),
        "",
    ),
    (
        "phone",
        "",
        || drawn("\\([2-9][0-9]{2}\\) [2-9][0-9]{2}-[0-9]{4}"),
        "",
    ),
    ("phone", "", || drawn("\\+49 [1-9][0-9]{2} [0-9]{7}"), ""),
    (
        "ipv6",
        "",
        || drawn("2[0-9a-f]{3}(:[1-9a-f][0-9a-f]{1,3}){7}"),
        "",
    ),
    (
        "ipv6",
        "",
        || drawn("fe80::[1-9a-f][0-9a-f]{3}(:[1-9a-f][0-9a-f]{3}){3}"),
        "",
    ),
    (
        "ipv4",
        "",
        || {
            any::<[u8; 4]>()
                .prop_filter("names a machine", |[a, ..]| !matches!(a, 127 | 255))
                .prop_map(|[a, b, c, d]| format!("{}.{b}.{c}.{}", a.max(1), d.max(1)))
                .boxed()
        },
        "",
    ),
    (
        "mac",
        "",
        || drawn("[0-9a-f]{2}(:[0-9a-f]{2}){4}:[1-9]a"),
        "",
    ),
    (
        "mac",
        "",
        || drawn("[0-9A-F]{2}(-[0-9A-F]{2}){4}-[1-9]B"),
        "",
    ),
    (
        "mac",
        "",
        || drawn("[0-9a-f]{4}\\.[0-9a-f]{4}\\.[0-9a-f]{2}[1-9]a"),
        "",
    ),
    (
        "wallet",
        "wallet ",
        || drawn("bc1q[02-9ac-hj-np-z]{38}"),
        "",
    ),
    ("wallet", "wallet ", || drawn("0x[0-9a-f]{40}"), ""),
    (
        "mgrs",
        "",
        || drawn("(1[0-9]|[2-5][0-9])[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V][0-9]{10}"),
        "",
    ),
    (
        "coordinates",
        "lat: ",
        || drawn("-?[1-8][0-9]\\.[0-9]{5,7}"),
        "",
    ),
    (
        "coordinates",
        "lon=",
        || drawn("-?[1-8][0-9]\\.[0-9]{5,7}"),
        "",
    ),
    (
        "entropy",
        "token ",
        || drawn("[a-z]{6}[0-9]{4}[A-Z]{6}[0-9]{4}[a-z]{6}[A-Z]{4}"),
        "",
    ),
    (
        "home-user",
        "/home/",
        || drawn("[a-z]{6,12}"),
        "/notes/today",
    ),
    (
        "path",
        "at ",
        || drawn("/build/[a-z]{6,9}-[0-9a-f]{6}/"),
        "src/lib.rs:10:5",
    ),
];

/// What may stand before and behind it.
const BEFORE: &[&str] = &[
    "",
    "got ",
    "for user: ",
    "(",
    "x=1, ",
    "[ok] ",
    "\"",
    "line\n",
    "a; ",
    "{",
];
const AFTER: &[&str] = &[
    "",
    " ",
    " and so on",
    ")",
    "\"",
    ", next",
    "\nline",
    "; b",
    "}",
    "]",
];

#[test]
fn no_rule_lets_a_valid_secret_of_its_kind_out() {
    let rules = Rules::standard();
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let mut failures = Vec::new();
    for (rule, told, draw, closed) in CASES {
        // Always the same draws: what they do not show, another rule's change does not either.
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config.clone(), rng);
        let line = (
            draw(),
            prop::sample::select(BEFORE),
            prop::sample::select(AFTER),
        );
        let checked = runner.run(&line, |(secret, before, after)| {
            let text = format!("{before}{told}{secret}{closed}{after}");
            let clean = rules.sanitize(&text);
            prop_assert!(
                left(&secret, &clean, &[before, *told, *closed, after]).is_none(),
                "{} => {}",
                text,
                clean
            );
            Ok(())
        });
        if let Err(failure) = checked {
            failures.push(format!("{rule}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_has_a_secret_of_its_own_to_draw() {
    for rule in Rules::built_in() {
        assert!(
            CASES.iter().any(|(name, ..)| *name == rule.name),
            "{}",
            rule.name
        );
    }
}

/// Five letters or digits of the secret in a row that came out and that nothing beside it holds; of
/// a shorter one, all of it.
fn left<'s>(secret: &'s str, clean: &str, beside: &[&str]) -> Option<&'s str> {
    let beside = beside.concat();
    let length = secret.len().min(5);
    let pieces = (0..=secret.len() - length).filter_map(|at| secret.get(at..at + length));
    pieces
        .filter(|piece| piece.bytes().all(|c| c.is_ascii_alphanumeric()))
        .chain([secret])
        .find(|piece| clean.contains(piece) && !beside.contains(piece))
}
