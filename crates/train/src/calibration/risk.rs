//! What is gained by keeping silent when unsure: risk and coverage (El-Yaniv and Wiener 2010; Geifman and El-Yaniv,
//! arXiv 1705.08500).
//!
//! Keep the k surest of n answers: coverage is k / n, risk the share of wrong ones among them. Answers that are equally sure come
//! in no particular order, so inside a tie the wrong ones count as spread evenly: that is the mean over all orders.

use super::Judged;
use clicker_wire::RiskPoint;

/// Area under the risk-coverage curve: the mean over k of the risk of the k surest. 0 is best; a confidence that knows nothing
/// has the share of wrong answers. 0 for no answers.
#[must_use]
pub fn aurc(answers: &[Judged]) -> f64 {
    let mut sum = 0.0;
    for tie in ties(answers) {
        for k in 1..=tie.size {
            let wrong = tie.wrong_before + tie.wrong * k as f64 / tie.size as f64;
            sum += wrong / (tie.before + k) as f64;
        }
    }
    sum / answers.len().max(1) as f64
}

/// The curve at every confidence that occurs, thinned evenly to at most `most` points; the last is full coverage.
#[must_use]
pub fn curve(answers: &[Judged], most: usize) -> Vec<RiskPoint> {
    let n = answers.len() as f64;
    let points: Vec<RiskPoint> = ties(answers)
        .map(|tie| {
            let kept = (tie.before + tie.size) as f64;
            RiskPoint { coverage: kept / n, risk: (tie.wrong_before + tie.wrong) / kept }
        })
        .collect();
    let stride = points.len().div_ceil(most.max(1)).max(1);
    let mut thinned: Vec<RiskPoint> = points.iter().rev().step_by(stride).copied().collect();
    thinned.reverse();
    thinned
}

struct Tie {
    before: usize,
    wrong_before: f64,
    size: usize,
    wrong: f64,
}

/// Runs of equal confidence, the surest first.
fn ties(answers: &[Judged]) -> impl Iterator<Item = Tie> {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let (mut before, mut wrong_before) = (0, 0.0);
    let runs: Vec<Tie> = sorted
        .chunk_by(|a, b| a.confidence == b.confidence)
        .map(|run| {
            let wrong = run.iter().filter(|a| !a.right).count() as f64;
            let tie = Tie { before, wrong_before, size: run.len(), wrong };
            before += run.len();
            wrong_before += wrong;
            tie
        })
        .collect();
    runs.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(confidence: f64, right: bool) -> Judged {
        Judged { confidence, right }
    }

    #[test]
    fn by_hand() {
        // Kept one by one: risks 0, 1/2, 1/3.
        let answers = [judged(0.9, true), judged(0.6, false), judged(0.3, true)];
        assert!((aurc(&answers) - (0.0 + 0.5 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
        let points: Vec<(f64, f64)> = curve(&answers, 50).iter().map(|p| (p.coverage, p.risk)).collect();
        assert_eq!(points, [(1.0 / 3.0, 0.0), (2.0 / 3.0, 0.5), (1.0, 1.0 / 3.0)]);
    }

    #[test]
    fn a_confidence_that_knows_nothing_has_the_share_of_wrong_answers() {
        let answers: Vec<Judged> = (0..10).map(|i| judged(0.7, i % 5 != 0)).collect();
        assert!((aurc(&answers) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_long_curve_is_thinned_and_still_ends_at_full_coverage() {
        let answers: Vec<Judged> = (0..1000).map(|i| judged(f64::from(i) / 1000.0, i % 2 == 0)).collect();
        let points = curve(&answers, 50);
        assert!(points.len() <= 50);
        assert_eq!(points.last().map(|p| p.coverage), Some(1.0));
    }
}
