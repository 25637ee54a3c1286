//! Which writing systems the answer's letters belong to. It never looks at the language: French and English are both
//! Latin.
//!
//! The tables hold the Unicode blocks in which a script's letters stand, not every single assignment: that is exact for
//! everyday text and keeps the page small. A letter outside every table belongs to no script.

use super::{Graded, MAX_EVIDENCE};
use crate::spans::span;
use clicker_wire::{Script, Span};

/// Share of the letters that belong to an allowed script. Does not apply to an answer without letters. The evidence is
/// the runs of other letters, at most the first sixteen.
pub(super) fn grade(text: &str, allowed: &[Script]) -> Graded {
    let (mut letters, mut inside) = (0usize, 0usize);
    let latin = allowed.contains(&Script::Latin);
    let mut strangers: Vec<Span> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphabetic()) {
        letters += 1;
        // Letters of ASCII are Latin; no table is asked for them.
        let ours = if c.is_ascii() { latin } else { allowed.iter().any(|script| holds(*script, c)) };
        if ours {
            inside += 1;
        } else if let Some(new) = span(at, at + c.len_utf8()) {
            let room = strangers.len() < MAX_EVIDENCE;
            match strangers.last_mut() {
                Some(last) if last.end == new.start => last.end = new.end,
                _ if room => strangers.push(new),
                _ => {}
            }
        }
    }
    if letters == 0 {
        return Graded::does_not_apply("the answer has no letters");
    }
    let reason = if inside == letters {
        format!("all {letters} letters are of an allowed script")
    } else {
        format!("{} of {letters} letters are of no allowed script", letters - inside)
    };
    Graded::scored(inside as f64 / letters as f64, reason, strangers)
}

fn holds(script: Script, c: char) -> bool {
    blocks(script).iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// First and last character of each block.
fn blocks(script: Script) -> &'static [(char, char)] {
    match script {
        // Basic, supplement and extensions A and B with phonetics; modifier letters; extended additional; C, D, E;
        // ligatures; full width; the Kelvin and Angstrom signs; ordinal signs. Multiplication and division signs lie
        // inside but are no letters.
        Script::Latin => &[
            ('A', 'Z'),
            ('a', 'z'),
            ('\u{aa}', '\u{aa}'),
            ('\u{ba}', '\u{ba}'),
            ('\u{c0}', '\u{2b8}'),
            ('\u{1d00}', '\u{1d25}'),
            ('\u{1e00}', '\u{1eff}'),
            ('\u{212a}', '\u{212b}'),
            ('\u{2c60}', '\u{2c7f}'),
            ('\u{a722}', '\u{a7ff}'),
            ('\u{ab30}', '\u{ab64}'),
            ('\u{fb00}', '\u{fb06}'),
            ('\u{ff21}', '\u{ff3a}'),
            ('\u{ff41}', '\u{ff5a}'),
        ],
        Script::Greek => &[('\u{370}', '\u{3ff}'), ('\u{1f00}', '\u{1fff}')],
        Script::Cyrillic => {
            &[('\u{400}', '\u{52f}'), ('\u{1c80}', '\u{1c8f}'), ('\u{2de0}', '\u{2dff}'), ('\u{a640}', '\u{a69f}')]
        }
        Script::Armenian => &[('\u{531}', '\u{58a}'), ('\u{fb13}', '\u{fb17}')],
        Script::Hebrew => &[('\u{590}', '\u{5ff}'), ('\u{fb1d}', '\u{fb4f}')],
        Script::Arabic => &[
            ('\u{600}', '\u{6ff}'),
            ('\u{750}', '\u{77f}'),
            ('\u{870}', '\u{8ff}'),
            ('\u{fb50}', '\u{fdff}'),
            ('\u{fe70}', '\u{fefe}'),
        ],
        Script::Devanagari => &[('\u{900}', '\u{97f}'), ('\u{a8e0}', '\u{a8ff}')],
        Script::Bengali => &[('\u{980}', '\u{9ff}')],
        Script::Tamil => &[('\u{b80}', '\u{bff}')],
        Script::Thai => &[('\u{e01}', '\u{e5b}')],
        Script::Georgian => &[('\u{10a0}', '\u{10ff}'), ('\u{1c90}', '\u{1cbf}'), ('\u{2d00}', '\u{2d2f}')],
        // Syllables, their parts, compatibility and half-width parts.
        Script::Hangul => &[
            ('\u{1100}', '\u{11ff}'),
            ('\u{3130}', '\u{318f}'),
            ('\u{a960}', '\u{a97f}'),
            ('\u{ac00}', '\u{d7ff}'),
            ('\u{ffa0}', '\u{ffdc}'),
        ],
        Script::Kana => &[('\u{3041}', '\u{30ff}'), ('\u{31f0}', '\u{31ff}'), ('\u{ff66}', '\u{ff9f}')],
        // Unified ideographs, extension A, compatibility, the supplementary planes, and the iteration mark and zero.
        Script::Han => &[
            ('\u{3005}', '\u{3007}'),
            ('\u{3400}', '\u{4dbf}'),
            ('\u{4e00}', '\u{9fff}'),
            ('\u{f900}', '\u{faff}'),
            ('\u{20000}', '\u{323af}'),
        ],
    }
}
