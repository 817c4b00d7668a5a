//! The windows of a text, one after the other: where each begins, and what of it is new.

use super::planes::{FRESH, LANE, PAST, Planes, WINDOW};

/// One or two windows that are turned together.
pub(super) struct Windows {
    pub(super) planes: Planes,
    pub(super) count: usize,
    /// Where each begins.
    pub(super) bases: [usize; 2],
    /// The bytes that none before it has seen: all from one on.
    pub(super) fresh: [u64; 2],
    /// How much of the text has been seen with them.
    pub(super) end: usize,
}

impl Windows {
    /// A text that fits into one window.
    #[inline(always)]
    pub(super) fn whole(text: &[u8]) -> Planes {
        // Zero is in no class, so what a block is filled up with can neither begin nor continue a
        // shape; but it ends a word.
        if text.len() <= LANE {
            Planes::of(&filled(text))
        } else {
            Planes::of_one(&filled_window(text))
        }
    }

    /// The next ones of a longer text, of which so much has been seen.
    #[inline(always)]
    pub(super) fn after(text: &[u8], seen: usize) -> Windows {
        let rest = text.len() - seen;
        if rest > FRESH {
            return Windows::two(text, seen);
        }
        // The end of a text is read with what is before it, so that nothing need be filled up.
        let (planes, bytes) = match (text.last_chunk::<{ 2 * LANE }>(), text.last_chunk()) {
            (Some(block), _) if rest <= LANE => (Planes::of(block), 2 * LANE),
            (_, Some(block)) => (Planes::of_one(block), WINDOW),
            _ => (Windows::whole(text), text.len()),
        };
        Windows {
            planes,
            count: 1,
            bases: [text.len() - bytes, 0],
            fresh: [u64::MAX << (bytes - rest), 0],
            end: text.len(),
        }
    }

    #[inline(always)]
    fn two(text: &[u8], seen: usize) -> Windows {
        let one = seen.saturating_sub(PAST);
        let other = (one + FRESH).min(text.len() - WINDOW);
        let (first, _) = text[one..].as_chunks();
        let (second, _) = text[other..].as_chunks();
        Windows {
            planes: Planes::of_two(&first[0], &second[0]),
            count: 2,
            bases: [one, other],
            fresh: [u64::MAX << (seen - one), u64::MAX << (one + WINDOW - other)],
            end: other + WINDOW,
        }
    }
}

/// The text, filled up with zeros.
#[inline(always)]
fn filled(text: &[u8]) -> [u8; LANE] {
    let mut block = [0_u8; LANE];
    block[..text.len()].copy_from_slice(text);
    block
}

/// The same for a text of more than a lane: its ends are copied, which is all of it.
#[inline(always)]
fn filled_window(text: &[u8]) -> [u8; WINDOW] {
    let mut block = [0_u8; WINDOW];
    if !copy_ends::<{ 2 * LANE }>(text, &mut block) {
        copy_ends::<LANE>(text, &mut block);
    }
    block
}

/// Copies the first `N` bytes and the last, if there are as many.
#[inline(always)]
fn copy_ends<const N: usize>(text: &[u8], block: &mut [u8; WINDOW]) -> bool {
    let (Some(first), Some(last)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) else {
        return false;
    };
    block[..N].copy_from_slice(first);
    block[text.len() - N..text.len()].copy_from_slice(last);
    true
}
