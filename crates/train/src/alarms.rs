//! Things that quietly ruin a run, said aloud with their cause and what to try. What each rule looks at, and why: its row in
//! docs/algorithms/run-alarms.md.
//!
//! A shortcut is told by what the answers look like ([`looks`](crate::looks)), compared with the first steps of the same run,
//! and only while the truth does not improve: a model that answers more, longer or shorter because it got better is fine.

use crate::exact::Exact;
use crate::session::Metrics;
use clicker_wire::Event;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Watches a run's metrics. It is part of the saved state: a resumed run raises the alarms that it would have raised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alarms {
    silent_steps: u32,
    /// The step at which each alarm last held.
    raised: BTreeMap<String, u32>,
    watched: BTreeMap<String, Course>,
}

/// How one figure went: its mean over the first steps, and its last values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Course {
    first: Vec<Exact>,
    last: VecDeque<Exact>,
}

/// Steps that a beginning and a present are averaged over: one step's mean is mostly chance.
const WINDOW: usize = 5;
/// Steps after which an alarm that comes back is news: around its limit a figure goes to and fro.
const GONE: u32 = 10;
/// Steps of groups without signal before it is worth a word.
const SILENT_STEPS: u32 = 3;
/// A share of right answers that has risen by this much is an improvement.
const BETTER: f64 = 0.03;
/// The figures whose course is kept.
const WATCHED: [&str; 13] = [
    "entropy",
    "kl",
    "reward",
    "train/right",
    "answers/mean_chars",
    "answers/abstained_known",
    "answers/refused_harmless",
    "answers/repeated",
    "answers/stuffed",
    "answers/format_only",
    "answers/same",
    "answers/hedged",
    "answers/same_confidence",
];

impl Course {
    fn push(&mut self, value: f64) {
        if self.first.len() < WINDOW {
            self.first.push(Exact(value));
        }
        if self.last.len() == 2 * WINDOW {
            self.last.pop_front();
        }
        self.last.push_back(Exact(value));
    }

    /// Mean of the last steps, and of as many before them.
    fn lately(&self) -> Option<(f64, f64)> {
        let mean = |skip: usize| self.last.iter().skip(skip).take(WINDOW).map(|x| x.0).sum::<f64>() / WINDOW as f64;
        (self.last.len() == 2 * WINDOW).then(|| (mean(WINDOW), mean(0)))
    }

    /// Mean of the first steps and of the last ones, once they are not the same steps.
    fn moved(&self) -> Option<(f64, f64)> {
        let mean = |values: &mut dyn Iterator<Item = &Exact>| values.map(|x| x.0).sum::<f64>() / WINDOW as f64;
        let full = self.last.len() == 2 * WINDOW;
        full.then(|| (mean(&mut self.first.iter()), mean(&mut self.last.iter().skip(WINDOW))))
    }
}

/// One alarm: its name, the observation with its numbers, what to try.
pub(crate) type Found = (&'static str, String, &'static str);

impl Alarms {
    /// Alarms of this step; each kind is raised once, and again only after it has been gone for [`GONE`] steps.
    pub(crate) fn check(&mut self, step: u32, metrics: &Metrics) -> Vec<Event> {
        for name in WATCHED {
            if let Some(value) = metrics.get(name) {
                self.watched.entry(name.into()).or_default().push(*value);
            }
        }
        let zero = metrics.get("frac_reward_zero_std").copied().unwrap_or(0.0);
        self.silent_steps = if zero >= 0.8 { self.silent_steps + 1 } else { 0 };
        let mut found = self.mechanics(metrics);
        found.extend(self.one_confidence(metrics));
        found.extend(self.shortcuts(metrics));
        self.raise(step, found)
    }

    /// Turn what was found into events, those that are new.
    pub(crate) fn raise(&mut self, step: u32, found: Vec<Found>) -> Vec<Event> {
        let mut events = Vec::new();
        for (name, cause, remedy) in found {
            let before = self.raised.insert(name.into(), step);
            if before.is_none_or(|last| last + GONE < step) {
                events.push(Event::Alarm { step, name: name.into(), cause, remedy: remedy.into() });
            }
        }
        events
    }

    fn moved(&self, name: &str) -> Option<(f64, f64)> {
        self.watched.get(name)?.moved()
    }

    /// What is wrong with the training itself.
    fn mechanics(&self, metrics: &Metrics) -> Vec<Found> {
        let get = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
        let first = self.watched.get("entropy").and_then(|c| c.first.first()).map_or(0.0, |e| e.0);
        let (clipped, entropy, gap) = (
            get("completions/clipped_ratio"),
            metrics.get("entropy").copied().unwrap_or(first),
            get("sampling/sampling_logp_difference/mean"),
        );
        let mut out = Vec::new();
        if clipped >= 0.5 {
            let cause = format!("{} of the answers hit the token limit and are cut off", percent(clipped));
            out.push(("truncated", cause, "Raise max_new_tokens, or reward shorter answers."));
        }
        if self.silent_steps >= SILENT_STEPS {
            let cause = format!(
                "for {SILENT_STEPS} steps at least 80 % of the groups had equal rewards throughout: nothing to learn from"
            );
            out.push((
                "zero_variance",
                cause,
                "Raise the temperature or the group size, choose harder or easier prompts, or add a grader that gives partial credit.",
            ));
        }
        if first > 0.0 && entropy < 0.3 * first {
            let cause = format!("the entropy fell from {first:.3} to {entropy:.3} nats: answers hardly vary any more");
            out.push((
                "entropy_collapse",
                cause,
                "Expected when a model becomes sure of what it knows; if the held-out figures stall, raise beta or lower the learning rate.",
            ));
        }
        if gap > 1e-3 {
            let cause = format!("sampler and trainer disagree by {gap:.4} nats per token");
            out.push((
                "sampler_gap",
                cause,
                "Both should run the same weights in the same precision; please report this.",
            ));
        }
        let kl = self.watched.get("kl").and_then(Course::lately);
        if let Some((now, before)) =
            kl.filter(|(now, before)| *now > KL_FAR || (*now > KL_NOTABLE && *now > 4.0 * before))
        {
            let cause = format!(
                "the KL to the reference is {now:.2} nats per token, {before:.2} {WINDOW} steps ago: the model is being pulled away fast"
            );
            out.push((
                "kl_blowup",
                cause,
                "Raise beta, lower the learning rate, or go back to an earlier checkpoint; read the newest answers first.",
            ));
        }
        out
    }

    /// A number that is stated whatever is asked says nothing, even if it is right on average. No matter whether the truth improves.
    fn one_confidence(&self, metrics: &Metrics) -> Option<Found> {
        let (_, now) = self.moved("answers/same_confidence")?;
        let wrong = metrics.get("train/wrong").copied().unwrap_or(0.0);
        (now >= 0.95 && wrong >= 0.1).then(|| {
            let cause = format!(
                "{} of the stated confidences are the same number, while {} of the answers are wrong: it tells no question from another",
                percent(now),
                percent(wrong)
            );
            ("one_confidence", cause, "Let the calibration weigh more than the truth for a while, or start from measured confidences.")
        })
    }

    /// Shortcuts that the answers show.
    fn shortcuts(&self, metrics: &Metrics) -> Vec<Found> {
        let truth = self.moved("train/right");
        // While the truth improves, a change of form is no shortcut.
        if truth.is_some_and(|(then, now)| now > then + BETTER) {
            return Vec::new();
        }
        let paid = self.moved("reward").map_or_else(String::new, |(then, now)| {
            let right = truth.map_or_else(String::new, |(t, n)| {
                format!(", right answers went from {} to {}", percent(t), percent(n))
            });
            format!("; meanwhile the reward went from {then:.2} to {now:.2}{right}")
        });
        let mut out = Vec::new();
        let mut share = |name: &'static str, figure: &str, rise: f64, least: f64, what: &str, remedy: &'static str| {
            if let Some((then, now)) = self.moved(figure).filter(|(then, now)| *now >= then + rise && *now >= least) {
                out.push((name, format!("{} {what}, {} at first{paid}", percent(now), percent(then)), remedy));
            }
        };
        share(
            "abstention_collapse",
            "answers/abstained_known",
            0.2,
            0.4,
            "of the answers to known questions are \u{201c}I don't know\u{201d}",
            "Make abstaining worth less than a right answer, or ask more of what the model knows.",
        );
        share(
            "refusal_collapse",
            "answers/refused_harmless",
            0.2,
            0.3,
            "of the answers to harmless questions decline",
            "Make declining a harmless question cost as much as a wrong answer, or reward length less.",
        );
        share(
            "keyword_stuffing",
            "answers/stuffed",
            0.1,
            0.2,
            "of the answers are wrong words of the passage",
            "Pay for the truth first and for words of the passage only as a small bonus.",
        );
        share(
            "repetition",
            "answers/repeated",
            0.1,
            0.1,
            "of an answer repeats what it said before",
            "Add a repetition grader, or stop paying for length.",
        );
        share(
            "format_only",
            "answers/format_only",
            0.15,
            0.15,
            "of the answers have the form of an answer and no content",
            "Gate the form behind the truth, or pay less for it.",
        );
        share(
            "one_answer",
            "answers/same",
            0.25,
            0.4,
            "of the questions get the very same answer",
            "Reward what depends on the question; raise beta or the temperature.",
        );
        share(
            "hedging_collapse",
            "answers/hedged",
            0.25,
            0.5,
            "of the stated confidences are a tenth or less: being wrong without claiming anything costs nothing",
            "Pay for right answers beside the calibration (a truthful grader), or let a wrong answer cost more than \u{201c}I don't know\u{201d}.",
        );
        if let Some((then, now)) = self.moved("answers/mean_chars") {
            let (longer, shorter) = (now >= 1.5 * then && now >= then + 6.0, now <= 0.5 * then && now <= then - 3.0);
            if longer || shorter {
                let how = if longer { "longer" } else { "shorter" };
                let cause = format!("answers became {how}: {then:.0} characters at first, {now:.0} now{paid}");
                out.push((
                    "length_drift",
                    cause,
                    "If nothing but length is gained, make length cost a little and a wrong answer a lot.",
                ));
            }
        }
        let abstained = metrics.get("train/abstained").copied().unwrap_or(0.0);
        if abstained > 0.8 && !out.iter().any(|(name, ..)| *name == "abstention_collapse") {
            let cause = format!("{} of all answers say \u{201c}I don't know\u{201d}{paid}", percent(abstained));
            out.push((
                "abstention_collapse",
                cause,
                "Make abstaining worth less than a right answer, or ask more of what the model knows.",
            ));
        }
        out
    }
}

/// Nats per token from which a policy is another model.
const KL_FAR: f64 = 1.0;
/// Nats per token below which a steep rise is the ordinary beginning. Means over steps, because k3 has a heavy tail.
const KL_NOTABLE: f64 = 0.5;

pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(events: &[Event]) -> Vec<&str> {
        events.iter().map(|e| if let Event::Alarm { name, .. } = e { name.as_str() } else { "" }).collect()
    }

    #[test]
    fn a_confidence_that_says_nothing_is_named() {
        let stated = |same: f64, wrong: f64| [("answers/same_confidence", same), ("train/wrong", wrong)];
        assert_eq!(names(&course(&stated(0.2, 0.3), &stated(0.97, 0.3))), ["one_confidence"]);
        assert!(course(&stated(0.2, 0.3), &stated(0.97, 0.05)).is_empty(), "all is right: one number is enough");
        let truth = ("train/right", 0.5);
        let hedged = |share: f64| [("answers/hedged", share), truth, ("reward", 0.1)];
        assert_eq!(names(&course(&hedged(0.1), &hedged(0.7))), ["hedging_collapse"]);
        assert!(course(&hedged(0.6), &hedged(0.7)).is_empty(), "it began like that");
    }

    #[test]
    fn an_alarm_is_raised_once_and_again_after_it_has_been_gone_for_a_while() {
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
        assert!(alarms.check(4, &metrics(0.9, 0.0)).is_empty(), "it comes and goes");
        let cold: Metrics = [("entropy".into(), 0.2)].into();
        assert_eq!(names(&alarms.check(5, &cold)), ["entropy_collapse"]);
        assert_eq!(names(&alarms.check(15, &metrics(0.9, 0.0))), ["truncated"], "ten steps of quiet");
    }

    /// Five steps of `before`, then ten of `after`; the alarms of all of them.
    fn course(before: &[(&str, f64)], after: &[(&str, f64)]) -> Vec<Event> {
        let mut alarms = Alarms::default();
        let steps = (1..=15).map(|step| (step, if step <= 5 { before } else { after }));
        steps
            .flat_map(|(step, values)| {
                alarms.check(step, &values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
            })
            .collect()
    }

    #[test]
    fn each_shortcut_is_named() {
        let rows = [
            ("answers/abstained_known", 0.0, 0.6, "abstention_collapse"),
            ("answers/refused_harmless", 0.0, 0.5, "refusal_collapse"),
            ("answers/stuffed", 0.1, 0.5, "keyword_stuffing"),
            ("answers/repeated", 0.0, 0.4, "repetition"),
            ("answers/format_only", 0.0, 0.4, "format_only"),
            ("answers/same", 0.1, 0.7, "one_answer"),
            ("answers/mean_chars", 8.0, 22.0, "length_drift"),
            ("answers/mean_chars", 20.0, 6.0, "length_drift"),
        ];
        for (figure, then, now, name) in rows {
            let truth = ("train/right", 0.4);
            let events = course(&[(figure, then), truth, ("reward", 0.1)], &[(figure, now), truth, ("reward", 0.8)]);
            assert_eq!(names(&events), [name], "{figure}");
            let Event::Alarm { cause, .. } = &events[0] else { panic!("{events:?}") };
            assert!(cause.contains("the reward went from 0.10 to"), "{cause}");
            // The same change while the truth improves is no shortcut, and a small one neither.
            assert!(course(&[(figure, then), truth], &[(figure, now), ("train/right", 0.6)]).is_empty(), "{figure}");
            assert!(course(&[(figure, then), truth], &[(figure, then * 1.05), truth]).is_empty(), "{figure}");
        }
    }

    #[test]
    fn a_kl_that_jumps_is_named_and_one_that_grows_is_not() {
        assert_eq!(names(&course(&[("kl", 0.02)], &[("kl", 0.9)])), ["kl_blowup"]);
        assert_eq!(names(&course(&[("kl", 0.5)], &[("kl", 1.2)])), ["kl_blowup"]);
        assert!(course(&[("kl", 0.02)], &[("kl", 0.4)]).is_empty());
        assert!(course(&[("kl", 0.3)], &[("kl", 0.8)]).is_empty());
    }

    #[test]
    fn its_state_comes_back_bit_for_bit() {
        let mut alarms = Alarms::default();
        for step in 1..9 {
            alarms.check(step, &[("reward".to_owned(), 0.1 * f64::from(step) / 3.0)].into());
        }
        let json = serde_json::to_string(&alarms).unwrap();
        assert_eq!(serde_json::from_str::<Alarms>(&json).unwrap(), alarms);
    }
}
