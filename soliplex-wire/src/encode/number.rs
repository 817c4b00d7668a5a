//! Numbers as JSON writes them, the common ones without the general way.

use super::buffer::Buffer;

/// Below this a whole number has at most eight digits.
const EIGHT_DIGITS: u64 = 100_000_000;

/// Appends a whole number.
#[inline]
pub(super) fn integer(out: &mut Buffer, number: i64) {
    if number < 0 {
        out.piece(b"-");
    }
    let magnitude = number.unsigned_abs();
    if magnitude < EIGHT_DIGITS {
        short(out, magnitude);
    } else {
        out.bytes(itoa::Buffer::new().format(magnitude).as_bytes());
    }
}

/// Appends a finite number with a fraction: the shortest decimal that is read back as the same.
#[inline]
pub(super) fn fraction(out: &mut Buffer, number: f64) {
    let magnitude = number.abs();
    // The thousandths may have been rounded, but if they divide back to the number they are it, and
    // their decimal is the shortest: of those with up to 15 digits no two are the same number.
    // Signed, which a processor converts in one step where an unsigned number takes several.
    let thousandths = (magnitude * 1000.0 + 0.5) as i64;
    if !(1..EIGHT_DIGITS as i64).contains(&thousandths) || thousandths as f64 / 1000.0 != magnitude
    {
        return general(out, number);
    }
    if number < 0.0 {
        out.piece(b"-");
    }
    let digits = digits(thousandths.unsigned_abs());
    // Of the five digits before the point the last one stays, of the three behind it the first.
    let leading = (digits | 1 << (4 * 8)).trailing_zeros() / 8;
    let trailing = (digits | 1 << (5 * 8)).leading_zeros() / 8;
    let digits = digits | ZEROS;
    let whole = digits & 0xff_ffff_ffff;
    let fraction = digits >> (5 * 8);
    // In two halves, each written as it is computed: five digits and the point, then the rest.
    let head = (whole | u64::from(b'.') << (5 * 8)) >> (8 * leading);
    out.block(&head.to_le_bytes(), 6 - leading as usize);
    out.block(&fraction.to_le_bytes(), 3 - trailing as usize);
}

#[cold]
fn general(out: &mut Buffer, number: f64) {
    out.bytes(zmij::Buffer::new().format_finite(number).as_bytes());
}

/// Appends a whole number of at most eight digits.
#[inline]
fn short(out: &mut Buffer, number: u64) {
    let digits = digits(number);
    // The last digit stays, even if it is a zero.
    let leading_zeros = (digits | 1 << 56).trailing_zeros() / 8;
    let text = (digits | ZEROS) >> (leading_zeros * 8);
    out.block(&text.to_le_bytes(), 8 - leading_zeros as usize);
}

/// A number's eight digits, zeros in front.
#[inline]
pub(super) fn eight_digits(number: u64) -> [u8; 8] {
    (digits(number) | ZEROS).to_le_bytes()
}

/// The digit 0 in each byte.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The values of a number's eight digits, the first one in the lowest byte.
///
/// All at once, by halving: two numbers of four digits are split into four of two, and those into
/// eight of one, each in a lane of its own. Multiplying by 10,486 and leaving off 20 bits divides
/// what is below 10,000 by 100, and by 103 and 10 bits what is below 100 by 10.
#[inline]
fn digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let upper = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = upper | (fours - upper * 100) << 16;
    let upper = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    upper | (twos - upper * 10) << 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_fraction(number: f64) {
        let mut out = Buffer::new();
        fraction(&mut out, number);
        let expected = serde_json::to_vec(&number).unwrap();
        assert_eq!(
            String::from_utf8(out.into_vec()),
            String::from_utf8(expected)
        );
    }

    fn check_integer(number: i64) {
        let mut out = Buffer::new();
        integer(&mut out, number);
        assert_eq!(
            String::from_utf8(out.into_vec()).unwrap(),
            number.to_string()
        );
    }

    #[test]
    fn whole_numbers_are_written_as_they_are_printed() {
        (-12_000..12_000).for_each(check_integer);
        for exponent in 0..19 {
            let power = 10_i64.pow(exponent);
            for number in [power - 1, power, power + 1, -power, 7 * (power / 7)] {
                check_integer(number);
            }
        }
        for number in [i64::MIN, i64::MAX, 99_999_999, 12_345_678] {
            check_integer(number);
        }
    }

    #[test]
    fn fractions_are_written_as_serde_json_writes_them() {
        for thousandths in -120_000..120_000 {
            check_fraction(f64::from(thousandths) / 1000.0);
            check_fraction(f64::from(thousandths) * 0.001);
            check_fraction(f64::from(thousandths) * 1000.0);
        }
        for number in [
            0.0,
            -0.0,
            0.1 + 0.2,
            99_999_999.999,
            1e8,
            1e15,
            1e16,
            1e17,
            1e300,
            5e-324,
            1e-5,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            f64::EPSILON,
        ] {
            check_fraction(number);
        }
    }

    proptest! {
        #[test]
        fn any_number_is_written_as_serde_json_writes_it(
            bits: u64,
            whole: i64,
            near in 0.0..200_000_000.0,
            thousandths in 0..200_000_000_000_u64,
        ) {
            check_integer(whole);
            check_fraction(near);
            check_fraction(thousandths as f64 / 1000.0);
            let number = f64::from_bits(bits);
            if number.is_finite() {
                check_fraction(number);
            }
        }
    }
}
