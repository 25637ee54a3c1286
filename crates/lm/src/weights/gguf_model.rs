//! What a model's GGUF holds: configuration, tokenizer and tensors under llama.cpp's names, and the row order in which that
//! format keeps query and key weights of the llama family.

use super::adapter::StoredTensor;
use super::gguf::{GgufFile, Header, Kind, Place, ReadAt, TensorView, Value, write};
use super::{WeightTensor, Weights, gguf_rope};
use crate::tokenizer::Listed;
use crate::{
    Architecture, ChatTemplate, LmError, LoadedModel, ModelConfig, PolicySnapshot, Precision, Result, RopeScaling,
    Tokenizer,
};
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};
use clicker_wire::ModelShape;
use half::{bf16, f16};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

/// How matrices are stored in an exported file; norms always stay f32.
pub type Encoding = Kind;

/// Configuration and tensors of a file. With `full`, blocks are decoded to f32.
///
/// # Errors
/// Missing or impossible metadata, tensors that do not fit it.
pub fn weights(file: &GgufFile<'_>, full: bool) -> Result<(ModelConfig, Weights)> {
    let divisors = file.tensors.get(gguf_rope::TENSOR).filter(|t| t.kind == Kind::F32).map(|t| floats(t.data));
    let config = config(&file.header, divisors.as_deref())?;
    let mut out = Weights::default();
    for (name, expected) in config.tensor_shapes() {
        let (view, data) = stored_tensor(file, &config, &name, &expected)?;
        out.insert(name, tensor(view, data, full)?);
    }
    Ok((config, out))
}

/// Where a file keeps a tensor, by its Hugging Face name.
///
/// # Errors
/// It is not there, or of another shape.
pub fn place<'a>(header: &'a Header, name: &str, expected: &[usize]) -> Result<&'a Place> {
    let stored = stored_name(name);
    let Some(place) = header.places.get(&stored) else {
        return Err(LmError::MissingTensor { name: stored, expected: expected.to_vec() });
    };
    if place.dims != expected {
        return Err(LmError::TensorShape { name: stored, got: place.dims.clone(), expected: expected.to_vec() });
    }
    Ok(place)
}

/// A tensor of a file by its Hugging Face name, its rows in Hugging Face order.
fn stored_tensor<'a, 'f>(
    file: &'a GgufFile<'f>,
    config: &ModelConfig,
    name: &str,
    expected: &[usize],
) -> Result<(&'a TensorView<'f>, Cow<'f, [u8]>)> {
    place(&file.header, name, expected)?;
    let view = &file.tensors[&stored_name(name)];
    let data = match rotary_heads(config, name) {
        Some(heads) => Cow::Owned(reorder_rows(view.data, view.dims[0], heads, Direction::FromFile)),
        None => Cow::Borrowed(view.data),
    };
    Ok((view, data))
}

/// The tokenizer of a file: the whole `tokenizer.json` where it is included, else rebuilt from tokens and merges.
///
/// # Errors
/// A tokenizer kind or a splitting rule that this crate does not know, or broken lists.
pub fn tokenizer(file: &Header) -> Result<Option<Tokenizer>> {
    if let Some(json) = text(file, TOKENIZER_JSON) {
        return Tokenizer::from_json(json.as_bytes()).map(Some);
    }
    listed(file)?.map(|lists| Tokenizer::from_json(lists.json().as_bytes())).transpose()
}

/// [`tokenizer`], without making or keeping what only exports need.
///
/// # Errors
/// As [`tokenizer`].
pub fn tokenizer_for_inference(file: &Header) -> Result<Option<Tokenizer>> {
    if let Some(json) = text(file, TOKENIZER_JSON) {
        return Tokenizer::for_inference(json.as_bytes()).map(Some);
    }
    listed(file)?.map(|lists| Tokenizer::from_lists(&lists)).transpose()
}

const TOKENIZER_JSON: &str = "tokenizer.huggingface.json";

fn listed(file: &Header) -> Result<Option<Listed<'_>>> {
    match text(file, "tokenizer.ggml.model") {
        None | Some("none") => return Ok(None),
        Some("gpt2") => {}
        Some(other) => {
            return Err(LmError::Tokenizer(format!(
                "GGUF tokenizer `{other}`; this version reads byte-level BPE (gpt2)"
            )));
        }
    }
    let tokens = texts(file, "tokenizer.ggml.tokens")?;
    let merges = texts(file, "tokenizer.ggml.merges")?;
    let kinds = match file.metadata.get("tokenizer.ggml.token_type") {
        Some(Value::List(list)) => list.as_slice(),
        _ => &[],
    };
    // Types 3 (control) and 4 (user defined) are matched as wholes, never spelled.
    let wholes = (0..).zip(kinds.iter().take(tokens.len()));
    let wholes = wholes.filter(|(_, kind)| matches!(kind, Value::Signed(3 | 4) | Value::Unsigned(3 | 4)));
    let wholes = wholes.map(|(id, _)| id).collect();
    let (splitting, ignore_merges) = splitting(text(file, "tokenizer.ggml.pre"))?;
    Ok(Some(Listed { tokens, merges, wholes, splitting, ignore_merges }))
}

/// llama.cpp's name of a splitting rule as a tokenizer.json has it, and whether whole tokens go before merges.
fn splitting(name: Option<&str>) -> Result<(serde_json::Value, bool)> {
    let bytes =
        |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let both = |first: serde_json::Value, then| json!({"type": "Sequence", "pretokenizers": [first, then]});
    let split = |digits: &str| {
        let pattern = format!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        );
        both(
            json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false}),
            bytes(false),
        )
    };
    Ok(match name {
        // Files without the key are older than it, and were GPT-2's.
        None | Some("gpt-2" | "gpt2") => (bytes(true), false),
        Some("smollm") => (both(json!({"type": "Digits", "individual_digits": true}), bytes(true)), false),
        Some("llama-bpe" | "llama3" | "llama-v3") => (split("{1,3}"), true),
        Some("qwen2") => (split(""), false),
        Some(other) => {
            return Err(LmError::Tokenizer(format!(
                "GGUF splitting rule `{other}` (tokenizer.ggml.pre); this version knows gpt-2, smollm, llama-bpe and qwen2"
            )));
        }
    })
}

/// Write a model as GGUF that other programs load too. Matrices whose rows are no whole number of blocks fall back to f16.
///
/// # Errors
/// Tensor arithmetic.
pub fn export(
    model: &PolicySnapshot,
    tokenizer: Option<&Tokenizer>,
    name: &str,
    encoding: Encoding,
) -> Result<Vec<u8>> {
    let config = model.decoder().config();
    let mut metadata = model_keys(config, name, encoding);
    if let Some(tokenizer) = tokenizer {
        metadata.extend(tokenizer_keys(config, tokenizer)?.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    let (keys, mut tensors) = gguf_rope::write(config);
    metadata.extend(keys);
    for (name, dims) in config.tensor_shapes() {
        let dense = model.weights().get(&name)?.to_dense()?;
        let kind = match (dims.len(), encoding.bytes(&dims)) {
            (1, _) => Kind::F32,
            (_, Some(_)) => encoding,
            (_, None) => Kind::F16,
        };
        let mut data = encode(&dense, kind)?;
        if let Some(heads) = rotary_heads(config, &name) {
            data = reorder_rows(&data, dims[0], heads, Direction::ToFile);
        }
        tensors.push((stored_name(&name), kind, dims, data));
    }
    write(&metadata, &tensors)
}

/// The browser's copy of a model: the same file with Q8_0 matrices, and the model's shape.
///
/// # Errors
/// A master file that cannot be read.
pub fn quantized_copy(master: &[u8]) -> Result<(Vec<u8>, ModelShape)> {
    let model = LoadedModel::from_gguf(master, Precision::Full)?;
    let bytes = export(&model.snapshot, model.tokenizer.as_ref(), "clicker", Kind::Q8_0)?;
    Ok((bytes, model.config.shape()))
}

/// The configuration of a file that is read piece by piece.
///
/// # Errors
/// As [`config`]; the reader's own.
pub fn config_of(source: &dyn ReadAt, header: &Header) -> Result<ModelConfig> {
    let place = header.places.get(gguf_rope::TENSOR).filter(|p| p.kind == Kind::F32 && p.size <= MOST_DIVISORS);
    let divisors = place.map(|place| {
        let mut bytes = vec![0; place.size as usize];
        source.read_at(place.start, &mut bytes)?;
        Ok::<_, LmError>(floats(&bytes))
    });
    config(header, divisors.transpose()?.as_deref())
}

/// Most bytes of a rotary table's divisors that are read; a head of 32768 would have more.
const MOST_DIVISORS: u64 = 1 << 16;

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// The configuration in a file's metadata, and in the divisors of its rotary frequencies where it has some.
///
/// # Errors
/// A missing or impossible value, an architecture that this crate does not know.
fn config(file: &Header, divisors: Option<&[f32]>) -> Result<ModelConfig> {
    let family = text(file, "general.architecture").unwrap_or("(none)");
    let architecture = Architecture::from_name(family).ok_or_else(|| {
        LmError::Config(format!("GGUF architecture `{family}`; this version runs `llama`, `qwen2` and `qwen3`"))
    })?;
    let get = |key: &str| match file.metadata.get(&format!("{family}.{key}")) {
        Some(Value::Unsigned(n)) => Some(*n as f64),
        Some(Value::Signed(n)) => Some(*n as f64),
        Some(Value::Float(x)) => Some(*x),
        _ => None,
    };
    let need = |key: &str| get(key).ok_or_else(|| LmError::Config(format!("GGUF key `{family}.{key}` is missing")));
    let count = |key: &str| Ok::<_, LmError>(need(key)? as usize);
    let (width, heads) = (count("embedding_length")?, count("attention.head_count")?);
    let scaling = match text(file, &format!("{family}.rope.scaling.type")) {
        None | Some("none") => None,
        Some("linear") => Some(RopeScaling::Linear(need("rope.scaling.factor")? as f32)),
        Some(other) => return Err(LmError::Config(format!("GGUF rope scaling `{other}`; expected none or linear"))),
    };
    let embedding = file.places.get("token_embd.weight");
    let token = |key: &str| match file.metadata.get(key) {
        Some(Value::Unsigned(n)) => Some(*n as u32),
        _ => None,
    };
    let config = ModelConfig {
        architecture,
        vocab: embedding.and_then(|t| t.dims.first().copied()).unwrap_or(0),
        width,
        layers: count("block_count")?,
        heads,
        kv_heads: get("attention.head_count_kv").map_or(heads, |n| n as usize),
        head_dim: get("attention.key_length").map_or(width.checked_div(heads).unwrap_or(0), |n| n as usize),
        ffn: count("feed_forward_length")?,
        context: count("context_length")?,
        rms_eps: need("attention.layer_norm_rms_epsilon")? as f32,
        rope_theta: get("rope.freq_base").unwrap_or(10_000.0) as f32,
        rope_scaling: RopeScaling::None,
        tied: !file.places.contains_key("output.weight"),
        bos: token("tokenizer.ggml.bos_token_id"),
        eos: token("tokenizer.ggml.eos_token_id").into_iter().collect(),
    };
    config.check()?;
    let rope_scaling = scaling.map_or_else(|| gguf_rope::read(file, divisors, &config), Ok)?;
    Ok(ModelConfig { rope_scaling, ..config })
}

fn model_keys(config: &ModelConfig, name: &str, encoding: Encoding) -> Vec<(String, Value)> {
    let n = |n: usize| Value::Unsigned(n as u64);
    let file_type = match encoding {
        Kind::F32 => 0,
        Kind::F16 => 1,
        Kind::Q4_0 => 2,
        Kind::Q8_0 => 7,
        Kind::Q5_0 => 8,
        Kind::Q4K => 14,
        Kind::Q6K => 18,
        Kind::BF16 => 32,
    };
    let mut keys = vec![
        ("general.architecture".to_owned(), Value::Text(config.architecture.name().into())),
        ("general.name".to_owned(), Value::Text(name.into())),
        ("general.file_type".to_owned(), n(file_type)),
        ("general.quantization_version".to_owned(), n(2)),
    ];
    let mut own = |key: &str, value| keys.push((format!("{}.{key}", config.architecture.name()), value));
    own("vocab_size", n(config.vocab));
    own("context_length", n(config.context));
    own("embedding_length", n(config.width));
    own("block_count", n(config.layers));
    own("feed_forward_length", n(config.ffn));
    own("attention.head_count", n(config.heads));
    own("attention.head_count_kv", n(config.kv_heads));
    own("attention.key_length", n(config.head_dim));
    own("attention.value_length", n(config.head_dim));
    own("attention.layer_norm_rms_epsilon", Value::Float(config.rms_eps.into()));
    own("rope.dimension_count", n(config.head_dim));
    own("rope.freq_base", Value::Float(config.rope_theta.into()));
    if let RopeScaling::Linear(factor) = config.rope_scaling {
        own("rope.scaling.type", Value::Text("linear".into()));
        own("rope.scaling.factor", Value::Float(factor.into()));
    }
    keys
}

fn tokenizer_keys(config: &ModelConfig, tokenizer: &Tokenizer) -> Result<Vec<(&'static str, Value)>> {
    let mut json = tokenizer.to_json()?;
    let parsed: serde_json::Value = serde_json::from_str(&json).map_err(|e| LmError::Tokenizer(e.to_string()))?;
    if json.contains('\n') {
        // Written for people to read: half of it is white space.
        json = parsed.to_string();
    }
    let rule = parsed["pre_tokenizer"].to_string();
    let rule = match rule.as_str() {
        _ if rule.contains("Digits") => "smollm",
        _ if rule.contains(r"\\p{N}{1,3}") => "llama-bpe",
        _ if rule.contains(r"\\s*[\\r") => "qwen2",
        _ => "gpt-2",
    };
    let merges = parsed["model"]["merges"].as_array().into_iter().flatten().map(|merge| match merge {
        serde_json::Value::Array(pair) => {
            Value::Text(pair.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(" "))
        }
        other => Value::Text(other.as_str().unwrap_or_default().into()),
    });
    let mut names = vec![None; config.vocab];
    for (token, id) in parsed["model"]["vocab"].as_object().into_iter().flatten() {
        if let Some(slot) = id.as_u64().and_then(|id| names.get_mut(id as usize)) {
            *slot = Some((token.clone(), 1));
        }
    }
    for added in parsed["added_tokens"].as_array().into_iter().flatten() {
        let (id, content) = (added["id"].as_u64(), added["content"].as_str());
        if let (Some(slot), Some(content)) = (id.and_then(|id| names.get_mut(id as usize)), content) {
            *slot = Some((content.to_owned(), 3));
        }
    }
    let (tokens, kinds): (Vec<_>, Vec<_>) = names
        .into_iter()
        .enumerate()
        .map(|(id, name)| name.unwrap_or_else(|| (format!("[PAD{id}]"), 5)))
        .map(|(token, kind)| (Value::Text(token), Value::Signed(kind)))
        .unzip();
    let mut keys = vec![
        ("tokenizer.ggml.model", Value::Text("gpt2".into())),
        ("tokenizer.ggml.pre", Value::Text(rule.into())),
        ("tokenizer.ggml.tokens", Value::List(tokens)),
        ("tokenizer.ggml.token_type", Value::List(kinds)),
        ("tokenizer.ggml.merges", Value::List(merges.collect())),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
        (TOKENIZER_JSON, Value::Text(json)),
    ];
    let template = ChatTemplate::of(tokenizer);
    let ids = [
        ("tokenizer.ggml.bos_token_id", config.bos),
        ("tokenizer.ggml.eos_token_id", config.eos.first().copied().or(template.end())),
    ];
    keys.extend(ids.into_iter().filter_map(|(key, id)| Some((key, Value::Unsigned(id?.into())))));
    let jinja = match template {
        ChatTemplate::Turns { .. } => Some(JINJA),
        ChatTemplate::ChatMl { .. } => Some(CHAT_ML),
        ChatTemplate::Plain => None,
    };
    keys.extend(jinja.map(|jinja| ("tokenizer.chat_template", Value::Text(jinja.into()))));
    Ok(keys)
}

/// The built-in template for programs that render Jinja.
const JINJA: &str = "<|bos|>{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/// ChatML, likewise.
const CHAT_ML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

fn tensor(view: &TensorView<'_>, data: Cow<'_, [u8]>, full: bool) -> Result<WeightTensor> {
    let floats: Vec<f32> = match view.kind {
        Kind::F32 | Kind::F16 | Kind::BF16 => super::hf::floats(view.kind, &data),
        Kind::Q4_0 | Kind::Q5_0 | Kind::Q8_0 | Kind::Q4K | Kind::Q6K => {
            // A copy of its own: block structs need an aligned start, a place inside a file has none.
            let storage = QStorage::from_data(Cow::Owned(data.into_owned()), &Device::Cpu, ggml(view.kind))?;
            let blocks = WeightTensor::Quantized(Arc::new(QTensor::new(storage, view.dims.clone())?));
            return if full { Ok(WeightTensor::Dense(blocks.to_dense()?)) } else { Ok(blocks) };
        }
    };
    Ok(WeightTensor::Dense(Tensor::from_vec(floats, view.dims.clone(), &Device::Cpu)?))
}

/// A tensor of an adapter as f32.
pub(crate) fn dense(stored: &StoredTensor) -> Result<Tensor> {
    let view = TensorView { kind: stored.kind, dims: stored.dims.clone(), data: &stored.data };
    tensor(&view, Cow::Borrowed(&stored.data), true)?.to_dense()
}

pub(super) fn encode(dense: &Tensor, kind: Kind) -> Result<Vec<u8>> {
    let floats = || Ok::<_, LmError>(dense.flatten_all()?.to_vec1::<f32>()?);
    Ok(match kind {
        Kind::F32 => floats()?.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Kind::F16 => floats()?.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
        Kind::BF16 => floats()?.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
        Kind::Q4_0 | Kind::Q5_0 | Kind::Q8_0 | Kind::Q4K | Kind::Q6K => {
            QTensor::quantize(dense, ggml(kind))?.data()?.into_owned()
        }
    })
}

fn ggml(kind: Kind) -> GgmlDType {
    match kind {
        Kind::F32 => GgmlDType::F32,
        Kind::F16 => GgmlDType::F16,
        Kind::BF16 => GgmlDType::BF16,
        Kind::Q5_0 => GgmlDType::Q5_0,
        Kind::Q4K => GgmlDType::Q4K,
        Kind::Q6K => GgmlDType::Q6K,
        Kind::Q4_0 => GgmlDType::Q4_0,
        Kind::Q8_0 => GgmlDType::Q8_0,
    }
}

/// llama.cpp's name of a tensor.
pub(super) fn stored_name(name: &str) -> String {
    match name {
        "model.embed_tokens.weight" => return "token_embd.weight".into(),
        "model.norm.weight" => return "output_norm.weight".into(),
        "lm_head.weight" => return "output.weight".into(),
        _ => {}
    }
    let rest = name.strip_prefix("model.layers.").unwrap_or(name);
    let (layer, part) = rest.split_once('.').unwrap_or((rest, ""));
    let (part, what) = part.rsplit_once('.').unwrap_or((part, "weight"));
    let part = match part {
        "input_layernorm" => "attn_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.o_proj" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "post_attention_layernorm" => "ffn_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" => "ffn_up",
        "mlp.down_proj" => "ffn_down",
        other => other,
    };
    format!("blk.{layer}.{part}.{what}")
}

/// Heads of a tensor whose rows turn with the position: Llama's GGUF files keep these rows interleaved.
pub(super) fn rotary_heads(config: &ModelConfig, name: &str) -> Option<usize> {
    if config.architecture != Architecture::Llama {
        None
    } else if name.ends_with("q_proj.weight") {
        Some(config.heads)
    } else if name.ends_with("k_proj.weight") {
        Some(config.kv_heads)
    } else {
        None
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    FromFile,
    ToFile,
}

/// Within each head, Hugging Face keeps the two halves of the rotation apart (row i and row i + d/2 turn together), GGUF
/// keeps them as neighbours (rows 2i and 2i + 1). Rows are moved whole, so this works on any element format.
pub(super) fn reorder_rows(data: &[u8], rows: usize, heads: usize, direction: Direction) -> Vec<u8> {
    let (stride, d) = (data.len() / rows.max(1), rows / heads.max(1));
    let mut out = Vec::with_capacity(data.len());
    for row in 0..rows {
        let (head, i) = (row / d, row % d);
        let from = match direction {
            Direction::FromFile => head * d + 2 * (i % (d / 2)) + i / (d / 2),
            Direction::ToFile => head * d + (i % 2) * (d / 2) + i / 2,
        };
        out.extend_from_slice(&data[from * stride..(from + 1) * stride]);
    }
    out
}

fn text<'a>(file: &'a Header, key: &str) -> Option<&'a str> {
    match file.metadata.get(key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn texts<'a>(file: &'a Header, key: &str) -> Result<Vec<&'a str>> {
    let Some(Value::List(list)) = file.metadata.get(key) else {
        return Err(LmError::Tokenizer(format!("GGUF key `{key}` is missing")));
    };
    list.iter()
        .map(|v| match v {
            Value::Text(text) => Ok(text.as_str()),
            other => Err(LmError::Tokenizer(format!("GGUF key `{key}` holds {other:?} among its strings"))),
        })
        .collect()
}
