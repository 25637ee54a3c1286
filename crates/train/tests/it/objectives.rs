//! Two hands for one formula: several rewards normalised before they are summed (GDPO), by the reward crate from receipts and by
//! the mathematics from numbers.

use clicker_rewards::objectives;
use clicker_rl::advantage::gdpo;
use proptest::prelude::*;

proptest! {
    #[test]
    fn both_give_the_same_advantages(
        // Quarters: values that differ do so visibly, so both call the same groups silent.
        quarters in proptest::collection::vec(proptest::option::weighted(0.9, -4i32..5), 24),
        weights in proptest::collection::vec(-2.0..2.0f64, 3),
    ) {
        // Two groups of four answers with three scores each.
        let rows: Vec<Vec<Option<f64>>> =
            quarters.chunks(3).map(|row| row.iter().map(|q| q.map(|q| f64::from(q) * 0.25)).collect()).collect();
        let groups: Vec<Vec<Vec<Option<f64>>>> = rows.chunks(4).map(<[_]>::to_vec).collect();
        let (ours, theirs) =
            (gdpo::normalise_then_sum(&groups, &weights).unwrap(), objectives::normalise_then_sum(&groups, &weights));
        for (a, b) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            prop_assert!((a - b).abs() < 1e-9, "{ours:?}\n{theirs:?}");
        }
    }
}
