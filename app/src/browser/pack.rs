//! Packs text with the browser's own deflate, for addresses that would be too long.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableWritablePair, Response};

// web-sys counts it among its unstable bindings.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = ReadableWritablePair)]
    type CompressionStream;
    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<CompressionStream, JsValue>;
}

const FORMAT: &str = "deflate-raw";

/// Packed bytes; none where the browser cannot.
pub(crate) async fn pack(text: &str) -> Option<Vec<u8>> {
    let stream = CompressionStream::new(FORMAT).ok()?;
    through(&js_sys::Array::of1(&text.into()), stream.unchecked_ref()).await.ok()
}

async fn through(parts: &js_sys::Array, stream: &ReadableWritablePair) -> Result<Vec<u8>, JsValue> {
    let blob = Blob::new_with_blob_sequence(parts)?;
    let piped = blob.stream().pipe_through(stream);
    let buffer = JsFuture::from(Response::new_with_opt_readable_stream(Some(&piped))?.array_buffer()?).await?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}
