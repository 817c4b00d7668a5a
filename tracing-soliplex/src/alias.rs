//! The device's alias: three words for a phone call, in place of an id that nobody can spell.
//!
//! "It says *calm amber otter*": made from the install id and nothing else, so the server, a
//! support engineer and the device itself come to the same three words, and it lasts as long as
//! the installation. It is no id: 16 million aliases are enough to find a device among those of a
//! customer, and among ten thousand devices some two or three pairs share one.
//!
//! The words are lines of `alias.txt`: an attribute, a thing, an animal. The CRC-32 of the id, as
//! text in lower case with its hyphens, says which: its lowest byte the line of the first word,
//! the next one that of the second, the one after that of the third. The list must never change.

/// The resource attribute that holds it.
pub(crate) const ATTRIBUTE: &str = "soliplex.device.alias";

/// A line has three words, and there is one for each value of a byte.
const WORDS: &str = include_str!("alias.txt");

/// The alias of the installation with this id, as `calm-amber-otter`.
pub(crate) fn of(install_id: &str) -> String {
    let [.., third, second, first] = crc32fast::hash(install_id.as_bytes()).to_be_bytes();
    let mut alias = String::new();
    for (column, line) in [first, second, third].into_iter().enumerate() {
        let line = WORDS.lines().nth(line.into()).unwrap_or_default();
        if column > 0 {
            alias.push('-');
        }
        alias.push_str(line.split(' ').nth(column).unwrap_or_default());
    }
    alias
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn columns() -> [Vec<&'static str>; 3] {
        [0, 1, 2].map(|column| {
            let words = WORDS.lines().map(|line| line.split(' ').nth(column));
            words.map(Option::unwrap).collect()
        })
    }

    /// Whether one slip of the ear or the pen makes one word the other.
    fn are_close(a: &str, b: &str) -> bool {
        let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        let same = short.bytes().zip(long.bytes()).take_while(|(a, b)| a == b);
        let same = same.count();
        match long.len() - short.len() {
            0 => short.get(same + 1..) == long.get(same + 1..),
            1 => short.get(same..) == long.get(same + 1..),
            _ => false,
        }
    }

    #[test]
    fn an_alias_never_changes() {
        // Written down from an earlier version: a support desk may have it in its notes.
        for (install_id, alias) in [
            ("9e2f0b1c-6a51-4f0e-8d37-2f6f3a1b5c77", "fit-sky-wolf"),
            (
                "00000000-0000-4000-8000-000000000000",
                "bubbly-apple-spaniel",
            ),
        ] {
            assert_eq!(of(install_id), alias);
        }
    }

    #[test]
    fn every_byte_has_its_word_and_no_word_stands_twice() {
        let all: Vec<&str> = columns().concat();
        assert_eq!(all.len(), 3 * 256);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        for word in all {
            assert!((3..=8).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn no_word_is_another_one_misheard() {
        for words in columns() {
            for (index, word) in words.iter().enumerate() {
                for other in &words[index + 1..] {
                    assert!(!are_close(word, other), "{word} and {other}");
                    let one_begins = word.starts_with(other) || other.starts_with(word);
                    assert!(!one_begins, "{word} and {other}");
                }
            }
        }
    }

    #[test]
    fn aliases_of_different_installations_spread() {
        let aliases: HashSet<String> = (0..1_000)
            .map(|n| of(&uuid::Uuid::from_u128(n).to_string()))
            .collect();
        assert!(aliases.len() > 990, "{}", aliases.len());
    }
}
