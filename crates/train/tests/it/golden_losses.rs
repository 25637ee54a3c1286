//! Losses, gradients and optimizer steps against PyTorch.

use crate::support::{FOLDERS, close, floats, ids, model, reference, table};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};
use clicker_lm::Policy;
use clicker_rl::{Aggregation, ClipConfig, aggregate, kl, loss};
use clicker_train::AdamW;
use clicker_train::batch::Packed;
use clicker_wire::OptimSpec;
use serde_json::Value;

fn policy(folder: &str) -> Policy {
    let model = model(folder);
    Policy::new(&model.config, model.snapshot.weights()).unwrap()
}

/// Batch rows cut to their last counted token: padding is never computed here.
fn conversations(part: &Value) -> Vec<(Vec<u32>, Vec<bool>)> {
    let rows = part["ids"].as_array().unwrap().iter().zip(part["loss_mask"].as_array().unwrap());
    rows.map(|(row, mask)| {
        let mask: Vec<bool> = floats(mask).iter().map(|m| *m != 0.0).collect();
        let end = mask.iter().rposition(|m| *m).unwrap() + 1;
        (ids(row)[..end].to_vec(), mask[..end].to_vec())
    })
    .collect()
}

fn packed(rows: &[(Vec<u32>, Vec<bool>)]) -> Packed {
    Packed::conversations(rows.iter().map(|(ids, mask)| (ids.as_slice(), mask.as_slice())))
}

fn cross_entropy(policy: &Policy, packed: &Packed) -> Tensor {
    packed.logprobs(policy.decoder()).unwrap().mean_all().unwrap().neg().unwrap()
}

fn check_digests(what: &str, expected: &Value, tolerance: f32, get: impl Fn(&str) -> Vec<f32>) {
    for digest in expected.as_array().unwrap() {
        let name = digest["name"].as_str().unwrap();
        let got = get(name);
        let l2 = got.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let want = digest["l2"].as_f64().unwrap();
        let slack = f64::from(tolerance).max(1e-5 * want);
        assert!((l2 - want).abs() <= slack, "{what} {name}: norm {l2}, expected {want}");
        close(&format!("{what} {name}, first"), &got[..8], &floats(&digest["first"]), tolerance);
        let at: Vec<f32> = ids(&digest["sampled_at"]).iter().map(|&i| got[i as usize]).collect();
        close(&format!("{what} {name}, sampled"), &at, &floats(&digest["sampled"]), tolerance);
    }
}

fn gradient(policy: &Policy, store: &GradStore, name: &str) -> Vec<f32> {
    let (_, var) = policy.parameters().iter().find(|(n, _)| n == name).unwrap();
    store
        .get(var.as_tensor())
        .unwrap_or_else(|| panic!("{name} got no gradient"))
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

#[test]
fn cross_entropy_and_its_gradients() {
    for folder in FOLDERS {
        let (policy, reference) = (policy(folder), reference(folder));
        let packed = packed(&conversations(&reference["sft"]));
        assert_eq!(packed.tokens() as u64, reference["sft"]["active_tokens"].as_u64().unwrap());
        let loss = cross_entropy(&policy, &packed);
        close("loss", &[loss.to_scalar().unwrap()], &[reference["sft"]["loss"].as_f64().unwrap() as f32], 5e-6);
        let store = loss.backward().unwrap();
        check_digests(folder, &reference["sft"]["gradients"], 1e-5, |name| gradient(&policy, &store, name));
    }
}

#[test]
fn the_clipped_objective_with_kl_and_its_gradients() {
    for folder in FOLDERS {
        let (policy, reference) = (policy(folder), reference(folder));
        let part = &reference["grpo"];
        let prompt = part["prompt_length"].as_u64().unwrap() as usize;
        let rows = conversations(part);
        let answers: Vec<&[u32]> = rows.iter().map(|(ids, _)| &ids[prompt..]).collect();
        let packed = Packed::groups([(&rows[0].0[..prompt], answers)]).unwrap();
        let cut = |key: &str| -> Tensor {
            let values: Vec<f32> = table(&part[key])
                .iter()
                .zip(packed.lens())
                .flat_map(|(row, len)| row[prompt..prompt + len].to_vec())
                .collect();
            packed.table(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap()
        };
        let logp = packed.table(&packed.logprobs(policy.decoder()).unwrap()).unwrap();
        let number = |key: &str| part[key].as_f64().unwrap();
        let advantages = floats(&part["advantages"]);
        let advantages = Tensor::from_vec(advantages.clone(), (advantages.len(), 1), &Device::Cpu).unwrap();
        let clip = ClipConfig { epsilon_low: number("epsilon_low"), epsilon_high: number("epsilon_high") };
        let clipped = loss::ppo_clip(&logp, &cut("old_logprobs"), &advantages, &clip).unwrap();
        let k3 = kl::k3(&logp, &cut("ref_logprobs")).unwrap();
        let per_token = (clipped.per_token + (k3 * number("beta")).unwrap()).unwrap();
        let mask = packed.mask(|_| true).unwrap();
        let tokens = packed.tokens() as f64;
        let sequences = packed.sequences() as f64;
        let max_len = number("max_completion_length");
        for (aggregation, key) in [
            (Aggregation::Grpo { sequences }, "loss_grpo"),
            (Aggregation::DrGrpo { max_len, sequences }, "loss_dr_grpo"),
            (Aggregation::Dapo { denominator: tokens }, "loss"),
        ] {
            let loss = aggregate(&per_token, &mask, aggregation).unwrap();
            close(key, &[loss.to_scalar().unwrap()], &[number(key) as f32], 5e-6);
        }
        let store =
            aggregate(&per_token, &mask, Aggregation::Dapo { denominator: tokens }).unwrap().backward().unwrap();
        check_digests(folder, &part["gradients"], 1e-5, |name| gradient(&policy, &store, name));
    }
}

#[test]
fn five_steps_of_adamw() {
    for folder in FOLDERS {
        let (policy, reference) = (policy(folder), reference(folder));
        let part = &reference["adamw"];
        let number = |key: &str| part[key].as_f64().unwrap();
        let spec = OptimSpec {
            adam_beta1: number("beta1"),
            adam_beta2: number("beta2"),
            adam_epsilon: number("epsilon"),
            weight_decay: number("weight_decay"),
            max_grad_norm: number("max_grad_norm"),
            ..OptimSpec::default()
        };
        let packed = packed(&conversations(&reference["sft"]));
        let mut optimizer = AdamW::new(&spec, policy.parameters());
        let (mut losses, mut norms) = (Vec::new(), Vec::new());
        for _ in 0..part["steps"].as_u64().unwrap() {
            let loss = cross_entropy(&policy, &packed);
            let store = loss.backward().unwrap();
            let gradients: Vec<_> =
                policy.parameters().iter().map(|(_, p)| store.get(p.as_tensor()).cloned()).collect();
            assert!(gradients.iter().all(Option::is_some), "every parameter learns");
            losses.push(loss.to_scalar::<f32>().unwrap());
            norms.push(optimizer.step(policy.parameters(), &gradients, number("learning_rate")).unwrap() as f32);
        }
        losses.push(cross_entropy(&policy, &packed).to_scalar().unwrap());
        let mut expected = floats(&part["losses"]);
        expected.push(number("final_loss") as f32);
        close("losses", &losses, &expected, 2e-5);
        close("gradient norms", &norms, &floats(&part["grad_norms"]), 1e-4);
        check_digests(folder, &part["parameters"], 1e-4, |name| {
            let (_, var) = policy.parameters().iter().find(|(n, _)| n == name).unwrap();
            var.as_tensor().flatten_all().unwrap().to_vec1().unwrap()
        });
    }
}
