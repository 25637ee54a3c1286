//! Changes to a JSON document by address (`/graders/0/weight`). Knows nothing of rewards but that parts refer to graders by
//! name.

use serde_json::{Map, Value};

/// The parts that refer to graders.
const REFERRING: [&str; 5] = ["/gates", "/constraints", "/domain_weights", "/adaptive/schedules", "/adaptive/rules"];

/// Puts a value in a place; the last member of an address may be new.
pub(crate) fn set(root: &mut Value, at: &str, value: Value) {
    let Some((parent, key)) = at.rsplit_once('/') else { return };
    match root.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.insert(key.to_owned(), value)),
        Some(Value::Array(elements)) => {
            if let Some(place) = key.parse::<usize>().ok().and_then(|index| elements.get_mut(index)) {
                *place = value;
            }
        }
        _ => {}
    }
}

/// Adds to the list at an address, which is made if it is not there, as is the object that it is in. Gives the new one's
/// index.
pub(crate) fn add(root: &mut Value, at: &str, value: Value) -> usize {
    let outer = at.rsplit_once('/').map_or("", |(outer, _)| outer);
    if root.pointer(outer).is_none() {
        set(root, outer, Value::Object(Map::new()));
    }
    if !root.pointer(at).is_some_and(Value::is_array) {
        set(root, at, Value::Array(Vec::new()));
    }
    let Some(Value::Array(elements)) = root.pointer_mut(at) else { return 0 };
    elements.push(value);
    elements.len() - 1
}

/// Takes an element or a member out.
pub(crate) fn remove(root: &mut Value, at: &str) {
    let Some((parent, key)) = at.rsplit_once('/') else { return };
    match root.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(key)),
        Some(Value::Array(elements)) => {
            if let Some(index) = key.parse::<usize>().ok().filter(|index| *index < elements.len()) {
                elements.remove(index);
            }
        }
        _ => {}
    }
}

/// Moves an element one place up or down. Gives its new address.
pub(crate) fn shift(root: &mut Value, at: &str, down: bool) -> Option<String> {
    let (parent, key) = at.rsplit_once('/')?;
    let index: usize = key.parse().ok()?;
    let Some(Value::Array(elements)) = root.pointer_mut(parent) else { return None };
    let to = if down { index + 1 } else { index.checked_sub(1)? };
    if to >= elements.len() {
        return None;
    }
    elements.swap(index, to);
    Some(format!("{parent}/{to}"))
}

/// The graders' names, in order.
pub(crate) fn names(root: &Value) -> Vec<&str> {
    let graders = root.get("graders").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    graders.iter().map(|g| g.get("name").and_then(Value::as_str).unwrap_or_default()).collect()
}

/// A name that no grader has yet.
pub(crate) fn fresh(root: &Value, wish: &str) -> String {
    let taken = names(root);
    let numbered = (1_usize..).map(|n| if n == 1 { wish.to_owned() } else { format!("{wish}_{n}") });
    // Some number is free: there are finitely many graders.
    numbered.into_iter().find(|name| !taken.contains(&name.as_str())).unwrap_or_default()
}

/// Lets everything that refers to a grader by its old name refer to it by the new one.
pub(crate) fn rename(root: &mut Value, old: &str, new: &str) {
    each_reference(root, |members| {
        if members.get("grader").and_then(Value::as_str) == Some(old) {
            members.insert("grader".into(), new.into());
        }
        true
    });
}

/// Takes out everything that refers to a grader.
pub(crate) fn forget(root: &mut Value, name: &str) {
    each_reference(root, |members| members.get("grader").and_then(Value::as_str) != Some(name));
}

fn each_reference(root: &mut Value, mut keep: impl FnMut(&mut Map<String, Value>) -> bool) {
    for part in REFERRING {
        if let Some(Value::Array(elements)) = root.pointer_mut(part) {
            elements.retain_mut(|element| element.as_object_mut().is_none_or(&mut keep));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({"graders": [{"name": "a", "weight": 1.0}, {"name": "b"}], "gates": [{"grader": "a"}, {"grader": "b"}]})
    }

    #[test]
    fn changes_reach_their_place() {
        let mut root = document();
        set(&mut root, "/graders/0/weight", json!(2));
        set(&mut root, "/clamp", json!({"low": 0}));
        assert_eq!(add(&mut root, "/constraints", json!({"grader": "b"})), 0);
        assert_eq!(shift(&mut root, "/graders/0", true).as_deref(), Some("/graders/1"));
        assert_eq!(shift(&mut root, "/graders/1", true), None);
        remove(&mut root, "/gates/0");
        let expected = json!({
            "graders": [{"name": "b"}, {"name": "a", "weight": 2}], "gates": [{"grader": "b"}],
            "clamp": {"low": 0}, "constraints": [{"grader": "b"}],
        });
        assert_eq!(root, expected);
    }

    #[test]
    fn references_follow_a_name_and_go_with_it() {
        let mut root = document();
        rename(&mut root, "a", "c");
        assert_eq!(root["gates"][0]["grader"], "c");
        forget(&mut root, "b");
        assert_eq!(root["gates"], json!([{"grader": "c"}]));
        assert_eq!(fresh(&root, "a"), "a_2");
    }

    #[test]
    fn addresses_that_lead_nowhere_change_nothing() {
        let mut root = document();
        for at in ["", "/graders/9/weight", "/nothing/0", "graders"] {
            set(&mut root, at, json!(0));
            remove(&mut root, at);
        }
        assert_eq!(root, document());
    }
}
