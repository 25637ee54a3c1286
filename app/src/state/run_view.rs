//! A run as its events tell it: folds the event stream into what pages show.

use clicker_wire::{DryRun, EvalReport, Event, Manifest, RunEvent, RunStatus, SampleGroup, WeightChange};
use std::collections::BTreeMap;

/// Everything that the events so far have said.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunView {
    /// Number of the last event.
    pub(crate) seq: u64,
    /// The last status, none before the first.
    pub(crate) status: Option<RunStatus>,
    /// What came with it.
    pub(crate) message: Option<String>,
    /// The last step done.
    pub(crate) step: u32,
    /// Metric by name, then by step.
    pub(crate) metrics: BTreeMap<String, Vec<(f64, f64)>>,
    /// When each of the last steps ended, Unix milliseconds.
    recent: Vec<i64>,
    /// Held-out measurements by steps done.
    pub(crate) evals: BTreeMap<u32, EvalReport>,
    /// Sampled groups by step.
    pub(crate) samples: BTreeMap<u32, Vec<SampleGroup>>,
    /// Checkpoints by steps done.
    pub(crate) checkpoints: BTreeMap<u32, Manifest>,
    /// What looks wrong.
    pub(crate) alarms: Vec<Alarm>,
    /// The reward, tried before the first step.
    pub(crate) dry_run: Option<Tried>,
    /// How the reward's weights changed, in order.
    pub(crate) changes: Vec<WeightChange>,
}

/// A dry run, and why its stop was waived if it was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tried {
    pub(crate) report: DryRun,
    pub(crate) waived: Option<String>,
}

/// Something that looks wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) step: u32,
    pub(crate) name: String,
    pub(crate) cause: String,
    pub(crate) remedy: String,
}

/// Steps over which the time per step is averaged.
const WINDOW: usize = 20;

impl RunView {
    /// Takes in one event. Events seen before (a replay after a reconnect) change nothing.
    pub(crate) fn apply(&mut self, event: RunEvent) {
        if event.seq <= self.seq {
            return;
        }
        self.seq = event.seq;
        match event.event {
            Event::Token { .. } => {}
            Event::Status { status, message } => {
                if status != RunStatus::Running {
                    self.recent.clear();
                }
                (self.status, self.message) = (Some(status), message);
            }
            Event::Metrics { step, values } => {
                self.step = self.step.max(step);
                self.recent.push(event.at_ms);
                if self.recent.len() > WINDOW {
                    self.recent.remove(0);
                }
                for (name, value) in values {
                    let line = self.metrics.entry(name).or_default();
                    // A step that is done again after a crash replaces what it said before.
                    line.retain(|(at, _)| *at < f64::from(step));
                    line.push((f64::from(step), value));
                }
            }
            Event::Samples { step, groups } => {
                self.samples.insert(step, groups);
            }
            Event::Eval { step, report } => {
                self.evals.insert(step, report);
            }
            Event::Checkpoint { step, manifest } => {
                self.checkpoints.insert(step, manifest);
            }
            Event::Weights { changes, .. } => self.changes.extend(changes),
            Event::DryRun { report, waived } => self.dry_run = Some(Tried { report, waived }),
            Event::Alarm { step, name, cause, remedy } => {
                let alarm = Alarm { step, name, cause, remedy };
                match self.alarms.iter_mut().find(|a| a.name == alarm.name) {
                    Some(known) => *known = alarm,
                    None => self.alarms.push(alarm),
                }
            }
        }
    }

    /// One metric's line.
    pub(crate) fn line(&self, name: &str) -> Vec<(f64, f64)> {
        self.metrics.get(name).cloned().unwrap_or_default()
    }

    /// One metric over another, where both were measured, in the order of the other.
    pub(crate) fn over(&self, x: &str, y: &str) -> Vec<(f64, f64)> {
        let (xs, ys) = (self.line(x), self.line(y));
        let y_at = |step: f64| ys.iter().find(|(at, _)| *at == step).map(|(_, y)| *y);
        let mut points: Vec<(f64, f64)> = xs.iter().filter_map(|(step, x)| Some((*x, y_at(*step)?))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }

    /// The graders whose costs are limited.
    pub(crate) fn constraints(&self) -> Vec<String> {
        let inner = |name: &String| Some(name.strip_prefix("constraints/")?.strip_suffix("/multiplier")?.to_owned());
        self.metrics.keys().filter_map(inner).collect()
    }

    /// The graders whose weights move.
    pub(crate) fn moving_weights(&self) -> Vec<String> {
        self.metrics.keys().filter_map(|name| Some(name.strip_prefix("weights/")?.to_owned())).collect()
    }

    /// Names and lines of the graders' means.
    pub(crate) fn graders(&self) -> Vec<(String, Vec<(f64, f64)>)> {
        let inner = |name: &str| Some(name.strip_prefix("rewards/")?.strip_suffix("/mean")?.to_owned());
        self.metrics.iter().filter_map(|(name, line)| Some((inner(name)?, line.clone()))).collect()
    }

    /// Seconds left of `steps`, from the pace of the last ones.
    pub(crate) fn eta_s(&self, steps: u32) -> Option<f64> {
        let (first, last) = (self.recent.first()?, self.recent.last()?);
        let paces = self.recent.len().checked_sub(1).filter(|n| *n > 0)?;
        let per_step = (last - first) as f64 / 1000.0 / paces as f64;
        Some(per_step * f64::from(steps.saturating_sub(self.step)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, at_ms: i64, event: Event) -> RunEvent {
        RunEvent { seq, run: "r".into(), at_ms, event }
    }

    fn metrics(step: u32, reward: f64) -> Event {
        Event::Metrics { step, values: [("reward".to_owned(), reward)].into() }
    }

    #[test]
    fn replayed_events_count_once() {
        let mut view = RunView::default();
        for e in [event(1, 0, metrics(1, 0.1)), event(2, 1000, metrics(2, 0.2)), event(1, 0, metrics(1, 0.1))] {
            view.apply(e);
        }
        assert_eq!(view.line("reward"), vec![(1.0, 0.1), (2.0, 0.2)]);
        assert_eq!(view.eta_s(12), Some(10.0));
    }

    #[test]
    fn one_metric_over_another_in_order() {
        let mut view = RunView::default();
        for (seq, step, x) in [(1, 0, 0.0), (2, 20, 1.5), (3, 40, 1.25)] {
            let mut values = std::collections::BTreeMap::from([("heldout/sqrt_kl".to_owned(), x)]);
            if step != 20 {
                values.insert("heldout/gold".into(), f64::from(step));
            }
            view.apply(event(seq, 0, Event::Metrics { step, values }));
        }
        assert_eq!(view.over("heldout/sqrt_kl", "heldout/gold"), [(0.0, 0.0), (1.25, 40.0)]);
        view.apply(event(
            4,
            0,
            Event::Metrics { step: 41, values: [("constraints/pii/multiplier".to_owned(), 1.0)].into() },
        ));
        assert_eq!(view.constraints(), ["pii"]);
    }

    #[test]
    fn a_step_done_again_replaces_the_first_attempt() {
        let mut view = RunView::default();
        view.apply(event(1, 0, metrics(5, 0.1)));
        view.apply(event(2, 9, metrics(5, 0.3)));
        assert_eq!(view.line("reward"), vec![(5.0, 0.3)]);
    }
}
