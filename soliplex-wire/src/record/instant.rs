//! Instants as they are read: in the one form that clients write, without the general way.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// An RFC 3339 instant; without an offset, as Dart prints a local time, it is taken for UTC.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let parsed = plain(text.as_bytes()).or_else(|| text.parse().ok());
    parsed.or_else(|| {
        let local: DateTime = text.parse().ok()?;
        local
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    })
}

/// Whether an instant that was read from `text` would be written as `text` is.
pub(super) fn is_as_written(text: &str) -> bool {
    // Of all that is read, only `2026-02-06T12:00:00` with a fraction or none and a `Z` is this
    // long and has these in these places. A fraction is written without zeros behind it, and a leap
    // second is none.
    let text = text.as_bytes();
    let at = |place: usize| text.get(place).copied();
    (20..=30).contains(&text.len())
        && (at(10), at(16)) == (Some(b'T'), Some(b':'))
        && at(17) != Some(b'6')
        && match at(19) {
            Some(b'Z') => text.len() == 20,
            Some(b'.') => text.ends_with(b"Z") && !text.ends_with(b"0Z"),
            _ => false,
        }
}

/// Reads `2026-02-06T12:00:00Z`, with a fraction of up to nine digits or none; `None` for every
/// other form and for every date that is none.
fn plain(text: &[u8]) -> Option<Timestamp> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    let marks = [head[4], head[7], head[10], head[13], head[16]];
    if marks != *b"--T::" {
        return None;
    }
    let digit = |at: usize| head[at].wrapping_sub(b'0');
    if DIGITS_AT.iter().any(|at| digit(*at) > 9) {
        return None;
    }
    let two = |at: usize| i64::from(digit(at)) * 10 + i64::from(digit(at + 1));
    let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    // A 29th of February and a leap second are left to whoever knows them.
    let last_day = LAST_DAY.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if year < 1970 || day == 0 || day > *last_day || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = rest.strip_suffix(b"Z")?;
    let nanos = match fraction.split_first() {
        None => 0,
        Some((b'.', fraction)) => {
            let places = u32::try_from(fraction.len()).ok()?;
            let scale = 10_i64.checked_pow(9_u32.checked_sub(places)?)?;
            digits(fraction)? * scale
        }
        Some(_) => return None,
    };
    let of_day = (hour * 60 + minute) * 60 + second;
    let seconds = days_since_1970(year, month, day) * 86_400 + of_day;
    Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()
}

/// Where the digits of the date and the time stand.
const DIGITS_AT: [usize; 14] = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];

/// The number that digits make; `None` for none, or where something else stands.
fn digits(text: &[u8]) -> Option<i64> {
    let mut number = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    (!text.is_empty()).then_some(number)
}

/// Days from 1970 to a date; counted from a 1st of March, five months in a row have 153 days.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    /// Days from the 1st of March of the year 0 until 1970.
    const BEFORE_1970: i64 = 719_468;
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - BEFORE_1970
}

const LAST_DAY: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn what_is_read_is_what_jiff_reads(
            text in "(19|20|99|00)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?(Z|z|)"
        ) {
            if let Some(instant) = plain(text.as_bytes()) {
                prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(instant));
            }
        }

        #[test]
        fn what_our_own_client_writes_is_read_so(second in 0..253_402_207_200_i64, nano in 0..1_000_000_000_i32) {
            let instant = Timestamp::new(second, nano).unwrap();
            let text = instant.to_string();
            let leap_day = text.contains("-02-29");
            prop_assert_eq!(plain(text.as_bytes()), (!leap_day).then_some(instant));
            prop_assert_eq!(timestamp(&text), Some(instant));
        }

        #[test]
        fn no_bytes_are_taken_for_an_instant_that_is_none(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = String::from_utf8_lossy(&bytes);
            if let Some(instant) = plain(text.as_bytes()) {
                prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(instant));
            }
        }
    }

    #[test]
    fn other_forms_are_left_to_the_general_way() {
        for (text, is_plain) in [
            ("2026-02-06T12:00:00Z", true),
            ("2026-02-06T12:00:00.123456789Z", true),
            ("1970-01-01T00:00:00.5Z", true),
            ("2024-02-29T00:00:00Z", false),
            ("2026-02-06T12:00:60Z", false),
            ("2026-02-06T12:00:00+01:00", false),
            ("2026-02-06T12:00:00", false),
            ("2026-02-06 12:00:00Z", false),
            ("1969-12-31T23:59:59Z", false),
            ("2026-02-06T12:00:00.Z", false),
            ("2026-02-06T12:00:00.1234567890Z", false),
        ] {
            assert_eq!(plain(text.as_bytes()).is_some(), is_plain, "{text}");
            let general = text.parse().ok();
            assert!(!is_plain || plain(text.as_bytes()) == general, "{text}");
        }
    }
}
