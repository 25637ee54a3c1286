//! Byte-level BPE, with streams of text that never split a character and prompts that cannot smuggle in special tokens.
//!
//! Written here because the browser needs no more than this of a tokenizer library: a general one with its regular expressions was a
//! third of the engine's code. Tests hold it to the `tokenizers` crate, which still trains vocabularies.

mod added;
mod bpe;
mod file;
mod index;
#[cfg(test)]
mod reference;
mod split;
mod stream;
#[cfg(not(target_arch = "wasm32"))]
mod train;
mod unicode;

pub(crate) use file::Listed;
pub use stream::TextStream;
#[cfg(not(target_arch = "wasm32"))]
pub use train::train_bpe;

use crate::{LmError, Result};
use added::{Added, AddedSet, Part};
use bpe::{Merges, NONE, Scratch};
use file::TokenizerFile;
use index::Index;
use split::Splitter;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A tokenizer, from Hugging Face `tokenizer.json`.
#[derive(Clone, Debug)]
pub struct Tokenizer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The file as it was given; none in a copy for inference only.
    json: Option<String>,
    splitter: Splitter,
    compose: bool,
    merges: Merges,
    /// Id of each byte on its own.
    byte_ids: [u32; 256],
    /// Pieces that are tokens whatever the merges say.
    wholes: HashMap<Box<[u8]>, u32>,
    /// Looked for in the text as it is, and in the composed text.
    added: [AddedSet; 2],
    /// Names as the file writes them, and bytes, by id.
    names: Table,
    bytes: Table,
    by_name: Index,
}

impl Tokenizer {
    /// Read `tokenizer.json`.
    ///
    /// # Errors
    /// Not a byte-level BPE of that format, or with a rule that this version does not know.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(json).map_err(|_| LmError::Tokenizer("tokenizer.json is not UTF-8".into()))?;
        Ok(Self(Arc::new(Inner { json: Some(text.to_owned()), ..Inner::new(file::read(json)?)? })))
    }

    /// Read `tokenizer.json` for inference: takes less memory, and cannot be written again.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub fn for_inference(json: &[u8]) -> Result<Self> {
        Ok(Self(Arc::new(Inner::new(file::read(json)?)?)))
    }

    /// From lists, for inference.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub(crate) fn from_lists(lists: &Listed<'_>) -> Result<Self> {
        Ok(Self(Arc::new(Inner::new(lists.file()?)?)))
    }

    /// Write `tokenizer.json`.
    ///
    /// # Errors
    /// The tokenizer was read for inference only.
    pub fn to_json(&self) -> Result<String> {
        self.0.json.clone().ok_or_else(|| {
            LmError::Tokenizer("it was read for inference only; read it with `from_json` to write it".into())
        })
    }

    /// Ids of a text. Special tokens written out in it are ordinary text.
    ///
    /// # Errors
    /// None today: bytes that the vocabulary lacks say nothing.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let inner = &*self.0;
        let (mut out, mut word, mut scratch) = (Vec::with_capacity(text.len() / 3), Vec::new(), Scratch::default());
        inner.added[0].parts(text, &mut |part| match part {
            Part::Token(id) => out.push(id),
            Part::Text(text) => {
                let text = inner.composed(text);
                inner.added[1].parts(&text, &mut |part| match part {
                    Part::Token(id) => out.push(id),
                    Part::Text(text) => inner.splitter.split(text, &mut |piece| {
                        inner.encode_piece(piece.as_bytes(), &mut word, &mut scratch);
                        out.extend_from_slice(&word);
                    }),
                });
            }
        });
        Ok(out)
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
        self.0.bytes.get(id)
    }

    /// What a token looks like on its own: its text, or its name if it is special.
    #[must_use]
    pub fn token_text(&self, id: u32) -> String {
        match self.token_bytes(id) {
            [] => String::from_utf8_lossy(self.0.names.get(id)).into_owned(),
            bytes => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// Id of a token by its exact name.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        self.0.by_name.find(token.as_bytes(), &|id| self.0.names.get(id))
    }

    /// Tokens, special ones included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.0.names.len()
    }
}

impl Inner {
    fn new(file: TokenizerFile<'_>) -> Result<Self> {
        let TokenizerFile { splitter, compose, ignore_merges, vocab, merges, added } = file;
        let byte_of = byte_values();
        let spelled = |name: &str, out: &mut Vec<u8>| -> bool {
            out.clear();
            name.chars().all(|c| match byte_of.get(c as usize) {
                Some(Some(byte)) => {
                    out.push(*byte);
                    true
                }
                _ => false,
            })
        };

        let name_of = |at: u32| vocab.get(at as usize).map_or(&[][..], |(name, _)| name.as_bytes());
        let places = Index::new(vocab.len(), &name_of);
        let id_of = |name: &str| places.find(name.as_bytes(), &name_of).map(|at| vocab[at as usize].1);
        let known = |name: &str| {
            let problem = || LmError::Tokenizer(format!("tokenizer.json: a merge names `{name}`, which is no token"));
            id_of(name).ok_or_else(problem)
        };
        let mut joined = String::new();
        let merges = Merges::new(merges.iter().map(|pair| {
            joined.clear();
            joined.push_str(&pair.0);
            joined.push_str(&pair.1);
            Ok((known(&pair.0)?, known(&pair.1)?, known(&joined)?))
        }))?;

        let mut byte_ids = [NONE; 256];
        for (c, id) in byte_characters().into_iter().zip(&mut byte_ids) {
            *id = id_of(c.encode_utf8(&mut [0; 4])).unwrap_or(NONE);
        }
        let mut bytes_of = Vec::new();
        let mut wholes = HashMap::new();
        for (name, id) in vocab.iter().filter(|_| ignore_merges) {
            if spelled(name, &mut bytes_of) {
                wholes.insert(bytes_of.as_slice().into(), *id);
            }
        }

        // An added token's content stands for its id, whatever the vocabulary calls it.
        let mut by_id: Vec<(u32, &str, bool)> = vocab.iter().map(|(name, id)| (*id, name.as_ref(), false)).collect();
        by_id.extend(added.iter().map(|(t, _)| (t.id, t.content.as_str(), t.special)));
        by_id.sort_by_key(|&(id, _, _)| id);
        let size = by_id.last().map_or(0, |&(id, _, _)| id + 1);
        let (mut names, mut bytes) = (Table::default(), Table::default());
        let mut entries = by_id.iter().peekable();
        for id in 0..size {
            let mut last = None;
            while let Some(entry) = entries.next_if(|e| e.0 == id) {
                last = Some(*entry);
            }
            let (_, name, special) = last.unwrap_or_default();
            names.push(name.as_bytes());
            // What is not spelled in byte characters stands for itself.
            bytes.push(match spelled(name, &mut bytes_of) {
                _ if special => &[],
                true => &bytes_of,
                false => name.as_bytes(),
            });
        }
        let by_name = Index::new(names.len(), &|id| names.get(id));

        let composed = |wanted: bool| -> Vec<Added> {
            let chosen = added.iter().filter(|(_, composed)| *composed == wanted);
            let form = |text: &str| if compose && wanted { text.nfc().collect() } else { text.to_owned() };
            chosen.map(|(token, _)| Added { content: form(&token.content), ..token.clone() }).collect()
        };
        let added = [AddedSet::new(composed(false)), AddedSet::new(composed(true))];
        Ok(Self { json: None, splitter, compose, merges, byte_ids, wholes, added, names, bytes, by_name })
    }

    fn composed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.compose && is_nfc_quick(text.chars()) != IsNormalized::Yes {
            Cow::Owned(text.nfc().collect())
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The ids of one piece, into `word`.
    fn encode_piece(&self, piece: &[u8], word: &mut Vec<u32>, scratch: &mut Scratch) {
        word.clear();
        if let Some(&id) = self.wholes.get(piece) {
            word.push(id);
            return;
        }
        word.extend(piece.iter().map(|&byte| self.byte_ids[usize::from(byte)]).filter(|&id| id != NONE));
        self.merges.apply(word, scratch);
    }
}

/// Byte strings by number, in one allocation.
#[derive(Debug, Default)]
struct Table {
    all: Vec<u8>,
    ends: Vec<u32>,
}

impl Table {
    fn push(&mut self, bytes: &[u8]) {
        self.all.extend_from_slice(bytes);
        self.ends.push(self.all.len() as u32);
    }

    /// Empty for numbers that are not there.
    fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let Some(&end) = self.ends.get(number) else { return &[] };
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start as usize..end as usize]
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
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

/// The byte that each character of [`byte_characters`] stands for, by the character's number.
fn byte_values() -> [Option<u8>; 0x144] {
    let mut out = [None; 0x144];
    for (c, byte) in byte_characters().into_iter().zip(0..=255) {
        if let Some(slot) = out.get_mut(c as usize) {
            *slot = Some(byte);
        }
    }
    out
}
