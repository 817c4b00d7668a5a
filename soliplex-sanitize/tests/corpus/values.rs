//! Values drawn from a seed: digits with their check digits, addresses, words, times.

use std::fmt::Write as _;

use crate::digits::{card, grouped, iban, imei, luhn, mbi, mgrs, nanp, vin};

/// A small generator; the same seed gives the same corpus on every machine.
pub(crate) struct Random(u64);

impl Random {
    /// One for each line and round, so that adding a line changes no other.
    pub(crate) fn of(line: &str, round: u64) -> Random {
        let seed = line.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        Random(seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn range(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    pub(crate) fn text(&mut self, alphabet: &str, length: usize) -> String {
        (0..length)
            .map(|_| char::from(self.pick(alphabet.as_bytes())))
            .collect()
    }
}

pub(crate) const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
pub(crate) const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ALNUM: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Replaces every `‹…›`.
pub(crate) fn fill(line: &str, random: &mut Random) -> String {
    let line = unescaped(line);
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once('‹') {
        let (name, after) = after.split_once('›').expect("a placeholder is closed");
        out.push_str(before);
        out.push_str(&value(name, random));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// `\n`, `\t`, `\e` and `\\`; any other backslash stands for itself.
fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match (c, chars.peek()) {
            ('\\', Some('n')) => '\n',
            ('\\', Some('t')) => '\t',
            ('\\', Some('e')) => '\u{1b}',
            ('\\', Some('\\')) => '\\',
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        out.push(plain);
    }
    out
}

fn value(name: &str, r: &mut Random) -> String {
    let (name, argument) = name.split_once(':').unwrap_or((name, ""));
    match name {
        "card" => card(r, argument),
        "amex" => grouped(
            &luhn(&format!("37{}", r.text(DIGITS, 12))),
            &[4, 6, 5],
            argument,
        ),
        "ssn" => format!(
            "{:03}{argument}{:02}{argument}{:04}",
            r.range(101, 665),
            r.range(10, 99),
            r.range(1001, 9999)
        ),
        "itin" => format!(
            "{}{argument}{}{argument}{:04}",
            r.range(900, 999),
            r.range(70, 88),
            r.range(1001, 9999)
        ),
        "iban" => iban(r, argument),
        "imei" => imei(r, argument),
        "ip4" => format!(
            "{}.{}.{}.{}",
            r.range(11, 223),
            r.below(256),
            r.below(256),
            r.range(1, 254)
        ),
        "lan" => format!(
            "{}.{}.{}",
            r.pick(&["10.1", "192.168", "172.20"]),
            r.below(256),
            r.range(1, 254)
        ),
        "ip6" => ip6(r),
        "mac" => mac(r, argument),
        "uuid" => {
            let mut hex = |n| r.text("0123456789abcdef", n);
            format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12))
        }
        "email" => format!("{}@{}", local(r), host(r)),
        "host" => host(r),
        "first" => r.pick(FIRST).to_owned(),
        "last" => r.pick(LAST).to_owned(),
        "word" => r.pick(WORDS).to_owned(),
        "fn" => format!("{}_{}", r.pick(WORDS), r.pick(WORDS)),
        "type" => format!("{}{}", title(r.pick(WORDS)), title(r.pick(WORDS))),
        "pw" => password(r),
        "vin" => vin(r),
        "birth" => {
            let (day, month, year) = (r.range(1, 28), r.range(1, 12), r.range(1940, 2005));
            match argument {
                "us" => format!("{month:02}/{day:02}/{year}"),
                "de" => format!("{day:02}.{month:02}.{year}"),
                _ => format!("{year}-{month:02}-{day:02}"),
            }
        }
        "jwt" => jwt(r),
        "basic" => base64(&format!("{}:{}", r.pick(FIRST), password(r))),
        "sasl" => base64(&format!("\0{}\0{}", r.pick(FIRST), password(r))),
        "nanp" => nanp(r, argument),
        "mbi" => mbi(r, argument),
        "b58" => r.text(BASE58, argument.parse().expect("a length")),
        "iso" => format!(
            "2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            r.range(1, 12),
            r.range(1, 28),
            r.below(24),
            r.below(60),
            r.below(60),
            r.below(1000)
        ),
        "clf" => format!(
            "{:02}/{}/2026:{:02}:{:02}:{:02} +0000",
            r.range(1, 28),
            r.pick(MONTHS),
            r.below(24),
            r.below(60),
            r.below(60)
        ),
        "syslog" => format!(
            "{} {:2} {:02}:{:02}:{:02}",
            r.pick(MONTHS),
            r.range(1, 28),
            r.below(24),
            r.below(60),
            r.below(60)
        ),
        "time" => format!(
            "{:02}:{:02}:{:02}.{:03}",
            r.below(24),
            r.below(60),
            r.below(60),
            r.below(1000)
        ),
        "date" => format!("2026-{:02}-{:02}", r.range(1, 12), r.range(1, 28)),
        "lat" => format!(
            "{}{}.{:06}",
            r.pick(&["", "-"]),
            r.range(10, 79),
            r.below(1_000_000)
        ),
        "lon" => format!(
            "{}{}.{:06}",
            r.pick(&["", "-"]),
            r.range(10, 179),
            r.below(1_000_000)
        ),
        "mgrs" => mgrs(r, argument),
        "pick" => r.pick(&argument.split('|').collect::<Vec<_>>()).to_owned(),
        // `n3`: a number of up to three digits without a zero in front; `d3`: three digits.
        _ => {
            let (alphabet, length) = name.split_at(1);
            let length: usize = length
                .parse()
                .unwrap_or_else(|_| panic!("no value is named {name}"));
            match alphabet {
                "d" => r.text(DIGITS, length),
                "n" => r.range(1, 10_usize.pow(length as u32) - 1).to_string(),
                "x" => r.text("0123456789abcdef", length),
                "X" => r.text("0123456789ABCDEF", length),
                "a" => r.text(LOWER, length),
                "A" => r.text(UPPER, length),
                "w" => r.text(ALNUM, length),
                "U" => r.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length),
                "u" => r.text(&format!("{ALNUM}_-"), length),
                "b" => r.text(&format!("{ALNUM}+/"), length),
                "l" => r.text(&format!("{LOWER}{DIGITS}"), length),
                _ => panic!("no value is named {name}"),
            }
        }
    }
}

fn ip6(r: &mut Random) -> String {
    let mut h = |n| r.text("123456789abcdef", n);
    match h(1).as_str() {
        "1" | "2" | "3" | "4" => format!("2001:db8:{}:{}::{}", h(4), h(3), h(2)),
        "5" | "6" | "7" => format!("fe80::{}:{}:{}:{}", h(4), h(4), h(4), h(4)),
        "8" | "9" => format!("fd{}:{}::{}", h(2), h(4), h(1)),
        _ => (0..8).map(|_| h(4)).collect::<Vec<_>>().join(":"),
    }
}

fn mac(r: &mut Random, style: &str) -> String {
    let separator = style.chars().next().map_or(":".to_owned(), String::from);
    if separator == "." {
        return (0..3)
            .map(|_| format!("{}{}", r.text("12abcdef", 1), r.text("0123456789abcdef", 3)))
            .collect::<Vec<_>>()
            .join(".");
    }
    let hex = if style.ends_with('U') {
        "0123456789ABCDEF"
    } else {
        "0123456789abcdef"
    };
    (0..6)
        .map(|_| r.text(hex, 2))
        .collect::<Vec<_>>()
        .join(&separator)
}

fn local(r: &mut Random) -> String {
    let (first, last) = (r.pick(FIRST), r.pick(LAST));
    match r.below(6) {
        0 => format!("{first}.{last}"),
        1 => format!("{first}{}", r.range(1, 99)),
        2 => format!("{}{last}", &first[..1]),
        3 => format!("{first}_{last}+{}", r.pick(WORDS)),
        4 => format!("{first}-{last}"),
        _ => format!("{}.{last}", title(first)),
    }
}

fn host(r: &mut Random) -> String {
    let name = r.pick(&[
        "example",
        "acme-corp",
        "mail.initech",
        "contoso",
        "sub.fabrikam",
        "umbrella",
    ]);
    format!(
        "{name}.{}",
        r.pick(&["com", "org", "de", "co.uk", "mil", "net", "io", "gov.au"])
    )
}

fn password(r: &mut Random) -> String {
    let word = title(r.pick(WORDS));
    match r.below(5) {
        0 => format!("{word}{}!", r.range(10, 9999)),
        1 => r.text(ALNUM, 14),
        2 => format!("{}-{}-{}", r.pick(WORDS), r.pick(WORDS), r.range(10, 99)),
        3 => format!("{word}@{}#{}", r.range(10, 99), r.text(LOWER, 3)),
        _ => format!("{}{}", r.text(LOWER, 6), r.range(100, 999)),
    }
}

fn jwt(r: &mut Random) -> String {
    let header = r.pick(&[
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"typ":"JWT","alg":"RS256","kid":"k1"}"#,
        r#"{"alg":"ES384"}"#,
    ]);
    let mut payload = String::new();
    let _ = write!(
        payload,
        r#"{{"sub":"{}","iat":{}}}"#,
        r.range(1000, 99999),
        r.range(1_700_000_000, 1_800_000_000)
    );
    format!(
        "{}.{}.{}",
        unpadded(header),
        unpadded(&payload),
        r.text(&format!("{ALNUM}_-"), 43)
    )
}

fn unpadded(text: &str) -> String {
    base64(text)
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

fn base64(text: &str) -> String {
    let alphabet: Vec<char> = format!("{UPPER}{LOWER}{DIGITS}+/").chars().collect();
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            out.push(if i > chunk.len() {
                '='
            } else {
                alphabet[bits >> (18 - 6 * i) & 63]
            });
        }
    }
    out
}

fn title(word: &str) -> String {
    format!("{}{}", word[..1].to_uppercase(), &word[1..])
}

const FIRST: &[&str] = &[
    "ann", "bob", "carlos", "diana", "emeka", "fatima", "grace", "hiro", "ivana", "jose", "karin",
    "liam",
];
const LAST: &[&str] = &[
    "lee", "nguyen", "okafor", "smith", "garcia", "kowalski", "tanaka", "mueller", "oconnor",
    "silva", "haddad",
];
const MONTHS: &[&str] = &[
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WORDS: &[&str] = &[
    "alpha", "buffer", "canvas", "delta", "engine", "falcon", "garden", "harbor", "index",
    "jungle", "kernel", "lantern", "meadow", "network", "orchard", "packet", "quartz", "render",
    "socket", "thread", "update", "vector", "widget", "yellow",
];
