//! What a run trains on: the built-in world, the rows of a file, or people's votes; as questions, demonstrations, comparisons
//! or judgements. Never knows where bytes come from, nor what a loop does with the data.

use crate::dry_run::Opening;
use crate::rollout::Language;
use crate::{Result, Start, TrainError, stated};
use clicker_dataset::check::{Against, check};
use clicker_dataset::perturb::{asked_before, reorder, worked};
use clicker_dataset::rows::{Demonstration, Row, Rows};
use clicker_dataset::{Comparison, Judgement, World, comparisons, rows};
use clicker_wire::{Algorithm, Decision, Event, Expected, Item, Message, Recipe, Retelling, Split};
use sha2::{Digest, Sha256};

/// A recipe's data, read.
pub(crate) struct Data<'a> {
    recipe: &'a Recipe,
    world: &'a World,
    /// Rows of the recipe's file.
    file: Option<Rows>,
    /// Rows that `data.preferences` names.
    preferences: Option<Rows>,
}

impl<'a> Data<'a> {
    /// Read what the recipe names and the start brought along.
    ///
    /// # Errors
    /// Something is named and not there, or there and not what was named; rows that cannot be read.
    pub(crate) fn open(recipe: &'a Recipe, start: &Start, world: &'a World) -> Result<Self> {
        let file = match (&recipe.data.file, &start.data) {
            (Some(named), None) => {
                return Err(TrainError::Recipe(format!(
                    "data.file names {named}, but its rows were not brought along"
                )));
            }
            (Some(named), Some(bytes)) => Some(checked(recipe, named, bytes)?),
            (None, _) => None,
        };
        let preferences = match (&recipe.data.preferences, &start.preferences) {
            (Some(named), None) => {
                let complaint = format!("data.preferences names {named}, but its rows were not brought along");
                return Err(TrainError::Recipe(complaint));
            }
            (_, Some(bytes)) => Some(not_empty(rows::read(bytes)?, "data.preferences")?),
            (None, None) => None,
        };
        Ok(Self { recipe, world, file, preferences })
    }

    /// What a look at the file's rows says before the first step; nothing of data that the project makes itself.
    pub(crate) fn opening(&self) -> Option<Opening> {
        let (rows, file) = (self.file.as_ref()?, self.recipe.data.file.as_ref()?);
        let questions = self.world.items(Split::Eval);
        let report = check(rows, Against { rows: None, questions });
        let said = |decision: Decision| {
            let all = report.advice.iter().filter(|finding| finding.decision == decision);
            all.map(|finding| finding.words.as_str()).collect::<Vec<_>>().join(" ")
        };
        let waived = &self.recipe.data.start_anyway;
        let stops = report.decision == Decision::Stop && waived.is_none();
        let alarm = |cause: String, remedy: String| Event::Alarm { step: 0, name: "data".into(), cause, remedy };
        let mut events = Vec::new();
        if report.decision == Decision::Stop {
            let remedy = match waived {
                Some(reason) => format!("It was started anyway: {reason}."),
                None => "Repair the file, or start anyway if this is what you want to see.".into(),
            };
            events.push(alarm(said(Decision::Stop), remedy));
        }
        if report.advice.iter().any(|finding| finding.decision == Decision::Warn) {
            events.push(alarm(said(Decision::Warn), "Look at these rows before you spend time on the run.".into()));
        }
        let refusal = stops.then(|| TrainError::Rows { file: file.clone(), advice: said(Decision::Stop) });
        Some(Opening { events, refusal })
    }

    /// Questions to ask.
    pub(crate) fn questions(&self) -> Result<Vec<Item>> {
        match &self.file {
            Some(rows) => self.fitting(rows.questions()),
            None => self.of_the_world(Split::Rl),
        }
    }

    /// Answers to imitate.
    pub(crate) fn demonstrations(&self) -> Result<Vec<Demonstration>> {
        if let Some(rows) = &self.file {
            return self.fitting(rows.demonstrations());
        }
        let told =
            |item: Item| Demonstration { answer: self.world.demonstration(&item).content, prompt: item.messages };
        Ok(self.of_the_world(Split::Sft)?.into_iter().map(told).collect())
    }

    /// Questions of the world that demonstrations answer; none where a file brings its own.
    pub(crate) fn demonstrated(&self) -> Result<Option<Vec<Item>>> {
        match self.file {
            Some(_) => Ok(None),
            None => self.of_the_world(Split::Sft).map(Some),
        }
    }

    /// Pairs of answers: people's, the file's, or made from the questions that GRPO would ask.
    pub(crate) fn comparisons(&self) -> Result<Vec<Comparison>> {
        match self.given() {
            Some(rows) => self.fitting(rows.comparisons()),
            None => self.made(Split::Rl),
        }
    }

    /// Pairs that nothing is learnt from. Given comparisons have no held-out half that we could know of.
    pub(crate) fn held_out_comparisons(&self) -> Result<Vec<Comparison>> {
        match self.given() {
            Some(_) => Ok(Vec::new()),
            None => self.made(Split::Eval),
        }
    }

    /// Answers with a thumb.
    pub(crate) fn judgements(&self) -> Result<Vec<Judgement>> {
        match self.given() {
            Some(rows) => self.fitting(rows.judgements()),
            None => Ok(comparisons::judgements(&self.of_the_world(Split::Rl)?, self.recipe.seed)),
        }
    }

    /// That every row leaves room in the model's context for what is learnt from it or drawn after it.
    ///
    /// # Errors
    /// The first row that does not, and how many there are.
    pub(crate) fn fits_into(&self, language: &Language, context: usize) -> Result<()> {
        let Some(rows) = &self.file else { return Ok(()) };
        let drawn = match self.recipe.algorithm.samples() {
            true => self.recipe.rollout.sampling.max_new_tokens as usize,
            false => 0,
        };
        let mut too_long = Vec::new();
        for row in &rows.rows {
            let needed = tokens(language, row)?.max(prompt_tokens(language, row)? + drawn);
            if needed > context {
                too_long.push((row.line, needed));
            }
        }
        let Some((line, needed)) = too_long.first() else { return Ok(()) };
        Err(TrainError::Recipe(format!(
            "data.file, line {line}: prompt and answer need {needed} tokens, the model's context holds {context}; {} of {} \
             rows are too long: shorten them, or leave them out",
            too_long.len(),
            rows.rows.len()
        )))
    }

    /// Rows that stand in for the world's, file or votes.
    fn given(&self) -> Option<&Rows> {
        self.file.as_ref().or(self.preferences.as_ref())
    }

    fn made(&self, split: Split) -> Result<Vec<Comparison>> {
        let made = comparisons::comparisons(&self.of_the_world(split)?, self.recipe.seed);
        match made.is_empty() {
            true => {
                Err(TrainError::Recipe("the questions of data.domains give no comparisons; name more domains".into()))
            }
            false => Ok(made),
        }
    }

    fn of_the_world(&self, split: Split) -> Result<Vec<Item>> {
        let domains = &self.recipe.data.domains;
        let wanted = |i: &&Item| domains.is_empty() || domains.contains(&i.domain);
        let mut items: Vec<Item> = self.world.items(split).iter().filter(wanted).cloned().collect();
        // Only what is learnt from grows: what is held out stays what it is.
        for (domain, count) in self.recipe.data.more.iter().filter(|_| split != Split::Eval) {
            items.extend(self.world.more(split, *domain, *count as usize).into_iter().filter(|item| wanted(&item)));
        }
        if split != Split::Eval {
            let plain = items.len();
            for (form, count) in &self.recipe.data.retold {
                let told = items[..plain].iter().filter_map(|item| self.retold(*form, item));
                let told: Vec<Item> = told.take(*count as usize).collect();
                items.extend(told);
            }
        }
        match items.is_empty() {
            true => Err(TrainError::Recipe(format!("data.domains {domains:?} holds no {split:?} items"))),
            false => Ok(items),
        }
    }

    /// A question in another form; none where the form does not fit it.
    fn retold(&self, form: Retelling, item: &Item) -> Option<Item> {
        let seed = self.recipe.data.world_seed;
        match form {
            Retelling::Again => {
                let said = self.world.demonstration(item).content;
                // What it said before looks like what it learns to say.
                let said = match item.expected {
                    Expected::Answer if stated::taught(self.recipe) => stated::stating(&said, 90),
                    _ => said,
                };
                asked_before(item, &said, seed)
            }
            Retelling::Reorder => reorder(item, seed),
            Retelling::Steps => worked(item),
        }
    }

    /// Name the algorithm where the file's format does not fit it.
    fn fitting<T>(&self, taken: std::result::Result<T, clicker_dataset::Error>) -> Result<T> {
        taken.map_err(|error| match (&error, &self.recipe.data.file) {
            (clicker_dataset::Error::Format { .. }, Some(file)) => {
                let algorithm = name(self.recipe.algorithm);
                TrainError::Recipe(format!("data.file {file} does not fit algorithm = \"{algorithm}\": {error}"))
            }
            _ => error.into(),
        })
    }
}

/// The rows of the recipe's file, if it is the file that the recipe means.
fn checked(recipe: &Recipe, named: &str, bytes: &[u8]) -> Result<Rows> {
    if let Some(wanted) = &recipe.data.sha256 {
        let found = hash(bytes);
        if !wanted.eq_ignore_ascii_case(&found) {
            return Err(TrainError::Recipe(format!(
                "data.file {named} has the sha256 {found}, the recipe says {wanted}: the rows are not those that the run was \
                 started with; bring that file back, or start a new run"
            )));
        }
    }
    let rows = rows::read(bytes).map_err(|error| TrainError::Recipe(format!("data.file {named}: {error}")))?;
    not_empty(rows, &format!("data.file {named}"))
}

/// The name of a file's contents.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn not_empty(rows: Rows, what: &str) -> Result<Rows> {
    match rows.rows.is_empty() {
        true => Err(TrainError::Recipe(format!("{what} holds no rows that can be learnt from"))),
        false => Ok(rows),
    }
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sft => "sft",
        Algorithm::Grpo => "grpo",
        Algorithm::Dpo => "dpo",
        Algorithm::Kto => "kto",
        Algorithm::Orpo => "orpo",
        Algorithm::Raft => "raft",
        Algorithm::RewardModel => "reward_model",
    }
}

fn prompt_tokens(language: &Language, row: &Row) -> Result<usize> {
    Ok(language.template.prompt(&language.tokenizer, &row.prompt)?.len())
}

/// Tokens of the prompt and the longest answer beside it.
fn tokens(language: &Language, row: &Row) -> Result<usize> {
    let mut most = 0;
    for answer in row.answers() {
        let mut all = row.prompt.clone();
        all.push(Message::assistant(answer));
        most = most.max(language.template.render(&language.tokenizer, &all)?.ids.len());
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::Role;

    #[test]
    fn retold_questions_stand_beside_themselves_and_none_are_held_out() {
        let text = "name = 'x'\nalgorithm = 'grpo'\nsteps = 1\n[data]\nretold = { again = 30, reorder = 10 }\n";
        let recipe = crate::recipe::from_toml(text).unwrap();
        let world = World::new(1);
        let data = Data::open(&recipe, &Start::default(), &world).unwrap();
        let plain = world.items(Split::Rl);
        let asked = data.questions().unwrap();
        assert_eq!(&asked[..plain.len()], plain);
        let (again, reordered): (Vec<&Item>, Vec<&Item>) =
            asked[plain.len()..].iter().partition(|item| item.id.as_str().ends_with("+again"));
        assert_eq!((again.len(), reordered.len()), (30, 10));
        for item in again {
            let said = item.messages.iter().find(|m| m.role == Role::Assistant).unwrap();
            assert_eq!(said.content, world.demonstration(item).content, "it was answered well before");
        }
        assert_eq!(data.of_the_world(Split::Eval).unwrap(), world.items(Split::Eval));
    }

    #[test]
    fn sums_are_demonstrated_with_their_steps_where_a_recipe_says_so() {
        let text = "name = 'x'\nalgorithm = 'sft'\nsteps = 1\n[data]\nretold = { steps = 20 }\n";
        let recipe = crate::recipe::from_toml(text).unwrap();
        let world = World::new(1);
        let shown = Data::open(&recipe, &Start::default(), &world).unwrap().demonstrations().unwrap();
        let plain = world.items(Split::Sft).len();
        assert_eq!(shown.len(), plain + 20);
        for one in &shown[plain..] {
            let asked = &one.prompt.last().unwrap().content;
            let steps = clicker_rewards::graders::steps(&one.answer);
            assert!(asked.ends_with("Show your steps.") && !steps.steps.is_empty(), "{asked} {}", one.answer);
            assert!(steps.steps.iter().all(|step| step.right) && steps.concludes == Some(true), "{}", one.answer);
        }
    }
}
