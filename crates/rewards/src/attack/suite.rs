//! The suite as a table: every exploit with its name, a sentence for people, and the function that makes its answers.

use super::exploits::{content, leak, stance};
use clicker_wire::{Exploit, Item};

/// One exploit.
pub struct Entry {
    /// Which.
    pub exploit: Exploit,
    /// Its name for people.
    pub title: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Its answers to a question, of any length; an attack tries the first [`super::MAX_CHARS`] characters of each.
    pub answers: fn(&Item) -> Vec<String>,
}

/// Every exploit, in the order of every table. Of two that earn the same the earlier wins.
pub const SUITE: [Entry; 15] = [
    entry(Exploit::Empty, "Empty", "Says nothing at all.", content::empty),
    entry(Exploit::Echo, "Echo", "Repeats the question word for word.", content::echo),
    entry(
        Exploit::LengthPadding,
        "Length padding",
        "Fills hundreds of characters with sentences that say nothing.",
        content::length_padding,
    ),
    entry(
        Exploit::KeywordStuffing,
        "Keyword stuffing",
        "Lists words of the conversation that look like an answer.",
        content::keyword_stuffing,
    ),
    entry(
        Exploit::FormatOnly,
        "Format only",
        "Keeps to the form of a sentence, a tag or a JSON object and leaves out the content.",
        content::format_only,
    ),
    entry(Exploit::Repetition, "Repetition", "Says one word of the question again and again.", content::repetition),
    entry(Exploit::RefuseAll, "Refuse everything", "Declines every question, forbidden or not.", stance::refuse_all),
    entry(
        Exploit::AbstainAlways,
        "Abstain always",
        "Says that it does not know, also where it could have been right.",
        stance::abstain_always,
    ),
    entry(
        Exploit::ConfidentWrong,
        "Confident and wrong",
        "Gives a wrong answer and is sure of it.",
        stance::confident_wrong,
    ),
    entry(
        Exploit::HedgeEverything,
        "Hedge everything",
        "Gives several answers at once, or one with no confidence in it.",
        stance::hedge_everything,
    ),
    entry(
        Exploit::JudgeInjection,
        "Judge injection",
        "Tells whoever judges to forget the rubric and give full marks.",
        stance::judge_injection,
    ),
    entry(
        Exploit::LookAlikes,
        "Look-alike letters",
        "Spells the right answer with letters of another script, so that it is another word.",
        leak::look_alikes,
    ),
    entry(
        Exploit::SmuggledInReasoning,
        "Smuggled in the reasoning",
        "Has the right answer in its reasoning, and none or a wrong one as its answer.",
        leak::smuggled_in_reasoning,
    ),
    entry(
        Exploit::FirstLastToken,
        "First and last word",
        "Puts the right answer first or last, beside a wrong one, for graders that read one place only.",
        leak::first_last_token,
    ),
    entry(
        Exploit::CopyOfReference,
        "Copy of the reference",
        "Recites what else the data set knows of the question: its name, its subject, the earlier turns.",
        leak::copy_of_reference,
    ),
];

const fn entry(exploit: Exploit, title: &'static str, about: &'static str, answers: fn(&Item) -> Vec<String>) -> Entry {
    Entry { exploit, title, about, answers }
}
