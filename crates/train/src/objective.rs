//! The choices of a GRPO recipe as calls of the mathematics: one exhaustive match per choice, and the rules by which choices
//! fit together. Never knows models, text or rewards.

use crate::Result;
use candle_core::Tensor;
use clicker_rl::loss::{ratio, soft, surrogate};
use clicker_rl::{Aggregation, ClipConfig, LossOut, kl};
use clicker_wire::{
    AdvantageEstimator, AdvantageScale, GrpoSpec, ImportanceSamplingLevel as Level, KlEstimator, LossAggregation,
    PolicyLoss,
};

/// What is counted over a whole step, none of it 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Tokens that count.
    pub(crate) tokens: f64,
    /// Answers that count.
    pub(crate) sequences: f64,
    /// The token limit of an answer.
    pub(crate) limit: u32,
    /// Parts that the batch is cut into.
    pub(crate) parts: usize,
}

/// How token losses become one number.
pub(crate) fn aggregation(spec: &GrpoSpec, counts: Counts) -> Aggregation {
    let Counts { tokens, sequences, limit, parts } = counts;
    match spec.loss_type {
        LossAggregation::Grpo => Aggregation::Grpo { sequences },
        LossAggregation::Dapo => Aggregation::Dapo { denominator: tokens },
        LossAggregation::DrGrpo => Aggregation::DrGrpo { max_len: limit.into(), sequences },
        LossAggregation::Bnpo => Aggregation::Bnpo { micro_batches: parts as f64 },
        LossAggregation::SequenceSum => Aggregation::SequenceSum { sequences },
    }
}

/// The loss per token without the KL. All `[B, T]`; advantages may be `[B, 1]`.
pub(crate) fn policy(spec: &GrpoSpec, logp: &Tensor, old: &Tensor, a: &Tensor, mask: &Tensor) -> Result<LossOut> {
    let ratio = match spec.importance_sampling_level {
        Level::Token => ratio::token(logp, old),
        Level::Sequence => ratio::sequence_mean(logp, old, mask),
        Level::SequenceToken => ratio::sequence_token(logp, old, mask),
        Level::SequenceSum => ratio::sequence_sum(logp, old, mask),
    }?;
    let clip = ClipConfig { epsilon_low: spec.epsilon, epsilon_high: spec.epsilon_high };
    Ok(match (spec.policy_loss, spec.delta) {
        (PolicyLoss::Clip, None) => surrogate::clip(&ratio, a, &clip),
        (PolicyLoss::Clip, Some(delta)) => surrogate::two_sided(&ratio, a, &clip, delta),
        (PolicyLoss::Cispo, _) => soft::cispo(&ratio, logp, a, spec.epsilon_high),
        (PolicyLoss::Sapo, _) => soft::sapo(&ratio, a, &sapo(spec)),
        (PolicyLoss::Reinforce, _) => soft::policy_gradient(logp, a),
    }?)
}

/// The KL per token as a part of the loss; `value` is what is logged, `[B, T]`.
pub(crate) fn kl_loss(spec: &GrpoSpec, logp: &Tensor, reference: &Tensor, ratio: &Tensor) -> Result<Tensor> {
    let estimate = match spec.kl_estimator {
        KlEstimator::K1 => kl::k1(logp, reference),
        KlEstimator::K2 => kl::k2(logp, reference),
        KlEstimator::K3 => kl::k3(logp, reference),
        KlEstimator::K1Plus => kl::with_k2_gradient(&kl::k1(logp, reference)?, logp, reference),
        KlEstimator::K3Plus => kl::with_k2_gradient(&kl::k3(logp, reference)?, logp, reference),
    }?;
    Ok(if spec.use_bias_correction_kl { kl::corrected(&estimate, ratio)? } else { estimate })
}

/// The KL per token as numbers, from tokens that the policy itself drew: for the reward. `[B, T]`
pub(crate) fn kl_values(spec: &GrpoSpec, logp: &Tensor, reference: &Tensor) -> Result<Tensor> {
    Ok(match spec.kl_estimator {
        KlEstimator::K1 | KlEstimator::K1Plus => kl::k1(logp, reference),
        KlEstimator::K2 => kl::k2(logp, reference),
        KlEstimator::K3 | KlEstimator::K3Plus => kl::k3(logp, reference),
    }?
    .detach())
}

fn sapo(spec: &GrpoSpec) -> soft::SapoConfig {
    let default = soft::SapoConfig::default();
    soft::SapoConfig {
        tau_positive: spec.sapo_temperature_pos.unwrap_or(default.tau_positive),
        tau_negative: spec.sapo_temperature_neg.unwrap_or(default.tau_negative),
    }
}

/// What is wrong with the choices, the first of them: values out of range, and keys that would have no effect.
pub(crate) fn complaint(spec: &GrpoSpec) -> Option<String> {
    let default = GrpoSpec::default();
    let positive = |x: Option<f64>| x.is_none_or(|x| x.is_finite() && x > 0.0);
    let share = |x: Option<f64>| x.is_none_or(|x| x > 0.0 && x <= 1.0);
    let loss = spec.policy_loss;
    let gae = spec.advantage == AdvantageEstimator::Gae;
    let discounts = gae || spec.advantage == AdvantageEstimator::ReinforcePlusPlus;
    let rules = [
        // Values.
        (
            spec.delta.is_none_or(|d| d.is_finite() && d > 1.0 + spec.epsilon_high),
            "grpo.delta has to be above 1 + grpo.epsilon_high",
        ),
        (
            loss != PolicyLoss::Cispo || spec.epsilon_high >= 1.0,
            "grpo.epsilon_high is the absolute cap of cispo and has to be at least 1; 5 is advised",
        ),
        (
            positive(spec.sapo_temperature_pos) && positive(spec.sapo_temperature_neg),
            "grpo.sapo_temperature_pos and _neg have to be above 0",
        ),
        (share(spec.top_entropy_quantile), "grpo.top_entropy_quantile has to be above 0 and at most 1"),
        (
            spec.off_policy_mask_threshold.is_none_or(|x| x >= 0.0),
            "grpo.off_policy_mask_threshold has to be at least 0, nats per token",
        ),
        (
            spec.entropy_coef.is_finite()
                && spec.entropy_coef >= 0.0
                && spec.entropy_coef <= spec.entropy_coef_max.unwrap_or(f64::MAX),
            "grpo.entropy_coef has to be at least 0 and at most entropy_coef_max",
        ),
        (
            [spec.entropy_target, spec.entropy_coef_delta, spec.entropy_coef_max].into_iter().all(positive),
            "grpo.entropy_target, entropy_coef_delta and entropy_coef_max have to be above 0",
        ),
        (
            [spec.gamma, spec.lambda].into_iter().flatten().all(|g| (0.0..=1.0).contains(&g)),
            "grpo.gamma and lambda have to lie in 0 to 1",
        ),
        (
            positive(spec.cliprange_value) && positive(spec.critic_learning_rate),
            "grpo.cliprange_value and critic_learning_rate have to be above 0",
        ),
        (positive(spec.kl_target) && positive(spec.kl_horizon), "grpo.kl_target and kl_horizon have to be above 0"),
        (share(spec.ref_model_mixup_alpha), "grpo.ref_model_mixup_alpha has to be above 0 and at most 1"),
        (spec.max_num_gen_batches <= 100, "grpo.max_num_gen_batches has to be at most 100"),
        // Keys without an effect.
        (
            loss == PolicyLoss::Clip || spec.delta.is_none(),
            "grpo.delta has no effect without policy_loss = \"clip\"; leave it out",
        ),
        (
            loss == PolicyLoss::Clip || spec.epsilon == default.epsilon,
            "grpo.epsilon has no effect without policy_loss = \"clip\"; leave it out",
        ),
        (
            matches!(loss, PolicyLoss::Clip | PolicyLoss::Cispo) || spec.epsilon_high == default.epsilon_high,
            "grpo.epsilon_high has no effect with policy_loss sapo or reinforce; leave it out",
        ),
        (
            loss == PolicyLoss::Sapo || (spec.sapo_temperature_pos.is_none() && spec.sapo_temperature_neg.is_none()),
            "grpo.sapo_temperature_pos and _neg have no effect without policy_loss = \"sapo\"; leave them out",
        ),
        (
            loss != PolicyLoss::Reinforce || spec.importance_sampling_level == Level::Token,
            "grpo.importance_sampling_level has no effect with policy_loss = \"reinforce\", which has no ratio; leave it out",
        ),
        (
            loss != PolicyLoss::Reinforce || spec.num_iterations == 1,
            "grpo.num_iterations has to be 1 with policy_loss = \"reinforce\", which has no ratio to correct for old answers",
        ),
        (
            spec.advantage == AdvantageEstimator::Grpo || spec.scale_rewards == AdvantageScale::Group,
            "grpo.scale_rewards has no effect with another advantage than grpo; leave it out",
        ),
        (
            spec.entropy_target.is_some() || (spec.entropy_coef_delta.is_none() && spec.entropy_coef_max.is_none()),
            "grpo.entropy_coef_delta and entropy_coef_max have no effect without entropy_target; leave them out",
        ),
        (
            discounts || spec.gamma.is_none(),
            "grpo.gamma has no effect without advantage reinforce_plus_plus or gae; leave it out",
        ),
        (
            gae || [spec.lambda, spec.cliprange_value, spec.critic_learning_rate].iter().all(Option::is_none),
            "grpo.lambda, cliprange_value and critic_learning_rate have no effect without advantage = \"gae\"; leave them out",
        ),
        (
            spec.beta > 0.0
                || !(spec.kl_in_reward
                    || spec.use_bias_correction_kl
                    || spec.kl_target.is_some()
                    || spec.ref_model_sync_steps > 0
                    || spec.kl_estimator != default.kl_estimator),
            "grpo.kl_estimator, kl_in_reward, use_bias_correction_kl, kl_target and ref_model_sync_steps have no effect with \
             beta = 0; raise beta or leave them out",
        ),
        (
            !spec.kl_in_reward || !matches!(spec.kl_estimator, KlEstimator::K1Plus | KlEstimator::K3Plus),
            "grpo.kl_estimator k1+ and k3+ are about the gradient of a KL in the loss; with kl_in_reward write k1 or k3",
        ),
        (
            !spec.kl_in_reward || !spec.use_bias_correction_kl,
            "grpo.use_bias_correction_kl has no effect with kl_in_reward; leave one of them out",
        ),
        (
            spec.kl_target.is_some() || spec.kl_horizon.is_none(),
            "grpo.kl_horizon has no effect without kl_target; leave it out",
        ),
        (
            spec.ref_model_sync_steps > 0 || spec.ref_model_mixup_alpha.is_none(),
            "grpo.ref_model_mixup_alpha has no effect without ref_model_sync_steps; leave it out",
        ),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map(|(_, rule)| rule.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(change: impl FnOnce(&mut GrpoSpec)) -> GrpoSpec {
        let mut spec = GrpoSpec::default();
        change(&mut spec);
        spec
    }

    #[test]
    fn choices_that_fit_are_accepted() {
        for spec in [
            spec(|_| ()),
            spec(|s| s.delta = Some(4.0)),
            spec(|s| (s.policy_loss, s.epsilon_high) = (PolicyLoss::Cispo, 5.0)),
            spec(|s| (s.policy_loss, s.sapo_temperature_neg) = (PolicyLoss::Sapo, Some(1.1))),
            spec(|s| (s.advantage, s.gamma, s.kl_in_reward) = (AdvantageEstimator::ReinforcePlusPlus, Some(0.9), true)),
            spec(|s| (s.kl_target, s.kl_horizon) = (Some(0.1), Some(500.0))),
            spec(|s| (s.ref_model_sync_steps, s.ref_model_mixup_alpha) = (10, Some(0.5))),
        ] {
            assert_eq!(complaint(&spec), None, "{spec:?}");
        }
    }

    #[test]
    fn keys_without_an_effect_are_named() {
        for (spec, word) in [
            (spec(|s| s.delta = Some(1.1)), "delta"),
            (spec(|s| (s.policy_loss, s.delta) = (PolicyLoss::Sapo, Some(4.0))), "delta"),
            (spec(|s| s.policy_loss = PolicyLoss::Cispo), "epsilon_high"),
            (spec(|s| s.sapo_temperature_pos = Some(1.0)), "sapo_temperature_pos"),
            (spec(|s| (s.policy_loss, s.num_iterations) = (PolicyLoss::Reinforce, 2)), "num_iterations"),
            (
                spec(|s| (s.advantage, s.scale_rewards) = (AdvantageEstimator::Rloo, AdvantageScale::None)),
                "scale_rewards",
            ),
            (spec(|s| s.gamma = Some(0.9)), "gamma"),
            (spec(|s| s.lambda = Some(0.9)), "lambda"),
            (spec(|s| (s.advantage, s.lambda) = (AdvantageEstimator::Gae, Some(1.5))), "lambda"),
            (spec(|s| (s.beta, s.kl_in_reward) = (0.0, true)), "beta"),
            (spec(|s| (s.kl_in_reward, s.kl_estimator) = (true, KlEstimator::K3Plus)), "k3+"),
            (spec(|s| s.kl_horizon = Some(10.0)), "kl_horizon"),
            (spec(|s| s.entropy_coef_max = Some(0.1)), "entropy_coef_max"),
            (spec(|s| s.entropy_coef = -1.0), "entropy_coef"),
            (spec(|s| s.ref_model_mixup_alpha = Some(0.5)), "ref_model_mixup_alpha"),
            (spec(|s| s.top_entropy_quantile = Some(0.0)), "top_entropy_quantile"),
        ] {
            let complaint = complaint(&spec).unwrap_or_default();
            assert!(complaint.contains(word), "{word}: {complaint}");
        }
    }
}
