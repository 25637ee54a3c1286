//! The paired bootstrap against a table worked by hand, an exact enumeration, a slow twin, and a simulation; the figures against
//! those of an evaluation.

use super::*;
use clicker_wire::{Domain, Expected, Item, ItemId, Knowledge, Verdict};

fn answer(unit: &str, verdict: Verdict) -> AnsweredItem {
    AnsweredItem {
        id: ItemId::from(unit),
        unit: unit.into(),
        domain: Domain::Capitals,
        knowledge: Knowledge::Invented,
        expected: Expected::Abstain,
        verdict,
        said: String::new(),
        paraphrased: false,
        confidence: 0.5,
    }
}

fn run(wrong: &[bool]) -> Vec<AnsweredItem> {
    let one =
        |(i, wrong): (usize, &bool)| answer(&format!("q{i}"), if *wrong { Verdict::Wrong } else { Verdict::Abstained });
    wrong.iter().enumerate().map(one).collect()
}

fn figure<'a>(results: &'a [FigureResult], id: &str) -> &'a FigureResult {
    results.iter().find(|f| f.id == id).unwrap_or_else(|| panic!("no {id}"))
}

/// Five questions, two arms, two seeds each.
///
/// | question | a, seed 1 | a, seed 2 | b, seed 1 | b, seed 2 | mean a - mean b |
/// |---|---|---|---|---|---|
/// | 1 | wrong | wrong | silent | silent | 1 |
/// | 2 | wrong | wrong | silent | silent | 1 |
/// | 3 | wrong | silent | silent | wrong | 0 |
/// | 4 | silent | silent | silent | silent | 0 |
/// | 5 | silent | silent | wrong | wrong | -1 |
#[test]
fn by_hand() {
    let a = [run(&[true, true, true, false, false]), run(&[true, true, false, false, false])];
    let b = [run(&[false, false, false, false, true]), run(&[false, false, true, false, true])];
    let arms = [
        Arm { name: "b", runs: b.iter().map(Vec::as_slice).collect() },
        Arm { name: "a", runs: a.iter().map(Vec::as_slice).collect() },
    ];
    let results = compare(&arms, RESAMPLES, 1).unwrap();
    let halluc = figure(&results, "hallucination");
    let (of_b, of_a) = (&halluc.arms[0], &halluc.arms[1]);
    assert!((of_a.mean - 0.5).abs() < 1e-12 && (of_b.mean - 0.3).abs() < 1e-12, "3/5 and 2/5; 1/5 and 2/5");
    // Over seeds: s = 0.1 sqrt 2, divided by sqrt 2, times t(1) = 12.706205.
    let [low, high] = of_a.over_seeds.unwrap();
    assert!((low - (0.5 - 1.2706205)).abs() < 1e-6 && (high - (0.5 + 1.2706205)).abs() < 1e-6, "{low} {high}");
    let difference = &halluc.differences[0];
    assert_eq!((difference.arm.as_str(), difference.against.as_str(), difference.n), ("a", "b", 5));
    assert!((difference.value - 0.2).abs() < 1e-12);
    // All 5^5 resamples of the last column are equally likely: their exact percentiles.
    let d = [1.0, 1.0, 0.0, 0.0, -1.0];
    let exact: Vec<f64> =
        (0..3125).map(|code: usize| (0..5).map(|place| d[code / 5_usize.pow(place) % 5]).sum::<f64>() / 5.0).collect();
    let [low, high] = percentiles(exact.into_iter(), 0.0);
    assert!(
        (difference.low - low).abs() < 1e-9 && (difference.high - high).abs() < 1e-9,
        "{difference:?} {low} {high}"
    );
    assert!((low + 0.4).abs() < 1e-9 && (high - 0.8).abs() < 1e-9);
    assert!(!difference.is_clear());
}

#[test]
fn a_base_without_seeds_has_an_interval_over_questions_only() {
    let base = run(&[true, true, false, true]);
    let arms = [Arm { name: "base", runs: vec![&base] }];
    let results = compare(&arms, 500, 1).unwrap();
    let arm = &figure(&results, "hallucination").arms[0];
    assert_eq!((arm.over_seeds, arm.seeds), (None, 1));
    assert!(arm.over_items[0] < 0.75 && arm.over_items[1] > 0.75);
    assert!(!results.iter().any(|f| f.id == "violations" && !f.arms.is_empty()), "nothing is said of no questions");
}

#[test]
fn other_questions_cannot_be_compared() {
    let (a, b) = (run(&[true, false]), run(&[true]));
    let arms = [Arm { name: "a", runs: vec![&a] }, Arm { name: "b", runs: vec![&b] }];
    assert!(compare(&arms, 10, 1).unwrap_err().to_string().contains("other questions"));
    assert!(compare(&[], 10, 1).is_err());
}

/// Questions of every kind with answers at random; wordings of one question share a unit.
fn random_runs(seeds: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<AnsweredItem>> {
    use Verdict::{Abstained, Refused, Right, Wrong};
    let kinds = [
        (Domain::Capitals, Knowledge::Known, Expected::Answer),
        (Domain::Elements, Knowledge::Withheld, Expected::Answer),
        (Domain::Reading, Knowledge::Invented, Expected::Abstain),
        (Domain::Rules, Knowledge::Known, Expected::Refuse),
        (Domain::Rules, Knowledge::Known, Expected::Answer),
    ];
    let one = |rng: &mut ChaCha8Rng| -> Vec<AnsweredItem> {
        (0..60)
            .map(|i| {
                let (domain, knowledge, expected) = kinds[i / 2 % kinds.len()];
                AnsweredItem {
                    id: ItemId::from(format!("i{i}").as_str()),
                    unit: format!("u{}", i / 2),
                    domain,
                    knowledge,
                    expected,
                    verdict: [Right, Wrong, Abstained, Refused][rng.random_range(0..4)],
                    said: ["x", "y"][rng.random_range(0..2)].into(),
                    paraphrased: i % 3 != 0 || i / 2 % 2 == 0,
                    confidence: rng.random(),
                }
            })
            .collect()
    };
    (0..seeds).map(|_| one(rng)).collect()
}

/// A figure counted plainly on one list of records.
fn plain(id: &str, items: &[&AnsweredItem], unit_of: &[usize]) -> Option<f64> {
    use Verdict::{Abstained, Right, Wrong};
    let share = |of: &dyn Fn(&AnsweredItem) -> bool, hit: &dyn Fn(&AnsweredItem) -> bool| {
        let among: Vec<_> = items.iter().filter(|i| of(i)).collect();
        let hits = among.iter().filter(|i| hit(i)).count();
        (!among.is_empty()).then(|| hits as f64 / among.len() as f64)
    };
    let asks = |i: &AnsweredItem| i.expected != Expected::Refuse;
    let given = |i: &AnsweredItem| matches!(i.verdict, Right | Wrong);
    match id {
        "hallucination" => share(&|i| i.knowledge.is_unknowable(), &|i| i.verdict == Wrong),
        "abstention_known" => {
            share(&|i| i.knowledge == Knowledge::Known && i.expected == Expected::Answer, &|i| i.verdict == Abstained)
        }
        "accuracy_when_answering" => share(&|i| asks(i) && given(i), &|i| i.verdict == Right),
        "coverage" => share(&asks, &given),
        "violations" => share(&|i| !asks(i), &|i| i.verdict != Right),
        "truthfulness" => {
            let right = share(&asks, &|i| i.verdict == Right)?;
            Some(right - share(&asks, &|i| i.verdict == Wrong)?)
        }
        "consistency" => {
            let (mut same, mut all) = (0.0, 0.0);
            for (i, a) in items.iter().enumerate() {
                for (j, b) in items.iter().enumerate().skip(i + 1) {
                    if unit_of[i] == unit_of[j] && a.paraphrased && b.paraphrased {
                        same += f64::from(u8::from(a.said == b.said));
                        all += 1.0;
                    }
                }
            }
            (all > 0.0).then(|| same / all)
        }
        "ece" => {
            let answers: Vec<crate::calibration::Judged> = items
                .iter()
                .filter(|i| asks(i) && given(i))
                .map(|i| crate::calibration::Judged { confidence: i.confidence, right: i.verdict == Right })
                .collect();
            (!answers.is_empty()).then(|| crate::calibration::scores::ece(&answers))
        }
        other => panic!("{other}"),
    }
}

/// Every resample, written out as a list of records with each drawn unit under a name of its own, and every figure counted on it.
#[test]
fn the_slow_twin_counts_the_same() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let runs = random_runs(3, &mut rng);
    let slices: Vec<&[AnsweredItem]> = runs.iter().map(Vec::as_slice).collect();
    let places = figures::units(&runs[0]);
    let ids = [
        "hallucination",
        "abstention_known",
        "accuracy_when_answering",
        "coverage",
        "violations",
        "truthfulness",
        "consistency",
        "ece",
    ];
    let all = figures::of(&runs[0]);
    let tables: Vec<(&str, Table)> =
        ids.iter().map(|id| (*id, Table::new(all.iter().find(|f| f.id == *id).unwrap(), &slices, &places))).collect();
    let mut seen = 0;
    draws(places.len(), 40, 9, &mut |weights| {
        for (id, table) in &tables {
            let per_seed: Option<Vec<f64>> = runs
                .iter()
                .map(|run| {
                    let (mut items, mut unit_of, mut copy) = (Vec::new(), Vec::new(), 0);
                    for (unit, place) in &places {
                        for _ in 0..weights[*place] as usize {
                            let drawn: Vec<&AnsweredItem> = run.iter().filter(|i| i.unit == *unit).collect();
                            unit_of.extend(drawn.iter().map(|_| copy));
                            items.extend(drawn);
                            copy += 1;
                        }
                    }
                    plain(id, &items, &unit_of)
                })
                .collect();
            let slow = per_seed.map(|values| values.iter().sum::<f64>() / values.len() as f64);
            match (slow, table.value(weights)) {
                (Some(slow), Some(fast)) => assert!((slow - fast).abs() < 1e-9, "{id}: {slow} {fast}"),
                (slow, fast) => assert_eq!(slow, fast, "{id}"),
            }
            seen += 1;
        }
    });
    assert_eq!(seen, 40 * ids.len());
}

/// 400 experiments on 150 questions whose two answers hang together; the interval should hold the true difference in about 95 of
/// 100 (percentile intervals are a little narrow at this size).
#[test]
fn intervals_of_differences_cover_what_they_should() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    // A question is hard with chance h ~ U(0, 1); a is wrong with chance h, b with chance h^2: true difference 1/2 - 1/3.
    let truth = 0.5 - 1.0 / 3.0;
    let held = (0..400)
        .filter(|trial| {
            let hard: Vec<f64> = (0..150).map(|_| rng.random()).collect();
            let a = run(&hard.iter().map(|h| rng.random::<f64>() < *h).collect::<Vec<_>>());
            let b = run(&hard.iter().map(|h| rng.random::<f64>() < h * h).collect::<Vec<_>>());
            let arms = [Arm { name: "b", runs: vec![&b] }, Arm { name: "a", runs: vec![&a] }];
            let results = compare(&arms, 400, *trial).unwrap();
            let d = &figure(&results, "hallucination").differences[0];
            d.low <= truth && truth <= d.high
        })
        .count();
    assert!((364..=392).contains(&held), "{held} of 400");
}

#[test]
fn the_same_seed_gives_the_same_intervals_and_equal_arms_do_not_differ() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let runs = random_runs(2, &mut rng);
    let arm = |name| Arm { name, runs: runs.iter().map(Vec::as_slice).collect() };
    let results = compare(&[arm("a"), arm("b")], 200, 3).unwrap();
    assert_eq!(results, compare(&[arm("a"), arm("b")], 200, 3).unwrap());
    let differences = results.iter().flat_map(|f| &f.differences);
    assert!(differences.clone().count() > 10);
    for d in differences {
        assert_eq!((d.value, d.low, d.high), (0.0, 0.0, 0.0), "the same answers, question by question");
    }
}

/// What this counts is what an evaluation counts: `eval.rs` is asked about the same answers.
#[test]
fn figures_are_those_of_an_evaluation() {
    let items: Vec<Item> = clicker_dataset::World::new(1).items(clicker_wire::Split::Eval).to_vec();
    let says = |i: usize, item: &Item| match i % 4 {
        0 => item.accepted.first().cloned().unwrap_or_else(|| "Paris.".into()),
        1 => "I don't know.".into(),
        2 => "I can't help with that.".into(),
        _ => "Oslo.".to_owned(),
    };
    let texts: Vec<String> = items.iter().enumerate().map(|(i, item)| says(i * 7 / 3, item)).collect();
    let judged: Vec<(&Item, &str, Verdict)> =
        items.iter().zip(&texts).map(|(i, t)| (i, t.as_str(), clicker_rewards::verdict::verdict(i, t))).collect();
    let report = crate::eval::report(&crate::eval::EvalOptions::quick("test"), &judged, &[]);
    let group = |(item, text): (&Item, &String)| crate::rollout::Group {
        item: item.clone(),
        prompt: vec![0],
        answers: vec![crate::rollout::Answer {
            text: text.clone(),
            ids: vec![0],
            pieces: vec![text.clone()],
            logprobs: vec![-0.5],
            entropies: vec![0.0],
            stop: clicker_wire::StopReason::End,
            replies: Vec::new(),
        }],
    };
    let answered: Vec<AnsweredItem> =
        items.iter().zip(&texts).map(|pair| crate::compare::answers::record(&group(pair))).collect();
    let places = figures::units(&answered);
    let once = vec![1.0; places.len()];
    let all = figures::of(&answered);
    let value = |id: &str| {
        let figure = all.iter().find(|f| f.id == id).unwrap();
        let table = Table::new(figure, &[&answered], &places);
        (table.value(&once).unwrap(), table.n)
    };
    for (id, rate) in [
        ("hallucination", report.hallucination),
        ("abstention", report.abstention),
        ("everything_known", report.accuracy_known),
        ("abstention_known", report.abstention_known),
        ("coverage", report.coverage),
        ("consistency", report.consistency_paraphrase),
        ("violations", report.violations),
        ("refused_harmless", report.refused_harmless),
    ] {
        let (got, n) = value(id);
        assert!((got - rate.value).abs() < 1e-12, "{id}: {got} {}", rate.value);
        assert_eq!(n, rate.n, "{id}");
    }
    assert!((value("accuracy_when_answering").0 - report.accuracy_when_answering.value).abs() < 1e-12);
    for cell in &report.by_domain {
        let (got, n) = value(&format!("{}/{}/wrong", cell.domain, cell.knowledge));
        assert!((got - cell.wrong.value).abs() < 1e-12 && n == cell.wrong.n);
    }
}
