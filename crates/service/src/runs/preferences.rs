//! What people said as the data of a run: frozen when the run is asked for, so that votes that come later change nothing of a
//! run that is resumed or repeated. Never reads files: a recipe from the web names votes, not paths.

use crate::{Service, ServiceError};
use clicker_dataset::ExportFormat;
use clicker_store::{Digest, Key};
use clicker_wire::{Algorithm, Recipe};

impl Service {
    /// Put the votes or reviews that the recipe asks for into the object store, and their hash into the recipe.
    pub(super) async fn freeze_preferences(&self, recipe: &mut Recipe) -> Result<(), ServiceError> {
        let Some(named) = recipe.data.preferences.as_deref() else { return Ok(()) };
        let format = match recipe.algorithm {
            Algorithm::Kto => ExportFormat::Unpaired,
            _ => ExportFormat::Preference,
        };
        let jsonl = match named {
            "feedback" => {
                let export = self.export_feedback(format).await?;
                if export.counts.rows == 0 {
                    return Err(ServiceError::invalid(
                        "recipe.data.preferences",
                        format!("none of the {} votes compares or judges an answer", export.counts.votes),
                        "some: compare answers for DPO, ORPO and reward models, give thumbs for KTO",
                    ));
                }
                export.jsonl
            }
            "reviews" => {
                let export = self.export_reviews(format).await?;
                if export.counts.rows == 0 {
                    return Err(ServiceError::invalid(
                        "recipe.data.preferences",
                        format!(
                            "none of the {} answers for review has a decision that this algorithm learns from",
                            export.counts.entries
                        ),
                        "some, at /truth/review: what it should have said for DPO, ORPO and reward models; right and wrong are \
                         for KTO",
                    ));
                }
                export.jsonl
            }
            _ => {
                self.preferences(recipe).await?;
                return Ok(());
            }
        };
        let digest = self.inner.store.objects.put_content(jsonl.into()).await?;
        recipe.data.preferences = Some(digest.to_string());
        Ok(())
    }

    /// The rows that a recipe names by their hash.
    pub(crate) async fn preferences(&self, recipe: &Recipe) -> Result<Option<Vec<u8>>, ServiceError> {
        let Some(named) = recipe.data.preferences.as_deref() else { return Ok(None) };
        let Some(digest) = Digest::parse(named) else {
            return Err(ServiceError::invalid(
                "recipe.data.preferences",
                format!("`{named}`"),
                "`feedback`, `reviews` or the sha256 of rows that this server holds (files are for `clicker train`)",
            ));
        };
        Ok(Some(self.inner.store.objects.get(&Key::Object(digest)).await?.into()))
    }
}
