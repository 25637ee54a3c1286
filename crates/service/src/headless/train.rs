//! A run into a folder: `dry_run.json`, `metrics.jsonl`, `samples.jsonl` (alarms among them), `eval.jsonl`,
//! `weights.jsonl`, `devices.jsonl` (which device computed from which step on), `checkpoints/<step>.gguf` (and `<step>.adapter/` where an adapter is trained, `<step>.members/` with the further
//! members of an ensemble), `state.safetensors`, `recipe.json`.
//!
//! A step counts once its state has been renamed into place. Lines of later steps, written by a run that was killed before
//! that, are cut off on resuming, so that every file tells of the same steps.

use super::{HeadlessError, Result, at, master_bytes};
use clicker_lm::Compute;
use clicker_train::{Control, Outcome, Sink, Start, StepRecord, TrainError, View};
use clicker_wire::{Event, Recipe};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What to run and where to put it.
pub struct TrainRequest {
    /// The recipe.
    pub recipe: Recipe,
    /// The starting model: a GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// What graders of the reward mean by the model `builtin`; other names are files.
    pub builtin: PathBuf,
    /// The folder; made if it is not there.
    pub out: PathBuf,
    /// Go on from the folder's last step.
    pub resume: bool,
    /// Where models compute.
    pub compute: Compute,
}

/// What is told while it runs.
pub enum TrainProgress<'a> {
    /// A step is done.
    Step(u32, &'a [Event]),
}

/// Run to the end, or until `control` asks to pause.
///
/// # Errors
/// A folder that holds another run, a model or recipe that cannot be used, numbers that diverge.
pub fn train(
    request: &TrainRequest,
    progress: &mut dyn FnMut(TrainProgress<'_>),
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    train_within(request, View::default(), progress, control)
}

/// As [`train`], with some of the world's questions only.
pub(crate) fn train_within(
    request: &TrainRequest,
    view: View,
    progress: &mut dyn FnMut(TrainProgress<'_>),
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let folder = Folder { path: request.out.clone() };
    let mut recipe = request.recipe.clone();
    let data = data(&mut recipe)?;
    let state = folder.prepare(&recipe, request.resume)?;
    folder.note_device(state.as_deref(), &request.compute)?;
    let start = Start {
        model: master_bytes(&request.model)?,
        state,
        data,
        preferences: preferences(&recipe)?,
        reward_models: reward_models(&recipe)?,
        judges: judges(&recipe, &request.builtin)?,
        view,
        compute: request.compute.clone(),
    };
    let mut sink = FolderSink { folder, progress };
    let outcome = clicker_train::run(&recipe, &start, &mut sink, control);
    if let Err(TrainError::DryRun { .. } | TrainError::Rows { .. }) = &outcome {
        // Nothing was trained: the folder is free for the same run with another reward or other rows, or with a reason to start
        // anyway.
        let state = sink.folder.path.join(STATE);
        fs::remove_file(&state).map_err(at(&state))?;
    }
    Ok(outcome?)
}

/// The rows of the recipe's file, if it names one; their hash is written into the recipe, so that a run is never resumed on
/// other rows.
fn data(recipe: &mut Recipe) -> Result<Option<Vec<u8>>> {
    let Some(named) = &recipe.data.file else { return Ok(None) };
    let bytes = fs::read(named).map_err(at(Path::new(named)))?;
    recipe.data.sha256.get_or_insert_with(|| clicker_train::data::hash(&bytes));
    Ok(Some(bytes))
}

/// The rows that the recipe learns from, if it names a file.
fn preferences(recipe: &Recipe) -> Result<Option<Vec<u8>>> {
    match recipe.data.preferences.as_deref() {
        None => Ok(None),
        Some(named @ ("feedback" | "reviews")) => Err(HeadlessError::Request(format!(
            "data.preferences is `{named}`, which only a server has; write it to a file with `clicker export {named}` and \
             name that"
        ))),
        Some(path) => Ok(Some(fs::read(path).map_err(at(Path::new(path)))?)),
    }
}

/// The reward models that the recipe's graders name as files.
fn reward_models(recipe: &Recipe) -> Result<BTreeMap<String, Vec<Vec<u8>>>> {
    match recipe.algorithm.samples() {
        true => clicker_train::scorer::named(&recipe.reward)
            .into_iter()
            .map(|path| Ok((path.clone(), members(Path::new(&path))?)))
            .collect(),
        false => Ok(BTreeMap::new()),
    }
}

/// A reward model, and the further members of its ensemble where a run published one.
fn members(path: &Path) -> Result<Vec<Vec<u8>>> {
    let mut all = vec![master_bytes(path)?];
    for number in 2.. {
        let member = path.with_extension(MEMBERS).join(format!("{number}.gguf"));
        if !member.exists() {
            break;
        }
        all.push(fs::read(&member).map_err(at(&member))?);
    }
    Ok(all)
}

/// Extension of the folder beside a checkpoint that holds the further members of its ensemble.
const MEMBERS: &str = "members";

/// The models that the reward's graders ask, as browsers would have them.
fn judges(recipe: &Recipe, builtin: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    if !recipe.algorithm.samples() {
        return Ok(BTreeMap::new());
    }
    let of = |name: String| {
        let path = if name == "builtin" { builtin } else { Path::new(&name) };
        let (bytes, _) = clicker_lm::weights::quantized_copy(&master_bytes(path)?)?;
        Ok((name, bytes))
    };
    clicker_train::judging::named(&recipe.reward).into_iter().map(of).collect()
}

struct Folder {
    path: PathBuf,
}

const STATE: &str = "state.safetensors";
const DEVICES: &str = "devices.jsonl";
const LOGS: [&str; 4] = ["metrics.jsonl", "samples.jsonl", "eval.jsonl", "weights.jsonl"];

impl Folder {
    /// Make the folder ready; returns the state to go on from.
    fn prepare(&self, recipe: &Recipe, resume: bool) -> Result<Option<Vec<u8>>> {
        let checkpoints = self.path.join("checkpoints");
        fs::create_dir_all(&checkpoints).map_err(at(&checkpoints))?;
        let state = self.path.join(STATE);
        let exists = state.exists();
        if exists && !resume {
            return Err(HeadlessError::Request(format!(
                "{} already holds a run; add --resume to go on with it, or choose another --out",
                self.path.display()
            )));
        }
        if !exists {
            for log in LOGS {
                let path = self.path.join(log);
                File::create(&path).map_err(at(&path))?;
            }
            let json = serde_json::to_vec_pretty(recipe).map_err(|e| HeadlessError::Request(e.to_string()))?;
            self.replace("recipe.json", &json)?;
            return Ok(None);
        }
        self.same_rows(recipe)?;
        let bytes = fs::read(&state).map_err(at(&state))?;
        let step = clicker_train::state::step_of(&bytes)?;
        for log in LOGS {
            self.cut(log, step)?;
        }
        Ok(Some(bytes))
    }

    /// Write down where models compute from here on. A run may go on elsewhere; its curve is then not the same to the last bit.
    fn note_device(&self, state: Option<&[u8]>, compute: &Compute) -> Result<()> {
        let after = state.map_or(Ok(0), clicker_train::state::step_of)?;
        match state {
            None => self.replace(DEVICES, b"")?,
            Some(_) => self.cut(DEVICES, after)?,
        }
        self.append(DEVICES, &json!({ "step": after, "device": compute.name() }))
    }

    /// That the file of rows is the one that the folder's run was started with.
    fn same_rows(&self, recipe: &Recipe) -> Result<()> {
        let path = self.path.join("recipe.json");
        let begun: Recipe = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|e| HeadlessError::Request(format!("{} is no recipe: {e}", path.display())))?,
            // Without it the state itself still says whether it belongs to this recipe.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(at(&path)(e)),
        };
        match (&begun.data.sha256, &recipe.data.sha256, &recipe.data.file) {
            (Some(then), Some(now), Some(file)) if then != now => Err(HeadlessError::Request(format!(
                "{file} has changed since the run in {} was started (sha256 {now}, it was {then}); bring the old rows back to \
                 go on, or start a new run with another --out",
                self.path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Keep a log's lines up to `step`; a last line without its end is a write that was cut.
    fn cut(&self, log: &str, step: u32) -> Result<()> {
        let path = self.path.join(log);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(at(&path)(e)),
        };
        let keeps = |line: &&str| {
            let parsed: Option<Value> = serde_json::from_str(line).ok();
            parsed.and_then(|v| v["step"].as_u64()).is_some_and(|s| s <= step.into())
        };
        let kept: String = text.split_inclusive('\n').filter(|l| l.ends_with('\n')).filter(keeps).collect();
        self.replace(log, kept.as_bytes())
    }

    /// Write a file so that a kill leaves either the old or the new one.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (path, temporary) = (self.path.join(name), self.path.join(format!("{name}.tmp")));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|error| {
            // Half a file is of no use, and on a full disk it stands in the way. That it cannot be removed either is no news.
            let _ = fs::remove_file(&temporary);
            at(&path)(error)
        })
    }

    fn append(&self, log: &str, value: &Value) -> Result<()> {
        let path = self.path.join(log);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))?;
        file.write_all(format!("{value}\n").as_bytes()).map_err(at(&path))
    }
}

struct FolderSink<'a> {
    folder: Folder,
    progress: &'a mut dyn FnMut(TrainProgress<'_>),
}

impl Sink for FolderSink<'_> {
    fn commit(&mut self, record: StepRecord) -> std::result::Result<(), String> {
        self.store(&record).map_err(|error| match error {
            HeadlessError::Io { path, source } => format!(
                "{path} cannot be written: {source}; the step before is complete: make room, then go on with --resume"
            ),
            other => other.to_string(),
        })?;
        (self.progress)(TrainProgress::Step(record.step, &record.events));
        Ok(())
    }
}

impl FolderSink<'_> {
    fn store(&self, record: &StepRecord) -> Result<()> {
        for event in &record.events {
            if let Event::DryRun { .. } = event {
                let json = serde_json::to_vec_pretty(event).map_err(|e| HeadlessError::Request(e.to_string()))?;
                self.folder.replace("dry_run.json", &json)?;
                continue;
            }
            let log = match event {
                Event::Metrics { .. } => "metrics.jsonl",
                Event::Eval { .. } => "eval.jsonl",
                Event::Weights { .. } => "weights.jsonl",
                _ => "samples.jsonl",
            };
            let value = serde_json::to_value(event).map_err(|e| HeadlessError::Request(e.to_string()))?;
            self.folder.append(log, &value)?;
        }
        if let Some(checkpoint) = &record.checkpoint {
            let name = |kind: &str| format!("checkpoints/{:06}{kind}.gguf", record.step);
            self.folder.replace(&name(""), &checkpoint.master)?;
            self.folder.replace(&name(".q8_0"), &checkpoint.browser)?;
            if !checkpoint.members.is_empty() {
                let members = format!("checkpoints/{:06}.{MEMBERS}", record.step);
                let path = self.folder.path.join(&members);
                fs::create_dir_all(&path).map_err(at(&path))?;
                for (k, bytes) in checkpoint.members.iter().enumerate() {
                    self.folder.replace(&format!("{members}/{}.gguf", k + 2), bytes)?;
                }
            }
            if !checkpoint.adapter.is_empty() {
                let adapter = format!("checkpoints/{:06}.adapter", record.step);
                let path = self.folder.path.join(&adapter);
                fs::create_dir_all(&path).map_err(at(&path))?;
                for (name, bytes) in &checkpoint.adapter {
                    self.folder.replace(&format!("{adapter}/{name}"), bytes)?;
                }
            }
        }
        self.folder.replace(STATE, &record.state)
    }
}

/// The newest checkpoint of a run's folder.
#[must_use]
pub fn newest_checkpoint(out: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(out.join("checkpoints")).ok()?;
    let files = entries.filter_map(|e| Some(e.ok()?.path()));
    // Only the file's own name counts: the folder may be called anything.
    let is_small = |p: &PathBuf| p.file_name().is_some_and(|name| name.to_string_lossy().contains(".q8_0"));
    files.filter(|p| p.extension().is_some_and(|e| e == "gguf") && !is_small(p)).max()
}
