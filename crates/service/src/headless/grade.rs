//! One of OpenAI's graders over a file of samples.

use super::graded_row::Row;
use super::{HeadlessError, Result, at, master_bytes};
use crate::grading;
use crate::judge::{Panel, Seat};
use clicker_rewards::openai;
use clicker_train::judging::JudgeModel;
use clicker_wire::grader_run::RunResult;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to grade, and with what.
#[derive(Clone, Debug)]
pub struct GradeRequest {
    /// The grader, JSON.
    pub grader: PathBuf,
    /// The samples, JSONL.
    pub input: PathBuf,
    /// The model that judges, whatever name the grader gives it: a GGUF file or a Hugging Face folder.
    pub model: Option<PathBuf>,
    /// The model that a grader means by `builtin`.
    pub builtin: PathBuf,
}

/// What became of one line.
#[derive(Clone, Debug)]
pub enum GradedLine {
    /// It was graded.
    Receipt(Receipt),
    /// It cannot be read.
    Bad {
        /// Its number, from 1.
        line: usize,
        /// Why.
        problem: String,
    },
}

/// The receipt of one line.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// Its number, from 1.
    pub line: usize,
    /// What OpenAI's `graders/run` answers.
    #[serde(flatten)]
    pub result: RunResult,
    /// A sentence for every flag that is set.
    pub problems: Vec<String>,
}

/// All lines together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GradeSummary {
    /// Lines that were graded.
    pub graded: usize,
    /// Lines that could not be read.
    pub bad: usize,
    /// The grader by its name, then the parts of a `multi` by theirs.
    pub scores: Vec<(String, Scores)>,
}

/// The scores of one grader. A grader's own rewards count as 0 where a flag is set, as they do in training; a part's
/// failures count as errors only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Scores.
    pub n: usize,
    /// Their mean; NaN of none.
    pub mean: f64,
    /// Their standard deviation, divided by n; NaN of none.
    pub std: f64,
    /// The lowest; infinite of none.
    pub min: f64,
    /// The highest; infinite of none.
    pub max: f64,
    /// Lines that went wrong.
    pub errors: usize,
}

/// Grade every line. `on_line` hears what became of each, and how many bytes of the file have been read.
///
/// # Errors
/// A grader that is wrong, a file that cannot be read, a model that cannot be loaded. A bad line is none.
pub fn grade(request: &GradeRequest, on_line: &mut dyn FnMut(&GradedLine, u64)) -> Result<GradeSummary> {
    let text = std::fs::read_to_string(&request.grader).map_err(at(&request.grader))?;
    let grader = openai::parse(&text)
        .map_err(|problem| HeadlessError::Grader { path: request.grader.display().to_string(), problem })?;
    let mut input = BufReader::new(File::open(&request.input).map_err(at(&request.input))?);
    let panel = panel(&grader.models(), request.model.as_deref(), &request.builtin)?;
    let mut tally = Tally::new(&grader);
    let (mut bytes, mut number, mut read) = (Vec::new(), 0, 0);
    loop {
        bytes.clear();
        match input.read_until(b'\n', &mut bytes).map_err(at(&request.input))? {
            0 => return Ok(tally.summary()),
            length => read += length as u64,
        }
        number += 1;
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let line = match Row::read(&bytes) {
            Ok(row) => {
                let run = grading::grade(&grader, &row.sample(), &row.item, &panel);
                GradedLine::Receipt(Receipt { line: number, result: run.result, problems: run.problems })
            }
            Err(problem) => GradedLine::Bad { line: number, problem },
        };
        tally.add(&line);
        on_line(&line, read);
    }
}

/// Loads what graders name, each file once, as browsers would have it; `instead` judges under every name.
pub(super) fn panel(names: &BTreeSet<&str>, instead: Option<&Path>, builtin: &Path) -> Result<Panel> {
    let mut loaded: BTreeMap<&Path, Seat> = BTreeMap::new();
    let mut seats = BTreeMap::new();
    for &name in names {
        let path = match instead {
            Some(path) => path,
            None if name == "builtin" => builtin,
            None => {
                let reason =
                    format!("there is no model {name:?} here; name a file that judges in its place with --model");
                seats.insert(name.to_owned(), Err(reason));
                continue;
            }
        };
        let seat = match loaded.get(path) {
            Some(seat) => seat.clone(),
            None => {
                let shown = if instead.is_some() { path.display().to_string() } else { name.to_owned() };
                let model = JudgeModel::from_master(&master_bytes(path)?)?;
                let seat = Seat { name: shown.clone(), identity: shown, model: Arc::new(model) };
                loaded.entry(path).or_insert(seat).clone()
            }
        };
        seats.insert(name.to_owned(), Ok(seat));
    }
    Ok(Panel { seats })
}

/// Sums over lines. Keeps the scores: a mean of squares minus a square of means would lose small deviations.
struct Tally {
    graded: usize,
    bad: usize,
    columns: Vec<(String, Vec<f64>, usize)>,
}

impl Tally {
    fn new(grader: &openai::Grader) -> Self {
        let own = std::iter::once(grader.name().to_owned());
        let columns = own.chain(openai::part_names(grader)).map(|name| (name, Vec::new(), 0)).collect();
        Self { graded: 0, bad: 0, columns }
    }

    fn add(&mut self, line: &GradedLine) {
        let GradedLine::Receipt(Receipt { result, .. }) = line else {
            self.bad += 1;
            return;
        };
        self.graded += 1;
        for (index, (name, scores, errors)) in self.columns.iter_mut().enumerate() {
            let own = index == 0;
            let score = if own { Some(result.reward) } else { result.sub_rewards.get(name).copied() };
            scores.extend(score);
            *errors += usize::from(if own { result.metadata.errors.any() } else { score.is_none() });
        }
    }

    fn summary(self) -> GradeSummary {
        let scores = self.columns.into_iter().map(|(name, scores, errors)| (name, spread(&scores, errors))).collect();
        GradeSummary { graded: self.graded, bad: self.bad, scores }
    }
}

fn spread(scores: &[f64], errors: usize) -> Scores {
    let n = scores.len();
    let mean = scores.iter().sum::<f64>() / n as f64;
    let variance = scores.iter().map(|score| (score - mean) * (score - mean)).sum::<f64>() / n as f64;
    let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
    Scores {
        n,
        mean,
        std: variance.sqrt(),
        min: scores.iter().copied().fold(min, f64::min),
        max: scores.iter().copied().fold(max, f64::max),
        errors,
    }
}
