//! Files by hand: known bytes, known tables, and a log that says what the run said.

use super::*;
use clicker_wire::{Item, Receipt, Reward, SampleGroup, SampledCompletion, SampledToken};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn recipe() -> clicker_wire::Recipe {
    serde_json::from_value(json!({"name": "my run!", "algorithm": "grpo", "steps": 2, "grpo": {"beta": 0.5, "epsilon": 0.2, "epsilon_high": 0.2}}))
        .expect("a recipe")
}

fn token(text: &str, old: f32, new: f32, reference: Option<f32>) -> SampledToken {
    SampledToken {
        id: Some(7),
        text: text.into(),
        old_logprob: old,
        logprob: new,
        ref_logprob: reference,
        entropy: 0.5,
    }
}

fn log() -> RunLog {
    let receipt = |grader: &str, score| Receipt {
        grader: grader.into(),
        score,
        weight: 1.0,
        reason: String::new(),
        spans: Vec::new(),
    };
    let answer = SampledCompletion {
        text: "Paris".into(),
        reward: Reward {
            total: 1.5,
            receipts: vec![receipt("truthful", Some(1.5)), receipt("prompt", None)],
            notes: Vec::new(),
        },
        advantage: 2.0,
        tokens: vec![token("Par", -1.0, -1.0, Some(-1.0)), token("is", -1.0, 0.0, Some(-2.0))],
        replies: Vec::new(),
    };
    let groups = vec![SampleGroup { item: Item::free("Capital?"), completions: vec![answer] }];
    let metrics = |step, values: &[(&str, f64)]| Event::Metrics {
        step,
        values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect::<BTreeMap<_, _>>(),
    };
    let events = vec![
        (None, metrics(0, &[("heldout/reward", 0.1)])),
        (None, metrics(1, &[("loss", -0.25), ("reward", 0.5), ("step_time", 1.5)])),
        (None, Event::Samples { step: 1, groups }),
        (None, metrics(2, &[("a,\"b\"", 0.1 + 0.2), ("loss", 0.0), ("reward", 1e-9), ("step_time", 0.5)])),
    ];
    RunLog { recipe: recipe(), started_ms: 1_700_000_000_000, events }
}

fn text(format: RunFormat) -> (String, usize) {
    let export = export(&log(), format).expect("exports");
    (String::from_utf8(export.bytes).expect("text"), export.rows)
}

#[test]
fn figures_as_tables() {
    let (csv, rows) = text(RunFormat::Csv);
    let expected = "step,\"a,\"\"b\"\"\",heldout/reward,loss,reward,step_time\r\n0,,0.1,,,\r\n1,,,-0.25,0.5,1.5\r\n2,0.30000000000000004,,0,0.000000001,0.5\r\n";
    assert_eq!((csv.as_str(), rows), (expected, 3));
    let (lines, rows) = text(RunFormat::Jsonl);
    let read: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("json")).collect();
    assert_eq!(rows, 3);
    assert_eq!(read[1], json!({"step": 1, "loss": -0.25, "reward": 0.5, "step_time": 1.5}));
    assert_eq!(read[2]["a,\"b\""].as_f64(), Some(0.1 + 0.2), "bit for bit");
}

/// Check values of CRC-32C: RFC 3720, appendix B.4, and the usual nine digits.
#[test]
fn checksums_are_those_of_the_standard() {
    for (data, crc) in [
        (&b"123456789"[..], 0xe306_9283),
        (&[0; 32], 0x8a91_36aa),
        (&[0xff; 32], 0x62a8_ab43),
        (&(0..32).collect::<Vec<u8>>(), 0x46dd_794e),
    ] {
        assert_eq!(tensorboard::crc32c(data), crc, "{data:?}");
    }
}

/// Every event file begins with a record of 24 bytes, whose length has the checksum that TensorFlow's own files show.
#[test]
fn an_event_file_byte_by_byte() {
    let log = log();
    let file = export(&log, RunFormat::Tensorboard).expect("exports");
    assert_eq!(file.file_name, "events.out.tfevents.1700000000.my-run-");
    let head = [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09];
    assert_eq!(file.bytes[..13], head);
    let version = [&1_700_000_000.0_f64.to_le_bytes()[..], &[0x1a, 0x0d], b"brain.Event:2"].concat();
    assert_eq!(file.bytes[13..36], version);
    // Step 0: wall time, step 0, one value `heldout/reward` of 0.1.
    let second = &file.bytes[40..];
    let value = [&[0x0a, 14][..], b"heldout/reward", &[0x15], &0.1_f32.to_le_bytes()].concat();
    let summary = [&[0x0a, value.len() as u8][..], &value].concat();
    let event =
        [&[0x09][..], &1_700_000_000.0_f64.to_le_bytes(), &[0x10, 0x00, 0x2a, summary.len() as u8], &summary].concat();
    let mut expected = Vec::new();
    tensorboard::record(&mut expected, &event);
    assert_eq!(second[..expected.len()], expected);
    assert_eq!(expected.len(), 16 + event.len());
    // Steps of a folder are dated by their own durations.
    let steps = log.steps();
    assert!((steps[&2].at_s - 1_700_000_002.0).abs() < 1e-6, "{}", steps[&2].at_s);
}

#[test]
fn answers_as_a_table_of_completions() {
    let (lines, rows) = text(RunFormat::Completions);
    let row: Value = serde_json::from_str(lines.trim()).expect("one line");
    assert_eq!(rows, 1);
    let expected = json!({
        "step": 1,
        "prompt": [{"role": "user", "content": "Capital?"}],
        "completion": [{"role": "assistant", "content": "Paris"}],
        "truthful": 1.5,
        // A grader may be called as a column is.
        "grader_prompt": null,
        "reward": 1.5,
        "advantage": 2.0,
    });
    assert_eq!(row, expected);
}

#[test]
fn answers_in_unipos_form() {
    let (document, rows) = text(RunFormat::Unipo);
    let document: Value = serde_json::from_str(&document).expect("json");
    assert_eq!(rows, 2, "what is measured before the first update is no step");
    let header = &document["header"];
    assert_eq!((&header["totalSteps"], &header["algorithm"]), (&json!(2), &json!("grpo")));
    assert_eq!(header["dataset"], "built-in world, seed 1");
    let entry = &document["entries"][0];
    assert_eq!((&entry["step"], &entry["is_first_step_after_rollout_phase"]), (&json!(1), &json!(true)));
    assert_eq!((&entry["metrics"]["policy_objective"], &entry["metrics"]["reward"]), (&json!(0.25), &json!(0.5)));
    let response = &entry["prompts"][0]["responses"][0];
    assert_eq!((&response["response_length"], &response["advantage"]), (&json!(2), &json!(2.0)));
    let tokens = &response["tokens"];
    assert_eq!((&tokens["ids"], &tokens["strings"]), (&json!([7, 7]), &json!(["Par", "is"])));
    assert_eq!(tokens["rewards"], json!([0.0, 1.5]));
    // First token: nothing has moved. Second: ratio e cut to 1.2, x = -2: k3 = e^-2 + 1.
    let objective: Vec<f64> = serde_json::from_value(tokens["token_objective"].clone()).expect("numbers");
    let k3 = (-2.0_f64).exp() + 1.0;
    assert!((objective[0] - 2.0).abs() < 1e-12 && (objective[1] - (2.4 - 0.5 * k3)).abs() < 1e-12, "{objective:?}");
    assert!(tokens.get("values").is_none(), "what is not there is not made up");
    // Without a reference there is no KL; with another objective none is told.
    let mut other = log();
    other.recipe.grpo.policy_loss = clicker_wire::PolicyLoss::Cispo;
    for (_, event) in &mut other.events {
        if let Event::Samples { groups, .. } = event {
            groups[0].completions[0].tokens[0].ref_logprob = None;
            groups[0].completions[0].tokens[0].id = None;
        }
    }
    let bytes = export(&other, RunFormat::Unipo).expect("exports").bytes;
    let document: Value = serde_json::from_slice(&bytes).expect("json");
    let tokens = &document["entries"][0]["prompts"][0]["responses"][0]["tokens"];
    for absent in ["ids", "token_kl", "ref_log_probs", "token_objective"] {
        assert!(tokens.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn formats_have_names() {
    for format in RunFormat::ALL {
        assert_eq!(RunFormat::named(format.name()), Some(format));
        assert_eq!(serde_json::to_value(format).expect("json"), format.name());
    }
    assert_eq!(RunFormat::named("parquet"), None);
}
