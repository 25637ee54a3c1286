//! Weights that move: schedules at their ends and in the middle, rules with patience and bounds, what is refused, and
//! properties over arbitrary signals.

use clicker_rewards::adaptive::{Signals, advance, in_force, saturation, start, top_score};
use clicker_rewards::votes::{self, Vote};
use clicker_rewards::{hash_input, reward, validate};
use clicker_wire::{
    Adaptive, AdaptiveState, Combine, Expected, Grader, Item, RewardConfig, SignalTest, WeightAction, WeightCurve,
    WeightRule, WeightSchedule,
};
use proptest::prelude::*;

fn schedule(curve: WeightCurve) -> WeightSchedule {
    WeightSchedule { grader: "format".into(), from: 1.0, to: 0.2, start: 10, end: 50, curve }
}

fn rule(when: SignalTest, change: WeightAction, patience: u32) -> WeightRule {
    let (signal, grader) = ("rewards/length/saturation".to_string(), "length".to_string());
    WeightRule { signal, when, patience, grader, change, low: 0.05, high: 0.4 }
}

fn with(schedules: Vec<WeightSchedule>, rules: Vec<WeightRule>) -> RewardConfig {
    RewardConfig { adaptive: Adaptive { schedules, rules }, ..RewardConfig::default() }
}

fn measured(value: f64) -> Signals {
    Signals::from([("rewards/length/saturation".to_string(), value)])
}

/// By hand: 1 - 0.8 t at t = 0, 1/4, 1/2, 1; with the cosine at t = 1/4 (1 - sqrt(1/2)) / 2 = 0.146447 of the way.
#[test]
fn schedules() {
    let linear = [(0, 1.0), (10, 1.0), (20, 0.8), (30, 0.6), (50, 0.2), (90, 0.2)];
    let cosine = [(10, 1.0), (20, 1.0 - 0.8 * 0.146_446_609_406_726_24), (30, 0.6), (50, 0.2)];
    for (curve, rows) in [(WeightCurve::Linear, &linear[..]), (WeightCurve::Cosine, &cosine[..])] {
        let config = with(vec![schedule(curve)], vec![]);
        assert_eq!(validate(&config), Ok(()));
        let mut state = start(&config);
        for (step, weight) in rows {
            advance(&config, &mut state, *step, &Signals::new());
            assert!((state.weights["format"] - weight).abs() < 1e-12, "{curve:?} {step}: {state:?}");
            assert_eq!(in_force(&config, &state).graders[1].weight, state.weights["format"]);
        }
    }
    let config = with(vec![schedule(WeightCurve::Linear)], vec![]);
    let mut state = start(&config);
    assert!(advance(&config, &mut state, 5, &Signals::new()).is_empty(), "a weight that stays makes no record");
    let [change] = &advance(&config, &mut state, 30, &Signals::new())[..] else { panic!("one change") };
    assert_eq!((change.step, change.grader.as_str(), change.from, change.to), (30, "format", 1.0, 0.6));
    assert_eq!(change.cause, "schedule: from 1 to 0.2 between steps 10 and 50, linearly");
}

#[test]
fn a_rule_waits_acts_once_and_keeps_its_bounds() {
    let config = with(vec![], vec![rule(SignalTest::Above(0.9), WeightAction::Multiply(0.5), 3)]);
    assert_eq!(validate(&config), Ok(()));
    let mut state = start(&config);
    // Twice above, once not, a step without a measurement, a measurement that is no number: still waiting.
    for value in [Some(0.95), Some(0.99), Some(0.9), Some(0.95), None, Some(f64::NAN), Some(0.95)] {
        let signals = value.map_or_else(Signals::new, measured);
        assert!(advance(&config, &mut state, 1, &signals).is_empty(), "{value:?}");
    }
    let [change] = &advance(&config, &mut state, 7, &measured(0.97))[..] else { panic!("the third in a row") };
    assert_eq!((change.from, change.to, change.step), (0.1, 0.05, 7));
    assert_eq!(
        change.cause,
        "rewards/length/saturation is 0.9700, above 0.9 for 3 measurements in a row: multiplied by 0.5, held within 0.05 to 0.4"
    );
    assert_eq!(state.streaks, [0], "the count begins anew");
    for _ in 0..9 {
        assert!(advance(&config, &mut state, 8, &measured(1.0)).is_empty(), "it is at its lowest");
    }
}

#[test]
fn a_rule_adds_below() {
    let config = with(vec![], vec![rule(SignalTest::Below(0.2), WeightAction::Add(0.2), 1)]);
    let mut state = start(&config);
    let moves: Vec<f64> = [0.1, 0.3, 0.1, 0.1]
        .into_iter()
        .flat_map(|v| advance(&config, &mut state, 1, &measured(v)))
        .map(|c| c.to)
        .collect();
    assert_eq!(moves.len(), 2);
    assert!((moves[0] - 0.3).abs() < 1e-12 && moves[1] == 0.4, "{moves:?}");
    // A saved state goes on as it would have.
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<AdaptiveState>(&json).unwrap(), state);
    // A state of another configuration is no panic.
    advance(&config, &mut AdaptiveState::default(), 1, &measured(0.1));
}

#[test]
fn saturation_is_the_share_at_the_top() {
    let paris = Item { expected: Expected::Answer, accepted: vec!["Paris".into()], ..Item::free("?") };
    let config = RewardConfig::default();
    let batch: Vec<_> = ["Paris.", "paris", "Rome.", "I don't know."].map(|t| reward(&config, &paris, t)).into();
    let got = saturation(&config, &batch);
    assert_eq!(got["rewards/truthful/saturation"], 0.5);
    assert_eq!(got["rewards/format/saturation"], 0.75);
    assert_eq!(got["rewards/length/saturation"], 1.0);
    assert!(saturation(&config, &[]).is_empty());
    assert_eq!(top_score(&Grader::Truthful { right: -1.0, abstain: 2.0, wrong: 0.0 }), Some(2.0));
}

#[test]
fn what_is_refused() {
    let good = rule(SignalTest::Above(0.9), WeightAction::Multiply(0.5), 1);
    let line = schedule(WeightCurve::Linear);
    let rules: [(WeightRule, &str); 9] = [
        (WeightRule { grader: "x".into(), ..good.clone() }, "names the grader \"x\""),
        (WeightRule { signal: String::new(), ..good.clone() }, "expected the name of a metric"),
        (WeightRule { when: SignalTest::Below(f64::NAN), ..good.clone() }, "when is NaN"),
        (WeightRule { patience: 0, ..good.clone() }, "expected 1 measurement"),
        (WeightRule { high: 0.05, ..good.clone() }, "more than low"),
        (WeightRule { low: 0.2, ..good.clone() }, "weight is 0.1, expected 0.2 to 0.4"),
        (WeightRule { change: WeightAction::Multiply(1.0), ..good.clone() }, "other than 1"),
        (WeightRule { change: WeightAction::Add(0.0), ..good.clone() }, "other than 0"),
        (WeightRule { change: WeightAction::Multiply(-2.0), ..good.clone() }, "above 0"),
    ];
    for (rule, words) in rules {
        let error = validate(&with(vec![], vec![rule])).unwrap_err().to_string();
        assert!(error.contains(words), "{error} lacks {words}");
    }
    let schedules = [
        (vec![WeightSchedule { end: 10, ..line.clone() }], "more than start"),
        (vec![WeightSchedule { to: 1.0, ..line.clone() }], "another weight than from"),
        (vec![line.clone(), line.clone()], "one schedule per grader"),
        (vec![WeightSchedule { grader: "y".into(), ..line }], "names the grader \"y\""),
    ];
    for (schedules, words) in schedules {
        let error = validate(&with(schedules, vec![])).unwrap_err().to_string();
        assert!(error.contains(words), "{error} lacks {words}");
    }
    let both = with(vec![WeightSchedule { grader: "length".into(), ..line }], vec![good.clone()]);
    assert!(validate(&both).unwrap_err().to_string().contains("would overwrite"));
    let mut idle = with(vec![], vec![WeightRule { low: -1.0, ..good }]);
    idle.graders[2].weight = 0.0;
    assert!(validate(&idle).unwrap_err().to_string().contains("no factor changes"));
    let precedence = RewardConfig { combine: Combine::Lexicographic { levels: 3 }, ..with(vec![line], vec![]) };
    assert!(validate(&precedence).unwrap_err().to_string().contains("only the sign"));
}

#[test]
fn the_json_is_as_it_was_where_nothing_moves() {
    assert!(!hash_input(&RewardConfig::default()).contains("adaptive"));
    let moving =
        with(vec![schedule(WeightCurve::Cosine)], vec![rule(SignalTest::Above(0.9), WeightAction::Add(-0.1), 2)]);
    let json = hash_input(&moving);
    assert!(json.ends_with(
        r#""adaptive":{"schedules":[{"grader":"format","from":1.0,"to":0.2,"start":10,"end":50,"curve":"cosine"}],"rules":[{"signal":"rewards/length/saturation","when":{"above":0.9},"patience":2,"grader":"length","change":{"add":-0.1},"low":0.05,"high":0.4}]}}"#
    ), "{json}");
    assert_eq!(serde_json::from_str::<RewardConfig>(&json).unwrap(), moving);
}

proptest! {
    #[test]
    fn weights_stay_within_bounds_and_records_join(
        values in proptest::collection::vec(proptest::option::of(any::<f64>()), 0..60),
        patience in 1u32..4, factor in 0.1..3.0f64,
    ) {
        let mut config = with(
            vec![schedule(WeightCurve::Cosine)],
            vec![rule(SignalTest::Above(0.0), WeightAction::Multiply(factor), patience),
                 rule(SignalTest::Below(0.0), WeightAction::Add(0.03), patience)],
        );
        config.graders[2].weight = 0.1;
        let mut state = start(&config);
        let mut at = state.weights.clone();
        for (step, value) in values.iter().enumerate() {
            let signals = value.map_or_else(Signals::new, measured);
            for change in advance(&config, &mut state, step as u32, &signals) {
                prop_assert_eq!(at.insert(change.grader.clone(), change.to), Some(change.from));
                prop_assert!(change.from != change.to && !change.cause.is_empty());
            }
            prop_assert_eq!(&at, &state.weights);
            prop_assert!((0.05..=0.4).contains(&state.weights["length"]));
            prop_assert!((0.2..=1.0).contains(&state.weights["format"]));
        }
    }
}

/// By hand: of "Paris." one of two raters likes it, of "Rome" the only one does, said last: (1/2 + 1) / 2.
#[test]
fn what_people_say_moves_a_weight() {
    let vote = |rater, text, up| Vote { rater, text, up };
    let votes =
        [vote("a", "Paris.", true), vote("b", "paris", false), vote("a", "Rome", false), vote("a", "Rome", true)];
    let signals = votes::signals(&votes);
    let expected = [("votes/answers".to_owned(), 2.0), ("votes/liked".to_owned(), 0.75)];
    assert_eq!(signals.clone().into_iter().collect::<Vec<_>>(), expected);
    assert!(votes::signals(&[]).is_empty(), "nobody said anything: no measurement");

    let unloved =
        WeightRule { signal: "votes/liked".into(), ..rule(SignalTest::Below(0.8), WeightAction::Multiply(2.0), 1) };
    let config = with(vec![], vec![unloved]);
    assert_eq!(validate(&config), Ok(()));
    let mut state = start(&config);
    assert!(advance(&config, &mut state, 1, &votes::signals(&[])).is_empty());
    let [change] = &advance(&config, &mut state, 2, &signals)[..] else { panic!("one change") };
    assert_eq!((change.grader.as_str(), change.from, change.to), ("length", 0.1, 0.2));
    assert!(change.cause.starts_with("votes/liked is 0.7500, below 0.8"), "{}", change.cause);
}
