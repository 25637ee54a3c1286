//! A model whose logits the graphics card computes. The card is a package of its own (`frontend/gpu`), which `graphics.js` fetches and holds
//! against what the engine computes of a known text; here it is only asked. Never knows how it computes.

use crate::engine::{self, Failure, Model};
use crate::{generation, port};
use clicker_lm::{Engine, EngineCache, Generator, Inference, Prompts, RowCache, RowPlan};
use js_sys::{Array, Float32Array, Object, Promise, Uint32Array};
use std::collections::HashMap;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A text that every model has seen the like of.
const KNOWN: &str = "The sun rises in the east. 12 + 30 = 42. What is the capital of France?";

/// Tokens that both rows go on by.
const STEPS: usize = 4;

#[wasm_bindgen]
extern "C" {
    /// A model on the card: see `graphics.js`.
    #[derive(Clone)]
    pub type Card;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn name(this: &Card) -> String;
    #[wasm_bindgen(method, catch)]
    fn begin(this: &Card, ids: &[u32], lens: &[u32], rows: &[u32], capacity: u32) -> Result<Batch, JsValue>;
    #[wasm_bindgen(method, js_name = free)]
    fn give_back(this: &Card);
    /// It has failed and is left; whoever asked for it is told why.
    #[wasm_bindgen(method)]
    fn failed(this: &Card, why: &str);

    type Batch;
    #[wasm_bindgen(method)]
    fn more(this: &Batch) -> Promise;
    #[wasm_bindgen(method)]
    fn step(this: &Batch, ids: &[u32], rows: &[u32]) -> Promise;
    #[wasm_bindgen(method)]
    fn free(this: &Batch);
}

/// The processor computes what a slot holds. Batches in progress keep the card until they end.
pub(crate) fn leave(cards: &mut HashMap<String, Card>, slot: &str) {
    if let Some(card) = cards.remove(slot) {
        card.give_back();
    }
}

/// A batch on the card; its memory there is given back when it is dropped.
pub(crate) struct Session {
    batch: Batch,
    card: Card,
    slot: String,
}

/// A session, and what the engine's prompt pass would have given.
pub(crate) type Opened = (Session, (Vec<f32>, EngineCache));

/// Why the card has failed. It is not asked again: what is not computed yet the processor computes.
pub(crate) type Lost = String;

impl Drop for Session {
    fn drop(&mut self) {
        self.batch.free();
    }
}

impl Session {
    /// Compute prompts, which these rows continue.
    ///
    /// # Errors
    /// Cancelled, or more than the card has room for.
    pub(crate) async fn open(
        (card, slot): (Card, &str),
        id: u64,
        model: &Model,
        prompts: &Prompts,
        rows: &[(usize, u64)],
    ) -> Result<Result<Opened, Lost>, Failure> {
        let lens: Vec<u32> = prompts.plan.segments().iter().map(|segment| segment.len as u32).collect();
        let of: Vec<u32> = rows.iter().map(|row| row.0 as u32).collect();
        let batch = card.begin(&prompts.ids, &lens, &of, prompts.capacity as u32).map_err(|e| port::said(&e))?;
        let session = Self { batch, card, slot: slot.to_owned() };
        loop {
            match session.wait(session.batch.more()).await {
                Ok(logits) if logits.is_empty() => {}
                Ok(logits) => {
                    let cache = model.snapshot.cache_elsewhere(&prompts.plan, prompts.capacity)?;
                    return Ok(Ok((session, (logits, cache))));
                }
                Err(lost) => return Ok(Err(lost)),
            }
            if !engine::is_running(id) {
                return Err(Failure::cancelled());
            }
        }
    }

    /// Compute what the generator wants next, if it wants anything.
    pub(crate) async fn advance(&self, generator: &mut Generator<'_, Engine>) -> Result<(), Lost> {
        if let Some((ids, rows)) = generator.wanted() {
            let rows: Vec<u32> = rows.into_iter().map(|row| row as u32).collect();
            let logits = self.wait(self.batch.step(&ids, &rows)).await?;
            generator.given(logits).map_err(|e| self.leave(e.to_string()))?;
        }
        Ok(())
    }

    async fn wait(&self, promise: Promise) -> Result<Vec<f32>, Lost> {
        let logits = JsFuture::from(promise).await.map_err(|error| self.leave(port::said(&error)))?;
        let logits = logits.dyn_into().map(|logits: Float32Array| logits.to_vec()).unwrap_or_default();
        match logits.iter().any(|logit| logit.is_nan()) {
            true => Err(self.leave("the graphics card computed what is no number".to_owned())),
            false => Ok(logits),
        }
    }

    /// Unless the slot has another card by now, the processor computes it.
    fn leave(&self, why: String) -> Lost {
        engine::with(|e| {
            if e.cards.get(&self.slot).is_some_and(|now| Object::is(now, &self.card)) {
                leave(&mut e.cards, &self.slot);
            }
        });
        self.card.failed(&why);
        why
    }
}

/// A slot is computed by this card from now on, or by the processor again.
///
/// # Errors
/// Nothing is loaded there.
#[wasm_bindgen]
pub fn set_card(slot: &str, card: Option<Card>) -> Result<(), JsError> {
    engine::model(slot).map_err(|failure| JsError::new(&failure.message))?;
    engine::with(|e| {
        leave(&mut e.cards, slot);
        e.cards.extend(card.map(|card| (slot.to_owned(), card)));
    });
    Ok(())
}

/// What the engine computes of a known text, to hold a card against: the text's tokens; those that two rows continue it by, in turn;
/// the logits that follow the text and each of those, [1 + fed, V]. One row says the likeliest token every time, the other begins with
/// the second.
///
/// # Errors
/// Nothing is loaded there.
#[wasm_bindgen]
pub fn known(slot: &str) -> Result<Array, JsError> {
    computed(slot).map_err(|failure| JsError::new(&failure.message))
}

fn computed(slot: &str) -> Result<Array, Failure> {
    let model = &*engine::model(slot)?;
    let vocab = model.config.vocab;
    let mut prompt = match &model.tokenizer {
        Some(_) => generation::plain(model, KNOWN)?,
        None => (0..24).map(|i| (i * 7 + 3) % vocab as u32).collect(),
    };
    prompt.truncate(model.config.context.saturating_sub(STEPS));
    let plan = Arc::new(RowPlan::independent(&[prompt.len()]));
    let (mut logits, mut cache) = model.snapshot.prefill(&prompt, &plan, STEPS)?;
    let rows = [cache.add_row(0)?, cache.add_row(0)?];
    let best = likeliest(&logits, None);
    let (mut fed, mut next) = (Vec::new(), [best, likeliest(&logits, Some(best))]);
    for _ in 0..STEPS {
        fed.extend(next);
        let now = model.snapshot.step(&next, &rows, &mut cache)?;
        next = [likeliest(&now[..vocab], None), likeliest(&now[vocab..], None)];
        logits.extend(now);
    }
    Ok(Array::of3(
        &Uint32Array::from(prompt.as_slice()),
        &Uint32Array::from(fed.as_slice()),
        &Float32Array::from(logits.as_slice()),
    ))
}

/// The likeliest token but for this one.
fn likeliest(logits: &[f32], but: Option<u32>) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0u32..).zip(logits) {
        if logit > best.1 && Some(id) != but {
            best = (id, logit);
        }
    }
    best.0
}
