//! Data card, reward card, run card and limitations.

use super::tables::share;
use crate::state::lab::markup::Markup;
use clicker_wire::Comparison;

pub(super) fn limitations(m: &mut Markup, of: &Comparison) {
    m.raw("<section class=\"cr-card cr-limits\" data-testid=\"limitations\"><h2>What this cannot say</h2><ul>");
    for limitation in &of.limitations {
        m.put("<li>{}</li>", &[limitation]);
    }
    m.raw("</ul></section>");
}

pub(super) fn data(m: &mut Markup, of: &Comparison) {
    let data = &of.data;
    m.raw("<section class=\"cr-card\"><h2>Data card</h2><dl class=\"cr-facts\">");
    fact(m, "source", &format!("{}; seed {}", data.source, data.world_seed));
    let trained = format!("{} demonstrations; {} questions for rewards and pairs", data.demonstrations, data.questions);
    fact(m, "to train on", &trained);
    let validation = match data.validation {
        0 => "none: learning rates were not tuned".to_owned(),
        n => format!("{n} of those questions, held back while learning rates were chosen, trained on afterwards"),
    };
    fact(m, "validation part", &validation);
    fact(m, "held out", &format!("{} questions; no arm trains on them or is tuned on them", data.held_out));
    fact(m, "shared by training and held-out lists", &format!("{} questions", data.shared));
    let classes: Vec<String> = data
        .classes
        .iter()
        .map(|c| {
            let domain = c.domain.to_string().replace('_', " ");
            format!("{domain} {} {} ({})", c.knowledge, c.n, share(c.n, data.held_out))
        })
        .collect();
    fact(m, "held-out questions by kind", &classes.join("; "));
    m.raw("</dl></section>");
}

pub(super) fn rewards(m: &mut Markup, of: &Comparison) {
    let rewarded: Vec<_> = of.arms.iter().filter_map(|arm| Some((arm, arm.reward.as_ref()?))).collect();
    if rewarded.is_empty() {
        return;
    }
    m.raw("<section class=\"cr-card\"><h2>Reward card</h2>");
    let mut told: Vec<&str> = Vec::new();
    for (_, card) in &rewarded {
        if told.contains(&card.sha256.as_str()) {
            continue;
        }
        told.push(&card.sha256);
        let names: Vec<&str> =
            rewarded.iter().filter(|(_, c)| c.sha256 == card.sha256).map(|(arm, _)| arm.name.as_str()).collect();
        m.put("<h3>{}</h3><p class=\"cr-hash\">sha256 {}</p>", &[&names.join(", "), &card.sha256]);
        if let Some(constitution) = &card.constitution {
            m.put("<p>Under the constitution <strong>{}</strong>:</p><ul>", &[&constitution.name]);
            for principle in &constitution.principles {
                m.put("<li>{} <small>{}</small></li>", &[&principle.text, &principle.graders.join(", ")]);
            }
            m.raw("</ul>");
        }
        let json = serde_json::to_string_pretty(&card.reward).unwrap_or_default();
        m.put("<pre class=\"cr-code\">{}</pre>", &[&json]);
    }
    m.raw("</section>");
}

pub(super) fn run(m: &mut Markup, of: &Comparison) {
    let made = &of.made;
    m.raw("<section class=\"cr-card\"><h2>Run card</h2><dl class=\"cr-facts\">");
    fact(m, "program", &format!("Clicker {}", made.version));
    fact(m, "commit", made.commit.as_deref().unwrap_or("unknown: the source tree was not at hand"));
    fact(m, "machine", &made.machine);
    fact(m, "starting model", &format!("{}, sha256 {}", of.experiment.model, made.model_sha256));
    let seeds: Vec<String> = of.experiment.seeds.iter().map(u64::to_string).collect();
    fact(m, "seeds", &seeds.join(", "));
    let places: Vec<String> = of
        .arms
        .iter()
        .filter(|arm| arm.recipe.is_some())
        .map(|arm| {
            let runs: Vec<&str> = arm.runs.iter().map(|run| run.place.as_str()).collect();
            format!("{}: {}", arm.name, runs.join(", "))
        })
        .collect();
    fact(m, "runs", &places.join("; "));
    m.raw("</dl>");
    if !made.commands.is_empty() {
        m.put("<h3>Commands</h3><pre class=\"cr-code\">{}</pre>", &[&made.commands.join("\n")]);
    }
    m.raw("<h3>Recipes</h3>");
    for arm in &of.arms {
        if let Some(recipe) = &arm.recipe {
            let json = serde_json::to_string_pretty(recipe).unwrap_or_default();
            m.put("<details><summary>{}</summary><pre class=\"cr-code\">{}</pre></details>", &[&arm.name, &json]);
        }
    }
    m.raw("</section>");
}

fn fact(m: &mut Markup, name: &str, value: &str) {
    m.put("<div><dt>{}</dt><dd>{}</dd></div>", &[name, value]);
}
