//! What handlers share.

use crate::OwnerKey;
use axum::extract::FromRef;
use clicker_service::Service;
use leptos::config::LeptosOptions;

/// What handlers share; cheap to clone.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The use cases.
    pub service: Service,
    /// Names and folders of the built page.
    pub options: LeptosOptions,
    /// What proves an owner.
    pub owner: OwnerKey,
    /// Under which names the server answers.
    pub hosts: Hosts,
}

/// Under which `Host` names the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// This machine's own names only: a page of another site that points its name at 127.0.0.1 gets nothing.
    Loopback,
    /// Any.
    Any,
}
