//! Files in and out, hostile files, the tokenizer and template, generation, frozen snapshots.

mod adapters;
mod chat;
mod constrained;
mod engine;
mod families;
mod files;
mod generation;
mod hostile;
mod lora;
mod snapshot;
mod support;
