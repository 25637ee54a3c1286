//! The page: components rendered on the server and hydrated in the browser.
//!
//! Knows the wire types, and `clicker-service` behind the server functions only. Never knows SQL, tensors or axum: what a
//! page shows comes from a resource, from the engine's Web Worker or from a run's event stream.
#![recursion_limit = "512"]

pub mod api;
mod pages;
mod shell;

pub use shell::{App, shell};
