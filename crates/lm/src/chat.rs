//! How a conversation becomes tokens, and which of them the model is taught to say.
//!
//! The built-in template is `<|bos|>` then, for every turn, the role's token, the text, `<|end|>`; a prompt for an answer
//! ends with `<|assistant|>`. A tokenizer that has ChatML's tokens instead (Qwen and many more) gets ChatML:
//! `<|im_start|>`, role, line break, text, `<|im_end|>`, line break; no system turn is put in by itself. A tokenizer without
//! either gets plain text.

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
    /// ChatML.
    ChatMl {
        /// `<|im_start|>`
        start: u32,
        /// `<|im_end|>`
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
            _ => match (tokenizer.id("<|im_start|>"), tokenizer.id("<|im_end|>")) {
                (Some(start), Some(end)) => Self::ChatMl { start, end },
                _ => Self::Plain,
            },
        }
    }

    /// The token that ends an answer, where the template has one.
    #[must_use]
    pub fn end(&self) -> Option<u32> {
        match self {
            Self::Turns { end, .. } | Self::ChatMl { end, .. } => Some(*end),
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
            Self::ChatMl { start, end } => {
                for message in messages {
                    add(&[*start], false);
                    match message.role {
                        // What the model says begins after its header, which is a prompt's last part: cut there.
                        Role::Assistant => {
                            add(&tokenizer.encode(ASSISTANT)?, false);
                            add(&tokenizer.encode(&message.content)?, true);
                            add(&[*end], true);
                        }
                        role => {
                            let name = if role == Role::System { "system" } else { "user" };
                            add(&tokenizer.encode(&format!("{name}\n{}", message.content))?, false);
                            add(&[*end], false);
                        }
                    }
                    add(&tokenizer.encode("\n")?, false);
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
            Self::ChatMl { start, .. } => {
                ids.push(*start);
                ids.extend(tokenizer.encode(ASSISTANT)?);
            }
            Self::Plain => {}
        }
        Ok(ids)
    }

    /// The tokens between the end of an answer and the next one, where the user says `text`; none without turn markers.
    ///
    /// # Errors
    /// A text that the vocabulary cannot spell.
    pub fn reply(&self, tokenizer: &Tokenizer, text: &str) -> Result<Option<Vec<u32>>> {
        Ok(match self {
            Self::Turns { user, end, assistant, .. } => {
                Some([&[*user][..], &tokenizer.encode(text)?, &[*end, *assistant]].concat())
            }
            Self::ChatMl { start, end } => Some(
                [
                    &tokenizer.encode("\n")?[..],
                    &[*start],
                    &tokenizer.encode(&format!("user\n{text}"))?,
                    &[*end],
                    &tokenizer.encode("\n")?,
                    &[*start],
                    &tokenizer.encode(ASSISTANT)?,
                ]
                .concat(),
            ),
            Self::Plain => None,
        })
    }

    fn role_token(&self, role: Role) -> u32 {
        match (self, role) {
            (Self::Turns { system, .. }, Role::System) => *system,
            (Self::Turns { user, .. }, Role::User) => *user,
            (Self::Turns { assistant, .. }, Role::Assistant) => *assistant,
            (Self::ChatMl { .. } | Self::Plain, _) => 0,
        }
    }
}

/// What stands between ChatML's `<|im_start|>` and an answer.
const ASSISTANT: &str = "assistant\n";
