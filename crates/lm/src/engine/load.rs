//! A model out of a file, tensor by tensor: what is read is laid out for the kernels at once and let go.

use super::adapter::Part;
use super::{Engine, Layer};
use crate::weights::gguf::{Header, ReadAt};
use crate::weights::gguf_model;
use crate::{Architecture, LmError, LoadedModel, ModelConfig, Result, ops};
use clicker_kernels::{Matrix, vector::Pairing};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// A model while it is read, about a megabyte at a time, so that a caller can do other things in between.
#[derive(Debug)]
pub struct Loading {
    engine: Engine,
    /// Matrices that are not read yet, the next one last.
    left: Vec<Unread>,
    /// Rows of the next one that are.
    done: usize,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Unread {
    name: String,
    start: u64,
    of: Slot,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Embedding,
    Layer(usize, Part),
    Head,
}

impl Engine {
    fn slot(&mut self, slot: Slot) -> Option<&mut Matrix> {
        Some(match slot {
            Slot::Embedding => &mut self.embedding,
            Slot::Head => self.head.as_mut()?,
            Slot::Layer(layer, part) => {
                let layer = self.layers.get_mut(layer)?;
                match part {
                    Part::Q => &mut layer.q,
                    Part::K => &mut layer.k,
                    Part::V => &mut layer.v,
                    Part::O => &mut layer.o,
                    Part::Gate => &mut layer.gate,
                    Part::Up => &mut layer.up,
                    Part::Down => &mut layer.down,
                }
            }
        })
    }
}

impl Loading {
    /// Room for all matrices, and the vectors between them.
    pub(crate) fn new(source: &dyn ReadAt, header: &Header, config: ModelConfig) -> Result<Self> {
        let mut left = Vec::new();
        let mut later = |name: String, rows: usize, columns: usize, of: Slot| -> Result<Matrix> {
            let place = gguf_model::place(header, &name, &[rows, columns])?;
            left.push(Unread { name, start: place.start, of });
            Ok(Matrix::new(place.kind, rows, columns))
        };
        let vector = |name: &str, len: usize| -> Result<Vec<f32>> {
            let place = gguf_model::place(header, name, &[len])?;
            let mut matrix = Matrix::new(place.kind, 1, len);
            let mut bytes = vec![0; matrix.stored_row()];
            source.read_at(place.start, &mut bytes)?;
            matrix.push_rows(&bytes).map_err(|error| LmError::file(name, error.to_string()))?;
            let mut out = vec![0.0; len];
            matrix.row(0, &mut out);
            Ok(out)
        };
        let (d, width, ffn) = (config.head_dim, config.width, config.ffn);
        let (q_rows, kv_rows) = (config.heads * d, config.kv_heads * d);
        let embedding = later("model.embed_tokens.weight".into(), config.vocab, width, Slot::Embedding)?;
        let mut layers = Vec::new();
        for i in 0..config.layers {
            let mut matrix = |module: &str, rows: usize, columns: usize, part: Part| {
                later(format!("model.layers.{i}.{module}.weight"), rows, columns, Slot::Layer(i, part))
            };
            let vector = |part: &str, len: usize| vector(&format!("model.layers.{i}.{part}"), len);
            layers.push(Layer {
                q: matrix("self_attn.q_proj", q_rows, width, Part::Q)?,
                k: matrix("self_attn.k_proj", kv_rows, width, Part::K)?,
                v: matrix("self_attn.v_proj", kv_rows, width, Part::V)?,
                o: matrix("self_attn.o_proj", width, q_rows, Part::O)?,
                gate: matrix("mlp.gate_proj", ffn, width, Part::Gate)?,
                up: matrix("mlp.up_proj", ffn, width, Part::Up)?,
                down: matrix("mlp.down_proj", width, ffn, Part::Down)?,
                attention_norm: vector("input_layernorm.weight", width)?,
                ffn_norm: vector("post_attention_layernorm.weight", width)?,
                biases: match config.architecture {
                    Architecture::Qwen2 => Some([
                        vector("self_attn.q_proj.bias", q_rows)?,
                        vector("self_attn.k_proj.bias", kv_rows)?,
                        vector("self_attn.v_proj.bias", kv_rows)?,
                    ]),
                    Architecture::Llama | Architecture::Qwen3 => None,
                },
                head_norms: match config.architecture {
                    Architecture::Qwen3 => {
                        Some([vector("self_attn.q_norm.weight", d)?, vector("self_attn.k_norm.weight", d)?])
                    }
                    Architecture::Llama | Architecture::Qwen2 => None,
                },
            });
        }
        let norm = vector("model.norm.weight", width)?;
        let head =
            if config.tied { None } else { Some(later("lm_head.weight".into(), config.vocab, width, Slot::Head)?) };
        let frequencies = ops::rope_frequencies(&config);
        let pairing = match config.architecture {
            Architecture::Llama => Pairing::Neighbours,
            Architecture::Qwen2 | Architecture::Qwen3 => Pairing::Halves,
        };
        // In the order of the file, for whoever reads ahead or checks what passes by.
        left.sort_by_key(|unread| std::cmp::Reverse(unread.start));
        let engine = Engine { config, embedding, layers, norm, head, frequencies, pairing };
        Ok(Self { engine, left, done: 0, buffer: Vec::new() })
    }

    /// Read the next rows; says whether those were the last.
    ///
    /// # Errors
    /// Tensors that hold what is no number; the reader's own.
    pub fn step(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<bool> {
        self.advance(&source)
    }

    fn advance(&mut self, source: &dyn ReadAt) -> Result<bool> {
        let Self { engine, left, done, buffer } = self;
        let Some(Unread { name, start, of }) = left.last() else { return Ok(true) };
        if let Some(matrix) = engine.slot(*of) {
            let stored = matrix.stored_row();
            let now = ((CHUNK / stored.max(1)).max(4) / 4 * 4).min(matrix.rows() - *done);
            buffer.resize(now * stored, 0);
            source.read_at(start + (*done * stored) as u64, buffer)?;
            matrix.push_rows(buffer).map_err(|error| LmError::file(name.as_str(), error.to_string()))?;
            *done += now;
            if *done < matrix.rows() {
                return Ok(false);
            }
        }
        left.pop();
        *done = 0;
        Ok(left.is_empty())
    }
}

impl LoadedModel<Loading> {
    /// All is read.
    #[must_use]
    pub fn finish(self) -> LoadedModel<Engine> {
        LoadedModel { config: self.config, tokenizer: self.tokenizer, snapshot: self.snapshot.engine }
    }
}
