//! A reward that the playground carries for the lab: found, named and drawn on the server. Knows nothing of the knobs.

use crate::api::Carried;
use crate::components::lab::short;
use crate::state::figures::number;
use crate::state::lab::markup::Markup;
use crate::state::lab::shape::{GRADERS, REST};
use crate::state::lab::{link, text};
use crate::state::words;
use clicker_service::{NamedReward, Service, ServiceError};
use clicker_wire::{Combine, RewardConfig};

/// Kept rewards that are offered.
const OFFERED: usize = 40;

/// The reward that a part of an address brings.
///
/// # Errors
/// There is none, or it cannot be used: what to do, in words.
pub(crate) async fn carry(service: &Service, from: String) -> Result<Carried, String> {
    let (key, value) = from.split_once('=').unwrap_or_default();
    let written = bring(service, key, value).await?;
    let reward = text::read(&written).map_err(|complaint| {
        let (line, column) = (complaint.line, complaint.column);
        format!(
            "The link's reward cannot be read: line {line}, column {column}: {}. Open it in the lab.",
            complaint.message
        )
    })?;
    let named = service.named_reward(reward).await.map_err(|error| error.to_string())?;
    let drawn = draw(&named, key, value);
    Ok(Carried { reward: named.reward, from, drawn })
}

/// The text of the reward that a part of an address names or holds, whether or not it is one.
///
/// # Errors
/// What is not there, in words.
pub(crate) async fn bring(service: &Service, key: &str, value: &str) -> Result<String, String> {
    match key {
        "version" => {
            let version = service.reward_version(value).await.map_err(|error| error.to_string())?;
            Ok(text::write(&version.reward))
        }
        "preset" => {
            let found = service.reward_presets().into_iter().find(|preset| preset.name == value);
            found.map(|preset| text::write(&preset.reward)).ok_or_else(|| {
                let name: String = value.chars().take(80).collect();
                format!("There is no reward to start from that is called \u{201c}{name}\u{201d}. The lab lists them.")
            })
        }
        "z" => link::unpack(value).ok_or_else(|| {
            "The link's reward is damaged: part of the address is missing. Ask for the link again.".into()
        }),
        _ => Ok(value.to_owned()),
    }
}

/// What can be carried, as the options of a list. The reward of a link stands there for when it is in use; nobody can pick it.
pub(crate) async fn offered(service: &Service) -> Result<String, ServiceError> {
    let mut m = Markup::new();
    m.raw(
        "<option value=\"\">What the knobs say</option><option value=\"link\" hidden>The reward of the link</option>",
    );
    let kept = service.reward_versions().await?;
    if !kept.is_empty() {
        m.raw("<optgroup label=\"Kept in the lab\">");
        for version in kept.iter().take(OFFERED) {
            let shown = [version.hash.as_str(), &version.name, short(&version.hash)];
            m.put("<option value=\"version={}\">{} ({})</option>", &shown);
        }
        m.raw("</optgroup>");
    }
    m.raw("<optgroup label=\"Lessons\">");
    // The first preset is what the knobs start with.
    for preset in service.reward_presets().iter().skip(1) {
        m.put("<option value=\"preset={}\">{}</option>", &[&preset.name, &preset.name]);
    }
    m.raw("</optgroup>");
    Ok(m.done())
}

fn draw(named: &NamedReward, key: &str, value: &str) -> String {
    let mut m = Markup::new();
    let name = named.name.as_deref().unwrap_or("from a link");
    let count = match named.reward.graders.len() {
        1 => "1 grader".to_owned(),
        n => format!("{n} graders"),
    };
    m.put(
        "<p class=\"carried-what\"><span><strong>{}</strong>, version <code title=\"{}\">{}</code>, {}</span> ",
        &[name, &named.hash, short(&named.hash), &count],
    );
    m.put(
        "<a href=\"/rewards?{}={}\" rel=\"external\" data-testid=\"carried-edit\">Edit it in the lab</a></p>",
        &[key, &link::encode(value)],
    );
    if !named.note.is_empty() {
        m.put("<p class=\"hint\">{}</p>", &[&named.note]);
    }
    m.raw("<table class=\"table table-tight\"><caption class=\"sr-only\">Graders of this reward</caption><thead><tr><th scope=\"col\">grader</th><th scope=\"col\">kind</th><th scope=\"col\" class=\"num\">weight</th></tr></thead><tbody>");
    for graded in &named.reward.graders {
        let tag = serde_json::to_value(&graded.grader).unwrap_or_default();
        let variant = GRADERS.iter().find(|variant| tag.get("type").and_then(|t| t.as_str()) == Some(variant.tag));
        m.put(
            "<tr title=\"{}\"><td>{}</td><td>{}</td><td class=\"num\">{}</td></tr>",
            &[
                variant.map_or("", |v| v.about),
                &words::grader(&graded.name),
                variant.map_or("", |v| v.label),
                &number(graded.weight, 2),
            ],
        );
    }
    m.raw("</tbody></table>");
    let more = more(&named.reward);
    if !more.is_empty() {
        m.put("<p class=\"hint\">{}</p>", &[&format!("More than a sum: {}.", more.join(", "))]);
    }
    m.done()
}

/// What a reward has beside its graders, by the lab's own titles.
fn more(reward: &RewardConfig) -> Vec<String> {
    let label = |key: &str| REST.iter().find(|field| field.key == key).map_or(key, |field| field.label).to_lowercase();
    let combined = match reward.combine {
        Combine::Sum {} => None,
        Combine::Lexicographic { .. } => Some("in order of precedence".to_owned()),
        Combine::NormaliseThenSum {} => Some("normalised, then summed".to_owned()),
    };
    let lists = [
        ("gates", !reward.gates.is_empty()),
        ("constraints", !reward.constraints.is_empty()),
        ("domain_weights", !reward.domain_weights.is_empty()),
        ("clamp", reward.clamp.is_some()),
        ("adaptive", !reward.adaptive.is_empty()),
    ];
    combined.into_iter().chain(lists.into_iter().filter(|(_, there)| *there).map(|(key, _)| label(key))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_says_what_the_reward_is_and_escapes_it() {
        let clamp = Some(clicker_wire::Clamp { low: -1.0, high: 1.0 });
        let reward = RewardConfig { clamp, ..RewardConfig::default() };
        let named =
            NamedReward { hash: "0123456789abcdef".into(), name: Some("a & b".into()), note: "<b>".into(), reward };
        let drawn = draw(&named, "reward", "{\"a\": 1}");
        for part in ["a &amp; b", ">0123456789<", "3 graders", "?reward=%7B%22a%22%3A%201%7D", "&lt;b&gt;", "clamp."] {
            assert!(drawn.contains(part), "{part}: {drawn}");
        }
    }
}
