//! Server functions: the page's only way to ask the server, one thin call into the service each.

mod carried;
mod feedback;
mod json;
mod me;
mod models;
mod rewards;
mod runs;
mod world;

pub use carried::{Carried, carried_reward, offered_rewards};
pub use feedback::{send_votes, votes};
pub use me::is_owner;
pub use models::{builtin, checkpoint, checkpoints};
pub use rewards::{attack_reward, check_scripts, compare_rewards};
pub use runs::{LessonRuns, Run, command_run, lessons, presets, run, run_checkpoints, runs, start_run};
pub use world::{world_item, world_items};

use leptos::prelude::ServerFnError;

/// Who asks, decided by the server from the owner cookie and provided as context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Whether this browser opened the owner link that the server printed.
    pub owner: bool,
}

/// What went wrong, in words for the person in front of the page.
#[must_use]
pub fn explain(error: &ServerFnError) -> String {
    match error {
        ServerFnError::ServerError(message) => message.clone(),
        ServerFnError::Request(_) => {
            "The server cannot be reached. Check that `clicker serve` runs, then try again.".into()
        }
        other => other.to_string(),
    }
}

/// Whether the server was never reached (as opposed to: it answered and refused).
#[must_use]
pub fn unreachable_server(error: &ServerFnError) -> bool {
    matches!(error, ServerFnError::Request(_))
}

#[cfg(feature = "ssr")]
mod ssr {
    //! What only the server's half of the functions needs.

    use super::Caller;
    use clicker_service::{Service, ServiceError};
    use leptos::prelude::{ServerFnError, expect_context, use_context};
    use leptos_axum::ResponseOptions;

    /// The use cases.
    pub(super) fn service() -> Service {
        expect_context()
    }

    /// A service error as the page receives it.
    pub(super) fn told(error: ServiceError) -> ServerFnError {
        ServerFnError::ServerError(error.to_string())
    }

    /// The page that is being drawn, if its address is below this one; none where a page that is open already asks.
    pub(super) fn page_below(path: &str) -> Option<ResponseOptions> {
        let parts: http::request::Parts = use_context()?;
        if parts.uri.path().starts_with(path) { use_context() } else { None }
    }

    /// As [`told`]; a page about what is not there says so by its status too.
    pub(super) fn missing(error: ServiceError, page: Option<ResponseOptions>) -> ServerFnError {
        if let (ServiceError::NotFound { .. }, Some(page)) = (&error, page) {
            page.set_status(http::StatusCode::NOT_FOUND);
        }
        told(error)
    }

    /// Refuses everybody but the owner.
    pub(super) fn owner_only() -> Result<(), ServerFnError> {
        if use_context::<Caller>().unwrap_or_default().owner {
            return Ok(());
        }
        Err(ServerFnError::ServerError(
            "Only the owner of this server may do that. Open the owner link that `clicker serve` printed in its terminal."
                .into(),
        ))
    }
}
