//! What tests ask of the wasm build, to compare it with the native one: the bytes of many rewards, and greedy tokens.

use clicker_lm::{GenerateOptions, LoadedModel, generate};
use clicker_wire::Sampling;
use wasm_bindgen::prelude::*;

/// Every fixture's reward as one JSON text; native code must give the same bytes.
#[wasm_bindgen]
pub fn parity_digest() -> String {
    clicker_rewards::fixtures::parity_digest()
}

/// Greedy continuation of `prompt` by the GGUF in `model`.
///
/// # Errors
/// A model or prompt that does not work, in words.
#[wasm_bindgen]
pub fn greedy_ids(model: &[u8], prompt: &[u32], new_tokens: u32) -> Result<Vec<u32>, JsError> {
    let model = LoadedModel::for_engine(model)?;
    let options = GenerateOptions {
        sampling: Sampling { temperature: 0.0, max_new_tokens: new_tokens, ..Sampling::default() },
        stop: Vec::new(),
        alternatives: 0,
    };
    let drawn = generate(&model.snapshot, &[prompt.to_vec()], &[(0, 0)], options)?;
    Ok(drawn.into_iter().flat_map(|d| d.ids()).collect())
}
