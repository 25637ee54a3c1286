//! What the lab asks the engine and the server, and drawing what changes. One frame draws at most once; one preview is under
//! way at most, and one that the document has left behind is dropped.

use super::{Lab, draft, figures, form, receipts, rows, versions};
use crate::api;
use crate::browser::engine::Engine;
use crate::browser::{self, page};
use clicker_wire::{EngineReply, LabSample, NewRewardVersion, Recipe, Sampling};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Questions that the model is asked, and answers to each.
const DRAWN: (usize, u32) = (8, 8);

/// The lab of this page, with its engine.
#[derive(Clone, Copy)]
pub(super) struct Desk {
    pub(super) lab: StoredValue<Lab>,
    pub(super) engine: Engine,
    /// Where to go.
    pub(super) go: RwSignal<Option<String>>,
}

impl Desk {
    /// Changes the lab, and draws what that changes in the next frame. None once the page is gone.
    pub(super) fn with<T>(self, change: impl FnOnce(&mut Lab) -> T) -> Option<T> {
        let done = self.lab.try_update_value(change);
        self.soon();
        done
    }

    /// The document has changed: everything that follows from it is behind.
    pub(super) fn changed(self) {
        self.with(|lab| {
            lab.flow.stale = true;
            lab.flow.kept = false;
        });
    }

    fn soon(self) {
        let first = self.lab.try_update_value(|lab| !std::mem::replace(&mut lab.flow.scheduled, true));
        if first == Some(true) {
            request_animation_frame(move || self.frame());
        }
    }

    fn frame(self) {
        self.lab.try_update_value(|lab| {
            lab.flow.scheduled = false;
            if std::mem::take(&mut lab.flow.form) {
                page::draw("lab-form", form::draw(lab));
            }
            if let Some(focus) = lab.flow.focus.take() {
                page::focus(&focus);
            }
            page::write("lab-json", lab.document.text());
            if !std::mem::replace(&mut lab.flow.kept, true) {
                draft::keep_text(lab);
            }
            draw(lab);
        });
        self.preview();
    }

    fn preview(self) {
        let wish = self.lab.try_update_value(|lab| {
            if lab.flow.asked || !lab.flow.stale || lab.document.complaint().is_some() {
                return None;
            }
            (lab.flow.asked, lab.flow.stale) = (true, false);
            let samples = (!std::mem::replace(&mut lab.flow.sent, true)).then(|| lab.samples.clone());
            Some((samples, lab.document.config().clone(), lab.open.iter().copied().collect()))
        });
        let Some((samples, reward, open)) = wish.flatten() else { return };
        self.engine.preview(samples, reward, open, move |result| {
            self.lab.try_update_value(|lab| {
                lab.flow.asked = false;
                if lab.flow.stale {
                    return;
                }
                match result {
                    Ok(preview) => lab.show(preview),
                    Err(message) => lab.refused = Some(message),
                }
                draw(lab);
            });
            self.preview();
        });
    }

    /// Draws answers from the model, one question after the other.
    pub(super) fn draw_samples(self) {
        let (questions, each) = DRAWN;
        let begun = self.with(|lab| {
            let Some(model) = lab.model.clone() else {
                lab.complain("This server has no model to draw from.");
                return None;
            };
            lab.flow.turn += 1;
            lab.drawing = Some((0, questions.min(lab.questions.len())));
            Some((lab.flow.turn, model))
        });
        let Some((turn, model)) = begun.flatten() else { return };
        self.engine.load(&model.clone(), move |loaded| match loaded {
            Ok(()) => self.draw_next(turn, model.id.0, each, Vec::new()),
            Err(message) => self.stop_drawing(message),
        });
    }

    fn draw_next(self, turn: u64, slot: String, each: u32, mut drawn: Vec<LabSample>) {
        let asked = drawn.len() / each as usize;
        let item = self.with(|lab| {
            let (_, of) = lab.drawing.filter(|_| lab.flow.turn == turn)?;
            lab.drawing = Some((asked, of));
            Some(lab.questions.get(asked).filter(|_| asked < of).cloned())
        });
        match item.flatten() {
            None => {}
            Some(None) => {
                self.with(|lab| {
                    lab.drawing = None;
                    lab.take(std::mem::take(&mut drawn), "drawn from the model at temperature 1".into());
                    draft::keep_samples(lab);
                });
            }
            Some(Some(item)) => {
                let sampling = Sampling { seed: turn, ..Sampling::default() };
                let mut so_far = Some(drawn);
                self.engine.generate(slot.clone(), item.clone(), each, sampling, move |reply| match reply {
                    EngineReply::Generated { rollouts, .. } => {
                        let Some(mut drawn) = so_far.take() else { return };
                        drawn.extend(rollouts.into_iter().map(|r| LabSample { item: item.clone(), text: r.text }));
                        self.draw_next(turn, slot.clone(), each, drawn);
                    }
                    EngineReply::Failed { message, .. } => self.stop_drawing(message),
                    _ => {}
                });
            }
        }
    }

    fn stop_drawing(self, message: String) {
        self.with(|lab| {
            lab.drawing = None;
            lab.complain(message);
        });
    }

    /// Keeps the reward as it stands.
    pub(super) fn keep(self) {
        let (name, note) = (page::value_of("keep-name"), page::value_of("keep-note"));
        let Some(reward) = self.lab.try_with_value(|lab| lab.document.config().clone()) else { return };
        spawn_local(async move {
            let saved = api::save_reward(NewRewardVersion { name, note, reward }).await;
            self.with(|lab| match saved {
                Ok(version) => {
                    lab.versions.retain(|known| *known != version);
                    lab.versions.insert(0, version);
                    lab.compared = (None, None);
                    lab.say("Kept. Versions never change; load one to go on from it.");
                }
                Err(error) => lab.complain(api::explain(&error)),
            });
        });
    }

    /// Lets the server attack the reward as it stands.
    pub(super) fn attack(self) {
        let Some(reward) = self.lab.try_with_value(|lab| lab.document.config().clone()) else { return };
        page::draw("lab-attack", "<p class=\"hint\" role=\"status\">Trying every exploit</p>".into());
        spawn_local(async move {
            match api::attack_reward(reward).await {
                Ok(drawn) => page::draw("lab-attack", drawn),
                Err(error) => {
                    page::draw("lab-attack", String::new());
                    self.with(|lab| lab.complain(api::explain(&error)));
                }
            }
        });
    }

    /// Trains on the reward as it stands, and goes to the run.
    pub(super) fn train(self) {
        let recipe = self.lab.try_with_value(|lab| {
            let reward = lab.document.config().clone();
            lab.recipe.clone().map(|recipe| Recipe { name: "reward lab".into(), reward, ..recipe })
        });
        let Some(recipe) = recipe.flatten() else { return };
        spawn_local(async move {
            match api::start_run(recipe).await {
                Ok(run) => self.go.set(Some(format!("/runs/{}", run.id))),
                Err(error) => drop(self.with(|lab| lab.complain(api::explain(&error)))),
            }
        });
    }

    /// Puts the reward into the address, and the address into the clipboard.
    pub(super) fn share(self) {
        let text = self.lab.try_with_value(|lab| match lab.document.complaint() {
            None => serde_json::to_string(lab.document.config()).unwrap_or_default(),
            Some(_) => lab.document.text().to_owned(),
        });
        let Some(text) = text else { return };
        spawn_local(async move {
            browser::replace_query(&draft::query(text).await);
            let copied = browser::copy_address().await;
            self.with(|lab| {
                lab.say(if copied {
                    "The link is copied, and stands in the address bar."
                } else {
                    "The link stands in the address bar: copy it from there."
                });
            });
        });
    }

    /// Answers from a text that somebody pasted, or from a file.
    pub(super) fn bring(self, samples: Result<Vec<LabSample>, String>, origin: String) {
        self.with(|lab| match samples {
            Ok(samples) if samples.is_empty() => lab.complain("Nothing was pasted: write one answer a line."),
            Ok(samples) => {
                lab.take(samples, origin);
                lab.notice = None;
                draft::keep_samples(lab);
            }
            Err(problem) => lab.complain(problem),
        });
    }
}

/// Draws everything but the form: what has not changed costs a comparison.
fn draw(lab: &mut Lab) {
    page::draw("lab-bar", super::bar::draw(lab));
    page::draw("lab-complaint", super::bar::complaint(lab));
    page::draw("lab-head", rows::head(lab));
    page::draw("lab-figures", figures::draw(lab));
    page::draw("lab-versions", versions::draw(lab));
    if std::mem::take(&mut lab.flow.rows) {
        page::draw("lab-rows", rows::rows(lab));
        return;
    }
    for index in 0..lab.samples.len() as u32 {
        page::draw_within("lab-rows", &format!("worth-{index}"), rows::worth(lab, index));
        if lab.open.contains(&index) {
            page::draw_within("lab-rows", &format!("said-{index}"), rows::said(lab, index));
            page::draw_within("lab-rows", &format!("receipt-{index}"), receipts::draw(lab, index));
        }
    }
}
