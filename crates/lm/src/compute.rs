//! Where a model computes: on the processor by the dense decoder, or on a card by the portable one. A card is named, never
//! found: what was asked for is used, or an error says why it cannot be.
//!
//! Never knows files, drivers' paths or the environment.

use crate::{LmError, Result};
use candle_core::{Device, DeviceLocation};

/// A place to compute.
#[derive(Clone, Debug, Default)]
pub struct Compute(Place);

#[derive(Clone, Debug, Default)]
enum Place {
    /// The dense decoder's kernels.
    #[default]
    Dense,
    /// Tensor operations alone, on this device.
    Portable(Device),
}

impl Compute {
    /// The processor, by its own kernels.
    #[must_use]
    pub fn cpu() -> Self {
        Self::default()
    }

    /// The processor by the path that cards take: slow, and what the checks of that path run on.
    #[must_use]
    pub fn portable_cpu() -> Self {
        Self(Place::Portable(Device::Cpu))
    }

    /// What a person names: `cpu`, or `cuda:0` for the first NVIDIA card.
    ///
    /// # Errors
    /// Another name, a program that was built without CUDA, no driver, no such card.
    pub fn named(name: &str) -> Result<Self> {
        if name == "cpu" {
            return Ok(Self::cpu());
        }
        let refuse = |problem: String| LmError::Device { name: name.to_owned(), problem };
        let ordinal = name.strip_prefix("cuda:").and_then(|n| n.parse::<usize>().ok());
        let ordinal =
            ordinal.ok_or_else(|| refuse("expected cpu, or cuda:N with the number of a card, as in cuda:0".into()))?;
        if !cfg!(feature = "cuda") {
            return Err(refuse(
                "this program was built without CUDA; build one that has it with `make cuda`, or use cpu".into(),
            ));
        }
        open(ordinal).map(|device| Self(Place::Portable(device))).map_err(refuse)
    }

    /// As [`Self::named`] would take it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.0 {
            Place::Dense => "cpu".into(),
            Place::Portable(device) => match device.location() {
                DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
                _ => "cpu by the portable path".into(),
            },
        }
    }

    /// Whether the dense decoder's kernels compute.
    #[must_use]
    pub fn is_dense(&self) -> bool {
        matches!(self.0, Place::Dense)
    }

    /// Where tensors have to lie.
    #[must_use]
    pub fn device(&self) -> &Device {
        match &self.0 {
            Place::Dense => &Device::Cpu,
            Place::Portable(device) => device,
        }
    }

    /// Bytes of the card that are taken now, by anybody; none for the processor.
    #[must_use]
    pub fn memory_taken(&self) -> Option<u64> {
        taken(self.device())
    }
}

#[cfg(feature = "cuda")]
fn open(ordinal: usize) -> std::result::Result<Device, String> {
    use candle_core::cuda::cudarc::driver::{CudaContext, result};
    const ELSEWHERE: &str = "nothing was computed elsewhere in its place; use cpu to do that";
    let driver = result::init().and_then(|()| CudaContext::device_count());
    let cards = driver.map_err(|e| format!("no NVIDIA driver answers ({:?}): install one; {ELSEWHERE}", e.0))?;
    if ordinal >= usize::try_from(cards).unwrap_or(0) {
        return Err(format!("there are {cards} cards, numbered from 0 (`nvidia-smi -L` lists them); {ELSEWHERE}"));
    }
    // One stream for all threads of ours. candle's plain constructor takes the stream of whichever thread calls, and what one
    // thread computes would be read by another before it is there.
    Device::new_cuda_with_stream(ordinal).map_err(|e| format!("it cannot be used: {e}; {ELSEWHERE}"))
}

#[cfg(not(feature = "cuda"))]
fn open(_: usize) -> std::result::Result<Device, String> {
    Err("this program was built without CUDA".into())
}

#[cfg(feature = "cuda")]
fn taken(device: &Device) -> Option<u64> {
    use candle_core::cuda::cudarc::driver::result;
    let card = device.as_cuda_device().ok()?;
    card.cuda_stream().context().bind_to_thread().ok()?;
    let (free, all) = result::mem_get_info().ok()?;
    Some(all.saturating_sub(free) as u64)
}

#[cfg(not(feature = "cuda"))]
fn taken(_: &Device) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_or_refused_with_what_was_given_and_what_to_do() {
        assert!(Compute::named("cpu").unwrap().is_dense());
        for odd in ["", "cuda", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "cuda:0:1"] {
            let said = Compute::named(odd).unwrap_err().to_string();
            assert!(said.contains(&format!("`{odd}`")) && said.contains("cuda:0"), "{said}");
        }
        // With CUDA built in and a card this opens; anywhere else it must not come back as the processor.
        match Compute::named("cuda:0") {
            Ok(compute) => assert_eq!(compute.name(), "cuda:0"),
            Err(error) => assert!(error.to_string().contains("cpu"), "{error}"),
        }
        let said = Compute::named("cuda:99").unwrap_err().to_string();
        assert!(said.contains("`cuda:99`") && said.contains("cpu"), "{said}");
        assert_eq!((Compute::cpu().name(), Compute::cpu().memory_taken()), ("cpu".into(), None));
        assert!(!Compute::portable_cpu().is_dense());
    }
}
