//! What kind of thing a record tells of, by its logger.

use soliplex_wire::Category;

/// Which loggers tell of what. Looked up when a breadcrumb is read, never when it is written.
///
/// A prefix matches where its segments stand in the logger's, next to one another, in any case.
/// Segments end at `.` and at `::`, so that `Router.home` and `app::router::home` are both of
/// `Router`, and `UserAgent` is not of `User`. The application's own prefixes stand before the
/// built-in ones; among several that match, the one that begins farthest to the left counts, and
/// of those the longest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Categories {
    own: Vec<(Vec<String>, Category)>,
}

static BUILT_IN: [(&str, Category); 11] = [
    ("Router", Category::Ui),
    ("Navigation", Category::Ui),
    ("UI", Category::Ui),
    ("Http", Category::Network),
    ("Network", Category::Network),
    ("Connectivity", Category::Network),
    ("Lifecycle", Category::System),
    ("Permission", Category::System),
    ("Auth", Category::User),
    ("Login", Category::User),
    ("User", Category::User),
];

/// What has no other category.
static ELSE: Category = Category::System;

impl Categories {
    /// Adds a prefix. Of two that are alike the later one counts.
    pub(crate) fn add(&mut self, prefix: &str, category: Category) {
        let prefix: Vec<String> = prefix
            .split(['.', ':'])
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect();
        if prefix.is_empty() {
            return;
        }
        self.own.retain(|(known, _)| *known != prefix);
        self.own.push((prefix, category));
    }

    /// The category of what this logger tells.
    pub(crate) fn of(&self, logger: &str) -> &Category {
        let own = || borders(logger).find_map(|rest| self.longest(rest));
        let built_in = || segments(logger).find_map(built_in);
        own().or_else(built_in).unwrap_or(&ELSE)
    }

    /// The category of the longest of the application's prefixes that stands at the begin.
    fn longest(&self, logger: &str) -> Option<&Category> {
        let here = self.own.iter().filter(|(prefix, _)| {
            let mut ahead = segments(logger);
            prefix.iter().all(|wanted| {
                ahead
                    .next()
                    .is_some_and(|segment| is_alike(segment, wanted))
            })
        });
        let longest = here.max_by_key(|(prefix, _)| prefix.len());
        longest.map(|(_, category)| category)
    }
}

/// The category that an event names itself.
pub(super) fn named(name: &str) -> Category {
    let known = [
        Category::Ui,
        Category::Network,
        Category::System,
        Category::User,
    ];
    let mut known = known.into_iter();
    known
        .find(|category| is_alike(category.as_str(), name))
        .unwrap_or_else(|| name.into())
}

fn built_in(segment: &str) -> Option<&'static Category> {
    let known = BUILT_IN.iter().find(|(name, _)| is_alike(segment, name));
    known.map(|(_, category)| category)
}

/// Whether two names are the same but for the case of their letters. An error asks it some hundred
/// times, and most names are ASCII.
fn is_alike(a: &str, b: &str) -> bool {
    let is_ascii = a.is_ascii() && b.is_ascii();
    a.eq_ignore_ascii_case(b) || !is_ascii && lowercase(a).eq(lowercase(b))
}

fn lowercase(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_lowercase)
}

fn segments(logger: &str) -> impl Iterator<Item = &str> {
    let segments = logger.split(['.', ':']);
    segments.filter(|segment| !segment.is_empty())
}

/// The logger from each of its segments on.
fn borders(logger: &str) -> impl Iterator<Item = &str> {
    let begins = |at: usize| {
        at == 0
            || logger
                .as_bytes()
                .get(at - 1)
                .is_some_and(|byte| is_border(*byte))
    };
    (0..logger.len())
        .filter(move |at| begins(*at))
        .filter_map(|at| logger.get(at..))
}

fn is_border(byte: u8) -> bool {
    matches!(byte, b'.' | b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(categories: &Categories, cases: &[(&str, &str)]) {
        for (logger, category) in cases {
            assert_eq!(categories.of(logger).as_str(), *category, "{logger}");
        }
    }

    #[test]
    fn a_logger_tells_its_category_by_whole_segments_in_any_case() {
        check(
            &Categories::default(),
            &[
                ("Router", "ui"),
                ("Router.home", "ui"),
                ("app::router::home", "ui"),
                ("NAVIGATION", "ui"),
                ("field_app::ui", "ui"),
                ("HTTP", "network"),
                ("http.client", "network"),
                ("app::network", "network"),
                ("Connectivity", "network"),
                ("Lifecycle", "system"),
                ("Permission.camera", "system"),
                ("Auth", "user"),
                ("Login.form", "user"),
                ("app::user", "user"),
                // The nearest to the root decides.
                ("app::ui::login", "ui"),
                ("login.ui", "user"),
                // Near misses.
                ("UserAgent", "system"),
                ("app::http_client", "system"),
                ("Authority", "system"),
                ("guild", "system"),
                ("", "system"),
                ("::", "system"),
                ("sync", "system"),
            ],
        );
    }

    #[test]
    fn an_applications_own_prefixes_come_first() {
        let mut categories = Categories::default();
        categories.add("Sync", Category::Other("sync".into()));
        categories.add("sync::upload", Category::Network);
        categories.add("Http.Cache", Category::System);
        categories.add("User", Category::Ui);
        categories.add("User", Category::Other("people".into()));
        categories.add("", Category::Ui);
        categories.add("Übersicht", Category::Ui);
        check(
            &categories,
            &[
                ("app::sync", "sync"),
                ("Sync.Download", "sync"),
                ("app::sync::upload", "network"),
                ("http::sync", "sync"),
                ("http.cache.disk", "system"),
                ("http", "network"),
                ("http.disk.cache", "network"),
                ("user", "people"),
                ("synchronous", "system"),
                ("app::übersicht", "ui"),
            ],
        );
    }

    #[test]
    fn a_category_that_an_event_names_is_a_known_one_in_any_case() {
        for (name, category) in [
            ("UI", Category::Ui),
            ("Network", Category::Network),
            ("user", Category::User),
            ("", Category::System),
            ("Billing", Category::Other("Billing".into())),
        ] {
            assert_eq!(named(name), category, "{name}");
        }
    }
}
