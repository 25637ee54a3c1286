//! Ways to train, compared: pure functions from what models answered to figures, intervals and differences. They know no run,
//! folder or table.
//!
//! [`experiment`] reads what is asked, [`answers`] what a model says to the held-out questions, [`figures`] makes figures of it,
//! [`student`] and [`paired`] their intervals, [`limits`] says what the outcome cannot say.

pub mod answers;
pub mod experiment;
pub mod figures;
pub mod limits;
pub mod paired;
pub mod student;
