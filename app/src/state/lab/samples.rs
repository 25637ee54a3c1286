//! The answers that a reward is tried on: made from the world's questions, pasted, or read from a JSONL file.

use clicker_wire::{ABSTAIN, Domain, Expected, Item, ItemId, Knowledge, LabSample, Message, REFUSE, Role};
use serde_json::Value;

/// Most answers at a time.
pub(crate) const MOST: usize = 64;
/// Characters of a padded answer: beyond what any preset leaves free.
const PADDED: usize = 220;

/// Answers that a reward should tell apart, made from the questions' own truth: right, "I don't know", wrong, and right with
/// a lot of padding.
pub(crate) fn examples(items: &[Item]) -> Vec<LabSample> {
    let each = items.iter().enumerate().flat_map(|(index, item)| {
        let right = match item.expected {
            Expected::Answer => item.accepted.first().cloned(),
            Expected::Abstain => Some(ABSTAIN.to_owned()),
            Expected::Refuse => Some(REFUSE.to_owned()),
            Expected::Unknown => None,
        };
        let abstains = (right.as_deref() != Some(ABSTAIN)).then(|| ABSTAIN.to_owned());
        let padded = right.as_deref().map(padded);
        let texts = [right, abstains, wrong(items, index), padded];
        texts.into_iter().flatten().map(|text| LabSample { item: item.clone(), text })
    });
    each.take(MOST).collect()
}

/// At most so many of the questions, the classes of knowledge in turn.
pub(crate) fn varied(items: &[Item], most: usize) -> Vec<Item> {
    let class = |knowledge: Knowledge| items.iter().filter(move |item| item.knowledge == knowledge);
    let mut classes: Vec<_> = Knowledge::MEASURED.into_iter().map(class).collect();
    let mut picked = Vec::new();
    while picked.len() < most {
        let before = picked.len();
        picked.extend(classes.iter_mut().filter_map(|class| class.next().cloned()));
        if picked.len() == before {
            break;
        }
    }
    picked.truncate(most);
    picked
}

/// The right answer to another question of the same domain.
fn wrong(items: &[Item], index: usize) -> Option<String> {
    let item = &items[index];
    let others = items.iter().cycle().skip(index + 1).take(items.len());
    let likely = others.filter(|other| other.domain == item.domain).flat_map(|other| &other.accepted);
    let wrong = likely.into_iter().find(|answer| !item.accepted.contains(answer));
    Some(wrong.map_or_else(|| "Definitely yes.".to_owned(), |answer| sentence(answer)))
}

fn sentence(answer: &str) -> String {
    format!("{}.", answer.trim_end_matches('.'))
}

fn padded(right: &str) -> String {
    let mut text = sentence(right);
    while text.len() < PADDED {
        text.push_str(" This is a thorough answer, and there is much more that could be said about it.");
    }
    text
}

/// One answer a line, to one question.
pub(crate) fn lines(item: &Item, text: &str) -> Vec<LabSample> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(MOST);
    lines.map(|line| LabSample { item: item.clone(), text: line.to_owned() }).collect()
}

/// One JSON object a line: a question (`prompt` or `question`, or `messages` as chats have them), an answer (`completion`,
/// `answer`, `response` or `text`) and, where it is known, what counts as right (`accepted` or `reference`: a text or several).
///
/// # Errors
/// The first line that is none of that, and what it lacks.
pub(crate) fn jsonl(text: &str) -> Result<Vec<LabSample>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).take(MOST);
    let each = lines.map(|(index, line)| one(line).map_err(|problem| format!("Line {}: {problem}", index + 1)));
    let samples: Vec<LabSample> = each.collect::<Result<_, String>>()?;
    if samples.is_empty() {
        return Err("The file holds no line with an answer.".into());
    }
    Ok(samples)
}

fn one(line: &str) -> Result<LabSample, String> {
    let row: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
    let text = |keys: &[&str]| keys.iter().find_map(|key| row.get(key)?.as_str()).map(str::to_owned);
    let mut messages = chat(&row);
    // A chat that ends with the model's turn brings the answer along.
    let said = (messages.last().is_some_and(|m| m.role == Role::Assistant)).then(|| messages.pop()).flatten();
    let answer = text(&["completion", "answer", "response", "text"]).or(said.map(|m| m.content));
    let answer = answer.ok_or("no answer; expected `completion`, `answer`, `response` or `text`")?;
    if messages.is_empty() {
        let question = text(&["prompt", "question"]);
        messages.push(Message::user(question.ok_or("no question; expected `prompt`, `question` or `messages`")?));
    }
    let accepted: Vec<String> = match row.get("accepted").or_else(|| row.get("reference")) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(|v| v.as_str()).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let expected = if accepted.is_empty() { Expected::Unknown } else { Expected::Answer };
    let id = ItemId::from(messages.last().map_or("", |m| m.content.as_str()));
    Ok(LabSample {
        item: Item { id, messages, expected, accepted, domain: Domain::Free, ..Item::free("") },
        text: answer,
    })
}

fn chat(row: &Value) -> Vec<Message> {
    let turns = row.get("messages").or_else(|| row.get("prompt")).and_then(Value::as_array);
    let turn = |turn: &Value| {
        let content = turn.get("content")?.as_str()?.to_owned();
        let role = match turn.get("role")?.as_str()? {
            "system" | "developer" => Role::System,
            "assistant" => Role::Assistant,
            _ => Role::User,
        };
        Some(Message { role, content })
    };
    turns.map(|turns| turns.iter().filter_map(turn).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(question: &str, answer: &str) -> Item {
        Item { expected: Expected::Answer, accepted: vec![answer.into()], ..Item::free(question) }
    }

    #[test]
    fn examples_tell_right_unknown_wrong_and_padded_apart() {
        let samples = examples(&[item("Capital of France?", "Paris"), item("Capital of Italy?", "Rome")]);
        let texts: Vec<&str> = samples.iter().take(3).map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["Paris", ABSTAIN, "Rome."]);
        assert!(samples[3].text.starts_with("Paris. This") && samples[3].text.len() >= PADDED);
        let many: Vec<Item> = (0..40).map(|n| item(&n.to_string(), &n.to_string())).collect();
        assert_eq!(examples(&many).len(), MOST);
    }

    #[test]
    fn questions_of_every_class_come_in_turn() {
        let of = |knowledge, n: usize| Item { knowledge, ..item(&n.to_string(), "x") };
        let items: Vec<Item> = [Knowledge::Invented, Knowledge::Known]
            .into_iter()
            .flat_map(|knowledge| (0..3).map(move |n| of(knowledge, n)))
            .collect();
        let classes: Vec<Knowledge> = varied(&items, 4).iter().map(|item| item.knowledge).collect();
        assert_eq!(classes, [Knowledge::Known, Knowledge::Invented, Knowledge::Known, Knowledge::Invented]);
        assert_eq!(varied(&items, 99).len(), 6);
    }

    #[test]
    fn jsonl_in_the_usual_shapes() {
        let text = "{\"prompt\": \"Q?\", \"completion\": \"A.\", \"reference\": \"A\"}\n\n\
            {\"messages\": [{\"role\": \"user\", \"content\": \"Q?\"}, {\"role\": \"assistant\", \"content\": \"B.\"}]}\n\
            {\"prompt\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"Q?\"}], \"response\": \"C\"}";
        let samples = jsonl(text).expect("three rows");
        let texts: Vec<&str> = samples.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["A.", "B.", "C"]);
        assert_eq!(samples[0].item.accepted, ["A"]);
        assert_eq!(samples[1].item.expected, Expected::Unknown);
        assert_eq!((samples[2].item.messages.len(), samples[2].item.question()), (2, "Q?"));
    }

    #[test]
    fn a_line_that_is_no_sample_is_named() {
        let problem =
            jsonl("{\"prompt\": \"Q?\", \"completion\": \"A\"}\n{\"prompt\": \"Q?\"}").expect_err("no answer");
        assert!(problem.starts_with("Line 2: no answer"), "{problem}");
        assert!(jsonl("{").expect_err("broken").starts_with("Line 1: not JSON"));
        assert!(jsonl(" \n").is_err());
    }

    #[test]
    fn pasted_lines() {
        let samples = lines(&item("Q?", "A"), " A \n\n B\n");
        assert_eq!(samples.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    }
}
