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
    /// A file that is not JSON lines at all, or too much of it.
    #[error("{problem}")]
    File {
        /// What it is, what was expected, what to do.
        problem: String,
    },
    /// A line is in none of the formats.
    #[error("line {line}: {problem}; expected {expected}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is there.
        problem: String,
        /// What should be there.
        expected: String,
    },
    /// A row that can be read, but not learnt from.
    #[error("line {line}: {problem}")]
    Content {
        /// Line number, from 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The rows hold something else than what is asked for.
    #[error("its rows are {format}, which hold no {wanted}; that takes {fits}")]
    Format {
        /// What they are.
        format: crate::rows::Format,
        /// What is asked for.
        wanted: &'static str,
        /// Formats that hold it.
        fits: String,
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
