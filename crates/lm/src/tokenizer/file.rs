//! What a Hugging Face `tokenizer.json` says, or lists of tokens and merges as GGUF files keep them, as far as byte-level BPE uses it.
//! Everything that would change a token and is not understood here is an error, never a guess.

use super::added::Added;
use super::split::Splitter;
use crate::{LmError, Result};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::json;
use std::borrow::Cow;
use std::collections::HashMap;

/// A tokenizer's file, checked.
pub(super) struct TokenizerFile<'a> {
    pub(super) splitter: Splitter,
    /// Whether texts are brought to Unicode's composed form (NFC) first.
    pub(super) compose: bool,
    /// Whether a piece that is a token is never merged from its bytes.
    pub(super) ignore_merges: bool,
    /// Names and ids.
    pub(super) vocab: Vec<(Cow<'a, str>, u32)>,
    pub(super) merges: Vec<MergePair<'a>>,
    /// (token, whether it is looked for in the composed text)
    pub(super) added: Vec<(Added, bool)>,
}

#[derive(serde::Deserialize)]
struct Raw {
    #[serde(default)]
    added_tokens: Vec<RawAdded>,
    #[serde(default)]
    normalizer: serde_json::Value,
    #[serde(default)]
    pre_tokenizer: serde_json::Value,
    model: RawModel,
}

#[derive(serde::Deserialize)]
struct RawAdded {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    special: bool,
}

#[derive(serde::Deserialize)]
struct RawModel {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    vocab: HashMap<String, u32>,
    #[serde(default)]
    merges: Vec<MergePair<'static>>,
    #[serde(default)]
    ignore_merges: bool,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    dropout: Option<f32>,
}

/// Ids are u32; a vocabulary beyond this is a mistake or an attack.
const MAX_ID: u32 = 1 << 22;

/// Read a file.
pub(super) fn read(json: &[u8]) -> Result<TokenizerFile<'static>> {
    let problem = |text: String| LmError::Tokenizer(format!("tokenizer.json: {text}"));
    let raw: Raw = serde_json::from_slice(json).map_err(|e| problem(e.to_string()))?;
    let kind = raw.model.kind.as_deref().unwrap_or("BPE");
    if kind != "BPE" {
        return Err(problem(format!("model type `{kind}`; this version reads byte-level BPE")));
    }
    for (key, text) in [
        ("continuing_subword_prefix", &raw.model.continuing_subword_prefix),
        ("end_of_word_suffix", &raw.model.end_of_word_suffix),
    ] {
        if let Some(text) = text.as_deref().filter(|t| !t.is_empty()) {
            return Err(problem(format!("`{key}` is `{text}`; byte-level BPE has none")));
        }
    }
    if raw.model.dropout.is_some_and(|p| p != 0.0) {
        return Err(problem("`dropout` makes encoding random; set it to null".into()));
    }
    let compose = match &raw.normalizer {
        serde_json::Value::Null => false,
        value if value["type"] == "NFC" => true,
        value if value["type"] == "Sequence" && value["normalizers"].as_array().is_some_and(Vec::is_empty) => false,
        value => return Err(problem(format!("normalizer {value}; expected none or NFC"))),
    };
    let highest = raw.model.vocab.values().chain(raw.added_tokens.iter().map(|t| &t.id)).max();
    if highest.is_some_and(|&id| id >= MAX_ID) {
        return Err(problem(format!("a token has an id above {MAX_ID}")));
    }
    let added = raw
        .added_tokens
        .into_iter()
        .map(|t| {
            if t.single_word {
                return Err(problem(format!(
                    "added token `{}` asks for `single_word`, which is not known here",
                    t.content
                )));
            }
            let added = Added { content: t.content, id: t.id, special: t.special, lstrip: t.lstrip, rstrip: t.rstrip };
            Ok((added, t.normalized))
        })
        .collect::<Result<_>>()?;
    Ok(TokenizerFile {
        splitter: Splitter::from_json(&raw.pre_tokenizer)?,
        compose,
        ignore_merges: raw.model.ignore_merges,
        vocab: raw.model.vocab.into_iter().map(|(name, id)| (name.into(), id)).collect(),
        merges: raw.model.merges,
        added,
    })
}

/// A vocabulary as lists.
pub(crate) struct Listed<'a> {
    /// Names by id.
    pub(crate) tokens: Vec<&'a str>,
    /// `"a b"` in order of rank.
    pub(crate) merges: Vec<&'a str>,
    /// Ids of tokens that are matched as wholes, never spelled.
    pub(crate) wholes: Vec<u32>,
    /// The `pre_tokenizer` that a tokenizer.json would have.
    pub(crate) splitting: serde_json::Value,
    /// Whether a piece that is a token is never merged from its bytes.
    pub(crate) ignore_merges: bool,
}

impl<'a> Listed<'a> {
    /// What [`read`] would give of a tokenizer.json with the same in it, without writing one: of 49,152 tokens that takes a browser a third of a second.
    pub(super) fn file(&self) -> Result<TokenizerFile<'a>> {
        let problem = |text: String| Err(LmError::Tokenizer(format!("the tokens of the GGUF file: {text}")));
        if self.tokens.len() > MAX_ID as usize {
            return problem(format!("{}; expected at most {MAX_ID}", self.tokens.len()));
        }
        let mut merges = Vec::with_capacity(self.merges.len());
        for merge in &self.merges {
            match merge.split_once(' ') {
                Some((left, right)) => merges.push(MergePair(left.into(), right.into())),
                None => return problem(format!("merge `{merge}` has no space")),
            }
        }
        let whole = |&id: &u32| {
            let content = (*self.tokens.get(id as usize)?).to_owned();
            Some((Added { content, id, special: true, lstrip: false, rstrip: false }, false))
        };
        Ok(TokenizerFile {
            splitter: Splitter::from_json(&self.splitting)?,
            compose: false,
            ignore_merges: self.ignore_merges,
            vocab: self.tokens.iter().zip(0..).map(|(&name, id)| (name.into(), id)).collect(),
            merges,
            added: self.wholes.iter().filter_map(whole).collect(),
        })
    }

    /// As tokenizer.json.
    pub(crate) fn json(&self) -> String {
        let tokens = &self.tokens;
        let added: Vec<_> = self.wholes.iter()
            .map(|&id| json!({"id": id, "content": tokens[id as usize], "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}))
            .collect();
        let vocab: serde_json::Map<_, _> =
            tokens.iter().enumerate().map(|(id, t)| ((*t).to_owned(), json!(id))).collect();
        let decoder = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
            "pre_tokenizer": self.splitting, "post_processor": null, "decoder": decoder,
            "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
                "fuse_unk": false, "byte_fallback": false, "ignore_merges": self.ignore_merges, "vocab": vocab, "merges": self.merges},
        })
        .to_string()
    }
}

/// One merge: files write `["a", "b"]`, older ones `"a b"`.
pub(super) struct MergePair<'a>(pub(super) Cow<'a, str>, pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for MergePair<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(MergeVisitor)
    }
}

struct MergeVisitor;

impl<'de> Visitor<'de> for MergeVisitor {
    type Value = MergePair<'static>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a merge: two strings, or one with a space between")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        let (left, right) = text.split_once(' ').ok_or_else(|| E::custom(format!("merge `{text}` has no space")))?;
        Ok(MergePair(left.to_owned().into(), right.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> std::result::Result<Self::Value, A::Error> {
        let mut text = || pair.next_element::<String>()?.ok_or_else(|| de::Error::custom("a merge of one string"));
        Ok(MergePair(text()?.into(), text()?.into()))
    }
}
