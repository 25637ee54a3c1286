//! Fair comparisons of ways to train. `plan` finds the recipes of an experiment, `assemble` makes the result of what its runs left
//! behind; both know neither folders nor tables, so that `clicker compare` and a server give the same. `asked` and `watch` are a
//! server's half: runs in the ordinary queue, and the result once all have ended.

pub(crate) mod asked;
pub(crate) mod assemble;
pub(crate) mod plan;
pub(crate) mod shipped;
pub(crate) mod watch;
