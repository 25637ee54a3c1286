//! Runs into a folder, and what happens to one when the disk is full, files are missing, or rows change; and a look at rows.

use clicker_dataset::check::Fixes;
use clicker_lm::weights::{Encoding, export};
use clicker_service::headless::{
    Asked, Compute, DataCheckRequest, HeadlessError, TrainProgress, TrainRequest, data_check, export_run,
    newest_checkpoint, train,
};
use clicker_service::{Control, Outcome, RunFormat};
use clicker_train::TrainError;
use clicker_train::pretrain::{PretrainSpec, pretrain};
use clicker_wire::{Decision, Recipe};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A tiny model in a folder of the test.
fn model(dir: &TempDir) -> PathBuf {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = MODEL.get_or_init(|| {
        let shape = [16, 1, 2, 1, 32, 192];
        let spec =
            PretrainSpec { steps: 3, batch: 8, vocab: 400, tokenizer_documents: 300, shape, ..PretrainSpec::default() };
        let (snapshot, tokenizer) = pretrain(&spec, &mut |_| {}).expect("pretrains");
        export(&snapshot, Some(&tokenizer), "tiny", Encoding::F32).expect("exports")
    });
    let path = dir.path().join("model.gguf");
    fs::write(&path, bytes).expect("writes");
    path
}

fn rows(dir: &TempDir, lines: &[&str]) -> PathBuf {
    let path = dir.path().join("rows.jsonl");
    fs::write(&path, lines.join("\n") + "\n").expect("writes");
    path
}

const TOLD: [&str; 3] = [
    r#"{"prompt": "Sum of 2 and 1?", "completion": "3"}"#,
    r#"{"prompt": "Sum of 3 and 1?", "completion": "4"}"#,
    r#"{"prompt": "Sum of 4 and 1?", "completion": "5"}"#,
];

fn request(dir: &TempDir, out: &str) -> TrainRequest {
    let json = serde_json::json!({"name": "t", "algorithm": "sft", "steps": 4, "sft": {"batch": 2},
        "data": {"file": dir.path().join("rows.jsonl")}, "eval": {"every": 0, "items": 2}, "checkpoint": {"every": 1}});
    let recipe: Recipe = serde_json::from_value(json).expect("a recipe");
    TrainRequest {
        recipe,
        model: model(dir),
        builtin: model(dir),
        out: dir.path().join(out),
        resume: false,
        compute: Compute::cpu(),
    }
}

fn play(request: &TrainRequest, on_step: &mut dyn FnMut(u32)) -> Result<Outcome, Box<HeadlessError>> {
    train(request, &mut |TrainProgress::Step(step, _)| on_step(step), &|| Control::Continue).map_err(Box::new)
}

/// The chain of an error's words, as the command line prints it.
fn words(error: &HeadlessError) -> String {
    let mut out = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        out += &format!(": {inner}");
        cause = inner.source();
    }
    out
}

#[test]
fn a_folder_is_exported_up_to_its_last_whole_line() {
    let dir = TempDir::new().expect("a folder");
    rows(&dir, &TOLD);
    let mut request = request(&dir, "run");
    request.recipe.eval.every = 2;
    play(&request, &mut |_| ()).expect("trains");
    let log = request.out.join("metrics.jsonl");
    let whole = fs::read_to_string(&log).expect("reads");
    fs::write(&log, format!("{whole}{{\"kind\":\"metr")).expect("writes");
    let csv = export_run(&request.out, RunFormat::Csv).expect("exports");
    let text = String::from_utf8(csv.bytes).expect("text");
    let head: Vec<&str> = text.lines().next().expect("a header").split(',').collect();
    for name in ["step", "loss", "grad_norm", "mean_token_accuracy", "eval/accuracy_known"] {
        assert!(head.contains(&name), "{head:?}");
    }
    assert_eq!((csv.rows, text.lines().count()), (5, 6), "{text}");
    let lines = export_run(&request.out, RunFormat::Jsonl).expect("exports");
    let last: serde_json::Value =
        serde_json::from_slice(lines.bytes.trim_ascii().split(|b| *b == b'\n').next_back().expect("lines"))
            .expect("json");
    let told: serde_json::Value = serde_json::from_str(whole.lines().last().expect("lines")).expect("json");
    assert_eq!((&last["step"], &last["loss"]), (&told["step"], &told["values"]["loss"]));
    assert!(export_run(&request.out, RunFormat::Tensorboard).expect("exports").bytes.len() > 500);
    fs::write(&log, "{}\n").expect("writes");
    let error = export_run(&request.out, RunFormat::Csv).expect_err("no event").to_string();
    assert!(error.contains("metrics.jsonl, line 1"), "{error}");
    let error = export_run(dir.path(), RunFormat::Csv).expect_err("no run").to_string();
    assert!(error.contains("no recipe.json"), "{error}");
}

/// Everything in a run's folder but what depends on the clock.
fn weights(out: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: &str| (name.to_owned(), fs::read(out.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")));
    ["state.safetensors", "checkpoints/000004.gguf", "checkpoints/000004.q8_0.gguf"].map(read).to_vec()
}

#[test]
fn a_full_disk_stops_the_run_keeps_the_last_step_and_is_recovered_from() {
    let dir = TempDir::new().expect("a folder");
    rows(&dir, &TOLD);
    let whole = request(&dir, "whole");
    assert_eq!(play(&whole, &mut |_| ()).expect("trains"), Outcome::Finished);
    for (full, good) in
        [("state.safetensors.tmp", 2), ("checkpoints/000003.gguf.tmp", 2), ("checkpoints/000003.q8_0.gguf.tmp", 2)]
    {
        let mut cut = request(&dir, &full.replace('/', "-"));
        let out = cut.out.clone();
        // The kernel's own full device: opening it works, writing to it does not.
        let mut fill = |step| {
            if step == good {
                std::os::unix::fs::symlink("/dev/full", out.join(full)).expect("links");
            }
        };
        let error = words(&play(&cut, &mut fill).expect_err("the disk is full"));
        for word in ["step 3", "No space left", "--resume"] {
            assert!(error.contains(word), "{full}: {error}");
        }
        let state = fs::read(out.join("state.safetensors")).expect("the last good state is there");
        assert_eq!(clicker_train::state::step_of(&state).expect("is sound"), good);
        let newest = newest_checkpoint(&out).expect("there is a checkpoint");
        assert!(
            clicker_lm::LoadedModel::from_gguf(&fs::read(newest).expect("reads"), clicker_lm::Precision::Full).is_ok()
        );
        assert!(!out.join(full).exists(), "half a file stays nowhere");
        cut.resume = true;
        assert_eq!(play(&cut, &mut |_| ()).expect("goes on"), Outcome::Finished);
        assert_eq!(weights(&out), weights(&whole.out), "{full}: as if nothing had happened");
    }
}

#[test]
fn lines_of_a_step_that_did_not_count_are_cut_off() {
    let dir = TempDir::new().expect("a folder");
    rows(&dir, &TOLD);
    let mut cut = request(&dir, "cut");
    let out = cut.out.clone();
    // A log that cannot be written any more: the step does not count.
    let mut block = |step| {
        if step == 1 {
            let log = out.join("metrics.jsonl");
            let kept = fs::read(&log).expect("reads");
            fs::rename(&log, out.join("kept")).expect("moves");
            fs::create_dir(&log).expect("stands in the way");
            assert!(!kept.is_empty());
        }
    };
    let error = words(&play(&cut, &mut block).expect_err("cannot be written"));
    assert!(error.contains("step 2") && error.contains("metrics.jsonl"), "{error}");
    fs::remove_dir(out.join("metrics.jsonl")).expect("removes");
    let kept = fs::read_to_string(out.join("kept")).expect("reads");
    // What a kill in the middle of a line, and after lines of a later step, leaves behind.
    fs::write(
        out.join("metrics.jsonl"),
        format!("{kept}{{\"kind\":\"metrics\",\"step\":9,\"values\":{{}}}}\n{{\"kind\":\"met"),
    )
    .expect("writes");
    cut.resume = true;
    play(&cut, &mut |_| ()).expect("goes on");
    let log = fs::read_to_string(out.join("metrics.jsonl")).expect("reads");
    let steps: Vec<u64> = log
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("whole lines")["step"].as_u64().expect("a step")
        })
        .collect();
    assert_eq!(steps, [1, 2, 3, 4]);
}

#[test]
fn what_is_not_there_or_not_the_same_is_named() {
    let dir = TempDir::new().expect("a folder");
    let missing = words(&play(&request(&dir, "a"), &mut |_| ()).expect_err("no rows"));
    assert!(missing.contains("rows.jsonl") && missing.contains("No such file"), "{missing}");
    rows(&dir, &TOLD);
    fs::write(dir.path().join("file"), "x").expect("writes");
    let nowhere = words(&play(&request(&dir, "file/run"), &mut |_| ()).expect_err("no folder"));
    assert!(nowhere.contains("file/run") && nowhere.contains("Not a directory"), "{nowhere}");
    let mut no_model = request(&dir, "b");
    no_model.model = dir.path().join("none.gguf");
    let no_model = words(&play(&no_model, &mut |_| ()).expect_err("no model"));
    assert!(no_model.contains("none.gguf"), "{no_model}");

    let mut changed = request(&dir, "c");
    let paused = train(&changed, &mut |_| (), &|| Control::Pause).expect("pauses");
    assert_eq!(paused, Outcome::Paused);
    rows(&dir, &TOLD[..2]);
    changed.resume = true;
    let error = words(&play(&changed, &mut |_| ()).expect_err("other rows"));
    assert!(error.contains("rows.jsonl has changed") && error.contains("--out"), "{error}");
    rows(&dir, &TOLD);
    assert_eq!(play(&changed, &mut |_| ()).expect("the old rows are back"), Outcome::Finished);
}

#[test]
fn numbers_that_break_stop_the_run_and_leave_the_last_good_checkpoint() {
    let dir = TempDir::new().expect("a folder");
    rows(&dir, &TOLD);
    let mut broken = request(&dir, "broken");
    broken.recipe.optim.learning_rate = 1e37;
    broken.recipe.optim.warmup_steps = 0;
    broken.recipe.steps = 9;
    let error = play(&broken, &mut |_| ()).expect_err("diverges");
    assert!(matches!(&*error, HeadlessError::Train(TrainError::Diverged { .. })), "{error}");
    let samples = fs::read_to_string(broken.out.join("samples.jsonl")).expect("reads");
    assert!(samples.contains("\"diverged\"") && samples.contains("learning rate"), "{samples}");
}

#[test]
fn rows_not_fit_to_train_on_leave_the_folder_free() {
    let dir = TempDir::new().expect("a folder");
    rows(&dir, &[TOLD[0], TOLD[0], TOLD[0]]);
    let refused = play(&request(&dir, "a"), &mut |_| ()).expect_err("copies");
    assert!(matches!(&*refused, HeadlessError::Train(TrainError::Rows { .. })), "{refused}");
    rows(&dir, &TOLD);
    assert_eq!(play(&request(&dir, "a"), &mut |_| ()).expect("trains"), Outcome::Finished);
}

#[test]
fn a_look_at_rows_measures_them_and_writes_a_copy_but_never_over_a_file() {
    let dir = TempDir::new().expect("a folder");
    let lines = [TOLD[0], "", TOLD[1], TOLD[0], TOLD[2]];
    let file = rows(&dir, &lines);
    let asked = Asked { model: model(&dir), samples: 2, rows: 2, max_new_tokens: 4, seed: 1 };
    let out = dir.path().join("clean.jsonl");
    let request = DataCheckRequest {
        file: file.clone(),
        against: None,
        world_seed: 1,
        model: Some(asked),
        fix: Some(out.clone()),
        fixes: Fixes::default(),
    };
    let seen = data_check(&request).expect("looks");
    assert_eq!((seen.report.rows, seen.report.blank_lines), (4, 1));
    let difficulty = seen.report.difficulty.as_ref().expect("asked");
    assert_eq!((difficulty.rows.len(), difficulty.left_out, difficulty.pass.n), (2, 2, 4));
    let removed = seen.removed.expect("a copy was asked for");
    assert_eq!((removed.len(), removed[0].0.line, removed[0].1.as_str()), (1, 4, TOLD[0]));
    let written = fs::read_to_string(&out).expect("reads");
    assert_eq!(written, format!("{}\n\n{}\n{}\n", TOLD[0], TOLD[1], TOLD[2]));
    assert_eq!(fs::read_to_string(&file).expect("reads"), lines.join("\n") + "\n", "the file is as it was");
    for taken in [out, file.clone()] {
        let again = data_check(&DataCheckRequest { fix: Some(taken), model: None, ..request.clone() });
        let error = again.expect_err("is taken").to_string();
        assert!(error.contains("nothing is overwritten"), "{error}");
    }
    let held_out = dir.path().join("held-out.jsonl");
    fs::write(&held_out, TOLD[2]).expect("writes");
    let against = DataCheckRequest { against: Some(held_out), model: None, fix: None, ..request };
    assert_eq!(data_check(&against).expect("looks").report.decision, Decision::Stop);
    fs::write(&file, r#"{"prompt": "p"}"#).expect("writes");
    let asked = Some(Asked { model: model(&dir), samples: 2, rows: 0, max_new_tokens: 4, seed: 1 });
    let error =
        data_check(&DataCheckRequest { model: asked, against: None, ..against }).expect_err("no truth").to_string();
    assert!(error.contains("right answer"), "{error}");
}
