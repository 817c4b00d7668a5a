//! The gate: one pass over the bytes that says where a rule could possibly fire.
//!
//! Text is read in windows of 64 bytes. Each byte class becomes a 64-bit mask, and each shape (three
//! dotted numbers, eight digits in a row, a long word …) a few shifts and ANDs over
//! those masks. What survives is a few positions a line, handed to the verifiers
//! in the sibling modules; the gate itself decides nothing. A shape is always reported at its last
//! byte, so a window needs only the end of its predecessor, never its successor.

mod planes;
mod quiet;
mod shape;
mod windows;
mod words;

pub(super) use planes::WINDOW;
use planes::{Masks, Planes};
pub(super) use shape::Shape;
use windows::Windows;
use words::{
    begins_entity, ends_card_code, ends_escape, ends_pass, ends_server, is_escape, is_spelled_out,
    may_be_code, points_from_secret,
};

/// Calls `on` with `whose` for every position at which a rule could fire, in order of windows and,
/// inside a window, of shapes, until that has had `enough`.
#[inline]
pub(super) fn scan<W>(
    text: &[u8],
    whose: &mut W,
    on: impl Fn(&mut W, Shape, usize),
    enough: impl Fn(&W) -> bool,
) {
    if text.len() <= WINDOW {
        return whole(&Windows::whole(text), text, &mut |shape, at| {
            on(whose, shape, at)
        });
    }
    let last_at = |base: usize| if base + WINDOW == text.len() { LAST } else { 0 };
    let mut seen = 0;
    loop {
        let windows = Windows::after(text, seen);
        // One place for all of them, since the shapes are far more code than is run for most.
        for n in 0..windows.count {
            let (base, fresh) = (windows.bases[n], windows.fresh[n]);
            let masks = windows.planes.masks(n);
            let mut on = |shape, at| on(whose, shape, at);
            shapes(&masks, base, fresh, last_at(base), text, &mut on);
        }
        seen = windows.end;
        if seen >= text.len() || enough(whose) {
            return;
        }
    }
}

/// The same for what an event says, which is short and mostly quiet.
#[inline]
pub(super) fn scan_event(text: &[u8], mut on: impl FnMut(Shape, usize)) {
    if text.len() > WINDOW {
        return scan(text, &mut on, |on, shape, at| on(shape, at), |_| false);
    }
    let planes = Windows::whole(text);
    match quiet::slashes(&planes) {
        Some(slashes) => each(slashes, |bit| on(Shape::Slash, bit)),
        None => whole(&planes, text, &mut on),
    }
}

/// Finds all shapes of a text that fits into one window.
#[inline(always)]
fn whole(planes: &Planes, text: &[u8], on: &mut impl FnMut(Shape, usize)) {
    let last = if text.len() == WINDOW { LAST } else { 0 };
    shapes(&planes.masks(0), 0, u64::MAX, last, text, on);
}

/// Finds all shapes of a short text, be it quiet or not.
#[cfg(test)]
fn every_shape(text: &[u8], mut on: impl FnMut(Shape, usize)) {
    whole(&Windows::whole(text), text, &mut on);
}

/// The last byte of a window.
const LAST: u64 = 1 << (WINDOW - 1);

/// Finds the shapes that end in the fresh bytes of the window that begins at `base`; `last` has a bit
/// where the text ends with it.
#[inline(always)]
fn shapes(
    m: &Masks,
    base: usize,
    fresh: u64,
    last: u64,
    text: &[u8],
    on: &mut impl FnMut(Shape, usize),
) {
    let Masks {
        digit,
        letter,
        hex,
        word,
        dot,
        colon,
        slash,
        ..
    } = *m;

    // Keys and schemes before the words they stand before.
    // A time has no letter before its digit, and `IMEI2: …` does.
    let clock = digit & !(letter << 1);
    let separator = m.equals | (colon & !((clock | colon) << 1));
    each(separator & fresh, |bit| on(Shape::Separator, base + bit));
    // `…rer`, `…rd`, `…sic` or `…ss` and no letter: the end of `bearer`, of `password`, of `basic`, of
    // `pass`, of `cvv` and `cvc`, and of few other words.
    let told = (m.r & ((m.r << 1) | (m.r << 2)))
        | (m.d & (m.r << 1))
        | (m.c & ((m.s | m.c) << 2))
        | (m.s & (m.s << 1));
    each(!letter & (told << 1) & fresh, |bit| {
        let at = base + bit - 1;
        match [text[at - 1] | 0x20, text[at] | 0x20] {
            [b'e', b'r'] if text[at - 2] | 0x20 == b'r' => on(Shape::Scheme, at),
            [b'e', b'r'] if ends_server(text, at) => on(Shape::Pass, at),
            [b'v', b'v' | b'c'] if ends_card_code(text, at) => on(Shape::Pass, at),
            [b'i', b'c'] if at >= 4 && text[at - 4] | 0x20 == b'b' => on(Shape::Scheme, at),
            [b'r', b'd'] if at >= 7 => on(Shape::Password, at),
            [b's', b's'] if ends_pass(text, at) => on(Shape::Pass, at),
            _ => {}
        }
    });
    let w2 = word & (word << 1);
    let w4 = w2 & (w2 << 2);
    let w8 = w4 & (w4 << 4);
    let w15 = w8 & (w8 << 7);
    // Seen at the byte behind it, and reported at its last.
    let mut ends = !word & (w15 << 1) & fresh;
    if ends != 0 {
        // One key in thirty of Amazon's, of twenty letters and digits, has no digit.
        let w20 = w15 & (w15 << 5);
        // Adding a run's digits to the run carries into the bit behind it, and only if it has any:
        // a word of medium length without one is a name. Of a word that began before this window
        // the verifier finds out.
        let has_digit = word.wrapping_add(digit);
        let open = (word & !word.wrapping_add(1)).wrapping_add(1) & fresh;
        ends &= has_digit | (w20 << 1) | if base > 0 { open } else { 0 };
        each(ends, |bit| on(Shape::LongWord, base + bit - 1));
    }
    // Nothing is behind the text's last byte.
    each(w15 & last, |bit| on(Shape::LongWord, base + bit));
    let mut report = |shape: Shape, found: u64| each(found & fresh, |bit| on(shape, base + bit));
    report(Shape::Slash, slash & !((word | dot | slash) << 1));
    let spaced = if digit != 0 {
        numbers(m, u64::from(base == 0) << 3, fresh, &mut report)
    } else {
        0
    };
    let link = colon | m.dash;
    if link != 0 {
        joined(m, link, fresh, &mut report);
    }
    if dot & (dot << 5) != 0 {
        let h2 = hex & (hex << 1);
        let h4 = h2 & (h2 << 2);
        report(
            Shape::MacQuads,
            h4 & (dot << 4) & (h4 << 5) & (dot << 9) & (h4 << 10),
        );
    }

    each(spaced & fresh, |bit| {
        if may_be_code(text, base + bit) {
            on(Shape::Code, base + bit);
        }
    });
    // One of several in a row is enough for the text to be read a second time.
    each(m.high & !(m.high << 1) & fresh, |bit| {
        on(Shape::Folded, base + bit);
    });
    let mut odd = m.odd & fresh;
    while odd != 0 {
        let at = base + odd.trailing_zeros() as usize;
        odd &= odd - 1;
        if let Some(shape) = odd_one(text, at) {
            on(shape, at);
        }
    }
}

/// Runs of digits. Bit n of `d4` says that bytes n-3 to n are digits; what follows is looked for
/// only in a window that has the first step towards it. The answer is the fourth digits of numbers
/// behind a space, a `=` or a letter's dash or at the beginning of a text, for which `begin` has a bit.
#[inline(always)]
fn numbers(m: &Masks, begin: u64, fresh: u64, report: &mut impl FnMut(Shape, u64)) -> u64 {
    let Masks {
        digit,
        letter,
        dot,
        dash,
        space,
        slash,
        ..
    } = *m;
    let d2 = digit & (digit << 1);
    let l2 = letter & (letter << 1);
    let d3 = d2 & (digit << 2);
    let d4 = d2 & (d2 << 2);
    let d7 = d4 & (d4 << 3);
    report(Shape::LongDigits, d7 & !(d7 << 1));
    // All groups end in three digits behind a gap and a digit, but for the last of a group of four
    // to six that began in the window before. (Fresh are all bytes from one on, of which the last
    // may be the only one.)
    let near = (fresh.cast_signed() >> 3).cast_unsigned();
    if d3 & ((dash | space | dot | slash) << 3) & (digit << 4) & near != 0 {
        groups([digit, dot, dash, m.colon, space, slash], report);
    }
    let dotted = digit & (dot << 1) & (digit << 2);
    if dotted & fresh != 0 {
        // Three of them an octet apart; further numbers of the run are read with its first four.
        let (two, three) = (d2 << 2, d3 << 2);
        let after = |m: u64| (m << 2) | ((m << 3) & two) | ((m << 4) & three);
        let twice = dotted & after(dotted);
        let thrice = dotted & after(twice);
        report(Shape::Dotted, thrice & !after(thrice));
    }
    let coded = (space | dash) & (d2 << 1) & (l2 << 3);
    let paired = d2 & (l2 << 2);
    if (coded | paired) & fresh != 0 {
        report(
            Shape::Medicare,
            medicare(digit, letter, d2, l2, 0, 0) | medicare(digit, letter, d2, l2, 2, 1),
        );
        report(Shape::IbanGroups, coded);
    }
    let whole = (letter << 4) & (digit << 5);
    let spaced = digit & (space << 1) & (l2 << 2) & ((space << 4) | whole);
    if (spaced | (d4 & (l2 << 4))) & fresh != 0 {
        let grid = d4 & (letter << 4) & (l2 << 5) & (digit << 7);
        let split = (space << 4) & (letter << 5) & (digit << 6);
        report(Shape::Grid, grid | (spaced & (whole | split)));
    }
    d4 & (((m.blank | m.equals | dash) << 4) | begin)
}

/// What is joined by colons and dashes.
#[inline(always)]
fn joined(m: &Masks, link: u64, fresh: u64, report: &mut impl FnMut(Shape, u64)) {
    let Masks {
        hex,
        colon,
        dash,
        letter,
        word,
        space,
        ..
    } = *m;
    let double = colon & (colon << 1);
    let near = |m: u64| (m << 2) | (m << 3) | (m << 4) | (m << 5);
    let triple = |m: u64| m & near(m & near(m));
    if (double | (double << 1)) & fresh != 0 || has_more_than(colon, 2) && triple(colon) != 0 {
        let grouped = hex & (colon << 1) & (hex << 2);
        report(
            Shape::ColonHex,
            (double & (hex << 2)) | (hex & (double << 1)) | triple(grouped),
        );
    }
    // Five links, three bytes from each to the next.
    let two = link & (link << 3);
    let five = two & (two << 6) & (link << 12);
    if five != 0 {
        let h2 = hex & (hex << 1);
        let pairs = h2 & (h2 << 3);
        let pairs = pairs & (pairs << 6) & (pairs << 12);
        report(Shape::MacPairs, pairs & (five << 2));
    }
    let flag = letter & (dash << 1);
    report(Shape::Flag, flag & (space << 2));
    let dash2 = dash & (dash << 1);
    if dash2 & (fresh | (fresh >> 1)) != 0 {
        report(Shape::Flag, flag & (dash << 2) & !(word << 3));
        let dash5 = dash2 & (dash2 << 2) & (dash << 4);
        report(Shape::Dashes, dash5 & !(dash5 << 1));
    }
}

/// Calls `on` for every bit.
#[inline(always)]
fn each(mut found: u64, mut on: impl FnMut(usize)) {
    while found != 0 {
        on(found.trailing_zeros() as usize);
        found &= found - 1;
    }
}

/// Whether more than `n` bits are set; for small numbers cheaper than counting them.
#[inline(always)]
fn has_more_than(mut mask: u64, n: u32) -> bool {
    for _ in 0..n {
        mask &= mask.wrapping_sub(1);
    }
    mask != 0
}

/// Numbers written in groups of digits.
#[inline]
fn groups([digit, dot, dash, colon, space, slash]: [u64; 6], report: &mut impl FnMut(Shape, u64)) {
    let gap = dash | space | dot | slash;
    let d2 = digit & (digit << 1);
    let d3 = d2 & (digit << 2);
    let d4 = d2 & (d2 << 2);
    let d5 = d4 & (digit << 4);
    let d6 = d5 & (digit << 5);
    report(
        Shape::SocialSecurity,
        d4 & (gap << 4) & (d2 << 5) & (gap << 7) & (d2 << 8),
    );
    report(
        Shape::Phone,
        d4 & (gap << 4) & (d3 << 5) & (gap << 8) & (d3 << 9),
    );
    // Two gaps, or one between five digits and six, or a dash.
    let twice = d3 & (gap << 3) & (d3 << 4) & ((gap << 7) | (gap << 8));
    let once = (d6 & (space << 6) & (d5 << 7)) | (d4 & (dash << 4) & (d3 << 5));
    report(Shape::PhoneGroups, twice | once);
    report(
        Shape::PartlyDashed,
        (d4 & (dash << 4) & (d5 << 5)) | (d6 & (dash << 6) & (d3 << 7)),
    );
    let quads = d4 & (gap << 4) & (d4 << 5) & (gap << 9) & (d4 << 10);
    let four_six_five = d5 & (gap << 5) & (d6 << 6) & (gap << 12) & (d4 << 13);
    report(Shape::CardGroups, quads | four_six_five);
    let decimal = d4 & (dot << 4) & (digit << 5);
    if decimal != 0 {
        // The seconds of a time of day are no degrees.
        let joint = (dot | colon) & (digit << 1);
        let time =
            (joint << 6) | ((d2 << 5) & (joint << 7)) | ((d3 << 5) & (joint << 8)) | (d4 << 5);
        report(Shape::Decimal, decimal & !time);
    }
}

/// `C A AN N A AN N A A N N`, read from its end; the two dashes widen it.
#[inline]
fn medicare(digit: u64, letter: u64, d2: u64, l2: u64, first: u32, second: u32) -> u64 {
    let alnum = digit | letter;
    d2 & (l2 << 2)
        & (digit << (4 + second))
        & (alnum << (5 + second))
        & (letter << (6 + second))
        & (digit << (7 + first))
        & (alnum << (8 + first))
        & (letter << (9 + first))
        & (digit << (10 + first))
}

/// Whether a word broken in two could have the byte at its edge.
pub(super) fn joins(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b'@' | b'+' | b'/' | b'=' | b':')
}

/// What a byte outside the common classes may begin.
fn odd_one(text: &[u8], at: usize) -> Option<Shape> {
    let next = text.get(at + 1).copied().unwrap_or(0);
    let before = if at == 0 { 0 } else { text[at - 1] };
    match text[at] {
        b'@' if !matches!(before, 0..=b' ' | b'@') && !matches!(next, 0..=b' ' | b'@') => {
            Some(Shape::At)
        }
        b')' if before.is_ascii_digit() && (next.is_ascii_digit() || next == b' ') => {
            Some(Shape::AreaCode)
        }
        b')' | b']' if is_spelled_out(&text[..at]) => Some(Shape::Folded),
        b'+' if next.is_ascii_digit() || next == b'(' => Some(Shape::Plus),
        b'>' if before.is_ascii_alphabetic() || before == b'"' => Some(Shape::Separator),
        b'>' if before == b'-' && points_from_secret(&text[..at - 1]) => Some(Shape::Separator),
        // In a row of them, the first calls for a second reading, and the last may begin something.
        b'\\' if before == b'\\' && next == b'\\' => None,
        b'\\' => Some(Shape::Backslash),
        // Of a row of escapes the first is enough, too.
        b'%' if is_escape(&text[at..]) && !ends_escape(&text[..at]) => Some(Shape::Folded),
        b'&' if next == b'#' || begins_entity(&text[at + 1..]) => Some(Shape::Folded),
        b'\n' => {
            // A word may go on behind the break, and the break may be two bytes.
            let before = if before == b'\r' && at > 1 {
                text[at - 2]
            } else {
                before
            };
            (joins(before) && (joins(next) || matches!(next, b' ' | b'\t')))
                .then_some(Shape::Folded)
        }
        0x1b if before != 0x1b => Some(Shape::Folded),
        _ => None,
    }
}
