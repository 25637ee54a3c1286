//! Graders that need more than the text: reward models, votes, the group. With a source and without.

use clicker_rewards::graders::grade;
use clicker_rewards::group::{Group, clusters, consistency};
use clicker_rewards::votes::{Ballot, Vote};
use clicker_rewards::{Outside, RewardModels, Scorer, reward, reward_group, validate};
use clicker_wire::{Ensemble, Expected, Grader, Item, RewardConfig, WeightedGrader};
use proptest::prelude::*;

fn paris() -> Item {
    Item { expected: Expected::Answer, accepted: vec!["Paris".into()], ..Item::free("What is the capital of France?") }
}

fn only(grader: Grader) -> RewardConfig {
    RewardConfig::sum(vec![WeightedGrader { name: "g".into(), weight: 2.0, grader }])
}

fn models(checkpoints: &[&str], ensemble: Ensemble) -> Grader {
    Grader::RewardModel { checkpoints: checkpoints.iter().map(ToString::to_string).collect(), ensemble }
}

/// "long" likes letters, "short" does not, "broken" is broken.
struct Letters;

impl RewardModels for Letters {
    fn scores(&self, checkpoint: &str, item: &Item, text: &str) -> Result<Vec<f64>, String> {
        assert_eq!(item.accepted, ["Paris"]);
        match checkpoint {
            "long" => Ok(vec![text.len() as f64]),
            "short" => Ok(vec![-(text.len() as f64)]),
            "set" => Ok(vec![1.0, 2.0, 6.0]),
            "endless" => Ok(vec![f64::INFINITY]),
            other => Err(format!("{other} is not loaded")),
        }
    }
}

#[test]
fn a_checkpoint_may_hold_a_whole_ensemble() {
    let outside = Outside { models: Some(&Letters), ..Outside::default() };
    let of = |checkpoints: &[&str], ensemble| {
        let config = only(models(checkpoints, ensemble));
        Scorer::new(&config).with(outside).reward(&paris(), "Paris").receipts[0].score
    };
    assert_eq!(of(&["set"], Ensemble::Mean {}), Some(3.0));
    assert_eq!(of(&["set"], Ensemble::Worst {}), Some(1.0));
    assert!(of(&["set"], Ensemble::Cautious { lambda: 0.3 }).is_some_and(|score| (score - 1.6).abs() < 1e-12));
    // Members of several checkpoints are one ensemble: 1, 2, 6 and five letters.
    assert_eq!(of(&["set", "long"], Ensemble::Mean {}), Some(3.5));
}

#[test]
fn reward_models() {
    let outside = Outside { models: Some(&Letters), ..Outside::default() };
    let score = |grader: Grader| {
        let config = only(grader);
        assert_eq!(validate(&config), Ok(()));
        let mut reward = Scorer::new(&config).with(outside).reward(&paris(), "Paris");
        reward.receipts.remove(0)
    };
    // Scores 5 and -5: mean 0, worst -5, variance 25.
    let rows = [
        (models(&["long"], Ensemble::Mean {}), 5.0, "the reward model says 5.0000"),
        (
            models(&["long", "short"], Ensemble::Mean {}),
            0.0,
            "the mean of the reward models' 5.0000, -5.0000 is 0.0000",
        ),
        (models(&["long", "short"], Ensemble::Worst {}), -5.0, "the worst"),
        (models(&["long", "short"], Ensemble::Cautious { lambda: 0.1 }), -2.5, "minus 0.1 times the variance"),
        (models(&["long", "broken"], Ensemble::Mean {}), 0.0, "broken gave no score: broken is not loaded"),
        (models(&["endless"], Ensemble::Mean {}), 0.0, "its score is inf, expected a finite number"),
    ];
    for (grader, expected, words) in rows {
        let receipt = score(grader);
        assert_eq!(receipt.score, Some(expected), "{receipt:?}");
        assert!(receipt.reason.contains(words), "{}", receipt.reason);
    }
}

#[test]
fn without_a_source_they_do_not_apply() {
    for grader in [models(&["long"], Ensemble::Mean {}), Grader::Votes {}, Grader::Consistency {}] {
        let got = grade(&grader, &paris(), "Paris.");
        assert!(got.score.is_none() && got.reason.contains("at hand"), "{grader:?}: {}", got.reason);
        assert_eq!(reward(&only(grader), &paris(), "Paris.").total, 0.0);
    }
}

#[test]
fn votes_are_read_from_the_ballot() {
    let vote = |rater, text, up| Vote { rater, text, up };
    let ballot = Ballot::count(&[vote("a", "Paris.", true), vote("b", "paris", true), vote("a", "Rome", false)]);
    let config = only(Grader::Votes {});
    let scorer = Scorer::new(&config).with(Outside { votes: Some(&ballot), ..Outside::default() });
    // a and b were compared once and agree: weights 2/3 each, 4/3 over 4/3 + 2.
    let got = scorer.reward(&paris(), "PARIS!");
    assert!((got.receipts[0].score.unwrap() - 0.4).abs() < 1e-12, "{got:?}");
    // a alone on Rome, with the same weight: -2/3 over 2/3 + 2.
    assert!((scorer.reward(&paris(), "Rome").receipts[0].score.unwrap() + 0.25).abs() < 1e-12);
    assert_eq!(scorer.reward(&paris(), "Oslo").receipts[0].score, None);
}

#[test]
fn consistency_needs_the_group() {
    let config = only(Grader::Consistency {});
    let texts = ["Paris.", "It is paris", "Rome.", "paris"];
    let scores = |texts: &[&str]| -> Vec<Option<f64>> {
        reward_group(&config, &paris(), texts).iter().map(|r| r.receipts[0].score).collect()
    };
    let expected: Vec<Option<f64>> = consistency(&clusters(&paris(), &texts)).into_iter().map(Some).collect();
    assert_eq!(scores(&texts), expected);
    assert_eq!(scores(&["Paris."]), [None], "alone there is nobody to agree with");
    // A group that was given from outside, and a text that is not in it.
    let group = Group::of(&paris(), &texts);
    let scorer = Scorer::new(&config).with(Outside { group: Some(&group), ..Outside::default() });
    assert_eq!(scorer.reward(&paris(), "Rome").receipts[0].score, expected[2]);
    assert!(scorer.reward(&paris(), "Oslo").receipts[0].reason.contains("drawn together"));
}

#[test]
fn what_is_refused() {
    let many: Vec<String> = (0..17).map(|i| i.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (grader, words) in [
        (models(&[], Ensemble::Mean {}), "1 to 16 checkpoints"),
        (models(&["a", "a"], Ensemble::Mean {}), "each once"),
        (models(&[""], Ensemble::Mean {}), "1 to 512 bytes"),
        (models(&many, Ensemble::Mean {}), "1 to 16 checkpoints"),
        (models(&["a"], Ensemble::Cautious { lambda: -1.0 }), "lambda is -1"),
        (models(&["a"], Ensemble::Cautious { lambda: f64::NAN }), "lambda is NaN"),
    ] {
        let error = validate(&only(grader)).unwrap_err().to_string();
        assert!(error.contains(words), "{error} lacks {words}");
    }
}

proptest! {
    /// A group in another order says the same of each answer.
    #[test]
    fn order_does_not_matter(
        texts in proptest::collection::vec(proptest::sample::select(vec!["Paris.", "Rome", "I don't know.", "", "paris"]), 2..10),
        turn in 0usize..10,
    ) {
        let mut config = RewardConfig::default();
        config.graders.push(WeightedGrader { name: "c".into(), weight: 0.5, grader: Grader::Consistency {} });
        let before = reward_group(&config, &paris(), &texts);
        let turn = turn % texts.len();
        let mut rotated = texts.clone();
        rotated.rotate_left(turn);
        let mut after = reward_group(&config, &paris(), &rotated);
        after.rotate_right(turn);
        prop_assert_eq!(before, after);
    }
}
