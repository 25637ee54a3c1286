//! Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685): beside a frozen matrix W [out, in] stand A [r, in] and
//! B [out, r], and the model computes with W + s B A. Knows no files (see [`crate::weights::peft`]) and no optimizer.

use crate::weights::{StoredAdapter, WeightTensor, gguf_model};
use crate::{LmError, ModelConfig, Result, Weights, dense};
use candle_core::{Device, Tensor};
use clicker_wire::LoraSpec;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An adapter with its values.
#[derive(Clone, Debug)]
pub struct Adapter {
    spec: LoraSpec,
    pairs: Vec<LoraPair>,
}

/// The adapter of one matrix.
#[derive(Clone, Debug)]
pub struct LoraPair {
    /// Hugging Face name of the matrix, `.weight` included.
    pub name: String,
    /// [r, in]
    pub a: Tensor,
    /// [out, r]
    pub b: Tensor,
}

impl Adapter {
    /// An adapter that changes nothing yet: B is 0, A uniform within 1/sqrt(in), as PEFT begins (Kaiming with a = sqrt 5).
    ///
    /// # Errors
    /// A specification that does not hold, or a rank above what a matrix has.
    pub fn new(spec: &LoraSpec, model: &ModelConfig, seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pairs = targets(spec, model)?
            .into_iter()
            .map(|(name, out, inner)| {
                let (r, bound) = (spec.r as usize, 1.0 / (inner as f32).sqrt());
                let a: Vec<f32> = (0..r * inner).map(|_| rng.random_range(-bound..=bound)).collect();
                Ok(LoraPair {
                    name,
                    a: Tensor::from_vec(a, (r, inner), &Device::Cpu)?,
                    b: Tensor::zeros((out, r), candle_core::DType::F32, &Device::Cpu)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { spec: spec.clone(), pairs })
    }

    /// An adapter with these values; every matrix that the specification names in this model, in its shape.
    ///
    /// # Errors
    /// A pair that is missing, too many or of another shape.
    pub fn of(spec: &LoraSpec, model: &ModelConfig, pairs: Vec<LoraPair>) -> Result<Self> {
        fits(spec, model, &pairs.iter().map(|p| (p.name.as_str(), p.a.dims(), p.b.dims())).collect::<Vec<_>>())?;
        Ok(Self { spec: spec.clone(), pairs })
    }

    /// The values of a file, which has one rank for all pairs, for training or merging.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) fn from_stored(spec: &LoraSpec, model: &ModelConfig, stored: StoredAdapter) -> Result<Self> {
        let pairs = stored.pairs.into_iter().map(|pair| {
            Ok(LoraPair { name: pair.name, a: gguf_model::dense(&pair.a)?, b: gguf_model::dense(&pair.b)? })
        });
        Self::of(spec, model, pairs.collect::<Result<_>>()?)
    }

    /// What it is.
    #[must_use]
    pub fn spec(&self) -> &LoraSpec {
        &self.spec
    }

    /// Its matrices, in the model's order.
    #[must_use]
    pub fn pairs(&self) -> &[LoraPair] {
        &self.pairs
    }

    /// The adapter of one matrix, if it has one.
    pub(crate) fn pair(&self, name: &str) -> Option<&LoraPair> {
        self.pairs.iter().find(|pair| pair.name == name)
    }

    /// Weights that have taken it in, `share` of it: 0 is the base, 1 the whole adapter, which a model that is trained computes
    /// with to the bit. What no adapter sits on is shared; no gradient flows to A and B.
    ///
    /// # Errors
    /// Weights of another model, or tensor arithmetic.
    pub fn merged(&self, base: &Weights, model: &ModelConfig, share: f64) -> Result<Weights> {
        let scale = self.spec.scale() * share;
        self.taken_in(base, model, |tensor, pair| match tensor {
            WeightTensor::Dense(t) | WeightTensor::Half(t) if base.compute().is_dense() => {
                dense::merged(t, pair, scale as f32)
            }
            other => Ok(sum(other, pair, scale)?.detach()),
        })
    }

    /// Weights that have taken all of it in, composed of candle's operations; the gradient flows to A and B.
    ///
    /// # Errors
    /// As [`Self::merged`].
    pub(crate) fn composed(&self, base: &Weights, model: &ModelConfig) -> Result<Weights> {
        self.taken_in(base, model, |tensor, pair| sum(tensor, pair, self.spec.scale()))
    }

    fn taken_in(
        &self,
        base: &Weights,
        model: &ModelConfig,
        merge: impl Fn(&WeightTensor, &LoraPair) -> Result<Tensor>,
    ) -> Result<Weights> {
        let mut out = base.beside();
        for (name, _) in model.tensor_shapes() {
            let tensor = base.get(&name)?;
            let tensor = match self.pair(&name) {
                None => tensor.clone(),
                Some(pair) => WeightTensor::Dense(merge(tensor, pair)?),
            };
            out.insert(name, tensor);
        }
        Ok(out)
    }
}

/// W + s B A.
fn sum(base: &WeightTensor, pair: &LoraPair, scale: f64) -> Result<Tensor> {
    Ok((base.to_dense()? + (pair.b.matmul(&pair.a)? * scale)?)?)
}

/// Whether pairs (name, dimensions of A, of B) are what a specification asks of a model.
///
/// # Errors
/// A pair that is missing, too many or of another shape.
pub(crate) fn fits(spec: &LoraSpec, model: &ModelConfig, pairs: &[(&str, &[usize], &[usize])]) -> Result<()> {
    let targets = targets(spec, model)?;
    let rank = spec.r as usize;
    for (name, out, inner) in &targets {
        let pair = pairs.iter().find(|p| p.0 == *name).ok_or_else(|| LmError::MissingTensor {
            name: format!("{name} (lora_A, lora_B)"),
            expected: vec![rank, *inner],
        })?;
        for (part, dims, expected) in [("lora_A", pair.1, [rank, *inner]), ("lora_B", pair.2, [*out, rank])] {
            if dims != expected {
                let name = format!("{name} ({part})");
                return Err(LmError::TensorShape { name, got: dims.to_vec(), expected: expected.to_vec() });
            }
        }
    }
    match pairs.iter().find(|p| targets.iter().all(|(name, ..)| *name != p.0)) {
        Some((odd, ..)) => Err(LmError::Config(format!(
            "the adapter changes `{odd}`, which the model lacks or `target_modules` does not name"
        ))),
        None => Ok(()),
    }
}

/// Every matrix that an adapter sits on: name, outputs, inputs.
fn targets(spec: &LoraSpec, model: &ModelConfig) -> Result<Vec<(String, usize, usize)>> {
    if let Some(complaint) = spec.complaint() {
        return Err(LmError::Config(complaint));
    }
    let wanted = |name: &str| {
        let module = name.strip_suffix(".weight").and_then(|n| n.rsplit('.').next());
        module.is_some_and(|module| spec.target_modules.iter().any(|t| t == module))
    };
    let shapes = model.tensor_shapes().into_iter().filter(|(name, shape)| shape.len() == 2 && wanted(name));
    let all: Vec<_> = shapes.map(|(name, shape)| (name, shape[0], shape[1])).collect();
    if let Some((name, out, inner)) = all.iter().find(|(_, out, inner)| spec.r as usize > *out.min(inner)) {
        return Err(LmError::Config(format!(
            "lora.r is {}, but `{name}` is [{out}, {inner}]: a rank above {} adds nothing; lower it",
            spec.r,
            out.min(inner)
        )));
    }
    Ok(all)
}
