//! Files that are broken or mean harm: a clear error each, never a panic, never an allocation that the header dictates.

use crate::support::{bytes, folder, random_model, tokenizer};
use clicker_lm::weights::{Encoding, export, gguf};
use clicker_lm::{LoadedModel, Precision};
use proptest::prelude::*;

fn file() -> Vec<u8> {
    export(&random_model(), Some(&tokenizer()), "random", Encoding::Q8_0).unwrap()
}

fn load(bytes: &[u8]) -> Result<LoadedModel, String> {
    LoadedModel::from_gguf(bytes, Precision::AsStored).map_err(|e| e.to_string())
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let file = file();
    for cut in (0..file.len()).step_by(97).chain([file.len() - 1]) {
        let error = load(&file[..cut]).err().unwrap_or_else(|| panic!("cut at {cut} of {} was accepted", file.len()));
        assert!(!error.is_empty());
    }
}

#[test]
fn hostile_headers_name_what_is_wrong() {
    let header = |tensors: u64, keys: u64| {
        [b"GGUF".as_slice(), &3u32.to_le_bytes(), &tensors.to_le_bytes(), &keys.to_le_bytes()].concat()
    };
    let key = |kind: u32, value: &[u8]| [&1u64.to_le_bytes(), b"k".as_slice(), &kind.to_le_bytes(), value].concat();
    let huge = u64::MAX.to_le_bytes();
    let nested = [&9u32.to_le_bytes()[..], &1u64.to_le_bytes()].concat();
    for (bytes, word) in [
        (b"ELF\x7f".to_vec(), "GGUF"),
        ([b"GGUF".as_slice(), &9u32.to_le_bytes()].concat(), "version 9"),
        (header(u64::MAX, 0), "tensors"),
        (header(0, u64::MAX), "keys"),
        (header(1000, 0), "cut off"),
        ([header(0, 1), key(8, &huge)].concat(), "longer"),
        ([header(0, 1), key(9, &[&0u32.to_le_bytes()[..], &huge].concat())].concat(), "cut off"),
        ([header(0, 1), key(9, &nested)].concat(), "list inside a list"),
        ([header(0, 1), key(77, &[])].concat(), "77"),
    ] {
        let error = load(&bytes).unwrap_err();
        assert!(error.contains(word), "expected `{word}` in: {error}");
    }
}

#[test]
fn tensors_that_overlap_or_leave_the_file_are_refused() {
    let tensor = |name: &str, kind: u32, dim: u64, offset: u64| {
        let len = (name.len() as u64).to_le_bytes();
        [&len[..], name.as_bytes(), &1u32.to_le_bytes(), &dim.to_le_bytes(), &kind.to_le_bytes(), &offset.to_le_bytes()]
            .concat()
    };
    let with = |tensors: &[Vec<u8>]| {
        let count = (tensors.len() as u64).to_le_bytes();
        let mut out =
            [b"GGUF".as_slice(), &3u32.to_le_bytes(), &count, &0u64.to_le_bytes(), &tensors.concat()].concat();
        out.resize(out.len().next_multiple_of(32) + 256, 0);
        out
    };
    for (tensors, word) in [
        (vec![tensor("a", 0, 16, 0), tensor("b", 0, 16, 32)], "overlap"),
        (vec![tensor("a", 0, 16, 0), tensor("a", 0, 16, 64)], "twice"),
        (vec![tensor("a", 0, 16, 4)], "multiple of 32"),
        (vec![tensor("a", 0, 16, 1 << 40)], "cut off"),
        (vec![tensor("a", 0, u64::MAX, 0)], "blocks"),
        (vec![tensor("a", 8, 33, 0)], "blocks"),
        (vec![tensor("a", 13, 32, 0)], "type 13"),
        (vec![tensor("a", 0, 0, 0)], "dimension"),
    ] {
        let error = gguf::read(&with(&tensors)).unwrap_err().to_string();
        assert!(error.contains(word), "expected `{word}` in: {error}");
    }
}

#[test]
fn folders_with_missing_or_wrong_parts_name_them() {
    let config = String::from_utf8(bytes("llama-tiny/config.json")).unwrap();
    let other_width = config.replace("\"intermediate_size\": 96", "\"intermediate_size\": 95");
    let more_layers = config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    let weights = bytes("llama-tiny/model.safetensors");
    let mut huge_header = weights.clone();
    huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    for (name, replacement, word) in [
        ("config.json", None, "config.json"),
        ("config.json", Some(b"{".to_vec()), "JSON"),
        ("config.json", Some(config.replace("\"llama\"", "\"mamba\"").into_bytes()), "mamba"),
        ("config.json", Some(other_width.into_bytes()), "shape"),
        ("config.json", Some(more_layers.into_bytes()), "layers.2"),
        ("model.safetensors", None, "model.safetensors"),
        ("model.safetensors", Some(weights[..weights.len() / 2].to_vec()), "complete"),
        ("model.safetensors", Some(huge_header), "complete"),
        ("tokenizer.json", Some(b"[]".to_vec()), "tokenizer"),
    ] {
        let error = folder("llama-tiny", &[(name, replacement)]).unwrap_err().to_string();
        assert!(error.contains(word), "{name}: expected `{word}` in: {error}");
    }
    let index = br#"{"weight_map":{"model.norm.weight":"../../etc/passwd"}}"#.to_vec();
    let error = folder("llama-tied", &[("model.safetensors.index.json", Some(index))]).unwrap_err().to_string();
    assert!(error.contains("plain file name"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_with_flipped_bytes_never_panics(flips in prop::collection::vec((0usize..6000, any::<u8>()), 1..8)) {
        let mut file = file();
        for (at, value) in flips {
            let len = file.len();
            file[at % len] = value;
        }
        let _ = load(&file);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = load(&[b"GGUF\x03\0\0\0".to_vec(), noise].concat());
    }
}
