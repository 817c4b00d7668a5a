//! What single characters, entities and spelled-out separators stand for.

use super::Plain;

/// An entity has at most this many bytes.
const MAX_ENTITY_BYTES: usize = 12;

/// `&#64;`, `&#x40;`.
pub(super) fn entity(rest: &[u8]) -> (usize, Plain) {
    let end = rest.iter().take(MAX_ENTITY_BYTES).position(|c| *c == b';');
    let code = end.and_then(|end| {
        let digits = std::str::from_utf8(&rest[2..end]).ok()?;
        match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        }
    });
    let plain = |code| match code {
        0x20..=0x7e => Some(Plain::Byte(code as u8)),
        _ => match char::from_u32(code).and_then(plain_char)? {
            '\0' => Some(Plain::Nothing),
            p => Some(Plain::Byte(p as u8)),
        },
    };
    match (end, code.and_then(plain)) {
        (Some(end), Some(plain)) => (end + 1, plain),
        _ => (1, Plain::Same),
    }
}

/// `&quot;`, `&commat;`: the entities that stand in secrets and around them.
pub(super) fn named_entity(rest: &[u8]) -> (usize, Plain) {
    let end = rest.iter().take(MAX_ENTITY_BYTES).position(|c| *c == b';');
    let Some(end) = end else {
        return (1, Plain::Same);
    };
    let plain = match &rest[1..end] {
        b"quot" | b"ldquo" | b"rdquo" => b'"',
        b"apos" | b"lsquo" | b"rsquo" => b'\'',
        b"amp" => b'&',
        b"lt" => b'<',
        b"gt" => b'>',
        b"nbsp" | b"ensp" | b"emsp" | b"thinsp" | b"numsp" => b' ',
        b"ndash" | b"mdash" | b"hyphen" | b"dash" | b"minus" => b'-',
        b"commat" => b'@',
        b"period" | b"middot" => b'.',
        b"colon" => b':',
        b"equals" => b'=',
        b"sol" => b'/',
        b"lowbar" => b'_',
        b"plus" => b'+',
        b"percnt" => b'%',
        b"excl" => b'!',
        b"num" => b'#',
        b"shy" | b"zwj" | b"zwnj" => return (end + 1, Plain::Nothing),
        _ => return (1, Plain::Same),
    };
    (end + 1, Plain::Byte(plain))
}

/// `[at]`, `(dot)`, `[.]`: separators spelled out so that machines do not read them.
pub(super) fn spelled_out(rest: &[u8]) -> (usize, Plain) {
    let word = &rest[1..];
    let spelled = [
        (&b"at"[..], b'@'),
        (b"@", b'@'),
        (b"dot", b'.'),
        (b".", b'.'),
        (b":", b':'),
    ];
    let close = if rest[0] == b'(' { b')' } else { rest[0] + 2 };
    let found = spelled.into_iter().find(|(name, _)| {
        word.get(..name.len())
            .is_some_and(|w| w.eq_ignore_ascii_case(name))
            && word.get(name.len()) == Some(&close)
    });
    found.map_or((1, Plain::Same), |(name, plain)| {
        (name.len() + 2, Plain::Spelled(plain))
    })
}

/// The ASCII character that another one stands for; NUL for one that shows nothing.
pub(super) fn plain_char(c: char) -> Option<char> {
    let code = u32::from(c);
    let digit = |zero: u32| char::from_digit(code - zero, 10);
    Some(match code {
        0xff01..=0xff5e => return char::from_u32(code - 0xff01 + 0x21),
        // Bold, slanted, in double strokes: alphabet after alphabet.
        0x1d400..=0x1d6a3 => return char::from_u32(letter((code - 0x1d400) % 52)),
        0x24b6..=0x24e9 => return char::from_u32(letter(code - 0x24b6)),
        0x2460..=0x2468 => return char::from_digit(code - 0x2460 + 1, 10),
        0x2776..=0x277e => return char::from_digit(code - 0x2776 + 1, 10),
        0x24ea => '0',
        0x0660..=0x0669 => return digit(0x0660),
        0x06f0..=0x06f9 => return digit(0x06f0),
        0x0966..=0x096f => return digit(0x0966),
        0x1d7ce..=0x1d7ff => return char::from_digit((code - 0x1d7ce) % 10, 10),
        0x2080..=0x2089 => return digit(0x2080),
        0x2074..=0x2079 => return char::from_digit(code - 0x2070, 10),
        0x2070 => '0',
        0xb9 => '1',
        0xb2 => '2',
        0xb3 => '3',
        // Dashes.
        0x2010..=0x2015 | 0x2212 | 0x2043 | 0xfe58 | 0xfe63 | 0x02d7 | 0x2796 | 0x30fc => '-',
        // Dots.
        0x2024 | 0x3002 | 0xff61 | 0xfe52 | 0x00b7 | 0x2027 | 0x30fb | 0x06d4 | 0x0701 | 0x0702 => {
            '.'
        }
        // Colons.
        0xa789 | 0x2236 | 0xfe55 | 0x02d0 | 0x05c3 | 0x0589 | 0x02f8 => ':',
        0xfe6b => '@',
        0xfe66 => '=',
        // Quotes, and arrows from a name to its value.
        0x2018..=0x201b | 0x2032 => '\'',
        0x201c..=0x201f | 0x2033 => '"',
        0x2192 | 0x21d2 | 0x27a1 => ':',
        0x2044 | 0x2215 => '/',
        // Spaces.
        0x00a0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => ' ',
        // Nothing to see.
        0x00ad | 0x200b..=0x200f | 0x2060..=0x2064 | 0xfeff | 0xfe00..=0xfe0f | 0x180e => '\0',
        // Letters of other alphabets that look like ours.
        0x0430 | 0x03b1 => 'a',
        0x0435 => 'e',
        0x043e | 0x03bf => 'o',
        0x0440 | 0x03c1 => 'p',
        0x0441 => 'c',
        0x0445 => 'x',
        0x0443 => 'y',
        0x0456 => 'i',
        0x0455 => 's',
        0x0458 => 'j',
        _ => return None,
    })
}

/// The letter of this number, capitals first.
fn letter(n: u32) -> u32 {
    if n < 26 {
        n + u32::from(b'A')
    } else {
        n - 26 + u32::from(b'a')
    }
}
