//! The report of a made-up comparison: it says what it must, asks nothing of any host, and lets no name run anything.

use super::document;
use clicker_wire::{
    ArmFigure, ArmResult, ArmSpec, Better, Budget, BudgetKind, Comparison, Cost, CurvePoint, DataCard, Difference,
    Experiment, FigureResult, RateChoice, RateTry, Recipe, RewardCard, RewardConfig, RunCard, Saw, SeedRun, TuningSpec,
};

fn recipe() -> Recipe {
    serde_json::from_value(serde_json::json!({"name": "x", "algorithm": "grpo", "steps": 4})).expect("a recipe")
}

fn figure(id: &str, better: Better) -> FigureResult {
    let arm = |name: &str, mean: f64, seeds: Option<[f64; 2]>| ArmFigure {
        arm: name.into(),
        mean,
        over_seeds: seeds,
        over_items: [mean - 0.05, mean + 0.05],
        seeds: 2,
    };
    FigureResult {
        id: id.into(),
        title: format!("the {id}"),
        meaning: "this, of that".into(),
        better,
        cell: None,
        n: 410,
        arms: vec![arm("base", 0.9, None), arm("sft", 0.7, Some([0.6, 0.8])), arm("<b>", 0.2, Some([0.1, 0.3]))],
        differences: vec![
            Difference { arm: "sft".into(), against: "base".into(), value: -0.2, low: -0.3, high: -0.1, n: 410 },
            Difference { arm: "<b>".into(), against: "sft".into(), value: -0.5, low: -0.6, high: -0.4, n: 410 },
        ],
    }
}

pub(super) fn made_up() -> Comparison {
    let spec =
        |name: &str| ArmSpec { name: name.into(), recipe: None, set: serde_json::Map::new(), reward_model: None };
    let point = |step: u32, value: f64| CurvePoint {
        step,
        prompts: u64::from(step) * 24,
        figures: [("hallucination".to_owned(), value)].into(),
    };
    let run = |seed: u64| SeedRun {
        seed,
        place: format!("runs/b/seed-{seed}"),
        steps: 4,
        cost: Cost { seconds: 4.0, generated: 900.0, trained: 2000.0, watt_hours: 0.017 },
        alarms: Vec::new(),
        figures: [("coverage".to_owned(), 0.6), ("accuracy_when_answering".to_owned(), 0.8)].into(),
        curve: vec![point(0, 0.9), point(4, 0.2)],
    };
    let arm = |name: &str, trained: bool| ArmResult {
        name: name.into(),
        recipe: trained.then(recipe),
        rate: trained.then(|| RateChoice {
            factor: 4.0,
            learning_rate: 4e-4,
            tried: vec![RateTry { factor: 4.0, learning_rate: 4e-4, steps: 2, score: Some(0.25) }],
        }),
        reward: trained.then(|| RewardCard {
            sha256: "ab".repeat(32),
            reward: RewardConfig::default(),
            constitution: None,
        }),
        saw: Saw { prompts: 96, labels: 96, rewarded: 768, words: "Its own answers.".into(), ..Saw::default() },
        cost: Cost { seconds: 4.0, generated: 900.0, trained: 2000.0, watt_hours: 0.017 },
        runs: if trained { vec![run(1), run(2)] } else { vec![run(0)] },
    };
    Comparison {
        experiment: Experiment {
            name: "a <script>alert(1)</script>".into(),
            about: "What?".into(),
            model: "builtin".into(),
            seeds: vec![1, 2],
            items: 0,
            against: Some("sft".into()),
            budget: Budget { kind: BudgetKind::Prompts, amount: 96 },
            tuning: TuningSpec { factors: vec![1.0, 4.0], ..TuningSpec::default() },
            watts: 15.0,
            arms: vec![spec("base"), spec("sft"), spec("<b>")],
        },
        against: "sft".into(),
        made: RunCard {
            version: "0.1.0".into(),
            commit: Some("c0ffee".into()),
            machine: "a machine".into(),
            model_sha256: "cd".repeat(32),
            commands: vec!["clicker compare --experiment x.toml --out runs/x".into()],
            ended_ms: 0,
        },
        data: DataCard {
            source: "a world".into(),
            world_seed: 1,
            demonstrations: 1500,
            questions: 1501,
            validation: 180,
            held_out: 1110,
            classes: Vec::new(),
            shared: 0,
        },
        arms: vec![arm("base", false), arm("sft", true), arm("<b>", true)],
        figures: vec![figure("hallucination", Better::Lower), figure("everything_known", Better::Higher)],
        resamples: 10_000,
        limitations: vec!["Two seeds: the interval over seeds means little.".into()],
    }
}

#[test]
fn it_says_what_it_must() {
    let html = document(&made_up());
    for words in [
        "Data card",
        "Reward card",
        "Run card",
        "What this cannot say",
        "Two seeds: the interval over seeds means little.",
        "made things up less often, by 50.0 points [\u{2212}60.0, \u{2212}40.0]",
        "Energy is an estimate",
        "clicker compare --experiment x.toml --out runs/x",
        "c0ffee",
        "times 4 won",
        &"ab".repeat(32),
        "paired bootstrap",
    ] {
        assert!(html.contains(words), "{words}");
    }
}

#[test]
fn it_needs_no_host_and_runs_nothing() {
    let html = document(&made_up());
    for banned in ["<script", "src=", "href=", "url(", "http:", "https:", "@import", "@font-face", "<b>"] {
        assert!(!html.contains(banned), "{banned}");
    }
    assert!(html.contains("default-src 'none'"), "and its own policy forbids it");
    let open = html.matches("<svg").count();
    assert!(open > 10 && open == html.matches("</svg>").count());
    assert_eq!(html.matches("role=\"img\"").count(), html.matches("aria-label=").count(), "every figure has words");
}

#[test]
fn the_same_comparison_is_the_same_file() {
    assert_eq!(document(&made_up()), document(&made_up()));
}
