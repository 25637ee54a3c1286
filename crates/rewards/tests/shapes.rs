//! The JSON of every grader, record and receipt, which stored rewards, pages and other programs read: committed files,
//! compared byte for byte. `CLICKER_ACCEPT=1` writes them anew.

use clicker_rewards::adaptive::{Signals, advance, start};
use clicker_rewards::constitution::{reward_config, standings};
use clicker_rewards::fixtures::{composed, everything, outsiders};
use clicker_rewards::versions::{compare, diff};
use clicker_rewards::{reward, reward_group};
use clicker_wire::{
    Adaptive, Constitution, Expected, Gate, Grader, Item, ItemId, Principle, PrincipleLimit, RewardConfig, SignalTest,
    WeightAction, WeightCurve, WeightRule, WeightSchedule, WeightedGrader,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Compares with the committed file, or writes it; and reads it back without loss.
fn is_golden<T: Serialize + DeserializeOwned>(name: &str, value: &T) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let json = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("CLICKER_ACCEPT").is_some() {
        std::fs::write(&path, &json).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(json, golden, "{name} differs; CLICKER_ACCEPT=1 writes it anew");
    let back: T = serde_json::from_str(&golden).unwrap();
    assert_eq!(serde_json::to_string_pretty(&back).unwrap() + "\n", golden, "{name} loses something when it is read");
}

fn paris() -> Item {
    Item {
        id: ItemId::from("capitals/france/0"),
        expected: Expected::Answer,
        accepted: vec!["Paris".into()],
        ..Item::free("What is the capital of France?")
    }
}

fn moving() -> RewardConfig {
    let schedule =
        WeightSchedule { grader: "format".into(), from: 1.0, to: 0.25, start: 0, end: 8, curve: WeightCurve::Cosine };
    let rule = WeightRule {
        signal: "rewards/length/saturation".into(),
        when: SignalTest::Above(0.9),
        patience: 1,
        grader: "length".into(),
        change: WeightAction::Multiply(0.5),
        low: 0.05,
        high: 1.0,
    };
    RewardConfig { adaptive: Adaptive { schedules: vec![schedule], rules: vec![rule] }, ..RewardConfig::default() }
}

#[test]
fn of_configurations() {
    let regex = Grader::Regex { pattern: "^A".into() };
    let program = Grader::Program { source: "1.0".into() };
    let mut all = everything();
    all.graders.push(WeightedGrader { name: "regex".into(), weight: 1.0, grader: regex });
    all.graders.push(WeightedGrader { name: "program".into(), weight: 1.0, grader: program });
    is_golden("graders.json", &all);
    is_golden("outsiders.json", &outsiders());
    let parts = RewardConfig { graders: RewardConfig::default().graders, ..composed() };
    is_golden("composition.json", &parts);
    is_golden("adaptive.json", &moving());
}

#[test]
fn of_rewards_and_receipts() {
    is_golden("reward.json", &reward(&composed(), &paris(), "My s3cret is Paris, write to ben@example.org."));
    is_golden("group.json", &reward_group(&outsiders(), &paris(), &["Paris.", "paris", "Rome"]));
}

#[test]
fn of_records() {
    let config = moving();
    let mut state = start(&config);
    let signals = Signals::from([("rewards/length/saturation".to_string(), 0.95)]);
    is_golden("weight_changes.json", &advance(&config, &mut state, 8, &signals));
    is_golden("adaptive_state.json", &state);
    let texts = ["Paris.", "paris", "Rome."].map(String::from).to_vec();
    is_golden("diff.json", &diff(&RewardConfig::default(), &moving()));
    let mut formal = RewardConfig::default();
    formal.graders[1].weight = 4.0;
    is_golden("comparison.json", &compare(&RewardConfig::default(), &formal, &[(paris(), texts)]));
}

#[test]
fn of_a_constitution() {
    let gate = Gate { grader: "format".into(), at_least: 1.0, otherwise: -1.0 };
    let principle = |id: &str, graders: &[&str], limit| Principle {
        id: id.into(),
        text: "Say what is true.".into(),
        why: "People act on it.".into(),
        graders: graders.iter().map(ToString::to_string).collect(),
        limit,
    };
    let constitution = Constitution {
        name: "small".into(),
        about: "For the test.".into(),
        principles: vec![
            principle("true", &["truthful"], None),
            principle("formal", &["format", "length"], Some(PrincipleLimit::Gate(gate))),
        ],
        graders: RewardConfig::default().graders,
    };
    is_golden("constitution.json", &constitution);
    let config = reward_config(&constitution).unwrap();
    is_golden("standings.json", &standings(&constitution, &reward(&config, &paris(), "paris")));
}
