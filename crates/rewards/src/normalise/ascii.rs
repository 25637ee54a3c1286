//! The words of a text without anything but ASCII, byte by byte: most answers are, and they need no tables. A property
//! beside the long way holds both to the same result.

use super::{Normalised, Words};

pub(super) fn words(text: &[u8]) -> Normalised {
    let at = |i: usize| folded(text.get(i).copied().unwrap_or(b' '));
    // One place left of the first byte stands a space, as beyond the last.
    let before = |i: usize| i.checked_sub(1).map_or(b' ', at);
    let mut words = Words::of_length(text.len());
    for i in 0..text.len() {
        let c = at(i);
        let digit = |offset: usize| at(i + offset).is_ascii_digit();
        let digit_before = before(i).is_ascii_digit();
        let word_before = before(i).is_ascii_alphanumeric();
        match c {
            b'a'..=b'z' | b'0'..=b'9' | b'+' | b'%' | b'$' | b'#' | b'^' => words.keep(char::from(c), i, i + 1),
            b'=' => words.alone('=', i, i + 1),
            b'\'' if word_before && at(i + 1).is_ascii_alphanumeric() => {}
            b'.' if digit(1) && (digit_before || !(word_before || before(i) == b'.')) => words.keep('.', i, i + 1),
            b'-' if !word_before && (digit(1) || (at(i + 1) == b'.' && digit(2))) => words.keep('-', i, i + 1),
            b',' if digit_before && digit(1) && digit(2) && digit(3) && !digit(4) => {}
            _ => words.open = false,
        }
    }
    words.out
}

fn folded(byte: u8) -> u8 {
    if byte == b'`' { b'\'' } else { byte.to_ascii_lowercase() }
}
