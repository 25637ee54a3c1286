//! Recipes to start from: those of the `recipes/` folder, compiled in.

use crate::{Service, ServiceError};
use clicker_wire::Recipe;

/// File name and text, in the order in which they are offered.
const FILES: [(&str, &str); 3] = [
    ("truthful.toml", include_str!("../../../recipes/truthful.toml")),
    ("quick.toml", include_str!("../../../recipes/quick.toml")),
    ("sft.toml", include_str!("../../../recipes/sft.toml")),
];

impl Service {
    /// Recipes to start from.
    ///
    /// # Errors
    /// A compiled-in recipe that cannot be run, which a test rules out.
    pub async fn presets(&self) -> Result<Vec<Recipe>, ServiceError> {
        let read = |(file, text): (&str, &str)| {
            clicker_train::recipe::from_toml(text)
                .map_err(|e| ServiceError::Recipe { reason: format!("recipes/{file}: {e}") })
        };
        FILES.into_iter().map(read).collect()
    }
}
