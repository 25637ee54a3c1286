//! Brotli and gzip at their strongest, remembered by content: the same bytes are never compressed twice.

use crate::workspace;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// The two encodings every browser understands.
#[derive(Clone, Copy)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The file name's ending, as static file servers expect it.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// SHA-256 of the parts, each preceded by its length, in hex.
pub(crate) fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex::encode(hasher.finalize())
}

/// Whether a file of this name shrinks when compressed. Model files and fonts do not.
pub(crate) fn worth_it(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["wasm", "js", "css", "svg", "json", "webmanifest", "txt", "html"].contains(&extension)
}

/// The compressed bytes, from the cache when these bytes were seen before.
pub(crate) fn encode(bytes: &[u8], encoding: Encoding) -> Result<Vec<u8>> {
    let cache = workspace::root().join("target/site-cache/compressed");
    let kept = cache.join(format!("{}.{}", hash(&[bytes]), encoding.extension()));
    if let Ok(compressed) = std::fs::read(&kept) {
        return Ok(compressed);
    }
    let compressed = match encoding {
        Encoding::Brotli => brotli(bytes)?,
        Encoding::Gzip => gzip(bytes)?,
    };
    std::fs::create_dir_all(&cache)?;
    // Written beside and renamed: a build cut short leaves no half file under a name that promises a whole one.
    let draft = kept.with_extension("draft");
    std::fs::write(&draft, &compressed).with_context(|| format!("writing {}", draft.display()))?;
    std::fs::rename(&draft, &kept)?;
    Ok(compressed)
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    // Quality 11, window 2^24: the largest that every decoder must accept.
    let mut writer = brotli::CompressorWriter::new(&mut out, 64 * 1024, 11, 24);
    writer.write_all(bytes)?;
    writer.flush()?;
    drop(writer);
    Ok(out)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn both_encodings_give_the_bytes_back() {
        let bytes = b"a prompt, a rollout, a reward, ".repeat(100);
        let mut unbrotlied = Vec::new();
        let packed = brotli(&bytes).unwrap();
        brotli::Decompressor::new(packed.as_slice(), 4096).read_to_end(&mut unbrotlied).unwrap();
        assert_eq!(unbrotlied, bytes);

        let mut ungzipped = Vec::new();
        let packed = gzip(&bytes).unwrap();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut ungzipped).unwrap();
        assert_eq!(ungzipped, bytes);
        assert!(packed.len() < bytes.len() / 4);
    }

    #[test]
    fn the_hash_keeps_parts_apart() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }
}
