//! Sections of a suite's report as text: a line per figure, a table per group, the answers behind them.

use clicker_wire::{Role, SuiteExample, SuiteFigure, SuiteSection, SuiteUnit};
use std::fmt::{Error, Write};

/// Widest name of a figure and of a group.
const NAMES: usize = 62;
/// Longest prompt that is shown whole.
const PROMPT: usize = 300;

/// One section.
pub(super) fn text(section: &SuiteSection) -> Result<String, Error> {
    let mut out = format!("\n{}\n", section.title.to_uppercase());
    for note in &section.notes {
        writeln!(out, "  ({note})")?;
    }
    for figure in section.figures.iter().filter(|f| f.group.is_none()) {
        writeln!(out, "{:<NAMES$} {}", figure.title, number(figure))?;
    }
    groups(&mut out, section)?;
    for example in &section.examples {
        self::example(&mut out, example)?;
    }
    Ok(out)
}

/// A figure with its interval and n; a dash where nothing was measured.
fn number(figure: &SuiteFigure) -> String {
    let SuiteFigure { value, low, high, n, .. } = figure;
    match (figure.unit, n) {
        (_, 0) => format!("{:>8}   {:<18} n = 0", "-", ""),
        (SuiteUnit::Share, _) => {
            let [value, low, high] = [value, low, high].map(|x| x * 100.0);
            format!("{value:>6.1} %   {:<18} n = {n}", format!("[{low:.1}, {high:.1}]"))
        }
        (SuiteUnit::Number, _) => format!("{value:>8.3}   {:<18} n = {n}", format!("[{low:.3}, {high:.3}]")),
    }
}

/// Groups that have the same figures, one line each: what is in the columns stands above.
fn groups(out: &mut String, section: &SuiteSection) -> Result<(), Error> {
    let mut names: Vec<&str> = Vec::new();
    for name in section.figures.iter().filter_map(|f| f.group.as_deref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        writeln!(out, "  {name}")?;
        for figure in section.figures.iter().filter(|f| f.group.as_deref() == Some(name)) {
            writeln!(out, "    {:<width$} {}", figure.title, number(figure), width = NAMES - 4)?;
        }
    }
    Ok(())
}

fn example(out: &mut String, example: &SuiteExample) -> Result<(), Error> {
    let score = example.score.map_or_else(String::new, |score| format!(", score {score:.3}"));
    writeln!(out, "\n  {} ({}{score})", example.of, example.item)?;
    for message in &example.prompt {
        let who = match message.role {
            Role::System => "system",
            Role::User => "asked",
            Role::Assistant => "said",
        };
        let mut text: String = message.content.chars().take(PROMPT).collect();
        if text.len() < message.content.len() {
            text.push_str(" ...");
        }
        writeln!(out, "    {who:<8} {text}")?;
    }
    if let Some(clean) = &example.clean {
        writeln!(out, "    {:<8} {clean}", "before")?;
    }
    writeln!(out, "    {:<8} {}   (wanted: {})", "answer", example.answer, example.wanted)?;
    for receipt in &example.receipts {
        let score = receipt.score.map_or_else(|| "-".to_owned(), |score| format!("{score:.3}"));
        writeln!(out, "    {:<8} {} {score} {}", "receipt", receipt.grader, receipt.reason)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::{Better, Rate};

    #[test]
    fn a_section_is_read_line_by_line() {
        let share = |hits, n| SuiteFigure::share("x", "lost", Better::Lower, Rate::of(hits, n));
        let figures =
            vec![share(1, 4), share(0, 0), SuiteFigure::number("y", "gap", Better::Lower, None), share(1, 2).of("a")];
        let section = SuiteSection {
            name: "s".into(),
            title: "Attacks".into(),
            notes: vec!["note".into()],
            figures,
            examples: Vec::new(),
        };
        let text = text(&section).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1..3], ["ATTACKS", "  (note)"]);
        assert!(lines[3].contains("25.0 %") && lines[3].ends_with("n = 4"), "{text}");
        assert!(lines[4].contains('-') && lines[5].ends_with("n = 0"));
        assert_eq!(lines[6], "  a");
        assert!(lines[7].contains("50.0 %"));
    }
}
