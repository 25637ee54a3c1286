//! Figures as inline SVG: colours come from the stylesheet, so that they are right in the light and in the dark, and every figure says in
//! words what it shows. Never know where their numbers come from.

pub(super) mod interval;
pub(super) mod reliability;
pub(super) mod risk;
