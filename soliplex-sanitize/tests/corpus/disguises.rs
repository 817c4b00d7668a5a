//! Ways to write a secret so that it does not look like itself.

/// A way, by name.
pub(crate) type Disguise = (&'static str, fn(&str) -> String);

pub(crate) const DISGUISES: &[Disguise] = &[
    ("percent-encoded", |s| {
        each(s, |c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("%{:02x}", u32::from(c))
            }
        })
    }),
    ("JSON-escaped", |s| {
        each(s, |c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("\\u{:04X}", u32::from(c))
            }
        })
    }),
    ("hex-escaped", |s| {
        each(s, |c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("\\x{:02x}", u32::from(c))
            }
        })
    }),
    ("HTML entities", |s| {
        each(s, |c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("&#x{:x};", u32::from(c))
            }
        })
    }),
    ("full-width digits", |s| {
        each(s, |c| {
            if c.is_ascii_digit() {
                wide(c)
            } else {
                c.to_string()
            }
        })
    }),
    ("full-width", |s| each(s, wide)),
    ("mathematical digits", |s| {
        each(s, |c| {
            match c.to_digit(10).and_then(|d| char::from_u32(0x1d7ce + d)) {
                Some(bold) => bold.to_string(),
                None => c.to_string(),
            }
        })
    }),
    ("look-alike separators", |s| {
        s.replace('-', "\u{2011}")
            .replace('.', "\u{ff0e}")
            .replace('@', "\u{ff20}")
            .replace(':', "\u{2236}")
            .replace(' ', "\u{a0}")
    }),
    ("colored", |s| format!("\u{1b}[38;5;196m{s}\u{1b}[0m")),
    ("colored in the middle", |s| halved(s, "\u{1b}[0;1m")),
    ("with a soft hyphen", |s| halved(s, "\u{ad}")),
    ("with a zero-width joiner", |s| halved(s, "\u{200d}")),
    ("split by a line break", |s| halved(s, "\n")),
    ("split and indented", |s| halved(s, "\r\n        ")),
    ("split by an escaped line break", |s| halved(s, "\\n")),
];

fn each(text: &str, write: impl Fn(char) -> String) -> String {
    text.chars().map(write).collect()
}

fn wide(c: char) -> String {
    match c {
        '!'..='~' => char::from_u32(u32::from(c) - 0x21 + 0xff01)
            .unwrap_or(c)
            .to_string(),
        _ => c.to_string(),
    }
}

fn halved(text: &str, between: &str) -> String {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle += 1;
    }
    format!("{}{between}{}", &text[..middle], &text[middle..])
}
