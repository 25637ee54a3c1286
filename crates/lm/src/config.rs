//! Shape of a decoder, read from a Hugging Face `config.json` as transformers 4 or 5 writes it.
//!
//! Never knows where the bytes come from, nor any tensor's values.

use crate::ops::AttentionShape;
use crate::{LmError, Result};
use serde_json::Value;

/// Everything that decides the shapes and the arithmetic of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Family.
    pub architecture: Architecture,
    /// Tokens in the vocabulary (V).
    pub vocab: usize,
    /// Width of the residual stream (D).
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads (H).
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head; even.
    pub head_dim: usize,
    /// Width of the feed-forward layer.
    pub ffn: usize,
    /// Positions the model was made for.
    pub context: usize,
    /// Added to the mean square before the root in every norm.
    pub rms_eps: f32,
    /// Base of the rotary frequencies.
    pub rope_theta: f32,
    /// How rotary frequencies are stretched beyond the trained context.
    pub rope_scaling: RopeScaling,
    /// Whether the head is the embedding, transposed.
    pub tied: bool,
    /// Token that begins a text, if the model has one.
    pub bos: Option<u32>,
    /// Tokens that end an answer.
    pub eos: Vec<u32>,
}

/// Families of decoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// RMSNorm, rotary positions, grouped-query attention, SwiGLU, no biases.
    Llama,
    /// As Llama, with a bias on queries, keys and values.
    Qwen2,
    /// As Llama, with every head of queries and keys normalised before it turns.
    Qwen3,
}

impl Architecture {
    /// Name in GGUF metadata and in manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    /// The family of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Llama, Self::Qwen2, Self::Qwen3].into_iter().find(|a| a.name() == name)
    }
}

/// How rotary frequencies are stretched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Every frequency divided by the factor.
    Linear(f32),
    /// Llama 3.1: low frequencies divided, high ones kept, a smooth passage between.
    Llama3 {
        /// Divisor of the low frequencies.
        factor: f32,
        /// Wavelengths above `original / low` count as low frequencies.
        low: f32,
        /// Wavelengths below `original / high` count as high frequencies.
        high: f32,
        /// Context before stretching.
        original: f32,
    },
}

/// Above these a configuration is a mistake or an attack, not a model that this program could run.
const MAX_DIM: usize = 1 << 20;
const MAX_LAYERS: usize = 1024;

impl ModelConfig {
    /// A small shape for checks of arithmetic: heads of 24 in groups of three and widths that no tile or vector divides, with a
    /// kind of rope scaling of its own for every family.
    #[must_use]
    pub fn uneven(architecture: Architecture, vocab: usize, tied: bool) -> Self {
        Self {
            architecture,
            vocab,
            width: 40,
            layers: 2,
            heads: 6,
            kv_heads: 2,
            head_dim: 24,
            ffn: 50,
            context: 256,
            rms_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: match architecture {
                Architecture::Llama => RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 64.0 },
                Architecture::Qwen2 => RopeScaling::None,
                Architecture::Qwen3 => RopeScaling::Linear(2.0),
            },
            tied,
            bos: None,
            eos: vec![],
        }
    }

    /// Read `config.json`. `rope_theta` and `rope_scaling` may stand at the top level (transformers 4) or inside
    /// `rope_parameters` (transformers 5).
    ///
    /// # Errors
    /// Not JSON, a missing or impossible value, an architecture or a rope kind that this crate does not know.
    pub fn from_hf_json(json: &str) -> Result<Self> {
        let root: Value =
            serde_json::from_str(json).map_err(|e| LmError::Config(format!("config.json is not JSON: {e}")))?;
        let kind = root.get("model_type").and_then(Value::as_str).unwrap_or("(none)");
        let architecture = Architecture::from_name(kind).ok_or_else(|| {
            LmError::Config(format!("model_type is `{kind}`; this version runs `llama`, `qwen2` and `qwen3`"))
        })?;
        let count = |key: &str| {
            root.get(key)
                .and_then(Value::as_u64)
                .map(|n| n as usize)
                .ok_or_else(|| LmError::Config(format!("`{key}` is missing or not a whole number")))
        };
        let (width, heads) = (count("hidden_size")?, count("num_attention_heads")?);
        let optional = |key: &str, default: usize| match root.get(key) {
            None | Some(Value::Null) => Ok(default),
            Some(_) => count(key),
        };
        // Qwen2's biases are part of the family and have no key.
        for key in ["attention_bias", "mlp_bias", "use_sliding_window"] {
            if root.get(key).and_then(Value::as_bool) == Some(true) {
                return Err(LmError::Config(format!("`{key}` is true; this version runs models where it is false")));
            }
        }
        if let Some(act) = root.get("hidden_act").and_then(Value::as_str)
            && act != "silu"
        {
            return Err(LmError::Config(format!("hidden_act is `{act}`; this version runs `silu`")));
        }
        let rope = root.get("rope_parameters").filter(|v| v.is_object());
        let theta = rope.and_then(|r| r.get("rope_theta")).or_else(|| root.get("rope_theta"));
        let scaling = rope.or_else(|| root.get("rope_scaling").filter(|v| v.is_object()));
        let config = Self {
            architecture,
            vocab: count("vocab_size")?,
            width,
            layers: count("num_hidden_layers")?,
            heads,
            kv_heads: optional("num_key_value_heads", heads)?,
            head_dim: optional("head_dim", width.checked_div(heads).unwrap_or(0))?,
            ffn: count("intermediate_size")?,
            context: optional("max_position_embeddings", 2048)?,
            rms_eps: number(&root, "rms_norm_eps").unwrap_or(1e-6),
            rope_theta: theta.and_then(Value::as_f64).unwrap_or(10_000.0) as f32,
            rope_scaling: scaling.map_or(Ok(RopeScaling::None), rope_scaling)?,
            tied: root.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(false),
            bos: root.get("bos_token_id").and_then(Value::as_u64).map(|n| n as u32),
            eos: token_list(root.get("eos_token_id")),
        };
        config.check()?;
        Ok(config)
    }

    /// Write `config.json` so that transformers 4 and 5 both read it.
    #[must_use]
    pub fn to_hf_json(&self) -> String {
        let scaling = match self.rope_scaling {
            RopeScaling::None => serde_json::json!({"rope_type": "default"}),
            RopeScaling::Linear(factor) => serde_json::json!({"rope_type": "linear", "factor": factor}),
            RopeScaling::Llama3 { factor, low, high, original } => serde_json::json!({
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
                "original_max_position_embeddings": original as u64,
            }),
        };
        let mut parameters = scaling.clone();
        parameters["rope_theta"] = self.rope_theta.into();
        let class = match self.architecture {
            Architecture::Llama => "LlamaForCausalLM",
            Architecture::Qwen2 => "Qwen2ForCausalLM",
            Architecture::Qwen3 => "Qwen3ForCausalLM",
        };
        let json = serde_json::json!({
            "architectures": [class], "model_type": self.architecture.name(), "hidden_act": "silu", "torch_dtype": "float32",
            "vocab_size": self.vocab, "hidden_size": self.width, "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads, "num_key_value_heads": self.kv_heads, "head_dim": self.head_dim,
            "intermediate_size": self.ffn, "max_position_embeddings": self.context, "rms_norm_eps": self.rms_eps,
            "rope_theta": self.rope_theta, "rope_parameters": parameters,
            "rope_scaling": if self.rope_scaling == RopeScaling::None { Value::Null } else { scaling },
            "tie_word_embeddings": self.tied, "bos_token_id": self.bos, "eos_token_id": self.eos,
            "attention_bias": false, "mlp_bias": false,
        });
        format!("{json:#}\n")
    }

    /// Refuse shapes that no decoder can have.
    ///
    /// # Errors
    /// Names the value and the rule that it breaks.
    pub fn check(&self) -> Result<()> {
        let bad = |text: String| Err(LmError::Config(text));
        for (name, value, max) in [
            ("vocab_size", self.vocab, MAX_DIM),
            ("hidden_size", self.width, MAX_DIM),
            ("num_hidden_layers", self.layers, MAX_LAYERS),
            ("num_attention_heads", self.heads, MAX_DIM),
            ("num_key_value_heads", self.kv_heads, MAX_DIM),
            ("head_dim", self.head_dim, MAX_DIM),
            ("intermediate_size", self.ffn, MAX_DIM),
            ("max_position_embeddings", self.context, usize::MAX),
        ] {
            if value == 0 || value > max {
                return bad(format!("{name} is {value}; expected 1 to {max}"));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return bad(format!("{} query heads cannot share {} key/value heads evenly", self.heads, self.kv_heads));
        }
        if !self.head_dim.is_multiple_of(2) {
            return bad(format!("head_dim is {}; rotary positions need an even number", self.head_dim));
        }
        if !(self.rms_eps.is_finite() && self.rms_eps >= 0.0 && self.rope_theta.is_finite() && self.rope_theta > 0.0) {
            return bad(format!(
                "rms_norm_eps {} and rope_theta {} must be positive numbers",
                self.rms_eps, self.rope_theta
            ));
        }
        Ok(())
    }

    /// Every tensor of the model by Hugging Face name with its shape (rows = outputs), in file order.
    #[must_use]
    pub fn tensor_shapes(&self) -> Vec<(String, Vec<usize>)> {
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let mut out = vec![("model.embed_tokens.weight".to_owned(), vec![self.vocab, self.width])];
        for layer in 0..self.layers {
            let mut put =
                |name: &str, shape: &[usize]| out.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
            let mut add = |name: &str, shape: &[usize]| put(&format!("{name}.weight"), shape);
            add("input_layernorm", &[self.width]);
            add("self_attn.q_proj", &[q, self.width]);
            add("self_attn.k_proj", &[kv, self.width]);
            add("self_attn.v_proj", &[kv, self.width]);
            add("self_attn.o_proj", &[self.width, q]);
            add("post_attention_layernorm", &[self.width]);
            add("mlp.gate_proj", &[self.ffn, self.width]);
            add("mlp.up_proj", &[self.ffn, self.width]);
            add("mlp.down_proj", &[self.width, self.ffn]);
            match self.architecture {
                Architecture::Llama => {}
                Architecture::Qwen2 => {
                    put("self_attn.q_proj.bias", &[q]);
                    put("self_attn.k_proj.bias", &[kv]);
                    put("self_attn.v_proj.bias", &[kv]);
                }
                Architecture::Qwen3 => {
                    add("self_attn.q_norm", &[self.head_dim]);
                    add("self_attn.k_norm", &[self.head_dim]);
                }
            }
        }
        out.push(("model.norm.weight".to_owned(), vec![self.width]));
        if !self.tied {
            out.push(("lm_head.weight".to_owned(), vec![self.vocab, self.width]));
        }
        out
    }

    /// All weights, the tied head counted once.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.tensor_shapes().iter().map(|(_, s)| s.iter().map(|&n| n as u64).product::<u64>()).sum()
    }

    /// The heads.
    #[must_use]
    pub fn attention(&self) -> AttentionShape {
        AttentionShape { heads: self.heads, kv_heads: self.kv_heads, head_dim: self.head_dim }
    }

    /// Ids are in the vocabulary, positions in the context, one for each id, and there is at least one.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check_ids(&self, ids: &[u32], positions: &[u32]) -> Result<()> {
        if ids.is_empty() || ids.len() != positions.len() {
            let (ids, rows) = (ids.len(), positions.len());
            return Err(LmError::Prompt(format!("{ids} token ids for {rows} rows; give at least one token")));
        }
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab) {
            return Err(LmError::Prompt(format!("token id {id} is outside the vocabulary of {}", self.vocab)));
        }
        if let Some(p) = positions.iter().find(|&&p| p as usize >= self.context) {
            return Err(LmError::Prompt(format!(
                "the text reaches position {p}; the model was made for {} tokens: shorten the prompt or ask for fewer new tokens",
                self.context
            )));
        }
        Ok(())
    }

    /// The shape as manifests tell it.
    #[must_use]
    pub fn shape(&self) -> clicker_wire::ModelShape {
        clicker_wire::ModelShape {
            architecture: self.architecture.name().into(),
            parameters: self.parameters(),
            vocab: self.vocab as u32,
            width: self.width as u32,
            layers: self.layers as u32,
            context: self.context as u32,
        }
    }
}

fn number(value: &Value, key: &str) -> Option<f32> {
    value.get(key).and_then(Value::as_f64).map(|n| n as f32)
}

fn token_list(value: Option<&Value>) -> Vec<u32> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_u64).map(|n| n as u32).collect(),
        Some(single) => single.as_u64().map(|n| n as u32).into_iter().collect(),
        None => Vec::new(),
    }
}

fn rope_scaling(value: &Value) -> Result<RopeScaling> {
    let kind = value.get("rope_type").or_else(|| value.get("type")).and_then(Value::as_str).unwrap_or("default");
    let need =
        |key: &str| number(value, key).ok_or_else(|| LmError::Config(format!("rope kind `{kind}` needs `{key}`")));
    match kind {
        "default" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear(need("factor")?)),
        "llama3" => Ok(RopeScaling::Llama3 {
            factor: need("factor")?,
            low: need("low_freq_factor")?,
            high: need("high_freq_factor")?,
            original: need("original_max_position_embeddings")?,
        }),
        other => Err(LmError::Config(format!("rope kind `{other}` is unknown; expected default, linear or llama3"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#""model_type":"llama","vocab_size":320,"hidden_size":64,"num_hidden_layers":2,
        "num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":96,"rms_norm_eps":1e-5"#;

    #[test]
    fn transformers_4_and_5_say_the_same() {
        let four =
            ModelConfig::from_hf_json(&format!(r#"{{{BASE},"rope_theta":5000.0,"rope_scaling":null}}"#)).unwrap();
        let five = ModelConfig::from_hf_json(&format!(
            r#"{{{BASE},"rope_parameters":{{"rope_theta":5000.0,"rope_type":"default"}}}}"#
        ))
        .unwrap();
        assert_eq!(four, five);
        assert_eq!((five.rope_theta, five.head_dim), (5000.0, 16));
        assert_eq!(ModelConfig::from_hf_json(&five.to_hf_json()).unwrap(), five);
    }

    #[test]
    fn impossible_models_are_named() {
        for (json, word) in [
            ("{", "not JSON"),
            (r#"{"model_type":"mamba"}"#, "mamba"),
            (r#"{"model_type":"llama"}"#, "hidden_size"),
            (&format!(r#"{{{BASE},"head_dim":15}}"#), "even"),
            (&format!(r#"{{{BASE},"attention_bias":true}}"#), "attention_bias"),
            (&format!(r#"{{{BASE},"rope_scaling":{{"rope_type":"yarn"}}}}"#), "yarn"),
            (&BASE_with("num_key_value_heads", "3"), "evenly"),
            (&BASE_with("num_hidden_layers", "99999999"), "num_hidden_layers"),
        ] {
            let message = ModelConfig::from_hf_json(json).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }

    #[expect(non_snake_case, reason = "reads as a variant of BASE")]
    fn BASE_with(key: &str, value: &str) -> String {
        let mut json: Value = serde_json::from_str(&format!("{{{BASE}}}")).unwrap();
        json[key] = serde_json::from_str(value).unwrap();
        json.to_string()
    }
}
