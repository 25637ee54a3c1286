//! Answers token by token in the log form of UNIPO's Training Explorer (arXiv 2605.11549): a header, and an entry per step with
//! its figures and its sampled groups.
//!
//! What a run here does not have is left out of an entry, never made up: `values` and `returns` (only PPO has guesses, and they are
//! not stored), `token_objective` where the objective is not the clipped one per token, `ref_log_probs` and `token_kl` without a
//! reference. The reward of an answer stands at its last token. `token_objective` is what the first update of a step maximises:
//! min(r A, clip(r) A) - beta k3, r from the stored log-probabilities.

use super::RunLog;
use clicker_wire::{
    Algorithm, Event, GrpoSpec, ImportanceSamplingLevel, PolicyLoss, SampleGroup, SampledCompletion, SampledToken,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The document, and how many steps are in it.
pub(super) fn unipo(log: &RunLog) -> Result<(String, usize), serde_json::Error> {
    let recipe = &log.recipe;
    let mut groups: BTreeMap<u32, &[SampleGroup]> = BTreeMap::new();
    for (_, event) in &log.events {
        if let Event::Samples { step, groups: shown } = event {
            groups.insert(*step, shown);
        }
    }
    let mut entries = Vec::new();
    for (step, figures) in log.steps() {
        // What is measured before the first update has no objective.
        let (Some(loss), Some(reward)) = (figures.values.get("loss"), figures.values.get("reward")) else { continue };
        let mut metrics: Map<String, Value> =
            figures.values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        metrics.insert("policy_objective".into(), json!(-loss));
        metrics.insert("reward".into(), json!(reward));
        let shown = groups.get(&step).copied().unwrap_or(&[]);
        entries.push(json!({
            "step": step,
            // Every step draws its own answers here.
            "is_first_step_after_rollout_phase": true,
            "metrics": metrics,
            "prompts": shown.iter().map(|group| prompt(step, group, log)).collect::<Result<Vec<_>, _>>()?,
        }));
    }
    let rows = entries.len();
    let graders: Vec<String> =
        recipe.reward.graders.iter().map(|grader| format!("{} x {}", grader.name, grader.weight)).collect();
    let optional = |value: Option<Value>| value.unwrap_or(Value::Null);
    let header = json!({
        "task": recipe.name,
        "dataset": recipe.data.file.clone().unwrap_or_else(|| format!("built-in world, seed {}", recipe.data.world_seed)),
        "reward_strategy": graders.join(", "),
        "algorithm": recipe.algorithm,
        "totalSteps": recipe.steps,
        "model_name": recipe.model,
        "reference_model_name": optional((recipe.grpo.beta > 0.0).then(|| json!(recipe.model))),
        "hparams": {
            "seed": recipe.seed,
            "optim": recipe.optim,
            "rollout": recipe.rollout,
            "grpo": optional((recipe.algorithm == Algorithm::Grpo).then(|| serde_json::to_value(&recipe.grpo)).transpose()?),
        },
    });
    Ok((serde_json::to_string(&json!({ "header": header, "entries": entries }))?, rows))
}

fn prompt(step: u32, group: &SampleGroup, log: &RunLog) -> Result<Value, serde_json::Error> {
    let responses: Vec<Value> = group
        .completions
        .iter()
        .enumerate()
        .map(|(g, answer)| {
            json!({
                "id": format!("{step}/{}/{g}", group.item.id),
                "reward": answer.reward.total,
                "advantage": answer.advantage,
                "response_text": answer.text,
                "response_length": answer.tokens.len(),
                "tokens": tokens(answer, &log.recipe.grpo, log.recipe.algorithm),
            })
        })
        .collect();
    let asked: Vec<&str> = group.item.messages.iter().map(|turn| turn.content.as_str()).collect();
    Ok(json!({
        "prompt": asked.join("\n"),
        "messages": serde_json::to_value(&group.item.messages)?,
        "responses": responses,
    }))
}

fn tokens(answer: &SampledCompletion, spec: &GrpoSpec, algorithm: Algorithm) -> Value {
    let tokens = &answer.tokens;
    let column = |f: &dyn Fn(&SampledToken) -> f64| -> Value { tokens.iter().map(f).collect() };
    let mut out = Map::new();
    if let Some(ids) = tokens.iter().map(|token| token.id).collect::<Option<Vec<u32>>>() {
        out.insert("ids".into(), json!(ids));
    }
    out.insert("strings".into(), tokens.iter().map(|token| token.text.as_str()).collect());
    out.insert("log_probs".into(), column(&|token| token.logprob.into()));
    out.insert("old_log_probs".into(), column(&|token| token.old_logprob.into()));
    out.insert("advantages".into(), column(&|_| answer.advantage));
    let last = tokens.len().saturating_sub(1);
    let paid = (0..tokens.len()).map(|t| if t == last { answer.reward.total } else { 0.0 });
    out.insert("rewards".into(), paid.collect());
    let refers = !tokens.is_empty() && tokens.iter().all(|token| token.ref_logprob.is_some());
    if refers {
        out.insert("ref_log_probs".into(), column(&|token| token.ref_logprob.unwrap_or(token.logprob).into()));
        out.insert("token_kl".into(), column(&k3));
    }
    let clipped = algorithm == Algorithm::Grpo
        && spec.policy_loss == PolicyLoss::Clip
        && spec.importance_sampling_level == ImportanceSamplingLevel::Token
        && spec.delta.is_none();
    if clipped {
        out.insert("token_objective".into(), column(&|token| objective(token, answer.advantage, spec)));
    }
    Value::Object(out)
}

/// e^x - x - 1 with x = ln ref - ln pi.
fn k3(token: &SampledToken) -> f64 {
    let x = f64::from(token.ref_logprob.unwrap_or(token.logprob)) - f64::from(token.logprob);
    x.exp_m1() - x
}

fn objective(token: &SampledToken, advantage: f64, spec: &GrpoSpec) -> f64 {
    let ratio = (f64::from(token.logprob) - f64::from(token.old_logprob)).exp();
    let clipped = ratio.clamp(1.0 - spec.epsilon, 1.0 + spec.epsilon_high);
    (ratio * advantage).min(clipped * advantage) - spec.beta * k3(token)
}
