//! Questions that the browser tests ask of the wasm build, and what the native build says to them: rewards, and greedy tokens of GGUF
//! files. The two must be equal.
//!
//! `parity PROMPTS NEW_TOKENS JUDGE FILE...`: prompts as JSON lists of token ids, a GGUF file that judges; prints
//! `{"graded": {"cases": "[...]", "said": "[...]"}, "judged": {the same, for the judge}, "greedy": [[ids of file 0 for prompt 0, ...],
//! ...], "speed": {name of a reward: "[cases to grade by it, ...]", ...}}`. Cases are `judge` requests.

use anyhow::Context;
use clicker_lm::{Engine, GenerateOptions, LoadedModel, generate};
use clicker_rewards::Outside;
use clicker_rewards::fixtures::{self, Case};
use clicker_rewards::openai::{Panel, Seat};
use clicker_train::judging::JudgeModel;
use clicker_wire::{AdvantageScale, EngineRequest, Sampling};
use serde_json::{Value, json};

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
    let groups = clicker_rewards::bench::groups();
    let mut speed = serde_json::Map::new();
    for (name, reward) in clicker_rewards::bench::rewards() {
        let cases = groups.iter().map(|(item, texts)| request((reward.clone(), item.clone(), texts.clone())));
        speed.insert(name, serde_json::to_string(&cases.collect::<Vec<_>>())?.into());
    }
    let judge = Outside { judge: Some(&panel), ..Outside::default() };
    println!(
        "{}",
        json!({
            "graded": said(fixtures::cases(), Outside::default())?,
            "judged": said(fixtures::judged_cases(), judge)?,
            "greedy": greedy,
            "speed": speed,
        })
    );
    Ok(())
}

/// Cases as the text that the browser gets, and what is made of them as it reads them.
fn said(cases: Vec<Case>, outside: Outside<'_>) -> anyhow::Result<Value> {
    let cases = serde_json::to_string(&cases.into_iter().map(request).collect::<Vec<_>>())?;
    let read: Vec<EngineRequest> = serde_json::from_str(&cases)?;
    let mut made = Vec::new();
    for request in read {
        let EngineRequest::Judge { reward, item, texts, .. } = request else { anyhow::bail!("{request:?} is no case") };
        made.push(fixtures::graded(&(reward, item, texts), outside)?);
    }
    Ok(json!({ "cases": cases, "said": format!("[{}]", made.join(",")) }))
}

fn request((reward, item, texts): Case) -> EngineRequest {
    EngineRequest::Judge { id: 0, item, texts, reward, scale: AdvantageScale::Group, judge: None }
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
