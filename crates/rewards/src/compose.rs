//! From graders to a reward: `total = sum_k w_k s_k` over the graders that apply, with a receipt from each.
//!
//! A configuration may ask for more, in this order: a factor on weights by domain; precedence instead of a sum;
//! constraints that price a cost; a clamp; gates that let nothing through until a grader is content. What was done to
//! the sum stands in the reward's notes.

mod combine;
mod limits;
mod moving;
mod validate;

pub use validate::validate;

use crate::case::{Asked, Case};
use crate::constraints;
use crate::graders::{Graded, Ready, ask, ready};
use crate::group::Group;
use crate::outside::Outside;
use clicker_wire::{Domain, Grader, Item, Receipt, Reward, RewardConfig, WeightedGrader};

/// What `text` is worth as an answer to `item`. Never fails; a grader that does not apply adds nothing. Constraints are
/// priced as before the first step, nothing from outside the text is known; a [`Scorer`] takes both.
#[must_use]
pub fn reward(config: &RewardConfig, item: &Item, text: &str) -> Reward {
    Scorer::new(config).reward(item, text)
}

/// As [`reward`], with the constraints' multipliers of a later step, in the order of the configuration.
#[must_use]
pub fn reward_at(config: &RewardConfig, item: &Item, text: &str, multipliers: &[f64]) -> Reward {
    Scorer::new(config).at(multipliers).reward(item, text)
}

/// As [`reward`], for all answers that were drawn for a question: graders that compare answers have something to compare.
#[must_use]
pub fn reward_group<S: AsRef<str>>(config: &RewardConfig, item: &Item, texts: &[S]) -> Vec<Reward> {
    Scorer::new(config).group(item, texts)
}

/// A configuration ready to reward answers, with the state of a run and what is known from outside the text.
pub struct Scorer<'a> {
    config: &'a RewardConfig,
    graders: Vec<Ready<'a>>,
    multipliers: Vec<f64>,
    outside: Outside<'a>,
}

impl<'a> Scorer<'a> {
    /// Before the first step, and with nothing from outside.
    #[must_use]
    pub fn new(config: &'a RewardConfig) -> Self {
        let graders = config.graders.iter().map(|g| ready(&g.grader)).collect();
        let multipliers = constraints::start(&config.constraints);
        Self { config, graders, multipliers, outside: Outside::default() }
    }

    /// With the constraints' multipliers of a later step, in the order of the configuration.
    #[must_use]
    pub fn at(self, multipliers: &[f64]) -> Self {
        Self { multipliers: multipliers.to_vec(), ..self }
    }

    /// With reward models, models that judge, votes, a group.
    #[must_use]
    pub fn with(self, outside: Outside<'a>) -> Self {
        Self { outside, ..self }
    }

    /// What one answer is worth.
    #[must_use]
    pub fn reward(&self, item: &Item, text: &str) -> Reward {
        self.case(&Case::new(&Asked::new(item), text), &self.outside)
    }

    /// What each of the answers is worth that were drawn together for a question.
    #[must_use]
    pub fn group<S: AsRef<str>>(&self, item: &Item, texts: &[S]) -> Vec<Reward> {
        let asked = Asked::new(item);
        let cases: Vec<Case> = texts.iter().map(|text| Case::new(&asked, text.as_ref())).collect();
        let compares = self.config.graders.iter().any(|g| matches!(g.grader, Grader::Consistency {}));
        let group = compares.then(|| Group::of_cases(&cases));
        let outside = Outside { group: group.as_ref().or(self.outside.group), ..self.outside };
        cases.iter().map(|case| self.case(case, &outside)).collect()
    }

    fn case(&self, case: &Case, outside: &Outside) -> Reward {
        let graders = self.config.graders.iter().zip(&self.graders);
        let receipts = graders.map(|(g, ready)| receipt(self.config, g, ask(ready, case, outside), case.item().domain));
        combine::combine(self.config, receipts.collect(), &self.multipliers)
    }
}

/// The configuration as canonical JSON (fields in declaration order, no white space, shortest digits): what is hashed,
/// so that two configurations are the same exactly when their hashes are.
#[must_use]
pub fn hash_input(config: &RewardConfig) -> String {
    // Plain structs of strings and numbers cannot fail to serialise; numbers that JSON lacks become null.
    serde_json::to_string(config).unwrap_or_default()
}

fn receipt(config: &RewardConfig, weighted: &WeightedGrader, graded: Graded, domain: Domain) -> Receipt {
    let factors = config.domain_weights.iter().filter(|d| d.domain == domain && d.grader == weighted.name);
    Receipt {
        grader: weighted.name.clone(),
        score: graded.score,
        weight: factors.fold(weighted.weight, |weight, d| weight * d.factor),
        reason: graded.reason,
        spans: graded.spans,
    }
}
