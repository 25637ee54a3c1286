//! A threshold with a promise: conformal risk control (Angelopoulos et al., arXiv 2208.02814) for "answered and wrong".
//!
//! With the rule "answer when surer than t", the loss of a question is 1 if it is answered wrongly. It never rises with t, so
//! with R the mean loss on n questions, the smallest t with `(n R(t) + 1) / (n + 1) <= alpha` keeps the expected share of questions
//! answered wrongly at or below alpha on new questions of the same kind. The promise is an average over choices of the n
//! questions and over new ones, it is about all questions (silence is never wrong), and it ends where the new ones differ.

use super::Judged;
use clicker_wire::{Conformal, Rate};

/// The smallest threshold that keeps the promise; 0 answers everything with any confidence at all. None if none does: then only a
/// person may answer. `questions` has one entry per question, none where the model gave no answer.
#[must_use]
pub fn threshold(questions: &[Option<Judged>], alpha: f64) -> Option<f64> {
    let n = questions.len() as f64;
    let mut wrong: Vec<f64> = questions.iter().flatten().filter(|a| !a.right).map(|a| a.confidence).collect();
    wrong.sort_by(f64::total_cmp);
    let allowed = |still_wrong: usize| (still_wrong as f64 + 1.0) / (n + 1.0) <= alpha;
    let above = |t: f64| wrong.iter().filter(|c| **c > t).count();
    // The loss only drops at the confidence of a wrong answer.
    std::iter::once(0.0).chain(wrong.iter().copied()).find(|t| allowed(above(*t)))
}

/// Choose on every other question, check on the rest.
#[must_use]
pub fn choose_and_check(questions: &[Option<Judged>], alpha: f64) -> Conformal {
    let half = |offset: usize| -> Vec<Option<Judged>> { questions.iter().skip(offset).step_by(2).copied().collect() };
    let (chosen_on, checked_on) = (half(0), half(1));
    let threshold = threshold(&chosen_on, alpha);
    let answered = |a: &&Judged| threshold.is_some_and(|t| a.confidence > t);
    let count = |hit: &dyn Fn(&&Judged) -> bool| {
        Rate::of(checked_on.iter().flatten().filter(hit).count() as u32, checked_on.len() as u32)
    };
    Conformal {
        alpha,
        threshold,
        chosen_on: chosen_on.len() as u32,
        wrong: count(&|a| answered(a) && !a.right),
        answered: count(&answered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn question(confidence: f64, right: bool) -> Option<Judged> {
        Some(Judged { confidence, right })
    }

    #[test]
    fn by_hand() {
        // n = 9: one wrong answer left is (1 + 1) / 10 = 0.2, none left is 0.1.
        let mut questions = vec![question(0.4, false), question(0.8, false), None];
        questions.extend(vec![question(0.9, true); 6]);
        assert_eq!(threshold(&questions, 0.2), Some(0.4));
        assert_eq!(threshold(&questions, 0.1), Some(0.8));
        assert_eq!(threshold(&questions, 0.3), Some(0.0), "nothing has to be held back");
        assert_eq!(threshold(&questions, 0.05), None, "nine questions cannot promise that");
        assert_eq!(threshold(&[], 0.5), None);
    }

    /// 2,000 draws of 60 questions whose confidence is informative but far too high: the mean share of new questions answered
    /// wrongly stays at or below alpha (its standard error is below 0.001), and is not needlessly far below it.
    #[test]
    fn the_promise_holds_on_new_questions() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let alpha = 0.1;
        let mut draw = || {
            let chance: f64 = rng.random();
            (rng.random::<f64>() < 0.9)
                .then(|| Judged { confidence: chance.sqrt(), right: rng.random::<f64>() < chance })
        };
        let trials = 2000;
        let mut wrong = 0.0;
        for _ in 0..trials {
            let questions: Vec<Option<Judged>> = (0..60).map(|_| draw()).collect();
            let Some(t) = threshold(&questions, alpha) else { continue };
            let fresh: Vec<Option<Judged>> = (0..60).map(|_| draw()).collect();
            let bad = fresh.iter().flatten().filter(|a| a.confidence > t && !a.right).count();
            wrong += bad as f64 / 60.0;
        }
        let mean = wrong / f64::from(trials);
        assert!(mean <= alpha + 0.002, "{mean}");
        assert!(mean >= alpha - 0.03, "{mean}");
    }
}
