//! A look at a file of training rows, on its own or beside a held-out file, with a model's pass rates where one is named; and a
//! cleaned copy of it. The file that was read is never written.

use super::{HeadlessError, Result, at, load};
use clicker_dataset::check::{Against, Difficulty, Fixes, Removed, Report, check, fix};
use clicker_dataset::rows::{Rows, read};
use clicker_dataset::{World, rows::Row};
use clicker_rewards::verdict::verdict;
use clicker_train::rollout::{Language, collect};
use clicker_wire::{Expected, Item, Sampling, Split, Verdict};
use std::fs;
use std::path::{Path, PathBuf};

/// What to look at.
#[derive(Clone, Debug)]
pub struct DataCheckRequest {
    /// The rows.
    pub file: PathBuf,
    /// Rows that are held out.
    pub against: Option<PathBuf>,
    /// Seed of the world whose held-out questions every run is measured on.
    pub world_seed: u64,
    /// The model whose pass rates are measured.
    pub model: Option<Asked>,
    /// Where to write a cleaned copy.
    pub fix: Option<PathBuf>,
    /// What the copy leaves out beyond the certain cases.
    pub fixes: Fixes,
}

/// Which model is asked, and how often.
#[derive(Clone, Debug)]
pub struct Asked {
    /// A GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// Answers drawn per row.
    pub samples: u32,
    /// At most this many rows, taken evenly from the file; 0 asks all.
    pub rows: usize,
    /// Longest answer, tokens.
    pub max_new_tokens: u32,
    /// Seed of the draws.
    pub seed: u64,
}

/// What was seen and written.
#[derive(Clone, Debug)]
pub struct DataChecked {
    /// The figures.
    pub report: Report,
    /// Rows that the copy leaves out, each with its text; none where no copy was asked for.
    pub removed: Option<Vec<(Removed, String)>>,
}

/// Prompts that are computed together.
const BATCH: usize = 32;

/// Look.
///
/// # Errors
/// A file that cannot be read or is in no format; a model that cannot be asked; a copy that cannot be written.
pub fn data_check(request: &DataCheckRequest) -> Result<DataChecked> {
    let bytes = fs::read(&request.file).map_err(at(&request.file))?;
    let rows = rows(&request.file, &bytes)?;
    let held_out = match &request.against {
        Some(path) => Some(self::rows(path, &fs::read(path).map_err(at(path))?)?),
        None => None,
    };
    let world = World::new(request.world_seed);
    let mut report = check(&rows, Against { rows: held_out.as_ref(), questions: world.items(Split::Eval) });
    if let Some(asked) = &request.model {
        report = report.with_difficulty(difficulty(&rows, asked, &request.file)?);
    }
    let removed = match &request.fix {
        Some(out) => Some(write_without(&request.file, out, &bytes, fix(&report, request.fixes))?),
        None => None,
    };
    Ok(DataChecked { report, removed })
}

fn rows(path: &Path, bytes: &[u8]) -> Result<Rows> {
    read(bytes).map_err(|error| HeadlessError::Request(format!("{}: {error}", path.display())))
}

/// Pass rates of the rows whose truth is known.
fn difficulty(rows: &Rows, asked: &Asked, file: &Path) -> Result<Difficulty> {
    let complain = |words: String| HeadlessError::Request(format!("{}: {words}", file.display()));
    if asked.samples == 0 {
        return Err(HeadlessError::Request("--samples is 0; draw at least one answer".into()));
    }
    let items = rows.questions().map_err(|error| complain(format!("{error}; leave --model out")))?;
    let model = load(&asked.model)?;
    let language = Language::of(&model)?;
    let room = |item: &Item| -> Result<bool> {
        Ok(language.prompt(item)?.len() + asked.max_new_tokens as usize <= model.config.context)
    };
    let mut known: Vec<(&Row, Item)> = Vec::new();
    for (row, item) in rows.rows.iter().zip(items) {
        if item.expected != Expected::Unknown && room(&item)? {
            known.push((row, item));
        }
    }
    if known.is_empty() {
        return Err(complain(
            "no row names a right answer that fits into the model's context, so nothing can be called right; add `answer` \
             or leave --model out"
                .into(),
        ));
    }
    let wanted = if asked.rows == 0 { known.len() } else { asked.rows.min(known.len()) };
    let chosen: Vec<&(&Row, Item)> = (0..wanted).map(|k| &known[k * known.len() / wanted]).collect();
    let sampling = Sampling { max_new_tokens: asked.max_new_tokens, seed: asked.seed, ..Sampling::default() };
    let mut right = Vec::with_capacity(wanted);
    for (batch, part) in chosen.chunks(BATCH).enumerate() {
        let items: Vec<Item> = part.iter().map(|(_, item)| item.clone()).collect();
        let groups = collect(&model.snapshot, &language, &items, asked.samples as usize, &sampling, batch as u32)?;
        for ((row, item), group) in part.iter().zip(groups) {
            let passed = group.answers.iter().filter(|answer| passes(item, &answer.text)).count();
            right.push((row.line, passed as u32));
        }
    }
    let name = asked.model.display().to_string();
    Ok(Difficulty::of(&name, asked.samples, &right, rows.rows.len() - wanted))
}

/// Right, or not knowing where that is what is wanted.
fn passes(item: &Item, text: &str) -> bool {
    match verdict(item, text) {
        Verdict::Right => true,
        Verdict::Abstained => item.expected == Expected::Abstain,
        Verdict::Refused | Verdict::Wrong => false,
    }
}

/// The file's lines as they are, but for those that are left out.
fn write_without(file: &Path, out: &Path, bytes: &[u8], removed: Vec<Removed>) -> Result<Vec<(Removed, String)>> {
    if out.exists() {
        let what = if same(file, out) { "is the file itself" } else { "is there already" };
        return Err(HeadlessError::Request(format!(
            "{} {what}; name a new file for the cleaned copy: nothing is overwritten",
            out.display()
        )));
    }
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let mut told = Vec::with_capacity(removed.len());
    for row in removed {
        if let Some(line) = lines.get_mut(row.line - 1) {
            told.push((row, String::from_utf8_lossy(line.trim_ascii()).into_owned()));
            *line = &[];
        }
    }
    fs::write(out, lines.concat()).map_err(at(out))?;
    Ok(told)
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
