//! A reward tried on sampled answers before anything is trained: how it spreads, whether groups differ at all, and whether
//! it orders answers as the truth does.

use super::truth::{Standing, is_known, standing};
use super::{histogram, spearman};
use crate::compose;
use crate::outside::Outside;
use clicker_wire::{Advice, Decision, DryRun, GraderScores, Item, Reward, RewardConfig};

/// Totals closer than this are the same in a group: what training sees as no variance.
const SAME: f64 = 1e-6;
/// Agreement below which the reward teaches something else than the truth.
const DISAGREES: f64 = 0.6;
/// Agreement from which nothing speaks against it.
const AGREES: f64 = 0.8;
/// Share of constant groups from which most of the sampling is wasted.
const MOSTLY_CONSTANT: f64 = 0.8;
/// Share of truncated answers from which the limit is what is measured.
const MOSTLY_TRUNCATED: f64 = 0.5;
/// Judged answers below which an agreement is not much of an evidence.
const FEW: usize = 50;

/// Scores groups of answers, each sampled from one question. `truncated` is how many of them hit the token limit. The
/// truth is 1 for right (or an abstention where nothing else is right), 0 for "I don't know", -1 for wrong.
#[must_use]
pub fn dry_run(config: &RewardConfig, groups: &[(Item, Vec<String>)], truncated: u32) -> DryRun {
    dry_run_with(config, groups, truncated, Outside::default())
}

/// As [`dry_run`], with what graders need from outside the text.
#[must_use]
pub fn dry_run_with(
    config: &RewardConfig,
    groups: &[(Item, Vec<String>)],
    truncated: u32,
    outside: Outside<'_>,
) -> DryRun {
    let scorer = compose::Scorer::new(config).with(outside);
    let rewards: Vec<Vec<Reward>> = groups.iter().map(|(item, answers)| scorer.group(item, answers)).collect();
    let all: Vec<&Reward> = rewards.iter().flatten().collect();
    let constant = rewards.iter().filter(|group| is_constant(group)).count();
    let (paid, truth) = judged(groups, &rewards);
    let passed = truth.iter().filter(|gold| **gold == Standing::Good.gold()).count();
    let mut report = DryRun {
        groups: groups.len() as u32,
        answers: all.len() as u32,
        graders: config.graders.iter().enumerate().map(|(k, grader)| scores(&grader.name, k, &all)).collect(),
        totals: histogram(&all.iter().map(|reward| reward.total).collect::<Vec<_>>()),
        constant_groups: share(constant, groups.len()),
        pass_rate: share(passed, truth.len()),
        truncated: share((truncated as usize).min(all.len()), all.len()),
        agreement: spearman(&paid, &truth),
        judged: truth.len() as u32,
        decision: Decision::Go,
        advice: Vec::new(),
    };
    report.advice = advice(&report, is_flat(&paid), is_flat(&truth));
    report.decision = report.advice.iter().map(|a| a.decision).max().unwrap_or(Decision::Go);
    report
}

/// What to do, the agreement first.
fn advice(report: &DryRun, flat_reward: bool, flat_truth: bool) -> Vec<Advice> {
    let mut out = vec![agreement(report.agreement, flat_reward, flat_truth)];
    if report.agreement.is_some() && (report.judged as usize) < FEW {
        let words =
            format!("Only {} answers could be judged; sample {FEW} or more before trusting this.", report.judged);
        out.push(Advice { decision: Decision::Warn, words });
    }
    let constant = report.constant_groups.unwrap_or(0.0);
    let percent = |share: f64| (share * 100.0).round();
    if constant >= MOSTLY_CONSTANT {
        let decision = if constant >= 1.0 { Decision::Stop } else { Decision::Warn };
        let words = format!(
            "{} % of the groups have one total for all answers, and nothing is learnt from those. Take questions that \
             are sometimes answered right, raise the temperature or the group size, or let the reward tell more answers \
             apart.",
            percent(constant)
        );
        out.push(Advice { decision, words });
    }
    let truncated = report.truncated.unwrap_or(0.0);
    if truncated >= MOSTLY_TRUNCATED {
        let words = format!(
            "{} % of the answers hit the token limit, so the limit is what is graded. Raise it, or ask for shorter \
             answers.",
            percent(truncated)
        );
        out.push(Advice { decision: Decision::Warn, words });
    }
    out
}

/// The decision on the rank agreement of the reward with the truth.
fn agreement(rho: Option<f64>, flat_reward: bool, flat_truth: bool) -> Advice {
    let (decision, words) = match rho {
        Some(rho) if rho < DISAGREES => (
            Decision::Stop,
            format!(
                "The reward does not order answers as the truth does (rank agreement {rho:.2}, below {DISAGREES}). \
                 Repair it: raise the weight of a truth grader until no other can outweigh it, and attack it again."
            ),
        ),
        Some(rho) if rho < AGREES => (
            Decision::Warn,
            format!(
                "The reward orders answers much as the truth does (rank agreement {rho:.2}), but not enough to rely on \
                 ({AGREES}). Read the answers on which they differ, and lower the weight of the grader that pays them."
            ),
        ),
        Some(rho) => (Decision::Go, format!("The reward orders answers as the truth does (rank agreement {rho:.2}).")),
        None if flat_reward => (
            Decision::Stop,
            "The reward is the same for every answer: there is nothing to learn. Add a grader that tells right from \
             wrong."
                .to_string(),
        ),
        None if flat_truth => (
            Decision::Stop,
            "All answers are equally right or wrong, or no truth is known, so nobody can say what the reward follows. \
             Sample questions of mixed difficulty whose answers are known."
                .to_string(),
        ),
        None => (
            Decision::Stop,
            "A total is not a finite number. Validate the configuration and lower its weights.".to_string(),
        ),
    };
    Advice { decision, words }
}

fn scores(name: &str, k: usize, all: &[&Reward]) -> GraderScores {
    let scores: Vec<f64> = all.iter().filter_map(|r| r.receipts.get(k).and_then(|r| r.score)).collect();
    let does_not_apply = (all.len() - scores.len()) as u32;
    GraderScores { grader: name.to_string(), scores: histogram(&scores), does_not_apply }
}

/// Totals and truth of the answers whose truth is known.
fn judged(groups: &[(Item, Vec<String>)], rewards: &[Vec<Reward>]) -> (Vec<f64>, Vec<f64>) {
    let known = groups.iter().zip(rewards).filter(|((item, _), _)| is_known(item));
    known
        .flat_map(|((item, answers), rewards)| answers.iter().zip(rewards).map(move |(text, r)| (item, text, r)))
        .map(|(item, text, reward)| (reward.total, standing(item, text).gold()))
        .unzip()
}

/// A group of one or none is constant too: it has nothing to be compared with.
fn is_constant(group: &[Reward]) -> bool {
    let low = group.iter().map(|r| r.total).fold(f64::INFINITY, f64::min);
    let high = group.iter().map(|r| r.total).fold(f64::NEG_INFINITY, f64::max);
    group.len() < 2 || high - low <= SAME
}

fn is_flat(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

fn share(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_at_the_limits() {
        let rows = [
            (Some(-1.0), Decision::Stop),
            (Some(0.599), Decision::Stop),
            (Some(0.6), Decision::Warn),
            (Some(0.799), Decision::Warn),
            (Some(0.8), Decision::Go),
            (Some(1.0), Decision::Go),
        ];
        for (rho, expected) in rows {
            assert_eq!(agreement(rho, false, false).decision, expected, "{rho:?}");
        }
        let without = [(true, true), (true, false), (false, true), (false, false)];
        let words = without.map(|(reward, truth)| agreement(None, reward, truth));
        assert!(words.iter().all(|advice| advice.decision == Decision::Stop));
        assert!(words[1].words.contains("nothing to learn") && words[2].words.contains("mixed difficulty"));
        assert!(words[3].words.contains("finite"));
    }
}
