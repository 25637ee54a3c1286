//! Figures by hand, and what follows from them.

use super::*;
use crate::World;
use crate::rows::read;
use clicker_wire::{Rate, Split};
use proptest::prelude::*;

fn rows(lines: &[&str]) -> Rows {
    read(lines.join("\n").as_bytes()).unwrap()
}

fn names(report: &Report) -> Vec<(&'static str, Decision)> {
    report.advice.iter().map(|finding| (finding.name, finding.decision)).collect()
}

#[test]
fn copies_are_told_once_and_name_the_first() {
    let report = check(
        &rows(&[
            r#"{"prompt": "Who?", "completion": "I."}"#,
            r#"{"prompt": "Who?", "completion": "I."}"#,
            r#"{"prompt": "who", "completion": "i"}"#,
            r#"{"prompt": "Who?", "completion": "You."}"#,
            r#"{"prompt": "Who?", "completion": "I."}"#,
        ]),
        Against::default(),
    );
    let copies = &report.duplicates;
    assert_eq!(copies.exact, [Copy { line: 2, of: 1 }, Copy { line: 5, of: 1 }]);
    assert_eq!(copies.same_words, [Copy { line: 3, of: 1 }]);
    assert_eq!((copies.repeated_prompts, copies.near.len(), copies.near_complete), (1, 0, true));
    assert!(names(&report).contains(&("duplicates", Decision::Stop)), "3 of 5 rows");
    let answers = report.diversity.answers.as_ref().map(|voice| voice.distinct);
    assert_eq!(answers, Some([Some(2.0 / 5.0), None, None]), "answers of one word have no pairs");
    let removed: Vec<usize> = fix(&report, Fixes::default()).into_iter().map(|r| r.line).collect();
    assert_eq!(removed, [2, 3, 5]);
}

#[test]
fn near_copies_are_prompts_that_overlap() {
    let long = "Please tell me in one short sentence which city is the capital of";
    let lines = [
        format!("{{\"prompt\": \"{long} France today?\"}}"),
        format!("{{\"prompt\": \"{long} France now?\"}}"),
        r#"{"prompt": "What else?"}"#.to_owned(),
    ];
    let report = check(&rows(&lines.each_ref().map(String::as_str)), Against::default());
    // 15 words, 13 shingles each, 12 shared of 14.
    assert_eq!(report.duplicates.near, [Near { line: 2, of: 1, similarity: 12.0 / 14.0 }]);
    assert!(fix(&report, Fixes::default()).is_empty());
    assert_eq!(fix(&report, Fixes { near: true }).len(), 1);
}

#[test]
fn leaks_into_a_file_and_into_the_world_stop() {
    let world = World::new(1);
    let question = world.items(Split::Eval)[0].clone();
    let asked = question.question();
    let lines = [
        format!("{{\"prompt\": {}}}", serde_json::json!(asked)),
        format!("{{\"prompt\": {}}}", serde_json::json!(asked.to_uppercase())),
        r#"{"prompt": "Is it raining?"}"#.to_owned(),
        r#"{"prompt": "Fresh and never asked before?"}"#.to_owned(),
    ];
    let mine = rows(&lines.each_ref().map(String::as_str));
    let held = rows(&[r#"{"prompt": "x", "completion": "y"}"#, r#"{"prompt": "is it raining", "completion": "Yes."}"#]);
    let report = check(&mine, Against { rows: Some(&held), questions: world.items(Split::Eval) });
    let found: Vec<_> = report.leakage.iter().map(|l| (l.line, l.likeness, l.held_out.clone())).collect();
    let id = question.id.0;
    let expected = [
        (1, Likeness::Same, HeldOut::World(id.clone())),
        (2, Likeness::SameWords, HeldOut::World(id)),
        (3, Likeness::SameWords, HeldOut::Line(2)),
    ];
    assert_eq!(found, expected);
    assert_eq!(report.decision, Decision::Stop);
    assert_eq!(report.advice[0].name, "leakage");
    assert_eq!(report.advice[0].lines, [1, 2, 3]);
    assert_eq!(fix(&report, Fixes::default()).len(), 3);
    // The world's own training questions share none with its held-out ones.
    let own = read(crate::jsonl::write(world.items(Split::Rl)).unwrap().as_bytes()).unwrap();
    let own = check(&own, Against { rows: None, questions: world.items(Split::Eval) });
    assert!(own.leakage.iter().all(|leak| leak.likeness == Likeness::Near), "{:?}", own.leakage.first());
}

#[test]
fn labels_that_contradict_each_other() {
    let pair = |a: &str, b: &str| format!("{{\"prompt\": \"p\", \"chosen\": \"{a}\", \"rejected\": \"{b}\"}}");
    let lines = [pair("x", "y"), pair("y", "x"), pair("X.", "y"), pair("z", "z "), pair("", "w")];
    let report = check(&rows(&lines.each_ref().map(String::as_str)), Against::default());
    let noise = &report.noise;
    assert_eq!((noise.identical_pairs.as_slice(), noise.empty_answers.as_slice()), (&[4][..], &[5][..]));
    let expected = Contradiction { kind: ContradictionKind::Preference, lines: vec![1, 2, 3] };
    assert_eq!(noise.contradictions, [expected]);
    // x over y, y over x, x over y; and one other pair labelled once: 2 of 3 comparisons differ, so no error rate explains it.
    assert_eq!((noise.disagreement, noise.label_error), (Some(Rate::of(2, 3)), None));
    let removed: Vec<usize> = fix(&report, Fixes::default()).into_iter().map(|r| r.line).collect();
    assert_eq!(removed, [1, 2, 3, 4, 5]);

    let thumb =
        |text: &str, label: bool| format!("{{\"prompt\": \"p\", \"completion\": \"{text}\", \"label\": {label}}}");
    let lines = [thumb("a", true), thumb("a", true), thumb("a", true), thumb("a", false), thumb("b", false)];
    let noise = check(&rows(&lines.each_ref().map(String::as_str)), Against::default()).noise;
    // Of six pairs of labels on "a" three differ: 2e(1-e) = 1/2 has e = 1/2.
    assert_eq!(noise.disagreement, Some(Rate::of(3, 6)));
    assert!((noise.label_error.unwrap() - 0.5).abs() < 1e-12);
    assert_eq!(noise.contradictions[0].lines, [1, 2, 3, 4]);
}

#[test]
fn different_answers_to_one_question_are_asked_about() {
    let told = check(
        &rows(&[
            r#"{"prompt": "p", "completion": "Paris"}"#,
            r#"{"prompt": "P?", "completion": "Rome"}"#,
            r#"{"prompt": "q", "completion": "Paris"}"#,
        ]),
        Against::default(),
    );
    let lines = vec![1, 2];
    assert_eq!(told.noise.contradictions, [Contradiction { kind: ContradictionKind::Answers, lines }]);
    assert!(names(&told).contains(&("different_answers", Decision::Warn)));
    assert!(fix(&told, Fixes::default()).is_empty(), "both may be right");
    let asked = |second: &str| {
        check(
            &rows(&[
                r#"{"prompt": "p", "accepted": ["red", "crimson"]}"#,
                &format!("{{\"prompt\": \"p\", \"accepted\": [\"{second}\"]}}"),
            ]),
            Against::default(),
        )
    };
    assert!(asked("Crimson").noise.contradictions.is_empty());
    assert_eq!(asked("blue").noise.contradictions[0].kind, ContradictionKind::Truth);
}

#[test]
fn balance_and_diversity_by_hand() {
    assert_eq!(Spread::of(vec![]), None);
    let spread = Spread::of(vec![3, 1, 2, 4]).unwrap();
    assert_eq!((spread.min, spread.p10, spread.median, spread.p90, spread.max), (1, 1, 2, 4, 4));
    assert!((spread.mean - 2.5).abs() < 1e-12);
    let report = check(
        &rows(&[
            r#"{"prompt": "a b c", "answer": "x", "domain": "maths"}"#,
            r#"{"prompt": "a b d", "category": "maths"}"#,
            r#"{"prompt": "a b", "topic": "history", "answer": 3}"#,
            r#"{"prompt": "e", "subject": "maths", "answer": 3}"#,
        ]),
        Against::default(),
    );
    let balance = &report.balance;
    assert_eq!(
        balance.topics.iter().map(|(t, n)| (t.as_str(), *n)).collect::<Vec<_>>(),
        [("history", 1), ("maths", 3)]
    );
    // -(1/4 ln 1/4 + 3/4 ln 3/4) / ln 2.
    assert!((balance.evenness.unwrap() - 0.811_278_124_459).abs() < 1e-9);
    assert_eq!(balance.with_truth, Some(Rate::of(3, 4)));
    let voice = &report.diversity.prompts;
    // 9 words, 5 of them different; ab bc ab bd ab: 3 of 5; abc abd.
    let expected = [5.0 / 9.0, 3.0 / 5.0, 1.0];
    let close = |(got, want): (&Option<f64>, f64)| got.is_some_and(|got| (got - want).abs() < 1e-12);
    assert!(voice.distinct.iter().zip(expected).all(close), "{voice:?}");
    assert_eq!((voice.self_similarity, voice.commonest.as_ref()), (0.0, None));
    assert_eq!(report.diversity.answers, None);
    assert!(names(&report).contains(&("no_truth", Decision::Warn)));
    assert!(names(&report).contains(&("few_rows", Decision::Warn)));
}

#[test]
fn one_sided_files_are_named() {
    let many = |line: &dyn Fn(usize) -> String| {
        let lines: Vec<String> = (0..30).map(line).collect();
        names(&check(&read(lines.join("\n").as_bytes()).unwrap(), Against::default()))
    };
    let longer = many(&|k| format!("{{\"prompt\": \"q{k}\", \"chosen\": \"long answer {k}\", \"rejected\": \"{k}\"}}"));
    assert!(longer.contains(&("length_bias", Decision::Warn)), "{longer:?}");
    let up = many(&|k| format!("{{\"prompt\": \"q{k}\", \"completion\": \"a{k}\", \"label\": true}}"));
    assert!(up.contains(&("one_label", Decision::Stop)), "{up:?}");
    let same = many(&|k| format!("{{\"prompt\": \"q{k}\", \"completion\": \"Yes.\"}}"));
    assert!(same.contains(&("one_answer", Decision::Warn)), "{same:?}");
    let topics = many(&|k| {
        format!("{{\"prompt\": \"q{k}\", \"answer\": {k}, \"topic\": \"{}\"}}", if k == 0 { "b" } else { "a" })
    });
    assert!(topics.contains(&("one_subject", Decision::Warn)), "{topics:?}");
    let template = many(&|k| format!("{{\"prompt\": \"tell me now what the {k} is all about\", \"answer\": {k}}}"));
    assert!(!template.contains(&("one_template", Decision::Warn)), "3 of 9 shared: {template:?}");
    let template = many(&|k| format!("{{\"prompt\": \"tell me now what all of this is about {k}\", \"answer\": {k}}}"));
    assert!(template.contains(&("one_template", Decision::Warn)), "6 of 8 shared: {template:?}");
}

#[test]
fn difficulty_by_hand() {
    let asked = Difficulty::of("m", 4, &[(1, 0), (3, 4), (4, 1), (5, 0)], 2);
    assert_eq!((asked.pass, asked.never, asked.always), (Rate::of(5, 16), Rate::of(2, 4), Rate::of(1, 4)));
    assert_eq!(asked.histogram, [2, 1, 0, 0, 1]);
    assert_eq!(asked.rows[2], super::difficulty::Pass { line: 4, rate: Rate::of(1, 4) });
    let report = check(&rows(&[r#"{"prompt": "p", "answer": 1}"#]), Against::default()).with_difficulty(asked);
    let hard = report.advice.iter().find(|finding| finding.name == "too_hard").unwrap();
    assert_eq!(hard.lines, [1, 5]);
    assert!(!names(&report).iter().any(|(name, _)| *name == "too_easy"));
}

#[test]
fn an_empty_file_stops_and_a_clean_one_goes() {
    assert_eq!(check(&Rows::default(), Against::default()).decision, Decision::Stop);
    let clean: Vec<String> =
        (0..60).map(|k| format!("{{\"prompt\": \"{k} w{} x{} y{}\", \"answer\": {k}}}", k * 7, k * 5, k * 3)).collect();
    let report = check(&read(clean.join("\n").as_bytes()).unwrap(), Against::default());
    assert_eq!((report.decision, report.advice.len()), (Decision::Go, 0), "{:?}", report.advice);
}

proptest! {
    #[test]
    fn what_was_fixed_needs_no_fixing(texts in prop::collection::vec(("[a-c ]{0,4}", "[xyX]{0,2}", any::<bool>()), 1..30)) {
        let lines: Vec<String> = texts
            .iter()
            .map(|(p, c, l)| serde_json::json!({"prompt": format!("q {p}"), "completion": c, "label": l}).to_string())
            .collect();
        let report = check(&read(lines.join("\n").as_bytes()).unwrap(), Against::default());
        let removed: Vec<usize> = fix(&report, Fixes::default()).into_iter().map(|r| r.line).collect();
        prop_assert!(removed.is_sorted());
        let kept: Vec<&str> =
            lines.iter().enumerate().filter(|(k, _)| !removed.contains(&(k + 1))).map(|(_, l)| l.as_str()).collect();
        let again = check(&read(kept.join("\n").as_bytes()).unwrap(), Against::default());
        prop_assert!(fix(&again, Fixes::default()).is_empty(), "{:?}", again);
        prop_assert_eq!(kept.len() + removed.len(), lines.len());
    }
}
