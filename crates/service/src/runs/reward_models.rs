//! The reward models that a recipe's graders name: checkpoints of this server.

use crate::{Service, ServiceError};
use clicker_store::{Digest, Key};
use clicker_wire::{CheckpointId, FileKind, Recipe};
use std::collections::BTreeMap;

impl Service {
    /// Their weights, by the names that the recipe gives them.
    pub(crate) async fn reward_models(&self, recipe: &Recipe) -> Result<BTreeMap<String, Vec<u8>>, ServiceError> {
        let mut out = BTreeMap::new();
        if !recipe.algorithm.samples() {
            return Ok(out);
        }
        for name in clicker_train::scorer::named(&recipe.reward) {
            let digest = self.master_of(&name).await?;
            out.insert(name, self.inner.store.objects.get(&Key::Object(digest)).await?.into());
        }
        Ok(out)
    }

    /// That they exist, without reading them.
    pub(super) async fn check_reward_models(&self, recipe: &Recipe) -> Result<(), ServiceError> {
        if recipe.algorithm.samples() {
            for name in clicker_train::scorer::named(&recipe.reward) {
                self.master_of(&name).await?;
            }
        }
        Ok(())
    }

    async fn master_of(&self, name: &str) -> Result<Digest, ServiceError> {
        let manifest = self.inner.store.checkpoint(&CheckpointId::from(name)).await?;
        let digest = manifest.and_then(|m| Digest::parse(&m.file(FileKind::Master)?.sha256));
        digest.ok_or_else(|| {
            ServiceError::invalid(
                "recipe.reward.graders",
                format!("the reward model `{name}` is no checkpoint of this server"),
                "the id of a checkpoint that a reward-model run published",
            )
        })
    }
}
