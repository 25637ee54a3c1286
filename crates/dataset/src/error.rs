//! What can be wrong with data that comes from outside.

/// Why a data set could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is longer than the reader accepts.
    #[error("line {line} holds {bytes} bytes, the limit is {limit}; split the item or shorten its text")]
    LineTooLong {
        /// Line number, from 1.
        line: usize,
        /// Length of the line.
        bytes: usize,
        /// Longest accepted line.
        limit: usize,
    },
    /// A line is not a JSON item.
    #[error("line {line} is not an item: {source}; each line must be one JSON object with the fields of an item")]
    Json {
        /// Line number, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A line is an item that contradicts itself.
    #[error("line {line}, item `{id}`: {problem}")]
    Item {
        /// Line number, from 1.
        line: usize,
        /// The item's id.
        id: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A line is not a comparison or judgement.
    #[error("line {line}: {problem}; expected prompt, chosen and rejected, or prompt, completion and label")]
    Row {
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A value could not be written as JSON.
    #[error("row {row} cannot be written as JSON: {source}")]
    Write {
        /// Position in the list, from 1.
        row: usize,
        /// What the writer said.
        source: serde_json::Error,
    },
}
