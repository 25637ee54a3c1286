//! What the native build says to the questions that the browser tests ask of the wasm build: `parity_digest` of the
//! rewards, and greedy tokens of GGUF files. The two must be equal.
//!
//! `parity PROMPTS NEW_TOKENS JUDGE FILE...`: prompts as JSON lists of token ids, a GGUF file that judges; prints
//! `{"digest": "...", "judged": "...", "greedy": [[ids of file 0 for prompt 0, ...], ...]}`.

use anyhow::Context;
use clicker_lm::{Engine, GenerateOptions, LoadedModel, generate};
use clicker_rewards::fixtures;
use clicker_rewards::openai::{Panel, Seat};
use clicker_train::judging::JudgeModel;
use clicker_wire::Sampling;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let prompts: Vec<Vec<u32>> = serde_json::from_str(&args.next().context("PROMPTS is missing")?)?;
    let new_tokens: u32 = args.next().context("NEW_TOKENS is missing")?.parse()?;
    let judge = args.next().context("JUDGE is missing")?;
    let judge = JudgeModel::from_gguf(&std::fs::read(&judge).context(judge)?)?;
    let seat = Seat { name: "builtin".into(), identity: "builtin".into(), model: judge };
    let panel = Panel { seats: [("builtin".to_owned(), Ok(seat))].into() };
    let mut greedy = Vec::new();
    for file in args {
        let model = LoadedModel::for_engine(std::fs::read(&file).context(file)?.as_slice())?;
        let each: anyhow::Result<Vec<_>> =
            prompts.iter().map(|prompt| greedy_ids(&model, prompt, new_tokens)).collect();
        greedy.push(each?);
    }
    let (digest, judged) = (fixtures::parity_digest(), fixtures::judged_digest(&panel));
    println!("{}", serde_json::json!({ "digest": digest, "judged": judged, "greedy": greedy }));
    Ok(())
}

fn greedy_ids(model: &LoadedModel<Engine>, prompt: &[u32], new_tokens: u32) -> anyhow::Result<Vec<u32>> {
    let options = GenerateOptions {
        sampling: Sampling { temperature: 0.0, max_new_tokens: new_tokens, ..Sampling::default() },
        stop: Vec::new(),
        alternatives: 0,
    };
    let drawn = generate(&model.snapshot, &[prompt.to_vec()], &[(0, 0)], options)?;
    Ok(drawn.into_iter().flat_map(|answer| answer.ids()).collect())
}
