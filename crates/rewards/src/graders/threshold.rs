//! A stated confidence threshold as a reward (Kalai et al., arXiv 2509.04664): the price of a wrong answer is set so
//! that answering pays off exactly above confidence t.

use super::{Graded, truthful};
use crate::case::Case;

/// Right 1, abstained 0, wrong `-t / (1 - t)`: with confidence p, answering is worth p - (1 - p) t / (1 - t), which is
/// above 0 when p > t. With a `t` of 1 or more (which validation refuses) a wrong answer costs 1.
pub(super) fn grade(case: &Case, t: f64) -> Graded {
    let wrong = if (0.0..1.0).contains(&t) { -t / (1.0 - t) } else { -1.0 };
    // From +0: with t = 0 a wrong answer costs nothing, and -0 has other bytes.
    let values = truthful::Values { right: 1.0, abstain: 0.0, wrong: wrong + 0.0 };
    let graded = truthful::grade(case, &values);
    match graded.score {
        Some(_) => Graded { reason: format!("{}; answering pays off above confidence {t}", graded.reason), ..graded },
        None => graded,
    }
}
