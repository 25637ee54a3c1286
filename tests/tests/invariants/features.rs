//! One build of every dependency: what a package is compiled with must not depend on whether tests are built beside it.
//!
//! `make test` builds the tests, then the server. A feature that only a dev-dependency asks for gives the server a dependency of its
//! own, and everything above that one is compiled twice.

use super::assert_none;
use crate::root;
use std::collections::BTreeMap;

/// Packages of the native build with their features, by name and version.
fn features(edges: &str) -> BTreeMap<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .current_dir(root())
        .args(["tree", "--offline", "--workspace", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges])
        .args(["--exclude", "clicker-frontend", "--exclude", "clicker-lab", "--exclude", "clicker-worker"])
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo tree prints text");
    let rows = text.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|'));
    rows.map(|(package, features)| (package.to_owned(), features.to_owned())).collect()
}

#[test]
fn tests_ask_for_no_features_that_the_server_lacks() {
    let (plain, tested) = (features("normal,build"), features("normal,build,dev"));
    let differ = plain.iter().filter_map(|(package, with)| {
        let beside_tests = tested.get(package).filter(|features| *features != with)?;
        Some(format!(
            "{package} has the features {with:?}, beside tests {beside_tests:?}: ask for them in server/Cargo.toml"
        ))
    });
    assert_none(&differ.collect::<Vec<String>>());
}
