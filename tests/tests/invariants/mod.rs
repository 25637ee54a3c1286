//! What design and style promise about the whole tree. Each rule is a function from what it found to a list of
//! complaints, so that beside every "the tree obeys" stands an "a breach is seen".

mod dependencies;
mod docs;
mod features;
mod files;
mod purity;
mod styles;

use crate::root;
use std::path::{Path, PathBuf};

/// Every file below the folder (relative to the root, `.` for all) with one of the extensions, as paths relative to the
/// root, sorted. Build outputs, packages of others, data and hidden folders are not ours and not listed.
fn sources(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root().join(folder), extensions, &mut found);
    found.sort();
    let root = root();
    found.into_iter().map(|path| path.strip_prefix(&root).map(Path::to_path_buf).unwrap_or(path)).collect()
}

fn walk(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "data", "test-results"].contains(&&*name) {
                walk(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|end| extensions.iter().any(|extension| end == *extension)) {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// Fails with all complaints, one a line.
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
