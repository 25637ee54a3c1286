//! Porter's stemmer (Program 14(3), 1980) with the changes that nltk makes to it by default: a table of irregular words,
//! `ies`/`ied` after one letter to `ie`, `y` to `i` only after a consonant, `alli` before the other rules of step 2, `fulli`
//! and `logi`, two-letter stems of vowel and consonant as short syllables. Words of one or two letters stay.
//!
//! Works on characters: any script goes through, letters that are not `a e i o u y` count as consonants.

/// The stem of a lower-case word.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| *irregular == word) {
        return (*stem).to_string();
    }
    let letters = word.chars().count();
    if letters <= 2 {
        return word.to_string();
    }
    let word = step_1a(word, letters);
    let word = step_1b(&word);
    let word = step_1c(word);
    let word = step_2(word);
    let word = replaced(word, &STEP_3, |stem| measure(stem) > 0);
    let word = step_4(word);
    let word = step_5a(word);
    step_5b(word)
}

const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// A suffix and what replaces it. The first suffix that a word has decides, whether or not its condition holds.
type Rules<const N: usize> = [(&'static str, &'static str); N];

const STEP_2: Rules<21> = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
];

const STEP_3: Rules<7> =
    [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

const STEP_4: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
];

/// Plurals.
fn step_1a(word: &str, letters: usize) -> String {
    if letters == 4 && word.ends_with("ies") {
        return word.trim_end_matches('s').to_string();
    }
    replaced(word.to_string(), &[("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")], |_| true)
}

/// `-eed`, `-ed`, `-ing`.
fn step_1b(word: &str) -> String {
    if let Some(before) = word.strip_suffix("ied") {
        let short = word.chars().count() == 4;
        return format!("{before}{}", if short { "ie" } else { "i" });
    }
    if let Some(before) = word.strip_suffix("eed") {
        return if measure(before) > 0 { format!("{before}ee") } else { word.to_string() };
    }
    let cut = ["ed", "ing"].iter().find_map(|suffix| word.strip_suffix(suffix).filter(|before| has_vowel(before)));
    let Some(before) = cut else { return word.to_string() };
    if ["at", "bl", "iz"].iter().any(|end| before.ends_with(end)) {
        return format!("{before}e");
    }
    let letters: Vec<char> = before.chars().collect();
    if let [.., a, b] = letters[..]
        && a == b
        && is_consonant(&letters).last() == Some(&true)
    {
        return if matches!(b, 'l' | 's' | 'z') {
            before.to_string()
        } else {
            letters[..letters.len() - 1].iter().collect()
        };
    }
    if measure(before) == 1 && ends_short(before) { format!("{before}e") } else { before.to_string() }
}

/// `y` to `i`.
fn step_1c(word: String) -> String {
    let Some(before) = word.strip_suffix('y') else { return word };
    let consonants = is_consonant(&before.chars().collect::<Vec<_>>());
    if consonants.len() > 1 && consonants.last() == Some(&true) { format!("{before}i") } else { word }
}

fn step_2(word: String) -> String {
    if let Some(before) = word.strip_suffix("alli")
        && measure(before) > 0
    {
        return step_2(format!("{before}al"));
    }
    // Here the l belongs to the stem, so that "geologi" is long enough.
    if let Some(before) = word.strip_suffix("ogi")
        && before.ends_with('l')
    {
        return if measure(before) > 0 { format!("{before}og") } else { word };
    }
    replaced(word, &STEP_2, |stem| measure(stem) > 0)
}

fn step_4(word: String) -> String {
    for suffix in STEP_4 {
        if let Some(before) = word.strip_suffix(suffix) {
            let follows = suffix != "ion" || before.ends_with(['s', 't']);
            return if follows && measure(before) > 1 { before.to_string() } else { word };
        }
    }
    word
}

/// A final `e`.
fn step_5a(word: String) -> String {
    match word.strip_suffix('e') {
        Some(before) if measure(before) > 1 || (measure(before) == 1 && !ends_short(before)) => before.to_string(),
        _ => word,
    }
}

/// A final `ll`.
fn step_5b(word: String) -> String {
    match word.strip_suffix('l') {
        Some(before) if before.ends_with('l') && measure(before) > 1 => before.to_string(),
        _ => word,
    }
}

fn replaced(word: String, rules: &[(&str, &str)], holds: impl Fn(&str) -> bool) -> String {
    for (suffix, replacement) in rules {
        if let Some(before) = word.strip_suffix(suffix) {
            return if holds(before) { format!("{before}{replacement}") } else { word };
        }
    }
    word
}

/// Porter's m: how often a vowel is followed by a consonant.
fn measure(stem: &str) -> usize {
    let consonants = is_consonant(&stem.chars().collect::<Vec<_>>());
    consonants.windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn has_vowel(stem: &str) -> bool {
    is_consonant(&stem.chars().collect::<Vec<_>>()).contains(&false)
}

/// Porter's *o: consonant, vowel, consonant other than w, x, y; or a whole stem of vowel and consonant.
fn ends_short(stem: &str) -> bool {
    let letters: Vec<char> = stem.chars().collect();
    match is_consonant(&letters)[..] {
        [false, true] => true,
        [.., true, false, true] => !matches!(letters.last(), Some('w' | 'x' | 'y')),
        _ => false,
    }
}

/// For each letter whether it is a consonant; `y` is one at the beginning and after a vowel.
fn is_consonant(letters: &[char]) -> Vec<bool> {
    let mut out: Vec<bool> = Vec::with_capacity(letters.len());
    for letter in letters {
        let consonant = match letter {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => !out.last().copied().unwrap_or(false),
            _ => true,
        };
        out.push(consonant);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn stems_as_nltk_does() {
        let table = include_str!("../../../tests/openai/golden/similarity.json");
        let table: serde_json::Value = serde_json::from_str(table).unwrap();
        let stems = table["stems"].as_array().unwrap();
        assert!(stems.len() > 1000);
        for row in stems {
            let (word, expected) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
