//! The form, drawn from the table of shapes. Every field says in `data-at` which part of the document it is and in `data-do`
//! how it is read.

use super::Lab;
use crate::state::lab::markup::Markup;
use crate::state::lab::shape::{Field, GRADER, GRADERS, Kind, Part, REST, Variant};
use crate::state::lab::{text, tree};
use serde_json::Value;

const UP: &str =
    "<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M8 13V3.5M4 7l4-4 4 4\"/></svg>";
const DOWN: &str =
    "<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M8 3v9.5M4 9l4 4 4-4\"/></svg>";
const OUT: &str =
    "<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M4 4l8 8M12 4l-8 8\"/></svg>";

/// The id of the field for a part of the document.
pub(crate) fn id(at: &str) -> String {
    at.replace('/', "-")
}

/// What the server says of a script, for the place under its text; nothing before it has said something.
pub(crate) fn script(lab: &Lab, source: &str) -> Option<String> {
    let mut m = Markup::new();
    match lab.scripts.get(source)? {
        None => m.raw("<p class=\"hint\">It compiles. The server runs it when you attack, compare or train.</p>"),
        Some(said) => m.put("<p class=\"problem\"><span>Expected {}</span></p>", &[said]),
    }
    Some(m.done())
}

/// The whole form.
pub(crate) fn draw(lab: &Lab) -> String {
    let tree = lab.document.tree();
    let names = tree::names(tree);
    let mut m = Markup::new();
    let graders = tree.get("graders").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    m.raw("<ol class=\"lab-graders\">");
    for (index, grader) in graders.iter().enumerate() {
        card(&mut m, index, graders.len(), grader, &names);
    }
    m.raw("</ol>");
    if graders.is_empty() {
        m.raw("<div class=\"empty\"><p class=\"empty-title\">No grader yet</p><p>A reward is a sum of graders: each looks at one thing and says what it saw. Add one, and every answer below gets a receipt.</p></div>");
    }
    m.raw("<div class=\"row lab-add\"><label class=\"field grow\"><span>Another grader</span><select id=\"add-kind\" data-testid=\"add-kind\">");
    for variant in &GRADERS {
        let option = if variant.tag == lab.adding {
            "<option selected value=\"{}\">{}</option>"
        } else {
            "<option value=\"{}\">{}</option>"
        };
        m.put(option, &[variant.tag, variant.label]);
    }
    m.raw("</select></label><button class=\"button\" type=\"button\" id=\"add-grader\" data-testid=\"add-grader\" data-do=\"add-grader\">Add grader</button></div>");
    fields(&mut m, &REST, "", tree, &names);
    m.done()
}

fn card(m: &mut Markup, index: usize, count: usize, grader: &Value, names: &[&str]) {
    let at = format!("/graders/{index}");
    let name = grader.get("name").and_then(Value::as_str).unwrap_or_default();
    m.put(
        "<li class=\"lab-card\" data-testid=\"lab-grader\" aria-label=\"Grader {}\"><div class=\"lab-card-head\">",
        &[name],
    );
    for field in &GRADER {
        let here = grader.get(field.key).unwrap_or(&Value::Null);
        let part = format!("{at}/{}", field.key);
        match &field.kind {
            Kind::OneOf(variants) => pick(m, field, &part, here, variants),
            Kind::Text => input(
                m,
                "<label class=\"field\"><span>{}</span><input type=\"text\" id=\"{}\" data-do=\"name\" data-at=\"{}\" value=\"{}\" maxlength=\"64\" spellcheck=\"false\" autocomplete=\"off\"/></label>",
                field.label,
                &part,
                name,
            ),
            kind => one(m, kind, field.label, &part, here, names),
        }
    }
    m.raw("<div class=\"lab-tools\">");
    let tool = |m: &mut Markup, act: &'static str, what: &str, icon: &'static str, off: bool| {
        m.put("<button class=\"icon-button\" type=\"button\" id=\"{}", &[act]);
        m.put(
            "{}\" data-do=\"{}\" data-at=\"{}\" aria-label=\"{} {}\" title=\"{}\"",
            &[&id(&at), act, &at, what, name, what],
        );
        // Not `disabled`: that would take the focus away from who moves a grader to the end.
        m.raw(if off { " aria-disabled=\"true\">" } else { ">" });
        m.raw(icon);
        m.raw("</button>");
    };
    tool(m, "up", "Move up", UP, index == 0);
    tool(m, "down", "Move down", DOWN, index + 1 == count);
    tool(m, "remove", "Remove", OUT, false);
    m.raw("</div></div>");
    let inner = grader.get("grader").unwrap_or(&Value::Null);
    if let Some(variant) = of(&GRADERS, inner) {
        m.put("<p class=\"hint\">{}</p>", &[variant.about]);
        if !variant.fields.is_empty() {
            m.raw("<div class=\"lab-fields\">");
            fields(m, variant.fields, &format!("{at}/grader"), inner, names);
            m.raw("</div>");
        }
        if variant.tag == "program" {
            m.put("<div class=\"lab-script\" id=\"script-{}\" role=\"status\"></div>", &[&index.to_string()]);
        }
    }
    m.raw("</li>");
}

fn of(variants: &'static [Variant], value: &Value) -> Option<&'static Variant> {
    let tag = value.get("type").and_then(Value::as_str);
    variants.iter().find(|v| tag.is_none_or(|tag| v.tag == tag))
}

fn fields(m: &mut Markup, fields: &'static [Field], at: &str, value: &Value, names: &[&str]) {
    for field in fields {
        let here = value.get(field.key).unwrap_or(&Value::Null);
        one(m, &field.kind, field.label, &format!("{at}/{}", field.key), here, names);
    }
}

fn input(m: &mut Markup, template: &'static str, label: &str, at: &str, value: &str) {
    m.put(template, &[label, &id(at), at, value]);
}

fn plain(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().map(|n| n.to_string()).unwrap_or_default(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

fn one(m: &mut Markup, kind: &'static Kind, label: &'static str, at: &str, value: &Value, names: &[&str]) {
    match kind {
        Kind::Number(step) => {
            input(
                m,
                "<label class=\"field\"><span>{}</span><input type=\"number\" inputmode=\"decimal\" id=\"{}\" data-do=\"number\" data-at=\"{}\" value=\"{}\"",
                label,
                at,
                &plain(value),
            );
            m.put(" step=\"{}\"/></label>", &[step]);
        }
        Kind::Whole => input(
            m,
            "<label class=\"field\"><span>{}</span><input type=\"number\" inputmode=\"numeric\" min=\"0\" step=\"1\" id=\"{}\" data-do=\"whole\" data-at=\"{}\" value=\"{}\"/></label>",
            label,
            at,
            &plain(value),
        ),
        Kind::Text => input(
            m,
            "<label class=\"field lab-wide\"><span>{}</span><input type=\"text\" id=\"{}\" data-do=\"text\" data-at=\"{}\" value=\"{}\"/></label>",
            label,
            at,
            &plain(value),
        ),
        Kind::Mono => input(
            m,
            "<label class=\"field lab-wide\"><span>{}</span><input type=\"text\" class=\"lab-mono\" spellcheck=\"false\" id=\"{}\" data-do=\"text\" data-at=\"{}\" value=\"{}\"/></label>",
            label,
            at,
            &plain(value),
        ),
        Kind::Long => input(
            m,
            "<label class=\"field lab-wide\"><span>{}</span><textarea class=\"lab-mono\" rows=\"6\" spellcheck=\"false\" \
             autocapitalize=\"off\" wrap=\"off\" id=\"{}\" data-do=\"text\" data-at=\"{}\">{}</textarea></label>",
            label,
            at,
            &plain(value),
        ),
        Kind::Inner(inner) => fields(m, inner, at, value, names),
        Kind::Json => input(
            m,
            "<label class=\"field lab-wide\"><span>{}</span><textarea class=\"lab-mono\" rows=\"3\" spellcheck=\"false\" id=\"{}\" data-do=\"json-part\" data-at=\"{}\">{}</textarea></label>",
            label,
            at,
            &text::layout(&value.to_string()),
        ),
        Kind::Choice(choices) => {
            list(m, label, at, &plain(value), choices.iter().copied());
        }
        Kind::Name => list(m, label, at, &plain(value), names.iter().map(|name| (*name, *name))),
        Kind::Set(words) => {
            m.put("<fieldset class=\"lab-set lab-wide\"><legend>{}</legend>", &[label]);
            let has = |word: &str| value.as_array().is_some_and(|all| all.iter().any(|v| v.as_str() == Some(word)));
            for (word, label) in *words {
                let key = format!("{at}/{word}");
                m.put("<label class=\"lab-tick\"><input type=\"checkbox\" id=\"{}\" data-do=\"set\" data-at=\"{}\" value=\"{}\"", &[&id(&key), at, word]);
                m.raw(if has(word) { " checked/>" } else { "/>" });
                m.put("<span>{}</span></label>", &[label]);
            }
            m.raw("</fieldset>");
        }
        Kind::OneOf(variants) => {
            m.raw("<div class=\"lab-part\"><div class=\"lab-fields\">");
            let variant = of(variants, value);
            pick_at(m, label, at, value, variants);
            if let Some(variant) = variant {
                fields(m, variant.fields, at, value, names);
            }
            m.put("</div><p class=\"hint\">{}</p></div>", &[variant.map_or("", |v| v.about)]);
        }
        Kind::Maybe(part) => {
            let on = value.is_object();
            m.put("<div class=\"lab-part\"><label class=\"lab-tick\"><input type=\"checkbox\" id=\"{}\" data-do=\"maybe\" data-at=\"{}\"", &[&id(at), at]);
            m.raw(if on { " checked/>" } else { "/>" });
            m.put("<span>{}</span></label><p class=\"hint\">{}</p>", &[part.title, part.about]);
            if on {
                m.raw("<div class=\"lab-fields\">");
                fields(m, part.fields, at, value, names);
                m.raw("</div>");
            }
            m.raw("</div>");
        }
        Kind::List(part) => several(m, part, at, value, names),
    }
}

fn several(m: &mut Markup, part: &'static Part, at: &str, value: &Value, names: &[&str]) {
    m.put("<div class=\"lab-part lab-wide\"><div class=\"lab-part-head\"><span class=\"lab-part-title\">{}</span><button class=\"link\" type=\"button\" id=\"add{}\" data-do=\"add\" data-at=\"{}\">Add a {}</button></div>", &[part.title, &id(at), at, part.one]);
    if !part.about.is_empty() {
        m.put("<p class=\"hint\">{}</p>", &[part.about]);
    }
    let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, element) in elements.iter().enumerate() {
        let at = format!("{at}/{index}");
        m.raw("<div class=\"lab-entry\"><div class=\"lab-fields\">");
        fields(m, part.fields, &at, element, names);
        m.put("</div><button class=\"icon-button\" type=\"button\" id=\"remove{}\" data-do=\"remove\" data-at=\"{}\" aria-label=\"Remove this {}\" title=\"Remove\">", &[&id(&at), &at, part.one]);
        m.raw(OUT);
        m.raw("</button></div>");
    }
    m.raw("</div>");
}

fn list<'a>(m: &mut Markup, label: &str, at: &str, here: &str, choices: impl Iterator<Item = (&'a str, &'a str)>) {
    m.put(
        "<label class=\"field\"><span>{}</span><select id=\"{}\" data-do=\"text\" data-at=\"{}\">",
        &[label, &id(at), at],
    );
    options(m, here, choices);
    m.raw("</select></label>");
}

fn options<'a>(m: &mut Markup, here: &str, choices: impl Iterator<Item = (&'a str, &'a str)>) {
    for (word, label) in choices {
        m.put("<option value=\"{}\"", &[word]);
        m.raw(if word == here { " selected>" } else { ">" });
        m.put("{}</option>", &[label]);
    }
}

fn pick(m: &mut Markup, field: &'static Field, at: &str, value: &Value, variants: &'static [Variant]) {
    pick_at(m, field.label, at, value, variants);
}

fn pick_at(m: &mut Markup, label: &str, at: &str, value: &Value, variants: &'static [Variant]) {
    let here = of(variants, value).map_or("", |v| v.tag);
    m.put(
        "<label class=\"field\"><span>{}</span><select id=\"{}\" data-do=\"kind\" data-at=\"{}\">",
        &[label, &id(at), at],
    );
    options(m, here, variants.iter().map(|v| (v.tag, v.label)));
    m.raw("</select></label>");
}
