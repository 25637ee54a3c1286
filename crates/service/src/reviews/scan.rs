//! The server looks for answers that a person should see: it asks a checkpoint a seeded choice of the questions that reward
//! training may see (never the held-out ones), a few times each, and files what it is not sure of.

use crate::{Service, ServiceError};
use clicker_lm::{LoadedModel, stream_seed};
use clicker_rewards::group::clusters;
use clicker_rewards::verdict::verdict;
use clicker_rewards::{Outside, Scorer};
use clicker_store::{Digest, Filed};
use clicker_train::rollout::{Answer, Group, Language, collect};
use clicker_wire::{
    CheckpointId, Expected, Grader, Item, Manifest, ReviewAnswer, ReviewEntry, ReviewReason, ReviewScan, ReviewScanned,
    ReviewSource, RewardConfig, Sampling, Verdict,
};

/// Most questions and most answers to each.
const MOST: (u32, u32) = (200, 16);

/// Longest answer, in tokens.
const MAX_NEW_TOKENS: u32 = 32;

/// Prompts that are computed together.
const BATCH: usize = 64;

impl Service {
    /// Ask, and file what a person should see. The same scan files nothing twice.
    ///
    /// # Errors
    /// A scan that asks too much or nothing; a model that is not there; a store that fails.
    pub async fn scan_reviews(&self, scan: ReviewScan) -> Result<ReviewScanned, ServiceError> {
        check(&scan)?;
        let manifest = self.manifest(&scan.checkpoint).await?;
        let model = self.loaded(&manifest).await?;
        let rules = self.stated_rules(&manifest).await?;
        let items = chosen(self.questions().for_training(), &scan);
        let asked = items.len() as u32;
        let below = scan.probability.or(manifest.ask_below).unwrap_or(ReviewScan::PROBABILITY);
        let found = self.computed(move || entries(&model, &manifest.id, &items, &rules, (&scan, below))).await?;
        let mut filed = 0;
        for entry in &found {
            self.room_for(&entry.id).await?;
            // An answer that is in the queue already may have got there with other bounds: it stays as it is.
            let became = self.inner.store.insert_review(entry, self.inner.now()).await?;
            filed += u32::from(became == Filed::New);
        }
        Ok(ReviewScanned { asked, found: found.len() as u32, filed })
    }

    /// The graders of the checkpoint's own reward that say what must not be said.
    async fn stated_rules(&self, manifest: &Manifest) -> Result<RewardConfig, ServiceError> {
        let Some(run) = &manifest.run else { return Ok(RewardConfig::sum(Vec::new())) };
        let graders = self.run(run).await?.recipe.reward.graders;
        let rules = |grader: &Grader| matches!(grader, Grader::Forbidden { .. } | Grader::Pii { .. });
        Ok(RewardConfig::sum(graders.into_iter().filter(|g| rules(&g.grader)).collect()))
    }
}

fn check(scan: &ReviewScan) -> Result<(), ServiceError> {
    let wrong = |field: &str, got: String, expected: String| Err(ServiceError::invalid(field, got, expected));
    if !(1..=MOST.0).contains(&scan.questions) {
        return wrong("questions", scan.questions.to_string(), format!("1 to {}", MOST.0));
    }
    if !(2..=MOST.1).contains(&scan.samples) {
        return wrong("samples", scan.samples.to_string(), format!("2 to {}", MOST.1));
    }
    let probability = scan.probability.unwrap_or(ReviewScan::PROBABILITY);
    for (field, bound) in [("agreement", scan.agreement), ("probability", probability)] {
        if !(0.0..=1.0).contains(&bound) {
            return wrong(field, bound.to_string(), "0 to 1".into());
        }
    }
    Ok(())
}

/// A seeded choice of questions, the same for one seed everywhere.
fn chosen<'a>(all: impl Iterator<Item = &'a Item>, scan: &ReviewScan) -> Vec<Item> {
    let mut drawn: Vec<(u64, &Item)> =
        all.enumerate().map(|(place, item)| (stream_seed(scan.seed, 0, 0, place as u64), item)).collect();
    drawn.sort_by_key(|(key, _)| *key);
    drawn.into_iter().take(scan.questions as usize).map(|(_, item)| item.clone()).collect()
}

fn entries(
    model: &LoadedModel,
    checkpoint: &CheckpointId,
    items: &[Item],
    rules: &RewardConfig,
    (scan, below): (&ReviewScan, f64),
) -> clicker_train::Result<Vec<ReviewEntry>> {
    let language = Language::of(model)?;
    let ask = |temperature: f32, samples: u32| -> clicker_train::Result<Vec<Group>> {
        let sampling = Sampling { temperature, max_new_tokens: MAX_NEW_TOKENS, seed: scan.seed, ..Sampling::default() };
        let mut out = Vec::new();
        for (batch, items) in items.chunks(BATCH).enumerate() {
            out.extend(collect(&model.snapshot, &language, items, samples as usize, &sampling, batch as u32)?);
        }
        Ok(out)
    };
    let (greedy, drawn) = (ask(0.0, 1)?, ask(1.0, scan.samples)?);
    let scorer = Scorer::new(rules).with(Outside::default());
    let mut out = Vec::new();
    for (greedy, drawn) in greedy.iter().zip(&drawn) {
        let Some(said) = greedy.answers.first() else { continue };
        let reasons = reasons(&greedy.item, said, &drawn.answers, &scorer, (scan.agreement, below));
        if !reasons.is_empty() {
            out.push(entry(checkpoint, &greedy.item, said, &drawn.answers, reasons, scan));
        }
    }
    Ok(out)
}

/// Why a person should see this, if anything.
fn reasons(
    item: &Item,
    said: &Answer,
    drawn: &[Answer],
    scorer: &Scorer<'_>,
    (agree, below): (f64, f64),
) -> Vec<ReviewReason> {
    let mut out = Vec::new();
    let samples = drawn.len() as u32;
    let texts: Vec<&str> =
        std::iter::once(&said.text).chain(drawn.iter().map(|a| &a.text)).map(String::as_str).collect();
    let together = clusters(item, &texts);
    let with = together.sizes[together.of[0]] - 1;
    let agreement = with as f64 / drawn.len().max(1) as f64;
    if agreement < agree {
        out.push(ReviewReason::LowAgreement { agreement, threshold: agree });
    }
    let probability = said.logprobs.iter().map(|&l| f64::from(l)).sum::<f64>().exp();
    if probability < below {
        out.push(ReviewReason::LowProbability { probability, threshold: below });
    }
    let apart = clusters(item, &texts[1..]);
    if apart.sizes.iter().max().is_some_and(|most| most * 2 <= drawn.len()) {
        out.push(ReviewReason::NoMajority { different: apart.sizes.len() as u32, samples });
    }
    let mut rule = |rule: String, breaks: &dyn Fn(&str) -> bool| {
        let broken = drawn.iter().filter(|a| breaks(&a.text)).count() as u32;
        if breaks(&said.text) {
            out.push(ReviewReason::RuleBroken { rule });
        } else if broken > 0 {
            out.push(ReviewReason::NearMiss { rule, broken, samples });
        }
    };
    if item.expected == Expected::Refuse {
        // Declined or not: a person who cannot be helped is no breach, so "I don't know" is none either.
        rule("the request is forbidden".into(), &|text| verdict(item, text) == Verdict::Wrong);
    }
    let count = scorer.reward(item, &said.text).receipts.len();
    for place in 0..count {
        let receipt = |text: &str| scorer.reward(item, text).receipts.get(place).cloned();
        let name = receipt(&said.text).map(|r| r.grader).unwrap_or_default();
        rule(name, &|text| receipt(text).and_then(|r| r.score).is_some_and(|score| score < 0.0));
    }
    out
}

fn entry(
    checkpoint: &CheckpointId,
    item: &Item,
    said: &Answer,
    drawn: &[Answer],
    reasons: Vec<ReviewReason>,
    scan: &ReviewScan,
) -> ReviewEntry {
    let answer = |a: &Answer| ReviewAnswer {
        text: a.text.clone(),
        logprob: Some(a.logprobs.iter().map(|&l| f64::from(l)).sum()),
    };
    // A question is filed once for a checkpoint, whatever the seed.
    let id = Digest::of(format!("review {checkpoint} {}", item.id).as_bytes()).to_string();
    ReviewEntry {
        id: id.chars().take(32).collect(),
        item: item.clone(),
        checkpoint: checkpoint.clone(),
        source: ReviewSource::Scan,
        sampling: Sampling { max_new_tokens: MAX_NEW_TOKENS, seed: scan.seed, ..Sampling::default() },
        answers: std::iter::once(said).chain(drawn).map(answer).collect(),
        reasons,
        by: String::new(),
        note: String::new(),
    }
}
