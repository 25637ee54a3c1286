//! A reward that a model judges: a frozen one, brought along, whose verdicts are those of a preview.

use crate::tiny::{Memory, figures, model, recipe};
use clicker_lm::weights::quantized_copy;
use clicker_rewards::openai::{Panel, Seat};
use clicker_rewards::{Outside, Scorer};
use clicker_train::judging::JudgeModel;
use clicker_train::{Control, Start, StepRecord, run};
use clicker_wire::{Algorithm, Event, Grader, Recipe, RewardConfig, WeightedGrader};
use serde_json::json;

/// GRPO on what the model "builtin" says of an answer.
fn judged() -> Recipe {
    let mut recipe = recipe(Algorithm::Grpo);
    let grader = json!({
        "type": "score_model", "name": "s", "model": "builtin", "range": [0, 9],
        "input": [{"role": "user", "content": "{{sample.output_text}}"}],
    });
    recipe.reward = RewardConfig::sum(vec![WeightedGrader {
        name: "judge".into(),
        weight: 1.0,
        grader: Grader::Openai { grader },
    }]);
    recipe
}

fn file_for_browsers() -> Vec<u8> {
    quantized_copy(model()).unwrap().0
}

fn start(state: Option<Vec<u8>>) -> Start {
    let judges = [("builtin".to_owned(), file_for_browsers())].into();
    Start { model: model().to_vec(), judges, state, ..Start::default() }
}

fn records(state: Option<Vec<u8>>, steps: usize) -> Vec<StepRecord> {
    let mut sink = Memory::default();
    let left = std::cell::Cell::new(steps);
    let control = || match left.replace(left.get().saturating_sub(1)) {
        0 => Control::Pause,
        _ => Control::Continue,
    };
    run(&judged(), &start(state), &mut sink, &control).unwrap();
    sink.0
}

#[test]
fn the_verdicts_that_train_are_those_of_a_preview_to_the_last_step() {
    let whole = records(None, usize::MAX);
    let recipe = judged();
    let judge = JudgeModel::from_gguf(&file_for_browsers()).unwrap();
    let seat = Seat { name: "builtin".into(), identity: "builtin".into(), model: judge };
    let panel = Panel { seats: [("builtin".to_owned(), Ok(seat))].into() };
    let scorer = Scorer::new(&recipe.reward).with(Outside { judge: Some(&panel), ..Outside::default() });
    let mut seen = std::collections::BTreeSet::new();
    let groups = whole[1..].iter().flat_map(|record| &record.events).filter_map(|event| match event {
        Event::Samples { groups, .. } => Some(groups),
        _ => None,
    });
    for group in groups.flatten() {
        let texts: Vec<&str> = group.completions.iter().map(|c| c.text.as_str()).collect();
        let trained: Vec<_> = group.completions.iter().map(|c| c.reward.clone()).collect();
        assert_eq!(scorer.group(&group.item, &texts), trained);
        seen.extend(trained.iter().map(|reward| reward.total.to_bits()));
        assert!(trained.iter().all(|r| r.receipts[0].reason.contains("builtin says")), "{trained:?}");
    }
    assert!(seen.len() > 1, "the judge tells some answers apart, to the last step with the same weights");
    assert!(figures(whole.last().unwrap()).contains_key("rewards/judge/mean"));
}

#[test]
fn a_resumed_run_is_judged_alike() {
    let whole = records(None, usize::MAX);
    let parts = records(None, 2);
    let rest = records(Some(parts.last().unwrap().state.clone()), usize::MAX);
    assert_eq!(rest.last().unwrap().state, whole.last().unwrap().state);
}

#[test]
fn a_judge_that_was_not_brought_along_is_named() {
    let start = Start { model: model().to_vec(), ..Start::default() };
    let said = run(&judged(), &start, &mut Memory::default(), &|| Control::Continue).unwrap_err().to_string();
    assert!(said.contains("\"builtin\"") && said.contains("not brought along"), "{said}");
}
