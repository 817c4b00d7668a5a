//! Secrets in disguise: each is written in every way a log might hold it, and must be found in
//! each.

use soliplex_sanitize::Rules;

/// A line around the secret, and what must not survive.
const SECRETS: &[(&str, &str)] = &[
    ("mail {} bounced", "ann.lee@mail.example.com"),
    ("ssn {} on file", "219-09-9999"),
    ("card {} declined", "4111-1111-1111-1111"),
    ("from {} denied", "203.0.113.77"),
    ("ether {} up", "00:1a:2b:3c:4d:5e"),
    ("call {} back", "+1-415-555-0132"),
    ("to {} today", "GB82WEST12345698765432"),
    (
        "sent {} once",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLWhlcmU",
    ),
    ("password={}", "Tr0ub4dor-and-3"),
    ("opening https://ann:{}@host.example.com/x", "Tr0ub4dor3x"),
];

/// A way to write a text so that it does not look like itself.
type Disguise = (&'static str, fn(&str) -> String);

const DISGUISES: &[Disguise] = &[
    ("percent-encoded", |s| {
        each(s, |c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("%{:02X}", u32::from(c))
            }
        })
    }),
    ("percent-encoded whole", |s| {
        each(s, |c| format!("%{:02x}", u32::from(c)))
    }),
    ("JSON-escaped", |s| {
        each(s, |c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("\\u{:04x}", u32::from(c))
            }
        })
    }),
    ("HTML entities", |s| {
        each(s, |c| {
            if c.is_ascii_alphanumeric() {
                c.to_string()
            } else {
                format!("&#{};", u32::from(c))
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
    ("Arabic digits", |s| {
        each(s, |c| {
            c.to_digit(10)
                .and_then(|d| char::from_u32(0x660 + d))
                .unwrap_or(c)
                .to_string()
        })
    }),
    ("look-alike separators", |s| {
        s.replace('-', "\u{2010}")
            .replace('.', "\u{2024}")
            .replace('@', "\u{ff20}")
            .replace(':', "\u{ff1a}")
    }),
    ("colored", |s| format!("\x1b[1;31m{s}\x1b[0m")),
    ("colored halfway", |s| halved(s, "\x1b[0m\x1b[32m")),
    ("with an invisible space", |s| halved(s, "\u{200b}")),
    ("split by a line break", |s| halved(s, "\n")),
    ("split by CR LF", |s| halved(s, "\r\n")),
    ("wrapped and indented", |s| halved(s, "\n    ")),
    ("split by an escaped line break", |s| halved(s, "\\n")),
];

fn each(text: &str, write: impl Fn(char) -> String) -> String {
    text.chars().map(write).collect()
}

fn wide(c: char) -> String {
    char::from_u32(u32::from(c) - 0x21 + 0xff01)
        .unwrap_or(c)
        .to_string()
}

fn halved(text: &str, between: &str) -> String {
    let (left, right) = text.split_at(text.len() / 2);
    format!("{left}{between}{right}")
}

#[test]
fn a_disguise_hides_no_secret() {
    let rules = Rules::standard();
    let mut through = Vec::new();
    for (line, secret) in SECRETS {
        for (name, disguise) in DISGUISES {
            let worn = disguise(secret);
            let text = line.replace("{}", &worn);
            if rules.sanitize(&text).contains(&worn) {
                through.push(format!("{name}: {text}"));
            }
        }
    }
    assert!(through.is_empty(), "{}", through.join("\n"));
}

#[test]
fn a_disguised_secret_goes_with_its_disguise_and_the_line_stays() {
    let rules = Rules::standard();
    let check = |text: &str, want: &str| assert_eq!(rules.sanitize(text), want);
    check("mail ann%40example.com now", "mail [EMAIL] now");
    check("ssn ２１９-０９-９９９９ now", "ssn [SSN] now");
    check(
        "from \x1b[31m10.0.0.1\x1b[0m now",
        "from \x1b[31m[IPV4]\x1b[0m now",
    );
    check(
        "grüße aus 東京, 10\u{2024}0\u{2024}0\u{2024}1",
        "grüße aus 東京, [IPV4]",
    );
    check(r#"{"m":"ann\u0040example.com"}"#, r#"{"m":"[EMAIL]"}"#);
}

/// `ESC [R` would be a control sequence; behind it stood the rest of a marker, which was redacted
/// again and again. Found by fuzzing.
#[test]
fn a_marker_behind_an_escape_character_is_no_color() {
    let rules = Rules::standard();
    let once = "Authorization: {\u{1b}[REDACTED]}";
    assert_eq!(rules.sanitize("Authorization: {\u{1b}0}"), once);
    assert_eq!(rules.sanitize(once), once);
}

#[test]
fn plain_text_of_other_alphabets_stays() {
    let rules = Rules::standard();
    for line in [
        "Ошибка при чтении файла",
        "接続が切断されました",
        "größe: 12 µm",
        "✓ done — 3 files",
        "\x1b[32mINFO\x1b[0m ready",
        "100%25 done",
        "a\\nb\\tc",
    ] {
        assert_eq!(rules.sanitize(line), line);
    }
}

#[test]
fn lines_of_one_text_are_not_joined_into_a_secret() {
    let rules = Rules::standard();
    for text in [
        "count 219\n09-99 items",
        "see host\nexample.com for more",
        "panicked at 'x'\nnote: run with RUST_BACKTRACE=1",
        "   0: std::panicking\n             at ./src/lib.rs:10\n   1: main",
    ] {
        assert_eq!(rules.sanitize(text), text);
    }
}

#[test]
fn a_key_broken_into_more_lines_than_are_read_of_one_goes_whole() {
    let text = "AKIA\n".repeat(20_000);
    assert_eq!(Rules::standard().sanitize(&text), "[API_KEY]\n");
}
