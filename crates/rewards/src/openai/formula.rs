//! The language of `calculate_output`: `+ - * / ^`, parentheses, `min max abs floor ceil exp sqrt log`, numbers, names.
//!
//! A formula becomes a list of steps for a stack, so that neither calculating nor dropping one recurses. `^` binds tighter
//! than a sign before it and groups to the right: `-2^2` is -4, `2^3^2` is 512. `log` is the natural logarithm.
//! Knows numbers and names, not graders.

mod parser;

use crate::nearest::nearest;
use parser::Parser;

/// Longest formula, bytes.
pub const MAX_FORMULA_BYTES: usize = 4096;
/// Deepest nesting of parentheses, calls, signs and powers.
pub const MAX_DEPTH: usize = 64;

/// A formula that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    steps: Vec<Step>,
    names: Vec<String>,
}

/// Why a formula cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FormulaError {
    /// Nothing but white space.
    #[error("the formula is empty; write one over the names of the graders")]
    Empty,
    /// Over a limit.
    #[error("the formula has more than {MAX_FORMULA_BYTES} bytes or nests deeper than {MAX_DEPTH}")]
    TooLarge,
    /// Something else than what can follow.
    #[error("the formula has {got} at byte {at}, expected {expected}")]
    Unexpected {
        /// Where.
        at: usize,
        /// What stands there.
        got: String,
        /// What could.
        expected: &'static str,
    },
    /// A function that does not exist.
    #[error(
        "the formula calls {name:?} at byte {at}; it knows min, max, abs, floor, ceil, exp, sqrt and log{}",
        meant(.nearest)
    )]
    Function {
        /// Where.
        at: usize,
        /// The name.
        name: String,
        /// A function that is spelled nearly so.
        nearest: Option<String>,
    },
    /// A number of arguments that the function does not take.
    #[error("the formula gives {name} {got} arguments, expected {expected}")]
    Arguments {
        /// The function.
        name: &'static str,
        /// How many it was given.
        got: usize,
        /// How many it takes.
        expected: &'static str,
    },
    /// A name that no grader has.
    #[error("the formula names {name:?}, which no grader is called{}; the names are {known}", meant(.nearest))]
    Name {
        /// The name.
        name: String,
        /// A grader's that is spelled nearly so.
        nearest: Option<String>,
        /// All of them.
        known: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Number(f64),
    Name(usize),
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Call(Function, usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Min,
    Max,
    Abs,
    Floor,
    Ceil,
    Exp,
    Sqrt,
    Log,
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// Empty, too large, or not of the language.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        if text.len() > MAX_FORMULA_BYTES {
            return Err(FormulaError::TooLarge);
        }
        if text.trim().is_empty() {
            return Err(FormulaError::Empty);
        }
        Parser::new(text).all()
    }

    /// The names in it, each once, in order of first use.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Checks that every name is one of `known`.
    ///
    /// # Errors
    /// The first name that is not.
    pub fn check_names(&self, known: &[&str]) -> Result<(), FormulaError> {
        match self.names.iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(FormulaError::Name {
                name: name.clone(),
                nearest: nearest(name, known.iter().copied()).map(str::to_string),
                known: known.join(", "),
            }),
        }
    }

    /// Its value; none where `value` knows no number for a name. May be infinite or not a number (`1/0`, `log(-1)`).
    #[must_use]
    pub fn value(&self, value: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let values = self.names.iter().map(|name| value(name)).collect::<Option<Vec<f64>>>()?;
        let mut stack: Vec<f64> = Vec::new();
        for step in &self.steps {
            let result = match *step {
                Step::Number(number) => number,
                Step::Name(index) => *values.get(index)?,
                Step::Negate => -stack.pop()?,
                Step::Call(function, count) => {
                    let arguments = stack.split_off(stack.len().checked_sub(count)?);
                    function.of(&arguments)?
                }
                operator => {
                    let (right, left) = (stack.pop()?, stack.pop()?);
                    match operator {
                        Step::Add => left + right,
                        Step::Subtract => left - right,
                        Step::Multiply => left * right,
                        Step::Divide => left / right,
                        _ => libm::pow(left, right),
                    }
                }
            };
            stack.push(result);
        }
        stack.pop()
    }
}

impl Function {
    fn of(self, arguments: &[f64]) -> Option<f64> {
        // What is not a number stays so: f64::max would hide it.
        let fold = |better: fn(f64, f64) -> bool| {
            arguments.iter().copied().reduce(|a, b| if a.is_nan() || better(a, b) { a } else { b })
        };
        let first = *arguments.first()?;
        Some(match self {
            Self::Min => fold(|a, b| a <= b)?,
            Self::Max => fold(|a, b| a >= b)?,
            Self::Abs => first.abs(),
            Self::Floor => first.floor(),
            Self::Ceil => first.ceil(),
            Self::Exp => libm::exp(first),
            Self::Sqrt => first.sqrt(),
            Self::Log => libm::log(first),
        })
    }
}

/// Whether a name can stand in a formula.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn meant(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|word| format!("; did you mean {word}?")).unwrap_or_default()
}
