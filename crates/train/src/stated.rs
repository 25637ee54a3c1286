//! Demonstrations that say how sure they are. The confidence is one of eleven tenths, so that a small model can learn to write it.
//!
//! Measured confidences are what the starting model knows: ten answers are drawn from it, and the share of right ones is stated beside the
//! demonstrated answer. They depend on nothing but that model and the seed, so a resumed run states the same.

use crate::Result;
use crate::rollout::{Language, collect};
use clicker_dataset::rows::Demonstration;
use clicker_lm::PolicySnapshot;
use clicker_rewards::verdict::verdict;
use clicker_wire::{Expected, Item, Recipe, Sampling, StatedConfidence, Verdict};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The demonstrations with a confidence on every answer to a question that has one; "I don't know" and a polite no stay alone.
pub(crate) fn with_confidences(
    recipe: &Recipe,
    how: StatedConfidence,
    items: &[Item],
    demonstrations: Vec<Demonstration>,
    (model, language): (&PolicySnapshot, &Language),
) -> Result<Vec<Demonstration>> {
    let percents = match how {
        StatedConfidence::Chance => by_chance(recipe.seed, items.len()),
        StatedConfidence::Measured => measured(recipe.seed, items, model, language)?,
    };
    let told = |((item, shown), percent): ((&Item, Demonstration), u32)| match item.expected {
        Expected::Answer => Demonstration { answer: stating(&shown.answer, percent), ..shown },
        _ => shown,
    };
    Ok(items.iter().zip(demonstrations).zip(percents).map(told).collect())
}

/// Stream of the draws, apart from those of any step.
const STREAM: u64 = 0x636f_6e66;
/// Answers drawn to measure a confidence in tenths.
const DRAWS: usize = 10;
/// Questions that are computed together.
const BATCH: usize = 128;
/// Longest drawn answer, tokens.
const LONGEST: u32 = 24;

fn by_chance(seed: u64, n: usize) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(clicker_lm::stream_seed(seed, STREAM, 0, 0));
    (0..n).map(|_| rng.random_range(0..=10) * 10).collect()
}

fn measured(seed: u64, items: &[Item], model: &PolicySnapshot, language: &Language) -> Result<Vec<u32>> {
    let sampling = Sampling { seed: seed ^ STREAM, max_new_tokens: LONGEST, ..Sampling::default() };
    let mut percents = Vec::with_capacity(items.len());
    for (batch, items) in items.chunks(BATCH).enumerate() {
        for group in collect(model, language, items, DRAWS, &sampling, batch as u32)? {
            let right = group.answers.iter().filter(|a| verdict(&group.item, &a.text) == Verdict::Right).count();
            percents.push((right * 100 / DRAWS) as u32);
        }
    }
    Ok(percents)
}

/// "Paris." becomes "Paris (confidence 70%).": still one sentence.
fn stating(answer: &str, percent: u32) -> String {
    let (said, stop) = answer.strip_suffix('.').map_or((answer, ""), |said| (said, "."));
    format!("{said} (confidence {percent}%){stop}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_rewards::confidence::{Stated, aside, stated};

    #[test]
    fn the_form_is_one_that_is_read_and_set_aside() {
        for percent in (0..=100).step_by(10) {
            let text = stating("The mill.", percent);
            let Stated::Once { value, .. } = stated(&text) else { panic!("{text}") };
            assert!((value - f64::from(percent) / 100.0).abs() < 1e-12, "{text}");
            assert_eq!(aside(&text).split_whitespace().collect::<String>(), "Themill.");
        }
        assert_eq!(stating("55014", 70), "55014 (confidence 70%)");
    }

    #[test]
    fn chance_is_seeded_and_covers_every_tenth() {
        let percents = by_chance(3, 500);
        assert_eq!(percents, by_chance(3, 500));
        assert_ne!(percents, by_chance(4, 500));
        assert!((0..=10).all(|tenth| percents.contains(&(tenth * 10))));
    }
}
