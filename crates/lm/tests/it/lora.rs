//! Adapters: a fresh one changes nothing, gradients are those of W + s B A, and PEFT's files go in and out.

use crate::support::{bytes, close, folder, golden, json, random_model};
use candle_core::Tensor;
use clicker_lm::lora::Adapter;
use clicker_lm::weights::peft;
use clicker_lm::{LmError, Policy, PolicySnapshot, Result, RowPlan};
use clicker_wire::LoraSpec;
use std::sync::Arc;

const IDS: [u32; 6] = [1, 7, 30, 9, 200, 5];

fn spec() -> LoraSpec {
    LoraSpec { r: 3, lora_alpha: 6.0, ..LoraSpec::default() }
}

fn adapted(start: &PolicySnapshot, spec: &LoraSpec) -> Policy {
    let config = start.decoder().config();
    Policy::adapted(config, start.weights(), &Adapter::new(spec, config, 1).unwrap()).unwrap()
}

type Change<'a> = &'a dyn Fn(&str, Vec<u8>) -> Option<Vec<u8>>;

/// Values everywhere, B included.
fn stir(policy: &mut Policy) {
    for (i, (_, parameter)) in policy.parameters().iter().enumerate() {
        let values: Vec<f32> =
            (0..parameter.elem_count()).map(|k| ((k * 31 + i * 17) % 101) as f32 / 505.0 - 0.1).collect();
        parameter.set(&Tensor::from_vec(values, parameter.shape(), parameter.device()).unwrap()).unwrap();
    }
    policy.updated().unwrap();
}

#[test]
fn a_fresh_adapter_changes_nothing() {
    let start = random_model();
    let policy = adapted(&start, &spec());
    assert_eq!(policy.parameters().len(), 2 * 7 * 2);
    let fresh = policy.snapshot().unwrap();
    assert_eq!(fresh.last_logits(&IDS).unwrap(), start.last_logits(&IDS).unwrap());
    for (name, parameter) in policy.parameters().iter().filter(|(name, _)| name.ends_with("lora_A.weight")) {
        let bound = 1.0 / (parameter.dims()[1] as f32).sqrt();
        let values = parameter.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().all(|v| v.abs() <= bound) && values.iter().any(|v| v.abs() > bound / 2.0), "{name}");
    }
}

#[test]
fn only_what_it_sits_on_changes() {
    let start = random_model();
    let few = LoraSpec { target_modules: vec!["v_proj".into(), "down_proj".into()], ..spec() };
    let mut policy = adapted(&start, &few);
    stir(&mut policy);
    let after = policy.snapshot().unwrap();
    let values = |model: &PolicySnapshot, name: &str| {
        model.weights().get(name).unwrap().to_dense().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    for (name, _) in start.decoder().config().tensor_shapes() {
        let same = values(&start, &name) == values(&after, &name);
        assert_eq!(same, !(name.contains("v_proj") || name.contains("down_proj")), "{name}");
    }
    assert_ne!(after.last_logits(&IDS).unwrap(), start.last_logits(&IDS).unwrap());
    // Half of it lies half way, in the weights.
    let (config, adapter) = (start.decoder().config(), policy.adapter().unwrap().unwrap());
    let half = adapter.merged(start.weights(), config, 0.5).unwrap();
    let half = PolicySnapshot::new(config, half, 0).unwrap();
    let name = "model.layers.1.mlp.down_proj.weight";
    let middle: Vec<f32> =
        values(&start, name).iter().zip(values(&after, name)).map(|(a, b)| f32::midpoint(*a, b)).collect();
    close("half", &values(&half, name), &middle, 1e-6);
}

#[test]
fn gradients_are_those_of_differences() {
    let mut policy = adapted(&random_model(), &spec());
    stir(&mut policy);
    let plan = Arc::new(RowPlan::independent(&[IDS.len()]));
    let (rows, tokens): (Vec<u32>, Vec<u32>) = ((0..5).collect(), IDS[1..].to_vec());
    let loss = |policy: &Policy| {
        let scores = policy.decoder().scores(&IDS, &plan, &rows, &tokens).unwrap();
        scores.logprobs.sum_all().unwrap()
    };
    let gradients = loss(&policy).backward().unwrap();
    let names: Vec<String> = policy.parameters().iter().map(|(name, _)| name.clone()).collect();
    for (i, name) in names.iter().enumerate() {
        let parameter = policy.parameters()[i].1.clone();
        let gradient = gradients.get(parameter.as_tensor()).unwrap_or_else(|| panic!("{name} got no gradient"));
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let values = parameter.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        // The steepest entry: where a difference is largest beside rounding.
        let k = (0..values.len()).max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs())).unwrap();
        let mut at = |delta: f32| {
            let mut moved = values.clone();
            moved[k] += delta;
            parameter.set(&Tensor::from_vec(moved, parameter.shape(), parameter.device()).unwrap()).unwrap();
            policy.updated().unwrap();
            loss(&policy).to_scalar::<f32>().unwrap()
        };
        let difference = (at(5e-3) - at(-5e-3)) / 1e-2;
        at(0.0);
        let tolerance = 0.03 * gradient[k].abs().max(0.05);
        assert!((difference - gradient[k]).abs() < tolerance, "{name}: {difference} against {}", gradient[k]);
    }
}

#[test]
fn peft_files_go_out_and_in() {
    let start = random_model();
    let config = start.decoder().config();
    let mut policy = adapted(&start, &LoraSpec { use_rslora: true, ..spec() });
    stir(&mut policy);
    let files = peft::write(&policy.adapter().unwrap().unwrap(), Some("builtin")).unwrap();
    let back =
        peft::read(&mut |name| Ok(files.iter().find(|(n, _)| n == name).map(|(_, b)| b.clone())), config).unwrap();
    assert_eq!(back.spec(), policy.adapter().unwrap().unwrap().spec());
    let merged = PolicySnapshot::new(config, back.merged(start.weights(), config, 1.0).unwrap(), 0).unwrap();
    assert_eq!(merged.last_logits(&IDS).unwrap(), policy.snapshot().unwrap().last_logits(&IDS).unwrap());
}

#[test]
fn what_does_not_fit_is_named() {
    let start = random_model();
    let config = start.decoder().config();
    let files = peft::write(&Adapter::new(&spec(), config, 1).unwrap(), None).unwrap();
    let read = |change: Change<'_>| -> Result<Adapter> {
        peft::read(
            &mut |name| Ok(files.iter().find(|(n, _)| n == name).and_then(|(n, b)| change(n, b.clone()))),
            config,
        )
    };
    let edited = |from: &'static str, to: &'static str| {
        move |name: &str, bytes: Vec<u8>| {
            if !name.ends_with(".json") {
                return Some(bytes);
            }
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{text}");
            Some(text.replace(from, to).into_bytes())
        }
    };
    assert!(read(&|_, bytes| Some(bytes)).is_ok());
    let cases: [(Result<Adapter>, &str); 7] = [
        (read(&|_, _| None), "adapter_config.json"),
        (read(&|name, bytes| Some(if name.ends_with("json") { bytes } else { bytes[..200].to_vec() })), "complete"),
        (read(&edited("LORA", "IA3")), "IA3"),
        (read(&edited("\"r\": 3", "\"r\": 4")), "shape [3, 32]"),
        (read(&edited("\"fan_in_fan_out\": false", "\"use_dora\": true")), "use_dora"),
        (read(&edited("\"q_proj\"", "\"o_prof\"")), "o_prof"),
        (read(&edited("\"q_proj\",", "")), "q_proj"),
    ];
    for (result, word) in cases {
        let message = result.err().unwrap_or_else(|| panic!("{word}: accepted")).to_string();
        assert!(message.contains(word), "{word}: {message}");
    }
    let wide = Adapter::new(&LoraSpec { r: 17, ..spec() }, config, 1).unwrap_err();
    assert!(matches!(&wide, LmError::Config(m) if m.contains("rank above 16")), "{wide}");
}

#[test]
fn an_adapter_of_peft_gives_the_logits_of_peft() {
    let model = folder("llama-tiny", &[]).unwrap();
    let reference = json("llama-tiny-lora/reference.json");
    let path = golden("llama-tiny-lora");
    let adapter = peft::read(&mut |name| std::fs::read(path.join(name)).map(Some), &model.config).unwrap();
    let merged = adapter.merged(model.snapshot.weights(), &model.config, 1.0).unwrap();
    let merged = PolicySnapshot::new(&model.config, merged, 0).unwrap();
    let ids: Vec<u32> = serde_json::from_value(reference["ids"].clone()).unwrap();
    let expected: Vec<f32> = serde_json::from_value(reference["last_logits"].clone()).unwrap();
    close("logits", &merged.last_logits(&ids).unwrap(), &expected, 1e-4);
    let base = model.snapshot.last_logits(&ids).unwrap();
    assert!(base.iter().zip(&expected).any(|(a, b)| (a - b).abs() > 0.05), "the adapter does something");
    // What we write of it is what PEFT wrote.
    let written = peft::write(&adapter, None).unwrap();
    let tensors = &written.iter().find(|(name, _)| name == "adapter_model.safetensors").unwrap().1;
    let (ours, theirs) =
        (safetensors::SafeTensors::deserialize(tensors).unwrap(), bytes("llama-tiny-lora/adapter_model.safetensors"));
    let theirs = safetensors::SafeTensors::deserialize(&theirs).unwrap();
    assert_eq!(ours.len(), theirs.len());
    for (name, view) in theirs.iter() {
        assert_eq!(ours.tensor(name).unwrap().data(), view.data(), "{name}");
    }
}
