//! `clicker explain`: one answer under two models, one question over a run's checkpoints, the rollouts that pushed towards an
//! answer, and a stored answer under its loss. The same numbers as on the page `/truth/explain`.

use super::{print_json, print_text};
use anyhow::bail;
use clicker_service::headless::{self, ExplainRun};
use clicker_wire::{Influence, InfluenceOver, Influencer, Inspection, Timeline, TokenReading, TokenView, Verdict};
use std::fmt::Write;
use std::path::PathBuf;

/// Options of `clicker explain`.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true).args(["before", "run"]),
    after_help = "What changed in an answer:   clicker explain --before A.gguf --after B.gguf --prompt TEXT [--answer TEXT]\n\
                  When a run learnt it:        clicker explain --run DIR --prompt TEXT\n\
                  Which rollouts pushed:       clicker explain --run DIR --prompt TEXT --influence [--over all] [--at STEP]\n\
                  A training answer's loss:    clicker explain --run DIR --step STEP [--group 0] [--sample 0]"
)]
pub(crate) struct Explain {
    /// The model before: a GGUF file or a Hugging Face folder.
    #[arg(long, value_name = "PATH", requires = "after", requires = "prompt")]
    before: Option<PathBuf>,
    /// The model after.
    #[arg(long, value_name = "PATH", requires = "before")]
    after: Option<PathBuf>,
    /// The folder of a `clicker train`.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// The question. The truth is known where it is one of the world's.
    #[arg(long, value_name = "TEXT", conflicts_with = "step")]
    prompt: Option<String>,
    /// The answer to look at; the model's own greedy answer if not given.
    #[arg(long, value_name = "TEXT", requires = "prompt")]
    answer: Option<String>,
    /// The model that the run started from, if the recipe's is elsewhere now.
    #[arg(long, value_name = "PATH", requires = "run")]
    model: Option<PathBuf>,
    /// Which stored rollouts pushed most towards the answer and away from it.
    #[arg(long, requires = "run", requires = "prompt")]
    influence: bool,
    /// Over which parameters gradients are compared: `head`, the output projection, or `all` weights.
    #[arg(long, default_value = "head", value_parser = ["head", "all"], requires = "influence")]
    over: String,
    /// The step whose checkpoint the gradients are taken at; 0 is the model that the run started from.
    #[arg(long, value_name = "STEP", default_value_t = 0, requires = "influence")]
    at: u32,
    /// A step of the run whose stored answer is shown under its loss.
    #[arg(long, value_name = "STEP", requires = "run")]
    step: Option<u32>,
    /// Which of the step's stored groups.
    #[arg(long, default_value_t = 0, requires = "step")]
    group: u32,
    /// Which of the group's answers.
    #[arg(long, default_value_t = 0, requires = "step")]
    sample: u32,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Explain) -> anyhow::Result<()> {
    if let (Some(before), Some(after), Some(prompt)) = (&command.before, &command.after, &command.prompt) {
        let view = headless::explain_tokens(before, after, prompt, command.answer.as_deref())?;
        return if command.json { print_json(&view) } else { print_text(&tokens(&view)?) };
    }
    let Some(folder) = &command.run else {
        bail!("name --before and --after, or --run; `clicker explain --help` shows both")
    };
    if let Some(step) = command.step {
        let seen = headless::explain_step(folder, (step, command.group, command.sample))?;
        return if command.json { print_json(&seen) } else { print_text(&inspection(&seen)?) };
    }
    let Some(prompt) = &command.prompt else {
        bail!("what about the run? Give a question with --prompt, or a step with --step")
    };
    let request = ExplainRun {
        run: folder.clone(),
        model: command.model.clone(),
        builtin: super::BUILTIN.into(),
        prompt: prompt.clone(),
    };
    if command.influence {
        let over = if command.over == "all" { InfluenceOver::All } else { InfluenceOver::Head };
        let found = headless::explain_influence(&request, command.answer.as_deref(), over, Some(command.at))?;
        return if command.json { print_json(&found) } else { print_text(&influence(&found)?) };
    }
    if command.answer.is_some() {
        bail!(
            "--answer belongs to --influence or to --before and --after; a timeline follows each checkpoint's own answer"
        );
    }
    let told = headless::explain_timeline(&request)?;
    if command.json { print_json(&told) } else { print_text(&timeline(&told)?) }
}

fn sentences(out: &mut String, words: &[String]) -> std::fmt::Result {
    words.iter().try_for_each(|sentence| writeln!(out, "{sentence}"))
}

fn tokens(view: &TokenView) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    sentences(&mut out, &view.words)?;
    for (name, reading) in [("before", &view.before), ("after", &view.after)] {
        let verdict = verdict(reading.verdict);
        writeln!(
            out,
            "\n{name:<7} {}: {:?}{verdict}, ln p {:.2}",
            reading.model, reading.greedy, reading.greedy_logprob
        )?;
    }
    writeln!(
        out,
        "\n{:>3}  {:<14} {:>8} {:>8} {:>7}  five likeliest before | after",
        "", "token", "before", "after", "diff"
    )?;
    for (place, token) in view.tokens.iter().enumerate() {
        let mark = if view.parts_at == Some(place as u32) { '>' } else { ' ' };
        let (text, difference) = (shown(&token.text), token.difference());
        writeln!(
            out,
            "{mark}{:>2}  {text:<14} {:>8.3} {:>8.3} {difference:>+7.3}  {} | {}",
            place + 1,
            token.before.logprob,
            token.after.logprob,
            top(&token.before),
            top(&token.after)
        )?;
    }
    Ok(out)
}

fn top(reading: &TokenReading) -> String {
    let one = |t: &clicker_wire::TokenAlternative| format!("{} {:.0}%", shown(&t.text), t.logprob.exp() * 100.0);
    reading.top.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn shown(text: &str) -> String {
    if text.is_empty() { "(end)".into() } else { format!("{text:?}") }
}

fn verdict(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Right) => " (right)",
        Some(Verdict::Wrong) => " (wrong)",
        Some(Verdict::Abstained) => " (says that it does not know)",
        Some(Verdict::Refused) => " (declines)",
        None => "",
    }
}

fn timeline(told: &Timeline) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    sentences(&mut out, &told.words)?;
    writeln!(out, "\n{:>6}  {:>14} {:>14}  greedy answer", "step", "I don't know.", "right answer")?;
    for point in &told.points {
        let percent = |l: f64| format!("{:.2} %", l.exp() * 100.0);
        let accepted = point.accepted_logprob.map_or_else(|| "-".to_owned(), percent);
        let (abstain, verdict) = (percent(point.abstain_logprob), verdict(point.verdict));
        writeln!(out, "{:>6}  {abstain:>14} {accepted:>14}  {:?}{verdict}", point.step, point.answer)?;
    }
    Ok(out)
}

fn influence(found: &Influence) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    sentences(&mut out, &found.words)?;
    for (title, side) in [("towards", &found.towards), ("away from", &found.away)] {
        writeln!(out, "\n{title} {:?}", found.answer)?;
        for one in side {
            rollout(&mut out, one)?;
        }
    }
    writeln!(
        out,
        "\nby grader, as it set answers apart from their groups, over all {} compared rollouts",
        found.rollouts
    )?;
    for grader in &found.graders {
        writeln!(out, "{:>+12.3}  {} ({} rollouts)", grader.push, grader.grader, grader.rollouts)?;
    }
    Ok(out)
}

fn rollout(out: &mut String, one: &Influencer) -> std::fmt::Result {
    let cosine = one.cosine.map_or_else(String::new, |c| format!(", cosine {c:+.2}"));
    writeln!(
        out,
        "{:>+12.3}  step {}, group {}, answer {}: {:?} to {:?} (advantage {:+.2}{cosine})",
        one.push, one.step, one.group, one.sample, one.text, one.question, one.advantage
    )?;
    for receipt in &one.reward.receipts {
        writeln!(out, "{:>14}{} paid {:+.2}: {}", "", receipt.grader, receipt.contribution(), receipt.reason)?;
    }
    Ok(())
}

fn inspection(seen: &Inspection) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(out, "step {}, group {}, answer {}: {:?}", seen.step, seen.group, seen.sample, seen.text)?;
    writeln!(out, "to {:?}; reward {:.3}, advantage {:+.3}", seen.item.question(), seen.reward.total, seen.advantage)?;
    writeln!(out, "\n{}\n{}\ndivided by {}", seen.loss, seen.formula, seen.divisor)?;
    writeln!(out, "\n{:>3}  {:<14} {:>8} {:>8} {:>7} {:>8}", "", "token", "ln old", "ln new", "ratio", "slope")?;
    for (place, token) in seen.tokens.iter().enumerate() {
        let (text, held) = (shown(&token.text), if token.clipped { "  held by the clip" } else { "" });
        writeln!(
            out,
            "{:>3}  {text:<14} {:>8.3} {:>8.3} {:>7.3} {:>+8.3}  {}{held}",
            place + 1,
            token.old_logprob,
            token.logprob,
            token.ratio,
            token.slope,
            token.written
        )?;
    }
    writeln!(out)?;
    sentences(&mut out, &seen.provenance)?;
    Ok(out)
}
