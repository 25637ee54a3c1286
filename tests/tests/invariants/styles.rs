//! A class has its looks in one file of style/. Two components that both name a part `bars` would otherwise dress each other
//! wherever they meet, and only a person looking at that page would see it.

use super::{assert_none, read, sources};
use std::collections::BTreeMap;

#[test]
fn a_class_is_dressed_in_one_file() {
    let files: Vec<(String, String)> =
        sources("style", &["css"]).iter().map(|path| (path.display().to_string(), read(path))).collect();
    assert!(files.len() > 5, "the styles are found: {}", files.len());
    assert_none(&shared(&files));
}

#[test]
fn a_breach_is_seen() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let own = file("a.css", ".bars {\n  gap: 1px;\n}\n@media print {\n  .spread {\n  }\n}\n");
    let other = file("b.css", ".spread {\n}\n.x .bars {\n}\n");
    assert_eq!(shared(&[own.clone(), other]), Vec::<String>::new());
    let clash = shared(&[own, file("c.css", ".chart,\n.bars {\n  width: 6rem;\n}\n")]);
    assert_eq!(clash, [".bars is dressed in a.css and c.css: give one of the two another name"]);
}

/// Rules for a single class outside any `@media` that stand in more than one file.
fn shared(files: &[(String, String)]) -> Vec<String> {
    let mut homes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, text) in files {
        // Inside a block lines are indented; a selector of the top level is not.
        let selectors = text.lines().filter_map(|line| line.strip_suffix(" {").or_else(|| line.strip_suffix(',')));
        for class in selectors.filter(|s| s.starts_with('.') && !s.contains([' ', ':', '>'])) {
            let known = homes.entry(class).or_default();
            if !known.contains(&file.as_str()) {
                known.push(file);
            }
        }
    }
    let twice = homes.into_iter().filter(|(_, files)| files.len() > 1);
    twice
        .map(|(class, files)| {
            format!("{class} is dressed in {}: give one of the two another name", files.join(" and "))
        })
        .collect()
}
