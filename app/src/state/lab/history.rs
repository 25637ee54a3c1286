//! Undo and redo over whole texts. Knows no clock: the time of a change is an argument.

/// Changes in one place, closer than this, are one step back; milliseconds.
const PAUSE: f64 = 600.0;
/// Most steps back.
const DEPTH: usize = 200;

/// What the text was.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    past: Vec<String>,
    future: Vec<String>,
    /// Where and when the last change was.
    last: (String, f64),
}

impl History {
    /// A change away from `before`. Quick ones in a row in one place are one step; one without a place stands alone.
    pub(crate) fn record(&mut self, before: &str, place: &str, now: f64) {
        let typed_on = !place.is_empty() && self.last.0 == place && now - self.last.1 < PAUSE;
        if !typed_on || self.past.is_empty() {
            self.past.push(before.to_owned());
            if self.past.len() > DEPTH {
                self.past.remove(0);
            }
        }
        self.future.clear();
        self.last = (place.to_owned(), now);
    }

    /// One step back from `here`.
    pub(crate) fn undo(&mut self, here: &str) -> Option<String> {
        let back = self.past.pop()?;
        self.future.push(here.to_owned());
        self.last = Default::default();
        Some(back)
    }

    /// One step forward again.
    pub(crate) fn redo(&mut self, here: &str) -> Option<String> {
        let on = self.future.pop()?;
        self.past.push(here.to_owned());
        self.last = Default::default();
        Some(on)
    }

    /// Whether there is a step back, and one forward.
    pub(crate) fn ways(&self) -> (bool, bool) {
        (!self.past.is_empty(), !self.future.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::History;

    #[test]
    fn typing_is_one_step_and_a_pause_makes_another() {
        let mut history = History::default();
        for (before, now) in [("", 1000.0), ("a", 1100.0), ("ab", 1200.0), ("abc", 9000.0)] {
            history.record(before, "text", now);
        }
        assert_eq!(history.undo("abcd").as_deref(), Some("abc"));
        assert_eq!(history.undo("abc").as_deref(), Some(""));
        assert_eq!(history.undo(""), None);
        assert_eq!(history.redo("").as_deref(), Some("abc"));
        assert_eq!(history.redo("abc").as_deref(), Some("abcd"));
        assert_eq!(history.ways(), (true, false));
    }

    #[test]
    fn another_place_is_another_step() {
        let mut history = History::default();
        for (before, place) in [("a", "/weight"), ("b", "/weight"), ("c", "text"), ("d", ""), ("e", "")] {
            history.record(before, place, 1000.0);
        }
        let mut back = Vec::new();
        while let Some(text) = history.undo("f") {
            back.push(text);
        }
        assert_eq!(back, ["e", "d", "c", "a"]);
    }

    #[test]
    fn a_change_after_undo_forgets_the_way_forward() {
        let mut history = History::default();
        history.record("a", "text", 1000.0);
        history.undo("b");
        history.record("a", "text", 1100.0);
        assert_eq!(history.redo("c"), None);
        assert_eq!(history.undo("c").as_deref(), Some("a"));
    }
}
