//! A suite on one model, from files to files: prompts that were found before come in, new ones go out, a threshold is written into the
//! model's file.

use super::{HeadlessError, Result, at, load, own_suite};
use clicker_dataset::World;
use clicker_dataset::perturb::kept::{grown, read};
use clicker_lm::Compute;
use clicker_lm::weights::gguf;
use clicker_train::eval::spread;
use clicker_train::rollout::Language;
use clicker_train::suites::{Done, Suite, SuiteOptions, further_rules, run};
use clicker_wire::{AskPerson, Calibration, ConfidenceSource, Split, SuiteReport};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The key of a model file under which its threshold stands, as JSON.
const THRESHOLD_KEY: &str = "clicker.ask_person";

/// What to measure.
#[derive(Clone, Debug)]
pub struct SuiteRequest {
    /// A GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// A suite by its name, or a file of rows.
    pub suite: String,
    /// Seed of the world.
    pub world_seed: u64,
    /// Which of the world's questions are asked: `Eval`, or `Rl` to make a suite that is meant to be trained on.
    pub split: Split,
    /// At most this many questions; 0 means all.
    pub items: usize,
    /// How the suite is run.
    pub options: SuiteOptions,
    /// The file of found prompts that grows.
    pub keep: Option<PathBuf>,
    /// What judges the answers to rows of one's own: a reward's JSON, or one of OpenAI's graders.
    pub grader: Option<PathBuf>,
    /// With which score an answer to such a row passes.
    pub pass: f64,
    /// The model that a grader means by `builtin`.
    pub builtin: PathBuf,
    /// Where the model computes.
    pub compute: Compute,
    /// The confidence whose threshold is written into the model's file; none writes nothing.
    pub write_threshold: Option<ConfidenceSource>,
}

/// What was measured and written.
#[derive(Clone, Debug)]
pub struct SuiteDone {
    /// The figures.
    pub report: SuiteReport,
    /// What became of the file of found prompts.
    pub kept: Option<Kept>,
    /// The threshold that was written.
    pub threshold: Option<AskPerson>,
}

/// A file of found prompts, grown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Prompts that it held before, all asked first.
    pub before: usize,
    /// Prompts that were added.
    pub added: usize,
}

/// Measure.
///
/// # Errors
/// An unknown suite; a model, a file or a grader that cannot be used; a result that cannot be written.
pub fn evaluate_suite(request: &SuiteRequest) -> Result<SuiteDone> {
    let alpha = request.options.alpha;
    if !(alpha > 0.0 && alpha < 1.0) {
        return refuse(format!("alpha is {alpha}; it is a share, above 0 and below 1, such as 0.1"));
    }
    let Some(suite) = Suite::named(&request.suite) else { return of_file(request) };
    if request.grader.is_some() {
        return refuse(format!("--grader judges rows of a file; `{}` judges by itself", request.suite));
    }
    let measures = matches!(suite, Suite::World | Suite::All);
    if request.write_threshold.is_some() && !measures {
        return refuse("a threshold comes from calibration: use the suite `world` or `all` to write one".into());
    }
    if request.keep.is_some() && !matches!(suite, Suite::Robustness | Suite::All) {
        return refuse("--keep keeps what a search finds: use the suite `robustness` or `all` with it".into());
    }
    let old = match &request.keep {
        Some(path) => match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(at(path)(e)),
        },
        None => Vec::new(),
    };
    // Before anything is asked: a file that is something else must not cost an evaluation, and is never written over.
    let kept = read(&old).map_err(|e| named(request.keep.as_deref(), &e))?;
    let before = kept.len();
    let model = load(&request.model)?.on(&request.compute)?;
    let world = World::new(request.world_seed);
    let items = spread(world.items(request.split), request.items);
    let further_rules = further_rules(&world, suite, request.split);
    let options = SuiteOptions { kept, further_rules, ..request.options.clone() };
    let Done { report, found } = run(suite, &model.snapshot, &Language::of(&model)?, &items, &options)?;
    let kept = match &request.keep {
        Some(path) => {
            let (bytes, added) = grown(&old, &found).map_err(|e| named(Some(path), &e))?;
            replace(path, &bytes)?;
            Some(Kept { before, added })
        }
        None => None,
    };
    let threshold = match request.write_threshold {
        Some(source) => Some(write_threshold(&request.model, &report, source)?),
        None => None,
    };
    Ok(SuiteDone { report, kept, threshold })
}

/// The split of this name that suites may ask.
///
/// # Errors
/// Another name.
pub fn question_split(name: &str) -> Result<Split> {
    match name {
        "eval" => Ok(Split::Eval),
        "rl" => Ok(Split::Rl),
        other => refuse(format!("`{other}` is no split to ask; use `eval`, or `rl` for prompts to train on")),
    }
}

fn of_file(request: &SuiteRequest) -> Result<SuiteDone> {
    let file = Path::new(&request.suite);
    if !file.exists() {
        let names: Vec<&str> = Suite::ALL.iter().map(|(_, name, _)| *name).collect();
        return refuse(format!(
            "suite `{}` is unknown, and no file is there; the suites are {}, or give a JSONL file with --grader",
            request.suite,
            names.join(", ")
        ));
    }
    if request.write_threshold.is_some() || request.keep.is_some() {
        return refuse("--write-threshold and --keep go with the built-in suites, not with a file".into());
    }
    Ok(SuiteDone { report: own_suite(request)?, kept: None, threshold: None })
}

/// The threshold of a source in a report.
pub(crate) fn threshold_of(report: &SuiteReport, source: ConfidenceSource) -> Option<AskPerson> {
    let found = report.measured.as_ref()?.calibration.iter().find(|c| c.source == source);
    found.map(|Calibration { source, conformal, .. }| AskPerson {
        source: *source,
        threshold: conformal.threshold,
        alpha: conformal.alpha,
        chosen_on: conformal.chosen_on,
    })
}

fn write_threshold(model: &Path, report: &SuiteReport, source: ConfidenceSource) -> Result<AskPerson> {
    let Some(threshold) = threshold_of(report, source) else {
        return refuse(format!(
            "no answer has a confidence from `{}`, so there is no threshold to write",
            source.title()
        ));
    };
    if model.is_dir() {
        return refuse("a threshold is written into a GGUF file, not into a folder; export the model first".into());
    }
    let text = serde_json::to_string(&threshold).map_err(|e| HeadlessError::Request(e.to_string()))?;
    let bytes = fs::read(model).map_err(at(model))?;
    replace(model, &gguf::with_text(&bytes, THRESHOLD_KEY, &text)?)?;
    Ok(threshold)
}

/// Write a file so that whoever reads it, or cuts the power, sees the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let fresh = folder.join(format!(".{name}.{}", std::process::id()));
    let write = || {
        let mut file = fs::File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|e| {
        // What is left of it is of no use; the error that counts is the first.
        let _ = fs::remove_file(&fresh);
        at(path)(e)
    })
}

fn named(path: Option<&Path>, problem: &clicker_dataset::Error) -> HeadlessError {
    let path = path.map_or_else(String::new, |p| format!("{}: ", p.display()));
    HeadlessError::Request(format!("{path}{problem}"))
}

fn refuse<T>(why: String) -> Result<T> {
    Err(HeadlessError::Request(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_lm::weights::gguf::Value;

    const BUILTIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../public/models/builtin.gguf");

    fn request(suite: &str) -> SuiteRequest {
        SuiteRequest {
            model: BUILTIN.into(),
            suite: suite.into(),
            world_seed: 1,
            split: Split::Eval,
            items: 40,
            options: SuiteOptions { resamples: 2, tries: 2, searched: 10, ..SuiteOptions::default() },
            keep: None,
            grader: None,
            pass: 0.5,
            builtin: BUILTIN.into(),
            compute: Compute::cpu(),
            write_threshold: None,
        }
    }

    /// Every figure of the report, checked for what has to hold of any.
    fn sound(report: &SuiteReport) {
        for section in &report.sections {
            for f in &section.figures {
                assert!(f.low <= f.value && f.value <= f.high, "{} {}: {f:?}", section.name, f.name);
                assert!(f.value.is_finite(), "{f:?}");
            }
        }
    }

    #[test]
    fn every_suite_runs_on_the_builtin_model_and_is_the_same_twice() {
        let all = evaluate_suite(&request("all")).expect("runs").report;
        sound(&all);
        let names: Vec<&str> = all.sections.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["consistency", "attacks", "search", "rules", "name_pairs", "names", "groups", "reasoning"]);
        assert!(all.measured.is_some());
        let reasoning = &all.sections[7];
        assert!(reasoning.notes[0].starts_with("shows no steps") && reasoning.figures[1].n == 0, "{reasoning:?}");
        let alone = evaluate_suite(&request("consistency")).expect("runs").report;
        assert_eq!(alone.sections, all.sections[..1], "a suite alone has the figures that it has among all");
    }

    #[test]
    fn found_prompts_are_kept_asked_first_and_can_be_trained_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let keep = folder.path().join("found.jsonl");
        let request = SuiteRequest { keep: Some(keep.clone()), ..request("robustness") };
        let first = evaluate_suite(&request).expect("runs");
        let Some(Kept { before: 0, added }) = first.kept else { panic!("{:?}", first.kept) };
        assert!(added > 0, "the built-in model falls for something");
        let bytes = fs::read(&keep).expect("written");
        let second = evaluate_suite(&request).expect("runs");
        assert_eq!(second.kept, Some(Kept { before: added, added: 0 }), "the same search finds the same");
        assert_eq!(fs::read(&keep).expect("there"), bytes);
        let kept = &second.report.sections[0];
        assert_eq!((kept.name.as_str(), kept.figures[0].n as usize, kept.figures[0].value), ("kept", added, 1.0));
        let rows = clicker_dataset::rows::read(&bytes).expect("rows of a data file");
        assert_eq!(rows.questions().expect("questions").len(), added);
        fs::write(&keep, "my diary\n").expect("written");
        let refused = evaluate_suite(&request).expect_err("no rows").to_string();
        assert!(refused.contains("found.jsonl") && fs::read(&keep).expect("there") == b"my diary\n", "{refused}");
    }

    #[test]
    fn a_threshold_travels_with_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let model = folder.path().join("model.gguf");
        fs::copy(BUILTIN, &model).expect("copied");
        let plain = load(&model).expect("a model").snapshot.last_logits(&[1, 2]).expect("logits");
        let request =
            SuiteRequest { model: model.clone(), write_threshold: Some(ConfidenceSource::Tokens), ..request("world") };
        let written = evaluate_suite(&request).expect("runs").threshold.expect("a threshold");
        let bytes = fs::read(&model).expect("there");
        let header = gguf::read(&bytes).expect("a model").header;
        let Some(Value::Text(text)) = header.metadata.get(THRESHOLD_KEY) else { panic!("no key") };
        assert_eq!(serde_json::from_str::<AskPerson>(text).expect("JSON"), written);
        assert_eq!(load(&model).expect("a model").snapshot.last_logits(&[1, 2]).expect("logits"), plain);
        let silent = SuiteRequest { write_threshold: Some(ConfidenceSource::Stated), ..request };
        let refused = evaluate_suite(&silent).expect_err("it states none").to_string();
        assert!(refused.contains("stated"), "{refused}");
    }

    #[test]
    fn mistakes_are_named() {
        let said = |request: SuiteRequest| evaluate_suite(&request).expect_err("refused").to_string();
        assert!(said(request("wrold")).contains("world, consistency"));
        assert!(said(SuiteRequest { grader: Some("g.json".into()), ..request("world") }).contains("--grader"));
        assert!(said(SuiteRequest { keep: Some("k.jsonl".into()), ..request("safety") }).contains("--keep"));
        let written = SuiteRequest { write_threshold: Some(ConfidenceSource::Tokens), ..request("safety") };
        assert!(said(written).contains("`world` or `all`"));
        assert!(question_split("sft").is_err());
    }
}
