//! Adapters in the engine: unmerged they give the logits of merged weights and of PEFT, in every format and family; one batch holds
//! several, a row changes them between tokens; GGUF files of them go out and in.

use crate::support::{bytes, close, folder, golden, json, random_model, tokenizer, wide_model};
use candle_core::Tensor;
use clicker_lm::lora::{Adapter, LoraPair};
use clicker_lm::weights::gguf::{self, Kind, Value};
use clicker_lm::weights::{Encoding, adapter, export, peft};
use clicker_lm::{
    Adaptation, Architecture, Engine, EngineAdapter, EngineCache, GenerateOptions, Generator, Inference, LoadedModel,
    ModelConfig, PolicySnapshot, Precision, PromptPass, Prompts, RowCache, RowPlan, Spoken, StoredAdapter,
};
use clicker_wire::{LoraSpec, Sampling};
use std::sync::Arc;

/// One that changes every matrix that it may.
fn stirred(config: &ModelConfig, spec: &LoraSpec, by: f32) -> Adapter {
    let pairs = Adapter::new(spec, config, 1).unwrap().pairs().to_vec();
    let filled = |tensor: &Tensor, seed: usize| {
        let values: Vec<f32> =
            (0..tensor.elem_count()).map(|i| (((i * 31 + seed * 17) % 101) as f32 / 101.0 - 0.5) * by).collect();
        Tensor::from_vec(values, tensor.shape(), tensor.device()).unwrap()
    };
    let pairs = pairs.into_iter().enumerate();
    let pairs =
        pairs.map(|(i, p)| LoraPair { name: p.name, a: filled(&p.a, 2 * i), b: filled(&p.b, 2 * i + 1) }).collect();
    Adapter::of(spec, config, pairs).unwrap()
}

fn spec() -> LoraSpec {
    LoraSpec { r: 5, lora_alpha: 10.0, ..LoraSpec::default() }
}

fn file(adapter: &Adapter) -> [Vec<u8>; 2] {
    let files = peft::write(adapter, None).unwrap();
    ["adapter_config.json", "adapter_model.safetensors"]
        .map(|wanted| files.iter().find(|(name, _)| name == wanted).unwrap().1.clone())
}

fn stored(adapter: &Adapter, config: &ModelConfig) -> StoredAdapter {
    let [config_file, tensors] = file(adapter);
    StoredAdapter::from_peft(&config_file, &tensors, config).unwrap()
}

fn engine(source: &PolicySnapshot, encoding: Encoding) -> Engine {
    let file = export(source, Some(&tokenizer()), "test", encoding).unwrap();
    LoadedModel::for_engine(file.as_slice()).unwrap().snapshot
}

fn at(adapter: &Arc<EngineAdapter>, share: f32) -> Option<Adaptation> {
    Some(Adaptation { adapter: adapter.clone(), share })
}

fn last(model: &Engine, ids: &[u32], with: Option<Adaptation>) -> Vec<f32> {
    let plan = Arc::new(RowPlan::independent(&[ids.len()]));
    let mut pass = PromptPass::new(model, ids, &plan, 0).unwrap().adapted(vec![with]).unwrap();
    while !pass.step(7).unwrap() {}
    pass.finish().0
}

#[test]
fn unmerged_is_merged_in_every_family() {
    for source in [
        random_model(),
        wide_model(Architecture::Llama),
        wide_model(Architecture::Qwen2),
        wide_model(Architecture::Qwen3),
    ] {
        let config = source.decoder().config();
        let adapter = stirred(config, &spec(), 0.3);
        for (encoding, tolerance) in [(Encoding::F32, 3e-5), (Encoding::Q8_0, 0.05)] {
            let base = export(&source, None, "test", encoding).unwrap();
            let model = LoadedModel::for_engine(base.as_slice()).unwrap().snapshot;
            let laid = Arc::new(model.adapter(&stored(&adapter, config)).unwrap());
            assert!(laid.bytes() > 0);
            // What the file holds, in f32.
            let full = LoadedModel::from_gguf(&base, Precision::Full).unwrap().snapshot;
            let ids: Vec<u32> = (0..21).map(|i| i * 7 % 320).collect();
            for share in [0.0, 0.4, 1.0] {
                let merged = adapter.merged(full.weights(), config, f64::from(share)).unwrap();
                let want = PolicySnapshot::new(config, merged, 0).unwrap().last_logits(&ids).unwrap();
                let size = want.iter().map(|x| x.abs()).fold(1.0, f32::max);
                let what = format!("{:?} {encoding:?} at {share}", config.architecture);
                let got = last(&model, &ids, at(&laid, share));
                close(&what, &got, &want, tolerance * size);
                let base = last(&model, &ids, None);
                let moved = got.iter().zip(&base).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(if share > 0.0 { moved > 0.01 } else { moved == 0.0 }, "{what}: moved by {moved}");
            }
        }
    }
}

#[test]
fn an_adapter_of_peft_gives_the_logits_of_peft() {
    let source = folder("llama-tiny", &[]).unwrap();
    let reference = json("llama-tiny-lora/reference.json");
    let read = |name: &str| std::fs::read(golden("llama-tiny-lora").join(name)).unwrap();
    let stored =
        StoredAdapter::from_peft(&read("adapter_config.json"), &read("adapter_model.safetensors"), &source.config);
    let model = engine(&source.snapshot, Encoding::F32);
    let laid = Arc::new(model.adapter(&stored.unwrap()).unwrap());
    let ids: Vec<u32> = serde_json::from_value(reference["ids"].clone()).unwrap();
    let expected: Vec<f32> = serde_json::from_value(reference["last_logits"].clone()).unwrap();
    close("logits", &last(&model, &ids, at(&laid, 1.0)), &expected, 1e-4);
    let base = source.snapshot.last_logits(&ids).unwrap();
    close("base", &last(&model, &ids, at(&laid, 0.0)), &base, 2e-5);
}

#[test]
fn gguf_files_of_adapters_go_out_and_in() {
    for source in [random_model(), wide_model(Architecture::Llama), wide_model(Architecture::Qwen3)] {
        let config = source.decoder().config();
        for spec in
            [spec(), LoraSpec { use_rslora: true, target_modules: vec!["k_proj".into(), "up_proj".into()], ..spec() }]
        {
            let first = stirred(config, &spec, 0.3);
            let written = adapter::write(&first, config, "test").unwrap();
            let keys = gguf::read(&written).unwrap().header;
            assert_eq!(keys.metadata["general.type"], Value::Text("adapter".into()));
            assert_eq!(keys.metadata["adapter.type"], Value::Text("lora".into()));
            // llama.cpp divides by the rank.
            assert!(
                matches!(keys.metadata["adapter.lora.alpha"], Value::Float(a) if (a / 5.0 - spec.scale()).abs() < 1e-6)
            );
            assert_eq!(keys.places["blk.1.ffn_up.weight.lora_b"].dims, [config.ffn, 5]);
            let model = engine(&source, Encoding::F32);
            let ids = [1, 50, 60, 70, 4];
            let through =
                |stored: StoredAdapter| last(&model, &ids, at(&Arc::new(model.adapter(&stored).unwrap()), 1.0));
            let gguf = through(StoredAdapter::from_gguf(&written, config).unwrap());
            close("engine", &gguf, &through(stored(&first, config)), 1e-4);
            let back = adapter::read(&written, config).unwrap();
            assert_eq!(back.pairs().len(), first.pairs().len());
            assert!((back.spec().scale() - spec.scale()).abs() < 1e-6);
            for (a, b) in back.pairs().iter().zip(first.pairs()) {
                let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                assert_eq!((&a.name, values(&a.a), values(&a.b)), (&b.name, values(&b.a), values(&b.b)));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_named_with_what_was_expected() {
    let (source, wide) = (random_model(), wide_model(Architecture::Llama));
    let config = source.decoder().config();
    let good = adapter::write(&stirred(config, &spec(), 0.3), config, "test").unwrap();
    let of = |bytes: &[u8]| StoredAdapter::from_gguf(bytes, config).map(drop);
    of(&good).unwrap();
    let pair = |a: [usize; 2], b: [usize; 2]| {
        let tensor = |name: &str, dims: [usize; 2]| {
            (format!("blk.0.attn_q.weight.{name}"), Kind::F32, dims.to_vec(), vec![0; 4 * dims[0] * dims[1]])
        };
        vec![tensor("lora_a", a), tensor("lora_b", b)]
    };
    let keys = |family: &str, kind: &str| {
        [("general.type", kind), ("adapter.type", "lora"), ("general.architecture", family)]
            .map(|(key, value)| (key.to_owned(), Value::Text(value.to_owned())))
    };
    let built = |keys: &[(String, Value)], tensors: &[_]| of(&gguf::write(keys, tensors).unwrap());
    let llama = keys("llama", "adapter");
    built(&llama, &pair([2, 32], [32, 2])).unwrap();
    let mut elsewhere = pair([2, 32], [32, 2]);
    elsewhere[0].0 = "blk.9.attn_q.weight.lora_a".into();
    let cases: Vec<(clicker_lm::Result<()>, &[&str])> = vec![
        (built(&llama, &pair([2, 33], [32, 2])), &["attn_q.weight.lora_a", "[2, 33]", "[2, 32]"]),
        (built(&llama, &pair([2, 32], [31, 2])), &["attn_q.weight.lora_b", "[31, 2]", "[32, 2]"]),
        (built(&llama, &pair([2, 32], [32, 3])), &["attn_q.weight.lora_b", "[32, 3]", "[32, 2]"]),
        (built(&llama, &pair([2, 32], [32, 2])[..1]), &["attn_q", "only one"]),
        (built(&llama, &elsewhere), &["only one"]),
        (built(&llama, &[]), &["no pair"]),
        (built(&keys("qwen2", "adapter"), &pair([2, 32], [32, 2])), &["general.architecture", "`qwen2`", "`llama`"]),
        (built(&keys("llama", "model"), &pair([2, 32], [32, 2])), &["general.type", "`model`", "`adapter`"]),
        (of(&good[..good.len() / 2]), &["cut off"]),
        (of(&bytes("llama-tiny-f32.gguf")), &["general.type"]),
    ];
    for (result, words) in cases {
        let message = result.expect_err(words[0]).to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{words:?}: {message}");
    }
    // One for another model, and one with a number that is none.
    let [peft_config, peft_tensors] = file(&stirred(wide.decoder().config(), &spec(), 0.3));
    let message = StoredAdapter::from_peft(&peft_config, &peft_tensors, config).unwrap_err().to_string();
    assert!(message.contains("q_proj") && message.contains("[5, 32]") && message.contains("[5, 256]"), "{message}");
    let mut broken = good;
    let end = broken.len() - 64;
    broken[end..end + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let stored = StoredAdapter::from_gguf(&broken, config).unwrap();
    let message = engine(&source, Encoding::F32).adapter(&stored).unwrap_err().to_string();
    assert!(message.contains("lora_") && message.contains("finite"), "{message}");
}

fn options(temperature: f32, max_new_tokens: u32) -> GenerateOptions {
    let sampling = Sampling { temperature, max_new_tokens, ..Sampling::default() };
    GenerateOptions { sampling, stop: Vec::new(), alternatives: 2 }
}

fn draw(
    model: &Engine,
    prompt: &[u32],
    with: Vec<Option<Adaptation>>,
    rows: &[(usize, u64)],
) -> Vec<clicker_lm::Drawn> {
    let options = options(1.0, 12);
    let prompts = Prompts::new(model.config(), &vec![prompt.to_vec(); with.len()], &options).unwrap();
    let mut pass =
        PromptPass::new(model, &prompts.ids, &prompts.plan, prompts.capacity).unwrap().adapted(with).unwrap();
    while !pass.step(5).unwrap() {}
    let mut generator = Generator::after(model, &prompts, pass.finish(), rows, options).unwrap();
    while !generator.is_done() {
        generator.step().unwrap();
    }
    generator.finish()
}

#[test]
fn one_batch_of_several_adapters_is_each_alone() {
    let source = wide_model(Architecture::Llama);
    let config = source.decoder().config();
    let model = engine(&source, Encoding::Q8_0);
    let one = Arc::new(model.adapter(&stored(&stirred(config, &spec(), 0.3), config)).unwrap());
    let other = Arc::new(model.adapter(&stored(&stirred(config, &LoraSpec { r: 2, ..spec() }, 0.6), config)).unwrap());
    let with = [None, at(&one, 1.0), at(&one, 0.5), at(&other, 1.0)];
    // Not in order, so that neighbours in the batch differ.
    let rows = [(0, 1), (3, 1), (1, 1), (2, 2), (1, 2), (0, 2), (3, 2), (2, 1)];
    let together = draw(&model, &[1, 50, 60, 70, 4, 9], with.to_vec(), &rows);
    for (row, (prompt, stream)) in rows.into_iter().enumerate() {
        let alone = draw(&model, &[1, 50, 60, 70, 4, 9], vec![with[prompt].clone()], &[(0, stream)]);
        assert_eq!(together[row], alone[0], "row {row}: the same bits");
    }
    let texts: std::collections::BTreeSet<Vec<u32>> = together[..4].iter().map(clicker_lm::Drawn::ids).collect();
    assert_eq!(texts.len(), 4, "they say different things");
}

/// A row's next logits after some tokens, with an adapter of its own from the given token on.
fn switched(
    model: &Engine,
    prompt: &[u32],
    fed: &[u32],
    when: usize,
    with: &Option<Adaptation>,
) -> (Vec<f32>, EngineCache) {
    let plan = Arc::new(RowPlan::independent(&[prompt.len()]));
    let (_, mut cache) = model.prefill(prompt, &plan, fed.len()).unwrap();
    let row = cache.add_row(0).unwrap();
    let mut logits = Vec::new();
    for (i, &id) in fed.iter().enumerate() {
        if i == when {
            cache.adapt(row, with.clone()).unwrap();
        }
        logits = model.step(&[id], &[row], &mut cache).unwrap();
    }
    (logits, cache)
}

#[test]
fn a_switch_acts_from_the_next_token_on() {
    let source = wide_model(Architecture::Qwen3);
    let config = source.decoder().config();
    let model = engine(&source, Encoding::Q8_0);
    let one = Arc::new(model.adapter(&stored(&stirred(config, &spec(), 0.3), config)).unwrap());
    let (prompt, fed) = ([1, 50, 60, 70, 4], [9, 8, 7, 6]);
    let base = switched(&model, &prompt, &fed, 99, &None).0;
    // No switch, and a switch to nothing.
    for nothing in [None, at(&one, 0.0)] {
        assert_eq!(switched(&model, &prompt, &fed, 1, &nothing).0, base);
    }
    // The earlier, the further away; none is what the adapter would have made of the whole text.
    let whole = last(&model, &[1, 50, 60, 70, 4, 9, 8, 7, 6], at(&one, 1.0));
    let distance = |x: &[f32]| x.iter().zip(&whole).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let mut seen = vec![base.clone()];
    for when in 0..4 {
        let now = switched(&model, &prompt, &fed, when, &at(&one, 1.0)).0;
        assert!(!seen.contains(&now) && distance(&now) > 0.0, "at token {when}");
        seen.push(now);
    }
    assert!(distance(&seen[1]) < distance(&base));
    let (_, mut cache) = switched(&model, &prompt, &fed, 2, &at(&one, 1.0));
    assert!(cache.adapt(1, None).is_err(), "there is no second row");
}

/// A prompt's logits and how many of its tokens were computed, given what was said before.
fn continued(model: &Engine, ids: &[u32], with: Option<Adaptation>, spoken: &Spoken) -> (Vec<f32>, usize) {
    let plan = Arc::new(RowPlan::independent(&[ids.len()]));
    let mut pass = PromptPass::new(model, ids, &plan, 0).unwrap().adapted(vec![with]).unwrap();
    let known = pass.reuse(spoken);
    while !pass.step(3).unwrap() {}
    (pass.finish().0, ids.len() - known)
}

#[test]
fn a_conversation_computes_only_what_is_new_and_no_bit_differs() {
    for (source, encoding) in [(wide_model(Architecture::Llama), Encoding::Q8_0), (random_model(), Encoding::F32)] {
        let model = engine(&source, encoding);
        let config = source.decoder().config();
        let one = Arc::new(model.adapter(&stored(&stirred(config, &spec(), 0.3), config)).unwrap());
        for len in [1, 3, 4, 6, 8, 13] {
            let prompt: Vec<u32> = (0..len).map(|i| (i * 37 + 1) % 320).collect();
            for with in [None, at(&one, 1.0)] {
                let options = options(1.0, 9);
                let prompts = Prompts::new(config, std::slice::from_ref(&prompt), &options).unwrap();
                let mut pass = PromptPass::new(&model, &prompts.ids, &prompts.plan, prompts.capacity)
                    .unwrap()
                    .adapted(vec![with.clone()])
                    .unwrap();
                while !pass.step(64).unwrap() {}
                let rows = [(0, 1), (0, 2), (0, 3)];
                let mut generator = Generator::after(&model, &prompts, pass.finish(), &rows, options).unwrap();
                while !generator.is_done() {
                    generator.step().unwrap();
                }
                let (answers, cache) = generator.finish_with_cache();
                let spoken = Spoken::new(&prompts, cache, &[0, 0, 0], &answers);
                for answer in &answers {
                    // The conversation goes on behind the answer, or leaves it early, or is the same prompt again.
                    let said = answer.ids();
                    for (kept, new) in [(9, 5), (9, 1), (4, 3), (0, 0)] {
                        let ids: Vec<u32> = [&prompt[..], &said[..kept], &[300, 301, 302, 303, 304][..new]].concat();
                        let (logits, computed) = continued(&model, &ids, with.clone(), &spoken);
                        // The last token drawn was never an input, and the last of the prompt is what the answer follows from.
                        let least = if kept == 9 { new + 1 } else { new.max(1) };
                        assert!(computed <= least.max(1), "{computed} computed, {new} new behind {kept}");
                        assert_eq!(logits, last(&model, &ids, with.clone()), "{len} + {kept} + {new}: the same bits");
                    }
                }
                // Under another adapter nothing of it holds.
                let ids = [&prompt[..], &[7]].concat();
                let other = if with.is_some() { None } else { at(&one, 1.0) };
                let (logits, computed) = continued(&model, &ids, other.clone(), &spoken);
                assert_eq!((computed, logits), (ids.len(), last(&model, &ids, other)));
            }
        }
    }
}

#[test]
fn a_text_that_changed_its_adapter_is_not_gone_on_from() {
    let source = random_model();
    let config = source.decoder().config();
    let model = engine(&source, Encoding::F32);
    let one = Arc::new(model.adapter(&stored(&stirred(config, &spec(), 0.3), config)).unwrap());
    let options = options(0.0, 6);
    let prompts = Prompts::new(config, &[vec![1, 2, 3, 4, 5]], &options).unwrap();
    let mut generator = Generator::new(&model, &[vec![1, 2, 3, 4, 5]], &[(0, 0)], options).unwrap();
    generator.step().unwrap();
    generator.cache_mut().adapt(0, at(&one, 1.0)).unwrap();
    while !generator.is_done() {
        generator.step().unwrap();
    }
    let (answers, cache) = generator.finish_with_cache();
    let spoken = Spoken::new(&prompts, cache, &[0], &answers);
    let ids = [vec![1, 2, 3, 4, 5], answers[0].ids()].concat();
    let (logits, computed) = continued(&model, &ids, None, &spoken);
    assert_eq!((computed, logits), (6, last(&model, &ids, None)), "only the prompt is pure");
}

#[test]
fn embeddings_are_means_of_the_decoders_final_states() {
    for source in [random_model(), wide_model(Architecture::Qwen2)] {
        let model = engine(&source, Encoding::F32);
        for ids in [vec![7], (0..40).map(|i| i * 11 % 320).collect::<Vec<u32>>()] {
            let plan = Arc::new(RowPlan::independent(&[ids.len()]));
            let states = source.decoder().hidden(&ids, &plan).unwrap().to_vec2::<f32>().unwrap();
            let mean: Vec<f32> =
                (0..states[0].len()).map(|d| states.iter().map(|s| s[d]).sum::<f32>() / states.len() as f32).collect();
            let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt();
            let want: Vec<f32> = mean.iter().map(|x| x / length).collect();
            let got = model.embed(&ids, None).unwrap();
            close("embedding", &got, &want, 1e-4);
            assert!((got.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert!(model.embed(&[], None).is_err());
        assert!(model.embed(&[999], None).is_err());
    }
}
