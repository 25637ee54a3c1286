//! PEFT's adapter folders: `adapter_config.json` with `adapter_model.safetensors`, as `PeftModel.save_pretrained` writes and
//! `PeftModel.from_pretrained` reads them.

use super::adapter::{StoredAdapter, StoredPair, StoredTensor};
use super::hf::{ReadFile, f32_file, kind_of, required};
use crate::lora::{self, Adapter};
use crate::{LmError, ModelConfig, Result};
use clicker_wire::LoraSpec;
use safetensors::tensor::SafeTensors;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CONFIG: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";
/// What PEFT puts before a module's name.
const PREFIX: &str = "base_model.model.";

/// Read an adapter for this model.
///
/// # Errors
/// A missing or broken file, another kind of adapter, or one that does not fit the model.
pub fn read(read: &mut ReadFile<'_>, model: &ModelConfig) -> Result<Adapter> {
    let config = required(read, CONFIG)?;
    let (spec, stored) = stored(&config, &required(read, TENSORS)?, model)?;
    Adapter::from_stored(&spec, model, stored)
}

/// The same as the files hold it.
pub(super) fn stored(config: &[u8], bytes: &[u8], model: &ModelConfig) -> Result<(LoraSpec, StoredAdapter)> {
    let config: Value =
        serde_json::from_slice(config).map_err(|e| LmError::file(CONFIG, format!("it is not JSON: {e}")))?;
    let spec = spec(&config)?;
    let tensors =
        SafeTensors::deserialize(bytes).map_err(|e| LmError::file(TENSORS, format!("{e}; is the file complete?")))?;
    let mut halves: BTreeMap<String, [Option<StoredTensor>; 2]> = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let (module, half) = part(name)?;
        let kind = kind_of(TENSORS, name, &view)?;
        let tensor = StoredTensor { kind, dims: view.shape().to_vec(), data: view.data().to_vec() };
        halves.entry(format!("{module}.weight")).or_default()[half] = Some(tensor);
    }
    let mut pairs = Vec::new();
    for (name, _) in model.tensor_shapes() {
        match halves.remove(&name) {
            None => {}
            Some([Some(a), Some(b)]) => pairs.push(StoredPair { name, scale: spec.scale() as f32, a, b }),
            Some(_) => return Err(LmError::file(TENSORS, format!("`{name}` has only one of lora_A and lora_B"))),
        }
    }
    if let Some(name) = halves.keys().next() {
        return Err(LmError::file(TENSORS, format!("it changes `{name}`, which this model does not have")));
    }
    let shapes = pairs.iter().map(|p| (p.name.as_str(), p.a.dims.as_slice(), p.b.dims.as_slice()));
    lora::fits(&spec, model, &shapes.collect::<Vec<_>>())?;
    Ok((spec, StoredAdapter { pairs }))
}

/// The files of a folder for this adapter: (plain name, bytes).
///
/// # Errors
/// Tensor arithmetic.
pub fn write(adapter: &Adapter, base: Option<&str>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut data: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for pair in adapter.pairs() {
        let module = pair.name.trim_end_matches(".weight");
        for (half, tensor) in [("lora_A", &pair.a), ("lora_B", &pair.b)] {
            let floats = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
            data.push((format!("{PREFIX}{module}.{half}.weight"), tensor.dims().to_vec(), bytes));
        }
    }
    let tensors = f32_file(TENSORS, &data)?;
    let spec = adapter.spec();
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": spec.r,
        "lora_alpha": spec.lora_alpha,
        "target_modules": spec.target_modules,
        "use_rslora": spec.use_rslora,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
    });
    Ok(vec![(CONFIG.to_owned(), format!("{config:#}\n").into_bytes()), (TENSORS.to_owned(), tensors)])
}

/// The module and which half of its pair a tensor is.
fn part(name: &str) -> Result<(&str, usize)> {
    let inner = name.strip_prefix(PREFIX).and_then(|n| n.strip_suffix(".weight"));
    let split = inner.and_then(|n| {
        let a = n.strip_suffix(".lora_A").map(|module| (module, 0));
        a.or_else(|| n.strip_suffix(".lora_B").map(|module| (module, 1)))
    });
    split.ok_or_else(|| {
        LmError::file(
            TENSORS,
            format!(
                "tensor `{name}`: expected names like {PREFIX}model.layers.0.self_attn.q_proj.lora_A.weight; DoRA, embeddings and \
                 several adapters in one file are not supported: merge such an adapter with PEFT first"
            ),
        )
    })
}

fn spec(config: &Value) -> Result<LoraSpec> {
    let bad = |problem: String| LmError::file(CONFIG, problem);
    let kind = config.get("peft_type").and_then(Value::as_str).unwrap_or("LORA");
    if kind != "LORA" {
        return Err(bad(format!("peft_type is {kind}; only LORA can be read")));
    }
    // What would make the sum another one than W + s B A.
    for key in ["use_dora", "use_qalora", "use_bdlora", "fan_in_fan_out", "lora_bias"] {
        if config.get(key).and_then(Value::as_bool) == Some(true) {
            return Err(bad(format!("{key} is true, which is not supported; merge the adapter with PEFT first")));
        }
    }
    for key in ["modules_to_save", "layer_replication", "trainable_token_indices", "alora_invocation_tokens"] {
        if config.get(key).is_some_and(|value| !value.is_null()) {
            return Err(bad(format!("{key} is set, which is not supported; merge the adapter with PEFT first")));
        }
    }
    for key in ["rank_pattern", "alpha_pattern"] {
        if config.get(key).and_then(Value::as_object).is_some_and(|map| !map.is_empty()) {
            return Err(bad(format!("{key} gives modules ranks of their own, which is not supported")));
        }
    }
    if let Some(bias) = config.get("bias").and_then(Value::as_str).filter(|b| *b != "none") {
        return Err(bad(format!("bias is {bias}; only none can be read")));
    }
    let r = config.get("r").and_then(Value::as_u64).and_then(|r| u32::try_from(r).ok());
    let alpha = config.get("lora_alpha").and_then(Value::as_f64);
    let targets = match config.get("target_modules") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => {
            let given = other.map_or_else(|| "missing".to_owned(), Value::to_string);
            return Err(bad(format!("target_modules is {given}; expected a list of module names")));
        }
    };
    let spec = LoraSpec {
        r: r.ok_or_else(|| bad("it has no rank `r`".into()))?,
        lora_alpha: alpha.ok_or_else(|| bad("it has no `lora_alpha`".into()))? as f32,
        target_modules: targets,
        use_rslora: config.get("use_rslora").and_then(Value::as_bool).unwrap_or(false),
    };
    match spec.complaint() {
        Some(complaint) => Err(bad(complaint)),
        None => Ok(spec),
    }
}
