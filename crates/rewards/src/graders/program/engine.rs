//! The script engine with everything shut that reaches outside, and the limits that bound its time and memory.

use super::outcome;
use crate::case::Case;
use crate::graders::{Graded, excerpt};
use crate::normalise::normalise;
use crate::number::first_number;
use crate::{is_abstention, is_refusal};
use clicker_wire::{Item, Verdict};
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage, LogicPackage,
    MoreStringPackage, Package,
};
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, Scope};
use serde_json::Value;
use std::sync::OnceLock;

/// Longest script, bytes.
const MAX_SOURCE: usize = 8 << 10;
/// Longest answer and longest conversation that a script is shown, bytes.
const MAX_SHOWN: usize = 16 << 10;
/// Steps of the script. One step may walk over a string, so the product with [`MAX_STRING`] bounds the time.
const MAX_OPERATIONS: u64 = 20_000;
/// Longest string, bytes; most elements of an array with all that are nested in it; most entries of a map.
const MAX_STRING: usize = 64 << 10;
const MAX_ARRAY: usize = 1_024;
const MAX_MAP: usize = 256;

/// A script that compiles.
pub(in crate::graders) struct Program {
    ast: AST,
}

/// Compiles a script; where that fails, what was expected.
pub(in crate::graders) fn compile(source: &str) -> Result<Program, String> {
    if source.trim().is_empty() || source.len() > MAX_SOURCE {
        return Err(format!("a script of 1 to {MAX_SOURCE} bytes; it has {}: write or shorten it", source.len()));
    }
    let compiled = engine().compile_with_scope(&scope(Map::new(), "", ""), source);
    compiled.map(|ast| Program { ast }).map_err(|error| format!("a script that compiles; {error}"))
}

/// What the script says. What goes wrong in it is a score of 0 and the reason.
pub(in crate::graders) fn grade(case: &Case, program: &Result<Program, String>) -> Graded {
    let program = match program {
        Ok(program) => program,
        Err(why) => return Graded::scored(0.0, format!("expected {why}"), []),
    };
    let asked: usize = case.item().messages.iter().map(|m| m.content.len()).sum();
    for (what, bytes) in [("answer", case.text.len()), ("conversation", asked)] {
        if bytes > MAX_SHOWN {
            let reason = format!("the {what} has {bytes} bytes, more than the {MAX_SHOWN} that a program is shown");
            return Graded::scored(0.0, reason, []);
        }
    }
    let mut scope = scope(described(case.item()), case.text, verdict(case.verdict()));
    match engine().eval_ast_with_scope::<Dynamic>(&mut scope, &program.ast) {
        Ok(value) => outcome::graded(value, case.text),
        Err(error) => Graded::scored(0.0, format!("the program failed: {}", excerpt(&error.to_string())), []),
    }
}

/// What every script finds: the names are known when it is compiled, so that a wrong one is found then.
fn scope(item: Map, answer: &str, verdict: &'static str) -> Scope<'static> {
    let mut scope = Scope::new();
    scope.push_constant("item", item);
    scope.push_constant("answer", ImmutableString::from(answer));
    scope.push_constant("verdict", ImmutableString::from(verdict));
    scope
}

/// The one engine. It holds no state of any script.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut engine = Engine::new_raw();
        ArithmeticPackage::new().register_into_engine(&mut engine);
        LogicPackage::new().register_into_engine(&mut engine);
        BasicStringPackage::new().register_into_engine(&mut engine);
        BasicIteratorPackage::new().register_into_engine(&mut engine);
        BasicArrayPackage::new().register_into_engine(&mut engine);
        BasicMapPackage::new().register_into_engine(&mut engine);
        MoreStringPackage::new().register_into_engine(&mut engine);
        limit(&mut engine);
        functions(&mut engine);
        engine
    })
}

fn limit(engine: &mut Engine) {
    engine
        .set_strict_variables(true)
        .set_max_operations(MAX_OPERATIONS)
        .set_max_call_levels(12)
        .set_max_expr_depths(24, 16)
        .set_max_string_size(MAX_STRING)
        .set_max_array_size(MAX_ARRAY)
        .set_max_map_size(MAX_MAP)
        .set_max_functions(32)
        .set_max_variables(64);
    // `eval` would hide what a script does; the power of floats is the platform's, `pow` below is not.
    for symbol in ["eval", "print", "debug", "**", "**="] {
        engine.disable_symbol(symbol);
    }
}

/// Mathematics that is exact, or has the same bits in the browser; and a few questions about texts.
fn functions(engine: &mut Engine) {
    engine
        .register_fn("floor", f64::floor)
        .register_fn("ceil", f64::ceil)
        .register_fn("round", f64::round)
        .register_fn("sqrt", f64::sqrt)
        .register_fn("exp", libm::exp)
        .register_fn("ln", libm::log)
        .register_fn("pow", libm::pow)
        .register_fn("to_float", |x: i64| x as f64)
        .register_fn("to_int", |x: f64| x as i64)
        .register_fn("normalise", |text: ImmutableString| ImmutableString::from(normalise(&text).text))
        .register_fn("words", |text: ImmutableString| -> Array {
            normalise(&text).words().take(MAX_ARRAY).map(|word| Dynamic::from(ImmutableString::from(word))).collect()
        })
        .register_fn("first_number", |text: ImmutableString| -> Dynamic {
            first_number(&text).map_or(Dynamic::UNIT, |(value, _)| Dynamic::from_float(value))
        })
        .register_fn("is_abstention", |text: ImmutableString| is_abstention(&text))
        .register_fn("is_refusal", |text: ImmutableString| is_refusal(&text));
    // With a function that contradicts itself the sort of the standard library may panic, and in the browser that ends
    // the whole engine.
    for name in ["sort", "sort_by"] {
        engine.register_fn(name, |_: &mut Array, _: FnPtr| -> Result<(), Box<EvalAltResult>> {
            Err("sort takes no function here; sort() orders numbers and texts".into())
        });
    }
}

fn described(item: &Item) -> Map {
    let text = |text: &str| Dynamic::from(ImmutableString::from(text));
    let word = |value: serde_json::Value| text(value.as_str().unwrap_or_default());
    let turn = |message: &clicker_wire::Message| {
        let role = word(serde_json::to_value(message.role).unwrap_or_default());
        Dynamic::from(Map::from([("role".into(), role), ("content".into(), text(&message.content))]))
    };
    let accepted: Array = item.accepted.iter().take(MAX_ARRAY / 4).map(|accepted| text(accepted)).collect();
    let messages: Array = item.messages.iter().take(MAX_ARRAY / 4).map(turn).collect();
    let mut left = MAX_SHOWN;
    let columns = item.fields.iter().take(MAX_MAP / 2);
    let mut all: Map = columns.map(|(name, value)| (name.as_str().into(), shown(value, &mut left))).collect();
    all.extend(Map::from([
        ("question".into(), text(item.question())),
        ("messages".into(), Dynamic::from(messages)),
        ("accepted".into(), Dynamic::from(accepted)),
        ("expected".into(), word(serde_json::to_value(item.expected).unwrap_or_default())),
        ("domain".into(), text(&item.domain.to_string())),
    ]));
    all
}

/// A column of the row as a script sees it. `left` is how much of all columns may still be shown, bytes; what lies beyond is (),
/// so that a large column cannot make a script slow.
fn shown(value: &Value, left: &mut usize) -> Dynamic {
    let size = match value {
        Value::String(text) => text.len(),
        Value::Array(list) if list.len() > MAX_ARRAY / 4 => return Dynamic::UNIT,
        Value::Object(map) if map.len() > MAX_MAP / 2 => return Dynamic::UNIT,
        _ => 8,
    };
    match left.checked_sub(size) {
        Some(rest) => *left = rest,
        None => return Dynamic::UNIT,
    }
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(truth) => Dynamic::from_bool(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Dynamic::from_int(whole),
            None => Dynamic::from_float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Dynamic::from(ImmutableString::from(text.as_str())),
        Value::Array(list) => Dynamic::from(list.iter().map(|value| shown(value, left)).collect::<Array>()),
        Value::Object(map) => {
            let inner: Map = map.iter().map(|(name, value)| (name.as_str().into(), shown(value, left))).collect();
            Dynamic::from(inner)
        }
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Right => "right",
        Verdict::Abstained => "abstained",
        Verdict::Refused => "refused",
        Verdict::Wrong => "wrong",
    }
}
