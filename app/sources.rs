//! What the page in the browser and the server must be built from alike, as one number: the server draws a page, the browser takes up that
//! very page, and stops with a panic where the two are of different views. Included by the server's build script and by xtask; knows
//! neither.

use std::io;
use std::path::Path;

/// Sources of views, and of what goes between the two.
pub(crate) const FOLDERS: [&str; 3] = ["app/src", "crates/wire/src", "frontend/src"];

/// The packages that draw and take up pages, by the beginning of their names.
const DRAWING: [&str; 6] = ["leptos", "tachys", "reactive_", "hydration_context", "server_fn", "either_of"];

/// The hash of those files below the repository's root, their names with them, and of the versions of the packages: 16 hexadecimal digits.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn hash(root: &Path) -> io::Result<String> {
    // FNV-1a: a build script that needs no package. Nobody is to be kept from making two trees of the same number.
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for folder in FOLDERS {
        walk(&root.join(folder), folder, &mut add)?;
    }
    let lock = std::fs::read_to_string(root.join("Cargo.lock"))?;
    for package in lock.split("[[package]]") {
        let field = |name: &str| package.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let name = field("name = \"");
        if DRAWING.iter().any(|drawing| name.starts_with(drawing)) {
            add(name.as_bytes());
            add(field("version = ").as_bytes());
        }
    }
    Ok(format!("{sum:016x}"))
}

fn walk(folder: &Path, name: &str, add: &mut impl FnMut(&[u8])) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &name, add)?;
        } else {
            add(name.as_bytes());
            add(&std::fs::read(entry.path())?);
        }
    }
    Ok(())
}
