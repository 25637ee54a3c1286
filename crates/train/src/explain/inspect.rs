//! One stored answer of a training step under the recipe's loss, token by token: the very functions that trained it, on the
//! numbers that were stored. Knows no weights: nothing is asked of a model again.

use crate::{Result, TrainError, objective};
use candle_core::{Device, Tensor, Var};
use clicker_rewards::judge;
use clicker_rl::groups::is_zero_variance;
use clicker_wire::{
    AdvantageEstimator, Algorithm, GrpoSpec, ImportanceSamplingLevel as Level, Inspection, KlEstimator,
    LossAggregation, PolicyLoss, Recipe, SampleGroup, SampledCompletion, TokenTerm, ZeroVariance,
};
use std::collections::BTreeMap;

/// What the loss makes of one answer, all `[T]`.
pub(crate) struct Terms {
    pub(crate) ratio: Vec<f64>,
    pub(crate) policy: Vec<f64>,
    pub(crate) kl: Option<Vec<f64>>,
    pub(crate) total: Vec<f64>,
    /// d (sum of the answer's token losses) / d ln p of every token.
    pub(crate) slope: Vec<f64>,
    pub(crate) clipped: Vec<bool>,
}

/// The terms of a stored answer. `spec` holds the beta of the step.
pub(crate) fn terms(spec: &GrpoSpec, answer: &SampledCompletion) -> Result<Terms> {
    let of = |f: &dyn Fn(usize) -> f64| -> Result<Tensor> {
        let values: Vec<f64> = (0..answer.tokens.len()).map(f).collect();
        Ok(Tensor::from_vec(values, (1, answer.tokens.len()), &Device::Cpu)?)
    };
    let tokens = &answer.tokens;
    let logp = Var::from_tensor(&of(&|t| f64::from(tokens[t].logprob))?)?;
    let old = of(&|t| f64::from(tokens[t].old_logprob))?;
    let (advantage, mask) = (of(&|_| answer.advantage)?, of(&|_| 1.0)?);
    let out = objective::policy(spec, logp.as_tensor(), &old, &advantage, &mask)?;
    let mut total = out.per_token.clone();
    let mut kl = None;
    if spec.beta > 0.0 && !spec.kl_in_reward && tokens.iter().all(|t| t.ref_logprob.is_some()) {
        let reference = of(&|t| f64::from(tokens[t].ref_logprob.unwrap_or_default()))?;
        let ratio = clicker_rl::loss::ratio::token(logp.as_tensor(), &old)?;
        let estimate = objective::kl_loss(spec, logp.as_tensor(), &reference, &ratio)?;
        total = (total + (&estimate * spec.beta)?)?;
        kl = Some(row(&estimate.detach())?);
    }
    let store = total.sum_all()?.backward()?;
    let slope = match store.get(logp.as_tensor()) {
        Some(gradient) => row(gradient)?,
        None => vec![0.0; tokens.len()],
    };
    let held = (((&out.clipped_low + &out.clipped_high)? + &out.capped)?).detach();
    Ok(Terms {
        ratio: row(&out.ratio.detach())?,
        policy: row(&out.per_token.detach())?,
        kl,
        total: row(&total.detach())?,
        slope,
        clipped: row(&held)?.into_iter().map(|x| x > 0.0).collect(),
    })
}

fn row(table: &Tensor) -> Result<Vec<f64>> {
    Ok(table.flatten_all()?.to_vec1()?)
}

/// The recipe's loss with the beta that was in force at a step, where the step's figures say so.
pub(crate) fn spec_at(recipe: &Recipe, figures: &BTreeMap<String, f64>) -> GrpoSpec {
    let beta = figures.get("kl_coef").copied().unwrap_or(recipe.grpo.beta);
    GrpoSpec { beta, ..recipe.grpo.clone() }
}

/// One stored answer. `figures` are the step's metrics; `place` is (step, group, sample).
///
/// # Errors
/// A recipe whose algorithm stores no answers; an answer that is not there or has no tokens.
pub fn inspect(
    recipe: &Recipe,
    figures: &BTreeMap<String, f64>,
    groups: &[SampleGroup],
    place: (u32, u32, u32),
) -> Result<Inspection> {
    let (step, group, sample) = place;
    if recipe.algorithm != Algorithm::Grpo {
        return Err(TrainError::Explain(
            "this run's algorithm draws no answers of its own step by step, so there is no token of one to look at; runs of \
             the GRPO family keep two groups a step"
                .into(),
        ));
    }
    let found = groups.get(group as usize).and_then(|g| Some((g, g.completions.get(sample as usize)?)));
    let Some((asked, answer)) = found.filter(|(_, answer)| !answer.tokens.is_empty()) else {
        return Err(TrainError::Explain(format!("step {step} has no stored answer {sample} in group {group}")));
    };
    let spec = spec_at(recipe, figures);
    let mut terms = terms(&spec, answer)?;
    let mut provenance = provenance(recipe, figures, &spec);
    if is_left_out(&spec, asked) {
        terms.slope.fill(0.0);
        let words = "All answers of this group earned the same, and this recipe leaves such groups out of the loss, KL and all: \
                     the losses here are what they would be, the slopes are what they were.";
        provenance.insert(0, words.to_owned());
    }
    let tokens = answer
        .tokens
        .iter()
        .enumerate()
        .map(|(t, token)| {
            let mut term = TokenTerm {
                text: token.text.clone(),
                old_logprob: token.old_logprob.into(),
                logprob: token.logprob.into(),
                ref_logprob: token.ref_logprob.map(f64::from),
                ratio: terms.ratio[t],
                advantage: answer.advantage,
                policy: terms.policy[t],
                kl: terms.kl.as_ref().map(|kl| kl[t]),
                total: terms.total[t],
                slope: terms.slope[t],
                clipped: terms.clipped[t],
                written: String::new(),
            };
            term.written = written(&spec, &term);
            term
        })
        .collect();
    let with_kl = terms.kl.is_some();
    Ok(Inspection {
        step,
        group,
        sample,
        item: asked.item.clone(),
        text: answer.text.clone(),
        reward: answer.reward.clone(),
        advantage: answer.advantage,
        loss: name(&spec),
        formula: formula(&spec, with_kl),
        divisor: divisor(recipe, figures, answer.tokens.len()),
        beta: if with_kl { spec.beta } else { 0.0 },
        tokens,
        replies: answer.replies.clone(),
        provenance,
    })
}

/// The loss and where it is from.
fn name(spec: &GrpoSpec) -> String {
    let loss = match (spec.policy_loss, spec.delta) {
        (PolicyLoss::Clip, None) => "clipped ratio (PPO, arXiv 1707.06347)",
        (PolicyLoss::Clip, Some(_)) => "ratio clipped on both sides (arXiv 2505.07291)",
        (PolicyLoss::Cispo, _) => "capped weight on ln π (CISPO, arXiv 2506.13585)",
        (PolicyLoss::Sapo, _) => "fading gradient (SAPO, arXiv 2511.20347)",
        (PolicyLoss::Reinforce, _) => "no ratio (REINFORCE)",
    };
    let sum = match spec.loss_type {
        LossAggregation::Grpo => "each answer's mean, then the mean over answers (GRPO, arXiv 2402.03300)",
        LossAggregation::Dapo => "mean over all tokens of the step (DAPO, arXiv 2503.14476)",
        LossAggregation::DrGrpo => "sum over a constant length (Dr. GRPO, arXiv 2503.20783)",
        LossAggregation::Bnpo => "mean over the tokens of each part of the batch (BNPO)",
        LossAggregation::SequenceSum => "each answer's sum, then the mean over answers",
    };
    format!("{loss}; {sum}")
}

fn ratio_symbol(spec: &GrpoSpec) -> &'static str {
    match spec.importance_sampling_level {
        Level::Token => "r = exp(ln π − ln π_old)",
        Level::Sequence | Level::SequenceToken => "r = exp(mean over the answer of ln π − ln π_old)",
        Level::SequenceSum => "r = exp(sum over the answer of ln π − ln π_old)",
    }
}

fn formula(spec: &GrpoSpec, with_kl: bool) -> String {
    let policy = match (spec.policy_loss, spec.delta) {
        (PolicyLoss::Clip, None) => "−min(r·A, clip(r, 1−ε, 1+ε_high)·A)",
        (PolicyLoss::Clip, Some(_)) => "−min(min(r, δ)·A, clip(r, 1−ε, 1+ε_high)·A)",
        (PolicyLoss::Cispo, _) => "−min(r, ε_high)·A·ln π, the weight held fixed",
        (PolicyLoss::Sapo, _) => "−(4/τ)·σ(τ·(r−1))·A",
        (PolicyLoss::Reinforce, _) => "−A·ln π",
    };
    let ratio = if spec.policy_loss == PolicyLoss::Reinforce { "" } else { ratio_symbol(spec) };
    let kl = match (with_kl, spec.kl_estimator) {
        (false, _) => "",
        (true, KlEstimator::K1 | KlEstimator::K1Plus) => " + β·(ln π − ln π_ref)",
        (true, KlEstimator::K2) => " + β·(ln π − ln π_ref)²/2",
        (true, KlEstimator::K3 | KlEstimator::K3Plus) => " + β·(e^x − x − 1), x = ln π_ref − ln π",
    };
    let weighed = if with_kl && spec.use_bias_correction_kl { ", the KL times r" } else { "" };
    let comma = if ratio.is_empty() { "" } else { ", " };
    format!("loss = {policy}{kl}{weighed}{comma}{ratio}")
}

/// A number as it stands in a formula.
fn n(x: f64) -> String {
    let text = match x.abs() {
        0.0 => "0".into(),
        a if a < 0.0005 => format!("{x:.1e}"),
        a if a < 0.1 => format!("{x:.4}"),
        _ => format!("{x:.3}"),
    };
    text.replace('-', "−")
}

/// A number as a factor: one below 0 stands in brackets.
fn factor(x: f64) -> String {
    if x < 0.0 { format!("({})", n(x)) } else { n(x) }
}

/// The formula with one token's numbers.
fn written(spec: &GrpoSpec, t: &TokenTerm) -> String {
    let (r, a) = (t.ratio, t.advantage);
    let clip = r.clamp(1.0 - spec.epsilon, 1.0 + spec.epsilon_high);
    let policy = match (spec.policy_loss, spec.delta) {
        (PolicyLoss::Clip, None) => format!("−min({}·{}, {}·{})", n(r), factor(a), n(clip), factor(a)),
        (PolicyLoss::Clip, Some(delta)) => {
            format!("−min({}·{}, {}·{})", n(r.min(delta)), factor(a), n(clip), factor(a))
        }
        (PolicyLoss::Cispo, _) => {
            format!("−min({}, {})·{}·{}", n(r), n(spec.epsilon_high), factor(a), factor(t.logprob))
        }
        (PolicyLoss::Sapo, _) => {
            let default = clicker_rl::loss::soft::SapoConfig::default();
            let tau = match a > 0.0 {
                true => spec.sapo_temperature_pos.unwrap_or(default.tau_positive),
                false => spec.sapo_temperature_neg.unwrap_or(default.tau_negative),
            };
            format!("−(4/{})·σ({}·({}−1))·{}", n(tau), n(tau), n(r), factor(a))
        }
        (PolicyLoss::Reinforce, _) => format!("−{}·{}", factor(a), factor(t.logprob)),
    };
    match t.kl {
        Some(kl) => {
            format!("{policy} + {}·{} = {} + {} = {}", n(spec.beta), n(kl), n(t.policy), n(spec.beta * kl), n(t.total))
        }
        None => format!("{policy} = {}", n(t.total)),
    }
}

/// What the token's loss is divided by. Where a recipe leaves answers out, only those that count are counted, and how many these were
/// is not stored.
fn divisor(recipe: &Recipe, figures: &BTreeMap<String, f64>, tokens: usize) -> String {
    let sequences = f64::from(recipe.rollout.prompts) * f64::from(recipe.rollout.group_size);
    let limit = recipe.rollout.sampling.max_new_tokens;
    let some_left_out = recipe.grpo.zero_variance == ZeroVariance::Skip || recipe.grpo.mask_truncated;
    let (most, counted) = if some_left_out { ("at most ", " that count") } else { ("", "") };
    match recipe.grpo.loss_type {
        LossAggregation::Grpo => {
            format!("M·T = {most}{sequences:.0}·{tokens}, answers of the step{counted} times tokens of this one")
        }
        LossAggregation::Dapo => match figures.get("completions/mean_length") {
            Some(mean) => {
                format!("N = {most}{:.0}, all tokens of the step's {sequences:.0} answers{counted}", mean * sequences)
            }
            None => format!("N, all tokens of the step's answers{counted} (not stored)"),
        },
        LossAggregation::DrGrpo => {
            format!("M·L = {most}{sequences:.0}·{limit}, answers of the step{counted} times the token limit")
        }
        LossAggregation::Bnpo => "K·n, parts of the batch times the tokens of this part (not stored)".into(),
        LossAggregation::SequenceSum => format!("M = {most}{sequences:.0}, answers of the step{counted}"),
    }
}

/// Whether the recipe left a group out of the loss, KL and all, because its rewards did not differ.
pub(crate) fn is_left_out(spec: &GrpoSpec, group: &SampleGroup) -> bool {
    let totals: Vec<Option<f64>> = group.completions.iter().map(|c| judge::total(&c.reward)).collect();
    // A recipe with several objectives may tell answers of one total apart; then they have advantages.
    spec.zero_variance == ZeroVariance::Skip
        && is_zero_variance(&totals)
        && group.completions.iter().all(|c| c.advantage.abs() < 1e-9)
}

fn provenance(recipe: &Recipe, figures: &BTreeMap<String, f64>, spec: &GrpoSpec) -> Vec<String> {
    let grpo = &recipe.grpo;
    let mut out = vec![
        "Stored with the run when the step was made: the tokens, ln π of the sampler, of the policy before the step's first \
         update and of the reference, reward, receipts and advantage."
            .to_owned(),
        "Computed here from those numbers, by the functions that trained: ratio, clip, KL, loss and slope. The sampler computes in \
         another order than the trainer, so a ratio that should be 1 may differ in its last digits."
            .to_owned(),
    ];
    if grpo.num_iterations > 1 {
        out.push(format!(
            "The step made {} updates on these answers; the numbers are those of the first.",
            grpo.num_iterations
        ));
    }
    if matches!(grpo.advantage, AdvantageEstimator::Gae | AdvantageEstimator::ReinforcePlusPlus)
        || (grpo.kl_in_reward && grpo.advantage != AdvantageEstimator::Grpo)
    {
        out.push(
            "This recipe gives every token an advantage of its own; the run stores their mean over the answer, and that is \
             what stands here."
                .to_owned(),
        );
    }
    if grpo.kl_in_reward && spec.beta > 0.0 {
        out.push("The KL is in the reward, so it is in the advantage and not in the token's loss.".to_owned());
    }
    if grpo.kl_target.is_some() {
        let known = if figures.contains_key("kl_coef") { "stored with the step" } else { "the recipe's first value" };
        out.push(format!("Beta moves with this recipe; the one here is {known}."));
    }
    let left_out = [
        (grpo.entropy_coef > 0.0 || grpo.entropy_target.is_some(), "the entropy bonus"),
        (grpo.top_entropy_quantile.is_some(), "the mask on tokens of little entropy"),
        (grpo.off_policy_mask_threshold.is_some(), "the mask on answers that the policy has left behind"),
        (grpo.mask_truncated, "the mask on answers that hit the token limit"),
    ];
    let left_out: Vec<&str> = left_out.iter().filter(|(is, _)| *is).map(|(_, what)| *what).collect();
    if !left_out.is_empty() {
        out.push(format!("Not in these numbers, because it depends on the whole step: {}.", left_out.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::{Item, Reward, SampledReply, SampledToken};

    fn token(old: f32, new: f32, reference: Option<f32>) -> SampledToken {
        SampledToken {
            id: Some(1),
            text: " a".into(),
            old_logprob: old,
            logprob: new,
            ref_logprob: reference,
            entropy: 1.0,
        }
    }

    fn answer(advantage: f64, tokens: Vec<SampledToken>) -> SampledCompletion {
        let reward = Reward { total: 1.0, receipts: Vec::new(), notes: Vec::new() };
        SampledCompletion { text: "a".into(), reward, advantage, tokens, replies: Vec::new() }
    }

    fn grpo(change: impl FnOnce(&mut Recipe)) -> Recipe {
        let mut recipe: Recipe =
            serde_json::from_value(serde_json::json!({"name": "t", "algorithm": "grpo", "steps": 1})).unwrap();
        recipe.grpo.beta = 0.0;
        change(&mut recipe);
        recipe
    }

    fn seen(recipe: &Recipe, answer: SampledCompletion) -> Inspection {
        let groups = [SampleGroup { item: Item::free("q"), completions: vec![answer] }];
        let figures = BTreeMap::from([("completions/mean_length".to_owned(), 2.0)]);
        inspect(recipe, &figures, &groups, (3, 0, 0)).unwrap()
    }

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-6, "{got} against {expected}");
    }

    #[test]
    fn a_dialogue_keeps_what_was_said_between_its_tokens() {
        let said = SampledReply { answer: "a".into(), tokens: 1, said: "Really?".into(), ids: vec![7] };
        let tokens = vec![token(-1.0, -1.0, None), token(-1.0, -1.0, None)];
        let spoken = SampledCompletion { replies: vec![said.clone()], ..answer(1.0, tokens) };
        assert_eq!(seen(&grpo(|_| ()), spoken).replies, [said]);
    }

    /// By hand: r = 1.5 and 1 with A = 2, clipped at 1.2; and the k3 of x = ln 2.
    #[test]
    fn the_numbers_are_the_formula_s() {
        let ln = |x: f32| x.ln();
        let tokens = vec![token(ln(0.4), ln(0.6), Some(ln(0.6))), token(ln(0.25), ln(0.25), Some(ln(0.5)))];
        let recipe = grpo(|r| r.grpo.beta = 0.5);
        let seen = seen(&recipe, answer(2.0, tokens));
        let [a, b] = &seen.tokens[..] else { panic!("two tokens") };
        close(a.ratio, 1.5);
        close(a.policy, -2.4);
        assert!(a.clipped && !b.clipped);
        close(a.slope, 0.0);
        close(b.policy, -2.0);
        let k3 = 2.0 - f64::ln(2.0) - 1.0;
        close(b.kl.unwrap(), k3);
        close(b.total, -2.0 + 0.5 * k3);
        // d/d ln p: -A r for the ratio at 1, and beta (1 - e^x) for the k3.
        close(b.slope, -2.0 + 0.5 * (1.0 - 2.0));
        assert_eq!(a.written, "−min(1.500·2.000, 1.200·2.000) + 0.500·0 = −2.400 + 0 = −2.400");
        assert!(seen.divisor.starts_with("N = 256"), "{}", seen.divisor);
    }

    #[test]
    fn every_member_of_the_family_writes_its_own_formula() {
        let tokens = || vec![token(f32::ln(0.4), f32::ln(0.6), None)];
        let with = |change: &dyn Fn(&mut GrpoSpec)| seen(&grpo(|r| change(&mut r.grpo)), answer(-1.0, tokens()));
        let cispo = with(&|s| (s.policy_loss, s.epsilon_high) = (PolicyLoss::Cispo, 5.0));
        close(cispo.tokens[0].policy, 1.5 * f64::ln(0.6));
        close(cispo.tokens[0].slope, 1.5);
        let sapo = with(&|s| s.policy_loss = PolicyLoss::Sapo);
        close(sapo.tokens[0].policy, 4.0 / 1.05 / (1.0 + f64::exp(-1.05 * 0.5)));
        let plain = with(&|s| s.policy_loss = PolicyLoss::Reinforce);
        assert!(plain.formula.starts_with("loss = −A·ln π") && !plain.formula.contains("r ="), "{}", plain.formula);
        close(plain.tokens[0].policy, f64::ln(0.6));
        assert_eq!(plain.tokens[0].written, "−(−1.000)·(−0.511) = −0.511");
        let two = with(&|s| s.delta = Some(1.3));
        close(two.tokens[0].policy, 1.3);
        assert!(two.tokens[0].clipped);
        let gspo = with(&|s| s.importance_sampling_level = Level::Sequence);
        assert!(gspo.formula.contains("mean over the answer"), "{}", gspo.formula);
        let dr = with(&|s| s.loss_type = LossAggregation::DrGrpo);
        assert!(dr.divisor.contains("token limit"));
    }

    #[test]
    fn a_group_that_was_left_out_pulls_at_nothing() {
        let tokens = || vec![token(f32::ln(0.25), f32::ln(0.25), Some(f32::ln(0.5)))];
        let kept = seen(&grpo(|r| r.grpo.beta = 0.5), answer(0.0, tokens()));
        assert!(kept.tokens[0].slope < -0.1, "the KL acts on it");
        let skips = grpo(|r| (r.grpo.beta, r.grpo.zero_variance) = (0.5, ZeroVariance::Skip));
        let skipped = seen(&skips, answer(0.0, tokens()));
        close(skipped.tokens[0].slope, 0.0);
        assert!(skipped.provenance[0].contains("leaves such groups out"));
        assert!(skipped.divisor.starts_with("N = at most 256"), "{}", skipped.divisor);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let recipe = grpo(|_| ());
        let e = inspect(&recipe, &BTreeMap::new(), &[], (3, 0, 1)).unwrap_err().to_string();
        assert!(e.contains("step 3") && e.contains("answer 1"), "{e}");
        let sft = Recipe { algorithm: Algorithm::Sft, ..recipe };
        assert!(inspect(&sft, &BTreeMap::new(), &[], (3, 0, 1)).is_err());
    }
}
