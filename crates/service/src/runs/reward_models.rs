//! The models that a recipe's graders name: reward models, and models that judge. All of them are checkpoints of this server, and
//! a checkpoint never changes: a run is judged by what stood there when it was asked for.

use crate::{Service, ServiceError};
use clicker_store::{Digest, Key};
use clicker_wire::{CheckpointId, FileKind, Recipe};
use std::collections::BTreeMap;

impl Service {
    /// Their weights, by the names that the recipe gives them.
    pub(crate) async fn reward_models(&self, recipe: &Recipe) -> Result<BTreeMap<String, Vec<Vec<u8>>>, ServiceError> {
        let mut out = BTreeMap::new();
        if !recipe.algorithm.samples() {
            return Ok(out);
        }
        for name in clicker_train::scorer::named(&recipe.reward) {
            let mut members: Vec<Vec<u8>> = Vec::new();
            for digest in self.members_of(&name).await? {
                members.push(self.inner.store.objects.get(&Key::Object(digest)).await?.into());
            }
            out.insert(name, members);
        }
        Ok(out)
    }

    /// The files of the models that the reward's graders ask, by the names that they give them.
    pub(crate) async fn judges(&self, recipe: &Recipe) -> Result<BTreeMap<String, Vec<u8>>, ServiceError> {
        let mut out = BTreeMap::new();
        if recipe.algorithm.samples() {
            for name in clicker_train::judging::named(&recipe.reward) {
                let manifest = self.judge_named(&name).await?.map_err(no_judge)?;
                out.insert(name, self.judge_file(&manifest).await?.map_err(no_judge)?.into());
            }
        }
        Ok(out)
    }

    /// That all of them exist, without reading them.
    pub(super) async fn check_models_of_reward(&self, recipe: &Recipe) -> Result<(), ServiceError> {
        if recipe.algorithm.samples() {
            for name in clicker_train::scorer::named(&recipe.reward) {
                self.members_of(&name).await?;
            }
            for name in clicker_train::judging::named(&recipe.reward) {
                self.judge_named(&name).await?.map_err(no_judge)?;
            }
        }
        Ok(())
    }

    /// Its master, and the further members where it is an ensemble.
    async fn members_of(&self, name: &str) -> Result<Vec<Digest>, ServiceError> {
        let manifest = self.inner.store.checkpoint(&CheckpointId::from(name)).await?;
        let files = manifest.iter().flat_map(|m| &m.files);
        let wanted = files.filter(|file| matches!(file.kind, FileKind::Master | FileKind::Member));
        let digests: Option<Vec<Digest>> = wanted.map(|file| Digest::parse(&file.sha256)).collect();
        digests.filter(|all| !all.is_empty()).ok_or_else(|| {
            ServiceError::invalid(
                "recipe.reward.graders",
                format!("the reward model `{name}` is no checkpoint of this server"),
                "the id of a checkpoint that a reward-model run published",
            )
        })
    }
}

fn no_judge(reason: String) -> ServiceError {
    ServiceError::invalid(
        "recipe.reward.graders",
        reason,
        "\"builtin\" or the id of a checkpoint as `model` of a grader",
    )
}
