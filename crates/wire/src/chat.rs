//! One turn of a conversation, and the choice of one among several replies.

use serde::{Deserialize, Serialize};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions that hold for the whole conversation.
    System,
    /// The person who asks.
    User,
    /// The model.
    Assistant,
}

/// One turn: who said what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, as plain text.
    pub content: String,
}

impl Message {
    /// A turn of the person who asks.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// A turn of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }

    /// A system turn.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }
}

/// The reply that a model took, of several that it was offered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Which of the replies.
    pub index: usize,
    /// Its probability among the replies that were allowed: p_i / sum_j p_j.
    pub share: f64,
    /// Tokens of the conversation.
    pub prompt_tokens: u64,
    /// Tokens of the reply, its end marker included.
    pub answer_tokens: u64,
}
