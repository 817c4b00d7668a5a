//! The classes of the bytes of one window.
//!
//! What a window is, and that it keeps the end of the one before it, is settled here; what the
//! classes are good for is the gate's affair.

use wide::u8x16;

/// A window has a bit for each of its bytes in one word.
pub(in crate::rules) const WINDOW: usize = 64;

/// The last bytes of one window are the first of the next: no shape is longer than what is thereby
/// kept and one byte more. (Of words only the end is looked for.)
pub(super) const PAST: usize = 16;

/// The bytes a window has not seen yet, unless it is the first.
pub(super) const FRESH: usize = WINDOW - PAST;

/// The bytes turned at a time.
pub(super) const LANE: usize = 16;

/// One window turned on its side: bit n of `planes[k]` is bit k of byte n.
///
/// A class of bytes is then a formula over eight words, worked out for all 64 bytes at once;
/// comparing them sixteen at a time, class by class, takes twice as long.
#[derive(Clone, Copy, Default)]
pub(super) struct Planes([u64; 8]);

/// The byte classes of one window, a bit per byte.
pub(super) struct Masks {
    pub(super) digit: u64,
    pub(super) letter: u64,
    /// A to f and digits.
    pub(super) hex: u64,
    /// Letters, digits, `-` and `_`.
    pub(super) word: u64,
    /// `r` and `v`.
    pub(super) r: u64,
    pub(super) c: u64,
    pub(super) s: u64,
    /// `d`, and a few that no word has behind an `r`.
    pub(super) d: u64,
    pub(super) dot: u64,
    pub(super) dash: u64,
    pub(super) colon: u64,
    pub(super) equals: u64,
    pub(super) space: u64,
    /// A space, and NUL, which stands between texts.
    pub(super) blank: u64,
    pub(super) slash: u64,
    /// All bytes that are not ASCII.
    pub(super) high: u64,
    pub(super) odd: u64,
}

impl Planes {
    /// What the next window knows of this one.
    #[inline(always)]
    pub(super) fn past(&self) -> Planes {
        Planes(self.0.map(|plane| plane >> FRESH))
    }

    /// With what follows, from the bit `first` on.
    #[inline(always)]
    pub(super) fn and<const N: usize>(mut self, block: &[u8; N], first: usize) -> Planes {
        let (lanes, _) = block.as_chunks::<LANE>();
        let mut vectors = [u8x16::default(); WINDOW / LANE];
        for (vector, lane) in vectors.iter_mut().zip(lanes) {
            *vector = u8x16::new(*lane);
        }
        for plane in self.0.iter_mut().rev() {
            for (i, v) in vectors.iter_mut().take(N / LANE).enumerate() {
                *plane |= u64::from(v.to_bitmask()) << (first + LANE * i);
                // The next lower bit becomes the highest, which is the one a mask is made of.
                *v += *v;
            }
        }
        self
    }

    #[inline(always)]
    pub(super) fn masks(&self) -> Masks {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = self.0;
        // By the upper half of the byte: punctuation, digits, letters of both cases.
        let low = !(b7 | b6);
        let (two, three) = (low & b5 & !b4, low & b5 & b4);
        let ascii6 = b6 & !b7;
        let (four, five) = (ascii6 & !b5 & !b4, ascii6 & !b5 & b4);
        // By the lower half.
        let (nothing, any) = (!(b3 | b2 | b1 | b0), b2 | b1 | b0);
        let (c8, c12) = (b3 & !b2, b3 & b2);
        let (x1, x2, x3) = (!b1 & b0, b1 & !b0, b1 & b0);
        let digit = three & !(b3 & (b2 | b1));
        // One to 26 of 32.
        let letter = ascii6 & (b4 | b3 | any) & !(b4 & b3 & (b2 | x3));
        let dash = two & c12 & x1;
        Masks {
            digit,
            letter,
            hex: digit | (ascii6 & !b4 & !b3 & any & !(b2 & x3)),
            word: digit | letter | dash | (five & c12 & x3),
            r: ascii6 & b4 & !b3 & x2,
            c: ascii6 & !(b4 | b3 | b2) & x3,
            s: ascii6 & b4 & !(b3 | b2) & x3,
            d: b2 & !(b4 | b1 | b0),
            dot: two & c12 & x2,
            dash,
            colon: three & c8 & x2,
            equals: three & c12 & x1,
            space: two & nothing,
            blank: low & !b4 & nothing,
            slash: two & c12 & x3,
            high: b7,
            // Control characters; `%` and `&`; `)` and `+`; `>`; `@`; the backslash, and `]` behind
            // the last letter of `[at]`, `[dot]` and `[.]`.
            odd: (low & !b5 & (b4 | !nothing))
                | (two & ((!b3 & b2 & (b1 ^ b0)) | (c8 & b0)))
                | (three & c12 & x2)
                | (four & nothing)
                | (five & c12 & !b1 & (!b0 | ((b2 & !b0) << 1))),
        }
    }
}
