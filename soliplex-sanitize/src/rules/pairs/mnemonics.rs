//! The words that a wallet is recovered with.

use crate::rules::keys::Strength;
use crate::rules::steps::steps;

/// A seed phrase has twelve to twenty-four words, each of three to eight letters.
const MIN_MNEMONIC_WORDS: usize = 12;
const MAX_MNEMONIC_WORDS: usize = 24;

/// Where a list of twelve words or more ends, as wallets and recovery keys are told.
pub(super) fn mnemonic_end(b: &[u8], at: usize, strength: Strength) -> Option<usize> {
    let mut end = at;
    let mut words = 0;
    while words < MAX_MNEMONIC_WORDS {
        let from = if words > 0 { end + 1 } else { at };
        let rest = b[from.min(b.len())..].iter();
        let length = rest.take(9).take_while(|c| c.is_ascii_lowercase()).count();
        if !(3..=8).contains(&length) {
            break;
        }
        end = from + length;
        words += 1;
        if b.get(end) != Some(&b' ') {
            break;
        }
    }
    steps(end - at);
    // Under a name that says less, it has as many words as wallets give.
    let told = strength > Strength::Hint;
    let counted = told || words.is_multiple_of(3) && !is_sentence(&b[at..end]);
    (words >= MIN_MNEMONIC_WORDS && counted).then_some(end)
}

/// Whether a word stands in a text that no wallet gives.
fn is_sentence(text: &[u8]) -> bool {
    let mut words = text.split(|c| *c == b' ');
    words.any(|word| matches!(word, b"the" | b"and" | b"for" | b"was" | b"not" | b"are"))
}
