//! Training a low-rank adapter instead of all weights. Names are PEFT's.

use serde::{Deserialize, Serialize};

/// The modules of a block that an adapter may sit on.
pub const LORA_TARGETS: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// An adapter: W becomes W + s B A with A [r, in] and B [out, r], W stays as it is (arXiv 2106.09685).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoraSpec {
    /// Rank of the update.
    pub r: u32,
    /// s = alpha / r.
    pub lora_alpha: f32,
    /// Modules that get an adapter.
    pub target_modules: Vec<String>,
    /// s = alpha / sqrt(r) instead, so that a high rank still learns (arXiv 2312.03732).
    pub use_rslora: bool,
}

impl Default for LoraSpec {
    fn default() -> Self {
        Self { r: 16, lora_alpha: 32.0, target_modules: LORA_TARGETS.map(str::to_owned).to_vec(), use_rslora: false }
    }
}

impl LoraSpec {
    /// s.
    #[must_use]
    pub fn scale(&self) -> f64 {
        let r = f64::from(self.r);
        f64::from(self.lora_alpha) / if self.use_rslora { r.sqrt() } else { r }
    }

    /// What is wrong with it, if anything.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        if !(1..=1024).contains(&self.r) {
            return Some(format!("lora.r is {}; expected 1 to 1024", self.r));
        }
        if !(self.lora_alpha.is_finite() && self.lora_alpha > 0.0) {
            return Some(format!("lora.lora_alpha is {}; expected a number above 0", self.lora_alpha));
        }
        let known = LORA_TARGETS.join(", ");
        if self.target_modules.is_empty() {
            return Some(format!("lora.target_modules is empty; expected some of {known}"));
        }
        let odd = self.target_modules.iter().find(|m| !LORA_TARGETS.contains(&m.as_str()));
        odd.map(|odd| format!("lora.target_modules names `{odd}`; expected some of {known}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_and_mistakes() {
        let lora = LoraSpec { r: 4, lora_alpha: 8.0, ..LoraSpec::default() };
        assert_eq!((lora.scale(), LoraSpec { use_rslora: true, ..lora.clone() }.scale()), (2.0, 4.0));
        assert_eq!(lora.complaint(), None);
        for (bad, word) in [
            (LoraSpec { r: 0, ..lora.clone() }, "lora.r is 0"),
            (LoraSpec { lora_alpha: f32::NAN, ..lora.clone() }, "lora_alpha"),
            (LoraSpec { target_modules: vec![], ..lora.clone() }, "empty"),
            (LoraSpec { target_modules: vec!["lm_head".into()], ..lora }, "`lm_head`"),
        ] {
            assert!(bad.complaint().is_some_and(|c| c.contains(word)), "{word}");
        }
    }
}
