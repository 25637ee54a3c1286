//! Byte-level BPE, by the `tokenizers` crate, with what it lacks: streams of text that never split a character, and
//! prompts that cannot smuggle in special tokens.

use crate::{LmError, Result};
use std::collections::HashMap;

/// A tokenizer, from Hugging Face `tokenizer.json`.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bytes: Vec<Vec<u8>>,
}

impl Tokenizer {
    /// Read `tokenizer.json`.
    ///
    /// # Errors
    /// Not a tokenizer of that format.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut inner =
            tokenizers::Tokenizer::from_bytes(json).map_err(|e| LmError::Tokenizer(format!("tokenizer.json: {e}")))?;
        // A person who types "<|end|>" means these seven characters, not the end of a turn.
        inner.set_encode_special_tokens(true);
        let bytes = token_bytes(&inner);
        Ok(Self { inner, bytes })
    }

    /// Write `tokenizer.json`.
    ///
    /// # Errors
    /// Serialisation, which no tokenizer read by this type can fail.
    pub fn to_json(&self) -> Result<String> {
        let mut plain = self.inner.clone();
        plain.set_encode_special_tokens(false);
        plain.to_string(false).map_err(|e| LmError::Tokenizer(e.to_string()))
    }

    /// Ids of a text. Special tokens written out in it are ordinary text.
    ///
    /// # Errors
    /// A text that the vocabulary cannot spell.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.inner.encode_fast(text, false).map_err(|e| LmError::Tokenizer(e.to_string()))?.get_ids().to_vec())
    }

    /// Text of ids; special tokens say nothing, broken characters become U+FFFD.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.token_bytes(id).iter().copied()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes that a token stands for; none for special tokens and ids outside the vocabulary.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// What a token looks like on its own: its text, or its name if it is special.
    #[must_use]
    pub fn token_text(&self, id: u32) -> String {
        match self.token_bytes(id) {
            [] => self.inner.id_to_token(id).unwrap_or_default(),
            bytes => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// Id of a token by its exact name.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Tokens, special ones included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.bytes.len()
    }
}

/// Turns ids into text one at a time, holding back the bytes of a character until it is whole.
#[derive(Clone, Debug, Default)]
pub struct TextStream {
    held: Vec<u8>,
}

impl TextStream {
    /// The text that `id` completes; may be empty.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        self.held.extend_from_slice(tokenizer.token_bytes(id));
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.held) {
                Ok(all) => {
                    text.push_str(all);
                    self.held.clear();
                    return text;
                }
                Err(error) => {
                    let rest = self.held.split_off(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(&self.held));
                    self.held = rest;
                    match error.error_len() {
                        None => return text,
                        Some(broken) => {
                            text.push('\u{fffd}');
                            self.held.drain(..broken);
                        }
                    }
                }
            }
        }
    }
}

/// Train a byte-level BPE on texts: digits stand alone (sums are easier to learn), words carry their leading space.
/// `special` tokens take the first ids, in order.
///
/// # Errors
/// A vocabulary too small for the 256 bytes and the special tokens.
pub fn train_bpe(texts: &[String], vocab: usize, special: &[&str]) -> Result<Tokenizer> {
    use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
    use tokenizers::pre_tokenizers::{byte_level::ByteLevel, digits::Digits, sequence::Sequence};
    use tokenizers::{AddedToken, TokenizerBuilder};
    let failed = |e: tokenizers::Error| LmError::Tokenizer(format!("training: {e}"));
    if vocab < 256 + special.len() {
        return Err(LmError::Tokenizer(format!(
            "a vocabulary of {vocab} cannot hold 256 bytes and {} special tokens",
            special.len()
        )));
    }
    let pieces: Sequence = Sequence::new(vec![Digits::new(true).into(), ByteLevel::new(false, false, true).into()]);
    let mut trained = TokenizerBuilder::<BPE, tokenizers::NormalizerWrapper, Sequence, ByteLevel, ByteLevel>::new()
        .with_model(BPE::default())
        .with_pre_tokenizer(Some(pieces))
        .with_decoder(Some(ByteLevel::default()))
        .build()
        .map_err(failed)?;
    let mut trainer = BpeTrainerBuilder::new()
        .vocab_size(vocab)
        .show_progress(false)
        .special_tokens(special.iter().map(|s| AddedToken::from((*s).to_owned(), true)).collect())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    trained.train(&mut trainer, texts.iter().map(String::as_str)).map_err(failed)?;
    Tokenizer::from_json(trained.to_string(false).map_err(failed)?.as_bytes())
}

/// Bytes of every token: byte-level vocabularies spell each byte as a printable character.
fn token_bytes(inner: &tokenizers::Tokenizer) -> Vec<Vec<u8>> {
    let bytes_of: HashMap<char, u8> = byte_characters().into_iter().zip(0..=255).collect();
    let special = inner.get_added_tokens_decoder();
    let size = inner.get_vocab(true).values().map(|&id| id as usize + 1).max().unwrap_or(0);
    (0..size as u32)
        .map(|id| {
            if special.get(&id).is_some_and(|t| t.special) {
                return Vec::new();
            }
            let token = inner.id_to_token(id).unwrap_or_default();
            let spelled: Option<Vec<u8>> = token.chars().map(|c| bytes_of.get(&c).copied()).collect();
            spelled.unwrap_or_else(|| token.replace('\u{2581}', " ").into_bytes())
        })
        .collect()
}

/// The printable character that stands for each byte in byte-level vocabularies: bytes that print stand for
/// themselves, the others for U+0100 onwards in order.
fn byte_characters() -> Vec<char> {
    let mut next = 0u32;
    (0..=255u8)
        .map(|b| match b {
            b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(b),
            _ => {
                next += 1;
                char::from_u32(0xff + next).unwrap_or('?')
            }
        })
        .collect()
}
