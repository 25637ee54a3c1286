//! Plain JSON over `fetch`, for code that runs beside the Leptos page and would pay dearly for its server functions.

use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};

/// Posts JSON and reads a value back.
///
/// # Errors
/// What the server said against it, or that it cannot be reached, in words.
pub(crate) async fn post<T: DeserializeOwned>(path: &str, body: &str) -> Result<T, String> {
    let (ok, text) = sent(path, body)
        .await
        .map_err(|_| "The server cannot be reached. Check that `clicker serve` runs, then try again.".to_owned())?;
    if ok { serde_json::from_str(&text).map_err(|e| e.to_string()) } else { Err(refusal(&text)) }
}

async fn sent(path: &str, body: &str) -> Result<(bool, String), JsValue> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&body.into());
    let headers = js_sys::Object::new();
    js_sys::Reflect::set(&headers, &"content-type".into(), &"application/json".into())?;
    init.set_headers(&headers);
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response: Response = JsFuture::from(window.fetch_with_str_and_init(path, &init)).await?.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok((response.ok(), text))
}

/// The message in a refusal: the API answers with an object, server functions with a kind, a bar and a text.
fn refusal(text: &str) -> String {
    let object = serde_json::from_str::<serde_json::Value>(text).ok();
    let message = object.and_then(|object| object.get("message")?.as_str().map(str::to_owned));
    message.unwrap_or_else(|| text.split_once('|').map_or(text, |(_, message)| message).to_owned())
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn refusals_of_both_kinds_are_told_in_their_words() {
        assert_eq!(
            refusal("{\"code\":\"invalid\",\"message\":\"name: nothing is written\"}"),
            "name: nothing is written"
        );
        assert_eq!(refusal("ServerError|a | b"), "a | b");
        assert_eq!(refusal("out of order"), "out of order");
    }
}
