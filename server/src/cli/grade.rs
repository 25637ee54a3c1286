//! `clicker grade`: one of OpenAI's graders over a file of samples.

use anyhow::Context;
use clicker_service::headless::{self, GradeRequest, GradeSummary, GradedLine, Receipt};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Options of `clicker grade`.
#[derive(Debug, clap::Args)]
pub(crate) struct Grade {
    /// A grader as OpenAI's API takes it, JSON.
    #[arg(long, value_name = "FILE")]
    grader: PathBuf,
    /// Samples, one JSON object a line: the answer under `sample` (a text, or an object with `output_text`), the rest of the line
    /// as `item`, or the item under `item`.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The model that judges for score_model and label_model, whatever model the grader names: a GGUF file, a Hugging Face folder,
    /// or `builtin`, the shipped one. Without it, only graders that name `builtin` have a judge.
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// Print a receipt a line as JSON instead of the table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Grade) -> anyhow::Result<()> {
    let request = GradeRequest {
        grader: command.grader.clone(),
        input: command.input.clone(),
        model: command
            .model
            .clone()
            .map(|path| if path == Path::new("builtin") { super::BUILTIN.into() } else { path }),
        builtin: super::BUILTIN.into(),
    };
    // A file that cannot be measured cannot be read either, and then the reading says why.
    let bar = ProgressBar::new(std::fs::metadata(&command.input).map_or(0, |file| file.len()));
    bar.set_style(ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {elapsed} of about {duration}")?);
    let mut failed = None;
    let summary = headless::grade(&request, &mut |line, read| {
        bar.set_position(read);
        match line {
            GradedLine::Receipt(receipt) if command.json && failed.is_none() => {
                failed = bar.suspend(|| write_line(receipt)).err();
            }
            GradedLine::Receipt(_) => {}
            GradedLine::Bad { line, problem } => {
                bar.suspend(|| eprintln!("{}, line {line}: {problem}", command.input.display()));
            }
        }
    });
    bar.finish_and_clear();
    let summary = summary?;
    match failed {
        // Whoever read has seen enough, as after `| head`.
        Some(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
        Some(error) => return Err(error).context("the receipts cannot be written"),
        None => {}
    }
    if !command.json {
        print!("{}", table(&summary));
    }
    if summary.bad > 0 {
        eprintln!("{} of {} lines could not be read", summary.bad, summary.bad + summary.graded);
    }
    Ok(())
}

/// A receipt on standard output. `println!` would panic where nobody reads on.
fn write_line(receipt: &Receipt) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, receipt)?;
    out.write_all(b"\n")
}

/// A row per grader: the whole first, then the parts of a multi.
fn table(summary: &GradeSummary) -> String {
    let longest = summary.scores.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let width = longest.clamp(8, 40) + 2;
    let mut out = format!(
        "{:<width$}{:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
        "grader", "n", "mean", "std", "min", "max", "errors"
    );
    for (index, (name, s)) in summary.scores.iter().enumerate() {
        let name = if index == 0 { name.clone() } else { format!("  {name}") };
        let numbers = [s.mean, s.std, s.min, s.max].map(|number| match s.n {
            0 => format!("{:>8}", "-"),
            _ => format!("{number:>8.4}"),
        });
        let share = match summary.graded {
            0 => "-".into(),
            lines => format!("{:.1} %", s.errors as f64 / lines as f64 * 100.0),
        };
        out += &format!("{name:<width$}{:>8} {} {share:>8}\n", s.n, numbers.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_service::headless::Scores;

    #[test]
    fn the_table_has_a_row_per_grader() {
        let some = Scores { n: 4, mean: 0.5, std: 0.25, min: 0.0, max: 1.0, errors: 1 };
        let none =
            Scores { n: 0, mean: f64::NAN, std: f64::NAN, min: f64::INFINITY, max: f64::NEG_INFINITY, errors: 4 };
        let scores = vec![("all".to_owned(), some), ("close".to_owned(), none)];
        let expected = "\
grader           n     mean      std      min      max   errors
all              4   0.5000   0.2500   0.0000   1.0000   25.0 %
  close          0        -        -        -        -  100.0 %
";
        assert_eq!(table(&GradeSummary { graded: 4, bad: 0, scores }), expected);
        assert!(table(&GradeSummary::default()).starts_with("grader"));
    }
}
