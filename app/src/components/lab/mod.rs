//! The reward lab: a reward as form and text, on answers, with what it does to them, in one circle without a server.
//!
//! [`Lab`] is what its parts share. Its parts are drawn as text (`form`, `rows`, `figures`, `versions`, `attack`); `acts` is
//! what people do to it, `ask` what it asks the engine and the server, `desk` the page's frame.

pub(crate) mod acts;
mod ask;
#[cfg(feature = "ssr")]
pub(crate) mod attack;
mod bar;
mod desk;
mod draft;
mod figures;
mod form;
mod lab;
mod receipts;
mod rows;
mod versions;

pub(crate) use desk::LabDesk;
pub(crate) use lab::{Lab, Start};
