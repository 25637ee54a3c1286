//! A model out of a file, tensor by tensor: what is read is laid out for the kernels at once and let go.

use super::matrix::Matrix;
use super::vector::Pairing;
use super::{Engine, Layer};
use crate::weights::gguf::{Header, ReadAt};
use crate::weights::gguf_model;
use crate::{Architecture, ModelConfig, Result, ops};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

impl Engine {
    /// Read a model's tensors one by one, a megabyte at a time.
    ///
    /// # Errors
    /// Tensors that do not fit the configuration, or hold what is no number; the reader's own.
    pub(crate) fn load(source: &(impl ReadAt + ?Sized), header: &Header, config: ModelConfig) -> Result<Self> {
        let mut buffer = Vec::new();
        let mut read = |name: &str, rows: usize, columns: usize, dims: &[usize]| -> Result<Matrix> {
            let place = gguf_model::place(header, name, dims)?;
            let mut matrix = Matrix::new(place.kind, rows, columns);
            let stored = matrix.stored_row();
            let step = (CHUNK / stored.max(1)).max(4) / 4 * 4;
            let mut done = 0;
            while done < rows {
                let now = step.min(rows - done);
                buffer.resize(now * stored, 0);
                source.read_at(place.start + (done * stored) as u64, &mut buffer)?;
                matrix.push_rows(name, &buffer)?;
                done += now;
            }
            Ok(matrix)
        };
        let (d, width, ffn) = (config.head_dim, config.width, config.ffn);
        let (q_rows, kv_rows) = (config.heads * d, config.kv_heads * d);
        let embedding = read("model.embed_tokens.weight", config.vocab, width, &[config.vocab, width])?;
        let mut layers = Vec::new();
        for i in 0..config.layers {
            let mut matrix = |part: &str, rows: usize, columns: usize| {
                read(&format!("model.layers.{i}.{part}.weight"), rows, columns, &[rows, columns])
            };
            let (q, k, v) = (
                matrix("self_attn.q_proj", q_rows, width)?,
                matrix("self_attn.k_proj", kv_rows, width)?,
                matrix("self_attn.v_proj", kv_rows, width)?,
            );
            let o = matrix("self_attn.o_proj", width, q_rows)?;
            let (gate, up) = (matrix("mlp.gate_proj", ffn, width)?, matrix("mlp.up_proj", ffn, width)?);
            let down = matrix("mlp.down_proj", width, ffn)?;
            let mut vector = |part: &str, len: usize| -> Result<Vec<f32>> {
                let mut out = vec![0.0; len];
                read(&format!("model.layers.{i}.{part}"), 1, len, &[len])?.row(0, &mut out);
                Ok(out)
            };
            layers.push(Layer {
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
                q,
                k,
                v,
                o,
                gate,
                up,
                down,
            });
        }
        let mut norm = vec![0.0; width];
        read("model.norm.weight", 1, width, &[width])?.row(0, &mut norm);
        let head =
            if config.tied { None } else { Some(read("lm_head.weight", config.vocab, width, &[config.vocab, width])?) };
        let frequencies = ops::rope_frequencies(&config);
        let pairing = match config.architecture {
            Architecture::Llama => Pairing::Neighbours,
            Architecture::Qwen2 | Architecture::Qwen3 => Pairing::Halves,
        };
        Ok(Self { config, embedding, layers, norm, head, frequencies, pairing })
    }
}
