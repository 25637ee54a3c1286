//! What of the lab stays in this browser, and what its address says.

use super::Lab;
use crate::browser::{self, pack, storage};
use crate::state::lab::link;
use clicker_wire::LabSample;

const TEXT: &str = "lab.text";
const SAMPLES: &str = "lab.samples";
const ORIGIN: &str = "lab.origin";

/// Keeps the text; a visit that ends here loses nothing.
pub(super) fn keep_text(lab: &Lab) {
    storage::set(TEXT, lab.document.text());
}

/// Keeps answers that cannot be made again at a press.
pub(super) fn keep_samples(lab: &Lab) {
    if let Ok(samples) = serde_json::to_string(&lab.samples) {
        storage::set(SAMPLES, &samples);
        storage::set(ORIGIN, &lab.origin);
    }
}

/// Forgets the answers.
pub(super) fn forget_samples() {
    storage::remove(SAMPLES);
}

/// Brings back what the last visit left. A reward that came with the address stays; the draft is one step of undo away.
pub(super) fn bring_back(lab: &mut Lab, linked: bool) {
    if let Some(draft) = storage::get(TEXT) {
        let here = lab.document.text().to_owned();
        lab.document.replace(draft);
        if linked {
            lab.document.replace(here);
        }
        lab.flow.form = true;
    }
    let samples = storage::get(SAMPLES).and_then(|json| serde_json::from_str::<Vec<LabSample>>(&json).ok());
    if let Some(samples) = samples.filter(|samples| !samples.is_empty()) {
        lab.take(samples, storage::get(ORIGIN).unwrap_or_default());
    }
}

/// The query that brings this reward to another browser: as it is, or packed where that is too long.
pub(super) async fn query(text: String) -> String {
    if text.len() > link::PLAIN
        && let Some(packed) = pack::pack(&text).await
    {
        return format!("z={}", link::to_text(&packed));
    }
    format!("reward={}", browser::encode(&text))
}
