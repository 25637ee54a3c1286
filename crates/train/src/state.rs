//! Everything that a run needs to go on from a step: weights, optimizer moments and the step itself. Randomness needs no
//! state: every draw of a step derives from the recipe's seed and the step's number.
//!
//! The format is safetensors with the recipe in its metadata, so that a state cannot be resumed under another recipe.

use crate::alarms::Alarms;
use crate::coefficients::Coefficients;
use crate::controllers::Controllers;
use crate::held_out::Course;
use crate::optimizer::{AdamW, Moments};
use crate::{Result, TrainError};
use clicker_lm::weights::WeightTensor;
use clicker_lm::{ModelConfig, Policy, PolicySnapshot, Weights};
use clicker_wire::Recipe;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Where a run stands, besides its weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Steps done.
    pub step: u32,
    /// Tokens that have gone through training so far (TRL's `num_tokens`).
    pub num_tokens: u64,
    /// What has been noticed so far.
    pub alarms: Alarms,
    /// What adjusts the reward.
    pub controllers: Controllers,
    /// What adjusts the objective.
    pub coefficients: Coefficients,
    /// How training compares with held-out questions.
    pub course: Course,
}

/// The state at `place`, as bytes; with a reference where it moves.
///
/// # Errors
/// Tensor arithmetic.
pub fn save(
    recipe: &Recipe,
    place: &Place,
    policy: &Policy,
    optimizer: &AdamW,
    reference: Option<&PolicySnapshot>,
) -> Result<Vec<u8>> {
    let mut data: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for ((name, parameter), moments) in policy.parameters().iter().zip(&optimizer.moments) {
        let values = parameter.as_tensor().flatten_all()?.to_vec1::<f32>()?;
        for (part, values) in [("weight", &values), ("m", &moments.m), ("v", &moments.v)] {
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            data.push((format!("{part}/{name}"), parameter.dims().to_vec(), bytes));
        }
        if let Some(reference) = reference
            && let WeightTensor::Dense(tensor) = reference.weights().get(name)?
        {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            data.push((format!("{REFERENCE}/{name}"), tensor.dims().to_vec(), bytes));
        }
    }
    let views = data
        .iter()
        .map(|(name, dims, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, dims.clone(), bytes).map_err(broken)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let header = Header {
        recipe: fingerprint(recipe)?,
        step: place.step,
        num_tokens: place.num_tokens,
        updates: optimizer.updates(),
        alarms: place.alarms.clone(),
        controllers: place.controllers.clone(),
        coefficients: place.coefficients.clone(),
        course: place.course.clone(),
    };
    // One entry: the library writes several in the order of a hash map, and equal states must be equal bytes.
    let header = serde_json::to_string(&header).map_err(|e| TrainError::State(e.to_string()))?;
    let metadata = HashMap::from([(HEADER.to_owned(), header)]);
    safetensors::serialize(views, Some(metadata)).map_err(broken)
}

/// Put a saved state into a policy; returns its place and the optimizer.
///
/// # Errors
/// Bytes that are no state, or the state of another recipe or model.
pub fn restore(recipe: &Recipe, bytes: &[u8], policy: &mut Policy) -> Result<(Place, AdamW)> {
    let header = header(bytes)?;
    if header.recipe != fingerprint(recipe)? {
        return Err(TrainError::State(
            "it belongs to another recipe; resume with the recipe that the run was started with".into(),
        ));
    }
    let fits = header.controllers.fits(&recipe.reward);
    let place = Place {
        step: header.step,
        num_tokens: header.num_tokens,
        alarms: header.alarms,
        controllers: if fits { header.controllers } else { Controllers::start(&recipe.reward) },
        coefficients: header.coefficients,
        course: header.course,
    };
    let updates = header.updates;
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    let mut moments = Vec::new();
    for (name, parameter) in policy.parameters() {
        let read = |part: &str| {
            let view = tensors.tensor(&format!("{part}/{name}")).map_err(broken)?;
            if view.shape() != parameter.dims() {
                return Err(TrainError::State(format!(
                    "{part} of `{name}` has shape {:?}, the model {:?}",
                    view.shape(),
                    parameter.dims()
                )));
            }
            Ok(view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<f32>>())
        };
        parameter.set(&candle_core::Tensor::from_vec(read("weight")?, parameter.shape(), parameter.device())?)?;
        moments.push(Moments { m: read("m")?, v: read("v")? });
    }
    policy.set_version(updates.into());
    Ok((place, AdamW::restore(&recipe.optim, updates, moments)))
}

/// The reference of a saved state; none where it is the model that the run started from.
///
/// # Errors
/// Bytes that are no state, or the state of another model.
pub fn reference(bytes: &[u8], config: &ModelConfig) -> Result<Option<PolicySnapshot>> {
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    if !tensors.names().iter().any(|name| name.starts_with(REFERENCE)) {
        return Ok(None);
    }
    let mut weights = Weights::default();
    for (name, _) in config.tensor_shapes() {
        let view = tensors.tensor(&format!("{REFERENCE}/{name}")).map_err(broken)?;
        let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let tensor = candle_core::Tensor::from_vec(values, view.shape(), &candle_core::Device::Cpu)?;
        weights.insert(name, WeightTensor::Dense(tensor));
    }
    Ok(Some(PolicySnapshot::new(config, weights, header(bytes)?.updates.into())?))
}

/// Prefix of the reference's tensors.
const REFERENCE: &str = "reference";

/// The step that a saved state stands at.
///
/// # Errors
/// Bytes that are no state.
pub fn step_of(bytes: &[u8]) -> Result<u32> {
    Ok(header(bytes)?.step)
}

/// What stands beside the tensors.
#[derive(Serialize, Deserialize)]
struct Header {
    recipe: String,
    step: u32,
    num_tokens: u64,
    updates: u32,
    alarms: Alarms,
    /// States of older versions lack what follows.
    #[serde(default)]
    controllers: Controllers,
    #[serde(default)]
    coefficients: Coefficients,
    #[serde(default)]
    course: Course,
}

/// Name of the only metadata entry.
const HEADER: &str = "clicker";

fn header(bytes: &[u8]) -> Result<Header> {
    let (_, tensors) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let json = tensors.metadata().as_ref().and_then(|m| m.get(HEADER));
    let json = json.ok_or_else(|| TrainError::State("it has no header of ours; is it a run's state?".into()))?;
    serde_json::from_str(json).map_err(|e| TrainError::State(format!("its header: {e}")))
}

/// The whole recipe, so that nothing that decides a run can differ unnoticed.
fn fingerprint(recipe: &Recipe) -> Result<String> {
    use sha2::{Digest, Sha256};
    let json = serde_json::to_vec(recipe).map_err(|e| TrainError::State(e.to_string()))?;
    Ok(hex::encode(Sha256::digest(json)))
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(broken)")]
fn broken(error: safetensors::SafeTensorError) -> TrainError {
    TrainError::State(format!("{error}; the file is damaged or of another kind"))
}
