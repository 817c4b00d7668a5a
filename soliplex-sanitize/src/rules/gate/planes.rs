//! The classes of the bytes of one window.
//!
//! What a window is, and that it keeps the end of the one before it, is settled here; what the
//! classes are good for is the gate's affair.

use wide::bytemuck::cast;
use wide::{u8x16, u64x2};

/// A window has a bit for each of its bytes in one word.
pub(in crate::rules) const WINDOW: usize = 64;

/// The last bytes of one window are the first of the next: no shape is longer than what is thereby
/// kept and one byte more. (Of words only the end is looked for.)
pub(super) const PAST: usize = 16;

/// The bytes a window has not seen yet, unless it is the first.
pub(super) const FRESH: usize = WINDOW - PAST;

/// The bytes turned at a time.
pub(super) const LANE: usize = 16;

/// One window or two, turned on their sides: bit n of `planes[k]` is bit k of byte n.
///
/// A class of bytes is then a formula over eight words, worked out for all 64 bytes at once;
/// comparing them sixteen at a time, class by class, takes twice as long.
pub(super) struct Planes([[u64; 2]; 8]);

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
    /// Turns up to 64 bytes, by a mask of each bit.
    #[inline(always)]
    pub(super) fn of<const N: usize>(block: &[u8; N]) -> Planes {
        let (lanes, _) = block.as_chunks::<LANE>();
        let mut vectors = [u8x16::default(); WINDOW / LANE];
        for (vector, lane) in vectors.iter_mut().zip(lanes) {
            *vector = u8x16::new(*lane);
        }
        let mut planes = [[0; 2]; 8];
        for [plane, _] in planes.iter_mut().rev() {
            for (i, v) in vectors.iter_mut().take(N / LANE).enumerate() {
                *plane |= u64::from(v.to_bitmask()) << (LANE * i);
                // The next lower bit becomes the highest, which is the one a mask is made of.
                *v += *v;
            }
        }
        Planes(planes)
    }

    /// Turns a whole window, in half as many steps as by masks.
    #[inline(always)]
    pub(super) fn of_one(block: &[u8; WINDOW]) -> Planes {
        let mut rows = by_place(block);
        // As with two windows, of which each row is the half of a register.
        swap::<4, 2, 4>(&mut rows, 0x0f0f_0f0f_0f0f_0f0f, [0, 1]);
        swap::<2, 1, 4>(&mut rows, 0x3333_3333_3333_3333, [0, 2]);
        let [a, b, c, d] = rows;
        let mut rows = [
            a.unpack_lo(b),
            a.unpack_hi(b),
            c.unpack_lo(d),
            c.unpack_hi(d),
        ];
        swap::<1, 1, 4>(&mut rows, 0x5555_5555_5555_5555, [0, 2]);
        let [even, odd, even_too, odd_too] = rows.map(|row| row.to_array());
        let planes = [
            even[0],
            odd[0],
            even[1],
            odd[1],
            even_too[0],
            odd_too[0],
            even_too[1],
            odd_too[1],
        ];
        Planes(planes.map(|plane| [plane, 0]))
    }

    /// Turns two windows at once.
    #[inline(always)]
    pub(super) fn of_two(one: &[u8; WINDOW], other: &[u8; WINDOW]) -> Planes {
        let ([a, b, c, d], [e, f, g, h]) = (by_place(one), by_place(other));
        let mut rows = [
            a.unpack_lo(e),
            a.unpack_hi(e),
            b.unpack_lo(f),
            b.unpack_hi(f),
            c.unpack_lo(g),
            c.unpack_hi(g),
            d.unpack_lo(h),
            d.unpack_hi(h),
        ];
        // Row n holds each eighth byte from the n-th on. The bits of eight bytes are turned as a
        // square is: its quarters first, then theirs.
        swap::<4, 4, 8>(&mut rows, 0x0f0f_0f0f_0f0f_0f0f, [0, 1, 2, 3]);
        swap::<2, 2, 8>(&mut rows, 0x3333_3333_3333_3333, [0, 1, 4, 5]);
        swap::<1, 1, 8>(&mut rows, 0x5555_5555_5555_5555, [0, 2, 4, 6]);
        let mut planes = Planes([[0; 2]; 8]);
        for (plane, row) in planes.0.iter_mut().zip(rows) {
            *plane = row.to_array();
        }
        planes
    }

    /// The planes of the first window.
    #[inline(always)]
    pub(super) fn first(&self) -> [u64; 8] {
        self.0.map(|[first, _]| first)
    }

    /// The classes of one window's bytes.
    #[inline(always)]
    pub(super) fn masks(&self, n: usize) -> Masks {
        let [a, b, c, d, e, f, g, h] = &self.0;
        let [b0, b1, b2, b3] = [a[n], b[n], c[n], d[n]];
        let [b4, b5, b6, b7] = [e[n], f[n], g[n], h[n]];
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

/// The bytes of a window by their place among eight: those of the first and second place, of the
/// third and fourth, and so on.
#[inline(always)]
fn by_place(block: &[u8; WINDOW]) -> [u64x2; 4] {
    let (low, high) = (u8x16::unpack_low, u8x16::unpack_high);
    let lane = |n: usize| {
        let (lanes, _) = block.as_chunks::<LANE>();
        u8x16::new(lanes[n])
    };
    let (first, third) = (lane(0), lane(2));
    let (second, fourth) = (lane(1), lane(3));
    let (even, even_too) = (low(first, third), low(second, fourth));
    let (odd, odd_too) = (high(first, third), high(second, fourth));
    let (even_low, even_high) = (low(even, even_too), high(even, even_too));
    let (odd_low, odd_high) = (low(odd, odd_too), high(odd, odd_too));
    [
        cast(low(even_low, odd_low)),
        cast(high(even_low, odd_low)),
        cast(low(even_high, odd_high)),
        cast(high(even_high, odd_high)),
    ]
}

/// Swaps the bits of each row that `mask` has not with those `BITS` lower of the row `ROWS` further on.
#[inline(always)]
fn swap<const BITS: u32, const ROWS: usize, const N: usize>(
    rows: &mut [u64x2; N],
    mask: u64,
    firsts: impl IntoIterator<Item = usize>,
) {
    let mask = u64x2::splat(mask);
    for i in firsts {
        let other = ((rows[i] >> BITS) ^ rows[i + ROWS]) & mask;
        rows[i + ROWS] ^= other;
        rows[i] ^= other << BITS;
    }
}
