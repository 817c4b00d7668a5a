//! Instants as `Timestamp` serializes them, without the general way: an error carries twenty.

use jiff::Timestamp;

use super::buffer::Buffer;
use super::number::eight_digits;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Days of 400 years.
const FOUR_CENTURIES: u64 = 146_097;

/// Appends an instant as a JSON string.
#[inline]
pub(super) fn instant(out: &mut Buffer, instant: &Timestamp) {
    // Before 1970 one of the two is negative.
    match (
        u64::try_from(instant.as_second()),
        u64::try_from(instant.subsec_nanosecond()),
    ) {
        (Ok(second), Ok(nano)) => since_1970(out, second, nano),
        _ => out.json(instant),
    }
}

fn since_1970(out: &mut Buffer, second: u64, nano: u64) {
    let of_day = second % DAY;
    let (year, month, day) = date(second / DAY);
    let d = eight_digits(year * 10_000 + month * 100 + day);
    let t = eight_digits(of_day / 3600 * 10_000 + of_day / 60 % 60 * 100 + of_day % 60);
    out.piece(&[
        b'"', d[0], d[1], d[2], d[3], b'-', d[4], d[5], b'-', d[6], d[7], b'T', t[2], t[3], b':',
        t[4], t[5], b':', t[6], t[7],
    ]);
    if nano > 0 {
        let f = eight_digits(nano / 10);
        let last = b'0' + (nano % 10) as u8;
        let fraction = [b'.', f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], last];
        let zeros = fraction.iter().rev().take_while(|digit| **digit == b'0');
        out.block(&fraction, fraction.len() - zeros.count());
    }
    out.piece(b"Z\"");
}

/// Year, month and day of a day counted from 1970 on.
///
/// Counted from a 1st of March, a leap day is the last of its year, its century and its 400 years,
/// and five months in a row have 153 days: so each division is by a fixed length.
fn date(day: u64) -> (u64, u64, u64) {
    /// Days from the 1st of March of the year 0 until 1970.
    const BEFORE_1970: u64 = 719_468;
    let day = day + BEFORE_1970;
    let of_centuries = day % FOUR_CENTURIES;
    let leap_days = of_centuries / 1_460 + of_centuries / (FOUR_CENTURIES - 1);
    let year = (of_centuries + of_centuries / 36_524 - leap_days) / 365;
    let of_year = of_centuries + year / 100 - year / 4 - 365 * year;
    let month = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * month + 2) / 5 + 1;
    let year = year + day / FOUR_CENTURIES * 400;
    if month < 10 {
        (year, month + 3, day_of_month)
    } else {
        (year + 1, month - 9, day_of_month)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(second: i64, nano: i32) {
        let timestamp = Timestamp::new(second, nano).unwrap();
        let mut written = Buffer::new();
        instant(&mut written, &timestamp);
        let serialized = serde_json::to_string(&timestamp).unwrap();
        assert_eq!(String::from_utf8(written.into_vec()).unwrap(), serialized);
    }

    #[test]
    fn each_day_of_400_years_is_written_as_it_is_serialized() {
        let last = Timestamp::MAX.as_second() / DAY as i64;
        // The calendar repeats itself; of the later days one in a while will do.
        for day in (0..=FOUR_CENTURIES as i64).chain((0..last).step_by(97)) {
            check(day * DAY as i64 + day * 7_919 % DAY as i64, 0);
        }
    }

    #[test]
    fn instants_at_the_borders_are_written_as_they_are_serialized() {
        for (second, nano) in [
            (0, 0),
            (0, -1),
            (0, 1),
            (-1, 0),
            (-1, -999_999_999),
            (86_399, 999_999_999),
            (951_782_400, 100_000_000),
            (1_770_379_200, 120_000_000),
            (1_770_379_200, 10),
            (Timestamp::MIN.as_second(), 0),
            (Timestamp::MAX.as_second(), 999_999_999),
        ] {
            check(second, nano);
        }
    }

    proptest! {
        #[test]
        fn any_instant_is_written_as_it_is_serialized(nanos: i64) {
            check(nanos / 1_000_000_000, (nanos % 1_000_000_000) as i32);
        }
    }
}
