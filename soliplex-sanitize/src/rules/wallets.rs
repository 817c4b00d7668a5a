//! Wallets of crypto currencies, and account numbers written as one word.

use super::catalog::Rule;
use super::context::Context;
use super::entropy::is_uuid;
use super::iban::is_iban;
use super::scan::Scan;
use super::tokens::is_mixed;

impl Scan<'_> {
    pub(super) fn account_or_wallet(&mut self, start: usize, end: usize) -> bool {
        let word = &self.b[start..end];
        let rule = if is_iban(word)
            || looks_like_iban(word) && self.context(start, end).has(Context::IBAN)
        {
            Rule::Iban
        } else if is_wallet(word)
            || word.len() <= 95
                && word.len() >= 25
                && is_base58(word)
                && is_mixed(word)
                && self.context(start, end).has(Context::WALLET)
        {
            Rule::Wallet
        } else {
            return false;
        };
        self.push(start, end, rule);
        true
    }
}

/// The spelling without the check: enough beside the word itself.
fn looks_like_iban(word: &[u8]) -> bool {
    (15..=34).contains(&word.len())
        && word[..2].iter().all(u8::is_ascii_alphabetic)
        && word[2..4].iter().all(u8::is_ascii_digit)
        && word[4..].iter().all(u8::is_ascii_alphanumeric)
}

fn is_base58(word: &[u8]) -> bool {
    word.iter()
        .all(|c| c.is_ascii_alphanumeric() && !matches!(c, b'0' | b'O' | b'I' | b'l'))
}

/// Bitcoin and Litecoin in bech32 or base58, Ethereum, Monero.
fn is_wallet(word: &[u8]) -> bool {
    let bech32 = |prefix: &[u8]| {
        word.len() > prefix.len() + 10
            && word.len() <= 90
            && word[..prefix.len()].eq_ignore_ascii_case(prefix)
            && word[prefix.len()..].iter().all(|c| {
                c.is_ascii_alphanumeric()
                    && !matches!(c.to_ascii_lowercase(), b'1' | b'b' | b'i' | b'o')
            })
    };
    let base58 = || (26..=35).contains(&word.len()) && is_base58(word) && is_mixed(word);
    let ether = || {
        word.len() == 42 && word.starts_with(b"0x") && word[2..].iter().all(u8::is_ascii_hexdigit)
    };
    let monero = || word.len() == 95 && is_base58(word);
    let found = match word[0] {
        b'b' if word.starts_with(b"bnb1") => bech32(b"bnb1"),
        b'b' | b'B' => bech32(b"bc1q") || bech32(b"bc1p"),
        b't' if word.len() == 36 && matches!(&word[..3], b"tz1" | b"tz2" | b"tz3") => {
            is_base58(word)
        }
        b't' | b'T' => bech32(b"tb1q"),
        b'l' | b'L' if word.len() < 36 => base58(),
        b'l' | b'L' => bech32(b"ltc1q") || bech32(b"ltc1p"),
        b'a' => bech32(b"addr1"),
        b'c' => bech32(b"cosmos1"),
        b'1' | b'3' => base58(),
        b'0' => ether(),
        b'4' | b'8' => monero(),
        _ => false,
    };
    found && !is_uuid(word)
}
