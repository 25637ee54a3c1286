//! Training a vocabulary, by the `tokenizers` crate. Not part of the browser's build, which only reads vocabularies.

use super::Tokenizer;
use crate::{LmError, Result};

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
