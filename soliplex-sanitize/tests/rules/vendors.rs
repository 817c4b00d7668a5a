//! Keys of vendors, made up from their documented shapes, in the lines where keys turn up.

use soliplex_sanitize::Rules;

const ALNUM: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

/// Prefix, alphabet and length: the key is written nowhere, so no scanner takes it for a real one.
const KEYS: &[(&str, &str, usize)] = &[
    ("AKIA", UPPER, 16),
    ("ASIA", UPPER, 16),
    ("ghp_", ALNUM, 36),
    ("gho_", ALNUM, 36),
    ("ghs_", ALNUM, 36),
    ("github_pat_", ALNUM, 82),
    ("glpat-", ALNUM, 20),
    ("gldt-", ALNUM, 20),
    ("glrt-", ALNUM, 20),
    ("sk-ant-api03-", ALNUM, 95),
    ("sk-proj-", ALNUM, 100),
    ("sk_live_", ALNUM, 24),
    ("sk_test_", ALNUM, 24),
    ("rk_live_", ALNUM, 24),
    ("whsec_", ALNUM, 32),
    ("xoxb-", ALNUM, 40),
    ("xapp-1-", ALNUM, 60),
    ("AIza", ALNUM, 35),
    ("GOCSPX-", ALNUM, 28),
    ("ya29.", ALNUM, 60),
    ("hf_", ALNUM, 34),
    ("npm_", ALNUM, 36),
    ("pypi-AgEIcHlwaS5vcmc", ALNUM, 70),
    ("SG.", ALNUM, 66),
    ("dop_v1_", HEX, 64),
    ("dapi", HEX, 32),
    ("dckr_pat_", ALNUM, 27),
    ("dp.pt.", ALNUM, 43),
    ("shpat_", HEX, 32),
    ("shpss_", HEX, 32),
    ("sq0atp-", ALNUM, 22),
    ("EAAAl", ALNUM, 40),
    ("hvs.", ALNUM, 95),
    ("hvb.", ALNUM, 140),
    ("s.", ALNUM, 24),
    ("SK", HEX, 32),
    ("key-", HEX, 32),
    ("pscale_tkn_", ALNUM, 43),
    ("PMAK-", HEX, 59),
    ("pul-", HEX, 40),
    ("rubygems_", HEX, 48),
    ("lin_api_", ALNUM, 40),
    ("ntn_", ALNUM, 46),
    ("NRAK-", UPPER, 27),
    ("glsa_", ALNUM, 41),
    ("sntryu_", HEX, 64),
    ("pylf_v1_us_", ALNUM, 40),
    ("tskey-auth-", ALNUM, 30),
    ("vck_", ALNUM, 40),
    ("figd_", ALNUM, 40),
    ("nfp_", ALNUM, 40),
    ("r8_", ALNUM, 37),
    ("gsk_", ALNUM, 52),
    ("xai-", ALNUM, 80),
    ("pplx-", ALNUM, 48),
    ("EZAK", ALNUM, 54),
    ("LTAI", ALNUM, 20),
    ("AGE-SECRET-KEY-1", UPPER, 58),
    ("ATATT3xFfGF0", ALNUM, 180),
    ("fo1_", ALNUM, 43),
    ("ico-", ALNUM, 32),
    ("PMAT-", UPPER, 26),
    ("CCIPAT_", ALNUM, 60),
    ("sha256~", ALNUM, 43),
    ("dt0c01.", ALNUM, 90),
];

const LINES: &[(&str, &str)] = &[
    ("using ", " now"),
    ("retry 3/5 failed for ", ": HTTP 401"),
    ("args: [\"deploy\", \"", "\"]"),
    ("<", "> unknown identity"),
    ("value '", "' is invalid"),
    ("", ""),
];

/// A walk through the alphabet that looks random and is the same every time.
fn key(prefix: &str, alphabet: &str, length: usize) -> String {
    let letters = alphabet.as_bytes();
    let mut state = 88_172_645_463_325_252_u64 ^ length as u64;
    let tail = (0..length).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(letters[(state % letters.len() as u64) as usize])
    });
    prefix.chars().chain(tail).collect()
}

#[test]
fn a_vendors_key_goes_wherever_it_stands_and_the_line_stays() {
    let rules = Rules::standard();
    for (prefix, alphabet, length) in KEYS {
        let key = key(prefix, alphabet, *length);
        for (before, after) in LINES {
            let line = format!("{before}{key}{after}");
            let clean = rules.sanitize(&line);
            assert_eq!(clean, format!("{before}[API_KEY]{after}"), "{prefix}");
        }
    }
}

#[test]
fn a_prefix_with_too_short_a_tail_is_a_word() {
    let rules = Rules::standard();
    for (prefix, alphabet, _) in KEYS {
        let line = format!("{} is short", key(prefix, alphabet, 3));
        assert_eq!(rules.sanitize(&line), line);
    }
}

#[test]
fn an_unknown_vendors_key_is_known_by_a_short_prefix_and_a_long_random_tail() {
    let rules = Rules::standard();
    assert_eq!(
        rules.sanitize(&format!("use {} now", key("zyx_", ALNUM, 40))),
        "use [API_KEY] now"
    );
}
