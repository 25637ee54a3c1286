//! What tests ask of the wasm build, to compare it with the native one: what graders make of cases, and greedy tokens. The cases come in
//! from outside: whoever visits a page does not download them.

use crate::judges::panel;
use clicker_lm::{GenerateOptions, LoadedModel, generate};
use clicker_rewards::fixtures::{Case, graded};
use clicker_rewards::{Outside, Scorer};
use clicker_wire::{EngineRequest, Sampling};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// What is made of each of these cases (a JSON list of `judge` requests), as one JSON text; native code must give the same bytes. The GGUF in
/// `judge` says what model graders ask; empty for none.
///
/// # Errors
/// Other requests, or a model that does not work, in words.
#[wasm_bindgen]
pub fn graded_cases(cases: &str, judge: &[u8]) -> Result<String, JsError> {
    let cases = read(cases)?;
    let judge = if judge.is_empty() { None } else { Some(Rc::new(LoadedModel::for_engine(judge)?)) };
    let mut made = Vec::new();
    for case in &cases {
        let panel = panel(&case.0, None, |_| judge.clone());
        made.push(graded(case, Outside { judge: Some(&panel), ..Outside::default() })?);
    }
    Ok(format!("[{}]", made.join(",")))
}

/// Read as requests are, so that no second reader of rewards is linked.
fn read(cases: &str) -> Result<Vec<Case>, JsError> {
    let requests: Vec<EngineRequest> = serde_json::from_str(cases)?;
    let case = |request| match request {
        EngineRequest::Judge { reward, item, texts, .. } => Ok((reward, item, texts)),
        _ => Err(JsError::new("a case is a `judge` request")),
    };
    requests.into_iter().map(case).collect()
}

/// Rewards every answer of these cases `rounds` times, for whoever has a clock; the number of answers that were graded.
///
/// # Errors
/// Other requests, in words.
#[wasm_bindgen]
pub fn grade_repeatedly(cases: &str, rounds: u32) -> Result<u32, JsError> {
    let cases = read(cases)?;
    let scorers: Vec<_> = cases.iter().map(|(config, ..)| Scorer::new(config)).collect();
    let of = |(scorer, (_, item, texts)): (&Scorer<'_>, &Case)| scorer.group(item, texts).len() as u32;
    Ok((0..rounds).map(|_| scorers.iter().zip(&cases).map(of).sum::<u32>()).sum())
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
