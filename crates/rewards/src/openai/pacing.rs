//! Asking a judge no more than there is time for, and never the same twice: a preview shows what is known already and counts
//! what is missing, so that whoever types never waits for a model. Knows no clock: whether there is time is an argument.

use super::judge::{Judge, JudgeError, JudgeReply, JudgeRequest};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many replies are remembered; then the memory starts anew.
const REMEMBERED: usize = 4096;

/// What judges have replied. A judge is a function of what it is shown, so a reply holds as long as the model does.
#[derive(Debug, Default)]
pub struct Replies(Mutex<Known>);

type Known = BTreeMap<String, Result<JudgeReply, JudgeError>>;

impl Replies {
    /// Forgets everything: another model may stand behind a name.
    pub fn forget(&self) {
        self.known().clear();
    }

    /// What a judge panicked over is not in it: replies go in whole.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A judge that is asked while there is time.
pub struct Patient<'a> {
    judge: &'a dyn Judge,
    replies: &'a Replies,
    in_time: &'a dyn Fn() -> bool,
    asked: Cell<u32>,
    left: Cell<u32>,
}

impl<'a> Patient<'a> {
    /// Asks `judge` what `replies` do not know, at least once, and on as long as `in_time` says so.
    #[must_use]
    pub fn new(judge: &'a dyn Judge, replies: &'a Replies, in_time: &'a dyn Fn() -> bool) -> Self {
        Self { judge, replies, in_time, asked: Cell::new(0), left: Cell::new(0) }
    }

    /// How often it should have been asked and was not.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left.get()
    }
}

impl Judge for Patient<'_> {
    fn seated(&self, model: &str) -> Result<String, String> {
        self.judge.seated(model)
    }

    fn ask(&self, request: &JudgeRequest<'_>) -> Result<JudgeReply, JudgeError> {
        let identity = self.judge.seated(request.model).map_err(JudgeError::Server)?;
        let key = format!("{identity} {request:?}");
        if let Some(known) = self.replies.known().get(&key) {
            return known.clone();
        }
        if self.asked.get() > 0 && !(self.in_time)() {
            self.left.set(self.left.get() + 1);
            return Err(JudgeError::Later);
        }
        self.asked.set(self.asked.get() + 1);
        let reply = self.judge.ask(request);
        let mut replies = self.replies.known();
        if replies.len() >= REMEMBERED {
            replies.clear();
        }
        replies.insert(key, reply.clone());
        reply
    }
}
