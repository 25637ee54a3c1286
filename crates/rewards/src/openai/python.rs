//! What stands in for a Python grader. No Python is run here; this looks at the source only to say what would do the same.

use super::Grader;
use super::parts::named;

/// Words of a source and the grader that does what they usually do. The first that occurs is named first.
const EQUIVALENTS: [(&str, &str); 10] = [
    ("fuzz.", "text_similarity with fuzzy_match"),
    ("rouge", "text_similarity with rouge_1 to rouge_5 or rouge_l"),
    ("bleu", "text_similarity with bleu or gleu"),
    ("meteor", "text_similarity with meteor"),
    ("cosine", "text_similarity with cosine"),
    (".lower() in ", "string_check with ilike"),
    (" in sample", "string_check with like"),
    ("==", "string_check with eq"),
    ("float(", "Clicker's own numeric grader"),
    ("len(", "Clicker's own length grader"),
];

/// A sentence for the receipt: that it is not run, and which graders to write instead.
pub(super) fn not_run(source: &str) -> String {
    let mut found: Vec<&str> = EQUIVALENTS.iter().filter(|(word, _)| source.contains(word)).map(|row| row.1).collect();
    found.truncate(3);
    let instead = match found.is_empty() {
        true => {
            "string_check, text_similarity or a multi of them, or one of Clicker's own graders (exact, normalised, \
                 numeric, truthful, format, length)"
                .to_string()
        }
        false => format!("{}; several are combined by a multi", found.join(", or ")),
    };
    format!(
        "Clicker runs no Python: what a grader may do must be the same in the browser and in training. Use {instead}"
    )
}

/// For a grader that is Python, or has a part that is: the same sentence.
#[must_use]
pub fn python_instead(grader: &Grader) -> Option<String> {
    match grader {
        Grader::Python(python) => Some(not_run(&python.source)),
        Grader::Multi(multi) => named(&multi.graders).into_iter().find_map(|(_, part)| match part {
            Grader::Python(python) => Some(not_run(&python.source)),
            _ => None,
        }),
        _ => None,
    }
}
