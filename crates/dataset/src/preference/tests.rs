//! Votes in, rows out.

use super::*;
use clicker_wire::{FlagReason, Item};
use proptest::prelude::*;
use serde_json::{Value, json};

fn sample(text: &str) -> SampleRef {
    SampleRef { sample: 0, text: text.into(), logprob: -1.5 }
}

fn vote(body: FeedbackBody) -> FeedbackRow {
    let feedback = Feedback {
        id: "f1".into(),
        item: Item::free("What is the capital of France?"),
        checkpoint: "c1".into(),
        sampling: Sampling { seed: 9, ..Sampling::default() },
        body,
        said_ms: 1_700_000_000_000,
        dwell_ms: 2500,
        annotator: "wren".into(),
    };
    FeedbackRow { stored_ms: 1_700_000_000_001, feedback }
}

fn pair_vote(choice: PairChoice) -> FeedbackRow {
    vote(FeedbackBody::Pair { a: sample("Paris."), b: sample("Rome."), choice })
}

fn rows(votes: &[FeedbackRow], format: ExportFormat) -> (Vec<Value>, ExportCounts) {
    let (text, counts) = export(votes, format).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), counts)
}

fn said(text: &str) -> Value {
    json!([{"role": "assistant", "content": text}])
}

#[test]
fn a_row_is_what_trl_reads_and_says_where_it_comes_from() {
    let (rows, _) = rows(&[pair_vote(PairChoice::B)], ExportFormat::Preference);
    assert_eq!(
        rows,
        [json!({
            "prompt": [{"role": "user", "content": "What is the capital of France?"}],
            "chosen": said("Rome."),
            "rejected": said("Paris."),
            "feedback_id": "f1",
            "item_id": "free",
            "annotator": "wren",
            "said_ms": 1_700_000_000_000_i64,
            "dwell_ms": 2500,
            "checkpoint": "c1",
            "seed": 9,
            "sampling": {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": 24, "seed": 9},
        })]
    );
}

#[test]
fn each_kind_of_vote_goes_where_it_belongs() {
    let thumbs = |text: &str, up| vote(FeedbackBody::Thumbs { sample: sample(text), up });
    let corrected = |to: &str| vote(FeedbackBody::Correction { sample: sample("Rome."), corrected: to.into() });
    let flag = vote(FeedbackBody::Flag { sample: sample("Rome."), reason: FlagReason::Wrong, note: String::new() });
    let votes = [
        pair_vote(PairChoice::A),
        pair_vote(PairChoice::Tie),
        pair_vote(PairChoice::BothBad),
        thumbs("Paris.", true),
        thumbs("Rome.", false),
        corrected("Paris."),
        corrected("Rome. "),
        corrected(" "),
        flag,
    ];

    let (preference, counts) = rows(&votes, ExportFormat::Preference);
    assert_eq!(preference.len(), 2);
    assert!(preference.iter().all(|r| r["chosen"] == said("Paris.") && r["rejected"] == said("Rome.")));
    let expected = ExportCounts {
        votes: 9,
        used: 2,
        rows: 2,
        skipped_ties: 1,
        skipped_both_bad: 1,
        skipped_identical: 1,
        skipped_empty: 1,
        skipped_flags: 1,
        skipped_other_kind: 2,
    };
    assert_eq!(counts, expected);

    let (unpaired, counts) = rows(&votes, ExportFormat::Unpaired);
    let labels: Vec<_> =
        unpaired.iter().map(|r| (r["completion"][0]["content"].as_str(), r["label"].as_bool())).collect();
    let (paris, rome) = (Some("Paris."), Some("Rome."));
    assert_eq!(labels, [(paris, Some(false)), (rome, Some(false)), (paris, Some(true)), (rome, Some(false))]);
    assert_eq!((counts.used, counts.rows), (3, 4));

    let (good, counts) = rows(&votes, ExportFormat::PromptCompletion);
    assert_eq!(
        good.iter().map(|r| r["completion"].clone()).collect::<Vec<_>>(),
        [said("Paris."), said("Paris."), said("Rome. ")]
    );
    assert!(good.iter().all(|r| r.get("label").is_none() && r.get("chosen").is_none()));
    assert_eq!(counts.skipped_empty, 1);
}

fn any_body() -> impl Strategy<Value = FeedbackBody> {
    let text = "[ab \n\"\\\\]{0,3}";
    let choice = prop::sample::select(vec![PairChoice::A, PairChoice::B, PairChoice::Tie, PairChoice::BothBad]);
    prop_oneof![
        (text, text, choice).prop_map(|(a, b, choice)| FeedbackBody::Pair { a: sample(&a), b: sample(&b), choice }),
        (text, any::<bool>()).prop_map(|(t, up)| FeedbackBody::Thumbs { sample: sample(&t), up }),
        (text, text).prop_map(|(t, corrected)| FeedbackBody::Correction { sample: sample(&t), corrected }),
        text.prop_map(|note| FeedbackBody::Flag { sample: sample("x"), reason: FlagReason::Unclear, note }),
    ]
}

proptest! {
    #[test]
    fn every_vote_is_accounted_for_and_every_row_is_one_line(bodies in prop::collection::vec(any_body(), 0..20)) {
        let votes: Vec<_> = bodies.into_iter().map(vote).collect();
        for format in [ExportFormat::Preference, ExportFormat::Unpaired, ExportFormat::PromptCompletion] {
            let (rows, c) = rows(&votes, format);
            prop_assert_eq!(rows.len(), c.rows);
            let skipped = c.skipped_ties + c.skipped_both_bad + c.skipped_identical + c.skipped_empty + c.skipped_flags
                + c.skipped_other_kind;
            prop_assert_eq!(c.used + skipped, votes.len());
            for row in &rows {
                let good = if format == ExportFormat::Preference { &row["chosen"] } else { &row["completion"] };
                let empty = good[0]["content"].as_str().unwrap().trim().is_empty();
                prop_assert!(!empty || row["label"] == json!(false));
            }
        }
    }
}
