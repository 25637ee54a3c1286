//! The names by which a `multi`'s formula calls its parts. Knows the three shapes, not the formula.

use clicker_wire::openai_grader::{Grader, Parts};

/// The names of a `multi`'s parts, as `sub_rewards` has them; none of any other grader.
#[must_use]
pub fn part_names(grader: &Grader) -> Vec<String> {
    match grader {
        Grader::Multi(multi) => named(&multi.graders).into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

/// Every part with its name: the key of an object, `<type>_score` in an array or alone.
pub(super) fn named(parts: &Parts) -> Vec<(String, &Grader)> {
    let by_type = |grader: &'_ Grader| format!("{}_score", grader.kind());
    match parts {
        Parts::One(grader) => vec![(by_type(grader), &**grader)],
        Parts::List(list) => list.iter().map(|grader| (by_type(grader), grader)).collect(),
        Parts::Named(map) => map.iter().map(|(key, grader)| (key.clone(), grader)).collect(),
    }
}
