//! Zeros that look like a fault and are none, explained where people look for them.

use crate::erased::Erase;
use clicker_wire::{Algorithm, Sketch};
use leptos::prelude::*;

/// A quiet note under the curves.
#[component]
pub(crate) fn Zeros(recipe: Sketch) -> impl IntoView {
    let lines = expected_zeros(&recipe);
    (!lines.is_empty()).then(|| {
        let each = lines.into_iter().map(|(what, why)| {
            view! {
                <li>
                    <strong>{what}</strong>
                    ": "
                    {why}
                </li>
            }
        });
        view! {
            <details class="quiet" data-testid="zeros">
                <summary>"Zeros that are no fault"</summary>
                <ul class="hint">{each.collect_view()}</ul>
            </details>
        }
        .erased()
    })
}

/// What is zero in a run of this recipe, and why.
fn expected_zeros(recipe: &Sketch) -> Vec<(&'static str, &'static str)> {
    if recipe.algorithm() != Some(Algorithm::Grpo) {
        return Vec::new();
    }
    let mut out = vec![(
        "loss near 0",
        "at the first update of a batch it is minus the mean advantage, and the advantages of a group add up to 0. Its gradient is not 0; it may rise while the reward rises. Watch the reward.",
    )];
    if recipe.number("grpo", "num_iterations") == Some(1.0) {
        out.push((
            "clip ratio 0",
            "every batch is used for one update, so the new and the old probability are the same and nothing is clipped.",
        ));
    }
    if recipe.number("grpo", "beta") == Some(0.0) {
        out.push((
            "no KL curve",
            "beta is 0, so no reference model is kept. The held-out distance is measured all the same.",
        ));
    } else {
        out.push(("KL 0 at the start", "before the first update the model is its own reference."));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_follow_the_recipe() {
        let recipe: clicker_wire::Recipe =
            serde_json::from_str(r#"{"name": "x", "algorithm": "grpo", "steps": 1}"#).expect("a recipe");
        let recipe = Sketch::from(&recipe);
        let names = |recipe: &Sketch| expected_zeros(recipe).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&recipe), ["loss near 0", "clip ratio 0", "KL 0 at the start"]);
        let recipe = recipe.with_in("grpo", "num_iterations", 4).with_in("grpo", "beta", 0.0);
        assert_eq!(names(&recipe), ["loss near 0", "no KL curve"]);
        assert!(names(&recipe.with("algorithm", "sft")).is_empty());
    }
}
