//! What is written is what is read: GGUF in every encoding, folders of both transformers versions, shards.

use crate::support::{bytes, close, folder, json, random_model, tokenizer, wide_model};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use clicker_lm::weights::{self, Encoding, export, gguf, quantized_copy};
use clicker_lm::{Architecture, LoadedModel, Precision};

const IDS: [u32; 5] = [1, 3, 70, 200, 4];

#[test]
fn configurations_of_transformers_4_and_5_give_the_same_model() {
    for name in ["llama-tiny", "llama-tied"] {
        let five = folder(name, &[]).unwrap();
        let four = folder(name, &[("config.json", Some(bytes(&format!("{name}/config.v4.json"))))]).unwrap();
        assert_eq!(five.snapshot.last_logits(&IDS).unwrap(), four.snapshot.last_logits(&IDS).unwrap(), "{name}");
    }
}

#[test]
fn the_reference_gguf_computes_what_the_folder_computes() {
    let folder = folder("llama-tiny", &[]).unwrap();
    let file = LoadedModel::from_gguf(&bytes("llama-tiny-f32.gguf"), Precision::AsStored).unwrap();
    let want = folder.snapshot.last_logits(&IDS).unwrap();
    close("f32 gguf", &file.snapshot.last_logits(&IDS).unwrap(), &want, 1e-6);
    let text = "What is the capital of France?";
    assert_eq!(file.tokenizer().unwrap().encode(text).unwrap(), folder.tokenizer().unwrap().encode(text).unwrap());
}

#[test]
fn a_file_of_mixed_block_formats_computes_what_its_decoded_weights_compute() {
    let reference = json("gguf_reference.json");
    let all = reference.as_array().cloned().unwrap_or_else(|| vec![reference.clone()]);
    for case in
        all.iter().flat_map(|c| c.get("files").and_then(|f| f.as_array()).cloned().unwrap_or_else(|| vec![c.clone()]))
    {
        let name = case["file"].as_str().unwrap();
        let ids: Vec<u32> = case["ids"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
        let want: Vec<f32> = case["last_logits_of_dequantised_weights"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap() as f32)
            .collect();
        let full = LoadedModel::from_gguf(&bytes(name), Precision::Full).unwrap();
        close(name, &full.snapshot.last_logits(&ids).unwrap(), &want, 2e-5);
        // Block products also round the activations to 8 bits: close, not equal.
        let blocks = LoadedModel::from_gguf(&bytes(name), Precision::AsStored).unwrap();
        close(name, &blocks.snapshot.last_logits(&ids).unwrap(), &want, 0.2);
    }
}

#[test]
fn blocks_are_those_of_the_reference_quantizer() {
    for row in json("quant_reference.json")["rows"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let values: Vec<f32> = row["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let tensor = Tensor::from_vec(values, (1, 64), &Device::Cpu).unwrap();
        for (key, kind) in [("q8_0", GgmlDType::Q8_0), ("q4_0", GgmlDType::Q4_0)] {
            let blocks = QTensor::quantize(&tensor, kind).unwrap();
            let decoded = blocks.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let want: Vec<f32> =
                row[key]["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
            // Half steps may round either way: at most one step of the block apart.
            let largest = want.iter().map(|v| v.abs()).fold(0.0, f32::max);
            let step = largest / if kind == GgmlDType::Q8_0 { 127.0 } else { 8.0 };
            close(&format!("{name} {key}"), &decoded, &want, step * 1.01 + 1e-12);
        }
    }
}

#[test]
fn every_encoding_survives_a_round_trip() {
    let (model, tokenizer) = (random_model(), tokenizer());
    let want = model.last_logits(&IDS).unwrap();
    for (encoding, tolerance) in [
        (Encoding::F32, 0.0),
        (Encoding::F16, 0.05),
        (Encoding::BF16, 0.4),
        (Encoding::Q8_0, 0.4),
        (Encoding::Q5_0, 3.0),
        (Encoding::Q4_0, 6.0),
    ] {
        let file = export(&model, Some(&tokenizer), "random", encoding).unwrap();
        let back = LoadedModel::from_gguf(&file, Precision::Full).unwrap();
        assert_eq!(back.config, *model.decoder().config());
        close(&format!("{encoding:?}"), &back.snapshot.last_logits(&IDS).unwrap(), &want, tolerance);
        let again = export(&back.snapshot, back.tokenizer.as_ref(), "random", encoding).unwrap();
        assert_eq!(again, file, "{encoding:?}: writing what was read gives the same bytes");
    }
}

#[test]
fn folders_survive_a_round_trip() {
    let model = random_model();
    let files = weights::hf::write(&model, Some(&tokenizer())).unwrap();
    let back =
        LoadedModel::from_hf_folder(&mut |name| Ok(files.iter().find(|(n, _)| n == name).map(|(_, b)| b.clone())))
            .unwrap();
    assert_eq!(back.snapshot.last_logits(&IDS).unwrap(), model.last_logits(&IDS).unwrap());
    assert_eq!(back.tokenizer().unwrap().encode("hello 42").unwrap(), tokenizer().encode("hello 42").unwrap());
}

#[test]
fn the_browsers_copy_is_small_and_says_nearly_the_same() {
    let model = random_model();
    let master = export(&model, Some(&tokenizer()), "random", Encoding::F32).unwrap();
    let (browser, shape) = quantized_copy(&master).unwrap();
    assert_eq!(shape, model.decoder().config().shape());
    let weights = |file: &[u8]| gguf::read(file).unwrap().tensors.values().map(|t| t.data.len()).sum::<usize>();
    assert!(weights(&browser) * 3 < weights(&master));
    let copy = LoadedModel::from_gguf(&browser, Precision::AsStored).unwrap();
    close("browser", &copy.snapshot.last_logits(&IDS).unwrap(), &model.last_logits(&IDS).unwrap(), 0.6);
}

#[test]
fn a_tokenizer_is_rebuilt_from_tokens_and_merges_alone() {
    let (model, original) = (random_model(), tokenizer());
    let mut file = export(&model, Some(&original), "random", Encoding::F16).unwrap();
    let key = b"tokenizer.huggingface.json";
    let at = file.windows(key.len()).position(|w| w == key).unwrap();
    file[at] = b'x';
    // As it is for training, over a tokenizer.json; and as the engine reads it, out of the lists.
    let written = LoadedModel::from_gguf(&file, Precision::AsStored).unwrap().tokenizer.unwrap();
    let read = LoadedModel::for_engine(file.as_slice()).unwrap().tokenizer.unwrap();
    for back in [&written, &read] {
        for case in json("llama-tiny/tokenizer_reference.json")["encodings"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            assert_eq!(back.encode(text).unwrap(), original.encode(text).unwrap(), "{text:?}");
        }
        assert_eq!(back.vocab_size(), original.vocab_size());
        for id in 0..original.vocab_size() as u32 {
            assert_eq!(back.token_bytes(id), original.token_bytes(id), "{id}");
            let name = original.token_text(id);
            assert_eq!(back.id(&name), original.id(&name), "{name:?}");
        }
    }
}

#[test]
fn every_family_survives_a_file_and_a_folder() {
    for architecture in [Architecture::Llama, Architecture::Qwen2, Architecture::Qwen3] {
        let model = wide_model(architecture);
        let want = model.last_logits(&IDS).unwrap();
        let file = export(&model, None, "wide", Encoding::F32).unwrap();
        let back = LoadedModel::from_gguf(&file, Precision::Full).unwrap();
        assert_eq!(back.config.architecture, architecture);
        assert_eq!(back.snapshot.last_logits(&IDS).unwrap(), want, "{architecture:?}");
        let files = weights::hf::write(&model, None).unwrap();
        let back =
            LoadedModel::from_hf_folder(&mut |name| Ok(files.iter().find(|(n, _)| n == name).map(|(_, b)| b.clone())))
                .unwrap();
        assert_eq!(back.snapshot.last_logits(&IDS).unwrap(), want, "{architecture:?}");
    }
}
