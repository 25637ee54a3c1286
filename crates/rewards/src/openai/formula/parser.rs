//! From the text of a formula to its steps. Knows the grammar, not the values.

use super::{Formula, FormulaError, Function, MAX_DEPTH, Step};
use crate::nearest::nearest;

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

/// Recursive descent; every way down goes through `deeper`.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    out: Formula,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, out: Formula { steps: Vec::new(), names: Vec::new() } }
    }

    /// The whole text as one formula.
    pub(super) fn all(mut self) -> Result<Formula, FormulaError> {
        self.sum()?;
        match self.peek() {
            None => Ok(self.out),
            Some(_) => Err(self.unexpected("an operator or the end")),
        }
    }

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
