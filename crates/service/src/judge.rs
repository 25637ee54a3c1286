//! Models as judges of OpenAI's graders, as routes and commands seat them. How a judge chooses is shared with the browser
//! (`clicker_rewards::openai`, `clicker_lm::LoadedModel::choose`); this file only names the types. Knows not where models are kept.

use clicker_rewards::openai::{self, Chooser};
use std::sync::Arc;

/// A model that weighs replies, on any thread.
pub(crate) type Model = Arc<dyn Chooser + Send + Sync>;

/// A model that judges.
pub(crate) type Seat = openai::Seat<Model>;

/// Who judges under which name of a grader; for names without a model, the reason.
pub(crate) type Panel = openai::Panel<Model>;
