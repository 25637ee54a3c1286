//! One answer to one question, read once: graders that look at the same spelling of it share the work.

use crate::confidence;
use crate::graders::grounding::Passage;
use crate::group;
use crate::matching::{self, Match};
use crate::normalise::{Normalised, normalise, normalise_with_articles};
use crate::phrases::{Stance, stance};
use crate::verdict;
use clicker_wire::{Item, Verdict};
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;

/// Words to look others up in. They are short and many: the hash that withstands an attacker with a clock would take half of the
/// time of some graders. This one is seeded by the program's own addresses, and no order of iteration is ever used.
pub(crate) type Words<T = String> = HashSet<T, RandomState>;

/// A question, and what its answers are held against. Everything is computed when it is first asked for.
pub(crate) struct Asked<'i> {
    pub(crate) item: &'i Item,
    words: OnceCell<Words>,
    accepted: OnceCell<Vec<Normalised>>,
    passage: OnceCell<Passage<'i>>,
    #[cfg(feature = "openai")]
    row: OnceCell<serde_json::Value>,
}

impl<'i> Asked<'i> {
    pub(crate) fn new(item: &'i Item) -> Self {
        Self {
            item,
            words: OnceCell::new(),
            accepted: OnceCell::new(),
            passage: OnceCell::new(),
            #[cfg(feature = "openai")]
            row: OnceCell::new(),
        }
    }

    /// Every word of the conversation.
    pub(crate) fn words(&self) -> &Words {
        self.words.get_or_init(|| {
            let turns = self.item.messages.iter().map(|m| normalise(&m.content));
            turns.flat_map(|turn| turn.words().map(str::to_string).collect::<Vec<_>>()).collect()
        })
    }

    /// The accepted answers in their one spelling.
    pub(crate) fn accepted(&self) -> &[Normalised] {
        self.accepted.get_or_init(|| self.item.accepted.iter().map(|accepted| normalise(accepted)).collect())
    }

    /// The question as OpenAI's templates read it.
    #[cfg(feature = "openai")]
    pub(crate) fn row(&self) -> &serde_json::Value {
        self.row.get_or_init(|| crate::graders::openai::row(self.item))
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
    /// The text without the confidence that it states; borrowed where it states none.
    said: OnceCell<Cow<'a, str>>,
    words_said: OnceCell<Normalised>,
    with_articles: OnceCell<Normalised>,
    normalised: OnceCell<Normalised>,
    stance: OnceCell<Option<Stance>>,
    found: OnceCell<Option<Match<'i>>>,
    meaning: OnceCell<String>,
}

impl<'a, 'i> Case<'a, 'i> {
    pub(crate) fn new(asked: &'a Asked<'i>, text: &'a str) -> Self {
        let (said, words_said, with_articles, normalised, stance, found, meaning) = Default::default();
        Self { asked, text, said, words_said, with_articles, normalised, stance, found, meaning }
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
        self.normalised.get_or_init(|| self.with_articles().without_articles())
    }

    /// What it says, the confidence that it states aside; of the same length as the text.
    fn said(&self) -> &Cow<'a, str> {
        self.said.get_or_init(|| confidence::aside(self.text))
    }

    /// The words of that, in their one spelling.
    pub(crate) fn words_said(&self) -> &Normalised {
        match self.said() {
            Cow::Borrowed(_) => self.normalised(),
            Cow::Owned(said) => self.words_said.get_or_init(|| normalise(said)),
        }
    }

    /// What the whole text says, when it gives no answer.
    pub(crate) fn stance(&self) -> Option<Stance> {
        *self.stance.get_or_init(|| stance(self.said()))
    }

    /// The accepted answer that it gives, if it gives one and nothing else.
    pub(crate) fn found(&self) -> Option<&Match<'i>> {
        self.found.get_or_init(|| matching::find_in(self.asked, self.words_said())).as_ref()
    }

    /// What it is compared with other answers by.
    pub(crate) fn meaning(&self) -> &str {
        self.meaning.get_or_init(|| group::meaning(self))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        verdict::of(self)
    }
}
