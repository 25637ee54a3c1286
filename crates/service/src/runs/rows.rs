//! Rows of one's own on a server: brought as a file and kept by their hash, or one of the shipped files by its name. Never reads paths: a
//! recipe from the web names bytes that the server holds.

use crate::{Service, ServiceError};
use bytes::Bytes;
use clicker_dataset::check::{Against, check};
use clicker_dataset::rows;
use clicker_store::{Digest, Key};
use clicker_wire::{KeptRows, Recipe, RowsAdvice};

/// Files that are compiled in, by the name that shipped recipes give them.
const SHIPPED: [(&str, &[u8]); 1] =
    [("recipes/truth/found.jsonl", include_bytes!("../../../../recipes/truth/found.jsonl"))];

impl Service {
    /// Keep rows that a run may train on, and say what a look at them found.
    ///
    /// # Errors
    /// Rows in no format that is known, by line; none at all; a store that fails.
    pub async fn keep_rows(&self, bytes: Bytes) -> Result<KeptRows, ServiceError> {
        let expected = "rows in a format of docs/guide/data.md, all of one format";
        let read = rows::read(&bytes).map_err(|e| ServiceError::invalid("body", e.to_string(), expected))?;
        if read.rows.is_empty() {
            return Err(ServiceError::invalid("body", "no row", expected));
        }
        let held_out = self.questions().held_out();
        let report = check(&read, Against { rows: None, questions: &held_out });
        let advice = report.advice.into_iter().map(|f| RowsAdvice { decision: f.decision, words: f.words }).collect();
        let format = read.format().map(|format| format.to_string()).unwrap_or_default();
        let digest = self.inner.store.objects.put_content(bytes).await?;
        Ok(KeptRows { file: digest.to_string(), rows: read.rows.len() as u64, format, advice })
    }

    /// Put the rows of a shipped file into the store, see that those of a hash are there, and write their hash into the recipe: then the
    /// run never goes on with other ones.
    pub(super) async fn freeze_rows(&self, recipe: &mut Recipe) -> Result<(), ServiceError> {
        let Some(named) = &recipe.data.file else { return Ok(()) };
        let digest = match SHIPPED.into_iter().find(|(name, _)| name == named) {
            Some((_, bytes)) => self.inner.store.objects.put_content(Bytes::from_static(bytes)).await?,
            None => held(named)?,
        };
        if self.inner.store.objects.size(&Key::Object(digest)).await?.is_none() {
            return Err(nowhere(named));
        }
        match &recipe.data.sha256 {
            Some(wanted) if !wanted.eq_ignore_ascii_case(&digest.to_string()) => Err(ServiceError::invalid(
                "recipe.data.sha256",
                format!("`{wanted}`, and {named} has {digest}"),
                "the hash of these rows, or none",
            )),
            _ => {
                recipe.data.sha256 = Some(digest.to_string());
                Ok(())
            }
        }
    }

    /// The rows of a recipe that was frozen.
    pub(crate) async fn rows(&self, recipe: &Recipe) -> Result<Option<Vec<u8>>, ServiceError> {
        let (Some(named), Some(sha256)) = (&recipe.data.file, &recipe.data.sha256) else { return Ok(None) };
        let digest = Digest::parse(sha256).ok_or_else(|| nowhere(named))?;
        Ok(Some(self.inner.store.objects.get_verified(&Key::Object(digest), digest).await?.into()))
    }
}

fn held(named: &str) -> Result<Digest, ServiceError> {
    Digest::parse(named).ok_or_else(|| nowhere(named))
}

fn nowhere(named: &str) -> ServiceError {
    ServiceError::invalid(
        "recipe.data.file",
        format!("`{named}`"),
        "the hash of rows that this server holds (`POST /api/rows` takes them and tells it); files are for `clicker train`",
    )
}
