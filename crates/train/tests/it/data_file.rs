//! Runs on rows of one's own: every algorithm on the formats that fit it, and errors where they do not.

use crate::tiny::{Memory, model, recipe};
use clicker_train::{Control, Start, StepRecord, TrainError, run};
use clicker_wire::{Algorithm, Event, Grader, Recipe, RewardConfig, Split, WeightedGrader};

const ASKED: &str = r#"
{"prompt": "Sum of 2 and 1?", "answer": 3, "hint": "a"}
{"prompt": "Sum of 3 and 1?", "answer": "4", "hint": "b"}
{"messages": [{"role": "user", "content": "Sum of 4 and 1?"}], "reference_answer": "5", "hint": "c"}
"#;
const TOLD: &str = r#"
{"prompt": "Sum of 2 and 1?", "completion": "3"}
{"messages": [{"role": "user", "content": "Sum of 3 and 1?"}, {"role": "assistant", "content": "4"}]}
{"prompt": "Sum of 4 and 1?", "completion": [{"role": "assistant", "content": "5"}]}
"#;
const COMPARED: &str = r#"
{"prompt": "Sum of 2 and 1?", "chosen": "3", "rejected": "I don't know."}
{"input": {"messages": [{"role": "user", "content": "Sum of 3 and 1?"}]}, "preferred_output": [{"role": "assistant", "content": "4"}], "non_preferred_output": [{"role": "assistant", "content": "I don't know."}]}
{"prompt": "Sum of 4 and 1?", "chosen": "5", "rejected": "I don't know."}
"#;
const JUDGED: &str = r#"
{"prompt": "Sum of 2 and 1?", "completion": "3", "label": true}
{"prompt": "Sum of 3 and 1?", "completion": "I don't know.", "label": false}
{"prompt": "Sum of 4 and 1?", "completion": "5", "label": true}
"#;

fn on_file(algorithm: Algorithm) -> Recipe {
    let mut recipe = Recipe { algorithm, ..recipe(Algorithm::Grpo) };
    recipe.data.file = Some("rows.jsonl".into());
    recipe.steps = 2;
    recipe.eval.items = 4;
    recipe
}

fn trained(recipe: &Recipe, rows: &str) -> Result<Vec<StepRecord>, TrainError> {
    let start = Start { model: model().to_vec(), data: Some(rows.as_bytes().to_vec()), ..Start::default() };
    let mut sink = Memory::default();
    run(recipe, &start, &mut sink, &|| Control::Continue)?;
    Ok(sink.0)
}

#[test]
fn every_algorithm_trains_on_the_formats_that_fit_it_and_names_them_where_none_does() {
    use Algorithm as A;
    let files = [("prompt-only", ASKED), ("prompt-completion", TOLD), ("preference", COMPARED), ("unpaired", JUDGED)];
    for (algorithm, fits) in [
        (A::Sft, &["prompt-only", "prompt-completion"][..]),
        (A::Grpo, &["prompt-only", "prompt-completion"]),
        (A::Raft, &["prompt-only", "prompt-completion"]),
        (A::Dpo, &["preference"]),
        (A::Orpo, &["preference"]),
        (A::RewardModel, &["preference"]),
        (A::Kto, &["preference", "unpaired"]),
    ] {
        for (format, rows) in files {
            match trained(&on_file(algorithm), rows) {
                Ok(records) => {
                    assert!(fits.contains(&format), "{algorithm:?} took {format}");
                    assert_eq!(records.len(), 3, "{algorithm:?} on {format}");
                }
                Err(error) => {
                    let error = error.to_string();
                    assert!(!fits.contains(&format), "{algorithm:?} on {format}: {error}");
                    for word in ["rows.jsonl", "does not fit", format].into_iter().chain(fits.iter().copied()) {
                        assert!(error.contains(word), "{algorithm:?} on {format}, {word}: {error}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_questions_asked_are_the_files_and_carry_truth_and_columns() {
    let mut recipe = on_file(Algorithm::Grpo);
    let graders = ["truth", "length"].map(|name| WeightedGrader {
        name: name.into(),
        weight: 1.0,
        grader: if name == "truth" { Grader::Normalised {} } else { Grader::Length { free: 1, limit: 20 } },
    });
    recipe.reward = RewardConfig::sum(graders.to_vec());
    let records = trained(&recipe, ASKED).unwrap();
    let Some(Event::Samples { groups, .. }) = records[1].events.iter().find(|e| matches!(e, Event::Samples { .. }))
    else {
        panic!("{:?}", records[1].events)
    };
    for group in groups {
        let sum = group.item.question().strip_prefix("Sum of ").expect("a question of the file");
        assert_eq!(group.item.accepted, [(sum[..1].parse::<u32>().unwrap() + 1).to_string()]);
        assert!(group.item.fields.contains_key("hint"));
        let receipt = &group.completions[0].reward.receipts[0];
        assert!(receipt.score.is_some(), "the truth grader applies: {receipt:?}");
    }
}

#[test]
fn rows_that_are_missing_others_or_too_long_are_errors() {
    let recipe = on_file(Algorithm::Sft);
    let start = Start { model: model().to_vec(), ..Start::default() };
    let missing = run(&recipe, &start, &mut Memory::default(), &|| Control::Continue).unwrap_err().to_string();
    assert!(missing.contains("rows.jsonl"), "{missing}");
    let pinned = |hash: String| {
        let mut recipe = recipe.clone();
        recipe.data.sha256 = Some(hash);
        trained(&recipe, TOLD)
    };
    assert!(pinned(clicker_train::data::hash(TOLD.as_bytes())).is_ok());
    let other = pinned("0".repeat(64)).unwrap_err().to_string();
    assert!(other.contains("not those") && other.contains("000"), "{other}");
    assert!(trained(&recipe, "\n").unwrap_err().to_string().contains("no rows"));
    let broken = trained(&recipe, "{\"prompt\": \"a\"\n").unwrap_err().to_string();
    assert!(broken.contains("rows.jsonl") && broken.contains("line 1"), "{broken}");
    let long = format!("{TOLD}{{\"prompt\": \"{}\", \"completion\": \"x\"}}", "why ".repeat(3000));
    let error = trained(&recipe, &long).unwrap_err().to_string();
    assert!(error.contains("line 5") && error.contains("1 of 4") && error.contains("context"), "{error}");
}

#[test]
fn rows_that_are_measured_or_contradict_each_other_stop_the_run_unless_a_reason_is_given() {
    let world = clicker_dataset::World::new(1);
    let leaked = serde_json::json!({"prompt": world.items(Split::Eval)[0].question(), "completion": "Paris."});
    let rows = format!("{TOLD}{leaked}\n");
    for algorithm in [Algorithm::Sft, Algorithm::Grpo] {
        let mut recipe = on_file(algorithm);
        let start = Start { model: model().to_vec(), data: Some(rows.clone().into_bytes()), ..Start::default() };
        let mut sink = Memory::default();
        let error = run(&recipe, &start, &mut sink, &|| Control::Continue).unwrap_err();
        assert!(matches!(error, TrainError::Rows { .. }), "{error}");
        for word in ["rows.jsonl", "learnt by heart", "start_anyway", "clicker data check"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        let [record] = &sink.0[..] else { panic!("nothing was trained: {}", sink.0.len()) };
        let alarms = |record: &StepRecord| {
            let named = record.events.iter().filter_map(|event| match event {
                Event::Alarm { step: 0, name, remedy, .. } if name == "data" => Some(remedy.clone()),
                _ => None,
            });
            named.collect::<Vec<_>>()
        };
        assert_eq!(alarms(record).len(), 2, "{:?}", record.events);
        recipe.data.start_anyway = Some("to see what happens".into());
        let records = trained(&recipe, &rows).unwrap();
        assert_eq!(records.len(), 3);
        assert!(alarms(&records[0])[0].contains("to see what happens"), "{:?}", records[0].events);
        assert!(alarms(&records[1]).is_empty());
    }
}
