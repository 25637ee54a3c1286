//! The models of this tab as judges of OpenAI's model graders. A request asks them for a moment only and counts what is left: whoever
//! types on gets an answer at once, nothing has to be stopped, and the same request again goes on where this one ended, because
//! replies are remembered.

use crate::engine::Failure;
use crate::port;
use clicker_lm::{Inference, LoadedModel};
use clicker_rewards::Outside;
use clicker_rewards::openai::{Chooser, Panel, Patient, Replies, Seat};
use clicker_wire::{Choice, Message, RewardConfig, Sampling};
use std::rc::Rc;

/// Milliseconds that a request may ask models for; the question that is under way then is answered.
const MOMENT_MS: f64 = 40.0;

/// A model that weighs replies.
pub(crate) struct Weighing<M>(pub(crate) Rc<LoadedModel<M>>);

impl<M: Inference> Chooser for Weighing<M> {
    fn choose(&self, conversation: &[Message], replies: &[String], sampling: &Sampling) -> Result<Choice, String> {
        self.0.choose(conversation, replies, sampling).map_err(|e| e.to_string())
    }
}

/// Who judges for a reward: `builtin` is the tab's model, which lies in the slot `own`; any other name is a slot.
pub(crate) fn panel<M>(
    reward: &RewardConfig,
    own: Option<&str>,
    loaded: impl Fn(&str) -> Option<Rc<LoadedModel<M>>>,
) -> Panel<Weighing<M>> {
    let seat = |name: &str| {
        let slot = if name == "builtin" { own.unwrap_or(name) } else { name };
        match loaded(slot) {
            Some(model) => Ok(Seat { name: name.to_owned(), identity: slot.to_owned(), model: Weighing(model) }),
            None if Some(slot) == own => Err("the model of this tab is not loaded yet, so it cannot judge".to_owned()),
            None if name == "builtin" => Err("this tab has no model that could judge".to_owned()),
            None => Err(format!(
                "there is no model {name:?} in this tab; write \"builtin\", which is the model that the tab was opened with, or \
                 open the playground with this checkpoint"
            )),
        }
    };
    Panel { seats: reward.judges().into_iter().map(|name| (name.to_owned(), seat(name))).collect() }
}

/// Does `work` with these judges; says how often they should have been asked and were not.
pub(crate) fn within<T, M: Inference>(
    panel: &Panel<Weighing<M>>,
    replies: &Replies,
    work: impl FnOnce(Outside<'_>) -> Result<T, Failure>,
) -> Result<(T, u32), Failure> {
    let start = port::now_ms();
    let in_time = || port::now_ms() - start < MOMENT_MS;
    let judge = Patient::new(panel, replies, &in_time);
    let done = work(Outside { judge: Some(&judge), ..Outside::default() })?;
    Ok((done, judge.left()))
}
