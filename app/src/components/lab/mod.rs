//! The reward lab: a reward as form and text, on answers, with what it does to them, in one circle without a server.
//!
//! [`Lab`] is what its parts share. They are drawn as text (`bar`, `form`, `rows`, `receipts`, `figures`, `versions`), first by
//! the server (`page`, with `attack` and `compare` on request), then in the browser by a wasm package of its own: [`wake`]
//! listens, `acts` is what people do, `ask` what the engine and the server are asked, `draft` what stays in the browser.

mod acts;
mod ask;
#[cfg(feature = "ssr")]
pub(crate) mod attack;
mod bar;
#[cfg(feature = "ssr")]
pub(crate) mod compare;
mod draft;
mod figures;
mod form;
mod model;
#[cfg(feature = "ssr")]
mod page;
mod receipts;
mod rows;
mod versions;
mod wake;

#[cfg(feature = "ssr")]
pub(crate) use model::Model;
pub(crate) use model::{Lab, Start};
#[cfg(feature = "ssr")]
pub(crate) use page::page;
#[cfg(feature = "ssr")]
pub(crate) use versions::short;
pub use wake::wake;
