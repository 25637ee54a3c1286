//! Weights as the engine reads them: a file of the browser or bytes that came with a message; and the hash that `weights.js` takes of what
//! arrives. Never holds a file as a whole.

use clicker_lm::LmError;
use clicker_lm::weights::gguf::ReadAt;
use js_sys::{Function, Promise, Reflect, Uint8Array};
use sha2::Digest;
use wasm_bindgen::prelude::*;

/// What `openWeights` resolves to.
pub(crate) struct WebFile {
    file: JsValue,
    read: Function,
    size: u64,
}

impl WebFile {
    pub(crate) fn new(file: JsValue) -> Option<Self> {
        let read = Reflect::get(&file, &"read".into()).ok()?.dyn_into().ok()?;
        let size = Reflect::get(&file, &"size".into()).ok()?.as_f64()? as u64;
        Some(Self { file, read, size })
    }

    /// Wait until what was read has been checked but for a little: a file is not copied faster than it is hashed.
    ///
    /// # Errors
    /// A part that is damaged and cannot be fetched again.
    pub(crate) async fn keep_up(&self) -> Result<(), String> {
        self.ask("keepUp").await.map(drop)
    }

    /// All of it is what it was. Else it has been mended, and what was read before has to be read again.
    ///
    /// # Errors
    /// As [`Self::keep_up`].
    pub(crate) async fn is_whole(&self) -> Result<bool, String> {
        Ok(self.ask("whole").await?.as_bool() != Some(false))
    }

    /// A method that a file may have, and its result when that is there.
    async fn ask(&self, name: &str) -> Result<JsValue, String> {
        let method = Reflect::get(&self.file, &name.into()).ok().and_then(|method| method.dyn_into::<Function>().ok());
        let Some(method) = method else { return Ok(JsValue::UNDEFINED) };
        let said = |e: JsValue| crate::port::said(&e);
        let result = method.call0(&self.file).map_err(said)?;
        match result.dyn_into::<Promise>() {
            Ok(promise) => wasm_bindgen_futures::JsFuture::from(promise).await.map_err(said),
            Err(result) => Ok(result),
        }
    }

    pub(crate) fn is_cached(&self) -> bool {
        Reflect::get(&self.file, &"cached".into()).ok().and_then(|c| c.as_bool()).unwrap_or(false)
    }
}

/// A handle that is left open would keep others from mending the file.
impl Drop for WebFile {
    fn drop(&mut self) {
        let close = Reflect::get(&self.file, &"close".into()).ok().and_then(|close| close.dyn_into::<Function>().ok());
        if let Some(close) = close {
            // Nobody is left to tell.
            let _ = close.call0(&self.file);
        }
    }
}

impl ReadAt for WebFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> clicker_lm::Result<()> {
        let problem = |problem: String| LmError::File { file: "weights".into(), problem };
        let bytes = self.read.call2(&self.file, &(offset as f64).into(), &(into.len() as f64).into()).map_err(|e| {
            problem(format!("{} bytes at {offset} could not be read: {}", into.len(), crate::port::said(&e)))
        })?;
        copy(&bytes.unchecked_into(), into).map_err(problem)
    }
}

/// Bytes that a page sent along.
pub(crate) struct Attached(pub(crate) Uint8Array);

impl ReadAt for Attached {
    fn size(&self) -> u64 {
        self.0.length().into()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> clicker_lm::Result<()> {
        let (start, end) = (offset as u32, (offset + into.len() as u64) as u32);
        copy(&self.0.subarray(start, end), into).map_err(|problem| LmError::File { file: "weights".into(), problem })
    }
}

fn copy(from: &Uint8Array, into: &mut [u8]) -> Result<(), String> {
    if from.length() as usize != into.len() {
        return Err(format!("it ended early: {} bytes came where {} were asked for", from.length(), into.len()));
    }
    from.copy_to(into);
    Ok(())
}

/// SHA-256 of bytes as they arrive.
#[wasm_bindgen]
#[derive(Default)]
pub struct Sha256(sha2::Sha256);

#[wasm_bindgen]
impl Sha256 {
    /// Of nothing yet.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Go on.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash so far, in hexadecimal.
    #[must_use]
    pub fn finish(&self) -> String {
        hex::encode(self.0.clone().finalize())
    }
}
