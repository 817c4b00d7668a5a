//! The page: a hundred columns of plain text, with emphasis only on a terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

/// Columns of the page.
pub(super) const COLUMNS: usize = 100;

/// Writes to standard output.
#[derive(Clone, Copy)]
pub(super) struct Page {
    emphasis: bool,
}

/// How a text stands out.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
}

impl Page {
    pub(super) fn new() -> Page {
        // <https://no-color.org>: any value that is not empty.
        let asked_for_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Page {
            emphasis: io::stdout().is_terminal() && !asked_for_none,
        }
    }

    pub(super) fn line(&self, text: &str) {
        // Nobody reads any more: the exit code still tells.
        let _ = writeln!(io::stdout(), "{text}");
    }

    pub(super) fn heading(&self, text: &str) {
        self.line("");
        self.line(&self.ink(Ink::Bold, text));
    }

    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            _ if !self.emphasis => return text.to_owned(),
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Red => 31,
            Ink::Yellow => 33,
            Ink::Green => 32,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Words, filled into lines behind `margin` columns. No word is broken unless it is longer
    /// than a line.
    pub(super) fn fill<'a>(
        &self,
        margin: usize,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Vec<String> {
        let width = COLUMNS - margin;
        let mut lines = vec![String::new()];
        let mut used = 0;
        for word in words {
            let mut word = word;
            if used > 0 && used + 1 + word.chars().count() > width {
                lines.push(String::new());
                used = 0;
            }
            while let Some((cut, _)) = word.char_indices().nth(width) {
                let (head, tail) = word.split_at(cut);
                if let Some(line) = lines.last_mut() {
                    line.push_str(head);
                }
                lines.push(String::new());
                word = tail;
            }
            if let Some(line) = lines.last_mut() {
                let gap = if used > 0 { " " } else { "" };
                // Writing to a String cannot fail.
                let _ = write!(line, "{gap}{word}");
                used += gap.len() + word.chars().count();
            }
        }
        lines
    }
}

/// A number as people write it: 1,234,567.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes as people say it.
pub(super) fn bytes(number: u64) -> String {
    match number {
        0..10_000 => format!("{} bytes", count(number)),
        10_000..10_000_000 => format!("{} kB", count(number / 1000)),
        _ => format!("{} MB", count(number / 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_no_character_is_lost() {
        let page = Page { emphasis: false };
        let long = "é".repeat(333);
        let words = ["a", "few", "words", &long, "and", "more"];
        let lines = page.fill(20, words);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 80),
            "{lines:?}"
        );
        assert_eq!(lines.concat().replace(' ', ""), words.concat());
    }
}
