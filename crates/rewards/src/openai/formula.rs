//! The language of `calculate_output`: `+ - * / ^`, parentheses, `min max abs floor ceil exp sqrt log`, numbers, names.
//!
//! A formula becomes a list of steps for a stack, so that neither calculating nor dropping one recurses. `^` binds tighter
//! than a sign before it and groups to the right: `-2^2` is -4, `2^3^2` is 512. `log` is the natural logarithm.
//! Knows numbers and names, not graders.

use super::nearest::nearest;

/// Longest formula, bytes.
pub const MAX_FORMULA_BYTES: usize = 4096;
/// Deepest nesting of parentheses, calls, signs and powers.
pub const MAX_DEPTH: usize = 64;

/// Every function, with the fewest and the most arguments.
const FUNCTIONS: [(&str, Function, usize, usize); 8] = [
    ("min", Function::Min, 1, 64),
    ("max", Function::Max, 1, 64),
    ("abs", Function::Abs, 1, 1),
    ("floor", Function::Floor, 1, 1),
    ("ceil", Function::Ceil, 1, 1),
    ("exp", Function::Exp, 1, 1),
    ("sqrt", Function::Sqrt, 1, 1),
    ("log", Function::Log, 1, 1),
];

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
        let mut parser = Parser { text, at: 0, depth: 0, out: Self { steps: Vec::new(), names: Vec::new() } };
        parser.sum()?;
        match parser.peek() {
            None => Ok(parser.out),
            Some(_) => Err(parser.unexpected("an operator or the end")),
        }
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

/// Recursive descent; every way down goes through `deeper`.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    out: Formula,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<(), FormulaError> {
        self.product()?;
        loop {
            let step = match self.peek() {
                Some('+') => Step::Add,
                Some('-') => Step::Subtract,
                _ => return Ok(()),
            };
            self.at += 1;
            self.product()?;
            self.out.steps.push(step);
        }
    }

    fn product(&mut self) -> Result<(), FormulaError> {
        self.signed()?;
        loop {
            let step = match self.peek() {
                Some('*') => Step::Multiply,
                Some('/') => Step::Divide,
                _ => return Ok(()),
            };
            self.at += 1;
            if self.peek() == Some('*') && step == Step::Multiply {
                return Err(self.unexpected("one operand between two operators (a power is written ^)"));
            }
            self.signed()?;
            self.out.steps.push(step);
        }
    }

    fn signed(&mut self) -> Result<(), FormulaError> {
        let sign = self.peek().filter(|c| matches!(c, '+' | '-'));
        let Some(sign) = sign else { return self.power() };
        self.at += 1;
        self.deeper(Self::signed)?;
        if sign == '-' {
            self.out.steps.push(Step::Negate);
        }
        Ok(())
    }

    fn power(&mut self) -> Result<(), FormulaError> {
        self.operand()?;
        if self.peek() == Some('^') {
            self.at += 1;
            self.deeper(Self::signed)?;
            self.out.steps.push(Step::Power);
        }
        Ok(())
    }

    fn operand(&mut self) -> Result<(), FormulaError> {
        const EXPECTED: &str = "a number, the name of a grader, a function or an opening parenthesis";
        match self.peek() {
            Some('(') => {
                self.at += 1;
                self.deeper(Self::sum)?;
                self.close()
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.name(),
            _ => Err(self.unexpected(EXPECTED)),
        }
    }

    fn number(&mut self) -> Result<(), FormulaError> {
        let rest = &self.text[self.at..];
        let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut end = digits(0);
        if rest[end..].starts_with('.') {
            end += 1 + digits(end + 1);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            match digits(end + 1 + sign) {
                0 => {}
                count => end += 1 + sign + count,
            }
        }
        match rest[..end].parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.at += end;
                self.out.steps.push(Step::Number(number));
                Ok(())
            }
            _ => Err(self.unexpected("a finite number")),
        }
    }

    fn name(&mut self) -> Result<(), FormulaError> {
        let (at, rest) = (self.at, &self.text[self.at..]);
        let end = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = &rest[..end];
        self.at += end;
        if self.peek() == Some('(') {
            return self.call(at, name.to_string());
        }
        let index = self.out.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.out.names.push(name.to_string());
            self.out.names.len() - 1
        });
        self.out.steps.push(Step::Name(index));
        Ok(())
    }

    fn call(&mut self, at: usize, name: String) -> Result<(), FormulaError> {
        let Some(&(known, function, fewest, most)) = FUNCTIONS.iter().find(|row| row.0 == name) else {
            let nearest = nearest(&name, FUNCTIONS.iter().map(|row| row.0)).map(str::to_string);
            return Err(FormulaError::Function { at, name, nearest });
        };
        self.at += 1;
        let mut count = 0;
        if self.peek() != Some(')') {
            loop {
                self.deeper(Self::sum)?;
                count += 1;
                if self.peek() != Some(',') {
                    break;
                }
                self.at += 1;
            }
        }
        self.close()?;
        if !(fewest..=most).contains(&count) {
            let expected = if most == 1 { "1" } else { "1 to 64" };
            return Err(FormulaError::Arguments { name: known, got: count, expected });
        }
        self.out.steps.push(Step::Call(function, count));
        Ok(())
    }

    fn close(&mut self) -> Result<(), FormulaError> {
        match self.peek() {
            Some(')') => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.unexpected("an operator or a closing parenthesis")),
        }
    }

    fn deeper(&mut self, rule: fn(&mut Self) -> Result<(), FormulaError>) -> Result<(), FormulaError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FormulaError::TooLarge);
        }
        rule(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// The next character that is not white space, at `self.at` afterwards.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn unexpected(&mut self, expected: &'static str) -> FormulaError {
        let got = self.peek().map_or("its end".to_string(), |c| format!("{c:?}"));
        FormulaError::Unexpected { at: self.at, got, expected }
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
