//! What tests ask of the wasm build, to compare it with the native one: the bytes of many rewards, and greedy tokens.

use crate::judges::panel;
use clicker_lm::{GenerateOptions, LoadedModel, generate};
use clicker_rewards::fixtures;
use clicker_wire::Sampling;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Every fixture's reward as one JSON text; native code must give the same bytes.
#[wasm_bindgen]
pub fn parity_digest() -> String {
    clicker_rewards::fixtures::parity_digest()
}

/// Rewards every answer of `clicker_rewards::bench` with the named reward, `rounds` times, for whoever has a clock; the
/// number of answers that were graded, 0 where no reward has this name.
#[wasm_bindgen]
pub fn grade_repeatedly(name: &str, rounds: u32) -> u32 {
    let groups = clicker_rewards::bench::groups();
    let named = clicker_rewards::bench::rewards().into_iter().find(|(known, _)| known == name);
    let Some((_, config)) = named else { return 0 };
    let scorer = clicker_rewards::Scorer::new(&config);
    let once = || groups.iter().map(|(item, texts)| scorer.group(item, texts).len() as u32).sum::<u32>();
    (0..rounds).map(|_| once()).sum()
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

/// What the GGUF in `model` says as a judge, as one JSON text; native code must give the same bytes.
///
/// # Errors
/// A model that does not work, in words.
#[wasm_bindgen]
pub fn judged_digest(model: &[u8]) -> Result<String, JsError> {
    let model = Rc::new(LoadedModel::for_engine(model)?);
    let panel = panel(&fixtures::judged(), None, |_| Some(Rc::clone(&model)));
    Ok(fixtures::judged_digest(&panel))
}
