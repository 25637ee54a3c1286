//! The page: components rendered on the server and hydrated in the browser.
//!
//! Knows the wire types, and `clicker-service` behind the server functions only. Never knows SQL, tensors or axum: what a
//! page shows comes from a resource, from the engine's Web Worker or from a run's event stream.
//!
//! Reading order: `state` (pure), `browser` (web APIs), `api` (server functions), `components`, `drawn` (pages that only the server draws), `pages`, `shell`.
#![recursion_limit = "512"]
// `#[component]` makes items beside each component that are `pub` whatever the component is.
#![allow(unreachable_pub)]
// Components own their properties and server functions their errors, whether or not they consume them.
#![allow(clippy::needless_pass_by_value)]

pub mod api;
mod browser;
mod components;
#[cfg(feature = "ssr")]
mod drawn;
mod erased;
mod pages;
mod shell;
mod state;

pub use components::lab::wake as wake_lab;
#[cfg(feature = "ssr")]
pub use drawn::report::{STYLE as REPORT_STYLE, document as comparison_report};
pub use shell::{App, shell};
