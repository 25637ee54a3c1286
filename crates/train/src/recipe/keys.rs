//! Keys of a recipe that are unknown or would have no effect: the message names the key that was probably meant, or the choice
//! that the key belongs to. Knows the text of a recipe, not its values.

use clicker_rewards::nearest::nearest;
use clicker_wire::Algorithm;

/// A parser's message with "did you mean" behind it, where a known name is near the unknown one. The parser writes names in
/// backticks, the unknown one first.
pub(super) fn with_suggestion(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let complains = message.contains("unknown field") || message.contains("unknown variant");
    match (complains, names.next()) {
        (true, Some(given)) => match nearest(given, names) {
            Some(meant) => format!("{}; did you mean `{meant}`?", message.trim_end()),
            None => message.to_owned(),
        },
        _ => message.to_owned(),
    }
}

/// The first section of a recipe's text that its algorithm does not read, in words.
pub(super) fn inert(text: &str, algorithm: Algorithm) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let unread = ALL.iter().find(|section| table.contains_key(**section) && !read(algorithm).contains(section))?;
    let name = serde_json::to_string(&algorithm).ok()?;
    Some(format!("[{unread}] has no effect with algorithm = {name}, which reads {}; leave it out", list(algorithm)))
}

/// Sections that not every algorithm reads.
const ALL: [&str; 14] = [
    "cold_start",
    "constitution",
    "curriculum",
    "environment",
    "rollout",
    "reward",
    "grpo",
    "dry_run",
    "sft",
    "dpo",
    "kto",
    "orpo",
    "raft",
    "reward_model",
];

/// Sections that an algorithm reads beside `data`, `optim`, `eval` and `checkpoint`.
fn read(algorithm: Algorithm) -> &'static [&'static str] {
    match algorithm {
        Algorithm::Grpo => {
            &["cold_start", "curriculum", "environment", "rollout", "reward", "constitution", "grpo", "dry_run"]
        }
        Algorithm::Raft => &["cold_start", "rollout", "reward", "constitution", "raft"],
        Algorithm::Sft => &["sft"],
        Algorithm::Dpo => &["dpo"],
        Algorithm::Kto => &["kto"],
        Algorithm::Orpo => &["orpo"],
        Algorithm::RewardModel => &["reward_model"],
    }
}

fn list(algorithm: Algorithm) -> String {
    let names: Vec<String> = read(algorithm).iter().map(|section| format!("[{section}]")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_suggested() {
        let message = "unknown field `betta`, expected one of `beta`, `epsilon`, `epsilon_high`";
        assert!(with_suggestion(message).ends_with("did you mean `beta`?"));
        assert_eq!(with_suggestion("unknown field `zzzz`, expected `beta`"), "unknown field `zzzz`, expected `beta`");
        assert_eq!(with_suggestion("invalid type: `x`, expected `xx`"), "invalid type: `x`, expected `xx`");
    }

    #[test]
    fn sections_of_other_algorithms_are_named() {
        let text = "[sft]\nbatch = 3\n[optim]\nlearning_rate = 1.0";
        assert_eq!(inert(text, Algorithm::Sft), None);
        let complaint = inert(text, Algorithm::Dpo).unwrap();
        assert!(
            complaint.contains("[sft]") && complaint.contains("\"dpo\"") && complaint.contains("[dpo]"),
            "{complaint}"
        );
        for algorithm in [Algorithm::Grpo, Algorithm::Raft, Algorithm::Kto, Algorithm::Orpo, Algorithm::RewardModel] {
            assert!(read(algorithm).iter().all(|section| ALL.contains(section)));
        }
    }
}
