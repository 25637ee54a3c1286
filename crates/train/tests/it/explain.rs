//! Explanations against what really happens: pushes against steps that are taken, probabilities against whole answers.

use crate::support;
use crate::tiny::{model, play, recipe};
use candle_core::Tensor;
use clicker_lm::weights::WeightTensor;
use clicker_lm::{LoadedModel, Policy, PolicySnapshot, Precision, Weights, log_likelihoods};
use clicker_train::batch::Packed;
use clicker_train::explain::influence::influence;
use clicker_train::explain::inspect::inspect;
use clicker_train::explain::timeline::{point, timeline};
use clicker_train::explain::tokens::token_view;
use clicker_train::explain::{MAX_ANSWER, Subject};
use clicker_train::rollout::Language;
use clicker_wire::{
    ABSTAIN, Algorithm, Event, InfluenceOver, Item, Recipe, Reward, SampleGroup, SampledCompletion, SampledToken,
};
use std::collections::BTreeMap;

fn tiny() -> LoadedModel {
    LoadedModel::from_gguf(model(), Precision::Full).unwrap()
}

/// The tiny model after a few steps of training.
fn trained() -> LoadedModel {
    let records = play(&recipe(Algorithm::Sft), None, 9);
    let master = records.into_iter().rev().find_map(|r| r.checkpoint).unwrap().master;
    LoadedModel::from_gguf(&master, Precision::Full).unwrap()
}

fn answer(language: &Language, text: &str) -> Vec<u32> {
    let mut ids = language.tokenizer.encode(text).unwrap();
    ids.extend(language.template.end());
    ids
}

#[test]
fn tokens_add_up_to_the_answers_of_both_models() {
    let (old, new) = (tiny(), trained());
    let item = Item::free("What is the capital of France?");
    let (a, b) = (Subject::new("before", &old).unwrap(), Subject::new("after", &new).unwrap());
    let view = token_view(&item, Some("Paris."), &a, &b).unwrap();
    for (model, reading) in [(&old, &view.before), (&new, &view.after)] {
        let language = Language::of(model).unwrap();
        let (prompt, ids) = (language.prompt(&item).unwrap(), answer(&language, "Paris."));
        let whole = log_likelihoods(&model.snapshot, &prompt, std::slice::from_ref(&ids)).unwrap()[0];
        assert!((whole - reading.logprob).abs() < 1e-3, "{whole} against {}", reading.logprob);
        assert_eq!(view.tokens.iter().map(|t| t.id).collect::<Vec<_>>(), ids);
    }
    for token in &view.tokens {
        for reading in [&token.before, &token.after] {
            assert_eq!(reading.top.len(), 5);
            assert!(reading.top.windows(2).all(|w| w[0].logprob >= w[1].logprob));
            let own = reading.top.iter().position(|t| t.id == token.id);
            assert_eq!(own.map(|p| p as u32 + 1), (reading.rank <= 5).then_some(reading.rank));
        }
    }
    let parts = view.tokens.iter().position(|t| t.before.top[0].id != t.after.top[0].id);
    assert_eq!(view.parts_at, parts.map(|p| p as u32));
    // Without an answer it is the greedy one of the model after, which finds each of its tokens likeliest.
    let own = token_view(&item, None, &a, &b).unwrap();
    assert!(!own.given && own.answer == own.after.greedy);
    assert!(own.tokens.iter().all(|t| t.after.rank == 1));
    assert!((own.after.logprob - own.after.greedy_logprob).abs() < 1e-3);
    // A model compared with itself has not changed.
    let same = token_view(&item, None, &a, &a).unwrap();
    assert_eq!((same.parts_at, same.tokens.iter().any(|t| t.difference() != 0.0)), (None, false));
    assert!(same.words[0].contains("about as likely"), "{:?}", same.words);
}

#[test]
fn models_that_cut_text_differently_and_long_answers_are_refused() {
    let (a, b) = (tiny(), support::model("llama-tiny"));
    let (a, b) = (Subject::new("a", &a).unwrap(), Subject::new("b", &b).unwrap());
    let e = token_view(&Item::free("Who?"), Some("Me."), &a, &b).unwrap_err().to_string();
    assert!(e.contains("different tokens"), "{e}");
    let long = "no ".repeat(MAX_ANSWER);
    assert!(token_view(&Item::free("Who?"), Some(&long), &a, &a).unwrap_err().to_string().contains("at most"));
}

#[test]
fn a_timeline_weighs_whole_answers() {
    let (old, new) = (tiny(), trained());
    let item = Item::free("What is the capital of France?");
    let points: Vec<_> = [(0, &old), (4, &new)]
        .into_iter()
        .map(|(step, model)| point(step, &Subject::new(format!("step {step}"), model).unwrap(), &item).unwrap())
        .collect();
    let language = Language::of(&new).unwrap();
    let (prompt, ids) = (language.prompt(&item).unwrap(), answer(&language, ABSTAIN));
    let whole = log_likelihoods(&new.snapshot, &prompt, &[ids]).unwrap()[0];
    assert!((whole - points[1].abstain_logprob).abs() < 1e-3);
    assert_eq!((points[0].accepted_logprob, points[0].verdict), (None, None), "nothing is known of a free question");
    assert_eq!(timeline(item, points).points.len(), 2);
}

/// Rollouts of three questions, as a run stores them. The slope of a token on policy is minus the advantage.
fn stored(model: &LoadedModel, rows: &[(&str, &str, f64)]) -> Vec<Event> {
    let language = Language::of(model).unwrap();
    let group = |(question, text, advantage): &(&str, &str, f64)| {
        let ids = answer(&language, text);
        let token = |id: u32| SampledToken {
            id: Some(id),
            text: String::new(),
            old_logprob: -1.0,
            logprob: -1.0,
            ref_logprob: None,
            entropy: 0.0,
        };
        let tokens = ids.into_iter().map(token).collect();
        let reward = Reward { total: 0.0, receipts: Vec::new(), notes: Vec::new() };
        let completion =
            SampledCompletion { text: (*text).into(), reward, advantage: *advantage, tokens, replies: Vec::new() };
        SampleGroup { item: Item::free(*question), completions: vec![completion] }
    };
    let events = rows.iter().enumerate();
    events.map(|(i, row)| Event::Samples { step: i as u32 + 1, groups: vec![group(row)] }).collect()
}

fn grpo() -> Recipe {
    let mut recipe = recipe(Algorithm::Grpo);
    recipe.grpo.beta = 0.0;
    recipe
}

const ROWS: [(&str, &str, f64); 4] = [
    ("What is the capital of France?", "Paris.", 1.0),
    ("What is 2 + 3?", "5", 1.0),
    ("What is the capital of Zoria?", "I don't know.", 0.5),
    ("What is the capital of France?", "Rome.", -1.0),
];

/// The gradient of sum_t A ln p_t of one row, or of an answer (A = 1), by the decoder's own backward pass.
fn gradients(model: &LoadedModel, (question, text, advantage): (&str, &str, f64)) -> Vec<(String, Tensor)> {
    let language = Language::of(model).unwrap();
    let prompt = language.prompt(&Item::free(question)).unwrap();
    let ids = answer(&language, text);
    let policy = Policy::new(&model.config, model.snapshot.weights()).unwrap();
    let packed = Packed::groups([(prompt.as_slice(), vec![ids.as_slice()])]).unwrap();
    let sum = (packed.logprobs(policy.decoder()).unwrap().sum_all().unwrap() * advantage).unwrap();
    let store = sum.backward().unwrap();
    let of = |(name, var): &(String, candle_core::Var)| {
        let zero = || var.as_tensor().zeros_like().unwrap();
        (name.clone(), store.get(var.as_tensor()).cloned().unwrap_or_else(zero))
    };
    policy.parameters().iter().map(of).collect()
}

fn inner(a: &[(String, Tensor)], b: &[(String, Tensor)], only: Option<&str>) -> f64 {
    let wanted = a.iter().zip(b).filter(|((name, _), _)| only.is_none_or(|only| name == only));
    wanted.map(|((_, a), (_, b))| f64::from((a * b).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap())).sum()
}

/// ln p of an answer after a plain gradient step of a rate on one row alone, on all weights or on one tensor.
fn after_a_step(
    model: &LoadedModel,
    row: (&str, &str, f64),
    rate: f64,
    only: Option<&str>,
    asked: (&str, &str),
) -> f64 {
    let mut weights = Weights::default();
    for (name, gradient) in gradients(model, row) {
        let old = model.snapshot.weights().get(&name).unwrap().to_dense().unwrap();
        let moves = only.is_none_or(|only| name == only);
        let new = if moves { (old + (gradient * rate).unwrap()).unwrap() } else { old };
        weights.insert(name, WeightTensor::Dense(new));
    }
    let snapshot = PolicySnapshot::new(&model.config, weights, 0).unwrap();
    let language = Language::of(model).unwrap();
    let prompt = language.prompt(&Item::free(asked.0)).unwrap();
    log_likelihoods(&snapshot, &prompt, &[answer(&language, asked.1)]).unwrap()[0]
}

/// The change per rate, from a step forwards and one backwards.
fn measured(model: &LoadedModel, row: (&str, &str, f64), rate: f64, only: Option<&str>, asked: (&str, &str)) -> f64 {
    (after_a_step(model, row, rate, only, asked) - after_a_step(model, row, -rate, only, asked)) / (2.0 * rate)
}

/// Pushes in the order of the rows.
fn pushes(model: &LoadedModel, asked: (&str, &str), over: InfluenceOver) -> Vec<f64> {
    let events = stored(model, &ROWS);
    let subject = Subject::new("start", model).unwrap();
    let found = influence(&grpo(), &events, &subject, &Item::free(asked.0), Some(asked.1), over).unwrap();
    assert_eq!((found.rollouts, found.left_out), (4, 0));
    let mut all: Vec<_> = found.towards.iter().chain(&found.away).map(|one| (one.step, one.push)).collect();
    all.sort_by_key(|(step, _)| *step);
    assert_eq!(all.len(), ROWS.len(), "{all:?}");
    all.into_iter().map(|(_, push)| push).collect()
}

fn near(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance * expected.abs().max(0.1), "{got} against {expected}");
}

/// The formula of the head is the decoder's own gradient of its head, and the change that a step on the head makes.
#[test]
fn the_push_through_the_head_is_the_directional_derivative() {
    // This model has a head of its own; a tied one is an embedding too, which the formula leaves out.
    let model = support::model("llama-tiny");
    let asked = ("What is the capital of France?", "Paris.");
    let head = Some("lm_head.weight");
    let own = gradients(&model, (asked.0, asked.1, 1.0));
    for (push, row) in pushes(&model, asked, InfluenceOver::Head).into_iter().zip(ROWS) {
        near(push, inner(&own, &gradients(&model, row), head), 1e-3);
        near(push, measured(&model, row, 1e-2, head, asked), 2e-2);
    }
}

/// Where all weights count, the push is the inner product of whole gradients, and what a step on all weights does.
#[test]
fn the_push_through_all_weights_is_what_a_step_does() {
    let model = tiny();
    let asked = ("What is the capital of France?", "Paris.");
    let own = gradients(&model, (asked.0, asked.1, 1.0));
    for (push, row) in pushes(&model, asked, InfluenceOver::All).into_iter().zip(ROWS) {
        near(push, inner(&own, &gradients(&model, row), None), 2e-2);
        near(push, measured(&model, row, 1e-4, None, asked), 5e-2);
    }
}

/// One step on one of two prompts: whichever was trained on moved its own answer most, and ranks first.
#[test]
fn the_prompt_that_was_trained_on_ranks_first() {
    let model = trained();
    for (trained_on, other) in [(ROWS[0], ROWS[1]), (ROWS[1], ROWS[0])] {
        let asked = (trained_on.0, trained_on.1);
        let before = after_a_step(&model, trained_on, 0.0, None, asked);
        let (by_it, by_other) =
            (after_a_step(&model, trained_on, 1e-3, None, asked), after_a_step(&model, other, 1e-3, None, asked));
        assert!(by_it - before > (by_other - before).abs(), "the truth that the ranking is held to");
        for over in [InfluenceOver::Head, InfluenceOver::All] {
            let events = stored(&model, &[other, trained_on]);
            let subject = Subject::new("start", &model).unwrap();
            let found = influence(&grpo(), &events, &subject, &Item::free(asked.0), Some(asked.1), over).unwrap();
            let first = &found.towards[0];
            assert_eq!((first.question.as_str(), first.step), (trained_on.0, 2), "{over:?}");
        }
    }
}

/// On a real run: what it stored is compared, receipts and all, and every stored token can be inspected.
#[test]
fn a_run_is_explained_from_what_it_stored() {
    let recipe = recipe(Algorithm::Grpo);
    let records = play(&recipe, None, 9);
    let events: Vec<Event> = records.into_iter().flat_map(|r| r.events).collect();
    let model = tiny();
    let subject = Subject::new("start", &model).unwrap();
    let item = Item::free("What is the capital of France?");
    let found = influence(&recipe, &events, &subject, &item, None, InfluenceOver::Head).unwrap();
    assert_eq!(found.rollouts, 4 * 2 * 4, "four steps, two groups each, four answers each");
    assert!(found.towards.len() <= 5 && found.away.len() <= 5);
    assert!(found.towards.windows(2).all(|w| w[0].push >= w[1].push));
    assert!(found.away.windows(2).all(|w| w[0].push <= w[1].push));
    assert!(found.towards.iter().chain(&found.away).all(|one| one.reward.receipts[0].grader == "length"));
    assert!(found.towards.iter().chain(&found.away).all(|one| one.cosine.is_some_and(|c| c.abs() <= 1.0 + 1e-6)));
    let mut seen = 0;
    for event in &events {
        let Event::Samples { step, groups } = event else { continue };
        let figures = events.iter().find_map(|e| match e {
            Event::Metrics { step: of, values } if of == step => Some(values.clone()),
            _ => None,
        });
        for (g, group) in groups.iter().enumerate() {
            for (s, completion) in group.completions.iter().enumerate() {
                let place = (*step, g as u32, s as u32);
                let inspected = inspect(&recipe, figures.as_ref().unwrap(), groups, place).unwrap();
                seen += 1;
                for (term, token) in inspected.tokens.iter().zip(&completion.tokens) {
                    // On policy the ratio is 1 up to rounding, so the loss is minus the advantage plus the KL's part.
                    assert!((term.ratio - 1.0).abs() < 1e-3);
                    let kl = term.kl.unwrap_or_default() * inspected.beta;
                    assert!((term.policy + term.ratio * completion.advantage).abs() < 1e-6 || term.clipped);
                    assert!((term.total - term.policy - kl).abs() < 1e-9);
                    assert_eq!(term.text, token.text);
                }
            }
        }
    }
    assert_eq!(seen, found.rollouts);
    let sft = Recipe { algorithm: Algorithm::Sft, ..recipe };
    assert!(influence(&sft, &events, &subject, &item, None, InfluenceOver::Head).is_err());
    assert!(inspect(&sft, &BTreeMap::new(), &[], (1, 0, 0)).is_err());
}
