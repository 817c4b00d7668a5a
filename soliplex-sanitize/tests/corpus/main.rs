//! The rules on a corpus of their own: how much they find, and how much they harm.
//!
//! `catches.txt` holds secrets of all kinds in the lines where they turn up, `ordinary.txt` and
//! `near.txt` lines that must stay, `structured.txt` values with names, `stacks.txt` stack traces.
//! All were written or made up for this project; [`lines`] says how a line of them is read, and
//! each is filled with other values from a seed several times over.
//!
//! `cargo test -p soliplex-sanitize --test corpus -- --nocapture` prints every line that goes wrong
//! and the table that stands in `docs/rules.md`; with `UPDATE_DOCS=1` it writes the table there.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test may be blunt, and so may what it calls"
)]

mod digits;
mod disguises;
mod leftovers;
mod lines;
mod score;
mod stacks;
mod structured;
mod values;

use std::fs;

use lines::Tier;
use score::Score;
use soliplex_sanitize::Rules;

#[test]
fn the_rules_find_what_they_must_and_leave_the_rest() {
    let score = Score::of(&Rules::standard());
    println!("{}", score.failures);
    println!("{}", score.table());

    for (tier, least) in [
        (Tier::Core, 99.0),
        (Tier::Extended, 97.0),
        (Tier::Hard, 88.0),
    ] {
        let recall = score.recall(|kind| kind.tier == tier);
        assert!(recall >= least, "{tier:?}: {recall:.2} %");
    }
    assert!(score.recall(|_| true) >= 98.0);
    assert!(score.kinds() > 50, "{} kinds", score.kinds());
    assert!(score.left_in_part() <= 5, "{}", score.left_in_part());
    assert_eq!(score.context_lost(), 0);
    assert!(score.ordinary >= 4000, "{} ordinary lines", score.ordinary);
    assert!(
        score.changed * 1000 <= score.ordinary,
        "{} changed",
        score.changed
    );
    assert_eq!(score.near_changed, 0);
}

#[test]
fn structured_values_lose_every_secret_and_nothing_else() {
    let score = structured::score(&Rules::standard());
    println!("{}\n{}", score.failures, score.summary());
    assert_eq!(score.left, 0);
    assert!(score.harmed * 1000 < score.kept, "{} harmed", score.harmed);
    assert!(score.kept >= 1000, "{} fields to keep", score.kept);
}

#[test]
fn stacks_lose_their_absolute_paths_and_no_frame() {
    let score = stacks::score(&Rules::standard());
    println!("{}\n{}", score.failures, score.summary());
    assert_eq!(score.wrong, 0);
}

#[test]
fn the_documented_scores_are_these() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
    let text = fs::read_to_string(path).expect("the document is there");
    let rules = Rules::standard();
    let scores = format!(
        "{}\n{}\n{}\n",
        Score::of(&rules).table(),
        structured::score(&rules).summary(),
        stacks::score(&rules).summary()
    );
    let from = text.find(BEGIN).expect("the scores' beginning is marked") + BEGIN.len();
    let to = text.find(END).expect("the scores' end is marked");
    let wanted = format!("{}{scores}{}", &text[..from], &text[to..]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, &wanted).expect("the document can be written");
    } else {
        assert!(
            text == wanted,
            "run with UPDATE_DOCS=1 to write the scores:\n{scores}"
        );
    }
}

const BEGIN: &str = "<!-- scores: begin -->\n";
const END: &str = "<!-- scores: end -->";
