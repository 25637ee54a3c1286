//! Demonstrations before the first answer: what they leave behind, and that a run with them resumes as any other.

use crate::tiny::{Memory, figures, model, play, recipe, story};
use clicker_train::{Control, Outcome, Start, run};
use clicker_wire::{Algorithm, ColdStartSpec, Domain, Event, Recipe, StatedConfidence};

fn warmed() -> Recipe {
    let cold_start =
        ColdStartSpec { steps: 3, batch: 8, learning_rate: 1e-2, stated_confidence: Some(StatedConfidence::Measured) };
    Recipe { cold_start: Some(cold_start), ..recipe(Algorithm::Grpo) }
}

#[test]
fn it_learns_before_the_first_answer_and_is_what_the_run_is_compared_with() {
    let mut recipe = warmed();
    recipe.grpo.num_iterations = 1;
    recipe.grpo.beta = 0.05;
    let records = play(&recipe, None, u32::MAX);
    let before = figures(&records[0]);
    assert!(before["cold_start/last_loss"] < before["cold_start/first_loss"], "{before:?}");
    assert!(figures(&records[1])["kl"].abs() < 1e-9, "the reference is the model after the demonstrations");
    let without = play(&Recipe { cold_start: None, ..recipe }, None, u32::MAX);
    assert_ne!(records[1].events, without[1].events, "it changed what is drawn");
    assert!(!figures(&without[0]).contains_key("cold_start/last_loss"));
}

#[test]
fn a_resumed_run_with_a_cold_start_is_bit_equal_to_an_uninterrupted_one() {
    let recipe = warmed();
    let whole = play(&recipe, None, u32::MAX);
    // The first questions go to the demonstrations; pausing there leaves nothing, and the run begins again.
    let mut parts = play(&recipe, None, recipe.cold_start.as_ref().map_or(0, |c| c.steps) + 2);
    let state = parts.last().expect("records").state.clone();
    parts.extend(play(&recipe, Some(state), u32::MAX));
    assert_eq!(story(&parts), story(&whole));
    assert_eq!(parts.last().map(|r| &r.state), whole.last().map(|r| &r.state));
}

#[test]
fn a_pause_before_the_first_record_leaves_nothing() {
    let mut sink = Memory::default();
    let start = Start { model: model().to_vec(), ..Start::default() };
    let outcome = run(&warmed(), &start, &mut sink, &|| Control::Pause).expect("it can be paused");
    assert_eq!((outcome, sink.0.len()), (Outcome::Paused, 0));
}

#[test]
fn where_it_has_no_effect_it_is_refused() {
    let read = |text: &str| clicker_train::recipe::from_toml(&format!("name = 'x'\nsteps = 1\n{text}"));
    for (text, said) in [
        ("algorithm = 'sft'\n[cold_start]", "has no effect"),
        ("algorithm = 'grpo'\n[cold_start]\nsteps = 0", "cold_start.steps"),
        ("algorithm = 'grpo'\n[cold_start]\n[lora]", "adapter"),
        ("algorithm = 'grpo'\n[data]\nmore = { capitals = 5 }", "data.more.capitals is 5"),
        ("algorithm = 'grpo'\n[data]\nmore = { rules = 0 }", "data.more.rules is 0"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(said), "{error} lacks {said:?}");
    }
}

#[test]
fn more_questions_of_a_domain_are_asked() {
    let mut recipe = recipe(Algorithm::Grpo);
    recipe.data.domains = vec![Domain::Rules];
    let few = figures(&play(&recipe, None, 1)[1])["epoch"];
    recipe.data.more.insert(Domain::Rules, 200);
    let more = figures(&play(&recipe, None, 1)[1])["epoch"];
    assert!((few / more - 300.0 / 100.0).abs() < 1e-9, "100 questions became 300: {few} {more}");
    assert!(play(&recipe, None, 1)[1].events.iter().any(|e| matches!(e, Event::Samples { .. })));
}
