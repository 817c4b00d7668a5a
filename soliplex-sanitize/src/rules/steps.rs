//! How much the verifiers read, counted in tests.
//!
//! Time says little about whether reading is linear: it is noisy, and a square of small numbers is
//! fast. So every loop of a verifier that may run far says how far it ran.

/// Counts `n` bytes that a verifier has read; nothing outside this crate's own tests.
#[inline(always)]
pub(super) fn steps(n: usize) {
    #[cfg(test)]
    tests::STEPS.set(tests::STEPS.get() + n as u64);
    #[cfg(not(test))]
    let _ = n;
}

/// The steps that a reading takes.
#[cfg(test)]
pub(super) fn taken(read: impl FnOnce()) -> u64 {
    let before = tests::STEPS.get();
    read();
    tests::STEPS.get() - before
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::Rules;

    thread_local! {
        pub(super) static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// What reading `unit` over and over, `bytes` long, takes.
    fn taken(unit: &str, bytes: usize) -> u64 {
        let text = unit.repeat(bytes / unit.len());
        super::taken(|| drop(Rules::standard().sanitize(&text)))
    }

    #[test]
    fn reading_hostile_text_of_twice_the_length_takes_twice_the_steps() {
        // A path or a container may be as long as this before it turns out to be none.
        let bound = 64 * 1024;
        for unit in UNITS {
            let [once, twice, four_times] = [1, 2, 4].map(|n| taken(unit, n * 8 * 1024));
            for (less, more) in [(once, twice), (twice, four_times)] {
                assert!(
                    more <= less * 11 / 5 + bound,
                    "{unit:?}: {less}, then {more}"
                );
            }
            assert!(
                four_times <= 32 * 1024 * MOST_STEPS_A_BYTE,
                "{unit:?}: {four_times}"
            );
        }
    }

    #[test]
    fn pieces_put_together_take_few_steps_a_byte() {
        const BYTES: usize = 4 * 1024;
        let count = PIECES.len();
        let pairs = (1..count * count).map(|n| [n % count, n / count, 0]);
        // Of three pieces each, one unit in so many, which is odd to every other number here.
        let threes = (97..count.pow(3)).step_by(97);
        let threes = threes.map(|n| [n % count, n / count % count, n / count / count]);
        let most = pairs
            .chain(threes)
            .map(|unit| unit.map(|n| PIECES[n]).concat())
            .map(|unit| (taken(&unit, BYTES), unit))
            .max();
        let most = most.expect("there are units");
        assert!(most.0 <= BYTES as u64 * MOST_STEPS_A_BYTE, "{most:?}");
    }

    #[test]
    fn steps_are_counted() {
        // Without this, the test above would pass with every count left out.
        for unit in [
            "key=\"",
            "1234-",
            "::1 ",
            "/home/ann ",
            "a@b.",
            "12345678 ",
            "password=[",
        ] {
            assert!(taken(unit, 8 * 1024) > 4 * 1024, "{unit:?}");
        }
    }

    /// All readings of a text together look no oftener at a byte of it.
    const MOST_STEPS_A_BYTE: u64 = 120;

    /// What begins, joins or ends what verifiers look for; the first is nothing.
    const PIECES: &[&str] = &[
        "",
        "a",
        "7",
        "=",
        ":",
        "/",
        " ",
        "\"",
        "'",
        "@",
        ".",
        "-",
        "+",
        "(",
        "[",
        "{",
        "<",
        ">",
        "&",
        "\\",
        "\n",
        "é",
        "１",
        "%41",
        "&#65;",
        "1234",
        "::",
        "key",
        "pin",
        "password",
        "Bearer ",
        "Basic ",
        "eyJ",
        "-----BEGIN ",
        "://",
        "/home/",
        ".rs",
        "C:",
        "is ",
        "Cookie: ",
        " -p",
        "curl ",
        "lat ",
    ];

    /// What verifiers find hardest to let go of.
    const UNITS: &[&str] = &[
        "@",
        "7",
        "1.",
        "password=",
        "eyJ",
        "{",
        "a@b.",
        "key=\"",
        "::1 ",
        "AA11 ",
        "1234-",
        "key=",
        "key: ",
        "password={",
        "Cookie:a&",
        "Cookie:a=1;",
        "Cookie: a=[",
        "a8z4k2m1\nVbRt=1",
        "p%61ssword=40",
        "=40a",
        "auth={type:",
        "bearer a=1|",
        "password=[",
        "password=[\"",
        "\"password\":",
        "\"password\":\"",
        "\\",
        "\\\"",
        "\\n",
        "\\\\n",
        "%41",
        "&#64;",
        "\u{1b}[",
        "\u{1b}",
        "é",
        "１",
        "-----",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "bearer ",
        "Bearer a",
        "basic ",
        "a:",
        ":a",
        "1:",
        "aa:",
        "aa:bb:cc:dd:ee:ff ",
        "a.b.c.d.",
        "10.0.0.1 ",
        "10.0.0.1",
        "1-2-",
        "123-45-6789 ",
        "123-45-6789",
        "555-123-4567 ",
        "+1",
        "+1 555 ",
        "(555) ",
        ")1",
        "4111 1111 1111 1111 ",
        "4111-",
        "12345678 ",
        "123456789 ",
        "phone 12345678 ",
        "/",
        "/home/",
        "/a",
        "a/b ",
        "/home/ann/",
        "C:\\",
        "C:\\Users\\",
        "\\Users\\a ",
        "file:///",
        "file:///C:",
        "src/main.rs:1 ",
        "/x/src/main.rs:1 ",
        "token ",
        "token a1b2c3d4e5f6g7h8i9j0k1 ",
        "a1b2c3d4e5f6g7h8i9j0k1",
        "a1b2c3d4e5f6g7h8i9j0k1.",
        "a1b2c3d4e5f6g7h8i9j0k1~",
        "sk-",
        "ghp_",
        "AKIA",
        "http://",
        "http://a:b@",
        "://",
        "a:b@",
        "user:pass@host ",
        "x@y.zz ",
        "cookie: a=",
        "cookie: a=b;",
        "cookie: a=b; ",
        "authorization: ",
        "authorization: digest ",
        "<password>",
        "<password",
        "(password",
        "AKIA\n",
        ">",
        "=>",
        "==",
        ":=",
        "::",
        " : ",
        "\n",
        "a\n",
        "a\\n",
        "a\nb1",
        "1.2345 ",
        "lat 1.2345, ",
        "12.34567,12.34567 ",
        "38SMB",
        "38SMB 1234 5678 ",
        "4QFJ12345678 ",
        "1EG4-TE5-MK73 ",
        "DE89 3704 0044 0532 0130 00 ",
        "AB12 CD34 ",
        "-",
        "_",
        "--",
        "a-",
        "0x",
        "1e",
        "[",
        "[[",
        "[REDACTED]",
        "[EMAIL]",
        "password=[REDACTED] ",
        "\"",
        "\"a\":",
        "'",
        "(",
        "Some(",
        "password: Some(",
        "password=Some(String(",
        "a=\"",
        "pin=1234 ",
        "pin=1234",
        "secret=\"a\\",
        "secret=\"\\\"",
        "hooks.slack.com/services/",
        "/v1/spaces/",
        "bot/",
        "A.B.C.1234567890 ",
        "A.B.1234567890",
        "A.",
        "AAAAAAAAAAAAAAAAAAAAA.",
        "eyJhbGciOiJIUzI1NiJ9.",
        "eyJhbGciOiJIUzI1NiJ9.eyJhbGciOiJIUzI1NiJ9.",
        "eyJhbGciOi ",
        "%",
        "%2",
        "\\u00",
        "\\u0041",
        "\\x41",
        "\\/",
        "&#x40;",
        "\t",
        "\r\n",
        " ",
        "key ",
        "key",
        "api key: ",
        "x y z key: ",
    ];
}
