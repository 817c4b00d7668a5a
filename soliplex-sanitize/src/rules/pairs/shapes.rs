//! What a bare value looks like.

/// What stands for a value that is filled in elsewhere: `$PASSWORD`, `${…}`, `$(…)`, `{{ … }}`.
pub(super) fn is_reference(text: &[u8]) -> bool {
    let name = |c: &u8| c.is_ascii_uppercase() || *c == b'_';
    match text {
        [b'$', b'{' | b'(', ..] | [b'{', b'{', ..] => true,
        [b'$', rest @ ..] => {
            let length = rest.iter().take_while(|c| name(c)).count();
            length > 1 && rest.get(length).is_none_or(|c| !c.is_ascii_graphic())
        }
        _ => false,
    }
}

/// `0x14ed93111f293c9`: an address or a counter, of up to sixty-four bits.
pub(super) fn is_handle(value: &[u8]) -> bool {
    value.len() <= 18
        && value
            .strip_prefix(b"0x")
            .is_some_and(|hex| !hex.is_empty() && hex.iter().all(u8::is_ascii_hexdigit))
}

/// `Token{797b76f`: an object, as Java and Kotlin print one.
pub(super) fn is_object(value: &[u8]) -> bool {
    let name = value.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    value[0].is_ascii_uppercase() && value.get(name) == Some(&b'{')
}

/// `1980-03-14`, `34-1927674`: digits in groups.
pub(super) fn is_grouped(value: &[u8]) -> bool {
    value[0].is_ascii_digit()
        && value
            .iter()
            .all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'/' | b'.'))
        && value.iter().filter(|c| c.is_ascii_digit()).count() >= 6
        && value.iter().filter(|c| !c.is_ascii_digit()).count() <= 3
}

pub(super) fn is_number(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_digit)
        && value
            .iter()
            .all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'+' | b'.' | b'e' | b'E'))
        && (value[0].is_ascii_digit() || value[0] == b'-')
}

pub(super) fn is_plain_word(value: &[u8]) -> bool {
    value
        .iter()
        .enumerate()
        .all(|(i, c)| c.is_ascii_lowercase() || (i == 0 && c.is_ascii_uppercase()) || *c == b'-')
}
