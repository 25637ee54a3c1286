//! When two questions count as the same. Coarser than what graders use: it only has to find copies.

use clicker_wire::{Message, Role};

/// Small letters and digits in words between single spaces; everything else only separates, except the signs that change what
/// a sum asks.
pub(crate) fn normalise(text: &str) -> String {
    let keep = |c: char| c.is_alphanumeric() || "+-*/%'".contains(c);
    let spaced: String = text.to_lowercase().chars().map(|c| if keep(c) { c } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The whole conversation in one line, byte for byte. Unit separators keep turns apart.
pub(crate) fn exact_key(messages: &[Message]) -> String {
    key(messages, str::to_owned)
}

/// The whole conversation with each turn normalised.
pub(crate) fn normalised_key(messages: &[Message]) -> String {
    key(messages, normalise)
}

fn key(messages: &[Message], spell: impl Fn(&str) -> String) -> String {
    let mut key = String::new();
    for message in messages {
        key.push(match message.role {
            Role::System => 's',
            Role::User => 'u',
            Role::Assistant => 'a',
        });
        key.push_str(&spell(&message.content));
        key.push('\u{1f}');
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_punctuation_do_not_tell_questions_apart_but_signs_do() {
        assert_eq!(normalise("What is  4 + 5?"), normalise("what is 4 + 5"));
        assert_ne!(normalise("What is 4 + 5?"), normalise("What is 4 - 5?"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text: String) {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
