//! Models of every family out of a Hugging Face folder: they train, by all their weights and by an adapter, and what they became
//! is read back by the decoder from both forms and by the browser's engine.

use clicker_lm::weights::hf;
use clicker_lm::{
    Architecture, Inference, LoadedModel, ModelConfig, PolicySnapshot, Precision, RopeScaling, RowPlan, Tokenizer,
};
use clicker_service::headless::{Compute, TrainRequest, export_model, load, newest_checkpoint, train};
use clicker_service::{Control, Outcome};
use clicker_train::pretrain::random_weights;
use clicker_wire::Recipe;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn tokenizer() -> Tokenizer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../public/models/builtin.gguf");
    let bytes = fs::read(path).expect("the built-in model");
    LoadedModel::from_gguf(&bytes, Precision::AsStored).expect("loads").tokenizer.expect("a tokenizer")
}

/// A folder with a model that knows nothing: heads of a width of their own, as the Qwen families have them.
fn folder(dir: &TempDir, architecture: Architecture, tied: bool) -> PathBuf {
    let tokenizer = tokenizer();
    let config = ModelConfig {
        architecture,
        vocab: tokenizer.vocab_size(),
        width: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
        ffn: 40,
        context: 256,
        rms_eps: 1e-6,
        rope_theta: 10_000.0,
        rope_scaling: match architecture {
            Architecture::Llama => RopeScaling::Llama3 { factor: 4.0, low: 1.0, high: 4.0, original: 32.0 },
            Architecture::Qwen2 => RopeScaling::None,
            Architecture::Qwen3 => RopeScaling::Linear(2.0),
        },
        tied,
        bos: tokenizer.id("<|bos|>"),
        eos: tokenizer.id("<|end|>").into_iter().collect(),
    };
    let snapshot = PolicySnapshot::new(&config, random_weights(&config, 7).expect("weights"), 0).expect("fits");
    let path = dir.path().join("model");
    fs::create_dir(&path).expect("a folder");
    for (name, bytes) in hf::write(&snapshot, Some(&tokenizer)).expect("writes") {
        fs::write(path.join(name), bytes).expect("writes");
    }
    path
}

fn recipe(algorithm: &str, adapter: bool) -> Recipe {
    let mut json = json!({"name": "t", "algorithm": algorithm, "steps": 2, "seed": 3, "optim": {"learning_rate": 1e-2,
        "warmup_steps": 0}, "eval": {"every": 0, "items": 4}, "memory": {"gradient_checkpointing": adapter}});
    if algorithm == "grpo" {
        // A model that knows nothing is never right: lengths differ.
        let length = json!({"name": "length", "weight": 1.0, "grader": {"type": "length", "free": 1, "limit": 20}});
        json["reward"] = json!({"graders": [length]});
        json["rollout"] = json!({"prompts": 2, "group_size": 4, "sampling": {"temperature": 1.0, "max_new_tokens": 8}});
        json["dry_run"] = json!({"start_anyway": "lengths only"});
    } else {
        json[algorithm] = json!({"batch": 4});
    }
    if adapter {
        json["lora"] = json!({"r": 2, "target_modules": ["q_proj", "v_proj", "down_proj"]});
        json["memory"]["frozen_dtype"] = json!("bf16");
    }
    serde_json::from_value(json).expect("a recipe")
}

const IDS: [u32; 9] = [1, 3, 40, 41, 300, 7, 90, 5, 4];

fn logits(model: &impl Inference) -> Vec<f32> {
    let plan = Arc::new(RowPlan::independent(&[IDS.len()]));
    model.prefill(&IDS, &plan, 0).expect("computes").0
}

#[track_caller]
fn close(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    let gap = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(a.len() == b.len() && gap <= tolerance, "{what}: off by {gap:e}");
}

fn engine(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).expect("reads");
    logits(&LoadedModel::for_engine(bytes.as_slice()).expect("loads").snapshot)
}

/// Train, write in both forms, read everything back.
fn there_and_back(architecture: Architecture, tied: bool, algorithm: &str, adapter: bool) {
    let what = format!("{architecture:?} {algorithm} adapter {adapter}");
    let dir = TempDir::new().expect("a folder");
    let model = folder(&dir, architecture, tied);
    let before = load(&model).expect("loads");
    let out = dir.path().join("run");
    let request = TrainRequest {
        recipe: recipe(algorithm, adapter),
        builtin: model.clone(),
        model,
        out: out.clone(),
        resume: false,
        compute: Compute::cpu(),
    };
    let outcome = train(&request, &mut |_| (), &|| Control::Continue).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(outcome, Outcome::Finished);

    let checkpoint = newest_checkpoint(&out).expect("a checkpoint");
    let trained = load(&checkpoint).expect("loads");
    assert_eq!(trained.config, before.config, "{what}");
    let after = logits(&trained.snapshot);
    let moved = logits(&before.snapshot).iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(moved > 1e-3, "{what}: nothing was learnt ({moved:e})");

    let (hf, gguf) = (dir.path().join("hf"), dir.path().join("back.gguf"));
    let shape = export_model(&checkpoint, &hf).expect("exports");
    assert_eq!(shape.architecture, architecture.name());
    let back = load(&hf).expect("loads");
    assert_eq!(back.config, before.config, "{what}");
    assert_eq!(logits(&back.snapshot), after, "{what}: through a folder");
    export_model(&hf, &gguf).expect("exports");
    assert_eq!(logits(&load(&gguf).expect("loads").snapshot), after, "{what}: through a file");
    close(&format!("{what}: the engine"), &engine(&gguf), &after, 2e-4);
    // What a browser loads: blocks of eight bits.
    let small = checkpoint.with_file_name(format!("{:06}.q8_0.gguf", 2));
    close(&format!("{what}: the engine, quantized"), &engine(&small), &after, 0.15);
    let taken = export_model(&checkpoint, &hf).expect_err("a place that is taken").to_string();
    assert!(taken.contains("already"), "{taken}");
}

#[test]
fn every_family_trains_and_comes_back() {
    for (architecture, tied) in [(Architecture::Qwen2, true), (Architecture::Qwen3, false), (Architecture::Llama, true)]
    {
        for (algorithm, adapter) in [("sft", false), ("grpo", false), ("dpo", false), ("sft", true), ("grpo", true)] {
            there_and_back(architecture, tied, algorithm, adapter);
        }
    }
}

#[test]
fn reward_models_of_every_family_learn() {
    for architecture in [Architecture::Qwen2, Architecture::Qwen3] {
        there_and_back(architecture, architecture == Architecture::Qwen2, "reward_model", false);
    }
}

#[test]
fn a_set_of_reward_models_is_published_and_found_again() {
    let dir = TempDir::new().expect("a folder");
    let model = folder(&dir, Architecture::Llama, true);
    let play = |recipe: Recipe, name: &str| {
        let out = dir.path().join(name);
        let request = TrainRequest {
            recipe,
            model: model.clone(),
            builtin: model.clone(),
            out: out.clone(),
            resume: false,
            compute: Compute::cpu(),
        };
        train(&request, &mut |_| (), &|| Control::Continue).unwrap_or_else(|e| panic!("{name}: {e}"));
        out
    };
    let mut scoring = recipe("reward_model", false);
    scoring.reward_model.ensemble = 3;
    let checkpoint = newest_checkpoint(&play(scoring, "rm")).expect("a checkpoint");
    for member in ["2.gguf", "3.gguf"] {
        assert!(checkpoint.with_extension("members").join(member).is_file(), "{member}");
    }
    let mut trained = recipe("grpo", false);
    let grader = json!([{"name": "rm", "weight": 1.0, "grader": {"type": "reward_model",
        "checkpoints": [checkpoint], "ensemble": {"type": "worst"}}}]);
    trained.reward.graders = serde_json::from_value(grader).expect("graders");
    let samples = fs::read_to_string(play(trained, "policy").join("samples.jsonl")).expect("samples");
    assert!(samples.contains("the worst of the reward models' "), "three scores on a receipt: {samples}");
}
