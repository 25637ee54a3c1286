//! Dialogues: they resume bit for bit, training computes what the sampler computed, and every turn is shown.

use crate::tiny::{Memory, figures, model, play, recipe, story};
use clicker_train::{Control, Start, StepRecord, run};
use clicker_wire::{Algorithm, EnvironmentSpec, Event, Push, Recipe, SampleGroup, SampledToken};

fn talking() -> Recipe {
    Recipe { environment: Some(EnvironmentSpec { turns: 3, ..EnvironmentSpec::default() }), ..recipe(Algorithm::Grpo) }
}

fn samples(records: &[StepRecord]) -> Vec<SampleGroup> {
    let events = records.iter().flat_map(|r| &r.events);
    let groups = events.filter_map(|event| match event {
        Event::Samples { groups, .. } => Some(groups.clone()),
        _ => None,
    });
    groups.flatten().collect()
}

#[test]
fn a_resumed_run_of_dialogues_is_bit_equal_to_an_uninterrupted_one() {
    let mut curious = talking();
    curious.grpo.advantage = clicker_wire::AdvantageEstimator::Gae;
    curious.grpo.beta = 0.1;
    for (what, recipe) in [("grpo", talking()), ("gae", curious)] {
        let whole = play(&recipe, None, u32::MAX);
        let mut parts = play(&recipe, None, 2);
        let state = parts.last().unwrap().state.clone();
        parts.extend(play(&recipe, Some(state), u32::MAX));
        assert_eq!(story(&parts), story(&whole), "{what}");
        assert!(parts.iter().zip(&whole).all(|(a, b)| a.state == b.state), "{what}");
        assert!(figures(&whole[1])["grad_norm"] > 0.0, "{what}");
    }
}

/// Whether tokens spell a text; a model that knows nothing breaks characters off at the end.
fn same(tokens: &[SampledToken], text: &str) -> bool {
    let said: String = tokens.iter().map(|t| t.text.as_str()).collect();
    let bare = |text: &str| text.trim().trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned();
    bare(&said) == bare(text)
}

#[test]
fn turns_are_shown_and_training_sees_what_the_sampler_saw() {
    let records = play(&talking(), None, u32::MAX);
    for record in &records[1..] {
        // Keys and values were kept from turn to turn, training computes the whole dialogue at once: the same numbers.
        let gap = figures(record)["sampling/sampling_logp_difference/max"];
        assert!(gap < 2e-5, "step {}: {gap:e}", record.step);
        let shares: f64 = ["stayed", "gave_up", "mended", "wavered", "missed"]
            .iter()
            .map(|name| figures(record)[&format!("dialogue/{name}")])
            .sum();
        assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    }
    let measured = figures(records.last().unwrap());
    for name in ["heldout/first_right", "heldout/mend_doubt", "heldout/mend_reworded"] {
        assert!(measured.contains_key(name), "{name}: {measured:?}");
    }
    let groups = samples(&records);
    assert!(!groups.is_empty());
    for group in groups {
        // All answers of a group meet the same kind of push; only a suggestion depends on the answer.
        for completion in &group.completions {
            assert_eq!(completion.replies.len(), 2);
            let mut begin = 0;
            for reply in &completion.replies {
                let turn = &completion.tokens[begin..reply.tokens as usize];
                begin = reply.tokens as usize;
                assert!(same(turn, &reply.answer), "{:?}", reply.answer);
                assert!(!reply.said.is_empty() && reply.ids.len() > 2);
            }
            assert!(same(&completion.tokens[begin..], &completion.text), "{:?}", completion.text);
            assert_eq!(completion.reward.receipts.last().unwrap().grader, "steadfast");
            // Tokens of the user have no number: each counted token is one that was drawn.
            assert!(completion.tokens.iter().all(|t| t.old_logprob <= 0.0 && t.logprob <= 0.0));
            assert!(completion.tokens.len() <= 3 * 6);
        }
    }
}

#[test]
fn demonstrations_before_dialogues_are_dialogues() {
    let cold_start = |turns| {
        let mut recipe = talking();
        recipe.steps = 1;
        recipe.environment = Some(EnvironmentSpec { turns, ..EnvironmentSpec::default() });
        recipe.cold_start =
            Some(clicker_wire::ColdStartSpec { steps: 20, batch: 16, learning_rate: 1e-2, stated_confidence: None });
        figures(&play(&recipe, None, u32::MAX)[0])
    };
    let (two, three) = (cold_start(2), cold_start(3));
    for figures in [&two, &three] {
        assert!(figures["cold_start/last_loss"] < figures["cold_start/first_loss"], "{figures:?}");
    }
    // The turns of the environment are those of the demonstrations.
    assert_ne!(two["cold_start/first_loss"], three["cold_start/first_loss"]);
}

#[test]
fn one_kind_of_push_is_the_only_one_that_comes() {
    let mut recipe = talking();
    recipe.steps = 2;
    recipe.environment = Some(EnvironmentSpec { turns: 2, pushes: vec![Push::Doubt], steadfast: 0.0 });
    let doubts = ["Is that right?", "Really?", "Are you certain?"];
    let records = play(&recipe, None, u32::MAX);
    for completion in samples(&records).iter().flat_map(|g| &g.completions) {
        assert!(doubts.contains(&completion.replies[0].said.as_str()), "{:?}", completion.replies);
    }
    let measured = figures(&records[0]);
    assert!(measured.keys().all(|name| !name.ends_with("suggestion")), "{measured:?}");
}

#[test]
fn a_context_without_room_for_the_turns_is_named() {
    let mut recipe = talking();
    recipe.rollout.sampling.max_new_tokens = 60;
    recipe.environment = Some(EnvironmentSpec { turns: 8, ..EnvironmentSpec::default() });
    // Long answers, so that the dialogue fills the context of 192: a model that never ends.
    recipe.rollout.sampling.temperature = 5.0;
    let mut sink = Memory::default();
    let start = Start { model: model().to_vec(), ..Start::default() };
    let error = run(&recipe, &start, &mut sink, &|| Control::Continue).unwrap_err().to_string();
    assert!(error.contains("room") && error.contains("turns"), "{error}");
}
