//! A suite of one's own: rows of a file, judged by a reward, by one of OpenAI's graders, or by the right answers that the rows name.

use super::grade::panel;
use super::{HeadlessError, Result, SuiteRequest, at, load};
use crate::grading;
use crate::judge::Panel;
use clicker_dataset::rows::{Rows, read};
use clicker_rewards::{Outside, Scorer, openai, verdict};
use clicker_train::rollout::Language;
use clicker_train::suites::{Scored, own};
use clicker_wire::{Expected, Item, Receipt, RewardConfig, SuiteReport, Verdict};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Whoever judges.
enum Judge {
    /// One of this program's rewards, with the models that its graders ask.
    Reward(Box<RewardConfig>, Panel),
    /// One of OpenAI's graders, with the models that it asks.
    OpenAi(Box<openai::Grader>, Panel),
    /// The right answers of the rows.
    Truth,
}

/// Measure a model on the rows of the file that `suite` names.
///
/// # Errors
/// A file without questions, a grader that is none, a model that cannot be used.
pub fn own_suite(request: &SuiteRequest) -> Result<SuiteReport> {
    let file = Path::new(&request.suite);
    let bytes = fs::read(file).map_err(at(file))?;
    let refuse = |problem: String| HeadlessError::Request(format!("{}: {problem}", file.display()));
    let mut rows = read(&bytes).map_err(|e| refuse(e.to_string()))?;
    if request.items > 0 && request.items < rows.rows.len() {
        rows = evenly(rows, request.items);
    }
    if rows.rows.is_empty() {
        return Err(refuse("it holds no rows; each line is an object with `prompt` or `messages`".into()));
    }
    let items = rows.questions().map_err(|e| refuse(e.to_string()))?;
    let judge = judge(request)?;
    if let (Judge::Truth, Some(place)) = (&judge, items.iter().position(|i| i.expected == Expected::Unknown)) {
        let line = rows.rows[place].line;
        return Err(refuse(format!(
            "line {line} names no right answer; add one (`answer`), or say with --grader what judges the answers"
        )));
    }
    let topics: Vec<Option<String>> = rows.rows.iter().map(|row| row.topic().map(str::to_owned)).collect();
    // What templates of OpenAI's graders read as `item`: the columns as they stand in the file.
    let columns: HashMap<&str, &Map<String, Value>> =
        items.iter().map(|i| i.id.as_str()).zip(rows.rows.iter().map(|row| &row.fields)).collect();
    let scorer = match &judge {
        Judge::Reward(config, panel) => {
            let outside = Outside { judge: Some(panel), ..Outside::default() };
            Some(Scorer::new(config).with(outside))
        }
        _ => None,
    };
    let mut score = |item: &Item, text: &str| match &judge {
        Judge::Truth => by_truth(item, text),
        Judge::OpenAi(grader, panel) => {
            let mut row = columns.get(item.id.as_str()).map_or_else(Map::new, |row| (*row).clone());
            row.entry("prompt").or_insert_with(|| Value::from(item.question()));
            let run = grading::grade(grader, &text.into(), &Value::Object(row), panel);
            by_openai(grader, &run)
        }
        Judge::Reward(..) => scorer.as_ref().map_or(Scored { score: None, receipts: Vec::new() }, |scorer| {
            let reward = scorer.reward(item, text);
            let applies = reward.receipts.iter().any(|receipt| receipt.score.is_some());
            Scored { score: applies.then_some(reward.total), receipts: reward.receipts }
        }),
    };
    let model = load(&request.model)?.on(&request.compute)?;
    let language = Language::of(&model)?;
    let named = (request.suite.as_str(), request.pass);
    Ok(own(&model.snapshot, &language, (&items, &topics), &request.options, named, &mut score)?)
}

fn judge(request: &SuiteRequest) -> Result<Judge> {
    let Some(path) = &request.grader else { return Ok(Judge::Truth) };
    let text = fs::read_to_string(path).map_err(at(path))?;
    let refuse = |problem: String| HeadlessError::Request(format!("{}: {problem}", path.display()));
    let value: Value = serde_json::from_str(&text).map_err(|e| refuse(format!("not JSON: {e}")))?;
    if value.get("graders").is_some_and(Value::is_array) {
        let config: RewardConfig = serde_json::from_value(value).map_err(|e| refuse(format!("not a reward: {e}")))?;
        clicker_rewards::validate(&config).map_err(|e| refuse(e.to_string()))?;
        let panel = panel(&config.judges(), None, &request.builtin)?;
        return Ok(Judge::Reward(Box::new(config), panel));
    }
    if value.get("type").is_none() {
        let expected = "expected a reward (an object with `graders`, a list) or one of OpenAI's graders (with `type`)";
        return Err(refuse(format!("this is neither; {expected}")));
    }
    let grader =
        openai::parse(&text).map_err(|problem| HeadlessError::Grader { path: path.display().to_string(), problem })?;
    let panel = panel(&grader.models(), None, &request.builtin)?;
    Ok(Judge::OpenAi(Box::new(grader), panel))
}

/// 1 for what a good model gives, else 0.
fn by_truth(item: &Item, text: &str) -> Scored {
    let verdict = verdict(item, text);
    let good = match item.expected {
        Expected::Abstain => verdict == Verdict::Abstained,
        _ => verdict == Verdict::Right,
    };
    let said = match verdict {
        Verdict::Right => "right",
        Verdict::Abstained => "says that it does not know",
        Verdict::Refused => "declines",
        Verdict::Wrong => "is none of the right answers",
    };
    let score = Some(f64::from(u8::from(good)));
    Scored { score, receipts: vec![receipt("truth", score, said.into())] }
}

fn by_openai(grader: &openai::Grader, run: &openai::Run) -> Scored {
    let mut receipts: Vec<Receipt> =
        run.result.sub_rewards.iter().map(|(name, score)| receipt(name, Some(*score), String::new())).collect();
    let said = match run.problems.is_empty() {
        true => format!("a grader of type {}", grader.kind()),
        false => run.problems.join("; "),
    };
    receipts.insert(0, receipt(grader.name(), Some(run.result.reward), said));
    Scored { score: Some(run.result.reward), receipts }
}

fn receipt(grader: &str, score: Option<f64>, reason: String) -> Receipt {
    Receipt { grader: grader.into(), score, weight: 1.0, reason, spans: Vec::new() }
}

/// `n` of the rows, evenly spread over the file.
fn evenly(rows: Rows, n: usize) -> Rows {
    let all = rows.rows.len();
    let chosen = rows.rows.into_iter().enumerate().filter(|(i, _)| (i * n) % all < n).map(|(_, row)| row);
    Rows { rows: chosen.collect(), blank_lines: rows.blank_lines }
}

#[cfg(test)]
mod tests {
    use super::super::{Compute, SuiteRequest, evaluate_suite};
    use clicker_train::suites::SuiteOptions;
    use clicker_wire::{Split, SuiteReport};
    use std::fs;

    const BUILTIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../public/models/builtin.gguf");
    const ROWS: &str = r#"{"prompt": "What is the capital of France?", "answer": "Paris", "domain": "geo"}
{"prompt": "What is the capital of Norway?", "answer": "Oslo", "domain": "geo"}
{"prompt": "What is 2 plus 2?", "answer": "4", "domain": "sums"}
"#;

    fn run(rows: &str, grader: Option<&str>) -> Result<SuiteReport, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, judge) = (folder.path().join("mine.jsonl"), folder.path().join("grader.json"));
        fs::write(&file, rows).expect("written");
        fs::write(&judge, grader.unwrap_or_default()).expect("written");
        let request = SuiteRequest {
            model: BUILTIN.into(),
            suite: file.display().to_string(),
            world_seed: 1,
            split: Split::Eval,
            items: 0,
            options: SuiteOptions::default(),
            keep: None,
            grader: grader.map(|_| judge),
            pass: 0.5,
            builtin: BUILTIN.into(),
            compute: Compute::cpu(),
            write_threshold: None,
        };
        evaluate_suite(&request).map(|done| done.report).map_err(|e| e.to_string())
    }

    #[test]
    fn rows_are_judged_by_truth_by_a_reward_and_by_openais_graders() {
        let reward = r#"{"graders": [{"name": "truthful", "weight": 1.0,
            "grader": {"type": "truthful", "right": 1.0, "abstain": 0.0, "wrong": -1.0}}]}"#;
        let openai = r#"{"type": "string_check", "name": "same", "operation": "ilike",
            "input": "{{sample.output_text}}", "reference": "{{item.answer}}"}"#;
        for grader in [None, Some(reward), Some(openai)] {
            let report = run(ROWS, grader).expect("runs");
            let section = &report.sections[0];
            let groups: Vec<&str> = section.figures.iter().filter_map(|f| f.group.as_deref()).collect();
            assert_eq!(groups, ["geo", "geo", "sums", "sums"]);
            assert_eq!((section.figures[0].n, section.examples.len()), (3, 3));
            assert!(section.examples.iter().all(|e| !e.receipts.is_empty() && e.score.is_some()));
            assert!(section.figures[0].value > 0.0, "the built-in model knows some of these: {section:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let said = |rows, grader| run(rows, grader).expect_err("refused");
        assert!(said("", None).contains("no rows"));
        assert!(said("{\"prompt\": \"Who?\"}\n", None).contains("line 1 names no right answer"));
        assert!(said(ROWS, Some("{}")).contains("neither"));
        assert!(said(ROWS, Some("{\"graders\": [{}]}")).contains("not a reward"));
        assert!(said(ROWS, Some("{\"type\": \"nothing\"}")).contains("grader.json"));
        assert!(said(ROWS, Some("nothing")).contains("not JSON"));
        assert!(said("{\"x\": 1}\n", None).contains("line 1"));
    }
}
