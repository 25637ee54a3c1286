//! A text as people see it, for graders that look for forms: compatibility characters (full width, circled), digits of
//! other scripts, dashes and invisible characters made plain, capitals and punctuation kept, with a way back.

use super::{fold, is_accent, is_invisible};
use crate::spans::span;
use clicker_wire::Span;
use std::borrow::Cow;
use unicode_normalization::char::decompose_compatible;

/// The plain text, and where each of its characters comes from.
pub(crate) struct Plain<'t> {
    pub(crate) text: Cow<'t, str>,
    /// For each character: where it begins in `text`, and the bytes of the original. Empty where both are the same.
    origins: Vec<(usize, usize, usize)>,
}

impl<'t> Plain<'t> {
    pub(crate) fn of(original: &'t str) -> Self {
        if original.is_ascii() {
            return Self { text: Cow::Borrowed(original), origins: Vec::new() };
        }
        let mut text = String::with_capacity(original.len());
        let mut origins: Vec<(usize, usize, usize)> = Vec::with_capacity(original.len());
        for (start, c) in original.char_indices() {
            let end = start + c.len_utf8();
            decompose_compatible(c, |c| {
                if is_accent(c) || is_invisible(c) {
                    if let Some((_, _, reached)) = origins.last_mut() {
                        *reached = end;
                    }
                    return;
                }
                origins.push((text.len(), start, end));
                text.push(plain(c));
            });
        }
        Self { text: Cow::Owned(text), origins }
    }

    /// The bytes of the original that a place in the plain text comes from.
    pub(crate) fn original(&self, place: Span) -> Option<Span> {
        if self.origins.is_empty() {
            return Some(place);
        }
        let (from, to) = (place.start as usize, place.end as usize);
        let first = self.origins.partition_point(|(at, ..)| *at < from);
        let last = self.origins.partition_point(|(at, ..)| *at < to).checked_sub(1)?;
        span(self.origins.get(first)?.1, self.origins.get(last)?.2)
    }
}

/// Dashes and apostrophes of one kind, digits of the scripts that write decimals in their own.
fn plain(c: char) -> char {
    const ZEROS: [char; 12] = ['٠', '۰', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐'];
    if c.is_ascii() {
        return c;
    }
    if let Some("-" | "'") = fold(c) {
        return if fold(c) == Some("-") { '-' } else { '\'' };
    }
    let digit = ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero as u32).filter(|value| *value < 10));
    digit.and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back() {
        let text = "é ＠: ４\u{200b}２–٣!";
        let plain = Plain::of(text);
        assert_eq!(plain.text, "e @: 42-3!");
        for (from, to, original) in
            [(0, 1, "é"), (2, 3, "＠"), (5, 7, "４\u{200b}２"), (5, 9, "４\u{200b}２–٣"), (9, 10, "!")]
        {
            let back = plain.original(Span { start: from, end: to }).unwrap();
            assert_eq!(&text[back.start as usize..back.end as usize], original);
        }
        assert!(plain.original(Span { start: 10, end: 12 }).is_none());
    }
}
