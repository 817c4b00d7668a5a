//! Where a slot's texts are put together: a buffer of fixed size that each thread has one of.
//!
//! What does not fit is cut on a character's border and says so, like everything that is cut.

use std::cell::RefCell;
use std::fmt;

use soliplex_wire::Severity;
use soliplex_wire::limits::TRUNCATED;

use super::slot::{Head, MAX_CATEGORY_BYTES, MAX_LOGGER_BYTES, TEXT_BYTES};
use super::word::WORD_BYTES;

/// Logger, message and category of one record, being written.
pub(super) struct Text {
    /// A word more than there is room for, so that the last one can be filled up in one go.
    bytes: [u8; TEXT_BYTES + WORD_BYTES],
    logger_bytes: usize,
    /// Where the message ends.
    len: usize,
    /// Whether some of the message found no room.
    cut: bool,
    category: [u8; MAX_CATEGORY_BYTES],
    category_bytes: usize,
}

impl Text {
    const fn new() -> Text {
        Text {
            bytes: [0; TEXT_BYTES + WORD_BYTES],
            logger_bytes: 0,
            len: 0,
            cut: false,
            category: [0; MAX_CATEGORY_BYTES],
            category_bytes: 0,
        }
    }

    /// Lends this thread's buffer to `use_it`; a value that logs while it is rendered gets one of
    /// its own.
    ///
    /// So does a thread that is already ending.
    #[inline]
    pub(super) fn with<R>(use_it: impl Fn(&mut Text) -> R) -> R {
        thread_local! {
            static KEPT: RefCell<Text> = const { RefCell::new(Text::new()) };
        }
        let used =
            KEPT.try_with(|kept| kept.try_borrow_mut().ok().map(|mut text| use_it(&mut text)));
        used.ok()
            .flatten()
            .unwrap_or_else(|| use_it(&mut Text::new()))
    }

    /// Begins a record of this logger, with no message and no category.
    #[inline]
    pub(super) fn begin(&mut self, logger: &str) {
        (self.len, self.cut, self.category_bytes) = (0, false, 0);
        if logger.len() <= MAX_LOGGER_BYTES {
            self.bytes[..logger.len()].copy_from_slice(logger.as_bytes());
            self.len = logger.len();
        } else {
            let kept = prefix(logger, MAX_LOGGER_BYTES - TRUNCATED.len());
            self.push(kept);
            self.push(TRUNCATED);
        }
        self.logger_bytes = self.len;
    }

    /// Whether there is a message so far.
    pub(super) fn has_message(&self) -> bool {
        self.len > self.logger_bytes
    }

    /// Whether nothing more can be taken.
    pub(super) fn is_full(&self) -> bool {
        self.cut
    }

    /// Appends to the message what there is room for.
    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        let room = &mut self.bytes[self.len..TEXT_BYTES];
        match room.get_mut(..text.len()) {
            Some(room) if !self.cut => {
                room.copy_from_slice(text.as_bytes());
                self.len += text.len();
            }
            _ => self.push_prefix(text),
        }
    }

    #[cold]
    fn push_prefix(&mut self, text: &str) {
        if self.cut {
            return;
        }
        let kept = prefix(text, TEXT_BYTES - self.len);
        self.bytes[self.len..][..kept.len()].copy_from_slice(kept.as_bytes());
        self.len += kept.len();
        self.cut = true;
    }

    /// Forgets the message, for a value that failed while it was rendered.
    pub(super) fn clear_message(&mut self) {
        (self.len, self.cut) = (self.logger_bytes, false);
    }

    /// What the event says it is.
    pub(super) fn set_category(&mut self, category: &str) {
        let kept = prefix(category, MAX_CATEGORY_BYTES);
        self.category[..kept.len()].copy_from_slice(kept.as_bytes());
        self.category_bytes = kept.len();
    }

    /// The texts joined, as words, and the head that says where each ends.
    #[inline]
    pub(super) fn finish(&mut self, severity: Severity) -> (Head, &[[u8; WORD_BYTES]]) {
        if self.cut || self.len + self.category_bytes > TEXT_BYTES {
            self.mark();
        }
        let message_bytes = self.len - self.logger_bytes;
        let end = self.len + self.category_bytes;
        if self.category_bytes > 0 {
            self.bytes[self.len..end].copy_from_slice(&self.category[..self.category_bytes]);
        }
        let whole = end.next_multiple_of(WORD_BYTES);
        self.bytes[end..][..WORD_BYTES].copy_from_slice(&[0; WORD_BYTES]);
        let (words, _) = self.bytes[..whole].as_chunks();
        let head = Head {
            severity,
            logger_bytes: self.logger_bytes,
            message_bytes,
            category_bytes: self.category_bytes,
        };
        (head, words)
    }

    /// Cuts the message back for the category and the mark.
    #[cold]
    fn mark(&mut self) {
        let room = TEXT_BYTES - self.category_bytes - TRUNCATED.len();
        // Bytes that continue a character begin with the bits 10: RFC 3629, section 3.
        let continues = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
        let mut end = room.min(self.len).max(self.logger_bytes);
        while end > self.logger_bytes && self.bytes.get(end).is_some_and(|byte| continues(*byte)) {
            end -= 1;
        }
        self.bytes[end..][..TRUNCATED.len()].copy_from_slice(TRUNCATED.as_bytes());
        self.len = end + TRUNCATED.len();
    }
}

impl fmt::Write for Text {
    /// Fails when there is no room, so that a value which prints without end is stopped.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}

/// As much of `text` as goes into that many bytes.
fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

// The mark finds room behind the longest logger and category.
const _: () = assert!(MAX_LOGGER_BYTES + MAX_CATEGORY_BYTES + TRUNCATED.len() < TEXT_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Logger, message and category as they were joined.
    fn written(logger: &str, message: &[&str], category: &str) -> (String, String, String) {
        let mut text = Text::new();
        text.begin(logger);
        message.iter().for_each(|piece| {
            let _ = text.write_str(piece);
        });
        text.set_category(category);
        let (head, words) = text.finish(Severity::Info);
        let joined = String::from_utf8(words.as_flattened().to_vec()).unwrap();
        assert!(joined[head.text_bytes()..].bytes().all(|byte| byte == 0));
        let (logger, rest) = joined.split_at(head.logger_bytes);
        let (message, rest) = rest.split_at(head.message_bytes);
        let category = &rest[..head.category_bytes];
        (logger.into(), message.into(), category.into())
    }

    #[test]
    fn what_fits_is_kept_as_it_is() {
        let expected = ("app::http".into(), "sent 3 bytes".into(), "network".into());
        assert_eq!(
            written("app::http", &["sent ", "3", " bytes"], "network"),
            expected
        );
    }

    #[test]
    fn what_does_not_fit_is_cut_between_characters_and_marked() {
        for (logger, category) in [
            ("", ""),
            ("app", ""),
            ("app", "ui"),
            (&"l".repeat(300), "ui"),
        ] {
            for before in 0..8 {
                let long = "x".repeat(before) + &"ä€😀".repeat(100);
                let (told, message, kind) = written(logger, &[&long], category);
                let kept = message.strip_suffix(TRUNCATED).unwrap();
                assert!(long.starts_with(kept), "{kept}");
                assert_eq!(kind, category);
                assert!(told.len() <= MAX_LOGGER_BYTES);
                // No more than a character, three bytes of it, was given up for nothing.
                let used = told.len() + message.len() + kind.len();
                assert!(used > TEXT_BYTES - 4, "{used}");
            }
        }
    }

    #[test]
    fn a_long_logger_is_marked_and_a_long_category_is_cut() {
        let (logger, message, category) = written(&"é".repeat(200), &["message"], &"k".repeat(100));
        assert!(logger.ends_with(TRUNCATED));
        assert_eq!(message, "message");
        assert_eq!(category, "k".repeat(MAX_CATEGORY_BYTES));
    }
}
