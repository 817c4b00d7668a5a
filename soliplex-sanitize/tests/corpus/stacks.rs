//! Stack traces: what is marked is cut, and every other byte stays.

use soliplex_sanitize::Rules;

use crate::lines::{headed, split_secret};
use crate::values::{Random, fill};

#[derive(Default)]
pub(crate) struct StackScore {
    frames: usize,
    pub(crate) wrong: usize,
    pub(crate) failures: String,
}

impl StackScore {
    pub(crate) fn summary(&self) -> String {
        format!(
            "Stacks: {} of {} lines came out without their absolute part and otherwise the same.",
            self.frames - self.wrong,
            self.frames
        )
    }
}

/// Every line by itself, and the stack it is part of as a whole.
pub(crate) fn score(rules: &Rules) -> StackScore {
    let mut score = StackScore::default();
    let mut stacks: Vec<(&str, String, String)> = Vec::new();
    for (head, line) in headed(include_str!("stacks.txt")) {
        let marked = fill(line, &mut Random::of(line, 0));
        let (text, wanted) = (cut(&marked, true), cut(&marked, false));
        score.check(rules, head, &text, &wanted);
        match stacks.last_mut() {
            Some((last, texts, wants)) if *last == head => {
                texts.push_str(&format!("\n{text}"));
                wants.push_str(&format!("\n{wanted}"));
            }
            _ => stacks.push((head, text, wanted)),
        }
    }
    for (head, text, wanted) in stacks {
        score.check(rules, head, &text, &wanted);
        let json = |text: &str| serde_json::json!({ "stackTrace": text }).to_string();
        score.check(rules, head, &json(&text), &json(&wanted));
    }
    score
}

impl StackScore {
    fn check(&mut self, rules: &Rules, head: &str, text: &str, wanted: &str) {
        self.frames += 1;
        let out = rules.sanitize(text);
        if out != wanted {
            self.wrong += 1;
            self.failures.push_str(&format!(
                "{head}\n  in   {text}\n  want {wanted}\n  got  {out}\n"
            ));
        }
    }
}

/// The line with its marked parts, or without. `«~user»` is a user's name, of which a marker stays.
fn cut(marked: &str, whole: bool) -> String {
    let Some((before, part, after)) = split_secret(marked) else {
        return marked.to_owned();
    };
    let middle = match (part.strip_prefix('~'), whole) {
        (Some(user), true) => user,
        (Some(_), false) => "[USER]",
        (None, true) => part,
        (None, false) => "",
    };
    format!("{before}{middle}{}", cut(after, whole))
}
