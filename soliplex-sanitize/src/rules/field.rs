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

    /// Whether no rule for free text can fire on any of `texts`, which are separated by NUL.
    ///
    /// NUL belongs to no shape, so nothing is found across two texts, and nothing that lies in one
    /// is hidden by its neighbors.
    pub(crate) fn are_silent_on(&self, texts: &str) -> bool {
        self.is_none() || !scan::suspects(&self.0, texts.as_bytes())
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
        fn silence_on_joined_texts_means_that_none_of_them_changes(texts in prop::collection::vec(text(), 0..5)) {
            let rules = Rules::standard();
            if rules.are_silent_on(&texts.join("\0")) {
                for text in &texts {
                    prop_assert_eq!(rules.sanitize(text), text.as_str());
                }
            }
        }

        #[test]
        fn a_suspect_is_never_hidden_by_its_neighbors(texts in prop::collection::vec(text(), 0..5)) {
            let rules = Rules::standard();
            let joined = rules.are_silent_on(&texts.join("\0"));
            let single = texts.iter().all(|text| rules.are_silent_on(text));
            prop_assert_eq!(joined, single);
        }

        #[test]
        fn the_shortcuts_answer_as_sanitize_value_does(name in prop::sample::select(&KEPT[..]), text in text()) {
            let rules = Rules::standard();
            prop_assume!(rules.key(name) == KeyVerdict::Keep);
            let expected = rules.sanitize_value(name, &text);
            prop_assert_eq!(&rules.sanitize_kept(name, &text), &expected);
            if rules.are_silent_on(&text) && !rules.may_need_name(&text) {
                prop_assert_eq!(expected, text.as_str());
            }
        }
    }
}
