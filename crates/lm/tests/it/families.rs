//! The Qwen families against transformers: the decoder from the folder, and the engine from an exported file.

use crate::support::{close, folder, json};
use clicker_lm::weights::{Encoding, export};
use clicker_lm::{GenerateOptions, Inference, LoadedModel, RowPlan, generate};
use clicker_wire::Sampling;
use std::sync::Arc;

fn check(name: &str, model: &impl Inference) {
    for prompt in json(&format!("{name}/reference.json"))["prompts"].as_array().unwrap() {
        let ids = |key: &str| -> Vec<u32> {
            prompt[key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u32).collect()
        };
        let want: Vec<f32> =
            prompt["last_logits"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect();
        let (prompt, greedy) = (ids("ids"), ids("greedy_ids"));
        let plan = Arc::new(RowPlan::independent(&[prompt.len()]));
        let (logits, _) = model.prefill(&prompt, &plan, 0).unwrap();
        close(&format!("{name}: logits after {} ids", prompt.len()), &logits, &want, 5e-5);
        let sampling = Sampling { temperature: 0.0, max_new_tokens: greedy.len() as u32, ..Sampling::default() };
        let options = GenerateOptions { sampling, stop: Vec::new(), alternatives: 0 };
        assert_eq!(generate(model, &[prompt], &[(0, 0)], options).unwrap()[0].ids(), greedy, "{name}");
    }
}

#[test]
fn decoder_and_engine_say_what_transformers_says() {
    for name in ["qwen2-tiny", "qwen3-tiny"] {
        let model = folder(name, &[]).unwrap();
        check(name, &model.snapshot);
        let file = export(&model.snapshot, None, name, Encoding::F32).unwrap();
        check(name, &LoadedModel::for_engine(file.as_slice()).unwrap().snapshot);
    }
}

#[test]
fn a_scored_text_has_the_logprobs_of_drawing_it() {
    let model = folder("qwen3-tiny", &[]).unwrap();
    let file = export(&model.snapshot, None, "qwen3-tiny", Encoding::F32).unwrap();
    let engine = LoadedModel::for_engine(file.as_slice()).unwrap().snapshot;
    let prompt = vec![3, 1, 4, 1, 5];
    let options = GenerateOptions {
        sampling: Sampling { max_new_tokens: 40, ..Sampling::default() },
        stop: Vec::new(),
        alternatives: 2,
    };
    let drawn = generate(&engine, std::slice::from_ref(&prompt), &[(0, 7)], options).unwrap().remove(0);
    let scored = engine.score(&[prompt.clone(), drawn.ids()].concat(), prompt.len(), 2).unwrap();
    assert_eq!(scored.len(), 40);
    for (a, b) in scored.iter().zip(&drawn.draws) {
        assert_eq!(a.id, b.id);
        close("logprob, entropy", &[a.logprob, a.entropy], &[b.logprob, b.entropy], 2e-5);
        close("alternatives", &[a.alternatives[1].1], &[b.alternatives[1].1], 2e-5);
    }
    assert!(engine.score(&prompt, 0, 0).is_err() && engine.score(&prompt, 6, 0).is_err());
    assert!(engine.score(&prompt, 5, 0).unwrap().is_empty());
}
