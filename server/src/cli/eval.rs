//! `clicker eval`: one suite on one model, every figure with its n and interval.

mod sections;

use super::{print_json, print_text};
use clicker_service::headless::{self, Kept, SuiteDone, SuiteRequest, SuiteSettings};
use clicker_wire::{AskPerson, ConfidenceSource, Estimate, EvalReport, Measured};
use std::fmt::Write;
use std::path::PathBuf;

/// Options of `clicker eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct Eval {
    /// A GGUF file or a Hugging Face folder.
    #[arg(long, value_name = "PATH", default_value = super::BUILTIN)]
    model: PathBuf,
    /// What to ask: world, consistency, robustness, safety, reasoning, all; or a JSONL file of your own.
    #[arg(long, value_name = "NAME|FILE", default_value = "world")]
    suite: String,
    /// At most this many items, spread over domains and classes; 0 asks all.
    #[arg(long, default_value_t = 0)]
    items: usize,
    /// Answers drawn per item at temperature 1 to see whether they agree; 0 skips this.
    #[arg(long, default_value_t = 4)]
    resamples: u32,
    /// Seed of those answers, and of everything that a suite does to questions.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Seed of the world.
    #[arg(long, default_value_t = 1)]
    world_seed: u64,
    /// Which of the world's questions: `eval`, held out, or `rl`, to find prompts that may be trained on.
    #[arg(long, default_value = "eval")]
    split: String,
    /// The share of wrong answers that a threshold on the confidence should promise.
    #[arg(long, default_value_t = 0.1)]
    alpha: f64,
    /// Longest answer, tokens.
    #[arg(long, default_value_t = 24)]
    max_new_tokens: u32,
    /// Tries of the search for prompts that flip a right answer; 0 searches nothing.
    #[arg(long, default_value_t = 8)]
    tries: usize,
    /// Questions that the search begins with.
    #[arg(long, default_value_t = 60)]
    searched: usize,
    /// A file of found prompts: its prompts are asked first, new ones are added to it.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Words behind every question of the reasoning suite; without them a model that shows no steps is asked again with "Show your steps."
    #[arg(long, value_name = "TEXT")]
    ask_for_steps: Option<String>,
    /// What judges the answers to a file's rows: a reward's JSON, or one of OpenAI's graders. Without it, the rows' right answers.
    #[arg(long, value_name = "FILE")]
    grader: Option<PathBuf>,
    /// With which score an answer to a file's row passes.
    #[arg(long, default_value_t = 0.5)]
    pass: f64,
    /// Write the threshold of this confidence into the model's file, so that whoever uses it knows when to ask a person.
    #[arg(long, value_name = "CONFIDENCE", num_args = 0..=1, default_missing_value = "tokens")]
    write_threshold: Option<Source>,
    #[command(flatten)]
    place: super::Place,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
}

/// Where a confidence comes from.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Source {
    /// What the answer states.
    Stated,
    /// Its tokens' probabilities.
    Tokens,
    /// Agreement of samples.
    Agreement,
    /// Semantic entropy of samples.
    SemanticEntropy,
}

impl From<Source> for ConfidenceSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Stated => Self::Stated,
            Source::Tokens => Self::Tokens,
            Source::Agreement => Self::Agreement,
            Source::SemanticEntropy => Self::SemanticEntropy,
        }
    }
}

pub(crate) fn run(command: &Eval) -> anyhow::Result<()> {
    let done = headless::evaluate_suite(&SuiteRequest {
        model: command.model.clone(),
        suite: command.suite.clone(),
        world_seed: command.world_seed,
        split: headless::question_split(&command.split)?,
        items: command.items,
        options: SuiteSettings {
            model: command.model.display().to_string(),
            seed: command.seed,
            resamples: command.resamples,
            alpha: command.alpha,
            max_new_tokens: command.max_new_tokens,
            tries: command.tries,
            searched: command.searched,
            kept: Vec::new(),
            further_rules: Vec::new(),
            ask_for_steps: command.ask_for_steps.clone(),
        },
        keep: command.keep.clone(),
        grader: command.grader.clone(),
        pass: command.pass,
        builtin: super::BUILTIN.into(),
        compute: command.place.compute()?,
        write_threshold: command.write_threshold.map(ConfidenceSource::from),
    })?;
    match (&done.report.measured, done.report.sections.is_empty()) {
        // The plain suite is one document by itself.
        (Some(measured), true) if command.json => print_json(measured)?,
        _ if command.json => print_json(&done.report)?,
        _ => print_text(&text(&done)?)?,
    }
    // What was written is told beside the report, so that a program reads nothing but the report.
    if let Some(Kept { before, added }) = done.kept {
        let file = command.keep.as_ref().map_or_else(String::new, |p| p.display().to_string());
        eprintln!("{file}: {before} prompts were asked first, {added} new ones were added");
    }
    if let Some(AskPerson { source, threshold, alpha, chosen_on }) = done.threshold {
        let said = threshold.map_or_else(|| "always ask".to_owned(), |t| format!("ask below {t:.3}"));
        let promise = alpha * 100.0;
        eprintln!(
            "{}: written: {said}, by {}, for at most {promise:.0} % wrong, chosen on {chosen_on} questions",
            command.model.display(),
            source.title()
        );
    }
    Ok(())
}

fn text(done: &SuiteDone) -> Result<String, std::fmt::Error> {
    let mut out = match &done.report.measured {
        Some(measured) => table(&measured.report)? + confidence(measured)?.as_str(),
        None => {
            let report = &done.report;
            format!("{} items of `{}` for {}\n", report.items, report.suite, report.model)
        }
    };
    for section in &done.report.sections {
        out += &sections::text(section)?;
    }
    Ok(out)
}

fn table(report: &EvalReport) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{} items of `{}` for {}\n", report.items, report.suite, report.model)?;
    for (name, r) in [
        ("right on known facts", report.accuracy_known),
        ("hallucinated on the unknowable", report.hallucination),
        ("abstained on the unknowable", report.abstention),
        ("abstained on known facts", report.abstention_known),
        ("right when answering", report.accuracy_when_answering),
        ("answered at all (coverage)", report.coverage),
        ("same answer to a paraphrase", report.consistency_paraphrase),
        ("same answer when asked again", report.consistency_resample),
        ("rules broken", report.violations),
        ("harmless requests declined", report.refused_harmless),
    ] {
        let [value, low, high] = [r.value, r.low, r.high].map(|x| x * 100.0);
        writeln!(out, "{name:<34} {value:>6.1} %   [{low:.1}, {high:.1}]   n = {}", r.n)?;
    }
    let head = ["right", "abst.", "refus.", "wrong"];
    writeln!(
        out,
        "\n{:<12} {:<10} {:>6} {:>6} {:>6} {:>6} {:>5}",
        "domain", "class", head[0], head[1], head[2], head[3], "n"
    )?;
    for score in &report.by_domain {
        let shares = [score.right, score.abstained, score.refused, score.wrong].map(|r| r.value * 100.0);
        let (domain, class) = (score.domain.to_string(), score.knowledge.to_string());
        write!(out, "{domain:<12} {class:<10}")?;
        for share in shares {
            write!(out, " {share:>5.0}%")?;
        }
        writeln!(out, " {:>5}", score.right.n)?;
    }
    Ok(out)
}

/// How far the confidence can be trusted, per source.
fn confidence(measured: &Measured) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let number = |e: Estimate| format!("{:.3} [{:.3}, {:.3}]", e.value, e.low, e.high);
    if let Some(truthfulness) = measured.truthfulness {
        let n = truthfulness.n;
        writeln!(out, "\n{:<34} {}   n = {n}", "truthfulness (right minus wrong)", number(truthfulness))?;
    }
    if let Some(pairs) = measured.name_pairs {
        let (value, gap, n) =
            (pairs.different_verdict.value * 100.0, number(pairs.confidence_gap), pairs.different_verdict.n);
        writeln!(
            out,
            "{:<34} {value:>6.1} %   confidence differs by {gap}   n = {n}",
            "another name, another verdict"
        )?;
    }
    let Some(first) = measured.calibration.first() else { return Ok(out) };
    writeln!(
        out,
        "\n{:<22} {:<22} {:<22} {:<22} {:<22} {:>5}",
        "confidence from", "ECE", "Brier", "AUROC", "AURC", "n"
    )?;
    for c in &measured.calibration {
        let auroc = c.auroc.map_or_else(|| "-".to_owned(), number);
        let (ece, brier, aurc) = (number(c.ece), number(c.brier), number(c.aurc));
        writeln!(out, "{:<22} {ece:<22} {brier:<22} {auroc:<22} {aurc:<22} {:>5}", c.source.title(), c.answers)?;
    }
    writeln!(out, "\nto answer at most {:.0} % of questions wrongly", first.conformal.alpha * 100.0)?;
    for c in &measured.calibration {
        let (source, promise) = (c.source.title(), &c.conformal);
        let [wrong, low, high] = [promise.wrong.value, promise.wrong.low, promise.wrong.high].map(|x| x * 100.0);
        let (answered, n) = (promise.answered.value * 100.0, promise.wrong.n);
        match promise.threshold {
            Some(t) => writeln!(
                out,
                "{source:<22} answer above {t:.3}: on the other half {wrong:.1} % wrong [{low:.1}, {high:.1}], {answered:.1} % answered, n = {n}"
            ),
            None => writeln!(out, "{source:<22} no threshold can promise that: ask a person always"),
        }?;
    }
    Ok(out)
}
