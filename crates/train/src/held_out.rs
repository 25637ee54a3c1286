//! The reward and the truth on held-out questions while a run trains: the gap between training and held-out reward, and the
//! gold-versus-proxy curve over the distance from the start (Gao et al., arXiv 2210.10760).
//!
//! The training questions and the held-out ones hold domains and classes in different shares, and a mean over other shares
//! would look like a gap. So both sides are averaged within each cell (domain, class, what is expected) and the cells are
//! weighted by their share of the training questions. Answers are sampled on both sides as in training, never greedy.
//! Both rewards are those of the configuration as written: prices and weights that move during the run would move the
//! scale they are compared on.

use crate::Result;
use crate::alarms::{Alarms, Found, percent};
use crate::batch::Packed;
use crate::eval::spread;
use crate::exact::Exact;
use crate::parallel::{SHARDS, shards};
use crate::reward::Scored;
use crate::rollout::{Group, Language, collect};
use crate::session::Metrics;
use clicker_lm::PolicySnapshot;
use clicker_rewards::{Outside, Scorer, attack, judge};
use clicker_wire::{Decision, Domain, Event, Expected, Grader, Item, Knowledge, Recipe, RewardConfig, Sampling};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a mean is taken within.
type Cell = (Domain, Knowledge, Expected);

/// The held-out questions of a run, and how much each cell counts.
pub(crate) struct HeldOut {
    items: Vec<Item>,
    shares: BTreeMap<Cell, f64>,
    sampling: Sampling,
}

/// What the comparison remembers: part of the saved state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    /// Training rewards since the last measurement.
    trained: Vec<CellSum>,
    /// Held-out reward and truth before the first update.
    start: Option<(Exact, Exact)>,
    /// Width of the totals seen before the first update: what gaps are measured in.
    width: Exact,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CellSum {
    cell: Cell,
    sum: Exact,
    n: u64,
}

/// Prompts that are computed together.
const BATCH: usize = 128;
/// Held-out answers are drawn from streams of their own, the same at every measurement: what changes is the model.
const STREAM: u64 = 0x0068_656c_646f_7574;

impl HeldOut {
    /// Held-out questions of the kinds that this run trains on.
    pub(crate) fn new(recipe: &Recipe, trained: &[Item], held_out: &[Item]) -> Self {
        let mut shares: BTreeMap<Cell, f64> = BTreeMap::new();
        for item in trained {
            *shares.entry(cell(item)).or_default() += 1.0 / trained.len() as f64;
        }
        let known: Vec<Item> = held_out.iter().filter(|item| shares.contains_key(&cell(item))).cloned().collect();
        let sampling = Sampling { seed: recipe.seed ^ STREAM, ..recipe.rollout.sampling.clone() };
        Self { items: spread(&known, recipe.eval.items as usize), shares, sampling }
    }

    /// Whether no held-out question is of a kind that is trained on.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Book a step's training rewards.
    pub(crate) fn book(
        config: &RewardConfig,
        outside: Outside<'_>,
        course: &mut Course,
        groups: &[Group],
        scored: &Scored,
    ) {
        // The totals of the step are those of the configuration unless something moves, or compares within groups.
        let compares = config.graders.iter().any(|g| g.grader == Grader::Consistency {});
        let fixed = config.constraints.is_empty() && config.adaptive.is_empty() && !compares;
        for (group, rewards) in groups.iter().zip(&scored.rewards) {
            let cell = cell(&group.item);
            let place = course.trained.iter().position(|c| c.cell == cell).unwrap_or_else(|| {
                course.trained.push(CellSum { cell, sum: Exact(0.0), n: 0 });
                course.trained.len() - 1
            });
            for (answer, reward) in group.answers.iter().zip(rewards) {
                // Held-out questions are asked once, so a dialogue counts by its last answer.
                let total = if fixed && answer.replies.is_empty() {
                    judge::total(reward)
                } else {
                    proxy(config, outside, &group.item, answer.text.as_str())
                };
                if let Some(total) = total {
                    course.trained[place].sum.0 += total;
                    course.trained[place].n += 1;
                }
            }
        }
    }

    /// Ask the held-out questions: the figures, and the alarms that they raise.
    ///
    /// `heldout/reward`, `heldout/gold` (the truth, -1 to 1), `heldout/kl` (nats per answer, k3 summed over its tokens),
    /// `heldout/sqrt_kl`; with training behind it also `heldout/train_reward` and `heldout/gap`, the difference over the
    /// width of the totals.
    pub(crate) fn measure(
        &self,
        (config, outside): (&RewardConfig, Outside<'_>),
        course: &mut Course,
        alarms: &mut Alarms,
        step: u32,
        models: (&PolicySnapshot, &PolicySnapshot),
        language: &Language,
    ) -> Result<(Metrics, Vec<Event>)> {
        let (policy, reference) = models;
        let mut groups = Vec::new();
        for (batch, items) in self.items.chunks(BATCH).enumerate() {
            groups.extend(collect(policy, language, items, 1, &self.sampling, batch as u32)?);
        }
        let answers: Vec<(&Item, &str)> = groups.iter().map(|g| (&g.item, g.answers[0].text.as_str())).collect();
        let rewards: Vec<Option<f64>> = answers.iter().map(|(item, text)| proxy(config, outside, item, text)).collect();
        let golds: Vec<Option<f64>> = answers.iter().map(|(item, text)| attack::gold(item, text)).collect();
        let kl = if step == 0 { 0.0 } else { divergence(&groups, reference)? };
        let (reward, gold) = (self.mean(&sums(&answers, &rewards)), self.mean(&sums(&answers, &golds)));
        let mut out: Metrics =
            [("heldout/kl".to_owned(), kl), ("heldout/sqrt_kl".to_owned(), kl.max(0.0).sqrt())].into();
        out.extend(reward.map(|r| ("heldout/reward".to_owned(), r)));
        out.extend(gold.map(|g| ("heldout/gold".to_owned(), g)));
        let (Some(reward), Some(gold)) = (reward, gold) else { return Ok((out, Vec::new())) };
        let (first_reward, first_gold) = *course.start.get_or_insert_with(|| {
            let there = || rewards.iter().flatten().copied();
            let width = there().fold(f64::NEG_INFINITY, f64::max) - there().fold(f64::INFINITY, f64::min);
            course.width = Exact(if width.is_finite() && width > 1e-9 { width } else { 1.0 });
            (Exact(reward), Exact(gold))
        });
        let trained = std::mem::take(&mut course.trained);
        let both = sums(&answers, &rewards);
        let Some((train, held_out)) = self.both(&trained, &both) else { return Ok((out, Vec::new())) };
        let gap = attack::gap(train / course.width.0, held_out / course.width.0);
        out.insert("heldout/train_reward".into(), train);
        out.extend(gap.gap.map(|gap| ("heldout/gap".to_owned(), gap)));
        let mut found: Vec<Found> = Vec::new();
        let seen = || format!("training earns {train:.2} and held-out questions of the same kinds {held_out:.2}");
        let wide = percent(gap.gap.unwrap_or(f64::NAN));
        match gap.decision {
            Decision::Go => {}
            Decision::Warn => found.push((
                "gap_warning",
                format!("{}: {wide} of the reward's range apart, above 5 %", seen()),
                "Read the answers that earn most, and attack the reward.",
            )),
            Decision::Stop => found.push((
                "gap",
                format!("{}: {wide} of the reward's range apart, above 10 %", seen()),
                "Stop, go back to the checkpoint before the gap opened, then repair the reward or add questions.",
            )),
        }
        let risen = (train.max(reward) - first_reward.0) / course.width.0;
        if risen >= RISEN && (gold - first_gold.0) / 2.0 < FLAT {
            found.push((
                "reward_without_truth",
                format!(
                    "since the start the reward rose by {} of its range, while the truth of held-out answers went from {:.2} to {gold:.2} (right 1, not knowing 0, wrong -1)",
                    percent(risen),
                    first_gold.0
                ),
                "The policy is paid for something else than the truth: read the newest answers, attack the reward, repair it and start again.",
            ));
        }
        Ok((out, alarms.raise(step, found)))
    }

    /// Mean over cells by their share in training; none without any.
    fn mean(&self, cells: &[CellSum]) -> Option<f64> {
        let there = cells.iter().filter(|c| c.n > 0).filter_map(|c| Some((self.shares.get(&c.cell)?, c)));
        let (sum, weight) =
            there.fold((0.0, 0.0), |(sum, weight), (share, c)| (sum + share * c.sum.0 / c.n as f64, weight + share));
        (weight > 0.0).then(|| sum / weight)
    }

    /// Both means over the cells that both sides have.
    fn both(&self, train: &[CellSum], held_out: &[CellSum]) -> Option<(f64, f64)> {
        let in_both = |of: &[CellSum], other: &[CellSum]| -> Vec<CellSum> {
            of.iter().filter(|c| other.iter().any(|o| o.cell == c.cell && o.n > 0)).cloned().collect()
        };
        Some((self.mean(&in_both(train, held_out))?, self.mean(&in_both(held_out, train))?))
    }
}

/// Rise of the reward, as a share of its range, from which the truth should have followed.
const RISEN: f64 = 0.10;
/// Rise of the truth, as a share of its range, that counts as having followed.
const FLAT: f64 = 0.02;

fn cell(item: &Item) -> Cell {
    (item.domain, item.knowledge, item.expected)
}

/// What the reward as written pays an answer by itself.
fn proxy(config: &RewardConfig, outside: Outside<'_>, item: &Item, text: &str) -> Option<f64> {
    judge::total(&Scorer::new(config).with(outside).reward(item, text))
}

fn sums(answers: &[(&Item, &str)], values: &[Option<f64>]) -> Vec<CellSum> {
    let mut out: BTreeMap<Cell, (f64, u64)> = BTreeMap::new();
    for ((item, _), value) in answers.iter().zip(values) {
        if let Some(value) = value {
            let (sum, n) = out.entry(cell(item)).or_default();
            *sum += value;
            *n += 1;
        }
    }
    out.into_iter().map(|(cell, (sum, n))| CellSum { cell, sum: Exact(sum), n }).collect()
}

/// Mean over answers of the sum over tokens of `e^x - x - 1`, x = ln ref - ln pi: an estimate of the KL of whole answers
/// that is never negative. The policy's log-probabilities are those that the answers were drawn with.
fn divergence(groups: &[Group], reference: &PolicySnapshot) -> Result<f64> {
    let parts = shards(|shard| -> Result<f64> {
        let mine: Vec<&Group> = groups.iter().skip(shard).step_by(SHARDS).collect();
        let mut sum = 0.0;
        for batch in mine.chunks(BATCH) {
            let rows = batch.iter().map(|g| (g.prompt.as_slice(), vec![g.answers[0].ids.as_slice()]));
            let under = Packed::groups(rows)?.logprobs(reference.decoder())?.to_vec1::<f32>()?;
            let drawn = batch.iter().flat_map(|g| &g.answers[0].logprobs);
            sum += drawn.zip(under).map(|(p, r)| k3(f64::from(r) - f64::from(*p))).sum::<f64>();
        }
        Ok(sum)
    })?;
    Ok(parts.iter().sum::<f64>() / groups.len().max(1) as f64)
}

fn k3(x: f64) -> f64 {
    let x = x.clamp(-clicker_rl::LOG_RATIO_LIMIT, clicker_rl::LOG_RATIO_LIMIT);
    x.exp_m1() - x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_out(shares: &[(Cell, f64)]) -> HeldOut {
        HeldOut { items: Vec::new(), shares: shares.iter().copied().collect(), sampling: Sampling::default() }
    }

    fn cell_sum(cell: Cell, sum: f64, n: u64) -> CellSum {
        CellSum { cell, sum: Exact(sum), n }
    }

    const KNOWN: Cell = (Domain::Capitals, Knowledge::Known, Expected::Answer);
    const INVENTED: Cell = (Domain::Capitals, Knowledge::Invented, Expected::Abstain);
    const SUMS: Cell = (Domain::Arithmetic, Knowledge::Known, Expected::Answer);

    #[test]
    fn other_shares_of_cells_are_no_gap() {
        // Right answers to known questions, wrong ones to invented: the same policy on both sides, asked 9 to 1 and 1 to 1.
        let h = held_out(&[(KNOWN, 0.9), (INVENTED, 0.1)]);
        let train = [cell_sum(KNOWN, 90.0, 90), cell_sum(INVENTED, -10.0, 10)];
        let eval = [cell_sum(KNOWN, 5.0, 5), cell_sum(INVENTED, -5.0, 5)];
        let (a, b) = h.both(&train, &eval).unwrap();
        assert!((a - 0.8).abs() < 1e-12 && (b - 0.8).abs() < 1e-12, "{a} {b}");
    }

    #[test]
    fn a_cell_that_one_side_lacks_counts_on_neither() {
        let h = held_out(&[(KNOWN, 0.5), (SUMS, 0.5)]);
        let (train, eval) = ([cell_sum(KNOWN, 1.0, 1), cell_sum(SUMS, -4.0, 4)], [cell_sum(KNOWN, 0.5, 1)]);
        assert_eq!(h.both(&train, &eval), Some((1.0, 0.5)));
        assert_eq!(h.both(&[], &eval), None);
        assert_eq!(h.mean(&[cell_sum(INVENTED, 1.0, 1)]), None, "a cell that training never asks weighs nothing");
    }

    #[test]
    fn k3_by_hand() {
        // e^0 - 0 - 1; e^ln2 - ln2 - 1; bounded far out.
        assert_eq!(k3(0.0), 0.0);
        assert!((k3(std::f64::consts::LN_2) - (1.0 - std::f64::consts::LN_2)).abs() < 1e-12);
        assert_eq!(k3(-1e9), k3(-20.0));
    }
}
