//! An error as it crosses the HTTP boundary.

use serde::{Deserialize, Serialize};

/// Body of every non-2xx answer of the JSON API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Short stable name, e.g. `not_found`.
    pub code: String,
    /// What was given, what was expected, what to do.
    pub message: String,
}
