//! Gives the server the hash of the sources that its pages come from, to hold against that of the built page (`src/site.rs`).

#[path = "../app/sources.rs"]
mod sources;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for watched in sources::FOLDERS.into_iter().chain(["Cargo.lock", "app/sources.rs"]) {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    println!("cargo::rustc-env=CLICKER_PAGE_SOURCES={}", sources::hash(&root)?);
    Ok(())
}
