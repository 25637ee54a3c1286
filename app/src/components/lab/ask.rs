//! What the lab asks the engine and the server, and drawing what changes. One frame draws at most once; one preview is under
//! way at most, and one that the document has left behind is dropped.

use super::model::Model;
use super::{Lab, bar, draft, figures, form, receipts, rows, versions};
use crate::browser::worker::{self, Ask, Reply, Source};
use crate::browser::{self, fetch, page};
use crate::state::knobs::Knobs;
use crate::state::lab::tree;
use clicker_wire::{LabSample, NewRewardVersion, RewardVersion, Sampling};
use serde::Serialize;
use serde_json::Value;
use std::cell::RefCell;
use wasm_bindgen_futures::spawn_local;

/// Questions that the model is asked, and answers to each.
const DRAWN: (usize, u32) = (8, 8);

thread_local! {
    static LAB: RefCell<Option<Lab>> = const { RefCell::new(None) };
}

/// This is the lab from now on.
pub(super) fn open(lab: Lab) {
    LAB.set(Some(lab));
    soon();
}

/// Changes the lab, and draws what that changes in the next frame.
pub(super) fn with<T>(change: impl FnOnce(&mut Lab) -> T) -> Option<T> {
    let done = quietly(change);
    soon();
    done
}

/// The document has changed: everything that follows from it is behind.
pub(super) fn changed() {
    with(|lab| (lab.flow.stale, lab.flow.kept) = (true, false));
}

/// Looks at the lab, or changes what nobody sees.
pub(super) fn quietly<T>(change: impl FnOnce(&mut Lab) -> T) -> Option<T> {
    // Busy only if drawing made the browser call back at once: then there is nothing to add.
    LAB.with(|lab| lab.try_borrow_mut().ok()?.as_mut().map(change))
}

fn soon() {
    if quietly(|lab| !std::mem::replace(&mut lab.flow.scheduled, true)) == Some(true) {
        browser::next_frame(frame);
    }
}

fn frame() {
    quietly(|lab| {
        lab.flow.scheduled = false;
        if std::mem::take(&mut lab.flow.form) {
            // What is picked there belongs to nobody else, and outlives the form.
            lab.adding = page::value_of("add-kind");
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
    preview();
    compile();
}

/// Lets the server look at scripts that it has not seen; one look is under way at most.
fn compile() {
    let unknown = quietly(|lab| {
        let sources: Vec<String> = lab.programs().map(|(_, _, source)| source.to_owned()).collect();
        lab.scripts.retain(|known, _| sources.contains(known));
        let unknown: Vec<String> = sources.into_iter().filter(|source| !lab.scripts.contains_key(source)).collect();
        (!unknown.is_empty() && !std::mem::replace(&mut lab.flow.compiling, true)).then_some(unknown)
    });
    let Some(unknown) = unknown.flatten() else { return };
    spawn_local(async move {
        let asked = format!("{{\"scripts\":{}}}", text(&unknown));
        let said = fetch::post::<Vec<Option<String>>>("/rpc/check_scripts", &asked).await;
        with(|lab| {
            lab.flow.compiling = false;
            match said {
                Ok(said) => lab.scripts.extend(unknown.into_iter().zip(said)),
                Err(problem) => {
                    lab.scripts.extend(unknown.into_iter().map(|s| (s, Some(format!("an answer: {problem}")))));
                }
            }
        });
    });
}

/// Asks for a preview, unless one is under way or the text is no reward.
fn preview() {
    let wish = quietly(|lab| {
        if lab.flow.asked || !lab.flow.stale || lab.document.complaint().is_some() {
            return None;
        }
        (lab.flow.asked, lab.flow.stale) = (true, false);
        let samples = (!std::mem::replace(&mut lab.flow.sent, true)).then(|| lab.samples.clone());
        Some((samples, lab.document.config().clone(), lab.open.iter().copied().collect(), lab.judge()))
    });
    let Some((samples, reward, receipts, (judge, load_it))) = wish.flatten() else { return };
    if let Some(model) = load_it {
        load(model, || {
            with(|lab| lab.flow.stale = true);
        });
    }
    worker::ask(
        |id| Ask::Preview { id, samples, reward, receipts, judge },
        |reply| {
            quietly(|lab| {
                lab.flow.asked = false;
                match reply {
                    // Somebody has typed on: the next one will be right.
                    _ if lab.flow.stale => {}
                    // A model that judges is asked for a moment at a time: the same again goes on from there.
                    Reply::Previewed { preview, .. } => {
                        lab.flow.stale = preview.judging > 0;
                        lab.show(preview);
                    }
                    Reply::Failed { message, .. } => lab.refused = Some(message),
                    _ => {}
                }
            });
            // In the next frame, however many replies arrive until then.
            soon();
        },
    );
}

/// Draws answers from the model, one question after the other.
pub(super) fn draw_samples() {
    let begun = with(|lab| {
        let Some(model) = lab.model.clone() else {
            lab.complain("This server has no model to draw from.");
            return None;
        };
        lab.flow.turn += 1;
        lab.drawing = Some((0, DRAWN.0.min(lab.questions.len())));
        Some((lab.flow.turn, model))
    });
    let Some((turn, model)) = begun.flatten() else { return };
    let slot = model.slot.clone();
    if quietly(|lab| lab.flow.loaded) == Some(true) {
        return draw_next(turn, slot, Vec::new());
    }
    load(model, move || draw_next(turn, slot.clone(), Vec::new()));
}

fn load(model: Model, then: impl Fn() + 'static) {
    let (slot, source) = (model.slot, Source::object(&model.sha256));
    worker::ask(
        |id| Ask::Load { id, slot, source },
        move |reply| match reply {
            Reply::Loaded { .. } => {
                quietly(|lab| lab.flow.loaded = true);
                then();
            }
            Reply::Failed { message, .. } => stop_drawing(message),
            _ => {}
        },
    );
}

fn draw_next(turn: u64, slot: String, drawn: Vec<LabSample>) {
    let asked = drawn.len() / DRAWN.1 as usize;
    let item = with(|lab| {
        let (_, of) = lab.drawing.filter(|_| lab.flow.turn == turn)?;
        lab.drawing = Some((asked, of));
        Some(lab.questions.get(asked).filter(|_| asked < of).cloned())
    });
    // None: somebody has asked for another drawing meanwhile.
    let Some(item) = item.flatten() else { return };
    let Some(item) = item else {
        with(|lab| {
            lab.drawing = None;
            lab.take(drawn, "drawn from the model at temperature 1".into());
            draft::keep_samples(lab);
        });
        return;
    };
    let sampling = Sampling { seed: turn, ..Sampling::default() };
    let (question, model, mut so_far) = (item.clone(), slot.clone(), Some(drawn));
    worker::ask(
        |id| Ask::Generate { id, slot, item, group_size: DRAWN.1, sampling, alternatives: 0 },
        move |reply| match reply {
            Reply::Generated { rollouts, .. } => {
                let Some(mut drawn) = so_far.take() else { return };
                drawn.extend(rollouts.into_iter().map(|r| LabSample { item: question.clone(), text: r.text }));
                draw_next(turn, model.clone(), drawn);
            }
            Reply::Failed { message, .. } => stop_drawing(message),
            _ => {}
        },
    );
}

fn stop_drawing(message: String) {
    with(|lab| {
        lab.drawing = None;
        lab.complain(message);
    });
}

/// Keeps the reward as it stands.
pub(super) fn keep() {
    let (name, note) = (page::value_of("keep-name"), page::value_of("keep-note"));
    let Some(reward) = quietly(|lab| lab.document.config().clone()) else { return };
    spawn_local(async move {
        let new = text(&NewRewardVersion { name, note, reward });
        let saved = fetch::post::<RewardVersion>("/api/rewards", &new).await;
        with(|lab| match saved {
            Ok(version) => {
                lab.versions.retain(|known| *known != version);
                lab.versions.insert(0, version);
                (lab.compared, lab.flow.versions) = ((None, None), true);
                lab.say("Kept. Versions never change; load one to go on from it.");
            }
            Err(problem) => lab.complain(problem),
        });
    });
}

/// Lets the server attack the reward as it stands.
pub(super) fn attack() {
    let reward = with(|lab| {
        lab.attacked = Some(lab.document.text().to_owned());
        lab.document.config().clone()
    });
    let Some(reward) = reward else { return };
    page::draw("lab-attack", "<p class=\"hint\" role=\"status\">Trying every exploit</p>".into());
    drawn_by_server("lab-attack", "/rpc/attack_reward", format!("{{\"reward\":{}}}", text(&reward)));
}

/// Picks a version as one side of the comparison; with both sides there, compares them on the answers.
pub(super) fn compare(first: bool, index: usize) {
    let sides = with(|lab| {
        lab.flow.versions = true;
        let side = if first { &mut lab.compared.0 } else { &mut lab.compared.1 };
        *side = (*side != Some(index)).then_some(index);
        let reward = |side: Option<usize>| lab.versions.get(side?).map(|v| v.reward.clone());
        Some((reward(lab.compared.0)?, reward(lab.compared.1)?, lab.samples.clone()))
    });
    match sides.flatten() {
        None => page::draw("lab-diff", String::new()),
        Some((before, after, samples)) => {
            let (before, after, samples) = (text(&before), text(&after), text(&samples));
            let body = format!("{{\"before\":{before},\"after\":{after},\"samples\":{samples}}}");
            drawn_by_server("lab-diff", "/rpc/compare_rewards", body);
        }
    }
}

fn drawn_by_server(into: &'static str, path: &'static str, body: String) {
    spawn_local(async move {
        match fetch::post(path, &body).await {
            Ok(drawn) => page::draw(into, drawn),
            Err(problem) => {
                page::draw(into, String::new());
                with(|lab| lab.complain(problem));
            }
        }
    });
}

/// Trains on the reward as it stands, and goes to the run.
pub(super) fn train() {
    let recipe = quietly(|lab| {
        let mut recipe = lab.recipe.clone()?;
        tree::set(&mut recipe, "/name", "reward lab".into());
        tree::set(&mut recipe, "/reward", lab.document.tree().clone());
        Some(recipe.to_string())
    });
    let Some(recipe) = recipe.flatten() else { return };
    spawn_local(async move {
        match fetch::post::<Value>("/api/runs", &recipe).await {
            Ok(run) => browser::visit(&format!("/runs/{}", run["id"].as_str().unwrap_or_default())),
            Err(problem) => drop(with(|lab| lab.complain(problem))),
        }
    });
}

/// Goes to the playground with the reward as it stands: as knobs where they can say it, by its hash where it is kept.
pub(super) fn play() {
    let known = quietly(|lab| {
        let reward = lab.document.config();
        let knobs = Knobs::of(reward).map(|knobs| {
            let pairs = knobs.to_query().into_iter();
            pairs.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
        });
        let kept = || lab.versions.iter().find(|v| v.reward == *reward).map(|v| format!("version={}", v.hash));
        (knobs.or_else(kept), text(reward))
    });
    let Some((known, reward)) = known else { return };
    spawn_local(async move {
        let query = match known {
            Some(known) => known,
            None => draft::query(reward).await,
        };
        browser::visit(&format!("/?{query}"));
    });
}

/// Puts the reward into the address, and the address into the clipboard.
pub(super) fn share() {
    let shared = quietly(|lab| match lab.document.complaint() {
        None => text(lab.document.config()),
        Some(_) => lab.document.text().to_owned(),
    });
    let Some(shared) = shared else { return };
    spawn_local(async move {
        browser::replace_query(&draft::query(shared).await);
        let copied = browser::copy_address().await;
        with(|lab| {
            lab.say(if copied {
                "The link is copied, and stands in the address bar."
            } else {
                "The link stands in the address bar: copy it from there."
            });
        });
    });
}

/// Answers from a text that somebody pasted, or from a file.
pub(super) fn bring(samples: Result<Vec<LabSample>, String>, origin: String) {
    with(|lab| match samples {
        Ok(samples) if samples.is_empty() => lab.complain("Nothing was pasted: write one answer a line."),
        Ok(samples) => {
            lab.take(samples, origin);
            lab.notice = None;
            draft::keep_samples(lab);
        }
        Err(problem) => lab.complain(problem),
    });
}

/// As JSON; wire types cannot fail to be written.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Draws everything but the form: what has not changed costs a comparison.
fn draw(lab: &mut Lab) {
    page::draw("lab-bar", bar::draw(lab));
    page::draw("lab-complaint", bar::complaint(lab));
    page::draw("lab-head", rows::head(lab));
    let scripts: Vec<(usize, String)> =
        lab.programs().filter_map(|(index, _, source)| Some((index, form::script(lab, source)?))).collect();
    // Until the server has seen the latest text, what it said of the one before stays.
    for (index, said) in scripts {
        page::draw_within("lab-form", &format!("script-{index}"), said);
    }
    page::draw("lab-figures", figures::draw(lab));
    page::draw("lab-attack-old", bar::attack_hint(lab));
    if std::mem::take(&mut lab.flow.versions) {
        page::draw("lab-versions", versions::draw(lab));
    }
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
