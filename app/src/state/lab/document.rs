//! The reward being written. Its text is the truth; the form shows the last text that could be read, as a tree.

use super::history::History;
use super::text::{self, Complaint};
use super::tree;
use clicker_wire::RewardConfig;
use serde_json::Value;

/// A document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    text: String,
    /// The last text that could be read, as a reward and as a tree.
    config: RewardConfig,
    tree: Value,
    complaint: Option<Complaint>,
    history: History,
}

impl Document {
    /// A document that says this.
    pub(crate) fn of(config: &RewardConfig) -> Self {
        Self::with_text(text::write(config))
    }

    /// A document with this text, whatever it is.
    pub(crate) fn with_text(text: String) -> Self {
        let mut document = Self {
            text: String::new(),
            config: RewardConfig::sum(Vec::new()),
            tree: Value::Null,
            complaint: None,
            history: History::default(),
        };
        document.take(text);
        document
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The last reward that could be read.
    pub(crate) fn config(&self) -> &RewardConfig {
        &self.config
    }

    /// The same as a tree.
    pub(crate) fn tree(&self) -> &Value {
        &self.tree
    }

    /// Why the text is no reward, if it is none.
    pub(crate) fn complaint(&self) -> Option<&Complaint> {
        self.complaint.as_ref()
    }

    /// Whether there is a step back, and one forward.
    pub(crate) fn ways(&self) -> (bool, bool) {
        self.history.ways()
    }

    /// Somebody typed: the text is this now.
    pub(crate) fn write(&mut self, text: String, now: f64) {
        self.step(text, "text", now);
    }

    /// Something else altogether takes its place; the way back stays open.
    pub(crate) fn replace(&mut self, text: String) {
        self.step(text, "", 0.0);
    }

    /// A change in the form, in a place where more may follow. False if the result is no reward: then nothing has changed.
    pub(crate) fn change(&mut self, place: &str, now: f64, change: impl FnOnce(&mut Value)) -> bool {
        let mut tree = self.tree.clone();
        change(&mut tree);
        let Ok(config) = text::read(&tree.to_string()) else { return false };
        self.step(text::write(&config), place, now);
        true
    }

    /// As [`Self::change`], for a grader's name: what refers to it follows.
    pub(crate) fn rename(&mut self, at: &str, name: &str, now: f64) -> bool {
        let old = self.tree.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.change(at, now, |tree| {
            let shared = tree::names(tree).iter().filter(|known| **known == old).count() > 1;
            tree::set(tree, at, name.into());
            if !shared {
                tree::rename(tree, &old, name);
            }
        })
    }

    /// One step back.
    pub(crate) fn undo(&mut self) {
        if let Some(text) = self.history.undo(&self.text) {
            self.take(text);
        }
    }

    /// One step forward again.
    pub(crate) fn redo(&mut self) {
        if let Some(text) = self.history.redo(&self.text) {
            self.take(text);
        }
    }

    fn step(&mut self, text: String, place: &str, now: f64) {
        if text != self.text {
            self.history.record(&self.text, place, now);
            self.take(text);
        }
    }

    fn take(&mut self, text: String) {
        self.complaint = match text::read(&text) {
            Ok(config) => {
                // From the reward and not from the text: members that the text leaves out are there.
                self.tree =
                    serde_json::from_str(&serde_json::to_string(&config).unwrap_or_default()).unwrap_or_default();
                self.config = config;
                None
            }
            Err(complaint) => Some(complaint),
        };
        self.text = text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn form_and_text_stay_in_step() {
        let mut document = Document::of(&RewardConfig::default());
        assert!(document.change("/graders/0/weight", 1000.0, |tree| tree::set(tree, "/graders/0/weight", json!(0.5))));
        assert!(document.text().contains("\"weight\": 0.5"), "{}", document.text());
        document.write(document.text().replace("0.5", "0.75"), 9000.0);
        assert_eq!(document.config().graders[0].weight, 0.75);
        assert_eq!(document.tree()["graders"][0]["weight"], 0.75);
        document.undo();
        document.undo();
        assert_eq!(document.config(), &RewardConfig::default());
        document.redo();
        assert_eq!(document.config().graders[0].weight, 0.5);
    }

    #[test]
    fn broken_text_is_kept_and_the_form_shows_what_was_last_right() {
        let mut document = Document::of(&RewardConfig::default());
        document.write("{\"graders\": oh".into(), 1000.0);
        assert_eq!(document.text(), "{\"graders\": oh");
        assert!(document.complaint().is_some());
        assert_eq!(document.config(), &RewardConfig::default());
        document.undo();
        assert!(document.complaint().is_none());
    }

    #[test]
    fn a_change_that_makes_no_reward_changes_nothing() {
        let mut document = Document::of(&RewardConfig::default());
        let before = document.text().to_owned();
        assert!(!document.change("/graders/0/weight", 1000.0, |tree| tree::set(
            tree,
            "/graders/0/weight",
            json!("heavy")
        )));
        assert_eq!((document.text(), document.ways()), (before.as_str(), (false, false)));
    }

    #[test]
    fn a_new_name_is_followed() {
        let mut document = Document::of(&RewardConfig::default());
        let gate = json!({"grader": "format", "at_least": 1.0, "otherwise": -1.0});
        assert!(document.change("", 1000.0, |tree| {
            tree::add(tree, "/gates", gate);
        }));
        assert!(document.rename("/graders/1/name", "form", 2000.0));
        assert_eq!(document.config().gates[0].grader, "form");
    }
}
