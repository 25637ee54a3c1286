//! Numbers in text: sign, decimals, thousands separators, powers of ten.

use crate::spans::span;
use clicker_wire::Span;

/// The first number in `text`, and its bytes.
///
/// A number is an optional sign, digits (with `,` or a narrow or no-break space before groups of exactly three, or
/// none), an optional decimal point with digits, an optional exponent such as `e-3`. Digits inside a word ("H2O",
/// "v1.5") are no number; a unit may follow ("5km"); a sign counts only at the beginning of a word, so "3-5" begins
/// with 3.
#[must_use]
pub fn first_number(text: &str) -> Option<(f64, Span)> {
    let mut before: [Option<char>; 2] = [None, None];
    let mut rest_from = 0;
    for (start, c) in text.char_indices() {
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let inside_word = word(before[1]) || (before[1] == Some('.') && word(before[0]));
        before = [before[1], Some(c)];
        if start < rest_from || inside_word {
            continue;
        }
        if let Some((value, end)) = number_at(text, start) {
            if value.is_finite() {
                return Some((value, span(start, end)?));
            }
            rest_from = end;
        }
    }
    None
}

/// The number that `text` is, apart from outer white space and one closing full stop; none if there is anything else.
#[must_use]
pub fn whole_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    let (value, end) = number_at(text, 0)?;
    (end == text.len() && value.is_finite()).then_some(value)
}

/// The number that begins at byte `start`, and where it ends.
pub(crate) fn number_at(text: &str, start: usize) -> Option<(f64, usize)> {
    let mut scan = Scan { text, at: start };
    let mut plain = String::new();
    match scan.peek()? {
        '-' | '−' => {
            plain.push('-');
            scan.skip();
        }
        '+' => scan.skip(),
        _ => {}
    }
    let mut digits = scan.digits(&mut plain);
    if (1..=3).contains(&digits) {
        digits += scan.groups(&mut plain);
    }
    if scan.peek() == Some('.') && scan.text[scan.at + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        scan.skip();
        plain.push('.');
        digits += scan.digits(&mut plain);
    }
    if digits == 0 {
        return None;
    }
    scan.exponent(&mut plain);
    Some((plain.parse().ok()?, scan.at))
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn digits(&mut self, into: &mut String) -> usize {
        let run: String = self.text[self.at..].chars().take_while(char::is_ascii_digit).collect();
        self.at += run.len();
        into.push_str(&run);
        run.len()
    }

    /// Thousands: a separator and exactly three digits, as often as they come.
    fn groups(&mut self, into: &mut String) -> usize {
        let mut count = 0;
        while let Some(separator) = self.peek().filter(|c| matches!(c, ',' | '\u{a0}' | '\u{202f}')) {
            let after = self.at + separator.len_utf8();
            let run = self.text[after..].bytes().take_while(u8::is_ascii_digit).count();
            if run != 3 {
                break;
            }
            into.push_str(&self.text[after..after + 3]);
            self.at = after + 3;
            count += 3;
        }
        count
    }

    fn exponent(&mut self, into: &mut String) {
        let rest = &self.text[self.at..];
        let Some(tail) = rest.strip_prefix(['e', 'E']) else { return };
        let unsigned = tail.strip_prefix(['+', '-']).unwrap_or(tail);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || unsigned[digits..].starts_with(char::is_alphanumeric) {
            return;
        }
        let length = rest.len() - unsigned.len() + digits;
        into.push_str(&rest[..length]);
        self.at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table() {
        let rows: [(&str, Option<(f64, &str)>); 21] = [
            ("42", Some((42., "42"))),
            ("It is 42.", Some((42., "42"))),
            ("-5 degrees", Some((-5., "-5"))),
            ("−5", Some((-5., "−5"))),
            ("+7", Some((7., "+7"))),
            ("3-5", Some((3., "3"))),
            ("about 1,234,567.5 km", Some((1_234_567.5, "1,234,567.5"))),
            ("1,23", Some((1., "1"))),
            ("1234,567", Some((1234., "1234"))),
            ("1\u{202f}000", Some((1000., "1\u{202f}000"))),
            (".5", Some((0.5, ".5"))),
            ("5km", Some((5., "5"))),
            ("1.5e3!", Some((1500., "1.5e3"))),
            ("2em", Some((2., "2"))),
            ("H2O", None),
            ("v1.5", None),
            ("five", None),
            ("", None),
            ("- . +", None),
            ("1e999 or 3", Some((3., "3"))),
            ("$5", Some((5., "5"))),
        ];
        for (text, expected) in rows {
            let got = first_number(text).map(|(v, s)| (v, &text[s.start as usize..s.end as usize]));
            assert_eq!(got, expected, "{text:?}");
        }
        assert_eq!(whole_number(" 12. "), Some(12.0));
        assert_eq!(whole_number("-1,000"), Some(-1000.0));
        assert_eq!(whole_number("12 km"), None);
        assert_eq!(whole_number("Paris"), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_spans_fit(text in "(\\PC|[-+.,eE0-9]){0,20}") {
            if let Some((v, s)) = first_number(&text) {
                prop_assert!(v.is_finite() && text.get(s.start as usize..s.end as usize).is_some());
            }
            let _ = whole_number(&text);
        }

        #[test]
        fn reads_what_display_writes(v in -1e9..1e9f64) {
            prop_assert_eq!(first_number(&format!("so {v} it is")).map(|n| n.0), Some(v));
        }
    }
}
