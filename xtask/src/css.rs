//! One stylesheet from many: `@import "part.css";` lines are replaced by the file they name, comments and
//! needless space go. No other CSS is understood or changed.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The stylesheet with every import inlined, in order, and minified.
pub(crate) fn bundle(main: &Path) -> Result<String> {
    Ok(minify(&inline(main, &mut Vec::new())?))
}

fn inline(path: &Path, open: &mut Vec<PathBuf>) -> Result<String> {
    if open.iter().any(|ancestor| ancestor == path) {
        bail!("{} imports itself through {}", path.display(), open.last().map_or(path, |last| last).display());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    open.push(path.to_path_buf());
    let mut out = String::new();
    for line in text.lines() {
        match import(line) {
            Some(name) => {
                let part = path.parent().unwrap_or(Path::new(".")).join(name);
                let imported = inline(&part, open).with_context(|| format!("imported by {}", path.display()))?;
                out.push_str(&imported);
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    open.pop();
    Ok(out)
}

/// The local file that `@import "x.css";` or `@import url("x.css");` names.
/// An import with a layer, a condition or a remote address stays as it is.
fn import(line: &str) -> Option<&str> {
    let rest = line.trim().strip_prefix("@import")?.trim().strip_suffix(';')?.trim();
    let quoted = rest.strip_prefix("url(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(rest);
    let name = quoted.trim().strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
    (!name.contains(['"', '\'']) && !name.contains("://")).then_some(name)
}

/// Drops comments and runs of white space outside strings, and the space around `{ } ; ,`.
/// Space around `:`, `+`, `-` and `>` stays: inside selectors and `calc()` it means something.
fn minify(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut chars = css.chars().peekable();
    let mut space = false;
    while let Some(c) = chars.next() {
        if c == '/' && chars.peek() == Some(&'*') {
            chars.next();
            let mut last = ' ';
            for inside in chars.by_ref() {
                if last == '*' && inside == '/' {
                    break;
                }
                last = inside;
            }
            space = true;
        } else if c.is_whitespace() {
            space = true;
        } else {
            let tight = "{};,".contains(c) || out.ends_with(['{', '}', ';', ',']) || out.is_empty();
            if space && !tight {
                out.push(' ');
            }
            space = false;
            if c == '}' && out.ends_with(';') {
                out.pop();
            }
            out.push(c);
            if c == '"' || c == '\'' {
                copy_string(c, &mut chars, &mut out);
            }
        }
    }
    out
}

fn copy_string(quote: char, chars: &mut impl Iterator<Item = char>, out: &mut String) {
    let mut escaped = false;
    for c in chars {
        out.push(c);
        if c == quote && !escaped {
            return;
        }
        escaped = c == '\\' && !escaped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minify_keeps_meaning() {
        let cases = [
            ("a {\n  color : red;\n}\n", "a{color : red}"),
            ("/* note */ .a .b > .c , p { margin: 0 auto; }", ".a .b > .c,p{margin: 0 auto}"),
            (".x { width: calc(100% - 8px); }", ".x{width: calc(100% - 8px)}"),
            (".q::before { content: \"a  /* b */ ;  }\"; }", ".q::before{content: \"a  /* b */ ;  }\"}"),
            (r#"i{content:"\"  x"}"#, r#"i{content:"\"  x"}"#),
            ("@media (width < 40rem) and (hover) { a { b: c } }", "@media (width < 40rem) and (hover){a{b: c}}"),
        ];
        for (given, expected) in cases {
            assert_eq!(minify(given), expected, "from {given:?}");
        }
    }

    #[test]
    fn imports_are_inlined_in_order_and_cycles_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("parts")).unwrap();
        let main = dir.path().join("main.css");
        std::fs::write(&main, "@import \"parts/a.css\";\n@import url('b.css');\nmain{}\n").unwrap();
        std::fs::write(dir.path().join("parts/a.css"), "a{}").unwrap();
        std::fs::write(dir.path().join("b.css"), "b{}").unwrap();
        assert_eq!(bundle(&main).unwrap(), "a{}b{}main{}");

        std::fs::write(dir.path().join("b.css"), "@import \"main.css\";").unwrap();
        assert!(format!("{:#}", bundle(&main).unwrap_err()).contains("imports itself"));
    }

    #[test]
    fn a_missing_part_names_its_importer() {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("main.css");
        std::fs::write(&main, "@import \"gone.css\";").unwrap();
        let error = format!("{:#}", bundle(&main).unwrap_err());
        assert!(error.contains("main.css") && error.contains("gone.css"), "{error}");
    }
}
