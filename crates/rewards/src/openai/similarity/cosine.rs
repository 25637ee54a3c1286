//! Cosine of two hashed character n-gram vectors. It measures spelling, not meaning: a stand-in that is the same
//! everywhere and needs no model, where OpenAI asks an embedding model.
//!
//! The embedding of a text: lower-case it, make every stretch of white space one space, put one space before and after;
//! take every run of 2, 3 and 4 characters; each counts in dimension `FNV-1a-64(its UTF-8 bytes) mod 65536`; the value of a
//! dimension is the square root of its count, so that repeating a word does not drown the rest. Then
//! `cosine = u.v / (|u| |v|)`, in 0..1 because no value is negative. Two texts without characters score 1, one 0.

use super::tokens::words;
use std::collections::BTreeMap;

/// Dimensions of the embedding.
const DIMENSIONS: u64 = 1 << 16;

/// Cosine of the embeddings of two texts.
pub(super) fn cosine(a: &str, b: &str) -> f64 {
    let (a, b) = (embed(a), embed(b));
    if a == b {
        return 1.0;
    }
    let norm = |v: &BTreeMap<u64, f64>| v.values().sum::<f64>();
    // Values are counts here, entries of the vector their roots: an entry squared is the count itself.
    let dot: f64 = a.iter().filter_map(|(dimension, x)| Some((x * b.get(dimension)?).sqrt())).sum();
    match norm(&a) * norm(&b) {
        0.0 => 0.0,
        squared => (dot / squared.sqrt()).min(1.0),
    }
}

/// Count per dimension.
fn embed(text: &str) -> BTreeMap<u64, f64> {
    let lower = text.to_lowercase();
    let joined = words(&lower).collect::<Vec<_>>().join(" ");
    let mut counts = BTreeMap::new();
    if joined.is_empty() {
        return counts;
    }
    let padded = format!(" {joined} ");
    let starts: Vec<usize> = padded.char_indices().map(|(at, _)| at).chain([padded.len()]).collect();
    for n in 2..=4 {
        for run in starts.windows(n + 1) {
            *counts.entry(fnv(&padded.as_bytes()[run[0]..run[n]]) % DIMENSIONS).or_insert(0.0) += 1.0;
        }
    }
    counts
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
