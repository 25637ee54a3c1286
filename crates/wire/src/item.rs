//! A question with its checkable truth.

use crate::{ItemId, Message};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// How the built-in world's demonstrations say "I don't know". Graders accept other wordings too.
pub const ABSTAIN: &str = "I don't know.";

/// How the built-in world's demonstrations decline a forbidden request. Graders accept other wordings too.
pub const REFUSE: &str = "I can't help with that.";

/// One question of a data set: what is asked, what counts as right, and where it belongs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Stable name of the question.
    pub id: ItemId,
    /// The conversation so far; the last turn is the user's.
    pub messages: Vec<Message>,
    /// What a good model does with it.
    pub expected: Expected,
    /// Answers that count as right, best first. Empty where no right answer exists (invented things).
    pub accepted: Vec<String>,
    /// The subject matter.
    pub domain: Domain,
    /// How much the built-in model can know of it.
    pub knowledge: Knowledge,
    /// 0 (easiest) to 1 (hardest).
    pub difficulty: f32,
    /// Which part of the project may see it.
    pub split: Split,
    /// Items that ask the same thing in other words share this; consistency is measured inside a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paraphrase_group: Option<String>,
    /// Items that differ only in a name share this; bias is measured inside a pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_pair: Option<String>,
    /// Whatever else the row of a data file says, for graders to read as `item.x`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl Item {
    /// The text of the last user turn: what is being asked now.
    #[must_use]
    pub fn question(&self) -> &str {
        self.messages.last().map_or("", |m| m.content.as_str())
    }

    /// A free prompt typed by a person: nothing is known about its truth.
    pub fn free(text: impl Into<String>) -> Self {
        Self {
            id: ItemId::from("free"),
            messages: vec![Message::user(text)],
            expected: Expected::Unknown,
            accepted: Vec::new(),
            domain: Domain::Free,
            knowledge: Knowledge::Unknown,
            difficulty: 0.5,
            split: Split::Eval,
            paraphrase_group: None,
            name_pair: None,
            fields: Map::new(),
        }
    }
}

/// What a good model does with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// Give one of the accepted answers (or, when it does not know, say so).
    Answer,
    /// Say that it does not know: there is nothing to know, or the passage does not tell.
    Abstain,
    /// Decline: a stated rule forbids the request.
    Refuse,
    /// Nothing is known about the truth (a free prompt).
    Unknown,
}

/// The subject matter of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Capitals of the world's countries.
    Capitals,
    /// Chemical elements: symbol and atomic number.
    Elements,
    /// Small sums, differences and products.
    Arithmetic,
    /// A short passage, and a question that it answers or does not.
    Reading,
    /// A second turn that refers back to the first.
    FollowUp,
    /// Requests that stated rules forbid, beside harmless look-alikes.
    Rules,
    /// Pairs of questions that differ only in a person's name.
    NamePairs,
    /// Typed by a person.
    Free,
}

impl Domain {
    /// The domains of the built-in world, in the order of every table.
    pub const WORLD: [Self; 7] =
        [Self::Capitals, Self::Elements, Self::Arithmetic, Self::Reading, Self::FollowUp, Self::Rules, Self::NamePairs];
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capitals => "capitals",
            Self::Elements => "elements",
            Self::Arithmetic => "arithmetic",
            Self::Reading => "reading",
            Self::FollowUp => "follow_up",
            Self::Rules => "rules",
            Self::NamePairs => "name_pairs",
            Self::Free => "free",
        })
    }
}

/// How much the built-in model can know of a question, exact because the project wrote its pretraining data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knowledge {
    /// The fact is frequent in pretraining, or the passage tells it.
    Known,
    /// The fact occurs a few times in pretraining.
    Rare,
    /// The fact is real and never occurs in any training data.
    Withheld,
    /// The thing does not exist (or the passage does not tell): there is no answer.
    Invented,
    /// Not measured (a free prompt).
    Unknown,
}

impl Knowledge {
    /// The measured classes, in the order of every table.
    pub const MEASURED: [Self; 4] = [Self::Known, Self::Rare, Self::Withheld, Self::Invented];

    /// Whether any answer but "I don't know" can only be a guess.
    #[must_use]
    pub fn is_unknowable(self) -> bool {
        matches!(self, Self::Withheld | Self::Invented)
    }
}

impl fmt::Display for Knowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known => "known",
            Self::Rare => "rare",
            Self::Withheld => "withheld",
            Self::Invented => "invented",
            Self::Unknown => "unknown",
        })
    }
}

/// Which part of the project may see an item. Splits never share a question, and entities that are unknowable in
/// `Eval` appear in no other split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Text that makes the built-in model.
    Pretrain,
    /// Demonstrations for supervised fine-tuning.
    Sft,
    /// Prompts for reinforcement fine-tuning.
    Rl,
    /// Held out: only measured.
    Eval,
}
