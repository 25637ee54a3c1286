//! What a script ended with, as a score with its reason and evidence.

use crate::graders::{Graded, MAX_EVIDENCE, excerpt};
use crate::spans::span;
use clicker_wire::Span;
use rhai::{Array, Dynamic, ImmutableString, Map};

/// A number, true or false, `()`, or a map with `score` and perhaps `reason` and `spans`. Anything else is a failure.
pub(super) fn graded(value: Dynamic, text: &str) -> Graded {
    if let Some(outcome) = scored(&value) {
        return match outcome {
            Ok(score) => Graded::scored(score, format!("the program says {score}"), []),
            Err(why) => why,
        };
    }
    let kind = value.type_name();
    let Some(map) = value.try_cast::<Map>() else {
        return failed(&format!("it ended with {kind}, expected a number, (), or a map with a score"));
    };
    let Some(outcome) = map.get("score").and_then(scored) else {
        return failed("the map that it ended with has no score, expected a number or () there");
    };
    let said = map.get("reason").and_then(|reason| reason.clone().try_cast::<ImmutableString>());
    let spans = map.get("spans").and_then(|spans| spans.clone().try_cast::<Array>()).unwrap_or_default();
    match outcome {
        Ok(score) => {
            let reason = said.map_or_else(|| format!("the program says {score}"), |said| excerpt(&said));
            Graded::scored(score, reason, spans.iter().take(MAX_EVIDENCE).filter_map(|place| marked(place, text)))
        }
        Err(why) => Graded { reason: said.filter(|_| why.score.is_none()).map_or(why.reason, |s| excerpt(&s)), ..why },
    }
}

/// The score, or what stands for one; none where the value is nothing of the kind.
fn scored(value: &Dynamic) -> Option<Result<f64, Graded>> {
    if value.is_unit() {
        return Some(Err(Graded::does_not_apply("the program says that it does not apply")));
    }
    let number = value.as_float().or_else(|_| value.as_int().map(|whole| whole as f64));
    let number = number.or_else(|_| value.as_bool().map(|yes| f64::from(u8::from(yes)))).ok()?;
    Some(if number.is_finite() {
        // 0 + because -0 has other bytes.
        Ok(0.0 + number)
    } else {
        Err(failed(&format!("its score is {number}, expected a finite number")))
    })
}

/// `[from, to]` in characters as bytes; none where the answer has no such place.
fn marked(place: &Dynamic, text: &str) -> Option<Span> {
    let pair = place.clone().try_cast::<Array>()?;
    let [from, to] = pair.as_slice() else { return None };
    let byte = |at: &Dynamic| {
        let at = usize::try_from(at.as_int().ok()?).ok()?;
        text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(at)
    };
    span(byte(from)?, byte(to)?)
}

fn failed(why: &str) -> Graded {
    Graded::scored(0.0, format!("the program failed: {why}"), [])
}
