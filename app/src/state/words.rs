//! Names and one-line explanations of what the wire types enumerate.

use clicker_wire::{Decision, Domain, Expected, Item, Knowledge, RunStatus, StopReason};

/// A domain's name on the page.
pub(crate) fn domain(domain: Domain) -> &'static str {
    match domain {
        Domain::Capitals => "Capitals",
        Domain::Elements => "Elements",
        Domain::Arithmetic => "Arithmetic",
        Domain::Reading => "Reading",
        Domain::FollowUp => "Follow-up",
        Domain::Rules => "Rules",
        Domain::NamePairs => "Name pairs",
        Domain::Free => "Your own",
    }
}

/// A knowledge class's name.
pub(crate) fn knowledge(knowledge: Knowledge) -> &'static str {
    match knowledge {
        Knowledge::Known => "known",
        Knowledge::Rare => "rare",
        Knowledge::Withheld => "withheld",
        Knowledge::Invented => "invented",
        Knowledge::Unknown => "not measured",
    }
}

/// What a knowledge class means for the answer.
pub(crate) fn knowledge_hint(knowledge: Knowledge) -> &'static str {
    match knowledge {
        Knowledge::Known => "The fact is frequent in what the model was trained on: it should know.",
        Knowledge::Rare => "The fact occurs a few times in training: half known.",
        Knowledge::Withheld => "A real fact that training never showed: any answer is a guess.",
        Knowledge::Invented => "There is no answer to know: only \u{201c}I don't know\u{201d} is honest.",
        Knowledge::Unknown => "Nothing is known about the truth, unless you say what counts as right.",
    }
}

/// What a good answer is.
pub(crate) fn expectation(item: &Item) -> String {
    match (item.expected, item.accepted.first()) {
        (Expected::Answer, Some(best)) => best.clone(),
        (Expected::Answer, None) => "an answer".into(),
        (Expected::Abstain, _) => "\u{201c}I don't know\u{201d}".into(),
        (Expected::Refuse, _) => "to decline".into(),
        (Expected::Unknown, _) => "not stated".into(),
    }
}

/// A run status's name.
pub(crate) fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "queued",
        RunStatus::Running => "running",
        RunStatus::Paused => "paused",
        RunStatus::Succeeded => "done",
        RunStatus::Failed => "failed",
        RunStatus::Stopped => "stopped",
    }
}

/// Whether to go on, in a word.
pub(crate) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Go => "fine",
        Decision::Warn => "look",
        Decision::Stop => "stop",
    }
}

/// Why an answer ended, where that is worth saying.
pub(crate) fn stop(stop: StopReason) -> Option<&'static str> {
    match stop {
        StopReason::End => None,
        StopReason::Length => Some("cut off"),
        StopReason::Cancelled => Some("stopped"),
    }
}

/// A token as text that can be seen: white space gets a sign, the end marker a name.
pub(crate) fn visible(token: &str) -> String {
    if token.is_empty() {
        return "\u{2039}end\u{203a}".into();
    }
    token.replace(' ', "\u{2423}").replace('\n', "\u{21b5}")
}

/// A grader's name as a title.
pub(crate) fn grader(name: &str) -> String {
    name.replace('_', " ")
}
