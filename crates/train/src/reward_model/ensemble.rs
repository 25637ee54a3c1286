//! Figures of an ensemble of reward models: each member's own, what they say together, and how far they disagree.

use crate::Result;
use crate::session::Metrics;
use clicker_rl::metrics::pairs as named;

/// A member's scores of the better and of the worse answers of all pairs.
pub(super) type Scores = (Vec<f64>, Vec<f64>);

/// A step's figures of all members: their means under plain names, and each member's under `member_K/`. One member is itself.
pub(super) fn together(each: &[Metrics]) -> Metrics {
    if let [alone] = each {
        return alone.clone();
    }
    let mut out = Metrics::new();
    for (k, own) in each.iter().enumerate() {
        for (name, value) in own {
            *out.entry(name.clone()).or_default() += value / each.len() as f64;
            out.insert(format!("member_{}/{name}", k + 1), *value);
        }
    }
    out
}

/// Figures of held-out pairs, given every member's scores of the better and the worse answers: `accuracy` and its like of the
/// mean score, `member_K/accuracy` of each member's; `disagreement`, the standard deviation of the members' margins (better
/// less worse, so that what a member adds to all scores does not count), averaged over pairs, and the same over the pairs that
/// the mean gets right (`disagreement_right`) and wrong (`disagreement_wrong`): an ensemble that knows what it does not know
/// disagrees more where it is wrong.
pub(super) fn measured(members: &[Scores]) -> Result<Metrics> {
    if let [(chosen, rejected)] = members {
        return Ok(named::scores(chosen, rejected)?);
    }
    let pairs = members.first().map_or(0, |(chosen, _)| chosen.len());
    let k = members.len() as f64;
    let mean = |side: &dyn Fn(&Scores) -> f64| members.iter().map(side).sum::<f64>() / k;
    let chosen: Vec<f64> = (0..pairs).map(|i| mean(&|m| m.0[i])).collect();
    let rejected: Vec<f64> = (0..pairs).map(|i| mean(&|m| m.1[i])).collect();
    let mut out = named::scores(&chosen, &rejected)?;
    for (n, (chosen, rejected)) in members.iter().enumerate() {
        let own = named::scores(chosen, rejected)?;
        out.extend(own.get("accuracy").map(|accuracy| (format!("member_{}/accuracy", n + 1), *accuracy)));
    }
    let spread: Vec<f64> = (0..pairs)
        .map(|i| {
            let centre = chosen[i] - rejected[i];
            mean(&|m| (m.0[i] - m.1[i] - centre).powi(2)).sqrt()
        })
        .collect();
    let over = |keep: &dyn Fn(usize) -> bool| {
        let kept: Vec<f64> = (0..pairs).filter(|i| keep(*i)).map(|i| spread[i]).collect();
        (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / kept.len() as f64)
    };
    let right = |i: usize| chosen[i] > rejected[i];
    let figures = [
        ("disagreement", over(&|_| true)),
        ("disagreement_right", over(&right)),
        ("disagreement_wrong", over(&|i| !right(i))),
    ];
    out.extend(figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let one = Metrics::from([("loss".to_owned(), 1.0)]);
        assert_eq!(together(std::slice::from_ref(&one)), one);
        let both = together(&[one, Metrics::from([("loss".to_owned(), 3.0)])]);
        assert_eq!((both["loss"], both["member_1/loss"], both["member_2/loss"]), (2.0, 1.0, 3.0));

        // Margins of the members: (2, 0) on the first pair, (-1, -3) on the second.
        let members = [(vec![5.0, 0.0], vec![3.0, 1.0]), (vec![1.0, -1.0], vec![1.0, 2.0])];
        let of = measured(&members).unwrap();
        assert_eq!((of["accuracy"], of["margin"]), (0.5, -0.5));
        assert_eq!((of["member_1/accuracy"], of["member_2/accuracy"]), (0.5, 0.0));
        assert_eq!((of["disagreement"], of["disagreement_right"], of["disagreement_wrong"]), (1.0, 1.0, 1.0));
        // What a member adds to all its scores is no disagreement.
        let shifted = [members[0].clone(), (vec![105.0, 100.0], vec![103.0, 101.0])];
        assert!(measured(&shifted).unwrap()["disagreement"].abs() < 1e-12);
        let alone = measured(&members[..1]).unwrap();
        assert!(alone.contains_key("accuracy") && !alone.contains_key("disagreement"));
    }
}
