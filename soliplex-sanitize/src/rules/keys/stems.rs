//! A quick look at a name: three letters that every sensitive word holds.

use super::beside::{NUMBERED, SECRET_CODES};
use super::words::WORDS;

/// Three letters that every sensitive word holds, at least one of them: a name without any needs no
/// closer look, and most names of most logs have none. A test holds the list to the words.
const STEMS: &[&[u8; 3]] = &[
    b"ssw", b"pwd", b"phr", b"sco", b"psw", b"ecr", b"ssn", b"cvv", b"cvc", b"key", b"oke", b"uth",
    b"sid", b"cre", b"otp", b"kie", b"srf", b"jwt", b"rer", b"mfa", b"sas", b"mne", b"two", b"2fa",
    b"pin", b"pas", b"sen", b"iti", b"edi", b"dod", b"mbi", b"mei", b"msi", b"cci", b"dob", b"nin",
    b"bir", b"sig", b"non", b"sal", b"has", b"see", b"dsn", b"num", b"cur", b"cod", b"fac", b"nsw",
    b"aad", b"cpf", b"ein", b"dev", b"mrn", b"aml", b"cke", b"ses", b"pan", b"onn", b"tax", b"nat",
    b"eys", b"wor", b"sio", b"cou", b"acc", b"car", b"psk", b"sko", b"eno", b"aro", b"lav", b"esl",
    b"asl", b"ifr", b"mdp", b"cen", b"npi",
];

/// The stems as a set of 15-bit numbers, five bits a letter.
static STEM_BITS: [u64; 512] = {
    let mut bits = [0; 512];
    let mut i = 0;
    while i < STEMS.len() {
        let [a, b, c] = *STEMS[i];
        let n = (a as usize & 31) << 10 | (b as usize & 31) << 5 | (c as usize & 31);
        bits[n / 64] |= 1 << (n % 64);
        i += 1;
    }
    bits
};

/// The same by a hash of three letters as they stand in a text, a byte for each: whether a name may
/// hold one is told without a branch for each letter.
static MAY_BE_STEM: [u8; HASHES] = {
    let mut may_be = [0; HASHES];
    let mut i = 0;
    while i < STEMS.len() {
        let [a, b, c] = *STEMS[i];
        may_be[hash_of([a, b, c, 0])] = 1;
        i += 1;
    }
    may_be
};

const HASHES: usize = 4096;

/// Of the first three letters, whatever their case.
#[inline(always)]
const fn hash_of(letters: [u8; 4]) -> usize {
    let letters = u32::from_le_bytes(letters) & 0x001f_1f1f;
    (letters.wrapping_mul(0x9e37_79b1) >> 20) as usize
}

/// A quick look at a name and the byte behind it: false where no three letters in a row are a stem.
#[inline(always)]
pub(in crate::rules) fn may_have_stem(name_and_one: &[u8]) -> bool {
    let (mut rest, mut any) = (name_and_one, 0);
    while let Some(four) = rest.first_chunk() {
        any |= MAY_BE_STEM[hash_of(*four)];
        rest = &rest[1..];
    }
    any != 0
}

/// Whether any three letters in a row are a stem, or the last two are `pw`, which has no three.
pub(in crate::rules) fn has_stem(name: &[u8]) -> bool {
    let mut last = 0;
    let short = matches!(name, [.., b'p' | b'P', b'w' | b'W']);
    short
        || name.iter().any(|c| {
            last = (last << 5 | usize::from(c & 31)) & 0x7fff;
            is_stem(last)
        })
}

/// Whether three letters, the first in the highest of three times five bits, are a stem.
#[inline]
pub(in crate::rules) fn is_stem(letters: usize) -> bool {
    STEM_BITS[letters / 64] & (1 << (letters % 64)) != 0
}

/// What stands before a stem in some sensitive word, as bits by the letter's lowest five; all where
/// a word begins with the stem. Several stems share a place, which then lets through what any of
/// them does.
static BEFORE_STEM: [u32; 256] = {
    let mut before = [0; 256];
    let mut group = 0;
    while group < WORDS.len() {
        let mut n = 0;
        while n < WORDS[group].1.len() {
            add_stems(&mut before, WORDS[group].1[n].as_bytes());
            n += 1;
        }
        group += 1;
    }
    let mut list = 0;
    while list < BESIDE.len() {
        let mut n = 0;
        while n < BESIDE[list].len() {
            add_stems(&mut before, BESIDE[list][n].as_bytes());
            n += 1;
        }
        list += 1;
    }
    before
};

/// Words that make others sensitive (`tax_id`, `card_no`), and names whose values are judged where
/// they are read.
const BESIDE: [&[&str]; 4] = [
    NUMBERED,
    SECRET_CODES,
    &[
        "taxpayer",
        "tax",
        "dod",
        "national",
        "session",
        "sess",
        "connection",
        "conn",
        "code",
    ],
    &["ticket", "samlresponse"],
];

const fn add_stems(before: &mut [u32; 256], word: &[u8]) {
    let mut i = 0;
    while i + 2 < word.len() {
        let n = (word[i] as usize & 31) << 10
            | (word[i + 1] as usize & 31) << 5
            | (word[i + 2] as usize & 31);
        if STEM_BITS[n / 64] & (1 << (n % 64)) != 0 {
            before[stem_place(n)] |= if i == 0 {
                u32::MAX
            } else {
                1 << (word[i - 1] & 31)
            };
        }
        i += 1;
    }
}

const fn stem_place(letters: usize) -> usize {
    (letters ^ letters >> 7) % 256
}

/// Whether a sensitive word has this byte before this stem: `packet` and `mouth` hold one too.
#[inline]
pub(in crate::rules) fn may_follow(before: Option<u8>, stem: usize) -> bool {
    let letters = BEFORE_STEM[stem_place(stem)];
    before.map_or(letters == u32::MAX, |c| letters & 1 << (c & 31) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::keys::words::Meaning;

    #[test]
    fn every_word_that_can_make_a_name_sensitive_holds_a_stem() {
        for (meaning, words) in WORDS {
            if matches!(meaning, Meaning::Value | Meaning::About) {
                continue;
            }
            for word in *words {
                // These are sensitive only beside another word, which then holds the stem.
                let beside = matches!(*word, "id" | "no" | "nr" | "string" | "str" | "verifier");
                assert!(beside || has_stem(word.as_bytes()), "{word}");
            }
        }
    }

    #[test]
    fn a_hash_lets_every_stem_through_and_few_names_without_one() {
        for stem in STEMS {
            for stem in [stem.to_ascii_lowercase(), stem.to_ascii_uppercase()] {
                let name = [b"a_", &stem[..], b"="].concat();
                assert!(may_have_stem(&name), "{stem:?}");
            }
        }
        let plain = ["uid=", "level=", "org.apache.hadoop.hdfs:", "depth="];
        let through = plain.iter().filter(|name| may_have_stem(name.as_bytes()));
        assert_eq!(through.count(), 0);
    }

    #[test]
    fn a_stem_counts_only_behind_a_letter_that_a_word_has_there() {
        let stems = |name: &str| {
            let name = name.as_bytes();
            let may = |i: usize| {
                let n = name[i..i + 3]
                    .iter()
                    .fold(0, |n, c| n << 5 | usize::from(c & 31));
                is_stem(n) && may_follow(i.checked_sub(1).map(|i| name[i]), n)
            };
            (0..name.len().saturating_sub(2)).any(may)
        };
        let groups = WORDS
            .iter()
            .filter(|(meaning, _)| *meaning != Meaning::About);
        for word in groups
            .flat_map(|(_, words)| *words)
            .chain(BESIDE.into_iter().flatten())
            // Too short for one, and looked for by itself.
            .filter(|word| !word.ends_with("pw"))
        {
            assert_eq!(stems(word), has_stem(word.as_bytes()), "{word}");
            assert_eq!(
                stems(&format!("my_{word}")),
                has_stem(word.as_bytes()),
                "{word}"
            );
        }
        for word in ["PacketResponder", "mouth", "broken"] {
            assert!(has_stem(word.as_bytes()) && !stems(word), "{word}");
        }
        for stem in STEMS {
            let stem = std::str::from_utf8(&stem[..]).unwrap_or("-");
            let mut words = WORDS
                .iter()
                .flat_map(|(_, words)| *words)
                .chain(BESIDE.into_iter().flatten());
            assert!(
                words.any(|word| word.contains(stem)),
                "{stem:?} is of no word"
            );
        }
    }
}
