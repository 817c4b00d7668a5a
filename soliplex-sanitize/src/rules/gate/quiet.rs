//! Windows of plain words, told without looking for every shape.
//!
//! What an event says is mostly words, short numbers and now and then a route: none of it has a
//! shape but the slash. To see that takes half of the classes, and a quarter of what it takes to
//! look for each shape by itself.

use super::planes::Planes;

/// The window's slashes that may begin a path, where nothing else in it can have a shape; nothing
/// says that all shapes are to be looked for. The window must be the whole text.
#[inline(always)]
pub(super) fn slashes(planes: &Planes) -> Option<u64> {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = planes.first();
    let low = !(b7 | b6);
    let punctuation = low & b5 & !b4;
    let letters = b6 & !b7;
    let any = b2 | b1 | b0;
    let letter = letters & (b4 | b3 | any) & !(b4 & b3 & (b2 | (b1 & b0)));
    let digit = low & b5 & b4 & !(b3 & (b2 | b1));
    let word = letter | digit;
    // `%`, `&`; `)`, `+`, `-`.
    let sign = (!b3 & b2 & (b1 ^ b0)) | (b3 & b0 & !(b2 & b1));
    let nul = !(b7 | b6 | b5 | b4 | b3 | any);
    if !(word | nul | (punctuation & !sign)) != 0 {
        return None;
    }
    // The endings that the gate looks at, and words that are long.
    let (ending, both) = (letters & b4 & !b3, b1 & b0);
    let r = ending & b1 & !b0;
    let s = ending & !b2 & both;
    let c = letters & !(b4 | b3 | b2) & both;
    let d = b2 & !(b4 | b1 | b0);
    let told = (r & ((r << 1) | (r << 2))) | (d & (r << 1)) | (c & ((s | c) << 2)) | (s & (s << 1));
    let w2 = word & (word << 1);
    let w4 = w2 & (w2 << 2);
    let w8 = w4 & (w4 << 4);
    let dots = punctuation & b3 & b2 & b1;
    let slash = dots & b0;
    let dot = dots & !b0;
    if (!letter & (told << 1)) | (w8 & (w8 << 7)) | (dot & (dot << 5)) != 0 {
        return None;
    }
    if digit != 0 {
        let d2 = digit & (digit << 1);
        let d3 = d2 & (digit << 2);
        let l2 = letter & (letter << 1);
        // Four digits, two groups, a number with a point, two letters before two digits, and what a
        // grid begins with.
        let groups = d3 & ((digit << 3) | (digit << 4));
        let pair = (digit & !(word << 1) & (digit << 2)) | (d2 & (l2 << 2));
        let band = letter & (digit << 1);
        let zone = digit & !(word << 1) & (l2 << 2) & ((band << 4) | (band << 5));
        if groups | pair | zone != 0 {
            return None;
        }
    }
    Some(slash & !((word | dot | slash) << 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::windows::Windows;
    use super::super::{Shape, every_shape};
    use super::*;

    /// Whether a text is told to be quiet; if it is, the gate sees its slashes and nothing else.
    fn check(text: &str) -> bool {
        let Some(slashes) = slashes(&Windows::whole(text.as_bytes())) else {
            return false;
        };
        let mut seen = 0;
        every_shape(text.as_bytes(), |shape, at| {
            assert_eq!(shape, Shape::Slash, "{text:?} at {at}");
            seen |= 1 << at;
        });
        assert_eq!(slashes, seen, "{text:?}");
        true
    }

    #[test]
    fn what_events_mostly_say_is_quiet() {
        for text in [
            "",
            "request handled in the usual way\0GET\0/api/v1/rooms/42",
            "can't open it, trying again...",
            "started 3 of 12 workers",
            "user 742 left",
        ] {
            assert!(check(text), "{text:?}");
        }
        for text in [
            "a:b",
            "a=b",
            "1234",
            "a\nb",
            "caf\u{e9}",
            "access",
            "user@host",
        ] {
            assert!(!check(text), "{text:?}");
        }
    }

    #[test]
    fn two_bytes_of_any_kind_beside_others_hide_no_shape() {
        let rest = [
            "", "a", "1", "/", " ", "ab12", "ab 1", "123", "12.3", "er", "38sm",
        ];
        for (before, after) in rest.iter().flat_map(|b| ["", "1"].map(|a| (b, a))) {
            for two in 0..128 * 128_u32 {
                let two = [two % 128, two / 128].map(|c| char::from_u32(c).unwrap_or(' '));
                check(&format!("{before}{}{}{after}", two[0], two[1]));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn no_shape_is_quiet_but_a_slash(
            words in "([a-f]{1,5}|[0-9]{1,5}|[a-zA-Z]{1,17}|[ ./,\0]|[rdcsv]{2,3}|[A-Z0-9]{1,5}|[!-~]){0,20}",
        ) {
            if words.len() <= 64 {
                check(&words);
            }
        }
    }
}
