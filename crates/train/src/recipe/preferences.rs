//! The rules of recipes that learn from comparisons, judgements and files. Knows values, not data.

use clicker_wire::{Algorithm, DpoLoss, Recipe};

/// The first rule that the recipe breaks, in words.
pub(super) fn complaint(recipe: &Recipe) -> Option<String> {
    let positive = |x: f64| x.is_finite() && x > 0.0;
    let not_negative = |x: f64| x.is_finite() && x >= 0.0;
    let batch = |name: &str, least: u32, batch: u32| {
        let fits = (least..=65_536).contains(&batch);
        (fits, format!("{name}.batch is {batch}; expected {least} to 65536"))
    };
    let beta = |name: &str, beta: f64| (positive(beta), format!("{name}.beta is {beta}; expected a number above 0"));
    let (dpo, kto, orpo) = (&recipe.dpo, &recipe.kto, &recipe.orpo);
    let noisy = matches!(dpo.loss_type, DpoLoss::Sigmoid | DpoLoss::Robust);
    let rules = match recipe.algorithm {
        Algorithm::Sft | Algorithm::Grpo | Algorithm::Raft => vec![
            (
                recipe.data.preferences.is_none(),
                "data.preferences has no effect with this algorithm, which makes its own answers or demonstrations; use dpo, \
                 kto, orpo or reward_model, or leave it out"
                    .to_owned(),
            ),
            (
                recipe.raft.accept_above.is_finite(),
                format!("raft.accept_above is {}; expected a finite number", recipe.raft.accept_above),
            ),
        ],
        Algorithm::Dpo => vec![
            batch("dpo", 1, dpo.batch),
            beta("dpo", dpo.beta),
            (
                (0.0..0.5).contains(&dpo.label_smoothing),
                format!("dpo.label_smoothing is {}; expected 0 up to 0.5, without 0.5", dpo.label_smoothing),
            ),
            (
                noisy || dpo.label_smoothing == 0.0,
                "dpo.label_smoothing has no effect without loss_type sigmoid or robust; leave it out".to_owned(),
            ),
            (
                dpo.loss_type == DpoLoss::Simpo || dpo.gamma.is_none(),
                "dpo.gamma has no effect without loss_type = \"simpo\"; leave it out".to_owned(),
            ),
            (dpo.gamma.is_none_or(f64::is_finite), "dpo.gamma has to be a finite number".to_owned()),
            (
                not_negative(dpo.sft_weight),
                format!("dpo.sft_weight is {}; expected a number of at least 0", dpo.sft_weight),
            ),
        ],
        Algorithm::Kto => vec![
            batch("kto", 2, kto.batch),
            beta("kto", kto.beta),
            (
                not_negative(kto.desirable_weight) && not_negative(kto.undesirable_weight),
                "kto.desirable_weight and undesirable_weight: expected numbers of at least 0".to_owned(),
            ),
        ],
        Algorithm::Orpo => vec![batch("orpo", 1, orpo.batch), beta("orpo", orpo.beta)],
        Algorithm::RewardModel => vec![
            batch("reward_model", 1, recipe.reward_model.batch),
            (
                (1..=16).contains(&recipe.reward_model.ensemble),
                format!("reward_model.ensemble is {}; expected 1 to 16 members", recipe.reward_model.ensemble),
            ),
            (
                not_negative(recipe.reward_model.center_rewards_coefficient),
                "reward_model.center_rewards_coefficient: expected a number of at least 0; 0.01 is advised".to_owned(),
            ),
        ],
    };
    rules.into_iter().chain(file(recipe)).find(|(kept, _)| !kept).map(|(_, rule)| rule)
}

/// Keys of `[data]` that only make sense with a file, and those that make none beside one.
fn file(recipe: &Recipe) -> Vec<(bool, String)> {
    let data = &recipe.data;
    let hash = |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let reason = |text: &String| !text.trim().is_empty();
    if data.file.is_none() {
        let alone = |name: &str| format!("data.{name} has no effect without data.file; leave it out, or name a file");
        return vec![(data.sha256.is_none(), alone("sha256")), (data.start_anyway.is_none(), alone("start_anyway"))];
    }
    vec![
        (
            data.preferences.is_none(),
            "data.file and data.preferences both say what to learn from; leave one of them out".to_owned(),
        ),
        (
            data.domains.is_empty(),
            "data.domains has no effect with data.file: all its rows are used; leave it out".to_owned(),
        ),
        (data.sha256.as_ref().is_none_or(hash), "data.sha256: expected 64 hexadecimal digits".to_owned()),
        (data.start_anyway.as_ref().is_none_or(reason), "data.start_anyway is empty; give the reason".to_owned()),
    ]
}
