//! Calibration figures against scikit-learn's on a committed table (tests/golden/calibration.py made it).

use clicker_train::calibration::{Judged, risk, scores};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    confidence: Vec<f64>,
    right: Vec<bool>,
    ece: f64,
    brier: f64,
    auroc: f64,
    aurc: f64,
}

#[test]
fn figures_are_those_of_scikit_learn() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../../tests/golden/calibration.json")).unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let answers: Vec<Judged> =
            case.confidence.iter().zip(&case.right).map(|(&confidence, &right)| Judged { confidence, right }).collect();
        let close = |got: f64, expected: f64, tolerance: f64, what: &str| {
            assert!((got - expected).abs() < tolerance, "{}, {what}: got {got}, expected {expected}", case.name);
        };
        close(scores::ece(&answers), case.ece, 1e-9, "ece");
        close(scores::brier(&answers), case.brier, 1e-9, "brier");
        close(scores::auroc(&answers).unwrap(), case.auroc, 1e-9, "auroc");
        // The table's figure is a mean over 4,000 random orders of ties: exact without ties, else within its own noise.
        close(risk::aurc(&answers), case.aurc, 2e-3, "aurc");
    }
}
