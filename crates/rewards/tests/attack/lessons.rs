//! The lessons' broken rewards fall to the exploit they are about; the repaired ones stand.

use crate::{capital, invented, reading, reading_again, sum};
use clicker_rewards::attack::{lessons, run};
use clicker_rewards::validate;
use clicker_wire::{AttackReport, Exploit, HackLesson, Item};

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
        println!("{}: hackability {} before repair, {} after", lesson.name, broken.hackability, repaired.hackability);
        assert!(broken.hackability >= 0.8, "{}: {}", lesson.name, broken.hackability);
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

/// The search finds its way without the suite's help: never below the suite's best wrong answer, and in the length
/// lesson above nothing, because the padding is at the limit already.
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
