//! How scores become one number, what is refused, and that configurations from before these fields keep their bytes.

use clicker_rewards::compose::reward_at;
use clicker_rewards::constraints::{MULTIPLIERS, advance, costs, penalised, start, updated};
use clicker_rewards::fixtures::{composed, everything, lexicographic};
use clicker_rewards::{RewardError, hash_input, reward, validate};
use clicker_wire::{
    Clamp, Combine, Constraint, Domain, DomainWeight, Expected, ForbiddenPhrase, Gate, Grader, Item, JsonSchema,
    LengthUnit, PiiKind, RewardConfig, WeightedGrader,
};
use proptest::prelude::*;

fn paris() -> Item {
    Item { expected: Expected::Answer, accepted: vec!["Paris".into()], ..Item::free("What is the capital of France?") }
}

fn grader(name: &str, weight: f64, grader: Grader) -> WeightedGrader {
    WeightedGrader { name: name.into(), weight, grader }
}

/// Right or not, and a full stop or not.
fn two() -> RewardConfig {
    RewardConfig::sum(vec![grader("right", 1.0, Grader::Normalised {}), grader("form", 0.5, Grader::Format {})])
}

fn constraint(limit: f64, start: f64, rate: f64) -> Constraint {
    Constraint { grader: "safe".into(), limit, start, rate }
}

fn safe() -> RewardConfig {
    let phrases = vec![ForbiddenPhrase { phrase: "secret".into(), reason: "it is one".into() }];
    let mut config = two();
    config.graders.push(grader("safe", 0.0, Grader::Forbidden { phrases }));
    config.constraints = vec![constraint(0.1, 0.5, 0.2)];
    config
}

#[test]
fn old_configurations_keep_their_bytes() {
    // Written by the version before there was anything but graders.
    let old = r#"{"graders":[{"name":"truthful","weight":1.0,"grader":{"type":"truthful","right":1.0,"abstain":0.0,"wrong":-1.0}},{"name":"format","weight":0.1,"grader":{"type":"format"}},{"name":"length","weight":0.1,"grader":{"type":"length","free":48,"limit":96}}]}"#;
    assert_eq!(hash_input(&RewardConfig::default()), old);
    assert_eq!(serde_json::from_str::<RewardConfig>(old).unwrap(), RewardConfig::default());
    // An old reward reads back, and a plain sum writes no notes.
    let plain = reward(&two(), &paris(), "Paris.");
    let json = serde_json::to_string(&plain).unwrap();
    assert!(!json.contains("notes"), "{json}");
    assert_eq!(serde_json::from_str::<clicker_wire::Reward>(&json).unwrap(), plain);
}

#[test]
fn every_field_survives_json() {
    for config in [everything(), composed(), lexicographic(), safe()] {
        let json = hash_input(&config);
        assert_eq!(serde_json::from_str::<RewardConfig>(&json).unwrap(), config, "{json}");
        assert_eq!(validate(&config), Ok(()), "{json}");
    }
    let json = hash_input(&lexicographic());
    assert!(json.ends_with(r#""combine":{"type":"lexicographic","levels":11}}"#), "{json}");
}

#[test]
fn domain_weights_multiply() {
    let mut config = two();
    let factor = |domain, factor| DomainWeight { domain, grader: "form".into(), factor };
    config.domain_weights = vec![factor(Domain::Capitals, 3.0), factor(Domain::Rules, 0.0)];
    // 1 + 0.5 x 3, 1 + 0.5 x 0, 1 + 0.5
    for (domain, weight, total) in [(Domain::Capitals, 1.5, 2.5), (Domain::Rules, 0.0, 1.0), (Domain::Free, 0.5, 1.5)] {
        let got = reward(&config, &Item { domain, ..paris() }, "Paris.");
        assert_eq!((got.receipts[1].weight, got.total), (weight, total), "{domain}");
    }
}

#[test]
fn clamps_and_gates() {
    let mut config = two();
    config.clamp = Some(Clamp { low: 0.25, high: 1.25 });
    // 1.5 -> 1.25, 0 -> 0.25, 1 stays.
    for (text, total, noted) in [("Paris.", 1.25, true), ("rome", 0.25, true), ("paris", 1.0, false)] {
        let got = reward(&config, &paris(), text);
        assert_eq!((got.total, !got.notes.is_empty()), (total, noted), "{text}");
    }
    config.gates = vec![Gate { grader: "form".into(), at_least: 1.0, otherwise: -2.0 }];
    let closed = reward(&config, &paris(), "paris");
    assert_eq!(
        (closed.total, closed.notes.as_slice()),
        (-2.0, &["form scores 0, below 1: nothing else counts".to_string()][..])
    );
    assert_eq!(reward(&config, &paris(), "Paris.").total, 1.25);
    // A gate whose grader does not apply is open.
    config.gates = vec![Gate { grader: "right".into(), at_least: 1.0, otherwise: -2.0 }];
    assert_eq!(reward(&config, &Item::free("?"), "Paris.").total, 0.5);
}

#[test]
fn lexicographic_order() {
    let mut config = two();
    config.combine = Combine::Lexicographic { levels: 3 };
    // Digits 0, 1, 2 stand for scores -1, 0, 1: 0.22, 0.21, 0.12, 0.11 in base 3.
    for (text, expected) in [("Paris.", 8.0 / 9.0), ("paris", 7.0 / 9.0), ("Rome.", 5.0 / 9.0), ("rome", 4.0 / 9.0)] {
        let got = reward(&config, &paris(), text);
        assert!((got.total - expected).abs() < 1e-15 && got.notes.len() == 1, "{text}: {}", got.total);
    }
    // A negative weight turns a grader round, a weight of 0 takes it out.
    config.graders[0].weight = -1.0;
    assert!((reward(&config, &paris(), "Paris.").total - 2.0 / 9.0).abs() < 1e-15);
    config.graders[0].weight = 0.0;
    assert!((reward(&config, &paris(), "Paris.").total - 2.0 / 3.0).abs() < 1e-15);
}

#[test]
fn constraints_price_a_cost() {
    // R = 1, C = 1, lambda = 0.5: (1 - 0.5) / 1.5. Without the cost (1.5 - 0) / 1.5.
    let got = reward(&safe(), &paris(), "Paris is the capital of France");
    assert!((got.total - 1.0 / 1.5).abs() < 1e-15, "{}", got.total);
    assert_eq!(costs(&safe().constraints, &got), [0.0]);
    let secret = reward(&safe(), &paris(), "A secret.");
    assert!((secret.total - (0.5 - 0.5) / 1.5).abs() < 1e-15, "{}", secret.total);
    assert_eq!(costs(&safe().constraints, &secret), [1.0]);
    assert_eq!(start(&safe().constraints), [0.5]);
    // Later in the run the price has risen: (0.5 - 2) / 3.
    assert!((reward_at(&safe(), &paris(), "A secret.", &[2.0]).total + 0.5).abs() < 1e-15);
    assert_eq!(penalised(1.0, &[], &[]), 1.0);
    // (2 - 1 x 1 - 0.5 x 3) / (1 + 1 + 3)
    assert!((penalised(2.0, &[1.0, 0.5], &[1.0, 3.0]) + 0.1).abs() < 1e-15);
}

#[test]
fn multipliers() {
    // ln 1 + 0.5 x 1 x 0.2 = 0.1; ln 2 + 0.5 x 2 x -0.3 = ln 2 - 0.3; nothing broken, nothing changed.
    for (before, rate, violation, after) in [
        (1.0, 0.5, 0.2, 0.1f64.exp()),
        (2.0, 0.5, -0.3, 2.0 * (-0.3f64).exp()),
        (3.0, 0.5, 0.0, 3.0),
        (3.0, 0.0, 9.0, 3.0),
        (1.0, 1.0, 1e9, MULTIPLIERS.1),
        (1.0, 1.0, -1e9, MULTIPLIERS.0),
        (1.0, 1.0, f64::NAN, 1.0),
    ] {
        let got = updated(before, rate, violation);
        assert!((got - after).abs() < 1e-12, "{before} {rate} {violation}: {got} instead of {after}");
    }
    let config = safe();
    let batch: Vec<_> =
        ["A secret.", "Paris.", "Paris.", "secret"].iter().map(|text| reward(&config, &paris(), text)).collect();
    // Mean cost 2/4, limit 0.1: ln 0.5 + 0.2 x 0.5 x 0.4.
    let steps = advance(7, &config.constraints, &[0.5], &batch);
    let [step] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((step.step, step.grader.as_str(), step.mean_cost, step.limit, step.before), (7, "safe", 0.5, 0.1, 0.5));
    assert!((step.after - 0.5 * 0.04f64.exp()).abs() < 1e-15);
    assert_eq!(advance(8, &config.constraints, &[0.5], &[])[0].after, 0.5);
    let json = serde_json::to_string(&steps).unwrap();
    assert_eq!(serde_json::from_str::<Vec<clicker_wire::MultiplierStep>>(&json).unwrap(), steps);
}

/// While a limit stays broken by v, the multiplier is at its upper bound after about 1 / (rate * start * v) steps, as the documents say.
#[test]
fn a_multiplier_runs_away_after_a_time_that_the_rate_decides() {
    let steps_to_the_top = |rate: f64, violation: f64| {
        let (mut multiplier, mut steps) = (1.0, 0);
        while multiplier < MULTIPLIERS.1 {
            multiplier = updated(multiplier, rate, violation);
            steps += 1;
        }
        f64::from(steps)
    };
    for (rate, violation) in [(0.5, 0.08), (0.05, 0.08), (0.05, 0.3), (0.1, 0.02)] {
        let (got, told) = (steps_to_the_top(rate, violation), 1.0 / (rate * violation));
        assert!((got / told - 1.0).abs() < 0.15, "rate {rate}, too high by {violation}: {got} steps, told {told}");
    }
    // The advised rate leaves a policy that breaks one rule in ten time to mend: 50 steps later the price has not doubled.
    let later = (0..50).fold(1.0, |multiplier, _| updated(multiplier, 0.05, 0.1));
    assert!(later < 2.0, "{later}");
}

/// The message of a configuration that must be refused.
#[track_caller]
fn refused(config: &RewardConfig) -> String {
    let error = validate(config).expect_err("is refused");
    // A text is never an error, even then.
    assert!(reward(config, &paris(), "Paris is 2 + 3 = 5.").total.is_finite());
    error.to_string()
}

#[test]
fn refusals_of_graders() {
    let one = |g: Grader| refused(&RewardConfig::sum(vec![grader("g", 1.0, g)]));
    let schema = |json: &str| Grader::JsonSchema { schema: serde_json::from_str::<JsonSchema>(json).unwrap() };
    let template = |t: &str| Grader::Template { template: t.into() };
    let forbid = |phrase: &str, reason: &str| Grader::Forbidden {
        phrases: vec![ForbiddenPhrase { phrase: phrase.into(), reason: reason.into() }],
    };
    let overlong = |max, cache| Grader::SoftOverlong { max, cache, unit: LengthUnit::Words };
    let deep = (0..9).fold("{}".to_string(), |inner, _| format!(r#"{{"items":{inner}}}"#));
    let rows = [
        (one(schema(&deep)), "schema is nested deeper, expected at most 8 levels"),
        (one(schema(r#"{"enum":[[1]]}"#)), "enum is “[1]”, expected texts, numbers"),
        (one(schema(r#"{"minimum":2,"maximum":1}"#)), "maximum is 1, expected at least minimum, which is 2"),
        (one(schema(r#"{"properties":{"a":{"minLength":2,"maxLength":1}}}"#)), "maxLength is 1, expected at least"),
        (one(template("")), "literal text and at least one hole"),
        (one(template("{a}")), "literal text and at least one hole"),
        (one(template("<a>{b")), "every { closed"),
        (one(template("a}")), "every } opened"),
        (one(template("{a} {b} c")), "literal text between two holes"),
        (one(template(&"x".repeat(513))), "at most 512 bytes; it has 513"),
        (one(overlong(4, 0)), "cache is 0, expected 1 to max, which is 4"),
        (one(overlong(4, 5)), "cache is 5"),
        (one(Grader::Repetition { n: 0 }), "n is 0, expected 1 to 16 words"),
        (one(Grader::Repetition { n: 17 }), "n is 17"),
        (one(Grader::Script { allowed: vec![] }), "one or more scripts"),
        (one(Grader::Forbidden { phrases: vec![] }), "phrases is 0, expected 1 to 256"),
        (one(forbid("?!", "because")), "phrase is “?!”, expected at most 200 bytes with a letter"),
        (one(forbid("word", " ")), "say why \"word\" is forbidden"),
        (one(Grader::Pii { kinds: vec![PiiKind::Card, PiiKind::Card] }), "kinds is [Card, Card], expected one or more"),
        (one(Grader::Threshold { t: 1.0 }), "t is 1, expected 0 to 0.999"),
        (one(Grader::Threshold { t: f64::NAN }), "t is NaN"),
        (one(Grader::Regex { pattern: String::new() }), "1 to 256 bytes; it has 0"),
    ];
    for (said, expected) in &rows {
        assert!(said.starts_with("grader \"g\": ") && said.contains(expected), "{said} lacks {expected}");
    }
}

#[cfg(feature = "patterns")]
#[test]
fn refusals_of_patterns() {
    let one = |p: &str| refused(&RewardConfig::sum(vec![grader("g", 1.0, Grader::Regex { pattern: p.into() })]));
    assert!(one("(a").contains("unclosed group"), "{}", one("(a"));
    assert!(one("(a{100}){100}").contains("use smaller repetitions"), "{}", one("(a{100}){100}"));
    assert!(one(&"(".repeat(100)).contains("expected a pattern that compiles"));
    for pattern in [r"^\s*\d{1,3}(,\d{3})*(\.\d+)?\s*(km|m|miles)\.?$", "(?i)answer: .{1,80}", r"\bParis\b"] {
        let config = RewardConfig::sum(vec![grader("g", 1.0, Grader::Regex { pattern: pattern.into() })]);
        assert_eq!(validate(&config), Ok(()), "{pattern}");
    }
}

#[cfg(not(feature = "patterns"))]
#[test]
fn patterns_are_refused_without_their_feature() {
    let said = refused(&RewardConfig::sum(vec![grader("g", 1.0, Grader::Regex { pattern: "a".into() })]));
    assert!(said.contains("this build has no regular expressions"), "{said}");
}

#[test]
fn refusals_of_compositions() {
    let with = |change: &dyn Fn(&mut RewardConfig)| {
        let mut config = safe();
        change(&mut config);
        refused(&config)
    };
    let gate = |name: &str, at_least| Gate { grader: name.into(), at_least, otherwise: 0.0 };
    let weight = DomainWeight { domain: Domain::Free, grader: "form".into(), factor: 2.0 };
    let rows = [
        (with(&|c| c.clamp = Some(Clamp { low: 1.0, high: 1.0 })), "high is 1, expected more than low, which is 1"),
        (with(&|c| c.clamp = Some(Clamp { low: f64::NAN, high: 1.0 })), "low is NaN, expected a finite number"),
        (with(&|c| c.combine = Combine::Lexicographic { levels: 1 }), "levels is 1, expected 2 or more"),
        (with(&|c| c.combine = Combine::Lexicographic { levels: 1_000_000 }), "take fewer"),
        (
            with(&|c| c.gates = vec![gate("nobody", 1.0)]),
            "a gate names the grader \"nobody\", expected one of form, right, safe",
        ),
        (with(&|c| c.gates = vec![gate("form", f64::INFINITY)]), "at_least is inf"),
        (with(&|c| c.constraints[0].grader = "x".into()), "a constraint names the grader \"x\""),
        (with(&|c| c.constraints[0].start = 0.0), "start is 0, expected 0.0001 to 10000"),
        (with(&|c| c.constraints[0].rate = -1.0), "rate is -1, expected 0 or more"),
        (with(&|c| c.constraints.push(constraint(0.0, 1.0, 1.0))), "one constraint per grader"),
        (with(&|c| c.domain_weights = vec![weight.clone(), weight.clone()]), "domain is free, expected one factor"),
        (
            with(&|c| c.domain_weights = vec![DomainWeight { grader: "y".into(), ..weight.clone() }]),
            "a domain weight names",
        ),
    ];
    for (said, expected) in &rows {
        assert!(said.contains(expected), "{said} lacks {expected}");
    }
    let unknown = RewardConfig { gates: vec![gate("x", 0.0)], ..two() };
    assert!(matches!(validate(&unknown), Err(RewardError::Unknown { part: "gate", .. })));
}

proptest! {
    #[test]
    fn multipliers_stay_in_range(before: f64, rate: f64, violation: f64) {
        let got = updated(before, rate, violation);
        prop_assert!(before.is_nan() || (MULTIPLIERS.0..=MULTIPLIERS.1).contains(&got), "{got}");
    }

    #[test]
    fn a_penalised_reward_is_no_larger_than_reward_and_cost(
        reward in -10.0..10.0f64, cost in 0.0..5.0f64, lambda in 0.0..1e4f64,
    ) {
        // A weighted mean of R and -C.
        let got = penalised(reward, &[cost], &[lambda]);
        prop_assert!(got >= reward.min(-cost) - 1e-9 && got <= reward.max(-cost) + 1e-9);
    }
}
