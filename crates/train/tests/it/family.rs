//! Every loop and every choice of the GRPO family on the tiny model: resumed equals uninterrupted bit for bit, the course of the
//! loss is the committed one, and what a choice promises shows in its figures.

use crate::tiny::{Memory, figures, model, play, recipe, story};
use clicker_train::scorer::RewardScorer;
use clicker_train::{Control, Sink, Start, StepRecord, run};
use clicker_wire::{
    AdvantageEstimator, Algorithm, DpoLoss, Ensemble, Grader, GrpoSpec, ImportanceSamplingLevel, KlEstimator, Message,
    PolicyLoss, Recipe, RewardConfig, WeightedGrader,
};
use std::f64::consts::LN_2;

/// A short run of any algorithm.
fn short(algorithm: Algorithm) -> Recipe {
    let mut recipe = Recipe { algorithm, ..recipe(Algorithm::Grpo) };
    recipe.grpo = GrpoSpec::default();
    recipe.dpo.batch = 6;
    recipe.kto.batch = 6;
    recipe.orpo.batch = 6;
    recipe.reward_model.batch = 6;
    recipe.raft.accept_above = -1.0;
    recipe
}

fn grpo(change: impl FnOnce(&mut GrpoSpec)) -> Recipe {
    let mut recipe = short(Algorithm::Grpo);
    change(&mut recipe.grpo);
    recipe
}

fn resumed_equals_uninterrupted(what: &str, recipe: &Recipe) -> Vec<StepRecord> {
    let whole = play(recipe, None, u32::MAX);
    let mut parts = play(recipe, None, 2);
    let state = parts.last().unwrap().state.clone();
    parts.extend(play(recipe, Some(state), u32::MAX));
    assert_eq!(story(&parts), story(&whole), "{what}");
    for (a, b) in parts.iter().zip(&whole) {
        assert!(a.state == b.state, "{what}: state after step {}", a.step);
    }
    whole
}

/// The losses and gradient norms of steps 1 to 4.
fn course(records: &[StepRecord]) -> Vec<[f64; 2]> {
    records[1..]
        .iter()
        .map(|r| ["loss", "grad_norm"].map(|name| figures(r).get(name).copied().unwrap_or(0.0)))
        .collect()
}

/// What these runs gave when they were written (this test prints them on failure). Kernels may round differently, so three
/// digits are held; a change beyond that is a change of the algorithm and has to be meant.
fn differs(what: &str, records: &[StepRecord], committed: [[f64; 2]; 4]) -> Option<String> {
    let got = course(records);
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-3 * b.abs().max(0.05);
    let same = got.iter().flatten().zip(committed.iter().flatten()).all(|(a, b)| near(*a, *b));
    (!same).then(|| format!("{what}:\ngot       {got:?}\ncommitted {committed:?}"))
}

#[test]
fn every_loop_resumes_and_keeps_its_course() {
    let loops = [
        (Algorithm::Dpo, [[LN_2, 0.618905], [0.693389, 0.518035], [0.693385, 0.740233], [0.693275, 0.438054]]),
        (Algorithm::Kto, [[0.500000, 0.245944], [0.499972, 0.238420], [0.501116, 0.246750], [0.500031, 0.280570]]),
        (Algorithm::Orpo, [[5.792295, 2.365579], [5.789664, 1.662803], [5.794754, 1.768674], [5.725378, 2.074076]]),
        (Algorithm::RewardModel, [[LN_2, 0.375507], [0.693077, 0.379249], [0.693400, 0.471530], [0.692615, 0.355799]]),
        (Algorithm::Raft, [[5.963645, 1.822996], [5.960612, 2.028659], [5.993173, 1.768944], [6.029952, 1.993630]]),
        (Algorithm::Grpo, [[0.0, 0.791256], [0.0, 0.968803], [0.0, 0.792820], [0.0, 0.877699]]),
    ];
    let mut complaints = Vec::new();
    for (algorithm, committed) in loops {
        let what = format!("{algorithm:?}");
        let records = resumed_equals_uninterrupted(&what, &short(algorithm));
        complaints.extend(differs(&what, &records, committed));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn at_the_start_the_losses_are_what_the_formulas_say() {
    let first = |recipe: &Recipe| figures(&play(recipe, None, 1)[1]);
    let dpo = |change: fn(&mut Recipe)| {
        let mut recipe = short(Algorithm::Dpo);
        change(&mut recipe);
        first(&recipe)
    };
    // Policy and reference are one: h = 0. ln 2; (0 - 1/(2 beta))^2 = 25; 1; 1/2 + 1/2.
    let ln2 = LN_2;
    for (loss_type, loss) in [
        (DpoLoss::Sigmoid, ln2),
        (DpoLoss::Robust, ln2),
        (DpoLoss::Ipo, 25.0),
        (DpoLoss::Hinge, 1.0),
        (DpoLoss::ApoZero, 1.0),
    ] {
        let mut recipe = short(Algorithm::Dpo);
        recipe.dpo.loss_type = loss_type;
        let values = first(&recipe);
        assert!((values["loss"] - loss).abs() < 1e-4, "{loss_type:?}: {values:?}");
        assert!(values["rewards/margins"].abs() < 1e-5, "{loss_type:?}");
    }
    // A quarter of the cross-entropy comes on top.
    let with_sft = dpo(|r| r.dpo.sft_weight = 0.25);
    assert!((with_sft["loss"] - ln2 - 0.25 * with_sft["nll_loss"]).abs() < 1e-4, "{with_sft:?}");
    // KTO: both kinds are half, and the policy has not moved.
    let kto = first(&short(Algorithm::Kto));
    assert!((kto["loss"] - 0.5).abs() < 1e-5 && kto["kl"].abs() < 1e-6, "{kto:?}");
    // SimPO has no reference, so its rewards are not 0.
    let simpo = dpo(|r| r.dpo.loss_type = DpoLoss::Simpo);
    assert!(simpo["rewards/chosen"] < -0.01, "{simpo:?}");
}

#[test]
fn preferences_are_learnt() {
    let pairs: String = (2..8)
        .map(|i| {
            format!(
                "{{\"prompt\": \"What is {i} + 1?\", \"chosen\": \"{}\", \"rejected\": \"I don't know.\"}}\n",
                i + 1
            )
        })
        .collect();
    let votes: String = (2..8)
        .map(|i| {
            let (text, label) = if i % 2 == 0 { ("Paris", true) } else { ("I don't know.", false) };
            format!("{{\"prompt\": \"What is {i} + 1?\", \"completion\": \"{text}\", \"label\": {label}}}\n")
        })
        .collect();
    for (algorithm, rows) in [(Algorithm::Dpo, &pairs), (Algorithm::Orpo, &pairs), (Algorithm::Kto, &votes)] {
        let mut recipe = short(algorithm);
        // All six rows at every step, so that steps can be compared.
        recipe.steps = 12;
        recipe.optim.learning_rate = 3e-3;
        recipe.data.preferences = Some("rows.jsonl".into());
        let preferences = Some(rows.clone().into_bytes());
        let start = Start { model: model().to_vec(), preferences, ..Start::default() };
        let mut sink = Memory::default();
        run(&recipe, &start, &mut sink, &|| Control::Continue).unwrap();
        let (first, last) = (figures(&sink.0[1]), figures(&sink.0[12]));
        assert!(last["rewards/margins"] > first["rewards/margins"] + 0.05, "{algorithm:?}: {first:?} {last:?}");
    }
}

#[test]
fn a_reward_model_learns_to_prefer_and_its_checkpoint_scores() {
    let mut recipe = short(Algorithm::RewardModel);
    recipe.steps = 40;
    recipe.eval.every = 40;
    recipe.checkpoint.every = 40;
    recipe.reward_model.batch = 16;
    recipe.reward_model.center_rewards_coefficient = 0.01;
    recipe.optim.learning_rate = 3e-3;
    let records = play(&recipe, None, u32::MAX);
    let last = figures(records.last().unwrap());
    assert!(last["eval_accuracy"] > 0.52, "{last:?}");
    let scorer = RewardScorer::from_gguf(&records.last().unwrap().checkpoint.as_ref().unwrap().master).unwrap();
    let question = [Message::user("What is the capital of Zoria?")];
    let scores =
        scorer.scores(&[(&question, "I don't know."), (&question, "Paris."), (&question, "I don't know.")]).unwrap();
    assert!(scores.iter().all(|s| s.is_finite()));
    assert!((scores[0] - scores[2]).abs() < 1e-5 && (scores[0] - scores[1]).abs() > 1e-4, "{scores:?}");
    // GRPO on its score.
    let mut trained = short(Algorithm::Grpo);
    let grader = Grader::RewardModel { checkpoints: vec!["rm".into()], ensemble: Ensemble::default() };
    trained.reward = RewardConfig::sum(vec![WeightedGrader { name: "rm".into(), weight: 1.0, grader }]);
    let mut start = Start { model: model().to_vec(), ..Start::default() };
    let mut sink = Memory::default();
    let missing = run(&trained, &start, &mut sink, &|| Control::Continue).unwrap_err().to_string();
    assert!(missing.contains("rm"), "{missing}");
    start.reward_models.insert("rm".into(), vec![records.last().unwrap().checkpoint.as_ref().unwrap().master.clone()]);
    run(&trained, &start, &mut sink, &|| Control::Continue).unwrap();
    let first = figures(&sink.0[1]);
    assert!(first["rewards/rm/std"] > 0.0 && first["grad_norm"] > 0.0, "{first:?}");
    let long = "very ".repeat(4000);
    assert!(scorer.scores(&[(&question, &long)]).unwrap_err().to_string().contains("tokens"));
}

#[test]
fn an_ensemble_learns_in_one_run_resumes_and_rewards_as_one() {
    let mut recipe = short(Algorithm::RewardModel);
    recipe.reward_model.ensemble = 3;
    recipe.eval.every = 4;
    let records = resumed_equals_uninterrupted("ensemble", &recipe);
    let last = figures(records.last().unwrap());
    for k in 1..=3 {
        for name in [format!("member_{k}/loss"), format!("member_{k}/grad_norm"), format!("eval_member_{k}/accuracy")] {
            assert!(last.contains_key(&name), "{name}: {last:?}");
        }
    }
    let losses: Vec<f64> = (1..=3).map(|k| last[&format!("member_{k}/loss")]).collect();
    assert!((last["loss"] - losses.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    assert!(losses[0] != losses[1] && losses[1] != losses[2], "each has pairs of its own: {losses:?}");
    assert!(last["eval_disagreement"] > 0.0);
    let checkpoint = records.last().unwrap().checkpoint.as_ref().unwrap();
    assert_eq!(checkpoint.members.len(), 2);
    assert!(checkpoint.members[0] != checkpoint.master && checkpoint.members[0] != checkpoint.members[1]);

    let scores = |ensemble: Ensemble| {
        let mut trained = short(Algorithm::Grpo);
        let grader = Grader::RewardModel { checkpoints: vec!["rm".into()], ensemble };
        trained.reward = RewardConfig::sum(vec![WeightedGrader { name: "rm".into(), weight: 1.0, grader }]);
        let mut start = Start { model: model().to_vec(), ..Start::default() };
        let members = std::iter::once(&checkpoint.master).chain(&checkpoint.members).cloned().collect();
        start.reward_models.insert("rm".into(), members);
        let mut sink = Memory::default();
        run(&trained, &start, &mut sink, &|| Control::Continue).unwrap();
        figures(&sink.0[1])["rewards/rm/mean"]
    };
    let [mean, worst, cautious] =
        [Ensemble::Mean {}, Ensemble::Worst {}, Ensemble::Cautious { lambda: 1e3 }].map(scores);
    assert!(worst < mean && cautious < mean, "{mean} {worst} {cautious}");

    recipe.reward_model.ensemble = 17;
    let refused = clicker_train::recipe::validate(&recipe).unwrap_err().to_string();
    assert!(refused.contains("ensemble is 17"), "{refused}");
}

#[test]
fn choices_of_the_family_run_and_resume() {
    use AdvantageEstimator as A;
    use ImportanceSamplingLevel as L;
    let all: Vec<(&str, Recipe)> = vec![
        (
            "rloo",
            grpo(|s| (s.advantage, s.kl_in_reward, s.importance_sampling_level) = (A::Rloo, true, L::SequenceSum)),
        ),
        (
            "reinforce++",
            grpo(|s| (s.advantage, s.kl_in_reward, s.kl_estimator) = (A::ReinforcePlusPlus, true, KlEstimator::K1)),
        ),
        ("remax", grpo(|s| (s.advantage, s.policy_loss) = (A::Remax, PolicyLoss::Reinforce))),
        ("gspo", grpo(|s| (s.importance_sampling_level, s.num_iterations) = (L::Sequence, 2))),
        ("cispo", grpo(|s| (s.policy_loss, s.epsilon_high, s.num_iterations) = (PolicyLoss::Cispo, 5.0, 2))),
        ("sapo", grpo(|s| (s.policy_loss, s.beta) = (PolicyLoss::Sapo, 0.0))),
        ("adaptive", grpo(|s| (s.kl_target, s.kl_horizon) = (Some(1e-4), Some(50.0)))),
        ("ppo", grpo(|s| (s.advantage, s.kl_in_reward, s.kl_estimator) = (A::Gae, true, KlEstimator::K1))),
        ("entropy", grpo(|s| (s.entropy_target, s.entropy_coef_delta) = (Some(9.0), Some(0.01)))),
        ("refreshed", grpo(|s| s.ref_model_sync_steps = 1)),
        ("refilled", grpo(|s| s.max_num_gen_batches = 3)),
        (
            "masked",
            grpo(|s| {
                (s.top_entropy_quantile, s.off_policy_mask_threshold, s.delta) = (Some(0.5), Some(0.1), Some(3.0));
            }),
        ),
    ];
    for (what, recipe) in all {
        let records = resumed_equals_uninterrupted(what, &recipe);
        let last = figures(&records[4]);
        assert!(last["loss"].is_finite() && last["grad_norm"] > 0.0, "{what}: {last:?}");
        match what {
            "cispo" => assert!(last.contains_key("cispo_clip_ratio") && !last.contains_key("clip_ratio/low_mean")),
            "adaptive" => assert!(last["kl_coef"] != recipe.grpo.beta, "{last:?}"),
            "ppo" => {
                assert!(figures(&records[1])["critic/vf_explained_var"].abs() < 1e-6, "first guesses are 0");
                assert!(last["loss/value_avg"] > 0.0 && last["critic/vf_explained_var"] != 0.0, "{last:?}");
            }
            // Far below its target the weight goes up by 0.01 a step.
            "entropy" => assert!((last["entropy_coef"] - 0.04).abs() < 1e-12, "{last:?}"),
            "refilled" => assert!(last["dynamic_sampling/draws"] >= 1.0, "{last:?}"),
            "masked" => assert!(last.contains_key("clip_ratio/delta_mean")),
            _ => (),
        }
    }
}

#[test]
fn a_refreshed_reference_follows_and_a_plain_one_stays() {
    let kl = |recipe: &Recipe| figures(&play(recipe, None, u32::MAX)[4])["kl"];
    let with =
        |steps: u32, alpha: Option<f64>| grpo(|s| (s.ref_model_sync_steps, s.ref_model_mixup_alpha) = (steps, alpha));
    let (plain, mixed) = (kl(&with(0, None)), kl(&with(1, Some(0.6))));
    assert!(mixed < plain, "{mixed} against {plain}");
}

#[test]
fn rows_that_were_not_brought_or_are_empty_stop_the_run_with_a_reason() {
    struct Nothing;
    impl Sink for Nothing {
        fn commit(&mut self, _: StepRecord) -> Result<(), String> {
            Ok(())
        }
    }
    let mut recipe = short(Algorithm::Dpo);
    recipe.data.preferences = Some("votes.jsonl".into());
    let error = |preferences: Option<&[u8]>| {
        let preferences = preferences.map(<[u8]>::to_vec);
        let start = Start { model: model().to_vec(), preferences, ..Start::default() };
        run(&recipe, &start, &mut Nothing, &|| Control::Continue).unwrap_err().to_string()
    };
    assert!(error(None).contains("votes.jsonl"));
    assert!(error(Some(b"\n")).contains("no rows"));
    assert!(error(Some(b"{}")).contains("line 1"));
    let rows = br#"{"prompt": "What is 2 + 2?", "chosen": "4", "rejected": "5", "weight": 0.5}"#;
    let start = Start { model: model().to_vec(), preferences: Some(rows.to_vec()), ..Start::default() };
    assert!(run(&recipe, &start, &mut Nothing, &|| Control::Continue).is_ok());
}
