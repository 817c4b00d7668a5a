//! Patterns of the user's own, searched for in linear time.
//!
//! One search by an automaton is linear, but one for all matches need not be: a pattern like
//! `.*!|[A-Z]` reads to the end of the text for each letter. So the first matches of a text are
//! searched for in all of it, further ones through a window, and there are so many and no more.

use std::sync::Arc;

use regex::{Captures, Regex};

use super::span::{Fill, Source, Span};
use super::steps::steps;
use super::table::Table;

/// A pattern of the user's.
pub(super) struct Pattern {
    pub(super) name: String,
    pub(super) regex: Regex,
    pub(super) marker: String,
    pub(super) validator: Option<Validator>,
}

/// Says whether a match is one.
pub(super) type Validator = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// So many matches of one pattern are searched for in the whole text.
const FIRST_MATCHES: usize = 64;

/// What a search for a further one sees: more than a line, a stack frame or a header. It grows with a
/// match that fills it; one of more than half of it that shows only at its end is not seen.
const WINDOW_BYTES: usize = 1024;

/// When a pattern has matched so often, the rest of the text goes as a whole, as it does after as many
/// finds of the built-in rules.
const MAX_MATCHES: usize = 16 * 1024;

impl Table {
    pub(super) fn user_spans(&self, text: &str, spans: &mut Vec<Span>) {
        for (n, pattern) in self.patterns.iter().enumerate() {
            let span = |start, end| Span {
                start,
                end,
                source: Source::User(n as u16),
                fill: Fill::Marker,
            };
            let mut at = 0;
            let mut matches = 0;
            let window = |matches| {
                if matches < FIRST_MATCHES {
                    text.len()
                } else {
                    WINDOW_BYTES
                }
            };
            while let Some(groups) = next_match(&pattern.regex, text, &mut at, window(matches)) {
                matches += 1;
                // The first group, where there is one, is what goes; the rest is its context.
                let Some(found) = groups.get(1).or_else(|| groups.get(0)) else {
                    continue;
                };
                let valid = pattern.validator.as_ref().is_none_or(|v| v(found.as_str()));
                if valid
                    && !found.is_empty()
                    && !self.is_marker(found.as_str().as_bytes())
                    && !self.is_in_marker(text, &found.range())
                {
                    spans.push(span(found.start(), found.end()));
                }
                if matches == MAX_MATCHES && at < text.len() {
                    spans.push(span(at, text.len()));
                    break;
                }
            }
        }
    }
}

/// The next match from `at` on, and where the search for the one after it begins.
fn next_match<'t>(
    regex: &Regex,
    text: &'t str,
    at: &mut usize,
    mut window: usize,
) -> Option<Captures<'t>> {
    while *at < text.len() {
        let end = boundary(text, at.saturating_add(window));
        steps(end - *at);
        let groups = regex.captures_at(&text[..end], *at);
        let whole = groups.as_ref().and_then(|groups| groups.get(0));
        match whole.map(|whole| whole.range()) {
            // It may go on behind the window, or turn out to be none.
            Some(whole) if whole.end == end && end < text.len() => {
                *at = (*at).max(whole.start);
                window *= 2;
            }
            Some(whole) => {
                // No pattern matches the empty text, but one may match an empty place.
                *at = boundary(text, whole.end + usize::from(whole.is_empty()));
                return groups;
            }
            None if end == text.len() => break,
            // A match that has begun in this window is seen whole in the next one.
            None => *at = boundary(text, end - WINDOW_BYTES / 2),
        }
    }
    *at = text.len();
    None
}

/// The end of the text, or the first place at or behind `at` between two characters.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;
    use crate::rules::steps::taken;

    fn rules(regex: &str) -> Rules {
        let rules = Rules::builder().pattern("ticket", regex).build();
        rules.expect("the pattern compiles")
    }

    #[test]
    fn a_match_is_found_whole_wherever_a_window_ends() {
        let rules = rules(r"<[^>]*>|\bTCK-\d+\b|y+$");
        let first = "TCK-1 ".repeat(FIRST_MATCHES);
        for before in (WINDOW_BYTES - 24..WINDOW_BYTES + 8).step_by(3) {
            for ticket in ["TCK-4711", "<é é>", &"<y>".repeat(400)] {
                let between = "é ".repeat(before / 3);
                let text = format!("{first}{between}{ticket} TCK-x yy y{between}yyy");
                let found = "[TICKET]".repeat(ticket.matches('<').count().max(1));
                let first = "[TICKET] ".repeat(FIRST_MATCHES);
                let wanted = format!("{first}{between}{found} TCK-x yy y{between}[TICKET]");
                assert!(
                    rules.sanitize(&text) == wanted,
                    "{ticket} behind {before} bytes"
                );
            }
        }
        let long = format!("<{}>", "y ".repeat(WINDOW_BYTES));
        assert_eq!(rules.sanitize(&long), "[TICKET]");
    }

    #[test]
    fn matches_of_a_text_of_twice_the_length_take_twice_the_steps() {
        // A marker that these patterns do not match is not searched through again.
        for (regex, unit) in [
            (".*!|[A-Z]", "A"),
            (r"(\w+\s*)+@|a", "ab "),
            ("<x*>|<", "<"),
        ] {
            let rules = Rules::builder().pattern_with("ticket", regex, "#").build();
            let rules = rules.expect("the pattern compiles");
            let [once, twice] = [4, 8].map(|kib| {
                let text = unit.repeat(kib * 1024 / unit.len());
                taken(|| drop(rules.sanitize(&text)))
            });
            assert!(twice <= once * 9 / 4, "{regex}: {once}, then {twice}");
        }
    }

    #[test]
    fn the_rest_goes_where_a_pattern_matches_without_end() {
        let text = format!("{}plain words", "TCK-1 ".repeat(MAX_MATCHES));
        let clean = rules(r"TCK-\d").sanitize(&text).into_owned();
        assert!(!clean.contains("plain"), "the rest stayed");
        assert!(
            clean.starts_with("[TICKET] [TICKET] "),
            "the matches stayed"
        );
    }
}
