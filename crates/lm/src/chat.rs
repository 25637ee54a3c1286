//! How a conversation becomes tokens, and which of them the model is taught to say.
//!
//! The built-in template is `<|bos|>` then, for every turn, the role's token, the text, `<|end|>`; a prompt for an answer
//! ends with `<|assistant|>`. A tokenizer without these tokens gets plain text.

use crate::{Result, Tokenizer};
use clicker_wire::{Message, Role};

/// Special tokens of the built-in template, in the order of their ids.
pub const SPECIAL_TOKENS: [&str; 6] = ["<|pad|>", "<|bos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"];

/// A template bound to a tokenizer's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatTemplate {
    /// The built-in template.
    Turns {
        /// `<|bos|>`
        bos: u32,
        /// `<|system|>`
        system: u32,
        /// `<|user|>`
        user: u32,
        /// `<|assistant|>`
        assistant: u32,
        /// `<|end|>`
        end: u32,
    },
    /// No turn markers: texts joined by line breaks.
    Plain,
}

/// A conversation as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedChat {
    /// The tokens.
    pub ids: Vec<u32>,
    /// For every token, whether the model is taught to say it: the assistant's text and its end marker.
    pub loss_mask: Vec<bool>,
}

impl ChatTemplate {
    /// The template that a tokenizer supports.
    #[must_use]
    pub fn of(tokenizer: &Tokenizer) -> Self {
        let [_, bos, system, user, assistant, end] = SPECIAL_TOKENS.map(|name| tokenizer.id(name));
        match (bos, system, user, assistant, end) {
            (Some(bos), Some(system), Some(user), Some(assistant), Some(end)) => {
                Self::Turns { bos, system, user, assistant, end }
            }
            _ => Self::Plain,
        }
    }

    /// The token that ends an answer, where the template has one.
    #[must_use]
    pub fn end(&self) -> Option<u32> {
        match self {
            Self::Turns { end, .. } => Some(*end),
            Self::Plain => None,
        }
    }

    /// A whole conversation.
    ///
    /// # Errors
    /// A text that the vocabulary cannot spell.
    pub fn render(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<RenderedChat> {
        let mut out = RenderedChat { ids: Vec::new(), loss_mask: Vec::new() };
        let mut add = |ids: &[u32], taught: bool| {
            out.ids.extend_from_slice(ids);
            out.loss_mask.resize(out.ids.len(), taught);
        };
        match self {
            Self::Turns { bos, end, .. } => {
                add(&[*bos], false);
                for message in messages {
                    let taught = message.role == Role::Assistant;
                    add(&[self.role_token(message.role)], false);
                    add(&tokenizer.encode(&message.content)?, taught);
                    add(&[*end], taught);
                }
            }
            Self::Plain => {
                for (i, message) in messages.iter().enumerate() {
                    if i > 0 {
                        add(&tokenizer.encode("\n")?, false);
                    }
                    add(&tokenizer.encode(&message.content)?, message.role == Role::Assistant);
                }
            }
        }
        Ok(out)
    }

    /// The tokens after which the model's answer comes.
    ///
    /// # Errors
    /// A text that the vocabulary cannot spell.
    pub fn prompt(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<Vec<u32>> {
        let mut ids = self.render(tokenizer, messages)?.ids;
        match self {
            Self::Turns { assistant, .. } => ids.push(*assistant),
            Self::Plain => {}
        }
        Ok(ids)
    }

    fn role_token(&self, role: Role) -> u32 {
        match (self, role) {
            (Self::Turns { system, .. }, Role::System) => *system,
            (Self::Turns { user, .. }, Role::User) => *user,
            (Self::Turns { assistant, .. }, Role::Assistant) => *assistant,
            (Self::Plain, _) => 0,
        }
    }
}
