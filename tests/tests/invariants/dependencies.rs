//! Which crate may import which: the table of ARCHITECTURE.md, held against the real edges.

use super::assert_none;
use crate::root;
use serde::Deserialize;

/// A package, the workspace packages it may depend on, and what it must never know.
/// A new edge is the rarest kind of change: it alters this table and ARCHITECTURE.md together.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    ("clicker-wire", &[], &["candle-core", "candle-nn", "sqlx", "leptos", "axum", "tokio"]),
    ("clicker-dataset", &["clicker-wire"], PURE_AND_TENSORLESS),
    ("clicker-rewards", &["clicker-wire"], PURE_AND_TENSORLESS),
    ("clicker-kernels", &[], PURE_AND_TENSORLESS),
    ("clicker-lm", &["clicker-wire", "clicker-kernels"], &["sqlx", "leptos", "axum", "http", "tokio", "object_store"]),
    ("clicker-rl", &[], &["tokenizers", "safetensors", "toml", "sqlx", "leptos", "axum", "tokio", "rand"]),
    (
        "clicker-train",
        &["clicker-wire", "clicker-dataset", "clicker-lm", "clicker-rewards", "clicker-rl"],
        &["sqlx", "leptos", "axum", "http", "tokio", "object_store"],
    ),
    ("clicker-store", &["clicker-wire"], &["candle-core", "candle-nn", "leptos", "axum", "http"]),
    (
        "clicker-service",
        &["clicker-wire", "clicker-dataset", "clicker-lm", "clicker-rewards", "clicker-store", "clicker-train"],
        &["leptos", "leptos_axum", "axum", "sqlx"],
    ),
    (
        "clicker-app",
        &["clicker-wire", "clicker-dataset", "clicker-rewards", "clicker-service"],
        &["candle-core", "candle-nn", "sqlx", "object_store", "axum"],
    ),
    ("clicker-frontend", &["clicker-app"], &["tokio", "axum", "sqlx", "candle-core", "leptos_axum"]),
    ("clicker-lab", &["clicker-app"], &["tokio", "axum", "sqlx", "candle-core", "leptos", "leptos_axum"]),
    (
        "clicker-worker",
        &["clicker-wire", "clicker-lm", "clicker-rewards", "clicker-rl"],
        &["tokio", "axum", "sqlx", "leptos"],
    ),
    ("clicker-gpu", &["clicker-lm"], &["tokio", "axum", "sqlx", "leptos", "http"]),
    (
        "clicker-server",
        &["clicker-wire", "clicker-app", "clicker-service", "clicker-store"],
        &["candle-core", "candle-nn", "sqlx"],
    ),
    ("xtask", &[], &[]),
];

const PURE_AND_TENSORLESS: &[&str] =
    &["candle-core", "candle-nn", "tokenizers", "sqlx", "leptos", "axum", "http", "tokio", "object_store"];

/// Packages that test others may depend on any of them.
const TESTERS: &[&str] = &["clicker-tests"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
    optional: bool,
}

fn complaints(metadata: &Metadata) -> Vec<String> {
    let mut out = Vec::new();
    for package in metadata.packages.iter().filter(|package| !TESTERS.contains(&package.name.as_str())) {
        let Some((name, allowed, banned)) = TABLE.iter().find(|(name, ..)| *name == package.name) else {
            out.push(format!("{} stands in no row of the dependency table: add one", package.name));
            continue;
        };
        let ours = |dependency: &str| TABLE.iter().any(|(name, ..)| *name == dependency);
        for dependency in package.dependencies.iter().filter(|edge| edge.kind.as_deref() != Some("dev")) {
            let imported = dependency.name.as_str();
            if ours(imported) && !allowed.contains(&imported) {
                out.push(format!("{name} may not import {imported}"));
            }
            if banned.contains(&imported) {
                out.push(format!("{name} must never know {imported}"));
            }
            if (*name, imported) == ("clicker-app", "clicker-service") && !dependency.optional {
                out.push("clicker-app may import clicker-service under its `ssr` feature only".to_owned());
            }
        }
    }
    out
}

#[test]
fn the_tree_obeys_the_table() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    assert_none(&complaints(&metadata));
    for (name, ..) in TABLE {
        assert!(metadata.packages.iter().any(|package| package.name == *name), "{name} is gone: remove its row");
    }
}

#[test]
fn a_breach_is_seen() {
    let package = |name: &str, imported: &str, kind: Option<&str>| Package {
        name: name.to_owned(),
        dependencies: vec![Dependency { name: imported.to_owned(), kind: kind.map(str::to_owned), optional: false }],
    };
    let seen = |package| complaints(&Metadata { packages: vec![package] });
    assert_eq!(seen(package("clicker-wire", "serde", None)), [""; 0]);
    assert_eq!(seen(package("clicker-rewards", "clicker-dataset", Some("dev"))), [""; 0]);
    assert_eq!(
        seen(package("clicker-rewards", "clicker-dataset", None)),
        ["clicker-rewards may not import clicker-dataset"]
    );
    assert_eq!(seen(package("clicker-rl", "tokio", None)), ["clicker-rl must never know tokio"]);
    assert_eq!(seen(package("clicker-app", "clicker-service", None)).len(), 1);
    assert_eq!(seen(package("clicker-new", "serde", None)).len(), 1);
}
