//! What stays in this browser. Where storage is denied, nothing is remembered and nothing fails.

use web_sys::Storage;

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// The stored text of a key.
pub(crate) fn get(key: &str) -> Option<String> {
    storage()?.get_item(&format!("clicker.{key}")).ok()?
}

/// Stores a text; false where the browser refuses.
pub(crate) fn set(key: &str, value: &str) -> bool {
    storage().is_some_and(|s| s.set_item(&format!("clicker.{key}"), value).is_ok())
}

/// Forgets a key.
pub(crate) fn remove(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(&format!("clicker.{key}"));
    }
}
