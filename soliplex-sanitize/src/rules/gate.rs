//! The gate: one pass over the bytes that says where a rule could possibly fire.
//!
//! Text is read in blocks of 64 bytes. Each byte class becomes a 64-bit mask, and each shape (three
//! dotted numbers, eight digits in a row, a long word …) a few shifts and ANDs over
//! those masks. What survives is a few positions a line, handed to the verifiers
//! in the sibling modules; the gate itself decides nothing. A shape is always reported at its last
//! byte, so a block needs only its predecessor's masks, never its successor's.

use wide::u8x16;

/// What the gate believes it has seen; the position is that of the shape's last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `=`, `:` or `>`, which may end a key.
    Separator,
    /// `@`.
    At,
    /// A word that ends like `bearer`.
    Bearer,
    /// The first digit of a fourth dotted number.
    Dotted,
    /// `ddd?dd?dddd`.
    SocialSecurity,
    /// `ddd?dddd` with a separator or `)` before it.
    Phone,
    /// `ddddd-dddd` or `ddd-dddddd`.
    PartlyDashed,
    /// `ddd?ddd`.
    PhoneGroups,
    /// `d)` and a digit or a space.
    AreaCode,
    /// `+` and a digit.
    Plus,
    /// Three groups of four digits, or groups of four, six and five.
    CardGroups,
    /// The eighth digit in a row.
    LongDigits,
    /// Six hex pairs.
    MacPairs,
    /// Three dotted hex quads.
    MacQuads,
    /// Double colon beside a hex digit, or three hex groups between colons.
    ColonHex,
    /// A word (letters, digits, `_`, `-`) of fifteen characters with a digit, or of twenty-two.
    LongWord,
    /// The letters and digits of a Medicare number.
    Medicare,
    /// `LLDD` and a space.
    IbanGroups,
    /// A grid zone, a square and digits.
    Grid,
    /// A number with four or more decimals.
    Decimal,
    /// A `/` that begins a path.
    Slash,
    /// A backslash.
    Backslash,
    /// Five dashes.
    Dashes,
    /// A byte that calls for reading the text a second time, folded.
    Folded,
}

const BLOCK: usize = 64;
const HALF: usize = BLOCK / 2;

/// The byte classes of one block, a bit per byte.
#[derive(Clone, Copy, Default)]
struct Masks {
    digit: u64,
    letter: u64,
    hex_letter: u64,
    e: u64,
    r: u64,
    dot: u64,
    dash: u64,
    under: u64,
    colon: u64,
    equals: u64,
    space: u64,
    slash: u64,
    odd: u64,
}

/// Calls `on` for every position at which a rule could fire, in order of half blocks and, inside a
/// half block, of shapes.
#[inline]
pub(super) fn scan(text: &[u8], mut on: impl FnMut(Shape, usize)) {
    let mut before = Masks::default();
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut base = 0;
    for block in blocks {
        let now = masks(block, BLOCK / 16);
        shapes(&before.then(&now), base, text, &mut on);
        shapes(&now, base + HALF, text, &mut on);
        before = now;
        base += BLOCK;
    }
    // The rest, and the end itself, which ends a word. Zero is in no class, so the padding can
    // neither begin nor continue a shape.
    let mut block = [0_u8; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    let now = masks(&block, rest.len().div_ceil(16));
    shapes(&before.then(&now), base, text, &mut on);
    if rest.len() >= HALF {
        shapes(&now, base + HALF, text, &mut on);
    }
}

/// Classifies the first `lanes` groups of sixteen bytes.
#[inline(always)]
fn masks(block: &[u8; BLOCK], lanes: usize) -> Masks {
    let mut m = Masks::default();
    let (chunks, _) = block.as_chunks::<16>();
    for (i, chunk) in chunks.iter().take(lanes).enumerate() {
        let v = u8x16::new(*chunk);
        let at = 16 * i;
        let bits = |x: u8x16| u64::from(x.to_bitmask()) << at;
        let is = |b: u8| v.simd_eq(u8x16::splat(b));
        // Subtracting the lower end makes a range test one comparison without a sign.
        let range = |x: u8x16, from: u8, to: u8| {
            let offset = x - u8x16::splat(from);
            offset.min(u8x16::splat(to - from)).simd_eq(offset)
        };
        // Folding the case maps only letters onto a..z, so one range test finds them all.
        let lower = v | u8x16::splat(0x20);
        m.digit |= bits(range(v, b'0', b'9'));
        m.letter |= bits(range(lower, b'a', b'z'));
        m.hex_letter |= bits(range(lower, b'a', b'f'));
        m.e |= bits(lower.simd_eq(u8x16::splat(b'e')));
        m.r |= bits(lower.simd_eq(u8x16::splat(b'r')));
        m.dot |= bits(is(b'.'));
        m.dash |= bits(is(b'-'));
        m.under |= bits(is(b'_'));
        m.colon |= bits(is(b':'));
        m.equals |= bits(is(b'='));
        m.space |= bits(is(b' '));
        m.slash |= bits(is(b'/'));
        // Control characters; `%` and `&`; `)`, `*` and `+`; `>`, `?` and `@`; the backslash; and,
        // by their own highest bit, all bytes that are not ASCII.
        m.odd |= bits(
            range(v, 0x01, 0x1f)
                | range(v, b'%', b'&')
                | range(v, b')', b'+')
                | range(v, b'>', b'@')
                | is(b'\\')
                | v,
        );
    }
    m
}

impl Masks {
    /// The second half of these and the first half of the next ones.
    #[inline(always)]
    fn then(&self, next: &Masks) -> Masks {
        let join = |before: u64, now: u64| (before >> HALF) | (now << HALF);
        Masks {
            digit: join(self.digit, next.digit),
            letter: join(self.letter, next.letter),
            hex_letter: join(self.hex_letter, next.hex_letter),
            e: join(self.e, next.e),
            r: join(self.r, next.r),
            dot: join(self.dot, next.dot),
            dash: join(self.dash, next.dash),
            under: join(self.under, next.under),
            colon: join(self.colon, next.colon),
            equals: join(self.equals, next.equals),
            space: join(self.space, next.space),
            slash: join(self.slash, next.slash),
            odd: join(self.odd, next.odd),
        }
    }
}

/// Finds the shapes that end in the upper half of the masks; the lower half is what came before.
/// No shape is longer than that, and on many processors a shift that carries from one word into the
/// next costs several that do not.
#[inline(always)]
fn shapes(m: &Masks, base: usize, text: &[u8], on: &mut impl FnMut(Shape, usize)) {
    let Masks {
        digit,
        letter,
        dot,
        dash,
        colon,
        space,
        slash,
        ..
    } = *m;
    let hex = digit | m.hex_letter;
    let word = digit | letter | dash | m.under;
    let gap = dash | space | dot;
    // Whether a shape ends in this half.
    let here = |found: u64| found >> HALF;

    let w2 = word & (word << 1);
    let w4 = w2 & (w2 << 2);
    let w8 = w4 & (w4 << 4);
    let w15 = w8 & (w8 << 7);
    let w22 = w15 & (w15 << 7);
    // Adding a run's digits to the run carries into the bit behind it, and only if it has any: a
    // word of medium length without one is a name.
    let has_digit = word.wrapping_add(digit);
    // Seen at the byte behind it, and reported at its last.
    each(!word & (((w15 << 1) & has_digit) | (w22 << 1)), |bit| {
        on(Shape::LongWord, base + bit - 1)
    });
    // `…rer` and no letter: the end of `bearer`, and of few other words.
    each(!letter & (m.r << 1) & (m.e << 2) & (m.r << 3), |bit| {
        on(Shape::Bearer, base + bit - 1)
    });
    let mut report = |shape: Shape, found: u64| each(found, |bit| on(shape, base + bit));
    report(
        Shape::Separator,
        m.equals | (colon & !(digit << 1) & !(colon << 1)),
    );
    report(Shape::Slash, slash & !((word | dot | slash) << 1));

    // Runs: bit n of `d4` says that bytes n-3 to n are digits. What follows is looked for only in a
    // block that has the first step towards it.
    let d2 = digit & (digit << 1);
    let l2 = letter & (letter << 1);
    let d3 = d2 & (digit << 2);
    let d4 = d2 & (d2 << 2);
    let d8 = d4 & (d4 << 4);
    report(Shape::LongDigits, d8 & !(d8 << 1));
    // A last group of up to six digits may begin three bytes before this block.
    if (d3 & (gap << 3)) >> (HALF - 3) != 0 {
        groups(m, &mut report);
    }
    let dotted = digit & (dot << 1) & (digit << 2);
    if here(dotted) != 0 {
        // Three of them an octet apart; further numbers of the run are read with its first four.
        let (two, three) = (d2 << 2, d3 << 2);
        let after = |m: u64| (m << 2) | ((m << 3) & two) | ((m << 4) & three);
        let twice = dotted & after(dotted);
        let thrice = dotted & after(twice);
        report(Shape::Dotted, thrice & !after(thrice));
    }
    let double = colon & (colon << 1);
    let grouped = hex & (colon << 1) & (hex << 2);
    if here(double | (double << 1)) != 0 || has_more_than(grouped, 2) {
        let near = |m: u64| (m << 2) | (m << 3) | (m << 4) | (m << 5);
        let three = grouped & near(grouped & near(grouped));
        report(
            Shape::ColonHex,
            (double & (hex << 2)) | (hex & (double << 1)) | three,
        );
    }
    let link = colon | dash;
    if has_more_than(link, 4) {
        let h2 = hex & (hex << 1);
        // Pair and link three times over, and once more the same before it.
        let half = h2 & (link << 2) & (h2 << 3) & (link << 5) & (h2 << 6);
        report(Shape::MacPairs, half & (link << 8) & (half << 9));
    }
    if here((dot << 4) & (dot << 9)) != 0 {
        let h2 = hex & (hex << 1);
        let h4 = h2 & (h2 << 2);
        report(
            Shape::MacQuads,
            h4 & (dot << 4) & (h4 << 5) & (dot << 9) & (h4 << 10),
        );
    }
    if here(d2 & (l2 << 2)) | here((space | dash) & (d2 << 1) & (l2 << 3)) != 0 {
        report(
            Shape::Medicare,
            medicare(digit, letter, d2, l2, 0, 0) | medicare(digit, letter, d2, l2, 2, 1),
        );
        report(Shape::IbanGroups, (space | dash) & (d2 << 1) & (l2 << 3));
    }
    let spaced = digit & (space << 1) & (l2 << 2) & (space << 4);
    if here(spaced) != 0 || here(d4 & (l2 << 4)) != 0 {
        let grid = d4 & (letter << 4) & (l2 << 5) & (digit << 7);
        report(Shape::Grid, grid | (spaced & (letter << 5) & (digit << 6)));
    }
    if here(dash & (dash << 1)) != 0 {
        let dash5 = dash & (dash << 1) & (dash << 2) & (dash << 3) & (dash << 4);
        report(Shape::Dashes, dash5 & !(dash5 << 1));
    }

    let mut odd = here(m.odd);
    while odd != 0 {
        let at = base + odd.trailing_zeros() as usize;
        odd &= odd - 1;
        if let Some(shape) = odd_one(text, at) {
            on(shape, at);
        }
    }
}

/// Calls `on` for every bit of the upper half.
#[inline(always)]
fn each(mask: u64, mut on: impl FnMut(usize)) {
    let mut found = mask >> HALF;
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
fn groups(m: &Masks, report: &mut impl FnMut(Shape, u64)) {
    let Masks {
        digit,
        dot,
        dash,
        colon,
        space,
        ..
    } = *m;
    let gap = dash | space | dot;
    let d2 = digit & (digit << 1);
    let d3 = d2 & (digit << 2);
    let d4 = d2 & (d2 << 2);
    let d5 = d4 & (digit << 4);
    let d6 = d5 & (digit << 5);
    report(
        Shape::SocialSecurity,
        d4 & (gap << 4) & (d2 << 5) & (gap << 7) & (d3 << 8),
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
        let joint = dot | colon;
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
        b'+' if next.is_ascii_digit() || next == b'(' => Some(Shape::Plus),
        b'>' if before.is_ascii_alphabetic() => Some(Shape::Separator),
        b'\\' => Some(Shape::Backslash),
        b'%' if next.is_ascii_hexdigit() => Some(Shape::Folded),
        b'&' if next == b'#' => Some(Shape::Folded),
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
        0x1b | 0x80.. => Some(Shape::Folded),
        _ => None,
    }
}
