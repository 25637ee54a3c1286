//! Rewards as people work on them: kept in versions, attacked, offered to start from. Knows no page.

use crate::{Service, ServiceError};
use clicker_rewards::openai::{Judge, Patient, Replies};
use clicker_rewards::{Outside, Scorer, attack, versions};
use clicker_store::Digest;
use clicker_wire::{
    AttackReport, Grader, Item, LabSample, NewRewardVersion, RewardChange, RewardComparison, RewardConfig,
    RewardPreset, RewardVersion, WeightedGrader,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Lists show at most this many.
const LIST: u32 = 200;
/// Longest name, note and reward, in bytes.
const SIZES: (usize, usize, usize) = (80, 500, 64 << 10);
/// Questions of an attack and answers of its search: a second of work.
const ATTACK: (u32, u32) = (48, 2_000);

/// Scripts that are compiled at a time.
const SCRIPTS: usize = 32;
/// Answers of one comparison.
const COMPARED: usize = 64;

/// A reward with what it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedReward {
    /// The sha256 of its canonical JSON.
    pub hash: String,
    /// The name that it was kept or is offered under, if it was or is.
    pub name: Option<String>,
    /// What was written about it; may be empty.
    pub note: String,
    /// The reward.
    pub reward: RewardConfig,
}

/// An attack and the questions that it asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacked {
    /// What was found.
    pub report: AttackReport,
    /// The questions.
    pub items: Vec<Item>,
}

/// Two rewards beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// What the second says otherwise.
    pub changes: Vec<RewardChange>,
    /// What that does to the answers.
    pub comparison: RewardComparison,
}

impl Service {
    /// Keep a reward. Keeping the same one again under the same name and note is the first version again.
    ///
    /// # Errors
    /// A reward that cannot be used; a name that is empty or too long; a store that fails.
    pub async fn save_reward(&self, new: NewRewardVersion) -> Result<RewardVersion, ServiceError> {
        let new = NewRewardVersion { name: new.name.trim().into(), note: new.note.trim().into(), ..new };
        let (longest_name, longest_note, largest) = SIZES;
        if new.name.is_empty() {
            return Err(ServiceError::invalid("name", "nothing is written", "a name to find the version by"));
        }
        size("name", new.name.len(), longest_name)?;
        size("note", new.note.len(), longest_note)?;
        usable(&new.reward)?;
        size("reward", clicker_rewards::hash_input(&new.reward).len(), largest)?;
        Ok(self.inner.store.insert_reward(&new, self.inner.now()).await?)
    }

    /// Kept rewards, newest first.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn reward_versions(&self) -> Result<Vec<RewardVersion>, ServiceError> {
        Ok(self.inner.store.rewards(LIST).await?)
    }

    /// The reward of a hash.
    ///
    /// # Errors
    /// There is none with this hash; a store that fails.
    pub async fn reward_version(&self, hash: &str) -> Result<RewardVersion, ServiceError> {
        self.inner.store.reward(hash).await?.ok_or_else(|| ServiceError::NotFound {
            what: "reward",
            id: hash.chars().take(80).collect(),
            hint: "the list of kept rewards names those that exist",
        })
    }

    /// What a reward is called: as it was kept last, else as it is offered to start from.
    ///
    /// # Errors
    /// A reward that cannot be used; a store that fails.
    pub async fn named_reward(&self, reward: RewardConfig) -> Result<NamedReward, ServiceError> {
        usable(&reward)?;
        let hash = Digest::of(clicker_rewards::hash_input(&reward).as_bytes()).to_string();
        let kept = self.inner.store.reward(&hash).await?.map(|kept| (kept.name, kept.note));
        let offered = || self.reward_presets().into_iter().find(|p| p.reward == reward).map(|p| (p.name, p.about));
        let (name, note) = kept.or_else(offered).unzip();
        Ok(NamedReward { hash, name, note: note.unwrap_or_default(), reward })
    }

    /// Rewards to start from: the default, then each lesson as it can be hacked and as it was repaired, then one that a model judges.
    #[must_use]
    pub fn reward_presets(&self) -> Vec<RewardPreset> {
        let default = RewardPreset {
            name: "default".into(),
            about:
                "Truth first, with a small bonus for form and a small cost of length: what the playground starts with."
                    .into(),
            reward: RewardConfig::default(),
        };
        let lessons = attack::lessons().into_iter().flat_map(|lesson| {
            let preset = |end: &str, reward| RewardPreset {
                name: format!("{}, {end}", lesson.name),
                about: lesson.about.clone(),
                reward,
            };
            [preset("broken", lesson.broken.clone()), preset("repaired", lesson.repaired.clone())]
        });
        std::iter::once(default).chain(lessons).chain([judged()]).collect()
    }

    /// What is wrong with each of these scripts, if anything, in words that end a sentence "expected ...".
    ///
    /// # Errors
    /// Too many scripts.
    pub fn check_scripts(&self, scripts: &[String]) -> Result<Vec<Option<String>>, ServiceError> {
        if scripts.len() > SCRIPTS {
            let expected = format!("at most {SCRIPTS}");
            return Err(ServiceError::invalid("scripts", format!("{} scripts", scripts.len()), expected));
        }
        Ok(scripts.iter().map(|source| clicker_rewards::script_complaint(source)).collect())
    }

    /// Try the exploit suite and a short search on a reward, over questions of the world.
    ///
    /// # Errors
    /// A reward that cannot be used, one that asks a model; an attack that breaks, which is a mistake of this program.
    pub async fn attack_reward(&self, reward: RewardConfig) -> Result<Attacked, ServiceError> {
        usable(&reward)?;
        if let Some(why) = attack::unattackable(&reward) {
            return Err(ServiceError::invalid("reward", why, "graders that are functions of the text"));
        }
        let (questions, budget) = ATTACK;
        let items = self.world_items(None, questions).await?;
        let permit = self.inner.judges.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| ServiceError::ShuttingDown)?;
        let attacked = tokio::task::spawn_blocking(move || {
            // Held until the work ends, also where whoever asked has gone.
            let _permit = permit;
            Attacked { report: attack::run(&reward, &items, 1, budget), items }
        });
        attacked.await.map_err(|e| ServiceError::Grading { reason: e.to_string() })
    }

    /// What changed between two rewards, and what that does to the same answers. Models that their graders ask judge here.
    ///
    /// # Errors
    /// A reward that cannot be used; too many answers; a store that fails.
    pub async fn compare_rewards(
        &self,
        before: &RewardConfig,
        after: &RewardConfig,
        samples: Vec<LabSample>,
    ) -> Result<Compared, ServiceError> {
        usable(before)?;
        usable(after)?;
        if samples.len() > COMPARED {
            let expected = format!("at most {COMPARED}");
            return Err(ServiceError::invalid("samples", format!("{} answers", samples.len()), expected));
        }
        let mut groups: Vec<(Item, Vec<String>)> = Vec::new();
        for LabSample { item, text } in samples {
            match groups.iter_mut().find(|(known, _)| known.id == item.id && known.messages == item.messages) {
                Some((_, texts)) => texts.push(text),
                None => groups.push((item, vec![text])),
            }
        }
        let names = before.judges().into_iter().chain(after.judges()).map(str::to_owned).collect::<BTreeSet<_>>();
        let panel = self.panel(names).await?;
        let permit = self.inner.judges.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| ServiceError::ShuttingDown)?;
        let (before, after) = (before.clone(), after.clone());
        let compared = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let (replies, in_time) = (Replies::default(), || true);
            let judge = Patient::new(&panel, &replies, &in_time);
            let totals = |reward| totals(reward, &groups, &judge);
            let comparison = versions::compare_totals(&groups, &totals(&before), &totals(&after));
            Compared { changes: versions::diff(&before, &after), comparison }
        });
        compared.await.map_err(|e| ServiceError::Grading { reason: e.to_string() })
    }
}

fn totals(reward: &RewardConfig, groups: &[(Item, Vec<String>)], judge: &dyn Judge) -> Vec<Vec<f64>> {
    let scorer = Scorer::new(reward).with(Outside { judge: Some(judge), ..Outside::default() });
    groups.iter().map(|(item, texts)| scorer.group(item, texts).iter().map(|reward| reward.total).collect()).collect()
}

/// A model as judge, and the truth beside it, so that people see how far the two agree.
fn judged() -> RewardPreset {
    let grader = json!({
        "type": "label_model", "name": "judge", "model": "builtin", "labels": ["right", "wrong"], "passing_labels": ["right"],
        "input": [{"role": "user", "content": "Question: {{item.question}}\nAnswer: {{sample.output_text}}\nIs the answer right or wrong?"}],
    });
    let weighted = |name: &str, weight, grader| WeightedGrader { name: name.into(), weight, grader };
    RewardPreset {
        name: "a model as judge".into(),
        about: "The model in this tab says of each answer whether it is right. The truth has no weight and stands beside it: see \
                how far a small judge can be trusted before you train on it."
            .into(),
        reward: RewardConfig::sum(vec![
            weighted("judge", 1.0, Grader::Openai { grader }),
            weighted("truthful", 0.0, Grader::Truthful { right: 1.0, abstain: 0.0, wrong: -1.0 }),
        ]),
    }
}

fn usable(reward: &RewardConfig) -> Result<(), ServiceError> {
    clicker_rewards::validate(reward)
        .map_err(|e| ServiceError::invalid("reward", e.to_string(), "a reward that can be used"))
}

fn size(field: &'static str, bytes: usize, most: usize) -> Result<(), ServiceError> {
    if bytes <= most {
        return Ok(());
    }
    Err(ServiceError::invalid(field, format!("{bytes} bytes"), format!("at most {most} bytes")))
}
