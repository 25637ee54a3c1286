//! The three shapes of rows that TRL reads, in its conversational form: lists of role and content. Who decided what a row says is
//! told beside it, in columns that trainers do not know and skip.

use crate::Error;
use clicker_wire::Message;
use serde::Serialize;

/// What a row says beside its prompt.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Content {
    Preference { chosen: [Message; 1], rejected: [Message; 1] },
    Unpaired { completion: [Message; 1], label: bool },
    PromptCompletion { completion: [Message; 1] },
}

impl Content {
    pub(crate) fn preference(chosen: &str, rejected: &str) -> Self {
        Self::Preference { chosen: [Message::assistant(chosen)], rejected: [Message::assistant(rejected)] }
    }

    pub(crate) fn unpaired(answer: &str, label: bool) -> Self {
        Self::Unpaired { completion: [Message::assistant(answer)], label }
    }

    pub(crate) fn completion(answer: &str) -> Self {
        Self::PromptCompletion { completion: [Message::assistant(answer)] }
    }
}

#[derive(Serialize)]
struct Row<'a, P> {
    prompt: &'a [Message],
    #[serde(flatten)]
    content: Content,
    #[serde(flatten)]
    provenance: P,
}

/// Writes one line, the `number`th, behind `text`.
pub(crate) fn write<P: Serialize>(
    text: &mut String,
    number: usize,
    prompt: &[Message],
    content: Content,
    provenance: P,
) -> Result<(), Error> {
    let line = serde_json::to_string(&Row { prompt, content, provenance })
        .map_err(|source| Error::Write { row: number, source })?;
    text.push_str(&line);
    text.push('\n');
    Ok(())
}
