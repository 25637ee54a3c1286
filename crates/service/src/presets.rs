//! Recipes to start from: those of the `recipes/` folder, compiled in.

use crate::{Service, ServiceError};
use clicker_rewards::attack;
use clicker_wire::{LessonRuns, Recipe};

/// File name and text, in the order in which they are offered.
const FILES: [(&str, &str); 10] = [
    ("truthful.toml", include_str!("../../../recipes/truthful.toml")),
    ("quick.toml", include_str!("../../../recipes/quick.toml")),
    ("sft.toml", include_str!("../../../recipes/sft.toml")),
    ("truth/calibrated.toml", include_str!("../../../recipes/truth/calibrated.toml")),
    ("truth/threshold.toml", include_str!("../../../recipes/truth/threshold.toml")),
    ("truth/consistent.toml", include_str!("../../../recipes/truth/consistent.toml")),
    ("truth/safe.toml", include_str!("../../../recipes/truth/safe.toml")),
    ("truth/adversarial.toml", include_str!("../../../recipes/truth/adversarial.toml")),
    ("truth/steps.toml", include_str!("../../../recipes/truth/steps.toml")),
    ("truth/reliable.toml", include_str!("../../../recipes/truth/reliable.toml")),
];

/// The lesson's name, its broken recipe and its repaired one.
const LESSONS: [(&str, &str, &str); 3] = [
    (
        "abstention",
        include_str!("../../../recipes/lessons/abstention-broken.toml"),
        include_str!("../../../recipes/lessons/abstention-repaired.toml"),
    ),
    (
        "keywords",
        include_str!("../../../recipes/lessons/keywords-broken.toml"),
        include_str!("../../../recipes/lessons/keywords-repaired.toml"),
    ),
    (
        "length",
        include_str!("../../../recipes/lessons/length-broken.toml"),
        include_str!("../../../recipes/lessons/length-repaired.toml"),
    ),
];

impl Service {
    /// Recipes to start from.
    ///
    /// # Errors
    /// A compiled-in recipe that cannot be run, which a test rules out.
    pub async fn presets(&self) -> Result<Vec<Recipe>, ServiceError> {
        FILES.into_iter().map(|(file, text)| read(file, text)).collect()
    }

    /// Lessons in reward hacking, each a run under the broken reward and one under the repaired.
    ///
    /// # Errors
    /// As [`Self::presets`].
    pub async fn lessons(&self) -> Result<Vec<LessonRuns>, ServiceError> {
        let told = attack::lessons();
        let one = |(name, broken, repaired): (&str, &str, &str)| {
            Ok(LessonRuns {
                name: name.into(),
                about: told.iter().find(|l| l.name == name).map_or_else(String::new, |l| l.about.clone()),
                broken: read(&format!("lessons/{name}-broken.toml"), broken)?,
                repaired: read(&format!("lessons/{name}-repaired.toml"), repaired)?,
            })
        };
        LESSONS.into_iter().map(one).collect()
    }
}

fn read(file: &str, text: &str) -> Result<Recipe, ServiceError> {
    clicker_train::recipe::from_toml(text).map_err(|e| ServiceError::Recipe { reason: format!("recipes/{file}: {e}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recipe of a lesson trains on the very reward that the lesson and `clicker reward attack` speak of.
    #[test]
    fn lessons_are_the_attacked_rewards() {
        for lesson in attack::lessons() {
            let (name, broken, repaired) =
                LESSONS.into_iter().find(|(name, ..)| *name == lesson.name).expect("a recipe");
            let broken = read(name, broken).expect("a recipe");
            assert_eq!(broken.reward, lesson.broken, "{name}");
            assert!(!broken.dry_run.start_anyway.is_empty(), "{name}: it is broken on purpose");
            let repaired = read(name, repaired).expect("a recipe");
            assert_eq!(repaired.reward, lesson.repaired, "{name}");
            assert!(repaired.dry_run.start_anyway.is_empty(), "{name}: a repaired reward needs no excuse");
        }
    }
}
