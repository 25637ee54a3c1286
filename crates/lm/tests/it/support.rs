//! Golden models, and a tiny random one with the built-in template.

use candle_core::{Device, Tensor};
use clicker_lm::weights::WeightTensor;
use clicker_lm::{Architecture, LoadedModel, ModelConfig, PolicySnapshot, RopeScaling, Tokenizer, Weights};
use std::path::PathBuf;

pub(crate) fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden(name)).unwrap()
}

pub(crate) fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

/// A folder, with some files replaced (or removed, by none).
pub(crate) fn folder(name: &str, replace: &[(&str, Option<Vec<u8>>)]) -> clicker_lm::Result<LoadedModel> {
    let path = golden(name);
    LoadedModel::from_hf_folder(&mut |file| {
        if let Some((_, bytes)) = replace.iter().find(|(n, _)| *n == file) {
            return Ok(bytes.clone());
        }
        let file = path.join(file);
        if file.exists() { std::fs::read(file).map(Some) } else { Ok(None) }
    })
}

pub(crate) fn tokenizer() -> Tokenizer {
    Tokenizer::from_json(&bytes("llama-tiny/tokenizer.json")).unwrap()
}

/// Deterministic weights without meaning, on the golden tokenizer's vocabulary.
pub(crate) fn random_model() -> PolicySnapshot {
    let config = ModelConfig {
        architecture: Architecture::Llama,
        vocab: 320,
        width: 32,
        layers: 2,
        heads: 2,
        kv_heads: 1,
        head_dim: 16,
        ffn: 64,
        context: 64,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        tied: true,
        bos: Some(1),
        eos: vec![5],
    };
    scrambled(&config)
}

/// One of a family, wide enough for blocks of 256.
pub(crate) fn wide_model(architecture: Architecture) -> PolicySnapshot {
    scrambled(&ModelConfig {
        architecture,
        vocab: 320,
        width: 256,
        layers: 2,
        heads: 6,
        kv_heads: 2,
        head_dim: 128,
        ffn: 512,
        context: 64,
        rms_eps: 1e-6,
        rope_theta: 1_000_000.0,
        rope_scaling: RopeScaling::None,
        tied: architecture == Architecture::Qwen2,
        bos: None,
        eos: vec![5],
    })
}

fn scrambled(config: &ModelConfig) -> PolicySnapshot {
    let mut weights = Weights::default();
    for (t, (name, dims)) in config.tensor_shapes().into_iter().enumerate() {
        let n: usize = dims.iter().product();
        let values: Vec<f32> = (0..n).map(|i| ((i * 7919 + t * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect();
        // As in trained models, so that activations keep their size: matrices by 1 / sqrt(columns), norms about 1, biases as they are.
        let by = if dims.len() == 2 && config.width > 32 { 2.0 / (dims[1] as f32).sqrt() } else { 1.0 };
        let values: Vec<f32> = values.iter().map(|v| v * by).collect();
        let values =
            if name.ends_with("norm.weight") { values.iter().map(|v| 1.0 + 0.1 * v).collect() } else { values };
        weights.insert(name, WeightTensor::Dense(Tensor::from_vec(values, dims, &Device::Cpu).unwrap()));
    }
    PolicySnapshot::new(config, weights, 0).unwrap()
}

#[track_caller]
pub(crate) fn close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "{what}: off by {worst:e}");
}
