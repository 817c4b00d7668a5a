//! Recall by kind, tier and rule; precision; what was left in part; what was harmed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use soliplex_sanitize::Rules;

use crate::disguises::DISGUISES;
use crate::leftovers::{Left, left_of};
use crate::lines::{self, Catch, Kind, Tier};
use crate::values::Random;

/// How many disguises each core secret is seen in.
const DISGUISED: usize = 4;

/// Behind a kind's name, where its secrets are disguised.
const DISGUISE: &str = " disguised";

/// A failure of each sort is shown this often.
const SHOWN: usize = 100;

#[derive(Default)]
struct Tally {
    all: usize,
    gone: usize,
}

#[derive(Default)]
struct RuleTally {
    must: usize,
    gone: usize,
    own: usize,
    fired: usize,
    rightly: usize,
}

/// What became of every line.
#[derive(Default)]
pub(crate) struct Score {
    kinds: BTreeMap<&'static str, (Option<Kind>, Tally)>,
    rules: BTreeMap<String, RuleTally>,
    beyond: Tally,
    in_part: Vec<String>,
    harmed: Vec<String>,
    pub(crate) ordinary: usize,
    pub(crate) changed: usize,
    near: usize,
    pub(crate) near_changed: usize,
    pub(crate) failures: String,
}

impl Score {
    pub(crate) fn of(rules: &Rules) -> Score {
        let mut score = Score::default();
        let mut leaks = Vec::new();
        for catch in lines::catches() {
            if catch.kind.tier == Tier::Beyond {
                let text = catch.text();
                let out = rules.sanitize(&text);
                let left = left_of(&catch.plain, &catch.before, &catch.after, &out);
                score.beyond.all += 1;
                score.beyond.gone += usize::from(left == Left::Nothing);
                continue;
            }
            score.take(rules, &catch, &mut leaks);
            if catch.kind.tier == Tier::Core && !catch.secret.contains('\n') {
                for disguised in disguised(&catch) {
                    score.take(rules, &disguised, &mut leaks);
                }
            }
        }
        let (ordinary, near) = (lines::ordinary(), lines::near());
        let changed = score.leave(rules, &ordinary);
        let near_changed = score.leave(rules, &near);
        (score.ordinary, score.changed) = (ordinary.len(), changed.len());
        (score.near, score.near_changed) = (near.len(), near_changed.len());
        for (name, list) in [
            ("LEAK", &leaks),
            ("PART", &score.in_part),
            ("CONTEXT", &score.harmed),
            ("CHANGED", &changed),
            ("NEAR", &near_changed),
        ] {
            for line in list.iter().take(SHOWN) {
                let _ = writeln!(score.failures, "{name} {line}");
            }
        }
        score
    }

    fn take(&mut self, rules: &Rules, catch: &Catch, leaks: &mut Vec<String>) {
        let text = catch.text();
        let out = rules.sanitize(&text);
        let kind = catch.kind;
        let left = left_of(&catch.plain, &catch.before, &catch.after, &out);
        let left = left_of(&catch.secret, &catch.before, &catch.after, &out).max(left);
        let gone = left != Left::All;
        let (known, tally) = self.kinds.entry(kind.name).or_default();
        *known = Some(kind);
        tally.all += 1;
        tally.gone += usize::from(gone);
        let shown = || {
            format!(
                "{}: {}\n  => {text:?}\n  => {out:?}",
                kind.name, catch.template
            )
        };
        if !gone {
            leaks.push(shown());
        } else if left == Left::Part {
            self.in_part.push(shown());
        }
        if words(&catch.before)
            .chain(words(&catch.after))
            .any(|word| !out.contains(word))
        {
            self.harmed.push(shown());
        }

        let secret = catch.before.len()..catch.before.len() + catch.secret.len();
        let mut own = false;
        for finding in rules.explain(&text) {
            let rightly = finding.range.start < secret.end && secret.start < finding.range.end;
            own |= rightly && finding.rule == kind.rule;
            let tally = self.rules.entry(finding.rule).or_default();
            tally.fired += 1;
            tally.rightly += usize::from(rightly);
        }
        let tally = self.rules.entry(kind.rule.to_owned()).or_default();
        tally.must += 1;
        tally.gone += usize::from(gone);
        tally.own += usize::from(gone && own);
    }

    /// The lines that were changed though they must not be.
    fn leave(&mut self, rules: &Rules, lines: &[String]) -> Vec<String> {
        let mut changed = Vec::new();
        for line in lines {
            let found = rules.explain(line);
            for finding in &found {
                self.rules.entry(finding.rule.clone()).or_default().fired += 1;
            }
            if !found.is_empty() {
                changed.push(format!("{line:?}\n  => {:?}", rules.sanitize(line)));
            }
        }
        changed
    }

    /// Per cent of the secrets of these kinds that were found.
    pub(crate) fn recall(&self, which: impl Fn(&Kind) -> bool) -> f64 {
        let tally = self.tally(which);
        per_cent(tally.gone, tally.all)
    }

    fn tally(&self, which: impl Fn(&Kind) -> bool) -> Tally {
        let mut sum = Tally::default();
        for (kind, tally) in self.kinds.values() {
            if kind.as_ref().is_some_and(&which) {
                sum.all += tally.all;
                sum.gone += tally.gone;
            }
        }
        sum
    }

    pub(crate) fn kinds(&self) -> usize {
        // In disguise they are the same ones.
        let disguised = self.kinds.keys().filter(|name| name.ends_with(DISGUISE));
        self.kinds.len() - disguised.count()
    }

    pub(crate) fn left_in_part(&self) -> usize {
        self.in_part.len()
    }

    pub(crate) fn context_lost(&self) -> usize {
        self.harmed.len()
    }

    /// What the documentation says.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from("| | lines | recall |\n|---|---|---|\n");
        for (name, tier) in [
            ("core", Some(Tier::Core)),
            ("extended", Some(Tier::Extended)),
            ("hard", Some(Tier::Hard)),
            ("all", None),
        ] {
            let tally = self.tally(|kind| tier.is_none_or(|t| kind.tier == t));
            let _ = writeln!(
                out,
                "| {name} | {} | {:.2} % |",
                tally.all,
                per_cent(tally.gone, tally.all)
            );
        }
        let _ = writeln!(
            out,
            "\nOf {} lines in spellings known to be out of reach, {} were clean all the same. {} kinds; {} secrets left in part; {} lines lost a word beside the secret; {} of {} ordinary lines from {} sorts of system changed, {} of {} near misses.\n",
            self.beyond.all,
            self.beyond.gone,
            self.kinds(),
            self.left_in_part(),
            self.context_lost(),
            self.changed,
            self.ordinary,
            lines::systems(),
            self.near_changed,
            self.near
        );
        out.push_str("| rule | lines of its kinds | lost their secret | to this rule itself | precision |\n|---|---|---|---|---|\n");
        for rule in Rules::built_in() {
            let Some(tally) = self.rules.get(rule.name) else {
                continue;
            };
            let _ = writeln!(
                out,
                "| `{}` | {} | {:.1} % | {:.1} % | {:.1} % of {} |",
                rule.name,
                tally.must,
                per_cent(tally.gone, tally.must),
                per_cent(tally.own, tally.must),
                per_cent(tally.rightly, tally.fired),
                tally.fired
            );
        }
        out
    }
}

fn per_cent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        100.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

/// The same secret in some disguises, drawn by the line.
fn disguised(catch: &Catch) -> Vec<Catch> {
    let mut random = Random::of(&catch.text(), 1);
    let mut out = Vec::new();
    for _ in 0..DISGUISED {
        let (name, disguise) = random.pick(DISGUISES);
        // Of a value that only its name gives away, nothing tells where it goes on.
        if catch.kind.rule == "key" && name.contains("split") {
            continue;
        }
        let secret = disguise(&catch.secret);
        if secret != catch.secret {
            let plain = catch.plain.clone();
            let kind = Kind {
                name: hard_name(catch.kind.name),
                tier: Tier::Hard,
                ..catch.kind
            };
            out.push(Catch {
                kind,
                secret,
                plain,
                template: catch.template,
                before: catch.before.clone(),
                after: catch.after.clone(),
            });
        }
    }
    out
}

/// Disguised secrets are kinds of their own.
fn hard_name(name: &'static str) -> &'static str {
    // The corpus is read once a test; a few names are not worth an owner.
    Box::leak(format!("{name}{DISGUISE}").into_boxed_str())
}

/// Words long enough to be missed; the name of a scheme may go with its credential.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() >= 3)
}
