//! Regular expressions, as far as they are regular: characters, classes, groups, alternatives, repetitions. Matched against the whole
//! text. Classes `\d`, `\w` and `\s` are ASCII; `.` is anything but a line break.

use super::terms::{EMPTY, Term, Terms, UNBOUNDED};
use crate::{LmError, Result};

/// Code points from one to another.
type Ranges = Vec<(u32, u32)>;

const LAST: u32 = 0x10_ffff;

/// Characters of a pattern: what is left behind a byte is found by going through it, one call within the other.
const LONGEST: usize = 2000;

/// Groups within groups.
const DEEPEST: usize = 100;

/// How a character is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Plain,
    /// As within a JSON string, where some are escaped.
    Json,
}

/// The texts that match a pattern as wholes.
///
/// # Errors
/// What is not understood, and at which character.
pub(super) fn whole(pattern: &str, terms: &mut Terms) -> Result<Term> {
    Parser { chars: pattern.chars().collect(), at: 0, depth: 0, spelling: Spelling::Plain, around: EMPTY, terms }.run()
}

/// The insides of JSON strings in which a pattern is found, as JSON Schema has it.
///
/// # Errors
/// As [`whole`].
pub(super) fn within_string(pattern: &str, terms: &mut Terms) -> Result<Term> {
    let any = characters(&[(0, LAST)], Spelling::Json, terms);
    let around = terms.repeat(any, 0, UNBOUNDED);
    Parser { chars: pattern.chars().collect(), at: 0, depth: 0, spelling: Spelling::Json, around, terms }.run()
}

/// One of these characters.
pub(super) fn characters(ranges: &[(u32, u32)], spelling: Spelling, terms: &mut Terms) -> Term {
    let mut ways = Vec::new();
    for &(first, last) in ranges {
        match spelling {
            Spelling::Plain => utf8(first, last, terms, &mut ways),
            Spelling::Json => json(first, last, terms, &mut ways),
        }
    }
    terms.any(&ways)
}

/// Quotes, backslashes and control characters are escaped, all others stand for themselves.
fn json(first: u32, last: u32, terms: &mut Terms, ways: &mut Vec<Term>) {
    let special = |c: u32| c < 0x20 || c == 0x22 || c == 0x5c;
    for c in (first..=last.min(0x5c)).filter(|&c| special(c)) {
        let escaped = match char::from_u32(c) {
            Some('"') => "\\\"".into(),
            Some('\\') => "\\\\".into(),
            Some('\n') => "\\n".into(),
            Some('\r') => "\\r".into(),
            Some('\t') => "\\t".into(),
            _ => format!("\\u{c:04x}"),
        };
        ways.push(terms.text(escaped.as_bytes()));
    }
    for (low, high) in [(0x20, 0x21), (0x23, 0x5b), (0x5d, LAST)] {
        let (low, high) = (first.max(low), last.min(high));
        if low <= high {
            utf8(low, high, terms, ways);
        }
    }
}

/// The UTF-8 of a range, cut where the bytes of its ends do not span all that lies between.
fn utf8(first: u32, last: u32, terms: &mut Terms, ways: &mut Vec<Term>) {
    for (low, high) in [(0, 0x7f), (0x80, 0x7ff), (0x800, 0xd7ff), (0xe000, 0xffff), (0x1_0000, LAST)] {
        let (low, high) = (first.max(low), last.min(high));
        if low <= high {
            same_length(low, high, terms, ways);
        }
    }
}

fn same_length(low: u32, high: u32, terms: &mut Terms, ways: &mut Vec<Term>) {
    let (Some(a), Some(b)) = (char::from_u32(low), char::from_u32(high)) else { return };
    for later in 1..a.len_utf8() as u32 {
        let rest = (1 << (6 * later)) - 1;
        if low & !rest != high & !rest {
            let cut = match (low & rest, high & rest) {
                (0, end) if end == rest => continue,
                (0, _) => (high & !rest) - 1,
                _ => low | rest,
            };
            same_length(low, cut, terms, ways);
            same_length(cut + 1, high, terms, ways);
            return;
        }
    }
    let (mut from, mut to) = ([0; 4], [0; 4]);
    let (from, to) = (a.encode_utf8(&mut from).as_bytes(), b.encode_utf8(&mut to).as_bytes());
    let bytes: Vec<Term> = from.iter().zip(to).map(|(&a, &b)| terms.range(a, b)).collect();
    ways.push(terms.sequence(&bytes));
}

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    spelling: Spelling,
    /// What may stand before and behind a pattern without anchors.
    around: Term,
    terms: &'a mut Terms,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Term> {
        if self.chars.len() > LONGEST {
            let problem = format!("a pattern of {} characters; expected at most {LONGEST}", self.chars.len());
            return Err(LmError::Constraint { at: "pattern".into(), problem });
        }
        let mut ways = Vec::new();
        loop {
            // Anchors belong to the alternatives of the whole.
            let start = if self.take('^') { EMPTY } else { self.around };
            let inside = self.sequence()?;
            let end = if self.take('$') { EMPTY } else { self.around };
            ways.push(self.terms.sequence(&[start, inside, end]));
            if !self.take('|') {
                break;
            }
        }
        match self.peek() {
            None => Ok(self.terms.any(&ways)),
            Some(odd) => self.refuse(format!("`{odd}` is out of place here; write \\{odd} for the character itself")),
        }
    }

    fn alternatives(&mut self) -> Result<Term> {
        let mut ways = vec![self.sequence()?];
        while self.take('|') {
            ways.push(self.sequence()?);
        }
        Ok(self.terms.any(&ways))
    }

    fn sequence(&mut self) -> Result<Term> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek().filter(|next| !['|', ')', '$'].contains(next)) {
            let atom = match next {
                '(' => self.group()?,
                '[' => {
                    self.at += 1;
                    let ranges = self.class()?;
                    characters(&ranges, self.spelling, self.terms)
                }
                '.' => {
                    self.at += 1;
                    let all = without(&[(0x0a, 0x0a), (0x0d, 0x0d)]);
                    characters(&all, self.spelling, self.terms)
                }
                '*' | '+' | '?' | '{' | '}' | ']' | '^' => {
                    return self
                        .refuse(format!("`{next}` is out of place here; write \\{next} for the character itself"));
                }
                _ => {
                    let ranges = self.character()?;
                    characters(&ranges, self.spelling, self.terms)
                }
            };
            parts.push(self.repeated(atom)?);
        }
        Ok(self.terms.sequence(&parts))
    }

    fn group(&mut self) -> Result<Term> {
        let start = self.at;
        self.at += 1;
        if self.take('?') && !self.take(':') {
            self.at = start;
            return self.refuse("only plain groups, (...) and (?:...), can be followed byte by byte".into());
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.refuse(format!("more than {DEEPEST} groups within each other"));
        }
        let inside = self.alternatives()?;
        self.depth -= 1;
        if self.take(')') {
            return Ok(inside);
        }
        match self.peek() {
            Some('$') => self.refuse("`$` ends the whole pattern or one of its outermost alternatives".into()),
            _ => {
                self.at = start;
                self.refuse("this group is not closed".into())
            }
        }
    }

    /// A quantifier behind an atom, if there is one. Whether it is greedy makes no difference to what matches.
    fn repeated(&mut self, atom: Term) -> Result<Term> {
        let (min, max) = match self.peek() {
            Some('*') => (0, UNBOUNDED),
            Some('+') => (1, UNBOUNDED),
            Some('?') => (0, 1),
            Some('{') => {
                let start = self.at;
                self.at += 1;
                let min = self.number()?;
                let max = match (min, self.take(',')) {
                    (_, true) => self.number()?.unwrap_or(UNBOUNDED),
                    (Some(min), false) => min,
                    (None, false) => 0,
                };
                // The closing brace is stepped over below.
                match (min, self.peek()) {
                    (Some(min), Some('}')) if min <= max => (min, max),
                    _ => {
                        self.at = start;
                        return self.refuse(
                            "expected {n}, {n,} or {n,m} with n at most m; write \\{ for the character itself".into(),
                        );
                    }
                }
            }
            _ => return Ok(atom),
        };
        self.at += 1;
        self.take('?');
        Ok(self.terms.repeat(atom, min, max))
    }

    fn number(&mut self) -> Result<Option<u32>> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.chars[start..self.at].iter().collect();
        match digits.parse::<u32>() {
            Ok(n) if n <= 1_000_000 => Ok(Some(n)),
            Ok(_) => self.refuse("more than a million repetitions".into()),
            Err(_) if digits.is_empty() => Ok(None),
            Err(_) => self.refuse("more than a million repetitions".into()),
        }
    }

    /// Behind the opening bracket.
    fn class(&mut self) -> Result<Ranges> {
        let (start, negated, mut ranges) = (self.at - 1, self.take('^'), Vec::new());
        let mut first = true;
        while first || self.peek() != Some(']') {
            let Some(next) = self.peek() else {
                self.at = start;
                return self.refuse("this class is not closed".into());
            };
            first = false;
            if next == ']' {
                return self.refuse("an empty class; write \\] for the character itself".into());
            }
            let low = self.character()?;
            let is_range = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|&c| c != ']');
            if !is_range {
                ranges.extend(low);
                continue;
            }
            self.at += 1;
            let high = self.character()?;
            match (&low[..], &high[..]) {
                ([(a, b)], [(c, d)]) if a == b && c == d && a <= c => ranges.push((*a, *c)),
                _ => return self.refuse("a range goes from a character to one that is not before it".into()),
            }
        }
        self.at += 1;
        Ok(if negated { without(&ranges) } else { ranges })
    }

    /// One character or escape.
    fn character(&mut self) -> Result<Ranges> {
        let Some(&c) = self.chars.get(self.at) else { return self.refuse("it ends too early".into()) };
        self.at += 1;
        if c != '\\' {
            return Ok(vec![(c.into(), c.into())]);
        }
        let Some(&c) = self.chars.get(self.at) else { return self.refuse("a backslash at the end".into()) };
        self.at += 1;
        let digit = [(0x30, 0x39)];
        let word = [(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
        let space = [(0x09, 0x0d), (0x20, 0x20)];
        let one = |c: u32| vec![(c, c)];
        Ok(match c {
            'd' => digit.to_vec(),
            'D' => without(&digit),
            'w' => word.to_vec(),
            'W' => without(&word),
            's' => space.to_vec(),
            'S' => without(&space),
            'n' => one(0x0a),
            'r' => one(0x0d),
            't' => one(0x09),
            'f' => one(0x0c),
            'v' => one(0x0b),
            'x' => one(self.hex(2)?),
            'u' => one(self.hex(4)?),
            c if c.is_ascii_alphanumeric() => {
                self.at -= 1;
                return self
                    .refuse(format!("\\{c} is not supported: it is no character, or cannot be followed byte by byte"));
            }
            c => one(c.into()),
        })
    }

    fn hex(&mut self, digits: usize) -> Result<u32> {
        let text: String = self.chars.iter().skip(self.at).take(digits).collect();
        let code = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits);
        match code.filter(|&code| char::from_u32(code).is_some()) {
            Some(code) => {
                self.at += digits;
                Ok(code)
            }
            None => self.refuse(format!("expected {digits} hexadecimal digits of a character")),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn refuse<T>(&self, problem: String) -> Result<T> {
        let pattern: String = self.chars.iter().collect();
        Err(LmError::Constraint { at: format!("character {} of /{pattern}/", self.at + 1), problem })
    }
}

/// All characters but these.
fn without(ranges: &[(u32, u32)]) -> Ranges {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let (mut out, mut next) = (Vec::new(), 0);
    for (first, last) in sorted {
        if first > next {
            out.push((next, first - 1));
        }
        next = next.max(last + 1);
    }
    if next <= LAST {
        out.push((next, LAST));
    }
    out
}
