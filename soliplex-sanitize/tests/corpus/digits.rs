//! Numbers that a rule checks: cards, devices, accounts, beneficiaries, grid references.

use crate::values::{DIGITS, Random, UPPER};

/// Completes digits by Luhn's check digit.
pub(crate) fn luhn(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| match (i % 2, u32::from(b - b'0')) {
            (0, d) if d > 4 => d * 2 - 9,
            (0, d) => d * 2,
            (_, d) => d,
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

pub(crate) fn grouped(digits: &str, groups: &[usize], separator: &str) -> String {
    let mut rest = digits;
    let mut parts = Vec::new();
    for n in groups {
        let (group, tail) = rest.split_at(*n);
        parts.push(group);
        rest = tail;
    }
    parts.join(separator)
}

pub(crate) fn card(r: &mut Random, separator: &str) -> String {
    let prefix = r.pick(&["4", "51", "55", "2221", "6011", "65", "3530"]);
    let digits = luhn(&format!("{prefix}{}", r.text(DIGITS, 15 - prefix.len())));
    grouped(&digits, &[4, 4, 4, 4], separator)
}

pub(crate) fn imei(r: &mut Random, separator: &str) -> String {
    let digits = luhn(&format!(
        "{}{}",
        r.pick(&["35", "86", "01", "49"]),
        r.text(DIGITS, 12)
    ));
    if separator.is_empty() {
        digits
    } else {
        grouped(&digits, &[2, 6, 6, 1], separator)
    }
}

pub(crate) fn iban(r: &mut Random, separator: &str) -> String {
    let bban = match r.below(4) {
        0 => ("DE", r.text(DIGITS, 18)),
        1 => ("GB", format!("{}{}", r.text(UPPER, 4), r.text(DIGITS, 14))),
        2 => (
            "FR",
            format!(
                "{}{}{}",
                r.text(DIGITS, 10),
                r.text(UPPER, 11),
                r.text(DIGITS, 2)
            ),
        ),
        _ => ("NL", format!("{}{}", r.text(UPPER, 4), r.text(DIGITS, 10))),
    };
    let (country, account) = bban;
    let remainder = format!("{account}{country}00").chars().fold(0_u32, |n, c| {
        let digit = c.to_digit(36).expect("letters and digits");
        (n * if digit > 9 { 100 } else { 10 } + digit) % 97
    });
    let compact = format!("{country}{:02}{account}", 98 - remainder);
    if separator.is_empty() {
        return compact;
    }
    let quads: Vec<&str> = compact
        .as_bytes()
        .chunks(4)
        .map(|q| std::str::from_utf8(q).expect("ASCII"))
        .collect();
    quads.join(separator)
}

pub(crate) fn nanp(r: &mut Random, separator: &str) -> String {
    format!(
        "{}{separator}{}{separator}{:04}",
        r.range(201, 989),
        r.range(200, 999),
        r.below(10_000)
    )
}

pub(crate) fn mbi(r: &mut Random, dash: &str) -> String {
    let letters = "ACDEFGHJKMNPQRTUVWXY";
    let both = "0123456789ACDEFGHJKMNPQRTUVWXY";
    format!(
        "{}{}{}{}{dash}{}{}{}{dash}{}{}",
        r.range(1, 9),
        r.text(letters, 1),
        r.text(both, 1),
        r.below(10),
        r.text(letters, 1),
        r.text(both, 1),
        r.below(10),
        r.text(letters, 2),
        r.text(DIGITS, 2)
    )
}

pub(crate) fn mgrs(r: &mut Random, space: &str) -> String {
    let letters = "ABCDEFGHJKLMNPQRSTUV";
    format!(
        "{}{}{space}{}{space}{}{space}{}",
        r.range(1, 60),
        r.text("CDEFGHJKLMNPQRSTUVWX", 1),
        r.text(letters, 2),
        r.text(DIGITS, 5),
        r.text(DIGITS, 5)
    )
}

/// A vehicle's number with its check digit.
pub(crate) fn vin(r: &mut Random) -> String {
    const LETTERS: &str = "ABCDEFGHJKLMNPRSTUVWXYZ";
    const VALUES: [usize; 23] = [
        1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9,
    ];
    const WEIGHTS: [usize; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let before = format!(
        "{}{}{}",
        r.range(1, 5),
        r.text(LETTERS, 4),
        r.text(DIGITS, 3)
    );
    let after = format!("{}{}", r.text(LETTERS, 1), r.text(DIGITS, 7));
    let value = |c: char| {
        c.to_digit(10).map_or_else(
            || LETTERS.find(c).map_or(0, |at| VALUES[at]),
            |digit| digit as usize,
        )
    };
    let places = format!("{before}0{after}");
    let sum: usize = places
        .chars()
        .zip(WEIGHTS)
        .map(|(c, weight)| value(c) * weight)
        .sum();
    let check = match sum % 11 {
        10 => "X".to_owned(),
        rest => rest.to_string(),
    };
    format!("{before}{check}{after}")
}
