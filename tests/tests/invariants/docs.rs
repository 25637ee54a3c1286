//! The documents speak of what exists: commands, links, the tree, the crates, the recipes.

use super::{assert_none, read, sources};
use crate::root;
use std::path::{Path, PathBuf};

#[test]
fn the_readme_names_both_commands() {
    let readme = read(Path::new("README.md"));
    for command in ["make play", "make test"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
}

#[test]
fn every_relative_link_resolves() {
    let pages = sources(".", &["md"]);
    assert!(pages.len() >= 4, "the walk found only {} pages", pages.len());
    let exists = |path: &Path| root().join(path).exists();
    let complaints: Vec<String> = pages.iter().flat_map(|page| dead_links(page, &read(page), exists)).collect();
    assert_none(&complaints);
}

#[test]
fn every_path_in_the_readme_tree_exists_and_every_crate_is_in_it() {
    let readme = read(Path::new("README.md"));
    let listed = tree_paths(&readme);
    assert!(listed.len() > 10, "the tree in README.md has only {} lines", listed.len());
    let gone: Vec<String> = listed
        .iter()
        .filter(|path| !root().join(path).exists())
        .map(|path| format!("README.md lists {}, which does not exist", path.display()))
        .collect();
    assert_none(&gone);

    let architecture = read(Path::new("ARCHITECTURE.md"));
    for manifest in sources("crates", &["toml"]) {
        let folder = manifest.parent().expect("a manifest lies in its crate");
        assert!(listed.contains(&folder.to_path_buf()), "README.md's tree lacks {}", folder.display());
        let heading = format!("`{}`", folder.display());
        assert!(architecture.contains(&heading), "ARCHITECTURE.md has no entry for {heading}");
    }
}

#[test]
fn every_recipe_is_one() {
    let recipes = sources("recipes", &["toml"]);
    let complaints: Vec<String> = recipes
        .iter()
        .filter_map(|path| {
            // The constitution is held by the test beside its reader, in crates/train/src/constitution.rs.
            if path.ends_with("constitution.toml") {
                return None;
            }
            if path.starts_with("recipes/experiments") || path.starts_with("./recipes/experiments") {
                let parsed = toml::from_str::<clicker_wire::Experiment>(&read(path));
                return parsed.err().map(|error| format!("{}: {error}", path.display()));
            }
            let parsed = toml::from_str::<clicker_wire::Recipe>(&read(path));
            parsed.err().map(|error| format!("{}: {error}", path.display()))
        })
        .collect();
    assert_none(&complaints);
}

#[test]
fn breaches_are_seen() {
    let page = Path::new("docs/guide/a.md");
    let exists = |path: &Path| path == Path::new("docs/guide/../b.md") || path == Path::new("docs/guide/c d.md");
    let text =
        "[b](../b.md#part) [c](c%20d.md) [web](https://x.y) [here](#top) [gone](gone.md)\n```\n[code](no.md)\n```\n";
    assert_eq!(dead_links(page, text, exists), ["docs/guide/a.md links to gone.md, which does not exist"]);

    let readme = "text\n<!-- tree -->\n```\nCargo.toml      what is built\ncrates/\n  wire/         words\n    src/        code\n  rl/           math\n```\nafter/\n";
    let expected = ["Cargo.toml", "crates", "crates/wire", "crates/wire/src", "crates/rl"].map(PathBuf::from);
    assert_eq!(tree_paths(readme), expected);
    assert!(
        toml::from_str::<clicker_wire::Recipe>("name = \"x\"\nalgorithm = \"grpo\"\nsteps = 1\nstepz = 2\n").is_err()
    );
}

/// Targets of `[text](target)` outside code blocks that are neither addresses nor parts of the same page.
fn dead_links(page: &Path, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut dead = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for after in line.split("](").skip(1) {
            let target = after.split([')', '#', ' ']).next().unwrap_or_default();
            let local = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            let path = page.parent().unwrap_or(Path::new("")).join(target.replace("%20", " "));
            if local && !exists(&path) {
                dead.push(format!("{} links to {target}, which does not exist", page.display()));
            }
        }
    }
    dead
}

/// The paths of the code block after `<!-- tree -->`: one a line, two spaces of indentation a level.
fn tree_paths(readme: &str) -> Vec<PathBuf> {
    let block = readme.split("<!-- tree -->").nth(1).and_then(|rest| rest.split("```").nth(1)).unwrap_or_default();
    let mut parents: Vec<PathBuf> = Vec::new();
    let mut out = Vec::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let level = (line.len() - line.trim_start().len()) / 2;
        let name = line.split_whitespace().next().unwrap_or_default().trim_end_matches('/');
        parents.truncate(level);
        let path = parents.iter().collect::<PathBuf>().join(name);
        out.push(path);
        parents.push(PathBuf::from(name));
    }
    out
}
