//! Where runs of letters and digits begin, looked for sixteen bytes at a time.
//!
//! Words and names are read from their end, and most of them are looked at only to see that they
//! are none that count: byte by byte that took longer than all the rest, and no two are of the
//! same length, which a processor cannot foresee.

use wide::u8x16;

use super::steps::steps;

const LANE: usize = 16;

/// What belongs to a run besides letters and digits.
#[derive(Clone, Copy)]
pub(super) enum And {
    /// `_`, as in a word of a program.
    Underscore,
    /// `-` and `_`, as in a token.
    Dashes,
    /// `-`, `_`, `.` and `$`, as in the name of a value.
    NameMarks,
}

/// Where the run begins that ends before `end`.
#[inline(always)]
pub(super) fn run_start(b: &[u8], end: usize, and: And) -> usize {
    let mut start = end;
    while let Some(lane) = b[..start].last_chunk::<LANE>() {
        let run = ones_at_end(inside(lane, and), LANE);
        start -= run;
        if run < LANE {
            steps(end - start);
            return start;
        }
    }
    if start > 0 {
        start -= match b.first_chunk::<LANE>() {
            Some(lane) => ones_at_end(inside(lane, and), start),
            None => {
                let mut short = [0; LANE];
                short[..start].copy_from_slice(&b[..start]);
                ones_at_end(inside(&short, and), start)
            }
        };
    }
    steps(end - start);
    start
}

/// How many of the `count` lowest bits are set, from the highest of them down.
#[inline(always)]
fn ones_at_end(bits: u32, count: usize) -> usize {
    (bits << (32 - count)).leading_ones() as usize
}

/// A bit for each byte that belongs to a run.
#[inline(always)]
fn inside(lane: &[u8; LANE], and: And) -> u32 {
    let bytes = u8x16::new(*lane);
    let among = |bytes: u8x16, first: u8, count: u8| {
        let place = bytes - u8x16::splat(first);
        place.min(u8x16::splat(count - 1)).simd_eq(place)
    };
    let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
    let alphanumeric = among(bytes | u8x16::splat(0x20), b'a', 26) | among(bytes, b'0', 10);
    let marks = match and {
        And::Underscore => is(b'_'),
        And::Dashes => is(b'_') | is(b'-'),
        And::NameMarks => is(b'_') | among(bytes, b'-', 2) | is(b'$'),
    };
    (alphanumeric | marks).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_begins_behind_the_last_byte_that_belongs_to_none() {
        let belongs = |c: u8, and: And| {
            c.is_ascii_alphanumeric()
                || match and {
                    And::Underscore => c == b'_',
                    And::Dashes => matches!(c, b'_' | b'-'),
                    And::NameMarks => matches!(c, b'_' | b'-' | b'.' | b'$'),
                }
        };
        for and in [And::Underscore, And::Dashes, And::NameMarks] {
            for length in 0..50 {
                for stop in 0..=255_u8 {
                    for before in [0, 1, 15, 40] {
                        let mut text = vec![b'.'; before];
                        text.push(stop);
                        text.extend("a9Z_".bytes().cycle().take(length));
                        let run = text.iter().rev().take_while(|c| belongs(**c, and));
                        let want = text.len() - run.count();
                        let got = run_start(&text, text.len(), and);
                        assert_eq!(got, want, "{length} behind {stop} and {before}");
                        text.extend(b"more of the text than a lane has");
                        let got = run_start(&text, before + 1 + length, and);
                        assert_eq!(got, want, "{length} behind {stop} and {before}, inside");
                    }
                }
            }
        }
    }
}
