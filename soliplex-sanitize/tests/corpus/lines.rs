//! How the corpus is written, and how it is read.
//!
//! A line of data is a template. `«…»` marks the secret; `‹name›` and `‹name:argument›` stand for a
//! value that is drawn when the line is read ([`values`](crate::values)); `\n`, `\t`, `\e` are a
//! line break, a tab and an escape. A line that begins with `==` heads what follows it:
//! `== kind rule tier` in `catches.txt`, a name elsewhere. `#` begins a comment.

use crate::values::{Random, fill};

/// How well known the kind is, and how plainly it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// E-mail, SSN, cards, addresses, bearer, JWT, passwords in pairs, keys of common vendors.
    Core,
    /// Everything else that is written plainly.
    Extended,
    /// In disguise.
    Hard,
    /// Not found, and not yet promised.
    Beyond,
}

/// What a group of lines must lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The rule that is expected to find it.
    pub(crate) rule: &'static str,
    pub(crate) tier: Tier,
}

/// One secret in its line.
pub(crate) struct Catch {
    pub(crate) kind: Kind,
    /// The line as it stands in the file.
    pub(crate) template: &'static str,
    pub(crate) before: String,
    /// As it stands in the line.
    pub(crate) secret: String,
    /// Without its disguise.
    pub(crate) plain: String,
    pub(crate) after: String,
}

impl Catch {
    pub(crate) fn text(&self) -> String {
        format!("{}{}{}", self.before, self.secret, self.after)
    }
}

/// How often each template is filled.
const CATCH_ROUNDS: u64 = 5;
const ORDINARY_ROUNDS: u64 = 20;

/// What a logger puts before a message.
const PREFIXES: &[&str] = &[
    "",
    "",
    "‹iso› INFO app::net: ",
    "‹iso› WARN  [io-‹d1›] core.session - ",
    "[‹clf›] ERROR: ",
    "level=warn ts=‹iso› caller=main.go:‹d3› msg=",
    "‹syslog› host‹d2› app[‹d4›]: ",
    "I/flutter (‹d5›): ",
    "‹d2›-‹d2› ‹time› ‹d5› ‹d5› D AuthService: ",
];

pub(crate) fn catches() -> Vec<Catch> {
    let mut out = Vec::new();
    for (kind, line) in headed(include_str!("catches.txt")) {
        let kind = parse_kind(kind);
        for round in 0..CATCH_ROUNDS {
            let mut random = Random::of(line, round);
            let prefix = random.pick(PREFIXES);
            // A record of several lines, and JSON, stand for themselves.
            let whole = line.contains("\\n") || line.starts_with(['{', '[', '-']);
            let prefix = if whole { "" } else { prefix };
            out.push(catch(
                kind,
                line,
                &fill(&format!("{prefix}{line}"), &mut random),
            ));
        }
    }
    out
}

fn parse_kind(head: &'static str) -> Kind {
    let words: Vec<&str> = head.split_whitespace().collect();
    let [name, rule, tier] = words[..] else {
        panic!("a head names kind, rule and tier: {head}");
    };
    let tier = match tier {
        "core" => Tier::Core,
        "extended" => Tier::Extended,
        "hard" => Tier::Hard,
        "beyond" => Tier::Beyond,
        _ => panic!("no such tier: {head}"),
    };
    Kind { name, rule, tier }
}

fn catch(kind: Kind, template: &'static str, text: &str) -> Catch {
    let (before, secret, after) = split_secret(text).expect("a catch marks its secret");
    Catch {
        kind,
        template,
        before: before.to_owned(),
        secret: secret.to_owned(),
        plain: secret.to_owned(),
        after: after.to_owned(),
    }
}

/// The text before the marked part, the part, and the text behind it.
pub(crate) fn split_secret(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('«')?;
    let (secret, after) = rest.split_once('»')?;
    Some((before, secret, after))
}

/// Lines of logs that hold nothing to hide, and the system each is from.
pub(crate) fn ordinary() -> Vec<String> {
    filled(include_str!("ordinary.txt"), ORDINARY_ROUNDS)
}

/// How many sorts of system those are from.
pub(crate) fn systems() -> usize {
    let mut heads: Vec<_> = headed(include_str!("ordinary.txt"))
        .map(|(head, _)| head)
        .collect();
    heads.dedup();
    heads.len()
}

/// Lines that hold something like a secret.
pub(crate) fn near() -> Vec<String> {
    filled(include_str!("near.txt"), CATCH_ROUNDS)
}

fn filled(text: &'static str, rounds: u64) -> Vec<String> {
    let mut out = Vec::new();
    for (_, line) in headed(text) {
        for round in 0..rounds {
            let filled = fill(line, &mut Random::of(line, round));
            if out.last() != Some(&filled) {
                out.push(filled);
            }
        }
    }
    out
}

/// Every line under its head.
pub(crate) fn headed(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut head = "";
    text.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix("== ") {
            head = name;
            return None;
        }
        (!line.is_empty() && !line.starts_with('#')).then_some((head, line))
    })
}
