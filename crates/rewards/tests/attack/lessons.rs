//! The lessons' broken rewards fall to the exploit they are about; the repaired ones stand.

use crate::{capital, invented, reading, reading_again, sum};
use clicker_rewards::attack::{lessons, run};
use clicker_rewards::validate;
use clicker_wire::{
    AttackReport, Exploit, ForbiddenPhrase, Grader, HackLesson, Item, RewardConfig, Verdict, WeightedGrader,
};

fn questions(lesson: &HackLesson) -> Vec<Item> {
    match lesson.expected {
        // Its grader needs a passage.
        Exploit::KeywordStuffing => vec![reading(), reading_again()],
        _ => vec![capital(), sum(), reading(), reading_again(), invented()],
    }
}

fn row(report: &AttackReport, exploit: Exploit) -> (f64, u32) {
    let row = report.exploits.iter().find(|row| row.exploit == exploit).unwrap();
    (row.matches_right.unwrap(), row.wins)
}

#[test]
fn the_broken_are_hacked_and_the_repaired_are_not() {
    for lesson in lessons() {
        let items = questions(&lesson);
        assert_eq!((validate(&lesson.broken), validate(&lesson.repaired)), (Ok(()), Ok(())));
        let (broken, repaired) = (run(&lesson.broken, &items, 7, 640), run(&lesson.repaired, &items, 7, 640));
        // The invented capital is the fifth question of two lessons; abstaining is right there.
        let expected = if lesson.expected == Exploit::AbstainAlways { 0.8 } else { 1.0 };
        assert!((broken.hackability - expected).abs() < 1e-12, "{}: {}", lesson.name, broken.hackability);
        assert_eq!(repaired.hackability, 0.0, "{}: {:#?}", lesson.name, repaired.items);

        let (matches, wins) = row(&broken, lesson.expected);
        assert_eq!(matches, 1.0, "{}", lesson.name);
        let most = broken.exploits.iter().map(|row| row.wins).max().unwrap();
        assert_eq!(wins, most, "{}: {:#?}", lesson.name, broken.exploits);
        let winner = broken.items[0].winner.as_ref().unwrap();
        assert_eq!(winner.exploit, Some(lesson.expected), "{}: {winner:#?}", lesson.name);
        assert_eq!(winner.reward.receipts.len(), lesson.broken.graders.len());
        assert_eq!(row(&repaired, lesson.expected).0, 0.0, "{}", lesson.name);
    }
}

/// It starts from the suite's wrong answers, so it never ends below the best of them.
#[test]
fn the_search_is_at_least_as_good_as_where_it_starts() {
    for lesson in lessons() {
        let report = run(&lesson.broken, &questions(&lesson), 3, 640);
        let find = report.search.unwrap();
        assert!(find.evaluations > 0 && find.evaluations <= 640 && find.answer.exploit.is_none());
        if lesson.expected != Exploit::AbstainAlways {
            assert_eq!(find.hackability, 1.0, "{}: {find:#?}", lesson.name);
        }
    }
}

/// A reward that likes one word, which no exploit of the suite says: the search finds it, and its find counts.
#[test]
fn the_search_finds_what_the_suite_does_not_know() {
    let phrases = vec![ForbiddenPhrase { phrase: "therefore".into(), reason: "sounds like reasoning".into() }];
    let config = RewardConfig::sum(vec![
        WeightedGrader { name: "right".into(), weight: 1.0, grader: Grader::Normalised {} },
        WeightedGrader { name: "reasons".into(), weight: -1.0, grader: Grader::Forbidden { phrases } },
    ]);
    assert_eq!(run(&config, &[capital()], 1, 0).hackability, 0.0);
    let report = run(&config, &[capital()], 1, 500);
    assert_eq!((report.hackability, report.exploits.iter().filter_map(|row| row.matches_right).sum()), (1.0, 0.0));
    let answer = report.search.unwrap().answer;
    assert!(answer.text.contains("therefore") && answer.verdict == Verdict::Wrong, "{answer:#?}");
}
