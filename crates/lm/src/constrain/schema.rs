//! A part of JSON Schema as a language: what can be said without looking back. Values are written without white space but for at most
//! one space behind a colon or a comma, members in the order of `properties`. Numbers have at most 15 digits before and behind the
//! point and 2 in the exponent, so that every reader takes them; strings never escape what need not be escaped.
//!
//! A keyword that is not known is an error: ignoring it would promise what is not kept.

use super::json::Json;
use super::regex::{self, Spelling, characters};
use super::terms::{EMPTY, NOTHING, Term, Terms, UNBOUNDED};
use crate::{LmError, Result};

/// What says nothing about the value.
const REMARKS: [&str; 10] = [
    "title",
    "description",
    "default",
    "examples",
    "$schema",
    "$id",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// All that is known.
const KEYWORDS: [&str; 13] = [
    "type",
    "enum",
    "const",
    "anyOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
];

/// Schemas within schemas.
const DEEPEST: usize = 64;

/// The values of a schema, as texts.
///
/// # Errors
/// What is not JSON, not supported or satisfied by no value, and where.
pub(super) fn values(schema: &str, terms: &mut Terms) -> Result<Term> {
    let schema: Json = serde_json::from_str(schema).map_err(|e| refusal("", format!("it is not JSON: {e}")))?;
    value(&schema, "", 0, terms)
}

fn refusal(path: &str, problem: String) -> LmError {
    LmError::Constraint { at: format!("schema at `{path}/`"), problem }
}

/// The values of one schema; `path` leads to it.
fn value(schema: &Json, path: &str, depth: usize, terms: &mut Terms) -> Result<Term> {
    let Json::Object(members) = schema else {
        return Err(refusal(
            path,
            format!("it is {schema}; expected an object with `type`, `enum`, `const` or `anyOf`"),
        ));
    };
    if depth > DEEPEST {
        return Err(refusal(path, format!("more than {DEEPEST} schemas within each other")));
    }
    let has = |key: &str| members.iter().any(|(name, _)| name == key);
    let only = |known: &[&str]| {
        let odd = members.iter().find(|(name, _)| !known.contains(&name.as_str()) && !REMARKS.contains(&name.as_str()));
        match odd {
            Some((name, _)) => {
                Err(refusal(path, format!("`{name}` is not supported here; known are {}", known.join(", "))))
            }
            None => Ok(()),
        }
    };
    let of = if let Some(ways) = schema.get("anyOf") {
        only(&["anyOf"])?;
        let Json::List(ways) = ways else { return Err(refusal(path, "`anyOf` is no list".into())) };
        let ways = ways.iter().enumerate().map(|(i, way)| value(way, &format!("{path}/anyOf/{i}"), depth + 1, terms));
        let ways = ways.collect::<Result<Vec<_>>>()?;
        terms.any(&ways)
    } else if has("enum") || has("const") {
        only(&["enum", "const", "type"])?;
        constants(schema, path, terms)?
    } else {
        only(&KEYWORDS)?;
        let kinds = kinds(schema, path)?;
        let mut known = vec!["type"];
        known.extend(kinds.iter().flat_map(|kind| keywords(kind)));
        only(&known)?;
        let ways = kinds.iter().map(|kind| match *kind {
            "object" => object(schema, path, depth, terms),
            "array" => array(schema, path, depth, terms),
            "string" => string(schema, path, terms),
            "number" => Ok(number(terms)),
            "integer" => Ok(integer(terms)),
            "boolean" => {
                let both = [terms.text(b"true"), terms.text(b"false")];
                Ok(terms.any(&both))
            }
            _ => Ok(terms.text(b"null")),
        });
        let ways = ways.collect::<Result<Vec<_>>>()?;
        terms.any(&ways)
    };
    if of == NOTHING {
        return Err(refusal(path, "no value satisfies it".into()));
    }
    Ok(of)
}

/// What `type` names, or what the keywords imply.
fn kinds<'a>(schema: &'a Json, path: &str) -> Result<Vec<&'a str>> {
    let given = match schema.get("type") {
        Some(Json::Text(kind)) => vec![kind.as_str()],
        Some(Json::List(kinds)) => {
            kinds.iter().map(|kind| if let Json::Text(kind) = kind { kind.as_str() } else { "" }).collect()
        }
        None if schema.get("properties").is_some() => vec!["object"],
        None if schema.get("items").is_some() => vec!["array"],
        _ => Vec::new(),
    };
    let known = ["object", "array", "string", "number", "integer", "boolean", "null"];
    match given.iter().find(|kind| !known.contains(kind)) {
        None if !given.is_empty() => Ok(given),
        odd => {
            let odd = odd.map_or("nothing".into(), |odd| format!("`{odd}`"));
            Err(refusal(path, format!("`type` says {odd}; expected one of {}", known.join(", "))))
        }
    }
}

fn keywords(kind: &str) -> &'static [&'static str] {
    match kind {
        "object" => &["properties", "required", "additionalProperties"],
        "array" => &["items", "minItems", "maxItems"],
        "string" => &["minLength", "maxLength", "pattern"],
        _ => &[],
    }
}

/// The values of `enum` or `const` that are of the given type, if one is given.
fn constants(schema: &Json, path: &str, terms: &mut Terms) -> Result<Term> {
    let mut values = match schema.get("enum") {
        None => Vec::new(),
        Some(Json::List(values)) => values.iter().collect(),
        Some(other) => return Err(refusal(path, format!("`enum` is {other}; expected a list"))),
    };
    match (schema.get("const"), values.is_empty()) {
        (Some(value), true) => values.push(value),
        (Some(wanted), false) => values.retain(|value| *value == wanted),
        (None, _) => {}
    }
    if schema.get("type").is_some() {
        let kinds = kinds(schema, path)?;
        values.retain(|v| kinds.contains(&v.kind()) || (kinds.contains(&"number") && v.kind() == "integer"));
    }
    let ways: Vec<Term> = values.into_iter().map(|value| terms.text(value.to_string().as_bytes())).collect();
    Ok(terms.any(&ways))
}

fn object(schema: &Json, path: &str, depth: usize, terms: &mut Terms) -> Result<Term> {
    match schema.get("additionalProperties") {
        // None are written, which every rule about them allows.
        None | Some(Json::Bool(_)) => {}
        Some(_) => return Err(refusal(path, "`additionalProperties` is a schema; expected true or false".into())),
    }
    let properties = match schema.get("properties") {
        None => &[][..],
        Some(Json::Object(properties)) => properties,
        Some(_) => return Err(refusal(path, "`properties` is no object".into())),
    };
    let mut required = Vec::new();
    match schema.get("required") {
        None => {}
        Some(Json::List(names)) => required.extend(names),
        Some(_) => return Err(refusal(path, "`required` is no list".into())),
    }
    let is_known = |name: &Json| properties.iter().any(|(known, _)| matches!(name, Json::Text(name) if name == known));
    if let Some(odd) = required.iter().find(|name| !is_known(name)) {
        return Err(refusal(path, format!("`required` names {odd}, which `properties` does not have")));
    }
    let (gap, comma) = gaps(terms);
    // From the last member to the first: what may follow when some member is there already, and when none is.
    let (mut later, mut first) = (EMPTY, EMPTY);
    for (name, schema) in properties.iter().rev() {
        let inside = value(schema, &format!("{path}/properties/{name}"), depth + 1, terms)?;
        let key = terms.text(format!("{}:", Json::Text(name.clone())).as_bytes());
        let member = terms.sequence(&[key, gap, inside]);
        let (opening, following) = (terms.then(member, later), terms.sequence(&[comma, member, later]));
        let is_required = required.iter().any(|wanted| matches!(wanted, Json::Text(wanted) if wanted == name));
        if is_required {
            (first, later) = (opening, following);
        } else {
            (first, later) = (terms.any(&[opening, first]), terms.any(&[following, later]));
        }
    }
    let (open, close) = (terms.text(b"{"), terms.text(b"}"));
    Ok(terms.sequence(&[open, first, close]))
}

fn array(schema: &Json, path: &str, depth: usize, terms: &mut Terms) -> Result<Term> {
    let (min, max) = bounds(schema, path, "minItems", "maxItems")?;
    let (open, close) = (terms.text(b"["), terms.text(b"]"));
    let none = terms.then(open, close);
    if max == 0 {
        return Ok(if min == 0 { none } else { NOTHING });
    }
    let Some(items) = schema.get("items") else {
        return Err(refusal(path, "an array without `items`; say what it holds".into()));
    };
    let item = value(items, &format!("{path}/items"), depth + 1, terms)?;
    let (_, comma) = gaps(terms);
    let more = terms.then(comma, item);
    let fewer = if max == UNBOUNDED { UNBOUNDED } else { max - 1 };
    let more = terms.repeat(more, min.saturating_sub(1), fewer);
    let some = terms.sequence(&[open, item, more, close]);
    Ok(if min == 0 { terms.any(&[none, some]) } else { some })
}

fn string(schema: &Json, path: &str, terms: &mut Terms) -> Result<Term> {
    let (min, max) = bounds(schema, path, "minLength", "maxLength")?;
    let inside = match schema.get("pattern") {
        None => {
            let any = characters(&[(0, 0x10_ffff)], Spelling::Json, terms);
            terms.repeat(any, min, max)
        }
        Some(Json::Text(_)) if (min, max) != (0, UNBOUNDED) => {
            return Err(refusal(path, "`pattern` beside a length; say the length in the pattern".into()));
        }
        Some(Json::Text(pattern)) => regex::within_string(pattern, terms).map_err(|e| match e {
            LmError::Constraint { at, problem } => refusal(&format!("{path}/pattern"), format!("{at}: {problem}")),
            other => other,
        })?,
        Some(other) => return Err(refusal(path, format!("`pattern` is {other}; expected a string"))),
    };
    let quote = terms.text(b"\"");
    Ok(terms.sequence(&[quote, inside, quote]))
}

fn bounds(schema: &Json, path: &str, least: &str, most: &str) -> Result<(u32, u32)> {
    let get = |key: &str, otherwise: u32| match schema.get(key) {
        None => Ok(otherwise),
        Some(Json::Number(n)) if n.as_u64().is_some_and(|n| n <= 1_000_000) => Ok(n.as_u64().unwrap_or(0) as u32),
        Some(other) => Err(refusal(path, format!("`{key}` is {other}; expected a whole number up to 1000000"))),
    };
    Ok((get(least, 0)?, get(most, UNBOUNDED)?))
}

/// Behind a colon; a comma and what is behind it.
fn gaps(terms: &mut Terms) -> (Term, Term) {
    let space = terms.text(b" ");
    let gap = terms.maybe(space);
    let comma = terms.text(b",");
    (gap, terms.then(comma, gap))
}

fn integer(terms: &mut Terms) -> Term {
    let (minus, zero) = (terms.text(b"-"), terms.text(b"0"));
    let (leading, digit) = (terms.range(b'1', b'9'), terms.range(b'0', b'9'));
    let more = terms.repeat(digit, 0, 14);
    let other = terms.then(leading, more);
    let (sign, whole) = (terms.maybe(minus), terms.any(&[zero, other]));
    terms.then(sign, whole)
}

fn number(terms: &mut Terms) -> Term {
    let whole = integer(terms);
    let (point, digit) = (terms.text(b"."), terms.range(b'0', b'9'));
    let digits = terms.repeat(digit, 1, 15);
    let fraction = terms.then(point, digits);
    let (small, large, plus, minus) = (terms.text(b"e"), terms.text(b"E"), terms.text(b"+"), terms.text(b"-"));
    let (letter, sign) = (terms.any(&[small, large]), terms.any(&[EMPTY, plus, minus]));
    let power = terms.repeat(digit, 1, 2);
    let exponent = terms.sequence(&[letter, sign, power]);
    let (fraction, exponent) = (terms.maybe(fraction), terms.maybe(exponent));
    terms.sequence(&[whole, fraction, exponent])
}
