//! Everything that a run needs to go on from a step: weights, optimizer moments and the step itself. Randomness needs no
//! state: every draw of a step derives from the recipe's seed and the step's number.
//!
//! The format is safetensors with the recipe in its metadata, so that a state cannot be resumed under another recipe.

use crate::alarms::Alarms;
use crate::coefficients::Coefficients;
use crate::controllers::Controllers;
use crate::critic::Critic;
use crate::curriculum::Curriculum;
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
    /// Which questions rest.
    pub curriculum: Curriculum,
}

/// Networks beside the policy that move.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// The reference, where it follows the policy.
    pub(crate) reference: Option<&'a PolicySnapshot>,
    /// The value network of PPO.
    pub(crate) critic: Option<&'a Critic>,
    /// Further members of an ensemble of reward models.
    pub(crate) members: &'a [Critic],
}

/// A network's weights and its optimizer's moments.
fn push(data: &mut Vec<Entry>, prefix: &str, policy: &Policy, optimizer: &AdamW) -> Result<()> {
    for ((name, parameter), moments) in policy.parameters().iter().zip(&optimizer.moments) {
        let values = parameter.as_tensor().flatten_all()?.to_vec1::<f32>()?;
        let (m, v) = moments.values()?;
        for (part, values) in [("weight", values.as_slice()), ("m", &*m), ("v", &*v)] {
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            data.push((format!("{prefix}{part}/{name}"), parameter.dims().to_vec(), bytes));
        }
    }
    Ok(())
}

/// Put them back; the moments come back.
fn pull(tensors: &SafeTensors<'_>, prefix: &str, policy: &Policy) -> Result<Vec<Moments>> {
    let mut moments = Vec::new();
    for (name, parameter) in policy.parameters() {
        let read = |part: &str| {
            let view = tensors.tensor(&format!("{prefix}{part}/{name}")).map_err(broken)?;
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
        moments.push(Moments::with(parameter, policy.compute(), read("m")?, read("v")?)?);
    }
    Ok(moments)
}

/// Name, dimensions and bytes of a tensor.
type Entry = (String, Vec<usize>, Vec<u8>);

/// The state at `place`, as bytes; with the networks that move beside the policy.
///
/// # Errors
/// Tensor arithmetic.
pub(crate) fn save(
    recipe: &Recipe,
    place: &Place,
    policy: &Policy,
    optimizer: &AdamW,
    beside: Beside<'_>,
) -> Result<Vec<u8>> {
    let mut data: Vec<Entry> = Vec::new();
    let Beside { reference, critic, members } = beside;
    push(&mut data, "", policy, optimizer)?;
    if let Some(critic) = critic {
        push(&mut data, CRITIC, &critic.policy, &critic.optimizer)?;
    }
    for (k, member) in members.iter().enumerate() {
        push(&mut data, &member_prefix(k), &member.policy, &member.optimizer)?;
    }
    if let Some(reference) = reference {
        for (name, dims) in reference.decoder().config().tensor_shapes() {
            let values = reference.weights().get(&name)?.to_dense()?.flatten_all()?.to_vec1::<f32>()?;
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            data.push((format!("{REFERENCE}/{name}"), dims, bytes));
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
        critic_updates: critic.map_or(0, |c| c.optimizer.updates()),
        alarms: place.alarms.clone(),
        controllers: place.controllers.clone(),
        coefficients: place.coefficients.clone(),
        course: place.course.clone(),
        curriculum: place.curriculum.clone(),
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
        curriculum: header.curriculum,
    };
    let updates = header.updates;
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    let moments = pull(&tensors, "", policy)?;
    policy.resumed(updates.into())?;
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

/// Put a saved value network back.
///
/// # Errors
/// Bytes that are no state, or the state of a run without one.
pub(crate) fn restore_critic(recipe: &Recipe, bytes: &[u8], critic: &mut Critic) -> Result<()> {
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    let moments = pull(&tensors, CRITIC, &critic.policy)?;
    critic.optimizer = AdamW::restore(&recipe.optim, header(bytes)?.critic_updates, moments);
    Ok(())
}

/// Put the saved further members of an ensemble back; all have been updated as often as the first.
///
/// # Errors
/// Bytes that are no state, or the state of a run with fewer.
pub(crate) fn restore_members(recipe: &Recipe, bytes: &[u8], members: &mut [Critic]) -> Result<()> {
    let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
    for (k, member) in members.iter_mut().enumerate() {
        let moments = pull(&tensors, &member_prefix(k), &member.policy)?;
        member.optimizer = AdamW::restore(&recipe.optim, header(bytes)?.updates, moments);
    }
    Ok(())
}

fn member_prefix(k: usize) -> String {
    format!("member{k}/")
}

/// Prefix of the value network's tensors.
const CRITIC: &str = "critic/";
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
    #[serde(default)]
    critic_updates: u32,
    /// States of older versions lack what follows.
    #[serde(default)]
    controllers: Controllers,
    #[serde(default)]
    coefficients: Coefficients,
    #[serde(default)]
    course: Course,
    #[serde(default)]
    curriculum: Curriculum,
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
