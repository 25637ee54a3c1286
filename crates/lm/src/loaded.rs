//! A model ready for use: shape, tokenizer, template and frozen weights, from one GGUF file or one Hugging Face folder.

use crate::engine::Loading;
use crate::weights::gguf::ReadAt;
use crate::{ChatTemplate, Compute, Engine, LmError, ModelConfig, PolicySnapshot, Result, Tokenizer, weights};

/// Everything that a model's file or folder holds.
#[derive(Clone, Debug)]
pub struct LoadedModel<M = PolicySnapshot> {
    /// The shape.
    pub config: ModelConfig,
    /// The tokenizer; a folder without one can still be run on token ids.
    pub tokenizer: Option<Tokenizer>,
    /// The frozen weights.
    pub snapshot: M,
}

/// Whether block-quantized tensors stay as they are (small, inference only) or become f32 (trainable).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Keep blocks.
    AsStored,
    /// Decode everything to f32.
    Full,
}

impl LoadedModel {
    /// From the bytes of a GGUF file.
    ///
    /// # Errors
    /// A file that is not what it claims to be, or a model that this crate cannot run.
    pub fn from_gguf(bytes: &[u8], precision: Precision) -> Result<Self> {
        let file = weights::gguf::read(bytes)?;
        let (config, tensors) = weights::gguf_model::weights(&file, precision == Precision::Full)?;
        let tokenizer = weights::gguf_model::tokenizer(&file.header)?;
        Ok(Self { snapshot: PolicySnapshot::new(&config, tensors, 0)?, config, tokenizer })
    }

    /// From a Hugging Face folder; `read` returns a file of it by its plain name, or none if it is not there.
    ///
    /// # Errors
    /// As [`Self::from_gguf`], and whatever `read` says.
    pub fn from_hf_folder(read: &mut dyn FnMut(&str) -> std::io::Result<Option<Vec<u8>>>) -> Result<Self> {
        let (config, tensors) = weights::hf::read(read)?;
        let tokenizer =
            weights::hf::optional(read, "tokenizer.json")?.map(|json| Tokenizer::from_json(&json)).transpose()?;
        Ok(Self { snapshot: PolicySnapshot::new(&config, tensors, 0)?, config, tokenizer })
    }
}

impl LoadedModel {
    /// The same model on another device.
    ///
    /// # Errors
    /// A device that has no room for it.
    pub fn on(self, compute: &Compute) -> Result<Self> {
        Ok(Self { snapshot: self.snapshot.on(compute)?, ..self })
    }
}

impl LoadedModel<Engine> {
    /// From a GGUF file, for the engine without a tensor library. The file is read piece by piece and never held as a whole.
    ///
    /// # Errors
    /// As [`Self::from_gguf`].
    pub fn for_engine(source: &(impl ReadAt + ?Sized)) -> Result<Self> {
        Self::all_of(&source)
    }

    fn all_of(source: &dyn ReadAt) -> Result<Self> {
        let mut loading = LoadedModel::begin(source)?;
        while !loading.snapshot.step(source)? {}
        Ok(loading.finish())
    }
}

impl LoadedModel<Loading> {
    /// [`LoadedModel::for_engine`] in steps: everything but the matrices.
    ///
    /// # Errors
    /// As [`LoadedModel::from_gguf`].
    pub fn begin(source: &(impl ReadAt + ?Sized)) -> Result<Self> {
        Self::first_of(&source)
    }

    fn first_of(source: &dyn ReadAt) -> Result<Self> {
        let mut header = weights::gguf::read_header(source)?;
        let config = weights::gguf_model::config_of(source, &header)?;
        let tokenizer = weights::gguf_model::tokenizer_for_inference(&header)?;
        // Let go of the vocabulary's texts before weights ask for room.
        header.metadata.clear();
        Ok(Self { snapshot: Loading::new(source, &header, config.clone())?, config, tokenizer })
    }
}

impl<M> LoadedModel<M> {
    /// The tokenizer, or the reason why text cannot be used with this model.
    ///
    /// # Errors
    /// The folder had no tokenizer.json.
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        self.tokenizer.as_ref().ok_or_else(|| {
            LmError::Tokenizer(
                "this model came without tokenizer.json; give token ids, or put that file beside the weights".into(),
            )
        })
    }

    /// The conversation template of the model's tokenizer.
    ///
    /// # Errors
    /// The folder had no tokenizer.json.
    pub fn template(&self) -> Result<ChatTemplate> {
        Ok(ChatTemplate::of(self.tokenizer()?))
    }

    /// Tokens that end an answer: the configuration's and the template's.
    #[must_use]
    pub fn stop_tokens(&self) -> Vec<u32> {
        let mut stop = self.config.eos.clone();
        let end = self.tokenizer.as_ref().and_then(|t| ChatTemplate::of(t).end());
        stop.extend(end.filter(|end| !self.config.eos.contains(end)));
        stop
    }
}
