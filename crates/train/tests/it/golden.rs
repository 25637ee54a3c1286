//! The decoder against transformers: logits, greedy tokens, log-probabilities, entropies.

use crate::support::{FOLDERS, close, floats, ids, model, reference, table};
use clicker_lm::{GenerateOptions, RowPlan, generate};
use clicker_train::batch::Packed;
use clicker_wire::Sampling;
use std::sync::Arc;

#[test]
fn logits_of_the_last_and_of_all_positions() {
    for folder in FOLDERS {
        let (model, reference) = (model(folder), reference(folder));
        for prompt in reference["prompts"].as_array().unwrap() {
            let ids = ids(&prompt["ids"]);
            let got = model.snapshot.last_logits(&ids).unwrap();
            close(&format!("{folder}: logits after {} ids", ids.len()), &got, &floats(&prompt["last_logits"]), 2e-5);
            if let Some(all) = prompt.get("all_logits") {
                let decoder = model.snapshot.decoder();
                let hidden = decoder.hidden(&ids, &Arc::new(RowPlan::independent(&[ids.len()]))).unwrap();
                let got = decoder.logits(&hidden).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
                close(&format!("{folder}: all logits"), &got, &table(all).concat(), 2e-5);
            }
        }
    }
}

#[test]
fn greedy_tokens_and_their_logprobs() {
    for folder in FOLDERS {
        let (model, reference) = (model(folder), reference(folder));
        let prompts = reference["prompts"].as_array().unwrap();
        // All prompts in one batch: lengths differ, so this also proves that rows do not disturb each other.
        let batch: Vec<Vec<u32>> = prompts.iter().map(|p| ids(&p["ids"])).collect();
        let rows: Vec<(usize, u64)> = (0..batch.len()).map(|p| (p, 0)).collect();
        let options = GenerateOptions {
            sampling: Sampling { temperature: 0.0, max_new_tokens: 24, ..Sampling::default() },
            stop: Vec::new(),
            alternatives: 0,
        };
        for (drawn, prompt) in generate(&model.snapshot, &batch, &rows, options).unwrap().iter().zip(prompts) {
            assert_eq!(drawn.ids(), ids(&prompt["greedy_ids"]), "{folder}");
            let logprobs: Vec<f32> = drawn.draws.iter().map(|d| d.logprob).collect();
            close(&format!("{folder}: greedy logprobs"), &logprobs, &floats(&prompt["greedy_logprobs"]), 2e-5);
        }
    }
}

#[test]
fn logprobs_and_entropies_of_a_given_continuation() {
    for folder in FOLDERS {
        let (model, reference) = (model(folder), reference(folder));
        for prompt in reference["prompts"].as_array().unwrap() {
            let (start, continuation) = (ids(&prompt["ids"]), ids(&prompt["continuation"]));
            // Twice the same answer over one shared prompt, as a group.
            let packed = Packed::groups([(start.as_slice(), vec![continuation.as_slice(); 2])]).unwrap();
            let logits = packed.logits(model.snapshot.decoder()).unwrap();
            let logprobs =
                clicker_rl::logprob::token_logprobs(&logits, &packed.targets(logits.device()).unwrap()).unwrap();
            let entropies = clicker_rl::logprob::entropy(&logits).unwrap();
            let (logprobs, entropies) = (logprobs.to_vec1::<f32>().unwrap(), entropies.to_vec1::<f32>().unwrap());
            for half in 0..2 {
                let span = half * continuation.len()..(half + 1) * continuation.len();
                close(folder, &logprobs[span.clone()], &floats(&prompt["continuation_logprobs"]), 2e-5);
                close(folder, &entropies[span], &floats(&prompt["continuation_entropies"]), 2e-5);
            }
        }
    }
}
