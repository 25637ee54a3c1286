//! Pairs of a better and a worse answer as packed rows, and the gradient of any loss on them, computed in shards. The prompt
//! of a pair is computed once for both answers. Never knows which loss.

use crate::batch::Packed;
use crate::parallel::{SHARDS, shards};
use crate::rollout::Language;
use crate::sft::add_gradients;
use crate::{Result, TrainError};
use candle_core::{Device, Tensor};
use clicker_dataset::Comparison;
use clicker_lm::{Policy, PolicySnapshot};
use clicker_rl::preference::PairOut;

/// A comparison in tokens.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) prompt: Vec<u32>,
    pub(crate) chosen: Vec<u32>,
    pub(crate) rejected: Vec<u32>,
    pub(crate) weight: f64,
    pub(crate) margin: f64,
}

impl Pair {
    /// # Errors
    /// A text that the vocabulary cannot spell.
    pub(crate) fn new(language: &Language, comparison: &Comparison) -> Result<Self> {
        Ok(Self {
            prompt: language.template.prompt(&language.tokenizer, &comparison.prompt)?,
            chosen: answer(language, &comparison.chosen)?,
            rejected: answer(language, &comparison.rejected)?,
            weight: comparison.weight,
            margin: comparison.margin,
        })
    }
}

/// Tokens of an answer, its end marker included; never empty.
pub(crate) fn answer(language: &Language, text: &str) -> Result<Vec<u32>> {
    let mut ids = language.tokenizer.encode(text)?;
    ids.extend(language.template.end());
    if ids.is_empty() {
        return Err(TrainError::Recipe(
            "an answer of the data has no text, and this model's template has no end marker to learn instead; leave the \
             row out"
                .into(),
        ));
    }
    Ok(ids)
}

/// What a loss on pairs is made of, one shard's. n pairs.
pub(crate) struct Tables {
    /// ln pi, [2n, T]: the better answer, then the worse one, pair by pair.
    pub(crate) logp: Tensor,
    /// The same under the reference.
    pub(crate) reference: Option<Tensor>,
    /// [2n, T]
    pub(crate) mask: Tensor,
    /// [n]
    pub(crate) weights: Tensor,
}

/// Numbers of the whole step that losses are divided by; never 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divisors {
    /// Sum of the weights.
    pub(crate) weight: f64,
    /// Sum of weight times tokens of the better answers.
    pub(crate) chosen_tokens: f64,
}

impl Divisors {
    pub(crate) fn of(batch: &[&Pair]) -> Self {
        let sum = |f: fn(&Pair) -> f64| batch.iter().map(|p| f(p)).sum::<f64>().max(f64::MIN_POSITIVE);
        Self { weight: sum(|p| p.weight), chosen_tokens: sum(|p| p.weight * p.chosen.len() as f64) }
    }
}

/// What a loss says of one shard.
pub(crate) struct Objective {
    /// The scalar to go down, already divided by the step's numbers.
    pub(crate) loss: Tensor,
    /// Per pair.
    pub(crate) out: PairOut,
    /// The part of `loss` that is cross-entropy on the better answers, if there is one.
    pub(crate) nll: f64,
    /// Log-odds per pair, if the loss has them.
    pub(crate) log_odds: Vec<f64>,
}

/// A step's gradient and the numbers that go with it.
#[derive(Default)]
pub(crate) struct PairGradient {
    pub(crate) loss: f64,
    pub(crate) nll: f64,
    pub(crate) gradients: Vec<Option<Tensor>>,
    /// Loss per pair, before weights.
    pub(crate) losses: Vec<f64>,
    pub(crate) chosen_rewards: Vec<f64>,
    pub(crate) rejected_rewards: Vec<f64>,
    /// ln pi of whole answers.
    pub(crate) chosen_logps: Vec<f64>,
    pub(crate) rejected_logps: Vec<f64>,
    pub(crate) log_odds: Vec<f64>,
    /// Rows computed with a gradient.
    pub(crate) tokens: usize,
}

/// The gradient of a loss over a batch of pairs. `objective` divides by numbers of the whole step, so that shards add up.
pub(crate) fn gradient(
    policy: &Policy,
    reference: Option<&PolicySnapshot>,
    batch: &[&Pair],
    objective: &(dyn Fn(&Tables) -> Result<Objective> + Sync),
) -> Result<PairGradient> {
    let parts = shards(|shard| {
        let mine: Vec<&Pair> = batch.iter().skip(shard).step_by(SHARDS).copied().collect();
        part(policy, reference, &mine, objective)
    })?;
    let mut sum = PairGradient { gradients: vec![None; policy.parameters().len()], ..PairGradient::default() };
    for part in parts {
        add_gradients(&mut sum.gradients, &part.gradients)?;
        sum.loss += part.loss;
        sum.nll += part.nll;
        sum.tokens += part.tokens;
        sum.losses.extend(part.losses);
        sum.chosen_rewards.extend(part.chosen_rewards);
        sum.rejected_rewards.extend(part.rejected_rewards);
        sum.chosen_logps.extend(part.chosen_logps);
        sum.rejected_logps.extend(part.rejected_logps);
        sum.log_odds.extend(part.log_odds);
    }
    Ok(sum)
}

fn part(
    policy: &Policy,
    reference: Option<&PolicySnapshot>,
    mine: &[&Pair],
    objective: &(dyn Fn(&Tables) -> Result<Objective> + Sync),
) -> Result<PairGradient> {
    if mine.is_empty() {
        return Ok(PairGradient { gradients: vec![None; policy.parameters().len()], ..PairGradient::default() });
    }
    let rows = mine.iter().map(|p| (p.prompt.as_slice(), vec![p.chosen.as_slice(), p.rejected.as_slice()]));
    let packed = Packed::groups(rows)?;
    let weights: Vec<f32> = mine.iter().map(|p| p.weight as f32).collect();
    let tables = Tables {
        logp: packed.table(&packed.logprobs(policy.decoder())?)?,
        reference: reference.map(|model| packed.table(&packed.logprobs(model.decoder())?)).transpose()?,
        mask: packed.mask(|_| true)?,
        weights: Tensor::new(weights, &Device::Cpu)?,
    };
    let Objective { loss, out, nll, log_odds } = objective(&tables)?;
    let store = loss.backward()?;
    let (chosen, rejected) = split(&clicker_rl::preference::sums(&tables.logp.detach(), &tables.mask)?)?;
    Ok(PairGradient {
        loss: f64::from(loss.to_scalar::<f32>()?),
        nll,
        gradients: policy.parameters().iter().map(|(_, p)| store.get(p.as_tensor()).cloned()).collect(),
        losses: numbers(&out.per_pair.detach())?,
        chosen_rewards: numbers(&out.chosen_rewards)?,
        rejected_rewards: numbers(&out.rejected_rewards)?,
        chosen_logps: numbers(&chosen)?,
        rejected_logps: numbers(&rejected)?,
        log_odds,
        tokens: packed.computed_rows(),
    })
}

/// Both sides of a vector [2n]: the better answers' [n] and the worse ones' [n].
pub(crate) fn split(both: &Tensor) -> Result<(Tensor, Tensor)> {
    let table = both.reshape((both.elem_count() / 2, 2))?;
    Ok((table.narrow(1, 0, 1)?.squeeze(1)?, table.narrow(1, 1, 1)?.squeeze(1)?))
}

/// A vector as numbers.
pub(crate) fn numbers(t: &Tensor) -> Result<Vec<f64>> {
    Ok(t.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?)
}

/// Cross-entropy of the better answers, weighed, over all their tokens of the step; differentiable.
pub(crate) fn chosen_nll(tables: &Tables, divisors: Divisors) -> Result<Tensor> {
    let (chosen, _) = split(&clicker_rl::preference::sums(&tables.logp, &tables.mask)?)?;
    Ok(clicker_rl::preference::weighted(&chosen.neg()?, &tables.weights, divisors.chosen_tokens)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_lm::LoadedModel;
    use clicker_rl::preference::{pairs, sums, weighted};

    fn golden() -> LoadedModel {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/llama-tiny");
        let mut read = |name: &str| {
            let path = folder.join(name);
            if path.exists() { std::fs::read(path).map(Some) } else { Ok(None) }
        };
        LoadedModel::from_hf_folder(&mut read).unwrap()
    }

    fn dpo(tables: &Tables, divisors: Divisors) -> Result<Objective> {
        let h = (&tables.logp - tables.reference.as_ref().unwrap())?;
        let (c, r) = split(&sums(&h, &tables.mask)?)?;
        let out = pairs::dpo(&c, &r, 0.1)?;
        let loss = (weighted(&out.per_pair, &tables.weights, divisors.weight)? + chosen_nll(tables, divisors)?)?;
        Ok(Objective { loss, out, nll: 0.0, log_odds: Vec::new() })
    }

    #[test]
    fn a_batch_is_the_sum_of_its_parts() {
        let model = golden();
        let policy = Policy::new(&model.config, model.snapshot.weights()).unwrap();
        let ids = |seed: u32, len: u32| (0..len).map(|i| (seed * 31 + i * 7) % 50).collect::<Vec<u32>>();
        let data: Vec<Pair> = (0..6)
            .map(|i| Pair {
                prompt: ids(i, 3 + i),
                chosen: ids(i + 10, 1 + i % 4),
                rejected: ids(i + 20, 5 - i % 3),
                weight: 0.5 + f64::from(i),
                margin: 0.0,
            })
            .collect();
        let all: Vec<&Pair> = data.iter().collect();
        let divisors = Divisors::of(&all);
        let of = |batch: &[&Pair]| gradient(&policy, Some(&model.snapshot), batch, &|t| dpo(t, divisors)).unwrap();
        let whole = of(&all);
        assert_eq!(whole.losses.len(), 6);
        for cut in [1, 3] {
            let parts: Vec<PairGradient> = all.chunks(cut).map(of).collect();
            let loss: f64 = parts.iter().map(|p| p.loss).sum();
            assert!((loss - whole.loss).abs() < 1e-5, "{loss} against {}", whole.loss);
            let mut sum = vec![None; whole.gradients.len()];
            parts.iter().for_each(|p| add_gradients(&mut sum, &p.gradients).unwrap());
            for ((name, _), (a, b)) in policy.parameters().iter().zip(sum.iter().zip(&whole.gradients)) {
                let flat = |t: &Option<Tensor>| t.as_ref().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let (a, b) = (flat(a), flat(b));
                let size = b.iter().fold(1e-3f32, |m, x| m.max(x.abs()));
                let gap = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(gap < 1e-4 * size, "{name}: off by {gap:e} of {size:e}, cut by {cut}");
            }
        }
    }
}
