//! Every rule against its own examples, and the documentation against the rules.

use std::fmt::Write as _;
use std::fs;

use serde::Deserialize;
use soliplex_sanitize::Rules;

#[derive(Deserialize)]
struct Examples {
    rule: Vec<RuleExamples>,
}

#[derive(Deserialize)]
struct RuleExamples {
    name: String,
    /// A line and what is left of it.
    catches: Vec<(String, String)>,
    leaves: Vec<String>,
}

fn examples() -> Vec<RuleExamples> {
    let text = include_str!("../data/rules.toml");
    toml::from_str::<Examples>(text)
        .expect("the examples are TOML")
        .rule
}

#[test]
fn every_rule_catches_its_examples_and_nothing_around_them() {
    let rules = Rules::standard();
    let wrong: Vec<String> = examples()
        .iter()
        .flat_map(|rule| &rule.catches)
        .filter(|(line, left)| rules.sanitize(line) != *left)
        .map(|(line, left)| format!("{line}\n  want {left}\n  got  {}", rules.sanitize(line)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_leaves_its_near_misses_alone() {
    let rules = Rules::standard();
    let wrong: Vec<String> = examples()
        .iter()
        .flat_map(|rule| &rule.leaves)
        .filter(|line| rules.sanitize(line) != **line)
        .map(|line| format!("{line}\n  got {}", rules.sanitize(line)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The gate reads blocks of 64 bytes: where in a block a secret begins must not matter.
#[test]
fn a_secret_is_found_wherever_in_a_block_it_stands() {
    let rules = Rules::standard();
    for rule in examples() {
        for (line, left) in &rule.catches {
            for spaces in 0..=64 {
                let pad = " ".repeat(spaces);
                assert_eq!(
                    rules.sanitize(&format!("{pad}{line}")),
                    format!("{pad}{left}"),
                    "{spaces}"
                );
            }
        }
    }
}

#[test]
fn every_built_in_rule_has_examples_under_its_name() {
    let named: Vec<String> = examples().into_iter().map(|rule| rule.name).collect();
    for rule in Rules::built_in() {
        assert!(
            named.iter().any(|name| name == rule.name),
            "{} has none",
            rule.name
        );
    }
    assert_eq!(named.len(), Rules::built_in().count());
}

#[test]
fn a_rule_that_is_off_lets_its_examples_pass() {
    for rule in examples() {
        let without = Rules::builder()
            .without(&rule.name)
            .build()
            .expect("the rule is known");
        for (line, _) in &rule.catches {
            let fired = without
                .explain(line)
                .iter()
                .any(|finding| finding.rule == rule.name);
            assert!(!fired, "{} fires on {line} though it is off", rule.name);
        }
    }
}

#[test]
fn the_documented_table_is_the_one_in_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = fs::read_to_string(path).expect("the document is there");
        let (head, tail) = around_table(&text);
        fs::write(path, format!("{head}{table}{tail}")).expect("the document can be written");
    }
    let text = fs::read_to_string(path).expect("the document is there");
    let (head, tail) = around_table(&text);
    assert!(
        text == format!("{head}{table}{tail}"),
        "run with UPDATE_DOCS=1 to write the table:\n{table}"
    );
}

const BEGIN: &str = "<!-- table: begin -->\n";
const END: &str = "<!-- table: end -->";

fn around_table(text: &str) -> (&str, &str) {
    let from = text.find(BEGIN).expect("the table's beginning is marked") + BEGIN.len();
    let to = text.find(END).expect("the table's end is marked");
    (&text[..from], &text[to..])
}

/// The rules with what they are for.
fn table() -> String {
    let mut out = String::from(
        "| rule | marker | catches | leaves alone | validation |\n|---|---|---|---|---|\n",
    );
    for info in Rules::built_in() {
        let marker = if info.marker.is_empty() {
            "(cut)".to_owned()
        } else {
            format!("`{}`", info.marker)
        };
        let _ = writeln!(
            out,
            "| `{}` | {marker} | {} | {} | {} |",
            info.name, info.catches, info.leaves, info.validation
        );
    }
    out
}
