//! Letters, digits and signs that people read as another letter. A table of everyday twins, not all of Unicode's
//! confusables (UTS 39): decomposition and case folding have been done before.

/// One letter for all that look like it, whatever stands around it.
pub(super) fn letter(c: char) -> char {
    if c.is_ascii() {
        // i and l are twins of each other, and of 1.
        return if c == 'l' { 'i' } else { c };
    }
    match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'в' | 'β' | 'ʙ' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ᴅ' => 'd',
        'е' | 'ε' | 'є' | 'ᴇ' => 'e',
        'ɡ' | 'ց' => 'g',
        'һ' | 'н' | 'η' | 'հ' | 'ʜ' => 'h',
        'і' | 'ι' | 'ӏ' | 'ɪ' | 'ʟ' | 'ɩ' => 'i',
        'ј' => 'j',
        'к' | 'κ' | 'ᴋ' => 'k',
        'м' | 'μ' | 'ᴍ' => 'm',
        'п' | 'ո' | 'ɴ' => 'n',
        'ο' | 'о' | 'օ' | 'ᴏ' => 'o',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'ԛ' => 'q',
        'г' | 'ʀ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' | 'ᴛ' => 't',
        'ս' | 'ᴜ' | 'ʋ' => 'u',
        'ν' | 'ѵ' | 'ᴠ' => 'v',
        'ԝ' | 'ω' | 'ա' | 'ᴡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'υ' | 'γ' | 'ʏ' => 'y',
        'ζ' | 'ᴢ' => 'z',
        // White letters on black circles and squares have no decomposition.
        '\u{1f150}'..='\u{1f169}' => nth(c, '\u{1f150}'),
        '\u{1f170}'..='\u{1f189}' => nth(c, '\u{1f170}'),
        _ => c,
    }
}

fn nth(c: char, first: char) -> char {
    let index = (c as u32).saturating_sub(first as u32);
    letter(char::from_digit(index + 10, 36).unwrap_or(c))
}

/// The letter that a digit stands for inside a word: 10 stays a number.
pub(super) fn digit(c: char) -> Option<char> {
    Some(match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        _ => return None,
    })
}

/// What a sign that may be part of a word stands for; signs of names ("C#", "C++") stand for themselves.
pub(super) fn sign(c: char) -> Option<char> {
    Some(match c {
        '@' => 'a',
        '$' => 's',
        '!' | '|' | '£' => 'i',
        '€' => 'e',
        '+' | '#' | '%' | '^' | '=' | '&' | '°' => c,
        _ => return None,
    })
}
