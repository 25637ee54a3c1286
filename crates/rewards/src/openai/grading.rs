//! The graders at work on one sample. Each gives a score, or none and a note in the log of why not.

use super::formula::{Formula, FormulaError};
use super::judge::{Judge, JudgeError, JudgeReply, JudgeRequest, Verdict, label, score};
use super::parts::named;
use super::python::not_run;
use super::run::{Sample, add};
use super::similarity::similarity;
use super::template::{FillError, Template};
use super::{Grader, MAX_TEXT_BYTES};
use clicker_wire::grader_run::{RunErrors, TokenCounts};
use clicker_wire::openai_grader::{
    Content, ContentItem, ContentPart, LabelModel, Message, Multi, SamplingParams, ScoreModel, StringCheck,
    StringOperation, TextSimilarity,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What was noted on the way.
#[derive(Default)]
pub(super) struct Log {
    pub(super) errors: RunErrors,
    /// A sentence per failure.
    pub(super) problems: Vec<String>,
    /// Tokens by model.
    pub(super) usage: BTreeMap<String, TokenCounts>,
    /// What models replied, in order.
    pub(super) said: Vec<JudgeReply>,
}

/// One sample, one row, perhaps a judge.
pub(super) struct Grading<'a> {
    sample: Value,
    item: &'a Value,
    judge: Option<&'a dyn Judge>,
    log: Log,
}

impl<'a> Grading<'a> {
    /// Before anything was seen.
    pub(super) fn new(item: &'a Value, judge: Option<&'a dyn Judge>) -> Self {
        Self { sample: Value::Null, item, judge, log: Log::default() }
    }

    pub(super) fn into_log(self) -> Log {
        self.log
    }

    /// Builds what templates read as `sample`.
    pub(super) fn see(&mut self, sample: &Sample<'_>) -> Option<()> {
        let bytes = sample.text.len();
        if bytes > MAX_TEXT_BYTES {
            let problem = format!("the answer has {bytes} bytes, more than the {MAX_TEXT_BYTES} that are looked at");
            return self.fail(|errors| errors.truncated_observation_error = true, problem);
        }
        let message = json!({"role": "assistant", "content": sample.text, "tool_calls": sample.tools});
        self.sample = json!({
            "output_text": sample.text,
            "output_tools": sample.tools,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        });
        if let Ok(value) = serde_json::from_str::<Value>(sample.text) {
            self.sample["output_json"] = value;
        }
        Some(())
    }

    /// A formula over parts; `scores` gathers what each part gave.
    pub(super) fn multi(&mut self, multi: &Multi, scores: &mut BTreeMap<String, f64>) -> Option<f64> {
        let parts = named(&multi.graders);
        for (name, part) in &parts {
            if let Some(score) = self.single(part) {
                scores.insert(name.clone(), score);
            }
        }
        let known: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        let formula = match Formula::parse(&multi.calculate_output).and_then(|f| f.check_names(&known).map(|()| f)) {
            Ok(formula) => formula,
            Err(problem) => {
                let unknown = matches!(problem, FormulaError::Name { .. });
                return self.fail(
                    |errors| match unknown {
                        true => errors.invalid_variable_error = true,
                        false => errors.formula_parse_error = true,
                    },
                    problem.to_string(),
                );
            }
        };
        // None where a part gave no score; its own flag is set already.
        let value = formula.value(|name| scores.get(name).copied())?;
        if !value.is_finite() {
            return self.other(format!(
                "the formula's value is {value}, which is no reward; keep it finite, for example with max"
            ));
        }
        // -0 has other bytes than 0.
        Some(value + 0.0)
    }

    /// Any grader but a `multi`.
    pub(super) fn single(&mut self, grader: &Grader) -> Option<f64> {
        match grader {
            Grader::StringCheck(g) => self.string_check(g),
            Grader::TextSimilarity(g) => self.text_similarity(g),
            Grader::ScoreModel(g) => self.score_model(g),
            Grader::LabelModel(g) => self.label_model(g),
            Grader::Python(g) => {
                let problem = not_run(&g.source);
                self.log.errors.python_grader_server_error_type = Some(problem.clone());
                self.fail(|errors| errors.python_grader_server_error = true, problem)
            }
            Grader::Multi(g) => {
                self.other(format!("{:?} is a multi inside a multi, which the schema does not have", g.name))
            }
        }
    }

    fn string_check(&mut self, grader: &StringCheck) -> Option<f64> {
        let (input, reference) = (self.fill(&grader.input)?, self.fill(&grader.reference)?);
        let holds = match grader.operation {
            StringOperation::Eq => input == reference,
            StringOperation::Ne => input != reference,
            StringOperation::Like => input.contains(&reference),
            StringOperation::Ilike => input.to_lowercase().contains(&reference.to_lowercase()),
        };
        Some(f64::from(u8::from(holds)))
    }

    fn text_similarity(&mut self, grader: &TextSimilarity) -> Option<f64> {
        let (input, reference) = (self.fill(&grader.input)?, self.fill(&grader.reference)?);
        match similarity(grader.evaluation_metric, &input, &reference) {
            Ok(score) => Some(score),
            Err(too_long) => self.fail(|errors| errors.truncated_observation_error = true, too_long.to_string()),
        }
    }

    fn score_model(&mut self, grader: &ScoreModel) -> Option<f64> {
        let [low, high] = grader.range.unwrap_or([0.0, 1.0]);
        let wants = Verdict::Score { low, high };
        let reply = self.ask(&grader.model, &grader.input, grader.sampling_params.as_ref(), wants)?;
        match score(&reply.text, low, high) {
            Some(score) => Some(score),
            None => self.unreadable(&reply, "a number"),
        }
    }

    fn label_model(&mut self, grader: &LabelModel) -> Option<f64> {
        let reply = self.ask(&grader.model, &grader.input, None, Verdict::Label(&grader.labels))?;
        match label(&reply.text, &grader.labels) {
            Some(label) => Some(f64::from(u8::from(grader.passing_labels.contains(label)))),
            None => self.unreadable(&reply, "one of the labels"),
        }
    }

    fn ask(
        &mut self,
        model: &str,
        input: &[Message],
        sampling: Option<&SamplingParams>,
        wants: Verdict<'_>,
    ) -> Option<JudgeReply> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        for message in input {
            let text = self.message(message, &mut bytes)?;
            messages.push((message.role, text));
        }
        let Some(judge) = self.judge else {
            return self.server(format!("no model is loaded that could judge as {model:?}"));
        };
        match judge.ask(&JudgeRequest { model, messages, sampling, wants }) {
            Ok(reply) => {
                let used = self.log.usage.entry(reply.model.clone()).or_default();
                *used = add(*used, reply.usage);
                self.log.said.push(reply.clone());
                Some(reply)
            }
            Err(JudgeError::Server(why)) => self.server(why),
            Err(JudgeError::Unresponsive) => {
                let problem = format!("the model {model:?} gave no answer in time");
                self.fail(|errors| errors.unresponsive_reward_error = true, problem)
            }
            Err(JudgeError::Later) => {
                let problem = format!("the model {model:?} is still judging");
                self.fail(|errors| errors.unresponsive_reward_error = true, problem)
            }
            Err(JudgeError::Refused) => self.fail(
                |errors| errors.model_grader_refusal_error = true,
                format!("the model {model:?} declined to judge"),
            ),
        }
    }

    /// A message as text, its parts on lines of their own; `bytes` counts the whole conversation.
    fn message(&mut self, message: &Message, bytes: &mut usize) -> Option<String> {
        let parts: Vec<ContentItem> = match &message.content {
            Content::Text(text) => vec![ContentItem::Text(text.clone())],
            Content::Part(part) => vec![ContentItem::Part(part.clone())],
            Content::Parts(parts) => parts.clone(),
        };
        let mut texts = Vec::new();
        for part in &parts {
            let text = match part {
                ContentItem::Text(text) => self.fill(text)?,
                ContentItem::Part(part) => self.part(part)?,
            };
            *bytes += text.len();
            if *bytes > MAX_TEXT_BYTES {
                let problem = format!("what the judge is shown has more than {MAX_TEXT_BYTES} bytes");
                return self.fail(|errors| errors.truncated_observation_error = true, problem);
            }
            texts.push(text);
        }
        Some(texts.join("\n"))
    }

    fn part(&mut self, part: &ContentPart) -> Option<String> {
        match part {
            ContentPart::InputText { text } | ContentPart::OutputText { text } => self.fill(text),
            ContentPart::InputImage { .. } | ContentPart::InputAudio { .. } => {
                self.server("judges read text only, and the grader shows an image or a sound".into())
            }
        }
    }

    /// A text with its templates filled.
    fn fill(&mut self, text: &str) -> Option<String> {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(problem) => return self.fail(|errors| errors.invalid_variable_error = true, problem.to_string()),
        };
        match template.fill(&self.sample, self.item, MAX_TEXT_BYTES) {
            Ok(text) => Some(text),
            Err(problem) => {
                let said = problem.to_string();
                self.fail(
                    |errors| match problem {
                        FillError::Missing { .. } => errors.invalid_variable_error = true,
                        FillError::NotJson { .. } => {
                            errors.invalid_variable_error = true;
                            errors.sample_parse_error = true;
                        }
                        FillError::TooLong { .. } => errors.truncated_observation_error = true,
                    },
                    said,
                )
            }
        }
    }

    fn unreadable<T>(&mut self, reply: &JudgeReply, expected: &str) -> Option<T> {
        let said: String = reply.text.chars().take(80).collect();
        self.fail(
            |errors| errors.model_grader_parse_error = true,
            format!("the model {:?} answered {said:?}, expected {expected}", reply.model),
        )
    }

    fn server<T>(&mut self, why: String) -> Option<T> {
        self.log.errors.model_grader_server_error_details = Some(why.clone());
        self.fail(|errors| errors.model_grader_server_error = true, why)
    }

    fn other<T>(&mut self, problem: String) -> Option<T> {
        self.fail(|errors| errors.other_error = true, problem)
    }

    fn fail<T>(&mut self, flag: impl FnOnce(&mut RunErrors), problem: String) -> Option<T> {
        flag(&mut self.log.errors);
        if !self.log.problems.contains(&problem) {
            self.log.problems.push(problem);
        }
        None
    }
}
