//! The reward inside the loop: constraints, several objectives, the dry run, the held-out comparison, numbers that diverge.

use crate::tiny::{Memory, alarms, figures, model, play, recipe, story};
use clicker_rewards::{constraints, judge};
use clicker_rl::advantage;
use clicker_train::reward::{rl_scale, score};
use clicker_train::rollout::{Answer, Group};
use clicker_train::{Control, Sink, Start, StepRecord, TrainError, run};
use clicker_wire::{
    Adaptive, AdvantageScale, Algorithm, Combine, Constraint, Decision, Event, Expected, Grader, Item, Recipe,
    RewardConfig, SampleGroup, SignalTest, StopReason, WeightAction, WeightCurve, WeightRule, WeightSchedule,
    WeightedGrader,
};
use std::collections::BTreeMap;

fn grader(name: &str, weight: f64, grader: Grader) -> WeightedGrader {
    WeightedGrader { name: name.into(), weight, grader }
}

/// Answers cost their length, with a limit on the mean.
fn limited(limit: f64) -> Recipe {
    let mut recipe = recipe(Algorithm::Grpo);
    recipe.reward = RewardConfig {
        constraints: vec![Constraint { grader: "length".into(), limit, start: 0.5, rate: 2.0 }],
        ..RewardConfig::sum(vec![
            grader("format", 1.0, Grader::Format {}),
            grader("length", 0.0, Grader::Length { free: 1, limit: 20 }),
        ])
    };
    recipe
}

#[test]
fn a_multiplier_rises_while_its_limit_is_broken_and_falls_while_it_is_kept() {
    let multipliers = |limit: f64| {
        let records = play(&limited(limit), None, u32::MAX);
        records[1..]
            .iter()
            .map(|r| {
                let values = figures(r);
                assert_eq!(values["constraints/length/limit"], limit);
                (values["constraints/length/cost"] > limit, values["constraints/length/multiplier"])
            })
            .collect::<Vec<_>>()
    };
    let broken = multipliers(0.01);
    assert_eq!(broken[0].1, 0.5, "the first step uses the start");
    assert!(broken.iter().all(|(over, _)| *over), "answers of a few words cost more than that: {broken:?}");
    assert!(broken.windows(2).all(|pair| pair[1].1 > pair[0].1), "{broken:?}");
    let kept = multipliers(1.5);
    assert!(kept.windows(2).all(|pair| pair[1].1 < pair[0].1), "{kept:?}");
}

#[test]
fn a_resumed_run_goes_on_with_its_prices() {
    let recipe = limited(0.01);
    let whole = play(&recipe, None, u32::MAX);
    let mut parts = play(&recipe, None, 2);
    let state = parts.last().unwrap().state.clone();
    parts.extend(play(&recipe, Some(state), u32::MAX));
    assert_eq!(story(&parts), story(&whole));
    for (a, b) in parts.iter().zip(&whole) {
        assert_eq!(a.state, b.state, "state after step {}", a.step);
    }
}

#[test]
fn weights_move_with_their_cause_and_a_resumed_run_moves_them_alike() {
    let mut recipe = recipe(Algorithm::Grpo);
    let adaptive = Adaptive {
        schedules: vec![WeightSchedule {
            grader: "length".into(),
            from: 1.0,
            to: 0.2,
            start: 1,
            end: 3,
            curve: WeightCurve::Linear,
        }],
        rules: vec![WeightRule {
            signal: "rewards/format/mean".into(),
            when: SignalTest::Below(0.99),
            patience: 2,
            grader: "format".into(),
            change: WeightAction::Multiply(1.5),
            low: 0.1,
            high: 3.0,
        }],
    };
    recipe.reward = RewardConfig {
        adaptive,
        ..RewardConfig::sum(vec![
            grader("format", 1.0, Grader::Format {}),
            grader("length", 1.0, Grader::Length { free: 1, limit: 20 }),
        ])
    };
    let whole = play(&recipe, None, u32::MAX);
    let used = |name: &str| whole[1..].iter().map(|r| figures(r)[&format!("weights/{name}")]).collect::<Vec<_>>();
    // The schedule stands at 1 until one step is done, half way after two, at its end after three.
    for (got, expected) in used("length").iter().zip([1.0, 1.0, 0.6, 0.2]) {
        assert!((got - expected).abs() < 1e-12, "{:?}", used("length"));
    }
    // A model that knows no sentences stays below 0.99, so the rule fires after every second step.
    assert_eq!(used("format"), [1.0, 1.0, 1.5, 1.5]);
    for record in &whole[1..] {
        let values = figures(record);
        for completion in groups_of(record).iter().flat_map(|g| &g.completions) {
            for receipt in &completion.reward.receipts {
                assert_eq!(receipt.weight, values[&format!("weights/{}", receipt.grader)]);
            }
        }
    }
    let changes: Vec<(u32, String)> = whole
        .iter()
        .flat_map(|r| &r.events)
        .filter_map(|event| match event {
            Event::Weights { changes, .. } => Some(changes),
            _ => None,
        })
        .flatten()
        .map(|change| {
            assert!(!change.cause.is_empty() && change.from != change.to, "{change:?}");
            (change.step, change.grader.clone())
        })
        .collect();
    let expected = [(2, "length"), (2, "format"), (3, "length"), (4, "format")];
    assert_eq!(changes, expected.map(|(step, name)| (step, name.to_owned())));

    let mut parts = play(&recipe, None, 3);
    let state = parts.last().unwrap().state.clone();
    parts.extend(play(&recipe, Some(state), u32::MAX));
    assert_eq!(story(&parts), story(&whole));
    assert_eq!(parts.last().unwrap().state, whole.last().unwrap().state);
}

/// Rewards and advantages of a group as the playground computes them.
fn preview(config: &RewardConfig, item: &Item, texts: Vec<&str>) -> judge::Judged {
    let prices = constraints::start(&config.constraints);
    judge::judge(config, &[(item, texts)], &prices, |totals| {
        advantage::of_batch(totals, rl_scale(AdvantageScale::Group))
    })
    .unwrap()
}

fn two_objectives() -> RewardConfig {
    RewardConfig {
        combine: Combine::NormaliseThenSum {},
        ..RewardConfig::sum(vec![
            grader("format", 1.0, Grader::Format {}),
            grader("short", 1.0, Grader::Length { free: 1, limit: 40 }),
        ])
    }
}

fn groups_of(record: &StepRecord) -> Vec<SampleGroup> {
    let groups = record.events.iter().find_map(|event| match event {
        Event::Samples { groups, .. } => Some(groups.clone()),
        _ => None,
    });
    groups.expect("a step shows samples")
}

#[test]
fn what_is_previewed_is_what_is_trained() {
    let mut recipe = recipe(Algorithm::Grpo);
    // A grader that compares the answers of a group sees the group on both sides.
    recipe.reward.graders.push(grader("consistency", 0.5, Grader::Consistency {}));
    let records = play(&recipe, None, u32::MAX);
    for group in records[1..].iter().flat_map(groups_of) {
        assert!(group.completions.iter().all(|c| c.reward.receipts[1].score.is_some()), "{group:?}");
        let texts = group.completions.iter().map(|c| c.text.as_str()).collect();
        let seen = preview(&recipe.reward, &group.item, texts);
        let trained: Vec<_> = group.completions.iter().map(|c| c.reward.clone()).collect();
        assert_eq!(seen.rewards[0], trained);
        assert_eq!(seen.advantages[0], group.completions.iter().map(|c| c.advantage).collect::<Vec<_>>());
    }
}

#[test]
fn several_objectives_are_normalised_before_they_are_summed() {
    let item = Item { expected: Expected::Answer, accepted: vec!["Paris".into()], ..Item::free("Capital of France?") };
    let group = |texts: &[&str]| Group {
        item: item.clone(),
        prompt: vec![0],
        answers: texts
            .iter()
            .map(|text| Answer {
                text: (*text).into(),
                ids: vec![0],
                pieces: vec![String::new()],
                logprobs: vec![0.0],
                entropies: vec![0.0],
                stop: StopReason::End,
                replies: Vec::new(),
            })
            .collect(),
    };
    // In the first group a clean sentence costs exactly what it earns: equal totals, and yet two kinds of answers.
    let config = RewardConfig {
        graders: vec![
            grader("format", 1.0, Grader::Format {}),
            grader("short", 1.0, Grader::Length { free: 5, limit: 6 }),
        ],
        ..two_objectives()
    };
    let (first, second) = (["Paris.", "paris", "paris", "paris"], ["Rome.", "Rome.", "rome", "in rome"]);
    let sum = RewardConfig { combine: Combine::Sum {}, ..config.clone() };
    let alike = score(&sum, &[group(&first)], AdvantageScale::Group).unwrap();
    assert_eq!(alike.advantages, [vec![0.0; 4]], "one number for (1, -1) and (0, 0)");
    assert_eq!(alike.outcomes.zero_variance, [true]);

    // The group of three and one: format normalises to 1.5 and -0.5, length to -1.5 and 0.5 (over 1e-4), their sum is 0.
    let weighted =
        RewardConfig { graders: vec![grader("format", 2.0, Grader::Format {}), config.graders[1].clone()], ..config };
    let alone = score(&weighted, &[group(&first)], AdvantageScale::Group).unwrap();
    assert_eq!(alone.outcomes.zero_variance, [false]);
    assert!(alone.advantages[0][0] > 1.0 && alone.advantages[0][1] < 0.0, "{:?}", alone.advantages);
    assert_eq!(
        alone.advantages,
        preview(&weighted, &item, first.to_vec()).advantages,
        "one group: the preview's numbers"
    );

    // In a batch the sums within groups are the preview's; only the last normalisation sees all groups.
    let both = score(&weighted, &[group(&first), group(&second)], AdvantageScale::Group).unwrap();
    let sums: Vec<f64> = [&first, &second]
        .iter()
        .flat_map(|t| preview(&weighted, &item, t.to_vec()).signals.remove(0))
        .flatten()
        .collect();
    let mean = sums.iter().sum::<f64>() / 8.0;
    let deviation = (sums.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 7.0).sqrt();
    for (got, sum) in both.advantages.concat().iter().zip(&sums) {
        assert!((got - (sum - mean) / (deviation + 1e-4)).abs() < 1e-9, "{got}");
    }
}

#[test]
fn a_run_learns_from_normalised_objectives() {
    let recipe = Recipe { reward: two_objectives(), ..recipe(Algorithm::Grpo) };
    let records = play(&recipe, None, u32::MAX);
    let moved = records[1..].iter().map(|r| figures(r)["grad_norm"]).fold(0.0, f64::max);
    assert!(moved > 0.0, "nothing was learnt");
    assert_ne!(records[0].state, records[4].state);
}

#[test]
fn a_reward_that_is_not_about_the_truth_is_stopped_before_the_first_step() {
    let mut recipe = recipe(Algorithm::Grpo);
    recipe.dry_run.start_anyway.clear();
    let mut sink = Memory::default();
    let start = Start { model: model().to_vec(), ..Start::default() };
    let error = run(&recipe, &start, &mut sink, &|| Control::Continue).unwrap_err();
    assert!(matches!(error, TrainError::DryRun { .. }), "{error}");
    assert!(error.to_string().contains("start_anyway"), "{error}");
    assert_eq!(sink.0.len(), 1, "nothing was trained");
    let [Event::DryRun { report, waived: None }, Event::Alarm { name, .. }] = &sink.0[0].events[..] else {
        panic!("{:?}", sink.0[0].events)
    };
    assert_eq!((report.decision, report.groups, report.answers), (Decision::Stop, 3, 12));
    assert_eq!(name, "dry_run");
}

#[test]
fn a_stop_can_be_waived_with_a_reason_and_costs_no_answers() {
    let waived = recipe(Algorithm::Grpo);
    let records = play(&waived, None, u32::MAX);
    let Event::DryRun { report, waived: Some(reason) } = &records[0].events[0] else {
        panic!("{:?}", records[0].events)
    };
    assert_eq!((report.decision, reason), (Decision::Stop, &waived.dry_run.start_anyway));
    // The first step trains on the very answers that were looked at: their totals have the same mean.
    let first = figures(&records[1])["reward"];
    assert!((report.totals.mean.unwrap() - first).abs() < 1e-12, "{report:?} {first}");
    assert!(records[1..].iter().all(|r| r.events.iter().all(|e| !matches!(e, Event::DryRun { .. }))));
}

#[test]
fn held_out_reward_truth_and_distance_are_measured_where_evaluations_are() {
    let records = play(&recipe(Algorithm::Grpo), None, u32::MAX);
    let names = ["heldout/reward", "heldout/gold", "heldout/kl", "heldout/sqrt_kl"];
    for (step, record) in records.iter().enumerate() {
        let values = figures(record);
        assert_eq!(names.iter().filter(|name| values.contains_key(**name)).count(), if step % 2 == 0 { 4 } else { 0 });
        assert_eq!(values.contains_key("heldout/gap"), step == 2 || step == 4, "{values:?}");
    }
    assert_eq!(figures(&records[0])["heldout/kl"], 0.0);
    assert!(figures(&records[4])["heldout/kl"] > 0.0, "the policy has moved");
}

#[test]
fn numbers_that_diverge_end_the_run_and_leave_no_broken_checkpoint() {
    let mut recipe = recipe(Algorithm::Grpo);
    recipe.optim.learning_rate = 1e37;
    recipe.optim.warmup_steps = 0;
    recipe.checkpoint.every = 1;
    recipe.eval.every = 0;
    recipe.steps = 9;
    let mut sink = Memory::default();
    let start = Start { model: model().to_vec(), ..Start::default() };
    let error = run(&recipe, &start, &mut sink, &|| Control::Continue).unwrap_err();
    let TrainError::Diverged { step, .. } = error else { panic!("{error}") };
    let last = sink.0.last().unwrap();
    assert_eq!(last.step, step);
    assert_eq!(alarms(&sink.0).last().unwrap(), &(step, "diverged".to_owned()));
    assert!(last.checkpoint.is_none(), "broken weights are not published");
}

/// People dislike what it says: at each measurement the weight of what they miss rises, and the run says why.
#[test]
fn what_people_say_moves_weights_at_measurements() {
    struct Crowd(Vec<StepRecord>, u32);
    impl Sink for Crowd {
        fn commit(&mut self, record: StepRecord) -> Result<(), String> {
            self.0.push(record);
            Ok(())
        }
        fn heard(&mut self) -> Result<BTreeMap<String, f64>, String> {
            self.1 += 1;
            Ok(BTreeMap::from([("votes/liked".into(), 0.25), ("votes/answers".into(), 4.0)]))
        }
    }
    let mut recipe = recipe(Algorithm::Grpo);
    let trained = |recipe: &Recipe| {
        let mut crowd = Crowd(Vec::new(), 0);
        let start = Start { model: model().to_vec(), ..Start::default() };
        run(recipe, &start, &mut crowd, &|| Control::Continue).unwrap();
        crowd
    };
    assert_eq!(trained(&recipe).1, 0, "nobody is asked where no rule listens");
    recipe.reward.adaptive.rules = vec![WeightRule {
        signal: "votes/liked".into(),
        when: SignalTest::Below(0.5),
        patience: 1,
        grader: "length".into(),
        change: WeightAction::Multiply(1.5),
        low: 0.1,
        high: 2.0,
    }];
    let Crowd(records, asked) = trained(&recipe);
    assert_eq!(asked, 2, "measured after steps 2 and 4");
    let changes: Vec<_> = records
        .iter()
        .flat_map(|r| &r.events)
        .filter_map(|event| match event {
            Event::Weights { step, changes } => Some((*step, changes[0].from, changes[0].to, changes[0].cause.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(changes.iter().map(|(s, a, b, _)| (*s, *a, *b)).collect::<Vec<_>>(), [(2, 1.0, 1.5), (4, 1.5, 2.0)]);
    assert!(changes[0].3.contains("votes/liked is 0.25"), "{}", changes[0].3);
    assert_eq!(figures(&records[2])["votes/liked"], 0.25, "and it is on record");
}
