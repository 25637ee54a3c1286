//! The axum binary's library: routes, handlers and commands.
//!
//! Reading order: [`router`] shows every route on one screen; `http` has one file of handlers per noun; `owner`, `guard` and
//! `headers` are what every request passes; `pages` is the bridge to the Leptos app; `cli` has one file per command.
//!
//! This crate never knows tensor math, and no SQL: it wires crates together.
#![warn(missing_docs)]
// The type of a whole page is as deep as the page, and this crate is where its future is laid out.
#![recursion_limit = "512"]

pub mod cli;
mod guard;
mod headers;
mod http;
mod owner;
mod pages;
mod router;
mod site;
mod state;

pub use owner::OwnerKey;
pub use router::router;
pub use state::{AppState, Hosts};
