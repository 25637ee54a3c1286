//! Answers as TRL's table of completions: step, prompt, completion, a column per grader, reward, advantage.

use super::RunLog;
use clicker_wire::Event;
use serde_json::{Map, Value, json};

/// A JSON object per answer.
pub(super) fn completions(log: &RunLog) -> Result<(String, usize), serde_json::Error> {
    let (mut out, mut rows) = (String::new(), 0);
    for (_, event) in &log.events {
        let Event::Samples { step, groups } = event else { continue };
        for group in groups {
            for answer in &group.completions {
                let mut row = Map::from_iter([
                    ("step".to_owned(), json!(step)),
                    ("prompt".to_owned(), serde_json::to_value(&group.item.messages)?),
                    ("completion".to_owned(), json!([{"role": "assistant", "content": answer.text}])),
                ]);
                for receipt in &answer.reward.receipts {
                    // A grader that bears the name of another column must not take its place.
                    let name = match row.contains_key(&receipt.grader) {
                        true => format!("grader_{}", receipt.grader),
                        false => receipt.grader.clone(),
                    };
                    row.insert(name, receipt.score.map_or(Value::Null, Value::from));
                }
                row.insert("reward".into(), json!(answer.reward.total));
                row.insert("advantage".into(), json!(answer.advantage));
                out += &serde_json::to_string(&row)?;
                out.push('\n');
                rows += 1;
            }
        }
    }
    Ok((out, rows))
}
