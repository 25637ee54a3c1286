//! Answers that follow a rule: a regular expression or a JSON schema becomes an automaton over bytes ([`terms`]), and before every token
//! those of the vocabulary that lead nowhere are ruled out. What may follow in a state is found once and kept.
//!
//! Never knows probabilities: what a token is reported with stays the model's own.

mod json;
mod regex;
mod schema;
mod terms;

use crate::{LmError, Result, Tokenizer};
use std::collections::HashMap;
use std::sync::Arc;
use terms::{NOTHING, Term, Terms};

/// Terms of the largest rule: some hundred megabytes when all of it has been walked.
const MOST_TERMS: usize = 1 << 18;

/// A rule for a whole answer, special tokens apart.
#[derive(Debug)]
pub struct Rule {
    terms: Terms,
    start: Term,
}

impl Rule {
    /// Texts that match a regular expression from beginning to end.
    ///
    /// # Errors
    /// What is not supported, or matched by nothing, and where.
    pub fn regex(pattern: &str) -> Result<Self> {
        Self::of(|terms| regex::whole(pattern, terms), || format!("/{pattern}/"))
    }

    /// Values of a JSON schema.
    ///
    /// # Errors
    /// As [`Self::regex`].
    pub fn schema(schema: &str) -> Result<Self> {
        Self::of(|terms| schema::values(schema, terms), || "schema".into())
    }

    fn of(build: impl FnOnce(&mut Terms) -> Result<Term>, name: impl Fn() -> String) -> Result<Self> {
        let mut terms = Terms::new();
        let start = build(&mut terms)?;
        let refuse = |problem: String| Err(LmError::Constraint { at: name(), problem });
        if start == NOTHING {
            return refuse("no text satisfies it".into());
        }
        if terms.len() > MOST_TERMS {
            return refuse(format!("it has {} parts; expected at most {MOST_TERMS}", terms.len()));
        }
        terms.seal();
        Ok(Self { terms, start })
    }

    /// Whether a text follows it.
    pub fn holds(&mut self, text: &str) -> bool {
        let end = text.bytes().fold(self.start, |at, byte| self.terms.behind(at, byte));
        self.terms.accepts(end)
    }

    /// Bytes of the shortest text that follows it.
    #[must_use]
    pub fn least(&self) -> u32 {
        self.terms.least(self.start)
    }
}

/// A rule and a vocabulary.
#[derive(Debug)]
pub struct Constraint {
    terms: Terms,
    start: Term,
    tokenizer: Tokenizer,
    /// Tokens that stand for bytes, in the order of these, and how many bytes each shares with the one before.
    order: Vec<u32>,
    shared: Vec<usize>,
    masks: HashMap<Term, Arc<Mask>>,
}

/// Tokens that may follow in a state.
#[derive(Debug, Default)]
struct Mask {
    /// One bit a token.
    bits: Vec<u64>,
    /// How many.
    allowed: usize,
    /// The most bytes that are needed to the end of an answer behind one of them.
    most: u32,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress(Term);

/// What the tokens of a step are restricted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Some of the tokens, with those that end an answer if it is whole.
    Some,
    /// Nothing but the end.
    End,
}

impl Constraint {
    /// A rule over the tokens of a model.
    #[must_use]
    pub fn new(Rule { terms, start }: Rule, tokenizer: &Tokenizer) -> Self {
        let bytes = |id: u32| tokenizer.token_bytes(id);
        let mut order: Vec<u32> = (0..tokenizer.vocab_size() as u32).filter(|&id| !bytes(id).is_empty()).collect();
        order.sort_unstable_by(|&a, &b| bytes(a).cmp(bytes(b)));
        let common = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let pairs = order.windows(2).map(|pair| common(bytes(pair[0]), bytes(pair[1])));
        let shared = std::iter::once(0).chain(pairs).collect();
        Self { terms, start, tokenizer: tokenizer.clone(), order, shared, masks: HashMap::new() }
    }

    /// Where every answer begins.
    #[must_use]
    pub(crate) fn start(&self) -> Progress {
        Progress(self.start)
    }

    /// No answer has fewer tokens.
    pub(crate) fn least_tokens(&self) -> usize {
        let longest = self.order.iter().map(|&id| self.tokenizer.token_bytes(id).len()).max().unwrap_or(1);
        (self.terms.least(self.start) as usize).div_ceil(longest)
    }

    /// Go on behind a token that was drawn.
    ///
    /// # Errors
    /// It leads nowhere: something else ruled out all tokens that do.
    pub(crate) fn follow(&mut self, progress: &mut Progress, token: u32, ends: &[u32]) -> Result<()> {
        if ends.contains(&token) && self.terms.accepts(progress.0) {
            return Ok(());
        }
        let bytes = self.tokenizer.token_bytes(token);
        let end = bytes.iter().fold(progress.0, |at, &byte| self.terms.behind(at, byte));
        if end == NOTHING || bytes.is_empty() {
            let at = "logit bias".into();
            let problem = "it rules out every token that the rule allows here; leave some of them".into();
            return Err(LmError::Constraint { at, problem });
        }
        *progress = Progress(end);
        Ok(())
    }

    /// Rule out, by minus infinity, the logits of tokens that may not come next. `ends` are the tokens that end an answer. With `left`
    /// tokens to go, this one included, only those are left that can still be brought to an end by single bytes; where that is none, those that
    /// are nearest to an end.
    ///
    /// # Errors
    /// No token continues the answer: the vocabulary lacks bytes that the rule asks for.
    pub(crate) fn restrict(
        &mut self,
        Progress(at): Progress,
        left: usize,
        ends: &[u32],
        logits: &mut [f32],
    ) -> Result<Allowed> {
        let whole = self.terms.accepts(at);
        let room = u32::try_from(left.saturating_sub(1)).unwrap_or(u32::MAX);
        let mut mask = self.mask(at);
        if mask.allowed > 0 && mask.most > room {
            mask = Arc::new(self.hurried(at, room, whole));
        }
        if mask.allowed == 0 && !whole {
            let at = "what the answer may go on with".into();
            let problem =
                "no token of this model's vocabulary continues it; the vocabulary lacks bytes that the rule asks for";
            return Err(LmError::Constraint { at, problem: problem.into() });
        }
        for (id, logit) in logits.iter_mut().enumerate() {
            let may = mask.bits.get(id / 64).is_some_and(|bits| bits >> (id % 64) & 1 == 1);
            if !(may || (whole && ends.contains(&(id as u32)))) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(if mask.allowed == 0 { Allowed::End } else { Allowed::Some })
    }

    fn mask(&mut self, at: Term) -> Arc<Mask> {
        if let Some(known) = self.masks.get(&at) {
            return known.clone();
        }
        let mut mask = Mask::default();
        self.walk(at, |id, least| mask.put(id, least));
        let mask = Arc::new(mask);
        self.masks.insert(at, mask.clone());
        mask
    }

    /// The tokens behind which at most `room` bytes are needed, or that need the fewest; none if those all need more and the answer is
    /// whole as it is.
    fn hurried(&mut self, at: Term, room: u32, whole: bool) -> Mask {
        let mut fewest = u32::MAX;
        self.walk(at, |_, least| fewest = fewest.min(least));
        let mut mask = Mask::default();
        if fewest <= room || !whole {
            let limit = room.max(fewest);
            self.walk(at, |id, least| {
                if least <= limit {
                    mask.put(id, least);
                }
            });
        }
        mask
    }

    /// Call with every token that may follow, and the bytes that are needed to an end behind it.
    fn walk(&mut self, from: Term, mut found: impl FnMut(u32, u32)) {
        let Self { terms, tokenizer, order, shared, .. } = self;
        // Where the bytes of the last token led, one after the other, as far as they led anywhere.
        let mut path = vec![from];
        for (&id, &shared) in order.iter().zip(shared.iter()) {
            // Beyond a dead end, nothing that begins with the same bytes leads anywhere.
            if shared >= path.len() {
                continue;
            }
            path.truncate(shared + 1);
            let bytes = tokenizer.token_bytes(id);
            let alive = bytes[shared..].iter().all(|&byte| {
                let next = path.last().map_or(NOTHING, |&at| terms.behind(at, byte));
                if next != NOTHING {
                    path.push(next);
                }
                next != NOTHING
            });
            if let (true, Some(&end)) = (alive, path.last()) {
                found(id, terms.least(end));
            }
        }
    }
}

impl Mask {
    fn put(&mut self, id: u32, least: u32) {
        let place = id as usize / 64;
        if self.bits.len() <= place {
            self.bits.resize(place + 1, 0);
        }
        self.bits[place] |= 1 << (id % 64);
        self.allowed += 1;
        self.most = self.most.max(least);
    }
}
