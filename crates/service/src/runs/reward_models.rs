//! The reward models that a recipe's graders name: checkpoints of this server.

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

    /// That they exist, without reading them.
    pub(super) async fn check_reward_models(&self, recipe: &Recipe) -> Result<(), ServiceError> {
        if recipe.algorithm.samples() {
            for name in clicker_train::scorer::named(&recipe.reward) {
                self.members_of(&name).await?;
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
