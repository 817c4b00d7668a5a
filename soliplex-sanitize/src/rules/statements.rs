//! Passwords in statements of SQL: `IDENTIFIED BY 'hunter2'`, and in the row that a column names.

use super::catalog::Rule;
use super::pairs::{closing_quote, opening_quote};
use super::scan::Scan;
use super::steps::steps;

/// How far behind the `@` of a database's user his password is told.
const MAX_IDENTITY_BYTES: usize = 96;

/// The names of a table's columns are no longer.
const MAX_COLUMNS_BYTES: usize = 256;

/// Nor is the row.
const MAX_ROW_BYTES: usize = 1024;

impl Scan<'_> {
    /// `'ann'@'%' IDENTIFIED BY 'hunter2'`, `PASSWORD FOR 'ann'@'%' = 'hunter2'`; `at` is behind the
    /// `@`.
    pub(super) fn identified(&mut self, at: usize) {
        let b = self.b;
        let rest = &b[at..b.len().min(at + MAX_IDENTITY_BYTES)];
        let find = |word: &[u8], from: usize| {
            memchr::memmem::find(&rest[from..], word).map(|n| from + n + word.len())
        };
        let before = &b[at.saturating_sub(MAX_IDENTITY_BYTES)..at];
        let from = match find(b" IDENTIFIED ", 0) {
            // The method stands between: `IDENTIFIED WITH … BY`.
            Some(from) => find(b"BY ", from),
            None => memchr::memmem::find(before, b"PASSWORD FOR ").and_then(|_| find(b" = ", 0)),
        };
        let Some(from) = from else { return };
        let skipped = [&b"PASSWORD "[..], b"PASSWORD("];
        let skip = skipped.iter().find(|word| rest[from..].starts_with(word));
        let from = at + from + skip.map_or(0, |word| word.len());
        let Some((open, mark)) = opening_quote(b, from) else {
            return;
        };
        let stop = closing_quote(b, open, mark.0, mark.1);
        self.looked(stop - at);
        if stop > open && !self.is_marker(&b[open..stop]) {
            self.push(open, stop, Rule::Key);
        }
    }

    /// `INSERT INTO users (name, password) VALUES ('ann', 'hunter2')`; the column's name ends before
    /// `end`.
    pub(super) fn inserted(&mut self, end: usize) {
        let b = self.b;
        let floor = end.saturating_sub(MAX_COLUMNS_BYTES);
        let Some(open) = memchr::memrchr(b'(', &b[floor..end]).map(|n| floor + n) else {
            return;
        };
        let insert = |words: &[u8]| words.eq_ignore_ascii_case(b"insert into");
        let head = &b[open.saturating_sub(MAX_IDENTITY_BYTES)..open];
        steps(end - open + head.len());
        if !head.windows(11).any(insert) {
            return;
        }
        let column = b[open..end].iter().filter(|c| **c == b',').count();
        let ceiling = b.len().min(end + MAX_ROW_BYTES);
        let Some(close) = memchr::memchr(b')', &b[end..ceiling]).map(|n| end + n) else {
            return;
        };
        let values = b[close + 1..ceiling].trim_ascii_start();
        if !values
            .get(..6)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"values"))
        {
            return;
        }
        let Some(row) = memchr::memchr(b'(', &b[close..ceiling]) else {
            return;
        };
        let mut at = close + row + 1;
        for n in 0..=column {
            while b.get(at) == Some(&b' ') {
                at += 1;
            }
            let stop = match opening_quote(b, at) {
                Some((open, mark)) => {
                    let stop = closing_quote(b, open, mark.0, mark.1);
                    if n == column {
                        self.looked(stop - end);
                        if stop > open && !self.is_marker(&b[open..stop]) {
                            self.push(open, stop, Rule::Key);
                        }
                        return;
                    }
                    stop + mark.1 + 1
                }
                None => at,
            };
            let Some(comma) = b
                .get(stop..ceiling)
                .and_then(|rest| memchr::memchr2(b',', b')', rest))
            else {
                return;
            };
            steps(stop + comma - at);
            at = stop + comma + 1;
            if b[at - 1] == b')' {
                return;
            }
        }
    }
}
