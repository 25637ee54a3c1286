//! The service through its public face: one binary, one file per use case.

#[path = "it/bench.rs"]
mod bench;
#[path = "it/commands.rs"]
mod commands;
#[path = "it/comparing.rs"]
mod comparing;
#[path = "it/crashes.rs"]
mod crashes;
#[path = "it/evaluations.rs"]
mod evaluations;
#[path = "it/explain.rs"]
mod explain;
#[path = "it/families.rs"]
mod families;
#[path = "it/feedback.rs"]
mod feedback;
#[path = "it/folder.rs"]
mod folder;
#[path = "it/follow.rs"]
mod follow;
#[path = "it/models.rs"]
mod models;
#[path = "it/reviews.rs"]
mod reviews;
#[path = "it/rewards.rs"]
mod rewards;
#[path = "it/rows.rs"]
mod rows;
