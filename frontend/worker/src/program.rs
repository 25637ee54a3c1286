//! What programs ask beyond what pages do: adapters beside a model, groups drawn with them, texts as directions.

use crate::engine::{self, Failure, InProgress};
use crate::generation::{self, Wish};
use crate::port;
use clicker_lm::{Adaptation, Rule, StoredAdapter};
use clicker_wire::{AdapterScale, EngineReply, OutputRule, ProgramReply, ProgramRequest};
use js_sys::Uint8Array;
use std::sync::Arc;

/// Answer a request.
pub(crate) async fn handle(request: ProgramRequest, bytes: Option<Uint8Array>) {
    let (id, result) = match request {
        ProgramRequest::Adapt { id, slot, adapter, config } => match adapt(id, &slot, adapter, config, bytes) {
            Ok(reply) => return port::post(&reply),
            Err(failure) => (id, Err(failure)),
        },
        ProgramRequest::DropAdapter { id, slot, adapter } => {
            engine::with(|e| e.adapters.remove(&(slot, adapter)));
            (id, Ok(EngineReply::Done { id }))
        }
        ProgramRequest::Draw {
            id,
            slot,
            item,
            group_size,
            sampling,
            alternatives,
            stop,
            logit_bias,
            adapters,
            within,
        } => {
            engine::begin(id);
            let with = adapters.iter().map(|scale| find(&slot, scale)).collect::<Result<Vec<_>, _>>();
            let rule = within.map(|rule| match rule {
                OutputRule::Regex(pattern) => Rule::regex(&pattern),
                OutputRule::Schema(schema) => Rule::schema(&schema),
            });
            let result = match with.and_then(|with| Ok((with, rule.transpose()?))) {
                Ok((with, rule)) => {
                    let (samples, stop) = (0..group_size, stop.as_slice());
                    let with = if with.is_empty() { vec![None] } else { with };
                    let draw = InProgress {
                        slot: slot.clone(),
                        samples: group_size.saturating_mul(with.len() as u32),
                        turns: Vec::new(),
                    };
                    engine::with(|e| e.steering.insert(id, draw));
                    let wish =
                        Wish { item: &item, samples, sampling: &sampling, alternatives, stop, logit_bias, with, rule };
                    engine::generate(id, &slot, wish).await
                }
                Err(failure) => Err(failure),
            };
            engine::end(id);
            (id, result)
        }
        ProgramRequest::Steer { id, of, sample, with } => (id, steer(id, of, sample, &with)),
        ProgramRequest::Embed { id, slot, texts, with } => match embed(id, &slot, &texts, &with) {
            Ok(reply) => return port::post(&reply),
            Err(failure) => (id, Err(failure)),
        },
    };
    engine::reply(id, result);
}

fn adapt(
    id: u64,
    slot: &str,
    name: String,
    config: Option<String>,
    bytes: Option<Uint8Array>,
) -> Result<ProgramReply, Failure> {
    let start = port::now_ms();
    let model = engine::model(slot)?;
    let bytes = bytes.ok_or_else(|| format!("the bytes of adapter {name} did not come with the message"))?.to_vec();
    let stored = match config {
        Some(config) => StoredAdapter::from_peft(config.as_bytes(), &bytes, &model.config)?,
        None => StoredAdapter::from_gguf(&bytes, &model.config)?,
    };
    let adapter = model.snapshot.adapter(&stored)?;
    let bytes = adapter.bytes() as u64;
    engine::with(|e| e.adapters.insert((slot.to_owned(), name), Arc::new(adapter)));
    Ok(ProgramReply::Adapted { id, bytes, ms: port::now_ms() - start })
}

fn find(slot: &str, AdapterScale { adapter, scale }: &AdapterScale) -> Result<Option<Adaptation>, Failure> {
    if adapter.is_empty() {
        return Ok(None);
    }
    if !scale.is_finite() {
        return Err(format!(
            "adapter `{adapter}` at scale {scale}; expected a number, 0 for the base and 1 for all of it"
        )
        .into());
    }
    let found = engine::with(|e| e.adapters.get(&(slot.to_owned(), adapter.clone())).cloned());
    let found = found.ok_or_else(|| format!("model `{slot}` has no adapter `{adapter}`; load it first"))?;
    Ok(Some(Adaptation { adapter: found, share: *scale }))
}

fn steer(id: u64, of: u64, sample: Option<u32>, scale: &AdapterScale) -> Result<EngineReply, Failure> {
    let known = engine::with(|e| e.steering.get(&of).map(|draw| (draw.slot.clone(), draw.samples)));
    let (slot, samples) =
        known.ok_or("these answers have ended, or were not drawn with `adapters`; the base is one too")?;
    if let Some(odd) = sample.filter(|&sample| sample >= samples) {
        return Err(format!("sample {odd}; these answers are {samples}, counted from 0").into());
    }
    let with = find(&slot, scale)?;
    engine::with(|e| {
        if let Some(draw) = e.steering.get_mut(&of) {
            draw.turns.push((sample, with));
        }
    });
    Ok(EngineReply::Done { id })
}

fn embed(id: u64, slot: &str, texts: &[String], scale: &AdapterScale) -> Result<ProgramReply, Failure> {
    let (model, with) = (engine::model(slot)?, find(slot, scale)?);
    let (mut embeddings, mut tokens) = (Vec::new(), Vec::new());
    for text in texts {
        let ids = generation::plain(&model, text)?;
        embeddings.push(model.snapshot.embed(&ids, with.clone())?);
        tokens.push(ids.len() as u32);
    }
    Ok(ProgramReply::Embedded { id, embeddings, tokens })
}
