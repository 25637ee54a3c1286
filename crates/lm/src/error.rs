//! What can go wrong with a model, in words that name what was given, what was expected and what to do.

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum LmError {
    /// A configuration that is not one, or describes a model this crate cannot run.
    #[error("model configuration: {0}")]
    Config(String),
    /// A weights file that cannot be what it claims to be.
    #[error("{file}: {problem}")]
    File {
        /// File or section.
        file: String,
        /// What was found, what was expected.
        problem: String,
    },
    /// A tensor that the configuration asks for is not there.
    #[error(
        "tensor `{name}` is missing; the configuration asks for {expected:?}. Is the file complete, and is it from this model?"
    )]
    MissingTensor {
        /// Hugging Face name.
        name: String,
        /// Expected shape.
        expected: Vec<usize>,
    },
    /// A tensor of another shape than the configuration asks for.
    #[error(
        "tensor `{name}` has shape {got:?}, the configuration asks for {expected:?}; weights and configuration are of different models"
    )]
    TensorShape {
        /// Hugging Face name.
        name: String,
        /// Shape in the file.
        got: Vec<usize>,
        /// Expected shape.
        expected: Vec<usize>,
    },
    /// The tokenizer cannot be read, or cannot encode.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// A rule for answers that is not understood or that no answer can follow.
    #[error("constraint, {at}: {problem}")]
    Constraint {
        /// Which part of it.
        at: String,
        /// What is wrong there.
        problem: String,
    },
    /// A prompt that the model cannot take.
    #[error("prompt: {0}")]
    Prompt(String),
    /// An operation that was asked of tensors that do not fit it.
    #[error("{op}: expected {expected}, got {got}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// What it takes.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// A device that cannot be computed on.
    #[error("device `{name}`: {problem}")]
    Device {
        /// As it was named.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Quantized weights where trainable ones are needed.
    #[error("tensor `{0}` is quantized and cannot be trained; load the model's full-precision weights instead")]
    QuantizedPolicy(String),
    /// Tensor arithmetic failed, in candle's words. They are kept as text: a build that never computes with tensors then links nothing of candle.
    #[error("{0}")]
    Tensor(String),
    /// A file could not be read.
    #[error("cannot read {path}")]
    Io {
        /// The path.
        path: String,
        /// The system's own words.
        source: std::io::Error,
    },
}

impl LmError {
    pub(crate) fn file(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::File { file: file.into(), problem: problem.into() }
    }
}

impl From<candle_core::Error> for LmError {
    fn from(error: candle_core::Error) -> Self {
        Self::Tensor(error.to_string())
    }
}
