//! Literal parts and holes in order, e.g. `<think>{why}</think> <answer>{what}</answer>`. It never looks at what is in
//! the holes, except that something is.
//!
//! Every literal part must occur exactly once, so an answer cannot open a second `<answer>` and leave it to the reader
//! which one counts.

use super::Graded;
use crate::spans::{span, trimmed};
use clicker_wire::Span;

/// Longest template, bytes.
pub(crate) const MAX_TEMPLATE: usize = 512;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that must stand there: words between which any white space may stand.
    Literal(Vec<String>),
    /// Anything but nothing.
    Hole,
}

/// 1 if the answer fills the template, else 0 with the place where it departs. Outer white space is not looked at. With
/// a template that validation refuses: 0, and the receipt says so.
pub(super) fn grade(text: &str, parts: &Result<Vec<Part>, String>) -> Graded {
    let parts = match parts {
        Ok(parts) => parts,
        Err(why) => return Graded::scored(0.0, format!("the template is not one: expected {why}"), []),
    };
    match fill(text, parts) {
        Ok(holes) => Graded::scored(1.0, "has every part of the template, each once and in order", holes),
        Err((at, why)) => {
            let rest = span(at, text.trim_end().len());
            let evidence = if rest.is_some() { rest.into_iter().collect() } else { trimmed(text) };
            Graded::scored(0.0, why, evidence)
        }
    }
}

/// The parts of a template; what was expected, if it is none. Holes are `{name}`, braces are doubled.
pub(crate) fn parse(template: &str) -> Result<Vec<Part>, String> {
    if template.len() > MAX_TEMPLATE {
        return Err(format!("at most {MAX_TEMPLATE} bytes; it has {}: shorten it", template.len()));
    }
    let (mut parts, mut literal) = (Vec::new(), String::new());
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.next_if_eq(&c).is_some() => literal.push(c),
            '{' => {
                push(&mut parts, &mut literal);
                if !chars.by_ref().any(|c| c == '}') {
                    return Err("every { closed by a }; write {{ for a brace".into());
                }
                if parts.last() == Some(&Part::Hole) {
                    return Err("literal text between two holes; add some".into());
                }
                parts.push(Part::Hole);
            }
            '}' => return Err("every } opened by a {; write }} for a brace".into()),
            c => literal.push(c),
        }
    }
    push(&mut parts, &mut literal);
    let has = |hole: bool| parts.iter().any(|part| (*part == Part::Hole) == hole);
    if !(has(true) && has(false)) {
        return Err("literal text and at least one hole such as {answer}".into());
    }
    Ok(parts)
}

fn push(parts: &mut Vec<Part>, literal: &mut String) {
    let words: Vec<String> = literal.split_whitespace().map(ToString::to_string).collect();
    literal.clear();
    if !words.is_empty() {
        parts.push(Part::Literal(words));
    }
}

/// The filled holes, or where and why the answer departs.
fn fill(text: &str, parts: &[Part]) -> Result<Vec<Span>, (usize, String)> {
    let start = text.len() - text.trim_start().len();
    let (mut at, mut hole_from, mut holes) = (start, None, Vec::new());
    for part in parts {
        let Part::Literal(words) = part else {
            hole_from = Some(at);
            continue;
        };
        let shown = words.join(" ");
        let Some((from, to)) = find(text, at, words) else {
            return Err((at, format!("lacks “{shown}” where it should be")));
        };
        match hole_from.take() {
            Some(hole) => holes.push(filled(text, hole, from).ok_or((hole, format!("nothing before “{shown}”")))?),
            None if from != at => return Err((at, format!("does not begin with “{shown}”"))),
            None => {}
        }
        at = to;
    }
    match hole_from {
        Some(hole) => holes.push(filled(text, hole, text.len()).ok_or((hole, "nothing at the end".to_string()))?),
        None if !text[at..].trim().is_empty() => return Err((at, "goes on after the last part".into())),
        None => {}
    }
    for part in parts {
        if let Part::Literal(words) = part
            && let Some((from, _)) = again(text, words, &holes)
        {
            return Err((from, format!("says “{}” more than once", words.join(" "))));
        }
    }
    Ok(holes)
}

/// Where a literal part stands inside a hole.
fn again(text: &str, words: &[String], holes: &[Span]) -> Option<(usize, usize)> {
    holes.iter().find_map(|hole| {
        let (from, to) = (hole.start as usize, hole.end as usize);
        find(&text[from..to], 0, words).map(|(a, b)| (from + a, from + b))
    })
}

/// What a hole holds, without outer white space.
fn filled(text: &str, from: usize, to: usize) -> Option<Span> {
    let inner = &text[from..to];
    let start = from + inner.len() - inner.trim_start().len();
    span(start, start + inner.trim().len())
}

/// The first place from `at` on where the words stand, any white space between them.
fn find(text: &str, at: usize, words: &[String]) -> Option<(usize, usize)> {
    let (first, others) = words.split_first()?;
    text[at..].match_indices(first.as_str()).find_map(|(offset, _)| {
        let mut end = at + offset + first.len();
        for word in others {
            let rest = text[end..].trim_start();
            let after = rest.strip_prefix(word.as_str())?;
            end = text.len() - after.len();
        }
        Some((at + offset, end))
    })
}
