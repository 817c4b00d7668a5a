//! Base64, as far as a verifier wants to look inside.

/// A name and a password in base64 are looked at no further.
pub(super) const MAX_DECODED_BYTES: usize = 256;

/// Base64 in either alphabet, as far as it goes, and how many bytes it gives.
pub(super) fn decode(text: &[u8]) -> ([u8; MAX_DECODED_BYTES], usize) {
    let mut out = [0; MAX_DECODED_BYTES];
    let mut length = 0;
    let (mut bits, mut count) = (0_u32, 0);
    for c in text {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out[length] = (bits >> count) as u8;
            length += 1;
        }
    }
    (out, length)
}
