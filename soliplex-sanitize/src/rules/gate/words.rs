//! The few letters that the gate reads itself, where a shape alone would say too often that it is
//! there.

/// The last letters of the words below.
static ENDS_WORD: [bool; 256] = {
    let mut ends = [false; 256];
    let letters = b"pnertasdhyb";
    let mut i = 0;
    while i < letters.len() {
        ends[letters[i] as usize] = true;
        ends[letters[i].to_ascii_uppercase() as usize] = true;
        i += 1;
    }
    ends
};

/// Whether a number whose fourth digit is at `at` has the end of a word before it, or the beginning
/// of one behind it, that goes with a code: `otp 123456`, `PIN is 4711`, `123456 is your …`.
#[inline]
pub(super) fn may_be_code(text: &[u8], at: usize) -> bool {
    if at > 4 && text[at - 4] == b'-' {
        // `G-123456`
        return text[at - 5] == b'G';
    }
    // Most numbers stand behind a number, a sign, or a word of another end.
    if at >= 5 && !ENDS_WORD[usize::from(text[at - 5])] && text.get(at + 3) != Some(&b' ') {
        return false;
    }
    let before = at >= 7 && {
        let third = text[at - 7] | 0x20;
        match [text[at - 6] | 0x20, text[at - 5] | 0x20] {
            [b't', b'p'] => third == b'o',
            [b'i', b'n'] => third == b'p',
            [b'd', b'e'] => third == b'o',
            [b'e', b'n'] => third == b'k',
            [b'e', b'r'] => third == b't',
            [b'f', b'a'] => true,
            // `born`, `born on`, `birth`, `birthday`, `birthdate`, `dob`.
            [b'r', b'n'] => third == b'o',
            [b'o', b'n'] => third == b' ',
            [b't', b'h'] => third == b'r',
            [b'a', b'y'] => third == b'd',
            [b't', b'e'] => third == b'a',
            [b'o', b'b'] => third == b'd',
            [b'i', b's'] | [b'a', b's'] | [b's', b'e'] | [b'r', b'd'] => true,
            _ => false,
        }
    };
    let after = text.get(at + 3..at + 6);
    before || after.is_some_and(|next| matches!(next, b" is" | b" as"))
}

/// Whether a word that ends in `ss` at `at` ends in `pass`, and a space follows.
#[inline]
pub(super) fn ends_pass(text: &[u8], at: usize) -> bool {
    at >= 3
        && text[at - 2] | 0x20 == b'a'
        && text[at - 3] | 0x20 == b'p'
        && text.get(at + 1) == Some(&b' ')
}

/// Whether a word that ends in `er` at `at` ends in `-server`, and a space follows.
#[inline]
pub(super) fn ends_server(text: &[u8], at: usize) -> bool {
    at >= 6 && text[at - 6] == b'-' && text.get(at + 1) == Some(&b' ')
}

/// Whether a word that ends in `vv` or `vc` at `at` is `cvv` or `cvc`, and a space follows.
#[inline]
pub(super) fn ends_card_code(text: &[u8], at: usize) -> bool {
    at >= 2 && text[at - 2] | 0x20 == b'c' && text.get(at + 1) == Some(&b' ')
}

/// Whether a bracket that closes here closes `[at]`, `(dot)` or `[.]`.
#[inline]
pub(super) fn is_spelled_out(before: &[u8]) -> bool {
    let ends = |word: &[u8]| {
        before.len() > word.len()
            && matches!(before[before.len() - word.len() - 1], b'[' | b'(')
            && before[before.len() - word.len()..].eq_ignore_ascii_case(word)
    };
    ends(b".") || ends(b"at") || ends(b"dot")
}

/// Whether an arrow comes from a word like `password` or `token`.
#[inline]
pub(super) fn points_from_secret(before: &[u8]) -> bool {
    let name = before.trim_ascii_end();
    let ends = |word: &[u8]| {
        name.len() >= word.len() && name[name.len() - word.len()..].eq_ignore_ascii_case(word)
    };
    let words: [&[u8]; 14] = [
        b"ssword",
        b"asswd",
        b"phrase",
        b"secret",
        b"token",
        b"key",
        b"pin",
        b"otp",
        b"cvv",
        b"_code",
        b"sessionid",
        b"credential",
        b"credentials",
        b"dob",
    ];
    words.iter().any(|word| ends(word))
}

/// Whether a named entity like `&quot;` may begin behind the `&`.
#[inline]
pub(super) fn begins_entity(rest: &[u8]) -> bool {
    let name = rest.iter().take(7).take_while(|c| c.is_ascii_lowercase());
    let length = name.count();
    length >= 2 && rest.get(length) == Some(&b';')
}

/// Whether `%41` or the like begins here.
#[inline]
pub(super) fn is_escape(text: &[u8]) -> bool {
    matches!(text, [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// Whether it ends here.
#[inline]
pub(super) fn ends_escape(before: &[u8]) -> bool {
    before.last_chunk::<3>().is_some_and(|last| is_escape(last))
}
