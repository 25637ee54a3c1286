//! A sum that is asked for with its steps, and the steps that a good demonstrator shows: over the next ten, or by a smaller product.
//! For a model that is to show its work. Never knows whether a model's own steps are right: a grader looks at that.

use super::asked;
use clicker_wire::{Domain, Item};

/// What the question says behind itself; `clicker eval --ask-for-steps` says the same.
pub const SHOW_STEPS: &str = "Show your steps.";

/// The question with "Show your steps." behind it, and its best answer the worked one: "7 + 3 = 10, 10 + 5 = 15. So 15." The bare
/// result stays right. None for what is no sum of the world.
#[must_use]
pub fn worked(item: &Item) -> Option<Item> {
    let (a, operation, b) = operands(item)?;
    let (steps, result) = match operation {
        "plus" => added(a, b),
        "minus" => taken(a, b)?,
        "times" => multiplied(a, b)?,
        _ => return None,
    };
    let mut item = asked(item, "steps", format!("{} {SHOW_STEPS}", item.question()));
    item.accepted.insert(0, format!("{}. So {result}.", steps.join(", ")));
    Some(item)
}

/// The operands and the operation of a sum, from its name: `arithmetic/7-plus-8/3`.
fn operands(item: &Item) -> Option<(u32, &str, u32)> {
    let name = item.id.as_str().strip_prefix("arithmetic/").filter(|_| item.domain == Domain::Arithmetic)?;
    let mut parts = name.split('/').next()?.split('-');
    let (a, operation, b) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((a, operation, b))
}

/// Ten first where more than ten is added, else up to the next ten.
fn added(a: u32, b: u32) -> (Vec<String>, u32) {
    let first = if b > 10 { 10 } else { 10 - a % 10 };
    let result = a + b;
    match b > first {
        true => (vec![step(a, '+', first, a + first), step(a + first, '+', b - first, result)], result),
        false => (vec![step(a, '+', b, result)], result),
    }
}

/// Ten first where more than ten is taken, else down to the ten below.
fn taken(a: u32, b: u32) -> Option<(Vec<String>, u32)> {
    let (first, result) = (if b > 10 { 10 } else { a % 10 }, a.checked_sub(b)?);
    Some(match first > 0 && b > first {
        true => (vec![step(a, '-', first, a - first), step(a - first, '-', b - first, result)], result),
        false => (vec![step(a, '-', b, result)], result),
    })
}

/// One less of it, and one more.
fn multiplied(a: u32, b: u32) -> Option<(Vec<String>, u32)> {
    let (less, result) = (b.checked_sub(1).filter(|less| *less > 0)?, a * b);
    Some(match less {
        1 => (vec![step(a, '+', a, result)], result),
        _ => (vec![step(a, '*', less, a * less), step(a * less, '+', a, result)], result),
    })
}

fn step(a: u32, sign: char, b: u32, result: u32) -> String {
    format!("{a} {sign} {b} = {result}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use clicker_wire::Split;

    #[test]
    fn steps_go_over_tens() {
        for (a, b, shown) in [
            (7, 8, "7 + 3 = 10, 10 + 5 = 15"),
            (7, 15, "7 + 10 = 17, 17 + 5 = 22"),
            (10, 9, "10 + 9 = 19"),
            (3, 4, "3 + 4 = 7"),
        ] {
            assert_eq!(added(a, b), (shown.split(", ").map(str::to_owned).collect(), a + b));
        }
        assert_eq!(taken(15, 8).unwrap().0.join(", "), "15 - 5 = 10, 10 - 3 = 7");
        assert_eq!(taken(19, 14).unwrap().0.join(", "), "19 - 10 = 9, 9 - 4 = 5");
        assert_eq!(taken(20, 8).unwrap().0.join(", "), "20 - 8 = 12");
        assert_eq!(taken(3, 4), None);
        assert_eq!(multiplied(7, 8).unwrap().0.join(", "), "7 * 7 = 49, 49 + 7 = 56");
        assert_eq!(multiplied(6, 2).unwrap().0.join(", "), "6 + 6 = 12");
    }

    /// Every sum of the world, in every split: the steps are sums that hold, each goes on from the one before, and the last gives the result.
    #[test]
    fn every_sum_of_the_world_is_worked_out_rightly() {
        let world = World::new(1);
        let sums: Vec<&Item> = [Split::Sft, Split::Rl, Split::Eval]
            .into_iter()
            .flat_map(|split| world.items(split))
            .filter(|item| item.domain == Domain::Arithmetic)
            .collect();
        assert!(sums.len() > 400, "{}", sums.len());
        for item in sums {
            let shown = worked(item).unwrap();
            assert!(shown.question().ends_with(SHOW_STEPS), "{}", shown.question());
            assert_eq!(shown.accepted[1..], item.accepted[..]);
            let (steps, conclusion) = shown.accepted[0].split_once(". So ").unwrap();
            assert_eq!(conclusion, item.accepted[0]);
            let mut before = None;
            for step in steps.split(", ") {
                let words: Vec<&str> = step.split(' ').collect();
                let [a, b, right] = [0, 2, 4].map(|i| words[i].parse::<i64>().unwrap());
                let left = match words[1] {
                    "+" => a + b,
                    "-" => a - b,
                    "*" => a * b,
                    other => panic!("{other} in {step}"),
                };
                assert_eq!(left, right, "{step}");
                assert!(before.is_none_or(|before| before == a), "{steps}");
                before = Some(right);
            }
            assert_eq!(format!("{}.", before.unwrap()), item.accepted[0]);
        }
        let other = world.items(Split::Rl).iter().find(|item| item.domain == Domain::Reading).unwrap();
        assert_eq!(worked(other), None);
    }
}
