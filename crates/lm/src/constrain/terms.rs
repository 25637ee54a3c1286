//! Regular languages over bytes as terms, and what is left of one behind a byte: Brzozowski's derivative (J. ACM 11, 1964). Equal terms
//! are one, so a term is a state of an automaton that is built as far as it is walked.
//!
//! Knows no tokens and no syntax.

use std::collections::HashMap;

/// A language, by its number.
pub(super) type Term = u32;

/// The language without a text: nothing leads out of it.
pub(super) const NOTHING: Term = 0;
/// The language of the empty text.
pub(super) const EMPTY: Term = 1;

/// No upper bound of a repetition.
pub(super) const UNBOUNDED: u32 = u32::MAX;

/// A derivative that has not been asked for yet.
const UNKNOWN: Term = Term::MAX;

/// A set of bytes.
pub(super) type Bytes = [u64; 4];

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Node {
    Nothing,
    Empty,
    One(Bytes),
    /// The first is no `Then`.
    Then(Term, Term),
    /// At least two, in order of number, at most one of them a `One`.
    Any(Box<[Term]>),
    Repeat(Term, u32, u32),
}

/// All terms of a rule.
#[derive(Debug)]
pub(super) struct Terms {
    nodes: Vec<Node>,
    numbers: HashMap<Node, Term>,
    /// Whether the empty text belongs to it, and the length of its shortest text, by number.
    accepts: Vec<bool>,
    least: Vec<u32>,
    /// What is left behind each class of bytes; empty where nothing was asked yet.
    left: Vec<Box<[Term]>>,
    /// Bytes that no term tells apart are a class.
    class_of: [u8; 256],
    classes: usize,
}

impl Terms {
    pub(super) fn new() -> Self {
        let (nodes, numbers) = (Vec::new(), HashMap::new());
        let mut terms = Self {
            nodes,
            numbers,
            accepts: Vec::new(),
            least: Vec::new(),
            left: Vec::new(),
            class_of: [0; 256],
            classes: 0,
        };
        terms.number(Node::Nothing, false, u32::MAX);
        terms.number(Node::Empty, true, 0);
        terms
    }

    fn number(&mut self, node: Node, accepts: bool, least: u32) -> Term {
        if let Some(&term) = self.numbers.get(&node) {
            return term;
        }
        let term = self.nodes.len() as Term;
        self.nodes.push(node.clone());
        self.numbers.insert(node, term);
        self.accepts.push(accepts);
        self.least.push(least);
        self.left.push(Box::default());
        term
    }

    /// Whether the text so far is whole.
    pub(super) fn accepts(&self, term: Term) -> bool {
        self.accepts[term as usize]
    }

    /// Bytes of the shortest text.
    pub(super) fn least(&self, term: Term) -> u32 {
        self.least[term as usize]
    }

    /// One byte of a set.
    pub(super) fn one(&mut self, of: Bytes) -> Term {
        if of == [0; 4] { NOTHING } else { self.number(Node::One(of), false, 1) }
    }

    /// One byte of a range.
    pub(super) fn range(&mut self, first: u8, last: u8) -> Term {
        let mut set = [0; 4];
        for byte in first..=last {
            set[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
        self.one(set)
    }

    /// These very bytes.
    pub(super) fn text(&mut self, bytes: &[u8]) -> Term {
        bytes.iter().rev().fold(EMPTY, |rest, &byte| {
            let first = self.range(byte, byte);
            self.then(first, rest)
        })
    }

    /// One behind the other.
    pub(super) fn then(&mut self, first: Term, rest: Term) -> Term {
        if first == NOTHING || rest == NOTHING {
            return NOTHING;
        }
        // Sequences lean to the right, so that equal ones are one.
        let (mut parts, mut last) = (Vec::new(), first);
        while let Node::Then(a, b) = self.nodes[last as usize] {
            parts.push(a);
            last = b;
        }
        parts.push(last);
        parts.into_iter().rev().fold(rest, |rest, part| match (part, rest) {
            (EMPTY, rest) => rest,
            (part, EMPTY) => part,
            _ => {
                let (accepts, least) = (self.accepts(part) && self.accepts(rest), self.least(part));
                self.number(Node::Then(part, rest), accepts, least.saturating_add(self.least(rest)))
            }
        })
    }

    /// All in a row.
    pub(super) fn sequence(&mut self, parts: &[Term]) -> Term {
        parts.iter().rev().fold(EMPTY, |rest, &part| self.then(part, rest))
    }

    /// One of these.
    pub(super) fn any(&mut self, of: &[Term]) -> Term {
        let (mut all, mut bytes) = (Vec::new(), [0; 4]);
        let mut put = |term: Term, node: &Node| match node {
            Node::Nothing => {}
            Node::One(set) => bytes.iter_mut().zip(set).for_each(|(all, some)| *all |= some),
            _ => all.push(term),
        };
        for &term in of {
            match &self.nodes[term as usize] {
                Node::Any(inner) => inner.iter().for_each(|&term| put(term, &self.nodes[term as usize])),
                node => put(term, node),
            }
        }
        if bytes != [0; 4] {
            all.push(self.one(bytes));
        }
        all.sort_unstable();
        all.dedup();
        if all.len() < 2 {
            return all.first().copied().unwrap_or(NOTHING);
        }
        let accepts = all.iter().any(|&term| self.accepts(term));
        let least = all.iter().map(|&term| self.least(term)).min().unwrap_or(0);
        self.number(Node::Any(all.into()), accepts, least)
    }

    /// It, or the empty text.
    pub(super) fn maybe(&mut self, term: Term) -> Term {
        self.any(&[EMPTY, term])
    }

    /// Between `min` and `max` times.
    pub(super) fn repeat(&mut self, term: Term, min: u32, max: u32) -> Term {
        // What may be empty may be left out.
        let min = if self.accepts(term) { 0 } else { min };
        match (term, min, max) {
            _ if min > max => NOTHING,
            (_, _, 0) | (EMPTY, _, _) | (NOTHING, 0, _) => EMPTY,
            (NOTHING, ..) => NOTHING,
            (term, 1, 1) => term,
            _ => {
                let least = self.least(term).saturating_mul(min);
                self.number(Node::Repeat(term, min, max), min == 0, least)
            }
        }
    }

    /// No more terms will be built but by [`Self::behind`]: find the bytes that go together.
    pub(super) fn seal(&mut self) {
        let mut known: HashMap<Vec<bool>, u8> = HashMap::new();
        for byte in 0..=255u8 {
            let sets = self.nodes.iter().filter_map(|node| match node {
                Node::One(set) => Some(set[usize::from(byte / 64)] >> (byte % 64) & 1 == 1),
                _ => None,
            });
            // At most 256 of them: the last has number 255.
            let next = known.len() as u8;
            self.class_of[usize::from(byte)] = *known.entry(sets.collect()).or_insert(next);
        }
        self.classes = known.len();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// What may follow a byte.
    pub(super) fn behind(&mut self, term: Term, byte: u8) -> Term {
        let class = usize::from(self.class_of[usize::from(byte)]);
        if let Some(&known) = self.left[term as usize].get(class).filter(|&&known| known != UNKNOWN) {
            return known;
        }
        let left = match self.nodes[term as usize].clone() {
            Node::Nothing | Node::Empty => NOTHING,
            Node::One(set) => {
                if set[usize::from(byte / 64)] >> (byte % 64) & 1 == 1 {
                    EMPTY
                } else {
                    NOTHING
                }
            }
            Node::Then(first, rest) => {
                let inside = self.behind(first, byte);
                let inside = self.then(inside, rest);
                if self.accepts(first) {
                    let beyond = self.behind(rest, byte);
                    self.any(&[inside, beyond])
                } else {
                    inside
                }
            }
            Node::Any(of) => {
                let left: Vec<Term> = of.iter().map(|&term| self.behind(term, byte)).collect();
                self.any(&left)
            }
            Node::Repeat(term, min, max) => {
                let inside = self.behind(term, byte);
                let max = if max == UNBOUNDED { UNBOUNDED } else { max - 1 };
                let more = self.repeat(term, min.saturating_sub(1), max);
                self.then(inside, more)
            }
        };
        let row = &mut self.left[term as usize];
        if row.is_empty() {
            *row = vec![UNKNOWN; self.classes].into();
        }
        row[class] = left;
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(terms: &mut Terms, term: Term, text: &[u8]) -> bool {
        let end = text.iter().fold(term, |term, &byte| terms.behind(term, byte));
        terms.accepts(end)
    }

    #[test]
    fn languages_hold_what_they_say() {
        let mut t = Terms::new();
        let (a, b) = (t.text(b"a"), t.text(b"b"));
        let ab = t.then(a, b);
        let either = t.any(&[a, ab]);
        let some = t.repeat(either, 2, 3);
        t.seal();
        for (text, wanted) in
            [("a", false), ("aa", true), ("aba", true), ("abab", true), ("aaab", true), ("aaaa", false), ("ba", false)]
        {
            assert_eq!(matches(&mut t, some, text.as_bytes()), wanted, "{text}");
        }
        assert_eq!((t.least(some), t.accepts(some)), (2, false));
    }

    #[test]
    fn equal_languages_are_one_term() {
        let mut t = Terms::new();
        let (a, b, c) = (t.text(b"a"), t.text(b"b"), t.text(b"c"));
        let left = t.then(a, b);
        let left = t.then(left, c);
        assert_eq!(left, t.text(b"abc"));
        assert_eq!(t.any(&[b, a]), t.range(b'a', b'b'));
        assert_eq!(t.any(&[left, NOTHING, left]), left);
        assert_eq!(t.repeat(a, 1, 1), a);
        assert_eq!((t.then(a, NOTHING), t.repeat(NOTHING, 0, 5), t.repeat(a, 3, 2)), (NOTHING, EMPTY, NOTHING));
        // A loop comes back to where it was.
        let many = t.repeat(left, 0, UNBOUNDED);
        t.seal();
        let mut at = many;
        for byte in *b"abcabc" {
            at = t.behind(at, byte);
        }
        assert_eq!(at, many);
        assert_eq!(t.behind(at, b'z'), NOTHING);
    }
}
