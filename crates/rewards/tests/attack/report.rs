//! The report's JSON, which the page and stored runs read: `CLICKER_ACCEPT=1` writes it anew.

use crate::{capital, reading};
use clicker_rewards::attack::{dry_run, gap, lessons, run};
use clicker_wire::{ABSTAIN, AttackReport};
use serde_json::to_string_pretty;
use std::path::Path;

/// Compares with the golden file, or writes it.
fn is_golden(name: &str, json: serde_json::Result<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attack/golden").join(name);
    let json = json.unwrap() + "\n";
    if std::env::var_os("CLICKER_ACCEPT").is_some() {
        std::fs::write(&path, &json).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(json, golden, "{name} differs; CLICKER_ACCEPT=1 writes it anew");
}

#[test]
fn of_an_attack() {
    let [length, ..] = lessons();
    let report = run(&length.broken, &[capital(), reading()], 1, 128);
    is_golden("attack.json", to_string_pretty(&report));
    let back: AttackReport = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(back.exploits.len(), report.exploits.len());
    assert_eq!(back.items[1].winner.as_ref().map(|w| &w.text), report.items[1].winner.as_ref().map(|w| &w.text));
}

#[test]
fn of_a_dry_run_and_a_gap() {
    let [length, ..] = lessons();
    let answers = ["Paris.", "Rome.", ABSTAIN].map(String::from).to_vec();
    is_golden("dry_run.json", to_string_pretty(&dry_run(&length.repaired, &[(capital(), answers)], 1)));
    is_golden("gap.json", to_string_pretty(&[gap(0.5, 0.5), gap(0.58, 0.5), gap(0.7, 0.5), gap(f64::NAN, 0.5)]));
    is_golden("lessons.json", to_string_pretty(&lessons()));
}
