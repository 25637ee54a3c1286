//! Several rewards, one advantage: the two orders of summing and normalising within a group (GDPO, arXiv 2601.05242).
//!
//! Shapes: G answers in a group, K graders. With mean mu and sample standard deviation s (divided by G - 1), e = 1e-4:
//! - sum, then normalise: `R_i = sum_k w_k r_ik`, `A_i = (R_i - mu(R)) / (s(R) + e)`. This is GRPO on the total. Answers
//!   with equal totals get equal advantages, whatever they were rewarded for: (1, 0) and (0, 1) cannot be told apart.
//! - normalise, then sum: `a_ik = (r_ik - mu_k) / (s_k + e)`, `A_i = sum_k w_k a_ik`, then the same normalisation over
//!   the whole batch. A reward that few answers of the group earned now weighs more than one that most of them did.
//!
//! Departures: a score that does not apply is left out of its column's mean and deviation and adds 0; an answer to which
//! no grader applies has advantage 0 and is left out of means; a column, group or batch in which all are equal gives 0
//! (not rounding noise divided by e), and so does one with a single score.

use clicker_wire::Reward;

/// Added to a standard deviation before dividing by it.
pub const EPSILON: f64 = 1e-4;

/// Scores of a group: a row per answer, a column per grader; none where a grader does not apply. [G][K]
pub type Scores = Vec<Vec<Option<f64>>>;

/// The scores on a group's receipts, and the graders' weights as the receipts of the first answer show them.
#[must_use]
pub fn scores(group: &[Reward]) -> (Scores, Vec<f64>) {
    let weights = group.first().map_or_else(Vec::new, |r| r.receipts.iter().map(|x| x.weight).collect());
    (group.iter().map(|r| r.receipts.iter().map(|x| x.score).collect()).collect(), weights)
}

/// Advantages of one group from its weighted totals. [G]
#[must_use]
pub fn sum_then_normalise(group: &Scores, weights: &[f64]) -> Vec<f64> {
    let totals: Vec<Option<f64>> = group.iter().map(|row| weighted(row, weights)).collect();
    normalised(&totals).into_iter().map(|a| a.unwrap_or(0.0)).collect()
}

/// Advantages of a batch of groups, each grader normalised within its group first, and the weighted sums over the batch
/// last. [P][G]
#[must_use]
pub fn normalise_then_sum(groups: &[Scores], weights: &[f64]) -> Vec<Vec<f64>> {
    whitened(&groups.iter().map(|group| decoupled(group, weights)).collect::<Vec<_>>())
}

/// Weighted sums of normalised scores, normalised over the whole batch. [P][G]
#[must_use]
pub fn whitened(sums: &[Vec<Option<f64>>]) -> Vec<Vec<f64>> {
    let flat: Vec<Option<f64>> = sums.iter().flatten().copied().collect();
    let mut whitened = normalised(&flat).into_iter().map(|a| a.unwrap_or(0.0));
    sums.iter().map(|group| whitened.by_ref().take(group.len()).collect()).collect()
}

/// Weighted sum of the columns' normalised scores, before anything is done over the batch. [G]
#[must_use]
pub fn decoupled(group: &Scores, weights: &[f64]) -> Vec<Option<f64>> {
    let columns: Vec<Vec<Option<f64>>> = (0..weights.len())
        .map(|k| normalised(&group.iter().map(|row| row.get(k).copied().flatten()).collect::<Vec<_>>()))
        .collect();
    (0..group.len()).map(|i| weighted(&columns.iter().map(|c| c[i]).collect::<Vec<_>>(), weights)).collect()
}

/// Weighted sum of the scores that apply; none if none does.
fn weighted(row: &[Option<f64>], weights: &[f64]) -> Option<f64> {
    let mut parts = row.iter().zip(weights).filter_map(|(score, weight)| Some(weight * (*score)?)).peekable();
    parts.peek().is_some().then(|| parts.fold(0.0, |sum, part| sum + part))
}

/// `(x - mean) / (deviation + e)` over the values that are there; 0 for all of them where they do not differ.
fn normalised(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let there: Vec<f64> = values.iter().flatten().copied().collect();
    let n = there.len() as f64;
    let mean = there.iter().sum::<f64>() / n;
    let squares: f64 = there.iter().map(|x| (x - mean) * (x - mean)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    let (low, high) = there.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    // Equal up to rounding: without this, noise of 1e-16 over e would still be noise, but not zero.
    let differ = there.len() > 1 && high - low > 1e-12 * high.abs().max(low.abs()).max(1.0);
    values.iter().map(|x| x.map(|x| if differ { (x - mean) / (deviation + EPSILON) } else { 0.0 })).collect()
}
