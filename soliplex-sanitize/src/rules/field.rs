//! The rules as the root asks them: for many short values whose names never change.
//!
//! The root remembers what a name says, and looks at all text of an event at once before it looks
//! at any value by itself. Both are shortcuts to the answers of [`Rules::sanitize_value`], never
//! other answers.

use std::borrow::Cow;

use super::{Rules, json, scan};

impl Rules {
    /// Whether some loggers have rules of their own.
    pub(crate) fn has_scopes(&self) -> bool {
        self.0.has_scopes()
    }

    /// Calls `on` for every position in `texts`, which are separated by NUL, at which a rule for
    /// free text might fire. A text that holds none of them comes out of [`Rules::sanitize`] as it
    /// is, unless there [are patterns](Rules::has_patterns).
    ///
    /// NUL belongs to no shape, so nothing is found across two texts, and nothing that lies in one
    /// is hidden by its neighbors.
    pub(crate) fn suspects(&self, texts: &str, on: impl FnMut(usize)) {
        if !self.is_none() {
            scan::suspects(texts.as_bytes(), on);
        }
    }

    /// Whether patterns were added, which no text is known not to match.
    pub(crate) fn has_patterns(&self) -> bool {
        self.0.has_patterns()
    }

    /// Whether the name of a field might tell what such a text is, though the text does not.
    pub(crate) fn may_need_name(&self, text: &str) -> bool {
        !self.is_none() && json::wants_context(text)
    }

    /// As [`Rules::sanitize_value`], for a name that is known to be kept.
    pub(crate) fn sanitize_kept<'a>(&self, key: &str, text: &'a str) -> Cow<'a, str> {
        if self.is_none() {
            return Cow::Borrowed(text);
        }
        json::in_context(self, key, text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::KeyVerdict;

    /// Names that are kept, and some of which tell what their value is.
    const KEPT: [&str; 12] = [
        "message", "route", "lat", "edipi", "imei", "phone", "account", "version", "key", "card",
        "id", "log.file",
    ];

    /// Values with and without a secret, and pieces that only look like one.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,40}",
            "[a-z ]{0,20}",
            "[0-9]{6,16}",
            "[0-9]{1,3}(\\.[0-9]{1,4}){1,4}",
            "([0-9]{3,4}[- .]){1,4}[0-9]{2,4}",
            "[a-z]{1,6}@[a-z]{1,6}\\.(org|example)",
            "(Bearer|basic|BEARER|Basic) [A-Za-z0-9]{8,20}",
            "[a-z]{3,9}[=:] ?[A-Za-z0-9]{4,20}",
            "(/[a-z.]{1,8}){1,5}(:[0-9]{1,3})?",
            "[0-9a-f]{2}(:[0-9a-f]{0,4}){2,7}",
            "[A-Za-z0-9_-]{15,40}",
        ]
    }

    proptest! {
        #[test]
        fn a_text_without_a_suspect_does_not_change(texts in prop::collection::vec(text(), 0..5)) {
            let rules = Rules::standard();
            let joined = texts.join("\0");
            let mut suspects = Vec::new();
            rules.suspects(&joined, |at| suspects.push(at));
            let mut start = 0;
            for text in &texts {
                let range = start..start + text.len();
                if !suspects.iter().any(|at| range.contains(at)) {
                    prop_assert_eq!(rules.sanitize(text), text.as_str());
                }
                start = range.end + 1;
            }
        }

        #[test]
        fn a_suspect_is_never_hidden_by_its_neighbors(texts in prop::collection::vec(text(), 0..5)) {
            let rules = Rules::standard();
            let (mut joined, mut single) = (Vec::new(), Vec::new());
            rules.suspects(&texts.join("\0"), |at| joined.push(at));
            let mut start = 0;
            for text in &texts {
                rules.suspects(text, |at| single.push(start + at));
                start += text.len() + 1;
            }
            for at in single {
                prop_assert!(joined.contains(&at));
            }
        }

        #[test]
        fn the_shortcuts_answer_as_sanitize_value_does(name in prop::sample::select(&KEPT[..]), text in text()) {
            let rules = Rules::standard();
            prop_assume!(rules.key(name) == KeyVerdict::Keep);
            let expected = rules.sanitize_value(name, &text);
            prop_assert_eq!(&rules.sanitize_kept(name, &text), &expected);
            let mut suspects = 0;
            rules.suspects(&text, |_| suspects += 1);
            if suspects == 0 && !rules.may_need_name(&text) {
                prop_assert_eq!(expected, text.as_str());
            }
        }
    }
}
