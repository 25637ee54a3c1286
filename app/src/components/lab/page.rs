//! The page as the server draws it: every part in its place, and what the browser's half needs to go on.

use super::{Lab, Start, bar, figures, form, rows, versions};
use crate::state::lab::markup::Markup;

/// The lab as markup.
pub(crate) fn page(start: Start) -> String {
    let data = serde_json::to_string(&start).unwrap_or_default();
    let lab = Lab::new(start);
    let mut m = Markup::new();
    m.raw("<div class=\"panel lab-bar\" id=\"lab-bar\">");
    m.drawn(&bar::draw(&lab));
    m.raw(
        "</div><div class=\"lab-editor\"><section class=\"panel lab-form-panel\" aria-label=\"The reward as a form\"><div \
         id=\"lab-form\" data-testid=\"lab-form\">",
    );
    m.drawn(&form::draw(&lab));
    m.raw(
        "</div></section><section class=\"panel lab-json-panel\" aria-label=\"The reward as JSON\"><textarea id=\"lab-json\" \
         class=\"lab-mono\" data-do=\"json\" data-testid=\"lab-json\" aria-label=\"The reward as JSON\" \
         aria-describedby=\"lab-complaint\" spellcheck=\"false\" autocomplete=\"off\" wrap=\"off\">",
    );
    m.text(lab.document.text());
    m.raw("</textarea><div id=\"lab-complaint\" data-testid=\"lab-complaint\">");
    m.drawn(&bar::complaint(&lab));
    m.raw(
        "</div></section></div><div class=\"lab-results\"><section class=\"panel lab-samples\" \
         aria-labelledby=\"lab-samples-title\"><h2 id=\"lab-samples-title\">Answers and their receipts</h2>",
    );
    sources(&mut m, &lab);
    m.raw("<div class=\"lab-rows-head\" id=\"lab-head\">");
    m.drawn(&rows::head(&lab));
    m.raw("</div><ol class=\"lab-rows\" id=\"lab-rows\">");
    m.drawn(&rows::rows(&lab));
    m.raw(
        "</ol></section><div class=\"lab-aside\"><section class=\"panel\" aria-labelledby=\"lab-figures-title\"><h2 \
         id=\"lab-figures-title\">What it does to them</h2><div class=\"lab-figures\" id=\"lab-figures\" \
         data-testid=\"lab-figures\">",
    );
    m.drawn(&figures::draw(&lab));
    m.raw(
        "</div></section><section class=\"panel\" aria-labelledby=\"lab-attack-title\"><div class=\"panel-head\"><h2 \
         id=\"lab-attack-title\">Attack it</h2><button class=\"button\" type=\"button\" id=\"attack\" data-testid=\"lab-attack\" \
         data-do=\"attack\">Attack</button></div><p class=\"hint\">Tries cheap tricks on questions of the world and says which of \
         them this reward would pay for, before a model finds out.</p><div id=\"lab-attack-old\"></div><div id=\"lab-attack\" \
         data-testid=\"lab-attacked\"></div></section><section class=\"panel\" aria-labelledby=\"lab-versions-title\"><h2 \
         id=\"lab-versions-title\">Versions</h2><div class=\"row\"><label class=\"field grow\"><span>Name</span><input \
         type=\"text\" id=\"keep-name\" data-testid=\"keep-name\" maxlength=\"80\" autocomplete=\"off\"/></label><label \
         class=\"field grow\"><span>What is new (optional)</span><input type=\"text\" id=\"keep-note\" maxlength=\"400\" \
         autocomplete=\"off\"/></label><button class=\"button\" type=\"button\" id=\"keep\" data-testid=\"keep\" \
         data-do=\"keep\">Keep</button></div><div id=\"lab-versions\">",
    );
    m.drawn(&versions::draw(&lab));
    m.raw("</div><div id=\"lab-diff\" data-testid=\"lab-diff\"></div></section></div></div>");
    m.raw("<script type=\"application/json\" id=\"lab-start\">");
    // Inside of a script only the sign that could end it needs care, and JSON has another spelling for it.
    m.drawn(&data.replace('<', "\\u003c"));
    m.raw("</script>");
    m.done()
}

/// Where answers come from.
fn sources(m: &mut Markup, lab: &Lab) {
    m.raw(
        "<div class=\"lab-sources\"><div class=\"lab-buttons\"><button class=\"button\" type=\"button\" id=\"examples\" \
         data-testid=\"lab-examples\" data-do=\"examples\">Examples</button><button class=\"button\" type=\"button\" id=\"draw\" \
         data-testid=\"lab-draw\" data-do=\"draw\">Draw 64 from the model</button><label class=\"button lab-file\">Open \
         JSONL<input type=\"file\" class=\"sr-only\" id=\"lab-file\" data-testid=\"lab-file\" data-do=\"file\" \
         accept=\".jsonl,.json,.txt\"/></label></div><details class=\"lab-paste\"><summary>Paste answers to a \
         question</summary><label class=\"field\"><span>Question</span><select id=\"paste-item\">",
    );
    for (index, item) in lab.questions.iter().enumerate() {
        m.put("<option value=\"{}\">{}</option>", &[&index.to_string(), item.question()]);
    }
    m.raw(
        "</select></label><label class=\"field\"><span>One answer a line, or lines of JSONL with their own questions; at most 64</span><textarea id=\"paste-text\" \
         data-testid=\"paste-text\" rows=\"4\"></textarea></label><button class=\"button\" type=\"button\" id=\"paste\" \
         data-testid=\"paste\" data-do=\"paste\">Use these answers</button></details></div>",
    );
}
