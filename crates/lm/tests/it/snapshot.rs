//! A snapshot never changes, a policy does, and quantized weights cannot be trained.

use crate::support::{random_model, tokenizer};
use clicker_lm::weights::{Encoding, export};
use clicker_lm::{LmError, LoadedModel, Policy, Precision, RowPlan};
use std::sync::Arc;

#[test]
fn updating_a_policy_leaves_its_snapshots_alone() {
    let start = random_model();
    let policy = Policy::new(start.decoder().config(), start.weights()).unwrap();
    let before = policy.snapshot().unwrap();
    let logits = before.last_logits(&[1, 2, 3]).unwrap();
    for (_, parameter) in policy.parameters() {
        parameter.set(&(parameter.as_tensor() * 1.5).unwrap()).unwrap();
    }
    assert_eq!(before.last_logits(&[1, 2, 3]).unwrap(), logits);
    assert_eq!(start.last_logits(&[1, 2, 3]).unwrap(), logits, "nor the weights that it was made from");
    assert_ne!(policy.snapshot().unwrap().last_logits(&[1, 2, 3]).unwrap(), logits);
}

#[test]
fn every_parameter_gets_a_gradient() {
    let start = random_model();
    let policy = Policy::new(start.decoder().config(), start.weights()).unwrap();
    let plan = Arc::new(RowPlan::independent(&[3, 2]));
    let hidden = policy.decoder().hidden(&[1, 2, 3, 4, 5], &plan).unwrap();
    let loss = policy.decoder().logits(&hidden).unwrap().sqr().unwrap().mean_all().unwrap();
    let gradients = loss.backward().unwrap();
    for (name, parameter) in policy.parameters() {
        let g = gradients.get(parameter.as_tensor()).unwrap_or_else(|| panic!("{name} got no gradient"));
        let sum = g.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(sum.is_finite() && sum > 0.0, "{name}: {sum}");
    }
}

#[test]
fn blocks_cannot_be_trained() {
    let file = export(&random_model(), Some(&tokenizer()), "random", Encoding::Q8_0).unwrap();
    let blocks = LoadedModel::from_gguf(&file, Precision::AsStored).unwrap();
    let error = Policy::new(&blocks.config, blocks.snapshot.weights()).unwrap_err();
    assert!(matches!(error, LmError::QuantizedPolicy(_)), "{error}");
}
