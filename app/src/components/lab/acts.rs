//! What people do to the lab: each act is a word in the markup and a change of what the lab knows. Knows no browser but the
//! values of fields, which are arguments.

use super::Lab;
use crate::state::lab::document::Document;
use crate::state::lab::shape::{Field, GRADER, GRADERS, Kind, Part, REST, Variant};
use crate::state::lab::tree;
use serde_json::Value;

/// Where the focus goes after an act.
pub(crate) type Focus = Option<String>;

/// Somebody wrote in, picked or ticked a field of the form. Gives what is wrong with it, if anything.
///
/// # Errors
/// What was expected of the field, in words.
pub(crate) fn field(
    lab: &mut Lab,
    act: &str,
    at: &str,
    value: &str,
    checked: bool,
    now: f64,
) -> Result<(), &'static str> {
    let document = &mut lab.document;
    let wrong = "this does not fit here";
    let done = match act {
        "number" => {
            let number: f64 = value.trim().parse().map_err(|_| "expected a number, e.g. 0.5")?;
            let number = serde_json::Number::from_f64(number).ok_or("expected a finite number")?;
            document.change(at, now, |tree| tree::set(tree, at, Value::Number(number)))
        }
        "whole" => {
            let number: u32 = value.trim().parse().map_err(|_| "expected a whole number from 0")?;
            document.change(at, now, |tree| tree::set(tree, at, number.into()))
        }
        "text" => document.change(at, now, |tree| tree::set(tree, at, value.into())),
        "name" => {
            // Lists of graders' names follow.
            lab.flow.form = true;
            document.rename(at, value, now)
        }
        "json-part" => {
            let part: Value = serde_json::from_str(value).map_err(|_| "this is not JSON yet")?;
            document.change(at, now, |tree| tree::set(tree, at, part))
        }
        "set" => document.change(at, now, |tree| tick(tree, at, value, checked)),
        "kind" => {
            lab.flow.form = true;
            let blank = variants(at).iter().find(|v| v.tag == value).map(|v| parsed(v.blank)).ok_or(wrong)?;
            document.change("", now, |tree| tree::set(tree, at, blank))
        }
        "maybe" => {
            lab.flow.form = true;
            let blank = part(at).filter(|_| checked).map(|part| parsed(part.blank));
            document.change("", now, |tree| match blank {
                Some(blank) => tree::set(tree, at, blank),
                None => tree::remove(tree, at),
            })
        }
        _ => return Ok(()),
    };
    if done { Ok(()) } else { Err(wrong) }
}

/// Somebody pressed a button that changes the document. None where the act is another one.
pub(crate) fn press(lab: &mut Lab, act: &str, at: &str, kind: &str, now: f64) -> Option<Focus> {
    let document = &mut lab.document;
    let focus = match act {
        "undo" => {
            document.undo();
            None
        }
        "redo" => {
            document.redo();
            None
        }
        "add-grader" => add_grader(document, kind, now),
        "add" => add(document, at, now),
        "remove" => {
            remove(document, at, now);
            Some(if at.starts_with("/graders/") && at.matches('/').count() == 2 {
                "add-grader".into()
            } else {
                after(at)
            })
        }
        "up" | "down" => {
            let mut moved = None;
            document.change("", now, |tree| moved = tree::shift(tree, at, act == "down"));
            moved.map(|at| format!("{act}{}", super::form::id(&at)))
        }
        _ => return None,
    };
    lab.flow.form = true;
    Some(focus)
}

fn add_grader(document: &mut Document, kind: &str, now: f64) -> Focus {
    let variant = GRADERS.iter().find(|v| v.tag == kind)?;
    let name = tree::fresh(document.tree(), kind);
    let grader = serde_json::json!({ "name": name, "weight": 1.0, "grader": parsed(variant.blank) });
    let mut index = 0;
    document.change("", now, |tree| index = tree::add(tree, "/graders", grader));
    Some(format!("-graders-{index}-name"))
}

fn add(document: &mut Document, at: &str, now: f64) -> Focus {
    let part = part(at)?;
    let mut blank = parsed(part.blank);
    let first = tree::names(document.tree()).first().copied().unwrap_or_default().to_owned();
    if blank.get("grader").is_some() {
        tree::set(&mut blank, "/grader", first.into());
    }
    let mut index = 0;
    document.change("", now, |tree| index = tree::add(tree, at, blank));
    Some(format!("{}-{index}-{}", super::form::id(at), part.fields.first()?.key))
}

fn remove(document: &mut Document, at: &str, now: f64) {
    let gone = document.tree().pointer(at).and_then(|g| g.get("name")).and_then(Value::as_str).map(str::to_owned);
    document.change("", now, |tree| {
        tree::remove(tree, at);
        if let Some(name) = gone.filter(|name| !tree::names(tree).contains(&name.as_str())) {
            tree::forget(tree, &name);
        }
    });
}

/// The button that adds to the list that an element was taken from.
fn after(at: &str) -> String {
    format!("add{}", super::form::id(at.rsplit_once('/').map_or("", |(list, _)| list)))
}

fn tick(root: &mut Value, at: &str, word: &str, on: bool) {
    let Some(Value::Array(words)) = root.pointer_mut(at) else { return };
    words.retain(|known| known.as_str() != Some(word));
    if on {
        words.push(word.into());
    }
}

/// The variants of the object at an address.
fn variants(at: &str) -> &'static [Variant] {
    let of = |field: &'static Field| if let Kind::OneOf(variants) = field.kind { Some(variants) } else { None };
    known(at).find_map(of).unwrap_or_default()
}

/// The object or the list at an address.
fn part(at: &str) -> Option<&'static Part> {
    known(at).find_map(|field| match field.kind {
        Kind::Maybe(part) | Kind::List(part) => Some(part),
        _ => None,
    })
}

/// The fields of the table that have an address' last word as their key: all of them are of one kind.
fn known(at: &str) -> impl Iterator<Item = &'static Field> {
    let key = at.rsplit('/').next().unwrap_or_default().to_owned();
    let inner = REST.iter().filter_map(|field| if let Kind::Inner(inner) = field.kind { Some(inner) } else { None });
    let graders = GRADERS.iter().flat_map(|variant| variant.fields);
    GRADER.iter().chain(&REST).chain(inner.flatten()).chain(graders).filter(move |field| field.key == key)
}

fn parsed(blank: &str) -> Value {
    // The table's own texts; a test reads every one.
    serde_json::from_str(blank).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Start;
    use super::*;

    fn lab() -> Lab {
        Lab::new(Start {
            presets: Vec::new(),
            versions: Vec::new(),
            questions: Vec::new(),
            model: None,
            recipe: None,
            owner: false,
            linked: None,
            trouble: None,
        })
    }

    #[test]
    fn every_kind_of_grader_can_be_added_changed_and_removed() {
        let mut lab = lab();
        for variant in &GRADERS {
            let count = lab.document.config().graders.len();
            let focus = press(&mut lab, "add-grader", "", variant.tag, 0.0);
            assert_eq!(focus, Some(Some(format!("-graders-{count}-name"))));
            assert_eq!(lab.document.config().graders.len(), count + 1, "{}", variant.tag);
        }
        for variant in &GRADERS {
            assert_eq!(
                field(&mut lab, "kind", "/graders/0/grader", variant.tag, false, 0.0),
                Ok(()),
                "{}",
                variant.tag
            );
        }
        while !lab.document.config().graders.is_empty() {
            press(&mut lab, "remove", "/graders/0", "", 0.0);
        }
    }

    #[test]
    fn parts_come_and_go_and_name_a_grader_that_is_there() {
        let mut lab = lab();
        for list in ["/gates", "/constraints", "/domain_weights", "/adaptive/schedules"] {
            assert!(press(&mut lab, "add", list, "", 0.0).flatten().is_some(), "{list}");
        }
        assert_eq!(field(&mut lab, "maybe", "/clamp", "on", true, 0.0), Ok(()));
        assert_eq!(field(&mut lab, "kind", "/combine", "lexicographic", false, 0.0), Ok(()));
        let config = lab.document.config();
        assert_eq!(config.gates[0].grader, "truthful");
        assert_eq!(config.clamp.map(|c| c.low), Some(-1.0));
        assert!(!config.combine.is_sum());
        assert_eq!(config.adaptive.schedules[0].grader, "truthful");
        press(&mut lab, "remove", "/graders/0", "", 0.0);
        assert!(lab.document.config().gates.is_empty(), "what referred to the grader went with it");
        assert_eq!(field(&mut lab, "maybe", "/clamp", "on", false, 0.0), Ok(()));
        assert_eq!(lab.document.config().clamp, None);
    }

    #[test]
    fn a_field_that_is_wrong_says_so_and_changes_nothing() {
        let mut lab = lab();
        let before = lab.document.text().to_owned();
        for (act, value) in [("number", "-"), ("number", "inf"), ("whole", "1.5"), ("json-part", "{")] {
            assert!(field(&mut lab, act, "/graders/0/weight", value, false, 0.0).is_err(), "{act} {value}");
        }
        assert_eq!(lab.document.text(), before);
    }
}
