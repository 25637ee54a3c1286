//! One answer to one question, read once: graders that look at the same spelling of it share the work.

use crate::graders::grounding::Passage;
use crate::matching::{self, Match};
use crate::normalise::{Normalised, normalise, normalise_with_articles};
use crate::phrases::{Stance, stance};
use crate::verdict;
use clicker_wire::{Item, Verdict};
use std::cell::OnceCell;
use std::collections::HashSet;

/// A question, and what its answers are held against. Everything is computed when it is first asked for.
pub(crate) struct Asked<'i> {
    pub(crate) item: &'i Item,
    words: OnceCell<HashSet<String>>,
    accepted: OnceCell<Vec<Normalised>>,
    passage: OnceCell<Passage<'i>>,
}

impl<'i> Asked<'i> {
    pub(crate) fn new(item: &'i Item) -> Self {
        Self { item, words: OnceCell::new(), accepted: OnceCell::new(), passage: OnceCell::new() }
    }

    /// Every word of the conversation.
    pub(crate) fn words(&self) -> &HashSet<String> {
        self.words.get_or_init(|| {
            let turns = self.item.messages.iter().map(|m| normalise(&m.content));
            turns.flat_map(|turn| turn.words().map(str::to_string).collect::<Vec<_>>()).collect()
        })
    }

    /// The accepted answers in their one spelling.
    pub(crate) fn accepted(&self) -> &[Normalised] {
        self.accepted.get_or_init(|| self.item.accepted.iter().map(|accepted| normalise(accepted)).collect())
    }

    /// What stands before the question.
    pub(crate) fn passage(&self) -> &Passage<'i> {
        self.passage.get_or_init(|| Passage::of(self.item))
    }
}

/// An answer to a question.
pub(crate) struct Case<'a, 'i> {
    pub(crate) asked: &'a Asked<'i>,
    pub(crate) text: &'a str,
    with_articles: OnceCell<Normalised>,
    normalised: OnceCell<Normalised>,
    stance: OnceCell<Option<Stance>>,
    found: OnceCell<Option<Match<'i>>>,
}

impl<'a, 'i> Case<'a, 'i> {
    pub(crate) fn new(asked: &'a Asked<'i>, text: &'a str) -> Self {
        let (with_articles, normalised, stance, found) = Default::default();
        Self { asked, text, with_articles, normalised, stance, found }
    }

    pub(crate) fn item(&self) -> &'i Item {
        self.asked.item
    }

    /// As [`normalise_with_articles`] gives it.
    pub(crate) fn with_articles(&self) -> &Normalised {
        self.with_articles.get_or_init(|| normalise_with_articles(self.text))
    }

    /// As [`normalise`] gives it.
    pub(crate) fn normalised(&self) -> &Normalised {
        self.normalised.get_or_init(|| self.with_articles().clone().without_articles())
    }

    /// What the whole text says, when it gives no answer.
    pub(crate) fn stance(&self) -> Option<Stance> {
        *self.stance.get_or_init(|| stance(self.text))
    }

    /// The accepted answer that it gives, if it gives one and nothing else.
    pub(crate) fn found(&self) -> Option<&Match<'i>> {
        self.found.get_or_init(|| matching::find_in(self.asked, self.normalised())).as_ref()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        verdict::of(self)
    }
}
