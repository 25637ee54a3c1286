//! What pages are made of.

pub(crate) mod alarms;
pub(crate) mod chart;
pub(crate) mod dry_run;
pub(crate) mod engine_chip;
pub(crate) mod eval_table;
pub(crate) mod frame;
pub(crate) mod icon;
pub(crate) mod knob;
pub(crate) mod lab;
pub(crate) mod lessons;
pub(crate) mod live;
pub(crate) mod note;
pub(crate) mod play;
pub(crate) mod principles;
pub(crate) mod receipt;
pub(crate) mod reward_charts;
pub(crate) mod run_bar;
pub(crate) mod samples;
pub(crate) mod stack;
pub(crate) mod theme;
pub(crate) mod tip;
pub(crate) mod tokens;
pub(crate) mod zeros;
