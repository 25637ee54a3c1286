//! Files stay small and say what they are.

use super::{assert_none, read, sources};
use std::path::Path;

/// Above this a file holds more than one concept.
const MOST_LINES: usize = 600;

fn complaints(path: &Path, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES && !is_made_by_a_program(path) {
        out.push(format!("{} has {lines} lines, at most {MOST_LINES} are allowed: split it", path.display()));
    }
    if path.extension().is_some_and(|extension| extension == "rs") && !text.starts_with("//! ") {
        out.push(format!("{} does not open with a `//!` line that says what it is", path.display()));
    }
    out
}

/// Golden files and generated code are nobody's prose.
fn is_made_by_a_program(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "golden" || part.as_os_str() == "generated")
}

#[test]
fn the_tree_obeys() {
    let files = sources(".", &["rs", "js", "mjs", "css", "sql", "sh", "py"]);
    assert!(files.len() > 20, "the walk found only {} files", files.len());
    let complaints: Vec<String> = files.iter().flat_map(|path| complaints(path, &read(path))).collect();
    assert_none(&complaints);
}

#[test]
fn a_breach_is_seen() {
    let long = format!("//! Doc.\n{}", "x\n".repeat(MOST_LINES));
    assert_eq!(complaints(Path::new("a/b.rs"), &long).len(), 1);
    assert_eq!(complaints(Path::new("a/golden/b.rs"), &long).len(), 0);
    assert_eq!(complaints(Path::new("a/b.css"), &long).len(), 1);
    assert_eq!(complaints(Path::new("a/b.rs"), "fn f() {}\n").len(), 1);
    assert_eq!(complaints(Path::new("a/b.rs"), "//! What it is.\nfn f() {}\n").len(), 0);
}
