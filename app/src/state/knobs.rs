//! Every knob of the playground as one value: what it is called, how far it turns, and what reward, sampling and recipe it
//! makes. Its text form is the page's URL.

use clicker_wire::{Grader, RewardConfig, Sampling, Sketch, WeightedGrader};
use serde_json::Value;

/// Largest group that the page draws.
pub(crate) const MAX_GROUP: usize = 12;

/// Where the knobs stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Knobs {
    pub(crate) temperature: f64,
    pub(crate) group: f64,
    pub(crate) max_tokens: f64,
    pub(crate) truthful: f64,
    pub(crate) abstain: f64,
    pub(crate) wrong: f64,
    pub(crate) format: f64,
    pub(crate) length: f64,
    pub(crate) free: f64,
    pub(crate) limit: f64,
    pub(crate) beta: f64,
    pub(crate) seed: u64,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            group: 6.0,
            max_tokens: 24.0,
            truthful: 1.0,
            abstain: 0.0,
            wrong: -1.0,
            format: 0.1,
            length: 0.1,
            free: 48.0,
            limit: 96.0,
            beta: 0.04,
            seed: 1,
        }
    }
}

/// One knob: its name in the URL and in tests, its label, a line of help, its range and step.
pub(crate) struct Knob {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) help: &'static str,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) step: f64,
    pub(crate) decimals: usize,
    /// Narrow: two of these stand beside each other.
    pub(crate) half: bool,
    field: fn(&mut Knobs) -> &mut f64,
}

impl Knob {
    /// Where it stands.
    pub(crate) fn get(&self, mut knobs: Knobs) -> f64 {
        *(self.field)(&mut knobs)
    }

    /// Turns it, within its range.
    pub(crate) fn set(&self, knobs: &mut Knobs, value: f64) {
        if value.is_finite() {
            *(self.field)(knobs) = value.clamp(self.min, self.max);
        }
    }
}

macro_rules! knob {
    (@) => {
        false
    };
    (@ half) => {
        true
    };
    ($key:literal, $field:ident, $label:literal, $help:literal, $min:literal..$max:literal, $step:literal, $decimals:literal $(, $half:ident)?) => {
        Knob {
            key: $key,
            label: $label,
            help: $help,
            min: $min,
            max: $max,
            step: $step,
            decimals: $decimals,
            half: knob!(@ $($half)?),
            field: |k| &mut k.$field,
        }
    };
}

/// How answers are drawn.
pub(crate) static SAMPLING: [Knob; 3] = [
    knob!("temperature", temperature, "Temperature", "0 always takes the likeliest token.", 0.0..2.0, 0.1, 1),
    knob!("group", group, "Answers", "How many answers are drawn and compared.", 2.0..12.0, 1.0, 0, half),
    knob!("max-tokens", max_tokens, "Token limit", "Longer answers are cut off.", 4.0..64.0, 4.0, 0, half),
];

/// What an answer is worth.
pub(crate) static REWARD: [Knob; 7] = [
    knob!("truthful", truthful, "Truthful", "Weight: +1 for a right answer.", 0.0..2.0, 0.1, 1),
    knob!(
        "abstain",
        abstain,
        "\u{201c}I don't know\u{201d} is worth",
        "Below a right answer, above a wrong one.",
        -1.0..1.0,
        0.1,
        1
    ),
    knob!("wrong", wrong, "A wrong answer is worth", "The price of making something up.", -2.0..0.0, 0.1, 1),
    knob!("format", format, "Format", "Weight: one clean sentence.", 0.0..1.0, 0.05, 2, half),
    knob!("length", length, "Length", "Weight: penalty for going on.", 0.0..1.0, 0.05, 2, half),
    knob!("free", free, "Free characters", "Up to here, length costs nothing.", 8.0..120.0, 4.0, 0, half),
    knob!("limit", limit, "Full penalty at", "From here on, the whole penalty.", 16.0..240.0, 4.0, 0, half),
];

/// How hard training holds on to the old model.
pub(crate) static TRAINING: [Knob; 1] =
    [knob!("beta", beta, "KL leash (\u{3b2})", "Higher keeps the new model closer to the old one.", 0.0..0.5, 0.01, 2)];

impl Knobs {
    /// The reward that they describe.
    pub(crate) fn reward(&self) -> RewardConfig {
        let free = self.free.round() as u32;
        let named =
            |name: &str, weight: f64, grader| WeightedGrader { name: name.into(), weight: tidy(weight), grader };
        RewardConfig::sum(vec![
            named(
                "truthful",
                self.truthful,
                Grader::Truthful { right: 1.0, abstain: tidy(self.abstain), wrong: tidy(self.wrong) },
            ),
            named("format", self.format, Grader::Format {}),
            named("length", self.length, Grader::Length { free, limit: (self.limit.round() as u32).max(free + 1) }),
        ])
    }

    /// The knobs that describe a reward; none where they cannot.
    pub(crate) fn of(reward: &RewardConfig) -> Option<Self> {
        let mut knobs = Self::default();
        for graded in &reward.graders {
            match &graded.grader {
                Grader::Truthful { abstain, wrong, .. } => {
                    (knobs.truthful, knobs.abstain, knobs.wrong) = (graded.weight, *abstain, *wrong);
                }
                Grader::Format {} => knobs.format = graded.weight,
                Grader::Length { free, limit } => {
                    (knobs.length, knobs.free, knobs.limit) = (graded.weight, f64::from(*free), f64::from(*limit));
                }
                _ => return None,
            }
        }
        let in_range = REWARD.iter().all(|knob| (knob.min..=knob.max).contains(&knob.get(knobs)));
        (in_range && knobs.reward() == *reward).then_some(knobs)
    }

    /// How answers are drawn.
    pub(crate) fn sampling(&self) -> Sampling {
        Sampling {
            temperature: tidy(self.temperature) as f32,
            max_new_tokens: self.max_tokens.round() as u32,
            seed: self.seed,
            ..Sampling::default()
        }
    }

    /// Answers per group.
    pub(crate) fn group_size(&self) -> usize {
        (self.group.round() as usize).clamp(2, MAX_GROUP)
    }

    /// A preset with a reward and this leash.
    pub(crate) fn recipe(&self, preset: Sketch, reward: &RewardConfig) -> Sketch {
        // By way of text, as everywhere on the page.
        let reward: Value =
            serde_json::to_string(reward).and_then(|text| serde_json::from_str(&text)).unwrap_or_default();
        preset.with("reward", reward).with_in("grpo", "beta", tidy(self.beta))
    }

    /// Reads what a URL says; knobs that it does not name stay at their default.
    pub(crate) fn from_query(get: impl Fn(&str) -> Option<String>) -> Self {
        let mut knobs = Self::default();
        for knob in all() {
            if let Some(value) = get(knob.key).and_then(|text| text.parse().ok()) {
                knob.set(&mut knobs, value);
            }
        }
        if let Some(seed) = get("seed").and_then(|text| text.parse().ok()) {
            knobs.seed = seed;
        }
        knobs
    }

    /// What a URL has to say: the knobs that are not at their default, and the seed.
    pub(crate) fn to_query(self) -> Vec<(&'static str, String)> {
        let usual = Self::default();
        let mut pairs = vec![("seed", self.seed.to_string())];
        pairs.extend(
            all()
                .filter(|k| (k.get(self) - k.get(usual)).abs() > 1e-9)
                .map(|k| (k.key, format!("{:.*}", k.decimals, k.get(self)))),
        );
        pairs
    }
}

fn all() -> impl Iterator<Item = &'static Knob> {
    SAMPLING.iter().chain(&REWARD).chain(&TRAINING)
}

/// Removes the binary dust of a slider's decimal steps, so that a shared reward hashes the same everywhere.
fn tidy(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_brings_the_knobs_back() {
        let knobs = Knobs { temperature: 0.7, abstain: 0.3, wrong: -1.5, seed: 42, limit: 120.0, ..Knobs::default() };
        let pairs = knobs.to_query();
        let back = Knobs::from_query(|key| pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone()));
        assert_eq!(back, knobs);
    }

    #[test]
    fn a_hostile_url_stays_within_range() {
        let knobs = Knobs::from_query(|key| (key == "group").then(|| "1e9".into()));
        assert_eq!(knobs.group_size(), MAX_GROUP);
        let knobs = Knobs::from_query(|key| (key == "temperature").then(|| "NaN".into()));
        assert_eq!(knobs, Knobs::default());
    }

    #[test]
    fn a_reward_with_a_knob_for_everything_comes_back_as_knobs() {
        let knobs = Knobs { abstain: 0.3, wrong: -1.5, limit: 120.0, ..Knobs::default() };
        assert_eq!(Knobs::of(&knobs.reward()), Some(knobs));
        let mut other = knobs.reward();
        other.graders[0].grader = Grader::Exact {};
        assert_eq!(Knobs::of(&other), None);
        other = knobs.reward();
        other.graders.swap(0, 1);
        assert_eq!(Knobs::of(&other), None);
    }

    #[test]
    fn defaults_are_the_wire_defaults() {
        assert_eq!(Knobs::default().reward(), RewardConfig::default());
    }
}
