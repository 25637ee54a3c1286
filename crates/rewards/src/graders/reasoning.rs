//! Whether the sums that an answer writes down are right, and lead to what it concludes. It checks the steps that are
//! stated, never whether they are the ones that the question needs.

use super::{Graded, excerpt};
use crate::number::number_at;
use crate::spans::{span, trimmed};
use clicker_wire::Span;

/// 1 if the answer states at least one step such as "2 + 3 = 5", every step is right, and the last number of the answer
/// is the result of the last step; else 0, with the step that is wrong as evidence.
///
/// The operators are + - * / and their signs − × · x ÷, products before sums. A result with decimals may be rounded
/// to its last place; one without must be exact.
pub(super) fn grade(text: &str) -> Graded {
    let scan = scan(text);
    let Some(last) = scan.steps.last() else {
        return Graded::scored(0.0, "states no step such as “2 + 3 = 5”", trimmed(text));
    };
    if let Some(wrong) = scan.steps.iter().find(|step| !step.is_right()) {
        let said = excerpt(&text[wrong.start..wrong.end]);
        let reason = format!("“{said}” is wrong: the left side is {}", wrong.left);
        return Graded::scored(0.0, reason, span(wrong.start, wrong.end));
    }
    if let Some((value, start, end)) = scan.after_last.filter(|(value, ..)| !equal(*value, last.right, 0.0)) {
        let reason = format!("concludes with {value}, but the last step gives {}", last.right);
        return Graded::scored(0.0, reason, span(start, end));
    }
    let reason = format!("all {} steps are right and the last gives {}", scan.steps.len(), last.right);
    let shown = scan.steps.iter().take(super::MAX_EVIDENCE).filter_map(|s| span(s.start, s.end)).collect::<Vec<Span>>();
    Graded::scored(1.0, reason, shown)
}

/// The steps that an answer writes down, for whoever measures reasoning instead of paying for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// Its equations, from left to right.
    pub steps: Vec<ShownStep>,
    /// Where it concludes with a number after the last step: whether that is what the last step gives. None where no number follows,
    /// so that the last step itself is the conclusion.
    pub concludes: Option<bool>,
}

/// One equation of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownStep {
    /// Its bytes.
    pub bytes: std::ops::Range<usize>,
    /// Whether both sides are equal.
    pub right: bool,
}

/// The steps of an answer, by the rules of the `reasoning` grader.
#[must_use]
pub fn steps(text: &str) -> Steps {
    let scan = scan(text);
    let shown = |step: &Step| ShownStep { bytes: step.start..step.end, right: step.is_right() };
    let last = scan.steps.last().map(|step| step.right);
    let concludes = last.and_then(|last| Some(equal(scan.after_last?.0, last, 0.0)));
    Steps { steps: scan.steps.iter().map(shown).collect(), concludes }
}

/// One equation: left = right.
struct Step {
    left: f64,
    right: f64,
    /// How far apart the sides may be because the right one is rounded.
    rounding: f64,
    start: usize,
    end: usize,
}

impl Step {
    fn is_right(&self) -> bool {
        equal(self.left, self.right, self.rounding)
    }
}

/// A billionth of the numbers is granted: 0.1 + 0.2 is not 0.3 in binary.
fn equal(a: f64, b: f64, rounding: f64) -> bool {
    // The bound grows with the numbers, and infinity would be within infinity of everything.
    a.is_finite() && b.is_finite() && (a - b).abs() <= rounding + 1e-9 * a.abs().max(b.abs()).max(1.0)
}

struct Scan {
    steps: Vec<Step>,
    /// The last number after the last step, with its bytes.
    after_last: Option<(f64, usize, usize)>,
}

/// Reads once from left to right; an expression without an equals sign is stepped over as a whole.
fn scan(text: &str) -> Scan {
    let mut out = Scan { steps: Vec::new(), after_last: None };
    let (mut at, mut inside_word) = (0, false);
    while let Some(c) = text[at..].chars().next() {
        let begins = c.is_ascii_digit() || matches!(c, '-' | '−' | '.');
        let Some(first) = (begins && !inside_word).then(|| expression(text, at)).flatten() else {
            // The point of "v1.5" does not end the name.
            inside_word = c.is_alphanumeric() || (c == '.' && inside_word);
            at += c.len_utf8();
            continue;
        };
        let (start, mut left) = (at, first);
        at = left.end;
        let mut equation = false;
        // A chain "2 * 3 + 1 = 6 + 1 = 7" is two steps, and "= 6" after a word is none.
        while let Some(right) = after_equals(text, at).and_then(|next| expression(text, next)) {
            let rounding = if right.terms == 1 { half_of_last_place(&text[..right.end]) } else { 0.0 };
            if left.terms > 1 || equation {
                let (left, right, end) = (left.value, right.value, right.end);
                out.steps.push(Step { left, right, rounding, start, end });
                out.after_last = None;
            }
            (at, left, equation) = (right.end, right, true);
        }
        if out.steps.last().is_none_or(|step| step.end != at) {
            out.after_last = Some((left.value, start, at));
        }
        inside_word = false;
    }
    out
}

/// An arithmetic expression and where it ends.
struct Expression {
    value: f64,
    terms: usize,
    end: usize,
}

/// A number, or several joined by operators.
fn expression(text: &str, start: usize) -> Option<Expression> {
    let (first, mut end) = number_at(text, start)?;
    // The sum of the finished products, and the product that is being read.
    let (mut sum, mut product, mut terms) = (0.0, first, 1);
    while let Some((operator, next)) = operator(text, end) {
        let Some((number, after)) = number_at(text, next) else { break };
        match operator {
            '+' => (sum, product) = (sum + product, number),
            '-' => (sum, product) = (sum + product, -number),
            '*' => product *= number,
            _ => product /= number,
        }
        (terms, end) = (terms + 1, after);
    }
    // Infinite or no number after a division by zero: kept, so that it is read once, and equal to nothing.
    Some(Expression { value: sum + product, terms, end })
}

/// The operator after byte `at`, and where its right side begins.
fn operator(text: &str, at: usize) -> Option<(char, usize)> {
    let rest = text[at..].trim_start_matches(' ');
    let c = rest.chars().next()?;
    let operator = match c {
        '+' => '+',
        '-' | '−' => '-',
        '*' | '×' | '·' | 'x' => '*',
        // No colon: "Step 1: 2 + 3 = 5" divides nothing.
        '/' | '÷' => '/',
        _ => return None,
    };
    let next = rest[c.len_utf8()..].trim_start_matches(' ');
    Some((operator, text.len() - next.len()))
}

fn after_equals(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].trim_start_matches(' ').strip_prefix('=')?;
    Some(text.len() - rest.trim_start_matches(' ').len())
}

/// Half of the last place of the number that ends here: 0.05 for "3.3"; 0 if it has no decimals.
fn half_of_last_place(text: &str) -> f64 {
    let digits = text.bytes().rev().take(20).take_while(u8::is_ascii_digit).count();
    let decimals = text[..text.len() - digits].ends_with('.');
    // By hand, because powers may round differently in the browser.
    if decimals { (0..digits).fold(0.5, |half, _| half / 10.0) } else { 0.0 }
}
