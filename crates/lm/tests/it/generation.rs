//! Batched generation: replay from a seed, limits, stop tokens, and agreement with the packed forward pass.

use crate::support::{close, random_model};
use clicker_lm::{GenerateOptions, Generator, RowPlan, generate, log_likelihoods, stream_seed};
use clicker_wire::{Sampling, StopReason};
use std::sync::Arc;

fn options(sampling: Sampling, stop: Vec<u32>) -> GenerateOptions {
    GenerateOptions { sampling, stop, alternatives: 3 }
}

fn sampled(max_new_tokens: u32) -> GenerateOptions {
    options(Sampling { max_new_tokens, ..Sampling::default() }, vec![])
}

#[test]
fn a_sample_is_the_same_alone_and_in_company() {
    let model = random_model();
    let prompts = vec![vec![1, 2, 3], vec![9], vec![4; 20]];
    let rows: Vec<(usize, u64)> =
        (0..3).flat_map(|p| (0..4).map(move |g| (p, stream_seed(7, 1, p as u64, g)))).collect();
    let together = generate(&model, &prompts, &rows, sampled(10)).unwrap();
    for (row, want) in rows.iter().zip(&together) {
        let alone = generate(&model, &[prompts[row.0].clone()], &[(0, row.1)], sampled(10)).unwrap();
        assert_eq!(alone[0].ids(), want.ids());
    }
    assert_ne!(together[0].ids(), together[1].ids(), "samples of a group differ");
}

#[test]
fn stored_logprobs_are_those_of_a_whole_forward_pass() {
    let model = random_model();
    let prompt = vec![1, 50, 60];
    let drawn = generate(&model, std::slice::from_ref(&prompt), &[(0, 5)], sampled(12)).unwrap().remove(0);
    let all = [prompt.clone(), drawn.ids()].concat();
    let plan = Arc::new(RowPlan::independent(&[all.len()]));
    let logits =
        model.decoder().logits(&model.decoder().hidden(&all, &plan).unwrap()).unwrap().to_vec2::<f32>().unwrap();
    let (logprobs, entropies): (Vec<f32>, Vec<f32>) = (prompt.len()..all.len())
        .map(|t| {
            let row: Vec<f64> = logits[t - 1].iter().map(|&l| f64::from(l)).collect();
            let max = row.iter().copied().fold(f64::MIN, f64::max);
            let log_sum = max + row.iter().map(|l| (l - max).exp()).sum::<f64>().ln();
            let entropy: f64 = row.iter().map(|l| -(l - log_sum).exp() * (l - log_sum)).sum();
            ((row[all[t] as usize] - log_sum) as f32, entropy as f32)
        })
        .unzip();
    close("logprobs", &drawn.draws.iter().map(|d| d.logprob).collect::<Vec<_>>(), &logprobs, 2e-5);
    close("entropies", &drawn.draws.iter().map(|d| d.entropy).collect::<Vec<_>>(), &entropies, 2e-5);
    for draw in &drawn.draws {
        assert_eq!(draw.alternatives.len(), 3);
        assert!(draw.alternatives.is_sorted_by(|a, b| a.1 >= b.1));
    }
}

#[test]
fn whole_answers_are_weighed_as_drawing_them_would() {
    let model = random_model();
    let prompt = vec![1, 50, 60];
    let rows: Vec<(usize, u64)> = [5, 6, 7].map(|stream| (0, stream)).to_vec();
    let drawn: Vec<_> = [1, 4, 12]
        .into_iter()
        .zip(&rows)
        .map(|(most, row)| generate(&model, std::slice::from_ref(&prompt), &[*row], sampled(most)).unwrap().remove(0))
        .collect();
    let answers: Vec<Vec<u32>> = drawn.iter().map(clicker_lm::Drawn::ids).collect();
    let expected: Vec<f32> = drawn.iter().map(|d| d.draws.iter().map(|d| d.logprob).sum()).collect();
    let got: Vec<f32> = log_likelihoods(&model, &prompt, &answers).unwrap().into_iter().map(|p| p as f32).collect();
    close("ln p", &got, &expected, 2e-5);
    for (prompt, answers, words) in [
        (vec![], vec![vec![1]], "0 tokens"),
        (vec![1], vec![vec![1], vec![]], "answer 1 has no tokens"),
        (vec![1], vec![vec![1 << 20]], "token 1048576"),
        (vec![1; 4000], vec![vec![1]], "4000 tokens"),
    ] {
        let said = log_likelihoods(&model, &prompt, &answers).unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn rows_end_at_a_stop_token_at_the_limit_and_at_the_context() {
    let model = random_model();
    let every: Vec<u32> = (0..320).collect();
    let stopped = generate(&model, &[vec![1]], &[(0, 0)], options(Sampling::default(), every)).unwrap();
    assert_eq!((stopped[0].draws.len(), stopped[0].stop), (1, StopReason::End));
    let cut = generate(&model, &[vec![1]], &[(0, 0)], sampled(4)).unwrap();
    assert_eq!((cut[0].draws.len(), cut[0].stop), (4, StopReason::Length));
    let long = generate(&model, &[vec![1; 60], vec![1]], &[(0, 0), (1, 1)], sampled(u32::MAX)).unwrap();
    assert_eq!((long[0].draws.len(), long[1].draws.len()), (4, 63), "the context of 64 ends both");
    assert_eq!(generate(&model, &[vec![1]], &[(0, 0)], sampled(0)).unwrap()[0].stop, StopReason::Length);
}

#[test]
fn a_generation_can_be_left_between_tokens() {
    let model = random_model();
    let mut generator = Generator::new(&model, &[vec![1, 2]], &[(0, 0), (0, 1)], sampled(20)).unwrap();
    generator.step().unwrap();
    generator.step().unwrap();
    for drawn in generator.finish() {
        assert_eq!((drawn.draws.len(), drawn.stop), (2, StopReason::Cancelled));
    }
}

#[test]
fn impossible_requests_are_named() {
    let model = random_model();
    let refuse = |prompt: Vec<u32>, sampling: Sampling| {
        generate(&model, &[prompt], &[(0, 0)], options(sampling, vec![])).unwrap_err().to_string()
    };
    assert!(refuse(vec![], Sampling::default()).contains("0 tokens"));
    assert!(refuse(vec![1; 64], Sampling::default()).contains("64 tokens"));
    assert!(refuse(vec![320], Sampling::default()).contains("vocabulary"));
    assert!(refuse(vec![1], Sampling { temperature: f32::NAN, ..Sampling::default() }).contains("temperature"));
    assert!(refuse(vec![1], Sampling { top_p: 0.0, ..Sampling::default() }).contains("top_p"));
}

#[test]
fn a_bias_and_a_penalty_change_what_is_drawn_and_not_what_is_reported() {
    let model = random_model();
    let prompt = vec![1, 50, 60];
    let plain = generate(&model, std::slice::from_ref(&prompt), &[(0, 5)], greedy_options(6, 1.0)).unwrap().remove(0);
    let first = plain.draws[0].clone();

    let ruled_out = |bias: f32| {
        let mut generator =
            Generator::new(&model, std::slice::from_ref(&prompt), &[(0, 5)], greedy_options(1, 1.0)).unwrap();
        generator = generator.biased(vec![(first.id, bias)]).unwrap();
        generator.step().unwrap().remove(0).1
    };
    assert_eq!(ruled_out(0.0), first);
    let second = ruled_out(f32::NEG_INFINITY);
    assert_ne!(second.id, first.id);
    assert!(second.logprob < first.logprob && second.entropy == first.entropy, "the model's own numbers");

    // With a penalty this large, nothing is said twice.
    let once = generate(&model, std::slice::from_ref(&prompt), &[(0, 5)], greedy_options(30, 1e6)).unwrap().remove(0);
    let mut ids = [prompt.clone(), once.ids()].concat();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), prompt.len() + once.draws.len());

    let generator =
        || Generator::new(&model, std::slice::from_ref(&prompt), &[(0, 5)], greedy_options(1, 1.0)).unwrap();
    assert!(generator().biased(vec![(320, 0.0)]).is_err());
    assert!(generator().biased(vec![(0, f32::NAN)]).is_err());
}

#[test]
fn a_row_that_is_stopped_leaves_the_others_alone() {
    let model = random_model();
    let rows = [(0, 1), (0, 2), (0, 3)];
    let all = generate(&model, &[vec![9, 8]], &rows, sampled(8)).unwrap();
    let mut generator = Generator::new(&model, &[vec![9, 8]], &rows, sampled(8)).unwrap();
    for step in 0.. {
        if generator.step().unwrap().is_empty() || generator.is_done() {
            break;
        }
        if step == 2 {
            generator.stop(1);
        }
    }
    let some = generator.finish();
    assert_eq!((some[1].draws.len(), some[1].stop), (3, StopReason::End));
    assert_eq!((some[0].ids(), some[2].ids()), (all[0].ids(), all[2].ids()));
}

fn greedy_options(max_new_tokens: u32, repetition_penalty: f32) -> GenerateOptions {
    options(Sampling { temperature: 0.0, max_new_tokens, repetition_penalty, ..Sampling::default() }, vec![])
}

#[test]
fn a_reply_goes_on_as_the_whole_conversation_would() {
    let model = random_model();
    let (prompts, rows) = (vec![vec![1, 50, 60], vec![9]], [(0, 5), (1, 6), (0, 7)]);
    let greedy = |n| options(Sampling { temperature: 0.0, max_new_tokens: n, ..Sampling::default() }, vec![]);
    let mut dialogues = Generator::with_room(&model, &prompts, &rows, greedy(4), 40).unwrap();
    let finish = |g: &mut Generator<'_, _>| {
        while !g.is_done() {
            g.step().unwrap();
        }
    };
    let too_early = dialogues.reply(&[(0, vec![3])]).unwrap_err().to_string();
    assert!(too_early.contains("still drawing"), "{too_early}");
    finish(&mut dialogues);
    let first: Vec<Vec<u32>> = (0..3).map(|row| dialogues.drawn(row).unwrap().ids()).collect();
    // Replies of different lengths, one row left out.
    let replies = [(0, vec![7, 8, 9]), (2, vec![4])];
    dialogues.reply(&replies).unwrap();
    finish(&mut dialogues);
    for (row, reply) in &replies {
        let said = [prompts[rows[*row].0].clone(), first[*row].clone(), reply.clone()].concat();
        let whole = generate(&model, &[said], &[(0, 1)], greedy(4)).unwrap().remove(0);
        let drawn = dialogues.drawn(*row).unwrap();
        assert_eq!(drawn.ids()[4..], whole.ids());
        let logprobs = |draws: &[clicker_lm::Draw]| draws.iter().map(|d| d.logprob).collect::<Vec<_>>();
        close("logprobs", &logprobs(&drawn.draws[4..]), &logprobs(&whole.draws), 2e-5);
        assert_eq!(drawn.stop, StopReason::Length);
    }
    assert_eq!(dialogues.drawn(1).unwrap().ids(), first[1], "a row without a reply stays as it is");
    for (bad, word) in [
        (vec![(9, vec![1])], "row 9"),
        (vec![(0, vec![])], "0 tokens"),
        (vec![(0, vec![1]), (0, vec![1])], "row 0"),
        (vec![(0, vec![1; 40])], "room for 40"),
    ] {
        let error = dialogues.reply(&bad).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(dialogues.finish()[0].draws.len(), 8, "what was refused changed nothing");
}
