//! The crates that run in the browser as well hold no clock, thread, file, socket, async runtime or global randomness:
//! time, bytes and seeds are arguments. That is what makes a run replayable.

use super::{assert_none, read, sources};
use std::path::Path;

const PURE: &[&str] = &[
    "crates/wire/src",
    "crates/dataset/src",
    "crates/kernels/src",
    "crates/lm/src",
    "crates/rewards/src",
    "crates/rl/src",
];

/// Modules of std that reach outside the process, or differ from run to run.
const MODULES: &[&str] = &["time", "thread", "fs", "net", "env", "process"];

/// The same by other names.
const WORDS: &[&str] =
    &["tokio", "Instant::now", "SystemTime", "thread_rng", "rand::rng(", "from_os_rng", "from_entropy"];

fn complaints(path: &Path, text: &str) -> Vec<String> {
    let complain = |number: usize, what: &str| format!("{}:{}: {what} in a pure crate", path.display(), number + 1);
    let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
    let mut out = Vec::new();
    for (number, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for module in MODULES {
            if mentions(line, &format!("std::{module}")) || imports_in_braces(line, module) {
                out.push(complain(number, &format!("std::{module}")));
            }
        }
        out.extend(WORDS.iter().filter(|word| mentions(line, word)).map(|word| complain(number, word)));
    }
    out
}

/// Whether the line holds the word, not merely a longer one that begins or ends with it.
fn mentions(line: &str, word: &str) -> bool {
    let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(part_of_a_name) && (word.ends_with('(') || !after.is_some_and(part_of_a_name))
    })
}

/// `use std::{fs, io::Read};`
fn imports_in_braces(line: &str, module: &str) -> bool {
    let list = line.trim().strip_prefix("use std::{");
    list.is_some_and(|list| {
        list.split([',', '{', '}']).any(|item| mentions(item.trim().split("::").next().unwrap_or(""), module))
    })
}

/// Tests beside the code may read files: a module file named tests.rs or testing.rs, or a tests folder.
fn is_a_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.ends_with("tests.rs")
        || path.ends_with("testing.rs")
}

#[test]
fn the_tree_obeys() {
    let mut all = Vec::new();
    for folder in PURE {
        let files = sources(folder, &["rs"]);
        assert!(!files.is_empty(), "{folder} holds no code");
        all.extend(files.iter().filter(|path| !is_a_test(path)).flat_map(|path| complaints(path, &read(path))));
    }
    assert_none(&all);
}

#[test]
fn a_breach_is_seen() {
    let seen = |line: &str| complaints(Path::new("x.rs"), line).len();
    for line in [
        "use std::fs;",
        "let t = std::time::Instant::now();",
        "use std::{fs::File, io};",
        "    tokio::spawn(x);",
        "let r = rand::rng();",
        "use std::{io, net::TcpStream};",
    ] {
        assert!(seen(line) > 0, "{line}");
    }
    for line in [
        "// std::fs is not for us",
        "use std::{fmt, io};",
        "let tokiometer = 1;",
        "std::thread_local!();",
        "std::timely();",
    ] {
        assert_eq!(seen(line), 0, "{line}");
    }
    assert_eq!(seen("#[cfg(test)]\nmod tests { use std::fs; }"), 0);
}
