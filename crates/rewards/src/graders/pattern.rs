//! A regular expression. It looks at letters, never at meaning.
//!
//! The engine is Rust's `regex` without its Unicode tables: it runs in time linear in the answer for every pattern, and
//! a pattern is bounded in length and compiled size, so neither an answer nor a configuration can stall training. It
//! works on bytes with ASCII classes, because whether Unicode classes compile would depend on what else is linked into
//! the program.

use super::Graded;

/// Longest pattern, bytes.
pub(crate) const MAX_PATTERN: usize = 256;

/// A pattern ready to be searched for, or why it cannot be.
pub(super) type Compiled = Result<compiled::Pattern, String>;

/// 1 if the pattern is found in the answer, else 0; the evidence is the first match. An answer above 64 KiB is not
/// searched and scores 0, as it does with a pattern that validation refuses; the receipt says so.
#[cfg(feature = "patterns")]
pub(super) fn grade(text: &str, pattern: &str, compiled: &Compiled) -> Graded {
    if text.len() > MAX_SEARCHED {
        let reason = format!("the answer has {} bytes, more than the {MAX_SEARCHED} that are searched", text.len());
        return Graded::scored(0.0, reason, []);
    }
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(why) => return Graded::scored(0.0, why, []),
    };
    match compiled.find(text.as_bytes()) {
        Some(found) => {
            let marked = crate::spans::widened(text, found.start(), found.end());
            Graded::scored(1.0, format!("matches the pattern “{pattern}”"), marked)
        }
        None => {
            let reason = format!("does not match the pattern “{pattern}”");
            Graded::scored(0.0, reason, crate::spans::trimmed(text))
        }
    }
}

/// Without the feature nothing can match, and validation refuses the grader.
#[cfg(not(feature = "patterns"))]
pub(super) fn grade(_text: &str, _pattern: &str, _compiled: &Compiled) -> Graded {
    Graded::scored(0.0, NO_PATTERNS, [])
}

#[cfg(feature = "patterns")]
mod compiled {
    pub(in super::super) type Pattern = regex::bytes::Regex;
}

#[cfg(not(feature = "patterns"))]
mod compiled {
    /// There is none in this build.
    pub(in super::super) enum Pattern {}
}

#[cfg(not(feature = "patterns"))]
pub(super) fn compile(_pattern: &str) -> Compiled {
    Err(NO_PATTERNS.into())
}

/// What is wrong with a pattern, if anything: what was found, in words that end a sentence "expected ...".
pub(crate) fn complaint(pattern: &str) -> Option<String> {
    if pattern.is_empty() || pattern.len() > MAX_PATTERN {
        return Some(format!("a pattern of 1 to {MAX_PATTERN} bytes; it has {}: shorten it", pattern.len()));
    }
    check(pattern)
}

#[cfg(feature = "patterns")]
fn check(pattern: &str) -> Option<String> {
    compile(pattern).err().map(|why| format!("a pattern that compiles; {why}"))
}

#[cfg(not(feature = "patterns"))]
fn check(_pattern: &str) -> Option<String> {
    Some(NO_PATTERNS.into())
}

#[cfg(not(feature = "patterns"))]
const NO_PATTERNS: &str = "no regex grader: this build has no regular expressions (they would make the page heavier); \
    use template, forbidden or exact, or build with the feature `patterns`";

/// Longest answer that is searched, bytes. Linear time has a factor: the worst pattern that is allowed takes about 20
/// microseconds a byte, which is a second at this length and too long at a megabyte.
#[cfg(feature = "patterns")]
const MAX_SEARCHED: usize = 64 << 10;

/// Largest compiled pattern, bytes: bounds the work per byte of an answer.
#[cfg(feature = "patterns")]
const MAX_COMPILED: usize = 16 << 10;

#[cfg(feature = "patterns")]
pub(super) fn compile(pattern: &str) -> Compiled {
    let built = regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .nest_limit(16)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("it needs more than {limit} bytes compiled: use smaller repetitions or fewer alternatives")
        }
        // The engine draws a picture over several lines; its last line is the sentence.
        other => other.to_string().lines().last().unwrap_or("it is not a regular expression").to_string(),
    })
}
