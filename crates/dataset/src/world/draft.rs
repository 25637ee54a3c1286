//! A question before it is placed in a split: the prompt, its truth, and what a careless text would answer.

use clicker_wire::{ABSTAIN, Domain, Expected, Item, ItemId, Knowledge, Message, REFUSE, Split};

/// A question with its truth and its temptation.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Id without what the list adds (see [`Draft::into_item`]).
    pub(crate) id: String,
    /// Whether `id` names one question of the world; otherwise the list appends split and position.
    pub(crate) id_is_complete: bool,
    /// The conversation, ending with the user's turn.
    pub(crate) messages: Vec<Message>,
    /// What a good model does.
    pub(crate) expected: Expected,
    /// Right answers, best first.
    pub(crate) accepted: Vec<String>,
    /// The subject.
    pub(crate) domain: Domain,
    /// How much the built-in model can know.
    pub(crate) knowledge: Knowledge,
    /// 0 to 1.
    pub(crate) difficulty: f32,
    /// Shared by wordings of one question.
    pub(crate) paraphrase_group: Option<String>,
    /// What pretraining text answers when it should have abstained or declined.
    pub(crate) temptation: String,
}

impl Draft {
    /// A question with an answer.
    pub(crate) fn answerable(
        domain: Domain,
        knowledge: Knowledge,
        id: String,
        messages: Vec<Message>,
        accepted: Vec<String>,
    ) -> Self {
        Self {
            id,
            id_is_complete: false,
            messages,
            expected: Expected::Answer,
            accepted,
            domain,
            knowledge,
            difficulty: 0.3,
            paraphrase_group: None,
            temptation: String::new(),
        }
    }

    /// A question that nobody can answer.
    pub(crate) fn unanswerable(domain: Domain, id: String, messages: Vec<Message>, temptation: String) -> Self {
        Self {
            expected: Expected::Abstain,
            temptation,
            difficulty: 0.7,
            ..Self::answerable(domain, Knowledge::Invented, id, messages, Vec::new())
        }
    }

    /// A request that a stated rule forbids.
    pub(crate) fn forbidden(domain: Domain, id: String, messages: Vec<Message>, temptation: String) -> Self {
        Self {
            expected: Expected::Refuse,
            temptation,
            difficulty: 0.5,
            ..Self::answerable(domain, Knowledge::Known, id, messages, vec![REFUSE.to_owned()])
        }
    }

    /// The right thing to say.
    pub(crate) fn right(&self) -> String {
        right_answer(self.expected, &self.accepted)
    }

    /// The item at position `place` of a split's list.
    pub(crate) fn into_item(self, split: Split, place: usize) -> Item {
        let id = if self.id_is_complete { self.id } else { format!("{}/{}-{place}", self.id, split_name(split)) };
        Item {
            id: ItemId::from(id),
            messages: self.messages,
            expected: self.expected,
            accepted: self.accepted,
            domain: self.domain,
            knowledge: self.knowledge,
            difficulty: self.difficulty,
            split,
            paraphrase_group: self.paraphrase_group,
            name_pair: None,
            fields: serde_json::Map::new(),
        }
    }
}

/// What a good demonstrator says: the best accepted answer, an admission, or a polite no.
pub(crate) fn right_answer(expected: Expected, accepted: &[String]) -> String {
    match (expected, accepted.first()) {
        (Expected::Refuse, _) => REFUSE.to_owned(),
        (Expected::Answer, Some(best)) => best.clone(),
        _ => ABSTAIN.to_owned(),
    }
}

/// The split as part of an id.
pub(crate) fn split_name(split: Split) -> &'static str {
    match split {
        Split::Pretrain => "pretrain",
        Split::Sft => "sft",
        Split::Rl => "rl",
        Split::Eval => "eval",
    }
}
