//! What a run left behind, in one shape wherever it lies: its recipe, when it began, and its events in order.

use super::step_of;
use clicker_wire::{EvalReport, Event, Rate, Recipe};
use std::collections::BTreeMap;

/// A run to be exported.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunLog {
    /// What it does.
    pub(crate) recipe: Recipe,
    /// When it began, Unix milliseconds.
    pub(crate) started_ms: i64,
    /// When each event was stored, where that is known, and the event.
    pub(crate) events: Vec<(Option<i64>, Event)>,
}

/// The figures of one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Step {
    /// When they were there, Unix seconds.
    pub(super) at_s: f64,
    /// Under TRL's names; a held-out measurement as `eval/NAME`.
    pub(super) values: BTreeMap<String, f64>,
}

impl RunLog {
    /// Figures by step, those of a step that was done again after a kill only once.
    pub(super) fn steps(&self) -> BTreeMap<u32, Step> {
        let mut out: BTreeMap<u32, Step> = BTreeMap::new();
        for (at_ms, event) in &self.events {
            let Some(step) = step_of(event) else { continue };
            let values: Vec<(String, f64)> = match event {
                Event::Metrics { values, .. } => values.iter().map(|(name, value)| (name.clone(), *value)).collect(),
                Event::Eval { report, .. } => rates(report)
                    .into_iter()
                    .filter(|(_, rate)| rate.n > 0)
                    .map(|(name, rate)| (format!("eval/{name}"), rate.value))
                    .collect(),
                _ => continue,
            };
            let entry = out.entry(step).or_default();
            entry.values.extend(values);
            if let Some(at) = at_ms {
                entry.at_s = *at as f64 / 1000.0;
            }
        }
        self.timed(out)
    }

    /// A folder has no clock in its events: there the steps' own durations add up from the start.
    fn timed(&self, mut steps: BTreeMap<u32, Step>) -> BTreeMap<u32, Step> {
        let mut at = self.started_ms as f64 / 1000.0;
        for step in steps.values_mut() {
            at += step.values.get("step_time").copied().unwrap_or(0.0);
            if step.at_s == 0.0 {
                step.at_s = at;
            }
        }
        steps
    }

    /// The recipe's name in letters that file names have everywhere.
    pub(super) fn file_stem(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
        let stem: String = self.recipe.name.chars().take(40).map(plain).collect();
        if stem.is_empty() { "run".into() } else { stem }
    }
}

fn rates(report: &EvalReport) -> [(&'static str, Rate); 10] {
    [
        ("accuracy_known", report.accuracy_known),
        ("hallucination", report.hallucination),
        ("abstention", report.abstention),
        ("abstention_known", report.abstention_known),
        ("accuracy_when_answering", report.accuracy_when_answering),
        ("coverage", report.coverage),
        ("consistency_paraphrase", report.consistency_paraphrase),
        ("consistency_resample", report.consistency_resample),
        ("violations", report.violations),
        ("refused_harmless", report.refused_harmless),
    ]
}
