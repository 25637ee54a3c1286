//! Every way to compute against the others: values, and gradients of every parameter.

use super::*;
use crate::Policy;

/// Heads of 24, groups of three, rows that share a prefix: nothing fits a tile.
fn policy(architecture: Architecture, tied: bool) -> Policy {
    let (config, weights) = model(architecture, tied);
    Policy::new(&config, &weights).unwrap()
}

fn model(architecture: Architecture, tied: bool) -> (ModelConfig, Weights) {
    let config = ModelConfig::uneven(architecture, 37, tied);
    let mut weights = Weights::default();
    for (t, (name, dims)) in config.tensor_shapes().into_iter().enumerate() {
        let n: usize = dims.iter().product();
        let values: Vec<f32> = (0..n).map(|i| ((i * 7919 + t * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect();
        let shift = if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
        let values: Vec<f32> = values.iter().map(|v| shift + 0.4 * v).collect();
        weights.insert(name, WeightTensor::Dense(Tensor::from_vec(values, dims, &Device::Cpu).unwrap()));
    }
    (config, weights)
}

const FAMILIES: [Architecture; 3] = [Architecture::Llama, Architecture::Qwen2, Architecture::Qwen3];

/// A prompt with three answers, a text of its own, and one that is longer than a block of queries and a chunk of rows.
fn rows() -> (Vec<u32>, Arc<RowPlan>) {
    let mut plan = RowPlan::new();
    let prompt = plan.push_root(35);
    plan.push_continuation(prompt, 14).unwrap();
    plan.push_continuation(prompt, 1).unwrap();
    plan.push_continuation(prompt, 40).unwrap();
    plan.push_root(3);
    let second = plan.push_root(5);
    plan.push_continuation(second, 2).unwrap();
    plan.push_root(230);
    ((0..plan.rows() as u32).map(|i| i * 31 % 37).collect(), Arc::new(plan))
}

#[track_caller]
fn close(what: &str, a: &Tensor, b: &Tensor, tolerance: f32) {
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (a, b) = (flat(a), flat(b));
    let size = b.iter().fold(1f32, |m, x| m.max(x.abs()));
    let gap = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(a.len() == b.len() && gap <= tolerance * size, "{what}: off by {gap:e} of {size}");
}

#[test]
fn the_dense_decoder_equals_the_composed_one_with_all_its_gradients() {
    for (family, tied) in FAMILIES.into_iter().flat_map(|family| [(family, true), (family, false)]) {
        let policy = policy(family, tied);
        let close =
            |what: &str, a: &Tensor, b: &Tensor, tolerance| close(&format!("{family:?} {what}"), a, b, tolerance);
        let (ids, plan) = rows();
        let decoder = policy.decoder();
        // States: a loss that weighs every value differently.
        let dense = decoder.hidden(&ids, &plan).unwrap();
        let slow = decoder.composed_hidden(&ids, &plan).unwrap();
        close("states", &dense, &slow, 1e-5);
        let weigh = |x: &Tensor| (x * slow.detach().sin().unwrap()).unwrap().sum_all().unwrap();
        let (fast, slow_grads) = (weigh(&dense).backward().unwrap(), weigh(&slow).backward().unwrap());
        for (name, p) in policy.parameters().iter().filter(|(name, _)| name != "lm_head.weight") {
            let (a, b) = (fast.get(p.as_tensor()).unwrap(), slow_grads.get(p.as_tensor()).unwrap());
            close(name, a, b, 2e-5);
        }
        // Scores: rows out of order, one of them twice.
        let rows: Vec<u32> = [34, 34, 0].into_iter().chain(40..300).collect();
        let tokens: Vec<u32> = rows.iter().map(|r| r * 7 % 37).collect();
        let scores = decoder.scores(&ids, &plan, &rows, &tokens).unwrap();
        let states = decoder.composed_hidden(&ids, &plan).unwrap();
        let states = states.index_select(&Tensor::new(&rows[..], &Device::Cpu).unwrap(), 0).unwrap();
        let twin = composed_scores(&decoder.logits(&states).unwrap(), &tokens).unwrap();
        assert_eq!(scores.hits, twin.hits);
        let values = |x: &[f32]| Tensor::new(x, &Device::Cpu).unwrap();
        close("entropies", &values(&scores.entropies), &values(&twin.entropies), 1e-5);
        let slow = twin.logprobs;
        close("logprobs", &scores.logprobs, &slow, 1e-5);
        let weigh = |x: &Tensor| (x * slow.detach().sin().unwrap()).unwrap().sum_all().unwrap();
        let (fast, slow_grads) = (weigh(&scores.logprobs).backward().unwrap(), weigh(&slow).backward().unwrap());
        for (name, p) in policy.parameters() {
            let (a, b) = (fast.get(p.as_tensor()).unwrap(), slow_grads.get(p.as_tensor()).unwrap());
            close(name, a, b, 2e-5);
        }
    }
}

#[test]
fn a_pass_can_be_gone_back_twice_and_refuses_what_does_not_fit() {
    let policy = policy(Architecture::Llama, true);
    let (ids, plan) = rows();
    let scores = policy.decoder().scores(&ids, &plan, &[3, 9], &[1, 2]).unwrap();
    let once = scores.logprobs.sum_all().unwrap().backward().unwrap();
    let twice = scores.logprobs.sum_all().unwrap().backward().unwrap();
    for (name, p) in policy.parameters() {
        close(name, once.get(p.as_tensor()).unwrap(), twice.get(p.as_tensor()).unwrap(), 0.0);
    }
    assert!(policy.decoder().scores(&ids, &plan, &[9999], &[1]).is_err());
    assert!(policy.decoder().scores(&ids, &plan, &[1], &[37]).is_err());
    assert!(policy.decoder().scores(&ids, &plan, &[1, 2], &[3]).is_err());
}

#[test]
fn what_is_computed_again_gives_the_same_gradients() {
    for family in FAMILIES {
        let policy = policy(family, false);
        let (ids, plan) = rows();
        // Rows out of order, some of every text.
        let (rows, tokens): (Vec<u32>, Vec<u32>) = (1..300).rev().map(|r| (r, r * 7 % 37)).unzip();
        let weights = Tensor::arange(0f32, 299.0, &Device::Cpu).unwrap();
        let of = |memory: PassMemory| {
            let decoder = policy.decoder().clone().keeping(memory);
            let scores = decoder.scores(&ids, &plan, &rows, &tokens).unwrap();
            let states = decoder.hidden(&ids, &plan).unwrap();
            let loss = (scores.logprobs * &weights).unwrap().sum_all().unwrap();
            let loss = (loss + states.sqr().unwrap().sum_all().unwrap()).unwrap();
            (loss.to_scalar::<f32>().unwrap(), loss.backward().unwrap())
        };
        let (loss, kept) = of(PassMemory::default());
        for (memory, tolerance) in [
            (PassMemory { inputs_only: true, texts: 0 }, 0.0),
            (PassMemory { inputs_only: false, texts: 1 }, 2e-5),
            (PassMemory { inputs_only: true, texts: 3 }, 2e-5),
            // More than there are.
            (PassMemory { inputs_only: false, texts: 99 }, 0.0),
        ] {
            let (again_loss, again) = of(memory);
            assert_eq!(again_loss, loss, "{family:?} {memory:?}");
            for (name, p) in policy.parameters() {
                let (a, b) = (again.get(p.as_tensor()).unwrap(), kept.get(p.as_tensor()).unwrap());
                close(&format!("{family:?} {memory:?} {name}"), a, b, tolerance);
            }
        }
    }
}

/// A policy whose adapter sits on these kinds of matrices, with values everywhere.
fn adapted(config: &ModelConfig, weights: &Weights, targets: &[&str]) -> Policy {
    let target_modules = targets.iter().map(|t| (*t).to_owned()).collect();
    let spec = clicker_wire::LoraSpec { r: 5, lora_alpha: 7.0, target_modules, ..clicker_wire::LoraSpec::default() };
    let mut policy = Policy::adapted(config, weights, &Adapter::new(&spec, config, 1).unwrap()).unwrap();
    for (i, (_, p)) in policy.parameters().iter().enumerate() {
        let values: Vec<f32> = (0..p.elem_count()).map(|k| ((k * 31 + i * 17) % 101) as f32 / 505.0 - 0.1).collect();
        p.set(&Tensor::from_vec(values, p.shape(), p.device()).unwrap()).unwrap();
    }
    policy.updated().unwrap();
    policy
}

#[test]
fn an_adapter_has_the_gradients_of_the_composed_decoder_and_the_states_of_its_merged_copy() {
    let kinds: [&[&str]; 2] = [&clicker_wire::LORA_TARGETS, &["down_proj", "v_proj"]];
    for (family, targets) in FAMILIES.into_iter().flat_map(|family| kinds.map(|kind| (family, kind))) {
        let (config, whole) = model(family, targets.len() == 2);
        for (dtype, weights) in [("f32", whole.clone()), ("bf16", whole.halved(&config).unwrap())] {
            let close = |what: &str, a: &Tensor, b: &Tensor, tolerance| {
                close(&format!("{family:?} {dtype} {} {what}", targets.len()), a, b, tolerance);
            };
            let policy = adapted(&config, &weights, targets);
            let (ids, plan) = rows();
            let states = |decoder: &Decoder| decoder.hidden(&ids, &plan).unwrap();
            let merged = policy.snapshot().unwrap();
            close("merged", &states(policy.decoder()), &states(merged.decoder()), 0.0);
            let slow = policy.decoder().composed_hidden(&ids, &plan).unwrap();
            close("states", &states(policy.decoder()), &slow, 1e-5);
            let weigh = |x: &Tensor| (x * slow.detach().sin().unwrap()).unwrap().sum_all().unwrap();
            let of = |memory: PassMemory| weigh(&states(&policy.decoder().clone().keeping(memory))).backward().unwrap();
            let (kept, twin) = (of(PassMemory::default()), weigh(&slow).backward().unwrap());
            let again = of(PassMemory { inputs_only: true, texts: 0 });
            let parts = of(PassMemory { inputs_only: false, texts: 1 });
            assert_eq!(policy.parameters().len(), config.layers * targets.len() * 2);
            for (name, p) in policy.parameters() {
                let [kept, twin, again, parts] =
                    [&kept, &twin, &again, &parts].map(|store| store.get(p.as_tensor()).unwrap());
                close(name, kept, twin, 2e-5);
                close(&format!("{name} computed again"), again, kept, 0.0);
                close(&format!("{name} in parts"), parts, kept, 2e-5);
            }
        }
    }
}

#[test]
fn half_weights_compute_what_their_rounded_values_do() {
    for (family, tied) in FAMILIES.into_iter().flat_map(|family| [(family, true), (family, false)]) {
        let (config, weights) = model(family, tied);
        let halved = weights.halved(&config).unwrap();
        let mut rounded = Weights::default();
        for (name, _) in config.tensor_shapes() {
            let tensor = halved.get(&name).unwrap().to_dense().unwrap();
            assert_eq!(tensor.dtype(), candle_core::DType::F32);
            rounded.insert(name, WeightTensor::Dense(tensor));
        }
        let (ids, plan) = rows();
        let (half, single) = (Decoder::new(&config, &halved).unwrap(), Decoder::new(&config, &rounded).unwrap());
        close("states", &half.hidden(&ids, &plan).unwrap(), &single.hidden(&ids, &plan).unwrap(), 0.0);
        let composed = half.composed_hidden(&ids, &plan).unwrap();
        close("composed", &composed, &single.composed_hidden(&ids, &plan).unwrap(), 0.0);
        close("logits", &half.logits(&composed).unwrap(), &single.logits(&composed).unwrap(), 0.0);
        let logprobs = |d: &Decoder| d.scores(&ids, &plan, &[3, 9], &[1, 2]).unwrap().logprobs;
        close("logprobs", &logprobs(&half), &logprobs(&single), 0.0);
        let (a, b) = (half.prefill(&ids, &plan, 0).unwrap().0, single.prefill(&ids, &plan, 0).unwrap().0);
        assert!(a == b, "{family:?}: logits of prompts");
    }
}

#[test]
fn answers_that_were_recorded_train_with_the_bits_of_a_pass_over_them() {
    for family in FAMILIES {
        let mut policy = policy(family, true);
        let recorder = policy.snapshot().unwrap().recording();
        let prompts: Vec<Vec<u32>> = [5, 40, 1].iter().map(|len| (0..*len).map(|i| i * 11 % 37).collect()).collect();
        let rows: Vec<(usize, u64)> = (0..9).map(|i| (i / 3, i as u64)).collect();
        let options = crate::GenerateOptions {
            sampling: clicker_wire::Sampling { max_new_tokens: 12, ..clicker_wire::Sampling::default() },
            stop: (0..6).collect(),
            alternatives: 0,
        };
        let recordings = |policy: &Policy| {
            let Path::Dense(dense) = &policy.decoder().path else { panic!("not dense") };
            dense.recordings()
        };
        let drawn = crate::generate(&recorder, &prompts, &rows, options.clone()).unwrap();
        let lens: Vec<usize> = drawn.iter().map(|d| d.draws.len()).collect();
        assert!(lens.iter().min() < lens.iter().max(), "answers of one length: {lens:?}");
        assert_eq!(recordings(&policy), 1);
        let (mut ids, mut plan) = (Vec::new(), RowPlan::new());
        let (mut at, mut tokens) = (Vec::new(), Vec::new());
        for (prompt, answers) in prompts.iter().zip(drawn.chunks(3)) {
            let root = plan.push_root(prompt.len());
            ids.extend_from_slice(prompt);
            let last = ids.len() as u32 - 1;
            for answer in answers {
                let answer = answer.ids();
                let start = ids.len() as u32;
                at.extend((0..answer.len() as u32).map(|t| if t == 0 { last } else { start + t - 1 }));
                tokens.extend_from_slice(&answer);
                if answer.len() > 1 {
                    plan.push_continuation(root, answer.len() - 1).unwrap();
                    ids.extend_from_slice(&answer[..answer.len() - 1]);
                }
            }
        }
        let plan = Arc::new(plan);
        let pass = |policy: &Policy| {
            let scores = policy.decoder().scores(&ids, &plan, &at, &tokens).unwrap();
            let store = scores.logprobs.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let gradients = policy
                .parameters()
                .iter()
                .map(|(_, p)| store.get(p.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap());
            (scores.logprobs.to_vec1::<f32>().unwrap(), scores.entropies, gradients.collect::<Vec<_>>())
        };
        let recorded = pass(&policy);
        assert_eq!(recordings(&policy), 0, "one pass uses it");
        assert!(recorded == pass(&policy), "{family:?}");
        for (sampled, trained) in drawn.iter().flat_map(|d| &d.draws).zip(&recorded.0) {
            assert!((sampled.logprob - trained).abs() < 1e-5, "{} and {trained}", sampled.logprob);
        }
        // What other weights computed is of no use.
        let embedding = &policy.parameters()[0].1;
        embedding.set(&(embedding.as_tensor() * 1.5).unwrap()).unwrap();
        policy.updated().unwrap();
        crate::generate(&recorder, &prompts, &rows, options).unwrap();
        assert_eq!(recordings(&policy), 1);
        assert!(pass(&policy) == pass(&policy), "{family:?}");
    }
}
