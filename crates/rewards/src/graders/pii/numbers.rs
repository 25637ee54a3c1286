//! Numbers that lead to a person or their money: telephone, card and bank account numbers. Where a number carries check
//! digits they must be right, which is what tells a card from any other sixteen digits.

use crate::spans::span;
use clicker_wire::Span;

/// Telephone numbers: 7 to 15 digits after a plus; 9 to 15 in a form that starts with 0 or a bracket or has at least
/// three groups; or three and four digits with a hyphen. Dates, internet addresses, book numbers, thousands and cards
/// are no telephone numbers.
pub(super) fn phones(text: &str) -> Vec<Span> {
    runs(text).iter().filter(|run| run.is_phone()).filter_map(|run| span(run.start, run.end)).collect()
}

/// Card numbers: 13 to 19 digits, in groups or not, with a valid Luhn check digit.
pub(super) fn cards(text: &str) -> Vec<Span> {
    runs(text).iter().filter(|run| run.is_card()).filter_map(|run| span(run.start, run.end)).collect()
}

/// International bank account numbers: two capitals, two check digits, 11 to 30 capitals or digits, in groups or not;
/// the remainder by 97 must be 1 (ISO 13616).
pub(super) fn ibans(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let capital = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let inside = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let begins = !inside && capital(at) && capital(at + 1) && digit(at + 2) && digit(at + 3);
        match begins.then(|| iban(text, at)).flatten() {
            Some(end) => {
                out.extend(span(at, end));
                at = end;
            }
            // The next character, because slices above must begin on one.
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    out
}

/// Where the account number that begins at `start` ends: the longest valid one, ending where a group does.
fn iban(text: &str, start: usize) -> Option<usize> {
    let (mut plain, mut best, mut at) = (String::new(), None, start);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at).filter(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        plain.push(char::from(*byte));
        at += 1;
        let ends = !text[at..].starts_with(char::is_alphanumeric);
        if plain.len() > 34 {
            break;
        }
        if ends && plain.len() >= 15 && remainder_by_97(&plain) == Some(1) {
            best = Some(at);
        }
        if text[at..].starts_with(' ') {
            at += 1;
        }
    }
    best
}

/// The remainder of the number with its first four places moved to the end and A to Z read as 10 to 35.
fn remainder_by_97(plain: &str) -> Option<u32> {
    let (head, tail) = plain.split_at_checked(4)?;
    tail.chars().chain(head.chars()).try_fold(0, |rest, c| {
        let value = c.to_digit(36)?;
        Some(if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
    })
}

/// Digits in groups, with where they stand.
struct Run {
    start: usize,
    end: usize,
    /// The groups of digits, in order.
    groups: Vec<String>,
    /// What stands between them.
    separators: Vec<String>,
    plus: bool,
    bracket: bool,
}

/// Every run of digits that may be grouped by at most two of space, hyphen, dot, slash, brackets.
fn runs(text: &str) -> Vec<Run> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let count = digits(at);
        if count == 0 {
            at += 1;
            continue;
        }
        let before = |back: usize| at.checked_sub(back).map(|i| bytes[i]);
        let bracket = before(1) == Some(b'(');
        let plus = before(1) == Some(b'+') || (bracket && before(2) == Some(b'+'));
        let start = at - usize::from(bracket) - usize::from(plus);
        let mut run = Run { start, end: at + count, groups: Vec::new(), separators: Vec::new(), plus, bracket };
        run.groups.push(text[at..at + count].to_string());
        loop {
            let between = |b: &&u8| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')');
            let gap = bytes[run.end..].iter().take(3).take_while(between).count();
            let count = digits(run.end + gap);
            if gap == 0 || gap > 2 || count == 0 {
                break;
            }
            run.separators.push(text[run.end..run.end + gap].to_string());
            run.groups.push(text[run.end + gap..run.end + gap + count].to_string());
            run.end += gap + count;
        }
        at = run.end;
        // Digits inside a word are a name ("A4", "x86"), not a number.
        let word = |c: Option<char>| c.is_some_and(char::is_alphabetic);
        if !word(text[..run.start].chars().next_back()) && !word(text[run.end..].chars().next()) {
            out.push(run);
        }
    }
    out
}

impl Run {
    fn digits(&self) -> String {
        self.groups.concat()
    }

    fn lengths(&self) -> Vec<usize> {
        self.groups.iter().map(String::len).collect()
    }

    fn is_card(&self) -> bool {
        let plain = self.separators.iter().all(|s| s == " " || s == "-");
        let digits = self.digits();
        plain && !self.plus && (13..=19).contains(&digits.len()) && luhn(&digits)
    }

    fn is_phone(&self) -> bool {
        let count = self.groups.iter().map(String::len).sum::<usize>();
        if self.plus {
            return (7..=15).contains(&count);
        }
        if self.lengths() == [3, 4] {
            return self.separators == ["-"];
        }
        let trunk = self.bracket || self.groups.first().is_some_and(|g| g.starts_with('0'));
        let shaped = trunk || self.groups.len() >= 3;
        (9..=15).contains(&count) && shaped && !self.is_something_else()
    }

    /// A date, an internet address, a book number, a number with thousands apart, or a card.
    fn is_something_else(&self) -> bool {
        let lengths = self.lengths();
        let all = |separator: &str| self.separators.iter().all(|s| s == separator);
        let date = lengths.starts_with(&[4, 2, 2]) || lengths.starts_with(&[2, 2, 4]);
        let internet = lengths.len() == 4 && all(".") && lengths.iter().all(|n| *n <= 3);
        let book = self.digits().len() == 13 && (self.digits().starts_with("978") || self.digits().starts_with("979"));
        let thousands = (all(" ") || all("."))
            && lengths.first().is_some_and(|n| *n <= 3)
            && lengths.iter().skip(1).all(|n| *n == 3)
            && !self.groups.first().is_some_and(|g| g.starts_with('0'));
        date || internet || book || thousands || self.is_card()
    }
}

/// Whether the last digit checks the others: from the right every second digit is doubled (minus 9 above 9), and the
/// sum is a multiple of ten. All zeros would pass and are no card.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0');
            match (i % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum > 0 && sum.is_multiple_of(10)
}
