//! What pages remember and how they say it: pure data and pure functions, the same on the server and in the browser.

pub(crate) mod doubt;
pub(crate) mod figures;
pub(crate) mod knobs;
pub(crate) mod lab;
pub(crate) mod pieces;
pub(crate) mod run_view;
pub(crate) mod words;
