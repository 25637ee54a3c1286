//! Calibration error, Brier score, and how well confidence tells right from wrong.

use super::Judged;
use clicker_wire::{Rate, ReliabilityBin};

/// Bins of the reliability diagram and of the calibration error.
pub const BINS: usize = 10;

/// Expected calibration error (Naeini et al. 2015; Guo et al., arXiv 1706.04599): `sum_b (n_b / n) |right_b - confidence_b|` over
/// ten bins `(lower, upper]` of equal width, the first with its lower edge. 0 for no answers.
#[must_use]
pub fn ece(answers: &[Judged]) -> f64 {
    let n = answers.len().max(1) as f64;
    sums(answers).iter().map(|bin| (bin.right - bin.confidence).abs() / n).sum()
}

/// Brier score (Brier 1950): mean of `(confidence - right)^2`. 0 for no answers.
#[must_use]
pub fn brier(answers: &[Judged]) -> f64 {
    let one = |a: &Judged| (a.confidence - f64::from(u8::from(a.right))).powi(2);
    answers.iter().map(one).sum::<f64>() / answers.len().max(1) as f64
}

/// Chance that a right answer is surer than a wrong one, ties counting half: the area under the ROC curve, by midranks
/// (Hanley and McNeil 1982). None if all are right or all are wrong.
#[must_use]
pub fn auroc(answers: &[Judged]) -> Option<f64> {
    let mut sorted: Vec<&Judged> = answers.iter().collect();
    sorted.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
    let right = answers.iter().filter(|a| a.right).count() as f64;
    let wrong = answers.len() as f64 - right;
    if right == 0.0 || wrong == 0.0 {
        return None;
    }
    let (mut below, mut rank_sum) = (0.0, 0.0);
    for tie in sorted.chunk_by(|a, b| a.confidence == b.confidence) {
        let midrank = below + (tie.len() as f64 + 1.0) / 2.0;
        rank_sum += midrank * tie.iter().filter(|a| a.right).count() as f64;
        below += tie.len() as f64;
    }
    Some((rank_sum - right * (right + 1.0) / 2.0) / (right * wrong))
}

/// The reliability diagram behind [`ece`].
#[must_use]
pub fn reliability(answers: &[Judged]) -> Vec<ReliabilityBin> {
    let edge = |i: usize| i as f64 / BINS as f64;
    let bin = |(i, sum): (usize, &Sums)| ReliabilityBin {
        low: edge(i),
        high: edge(i + 1),
        confidence: if sum.n == 0 { (edge(i) + edge(i + 1)) / 2.0 } else { sum.confidence / f64::from(sum.n) },
        right: Rate::of(sum.right as u32, sum.n),
    };
    sums(answers).iter().enumerate().map(bin).collect()
}

#[derive(Clone, Copy, Default)]
struct Sums {
    n: u32,
    confidence: f64,
    right: f64,
}

fn sums(answers: &[Judged]) -> [Sums; BINS] {
    let mut bins = [Sums::default(); BINS];
    for answer in answers {
        let place = (1..BINS).filter(|i| *i as f64 / (BINS as f64) < answer.confidence).count();
        bins[place].n += 1;
        bins[place].confidence += answer.confidence;
        bins[place].right += f64::from(u8::from(answer.right));
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(confidence: f64, right: bool) -> Judged {
        Judged { confidence, right }
    }

    #[test]
    fn by_hand() {
        // Bins (0.8, 0.9] with one of two right at 0.85, and (0.1, 0.2] with none of one: (|1 - 1.7| + |0 - 0.2|) / 3.
        let answers = [judged(0.9, true), judged(0.8 + 1e-12, false), judged(0.2, false)];
        assert!((ece(&answers) - 0.9 / 3.0).abs() < 1e-9);
        assert!((brier(&answers) - (0.01 + 0.64 + 0.04) / 3.0).abs() < 1e-9);
        assert_eq!(auroc(&answers), Some(1.0));
        assert_eq!(auroc(&answers[..1]), None, "nothing to tell apart");
        assert_eq!(auroc(&[judged(0.5, true), judged(0.5, false)]), Some(0.5), "a tie counts half");
    }

    #[test]
    fn an_edge_belongs_to_the_bin_below_it() {
        let bins = reliability(&[judged(0.5, true), judged(0.0, false), judged(1.0, true)]);
        assert_eq!([bins[4].right.n, bins[0].right.n, bins[9].right.n], [1, 1, 1]);
        assert_eq!(bins[5].confidence, 0.55, "the middle of an empty bin");
    }
}
