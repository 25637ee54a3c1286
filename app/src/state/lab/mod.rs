//! The reward lab as data: the document being written, what it looks like as a form and as text, and the answers that it is
//! tried on. Pure, the same on the server and in the browser.

pub(crate) mod document;
pub(crate) mod history;
pub(crate) mod link;
pub(crate) mod markup;
pub(crate) mod place;
pub(crate) mod samples;
pub(crate) mod shape;
pub(crate) mod text;
pub(crate) mod tree;
