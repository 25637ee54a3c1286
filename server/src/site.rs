//! Whether the built page is of this server's sources. If it is not, pages go out without their scripts and say why: a script of other
//! views would stop with a panic that names nothing.

use std::path::Path;

/// The hash of the sources that this server's pages come from, see `app/sources.rs`.
const SOURCES: &str = env!("CLICKER_PAGE_SOURCES");

/// Where xtask writes the hash of the sources that it has built the page from.
const FILE: &str = "build.txt";

/// What is wrong with the page in this folder, in a sentence; nothing if it fits, or if it does not say what it was built from (cargo-leptos
/// does not write that).
pub(crate) fn misfit(root: &Path) -> Option<String> {
    // Whoever watches rebuilds both, and xtask's file stays as it was.
    if std::env::var_os("LEPTOS_WATCH").is_some() {
        return None;
    }
    let found = std::fs::read_to_string(root.join(FILE)).ok()?;
    let found = found.trim();
    (found != SOURCES).then(|| {
        format!(
            "the page in {} was built from other sources ({found}) than this server ({SOURCES}), so it is shown without its scripts; \
             build both with `make play`, or the page with `cargo xtask build` and the server with `cargo build`",
            root.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_other_sources_is_named_with_both() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(misfit(dir.path()), None);
        std::fs::write(dir.path().join(FILE), format!("{SOURCES}\n")).unwrap();
        assert_eq!(misfit(dir.path()), None);
        std::fs::write(dir.path().join(FILE), "0123456789abcdef").unwrap();
        let said = misfit(dir.path()).unwrap();
        assert!(said.contains("0123456789abcdef") && said.contains(SOURCES) && said.contains("make play"), "{said}");
    }
}
