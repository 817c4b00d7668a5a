//! What no program knows: why a figure is behind, and what was done about it.
//!
//! `benches/tried.md` says so by hand, under a heading for each section of the report, named by the
//! section's id.

use std::collections::BTreeMap;

/// The text of each section, by id.
#[derive(Debug, Default)]
pub(crate) struct Tried(BTreeMap<String, String>);

impl Tried {
    /// Takes the text apart. What stands before the first heading is for those who write there.
    pub(crate) fn parse(text: &str) -> Tried {
        let parts = text.split("\n## ").skip(1);
        let texts = parts.map(|part| {
            let (id, text) = part.split_once('\n').unwrap_or((part, ""));
            (id.trim().to_owned(), text.trim().to_owned())
        });
        Tried(texts.collect())
    }

    /// What was tried of one section; empty when nothing is written down.
    pub(crate) fn of(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_belongs_to_the_heading_above_it() {
        let tried =
            Tried::parse("# Head\n\nFor writers.\n\n## client\n\nOne.\n\n- Two.\n## wire\n");
        assert_eq!(tried.of("client"), "One.\n\n- Two.");
        assert_eq!((tried.of("wire"), tried.of("spool")), ("", ""));
    }

    /// Under any other heading a text would not be printed.
    #[test]
    fn every_heading_of_the_file_is_that_of_a_section() {
        let tried = Tried::parse(include_str!("../../../tried.md"));
        assert!(!tried.0.is_empty());
        for id in tried.0.keys() {
            assert!(crate::SECTIONS.contains(&id.as_str()), "{id:?}");
        }
    }
}
