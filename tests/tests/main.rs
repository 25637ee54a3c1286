//! The workspace's one test binary. A crate's own behaviour is tested in the crate; here stands what concerns several.

mod invariants;
mod setup;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests package lies one folder below the root").to_path_buf()
}
