//! Shipped recipes that an arm can name, compiled in.

/// Name and text.
const RECIPES: [(&str, &str); 25] = [
    ("sft", include_str!("../../../../recipes/sft.toml")),
    ("raft", include_str!("../../../../recipes/raft.toml")),
    ("dpo", include_str!("../../../../recipes/dpo.toml")),
    ("kto", include_str!("../../../../recipes/kto.toml")),
    ("orpo", include_str!("../../../../recipes/orpo.toml")),
    ("truthful", include_str!("../../../../recipes/truthful.toml")),
    ("quick", include_str!("../../../../recipes/quick.toml")),
    ("truth/calibrated", include_str!("../../../../recipes/truth/calibrated.toml")),
    ("truth/binary", include_str!("../../../../recipes/truth/binary.toml")),
    ("truth/threshold", include_str!("../../../../recipes/truth/threshold.toml")),
    ("truth/consistent", include_str!("../../../../recipes/truth/consistent.toml")),
    ("truth/safe", include_str!("../../../../recipes/truth/safe.toml")),
    ("truth/reliable", include_str!("../../../../recipes/truth/reliable.toml")),
    ("lora", include_str!("../../../../recipes/lora.toml")),
    ("reward-model", include_str!("../../../../recipes/reward-model.toml")),
    ("family/cispo", include_str!("../../../../recipes/family/cispo.toml")),
    ("family/dialogue", include_str!("../../../../recipes/family/dialogue.toml")),
    ("family/dapo", include_str!("../../../../recipes/family/dapo.toml")),
    ("family/dr-grpo", include_str!("../../../../recipes/family/dr-grpo.toml")),
    ("family/gspo", include_str!("../../../../recipes/family/gspo.toml")),
    ("family/ppo", include_str!("../../../../recipes/family/ppo.toml")),
    ("family/reinforce-plus-plus", include_str!("../../../../recipes/family/reinforce-plus-plus.toml")),
    ("family/remax", include_str!("../../../../recipes/family/remax.toml")),
    ("family/rloo", include_str!("../../../../recipes/family/rloo.toml")),
    ("family/sapo", include_str!("../../../../recipes/family/sapo.toml")),
];

/// The text of a shipped recipe.
pub(crate) fn recipe(name: &str) -> Option<&'static str> {
    RECIPES.into_iter().find(|(known, _)| *known == name).map(|(_, text)| text)
}

/// Names of those that train a model to answer.
pub(crate) fn arms() -> impl Iterator<Item = &'static str> {
    RECIPES.into_iter().map(|(name, _)| name).filter(|name| *name != "reward-model")
}
