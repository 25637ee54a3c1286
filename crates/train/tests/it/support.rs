//! Golden folders, and tiny models and recipes.

use clicker_lm::LoadedModel;
use serde_json::Value;
use std::path::PathBuf;

/// The folders that PyTorch made, see tests/golden/README.md.
pub(crate) const FOLDERS: [&str; 2] = ["llama-tiny", "llama-tied"];

pub(crate) fn golden(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(folder)
}

pub(crate) fn model(folder: &str) -> LoadedModel {
    let path = golden(folder);
    LoadedModel::from_hf_folder(&mut |name| {
        let file = path.join(name);
        if file.exists() { std::fs::read(file).map(Some) } else { Ok(None) }
    })
    .unwrap()
}

pub(crate) fn reference(folder: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(folder).join("reference.json")).unwrap()).unwrap()
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

pub(crate) fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

pub(crate) fn table(value: &Value) -> Vec<Vec<f32>> {
    value.as_array().unwrap().iter().map(floats).collect()
}

/// Every value within `tolerance` of its reference, naming the worst.
#[track_caller]
pub(crate) fn close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    let (at, gap) = got
        .iter()
        .zip(expected)
        .map(|(g, e)| (g - e).abs())
        .enumerate()
        .fold((0, 0.0), |worst, (i, d)| if d > worst.1 || d.is_nan() { (i, d) } else { worst });
    assert!(gap <= tolerance, "{what}[{at}]: got {}, expected {}, off by {gap:e}", got[at], expected[at]);
}
