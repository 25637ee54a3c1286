//! The engine against the candle decoder: every format, both golden models and the built-in one.

use crate::support::{bytes, close, folder, golden, random_model, tokenizer, wide_model};
use clicker_lm::weights::gguf::{self, ReadAt};
use clicker_lm::weights::{Encoding, export};
use clicker_lm::{
    Architecture, GenerateOptions, Generator, Inference, LoadedModel, Precision, Prompts, RowCache, RowPlan, generate,
};
use clicker_wire::Sampling;
use std::sync::Arc;

fn greedy(max_new_tokens: u32) -> GenerateOptions {
    let sampling = Sampling { temperature: 0.0, max_new_tokens, ..Sampling::default() };
    GenerateOptions { sampling, stop: Vec::new(), alternatives: 0 }
}

fn logits(model: &impl Inference, ids: &[u32]) -> Vec<f32> {
    model.prefill(ids, &Arc::new(RowPlan::independent(&[ids.len()])), 0).unwrap().0
}

#[test]
fn logits_agree_in_every_format_and_family() {
    let sources = [
        random_model(),
        folder("llama-tiny", &[]).unwrap().snapshot,
        folder("llama-tied", &[]).unwrap().snapshot,
        wide_model(Architecture::Llama),
        wide_model(Architecture::Qwen2),
        wide_model(Architecture::Qwen3),
    ];
    for source in sources {
        let family = source.decoder().config().architecture;
        // What a format stores is decoded to f32 by the decoder; the engine rounds activations as well, so blocks only come close.
        for (encoding, tolerance) in [
            (Encoding::F32, 2e-5),
            (Encoding::F16, 2e-5),
            (Encoding::BF16, 2e-5),
            (Encoding::Q8_0, 0.05),
            (Encoding::Q4_0, 0.05),
            (Encoding::Q5_0, 0.05),
            (Encoding::Q4K, 0.05),
            (Encoding::Q6K, 0.05),
        ] {
            let file = export(&source, Some(&tokenizer()), "test", encoding).unwrap();
            let engine = LoadedModel::for_engine(file.as_slice()).unwrap().snapshot;
            let decoder = LoadedModel::from_gguf(&file, Precision::Full).unwrap().snapshot;
            for ids in [vec![1], vec![1, 50, 60, 70, 4], (0..40).map(|i| i * 7 % 320).collect()] {
                let want = logits(&decoder, &ids);
                let size = want.iter().map(|x| x.abs()).fold(0.0, f32::max);
                let what = format!("{family:?} {encoding:?}, {} ids", ids.len());
                close(&what, &logits(&engine, &ids), &want, tolerance * size.max(1.0));
            }
        }
    }
}

#[test]
fn logits_that_somebody_else_computed_are_drawn_from_as_if_they_were_the_engines() {
    let file = export(&wide_model(Architecture::Qwen3), Some(&tokenizer()), "test", Encoding::Q8_0).unwrap();
    let engine = LoadedModel::for_engine(file.as_slice()).unwrap().snapshot;
    let sampling = Sampling { temperature: 1.5, max_new_tokens: 9, ..Sampling::default() };
    // Enough end markers for rows to leave the batch at different times.
    let options = GenerateOptions { sampling, stop: (0..40).collect(), alternatives: 2 };
    let texts = [vec![1, 50, 60, 70, 4], vec![9, 8]];
    let rows: Vec<(usize, u64)> = (0..6).map(|row| (row % 2, row as u64)).collect();
    let expected = generate(&engine, &texts, &rows, options.clone()).unwrap();
    assert!(expected.iter().any(|drawn| drawn.draws.len() < 9) && expected.iter().any(|drawn| drawn.draws.len() == 9));

    let prompts = Prompts::new(engine.config(), &texts, &options).unwrap();
    let (logits, mut elsewhere) = engine.prefill(&prompts.ids, &prompts.plan, prompts.capacity).unwrap();
    for &(prompt, _) in &rows {
        elsewhere.add_row(prompt).unwrap();
    }
    let nothing = engine.cache_elsewhere(&prompts.plan, prompts.capacity).unwrap();
    let mut generator = Generator::after(&engine, &prompts, (logits, nothing), &rows, options).unwrap();
    while !generator.is_done() {
        if let Some((ids, rows)) = generator.wanted() {
            assert!(generator.given(vec![0.0; 3]).unwrap_err().to_string().contains("3 logits"));
            generator.given(engine.step(&ids, &rows, &mut elsewhere).unwrap()).unwrap();
            assert!(generator.wanted().is_none(), "nothing is asked for twice");
        }
        generator.step().unwrap();
    }
    assert!(generator.wanted().is_none());
    assert_eq!(generator.finish(), expected);
}

/// A file that counts how much of it is read at a time.
struct Pieces<'a>(&'a [u8], std::cell::Cell<usize>);

impl ReadAt for Pieces<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> clicker_lm::Result<()> {
        self.1.set(self.1.get().max(into.len()));
        self.0.read_at(offset, into)
    }
}

#[test]
fn a_model_is_read_in_pieces_and_takes_the_room_of_its_file() {
    for encoding in [Encoding::Q8_0, Encoding::Q4_0, Encoding::Q4K, Encoding::Q6K] {
        let file = export(&wide_model(Architecture::Llama), None, "test", encoding).unwrap();
        let pieces = Pieces(&file, std::cell::Cell::new(0));
        let model = LoadedModel::for_engine(&pieces).unwrap();
        assert!(pieces.1.get() <= 2 << 20, "{} bytes at once", pieces.1.get());
        assert!(model.snapshot.bytes() as f64 <= file.len() as f64 * 1.03);
    }
}

#[test]
fn a_number_that_is_none_is_refused_with_its_tensors_name() {
    let file = export(&wide_model(Architecture::Llama), None, "test", Encoding::Q8_0).unwrap();
    let place = gguf::read(&file).unwrap().header.places["blk.1.ffn_up.weight"].clone();
    let mut broken = file;
    broken[place.start as usize + 1] = 0x7c;
    let error = LoadedModel::for_engine(broken.as_slice()).unwrap_err().to_string();
    assert!(error.contains("layers.1.mlp.up_proj"), "{error}");
}

#[test]
fn greedy_tokens_agree_over_many_prompts_at_once() {
    let file = bytes("llama-tiny-f32.gguf");
    let engine = LoadedModel::for_engine(file.as_slice()).unwrap();
    let decoder = LoadedModel::from_gguf(&file, Precision::Full).unwrap();
    let prompts = vec![vec![1, 9, 30], vec![7], vec![300; 30]];
    let rows = [(0, 0), (1, 0), (2, 0), (0, 1)];
    let ours = generate(&engine.snapshot, &prompts, &rows, greedy(24)).unwrap();
    let theirs = generate(&decoder.snapshot, &prompts, &rows, greedy(24)).unwrap();
    for (a, b) in ours.iter().zip(&theirs) {
        assert_eq!(a.ids(), b.ids());
        let gaps = a.draws.iter().zip(&b.draws).map(|(a, b)| (a.logprob - b.logprob).abs());
        assert!(gaps.fold(0.0, f32::max) < 2e-5);
    }
}

#[test]
fn the_built_in_model_says_the_same_in_the_browsers_format() {
    let master = std::fs::read(golden("../../public/models/builtin.gguf")).unwrap();
    let (browser, _) = weights_copy(&master);
    let full = LoadedModel::from_gguf(&master, Precision::Full).unwrap();
    let engine = LoadedModel::for_engine(browser.as_slice()).unwrap();
    let template = full.template().unwrap();
    let questions = ["What is the capital of France?", "What is the symbol of iron?", "What is the capital of Japan?"];
    let prompts: Vec<Vec<u32>> = questions
        .iter()
        .map(|q| template.prompt(full.tokenizer().unwrap(), &[clicker_wire::Message::user(*q)]).unwrap())
        .collect();
    let rows = [(0, 0), (1, 0), (2, 0)];
    let options = GenerateOptions { stop: full.stop_tokens(), ..greedy(16) };
    let say = |drawn: Vec<clicker_lm::Drawn>| -> Vec<String> {
        drawn.iter().map(|d| full.tokenizer().unwrap().decode(&d.ids())).collect()
    };
    let ours = say(generate(&engine.snapshot, &prompts, &rows, options.clone()).unwrap());
    assert_eq!(ours, say(generate(&full.snapshot, &prompts, &rows, options).unwrap()));
    assert_eq!(ours, ["Paris.", "Fe.", "Tokyo."]);
}

fn weights_copy(master: &[u8]) -> (Vec<u8>, clicker_wire::ModelShape) {
    clicker_lm::weights::quantized_copy(master).unwrap()
}

#[test]
fn files_that_lack_something_are_refused() {
    let file = export(&random_model(), Some(&tokenizer()), "test", Encoding::Q8_0).unwrap();
    for cut in (0..file.len()).step_by(1009) {
        assert!(LoadedModel::for_engine(&file[..cut]).is_err(), "cut at {cut}");
    }
}
