//! Fair comparisons of ways to train. `plan` finds the recipes of an experiment, `parts` says what runs before the seeds and what is read
//! off it, `assemble` makes the result of what the runs left behind; they know neither folders nor tables, so that `clicker compare`
//! and a server give the same. `asked`, `next` and `watch` are a server's half: runs in the ordinary queue, further ones when those
//! before have ended, and the result once all have.

pub(crate) mod asked;
pub(crate) mod assemble;
mod next;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod shipped;
pub(crate) mod watch;
