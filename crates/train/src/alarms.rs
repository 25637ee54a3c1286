//! Things that quietly ruin a run, said aloud with their cause and what to try.

use crate::session::Metrics;
use clicker_wire::Event;
use serde::{Deserialize, Serialize};

/// Watches a run's metrics. It is part of the saved state: a resumed run raises the alarms that it would have raised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarms {
    first_entropy: Option<f64>,
    silent_steps: u32,
    raised: Vec<String>,
}

/// Steps of groups without signal before it is worth a word.
const SILENT_STEPS: u32 = 3;

impl Alarms {
    /// Alarms of this step; each kind is raised once, until its condition has gone.
    pub(crate) fn check(&mut self, step: u32, metrics: &Metrics) -> Vec<Event> {
        let get = |name: &str| metrics.get(name).copied();
        let first_entropy = *self.first_entropy.get_or_insert(get("entropy").unwrap_or(0.0));
        let zero = get("frac_reward_zero_std").unwrap_or(0.0);
        self.silent_steps = if zero >= 0.8 { self.silent_steps + 1 } else { 0 };
        let clipped = get("completions/clipped_ratio").unwrap_or(0.0);
        let entropy = get("entropy").unwrap_or(first_entropy);
        let gap = get("sampling/sampling_logp_difference/mean").unwrap_or(0.0);
        let abstained = get("train/abstained").unwrap_or(0.0);
        let checks = [
            (
                "truncated",
                clipped >= 0.5,
                format!("{:.0} % of the answers hit the token limit and are cut off", clipped * 100.0),
                "Raise max_new_tokens, or reward shorter answers.",
            ),
            (
                "zero_variance",
                self.silent_steps >= SILENT_STEPS,
                format!(
                    "for {SILENT_STEPS} steps at least 80 % of the groups had equal rewards throughout: nothing to learn from"
                ),
                "Raise the temperature or the group size, choose harder or easier prompts, or add a grader that gives partial credit.",
            ),
            (
                "entropy_collapse",
                first_entropy > 0.0 && entropy < 0.3 * first_entropy,
                format!("the entropy fell from {first_entropy:.3} to {entropy:.3} nats: answers hardly vary any more"),
                "Expected when a model becomes sure of what it knows; if the held-out figures stall, raise beta or lower the learning rate.",
            ),
            (
                "sampler_gap",
                gap > 1e-3,
                format!("sampler and trainer disagree by {gap:.4} nats per token"),
                "Both should run the same weights in the same precision; please report this.",
            ),
            (
                "over_abstention",
                abstained > 0.8,
                format!("{:.0} % of the answers say \"I don't know\"", abstained * 100.0),
                "Lower the value of abstaining, raise the value of a right answer, or ask more of what the model knows.",
            ),
        ];
        let mut events = Vec::new();
        for (name, on, cause, remedy) in checks {
            if !on {
                self.raised.retain(|raised| raised != name);
            } else if !self.raised.iter().any(|raised| raised == name) {
                self.raised.push(name.into());
                events.push(Event::Alarm { step, name: name.into(), cause, remedy: remedy.into() });
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(events: &[Event]) -> Vec<&str> {
        events.iter().map(|e| if let Event::Alarm { name, .. } = e { name.as_str() } else { "" }).collect()
    }

    #[test]
    fn an_alarm_is_raised_once_and_again_after_it_has_gone() {
        let mut alarms = Alarms::default();
        let metrics = |clipped: f64, zero: f64| -> Metrics {
            [
                ("completions/clipped_ratio".into(), clipped),
                ("frac_reward_zero_std".into(), zero),
                ("entropy".into(), 1.0),
            ]
            .into()
        };
        assert_eq!(names(&alarms.check(1, &metrics(0.6, 0.9))), ["truncated"]);
        assert!(alarms.check(2, &metrics(0.6, 0.9)).is_empty());
        assert_eq!(names(&alarms.check(3, &metrics(0.1, 0.9))), ["zero_variance"], "three steps in a row");
        assert_eq!(names(&alarms.check(4, &metrics(0.9, 0.0))), ["truncated"]);
        let cold: Metrics = [("entropy".into(), 0.2)].into();
        assert_eq!(names(&alarms.check(5, &cold)), ["entropy_collapse"]);
    }
}
