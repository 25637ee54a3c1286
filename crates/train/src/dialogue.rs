//! Dialogues: the policy answers, a user says something to it, the policy answers again. Drawing them, with keys and values kept
//! from turn to turn, and measuring on held-out questions whether what was right survives being pushed.
//!
//! The user is a function of seed and place ([`Partner`]), so a resumed run meets the same one. Never knows a loss.

use crate::parallel::{SHARDS, shards};
use crate::rollout::{Answer, Group, Language, Reply};
use crate::session::Metrics;
use crate::{Result, TrainError};
use clicker_dataset::dialogue::Partner;
use clicker_dataset::rows::Demonstration;
use clicker_lm::{Drawn, GenerateOptions, Generator, PolicySnapshot, RenderedChat, stream_seed};
use clicker_rewards::dialogue::{Course, course};
use clicker_wire::{
    AdvantageEstimator, Combine, EnvironmentSpec, Grader, Item, Message, Push, Recipe, Sampling, StopReason,
};

/// A user who asks these questions, and how a dialogue goes.
pub(crate) struct Dialogues<'a> {
    spec: &'a EnvironmentSpec,
    items: &'a [Item],
    partner: Partner<'a>,
}

/// Which push comes to the g-th answer of the p-th question at a turn.
type Pushes<'a> = dyn Fn(usize, usize, u32) -> Push + Sync + 'a;

/// What is drawn: questions, answers to each, turns.
#[derive(Clone, Copy)]
struct Shape<'a> {
    items: &'a [Item],
    group_size: usize,
    turns: u32,
}

/// One dialogue in progress.
struct Row {
    question: usize,
    index: usize,
    replies: Vec<Reply>,
    cut_off: bool,
}

/// Held-out questions that are computed together.
const BATCH: usize = 128;
/// Bytes of the user's own words around an answer that is suggested; a token stands for at least a byte.
const AROUND: usize = 32;
/// Tokens of a template around a turn.
const MARKERS: usize = 16;

impl<'a> Dialogues<'a> {
    pub(crate) fn new(spec: &'a EnvironmentSpec, items: &'a [Item], seed: u64) -> Self {
        Self { spec, items, partner: Partner::new(items, seed) }
    }

    /// As [`collect`](crate::rollout::collect), with a dialogue in the place of every answer. All of a group are pushed the same
    /// way; what a suggestion says may depend on the answer.
    pub(crate) fn collect(
        &self,
        model: &PolicySnapshot,
        language: &Language,
        items: &[Item],
        group_size: usize,
        sampling: &Sampling,
        step: u32,
    ) -> Result<Vec<Group>> {
        let pushes = |p: usize, _: usize, turn: u32| self.partner.push(&self.spec.pushes, (step, p as u64, turn));
        self.draw((model, language), Shape { items, group_size, turns: self.spec.turns }, sampling, step, &pushes)
    }

    /// Ask every question, without drawing, once for each push: `heldout/flip_PUSH`, of the answers that were what is wanted
    /// the share that is not any more after it; `heldout/mend_PUSH`, of the others the share that is then; `heldout/flip` of
    /// all pushes together, and `heldout/first_right`. A share of nothing is absent; so are questions too long for two answers.
    pub(crate) fn measure(&self, models: (&PolicySnapshot, &Language), sampling: &Sampling) -> Result<Metrics> {
        let (pushes, sampling) = (&self.spec.pushes, Sampling { temperature: 0.0, ..sampling.clone() });
        let mut courses: Vec<(Push, Course)> = Vec::new();
        let needed = 2 * sampling.max_new_tokens as usize + self.longest_reply();
        let context = models.0.decoder().config().context;
        let mut fitting = Vec::new();
        for item in self.items {
            // A question without room for two answers is not asked; in training it would be an error.
            if models.1.prompt(item)?.len() + needed <= context {
                fitting.push(item.clone());
            }
        }
        for (batch, items) in fitting.chunks(BATCH).enumerate() {
            let shape = Shape { items, group_size: pushes.len(), turns: 2 };
            let groups = self.draw(models, shape, &sampling, batch as u32, &|_, g, _| pushes[g])?;
            for group in &groups {
                let all = pushes.iter().zip(&group.answers);
                courses.extend(all.filter_map(|(push, answer)| Some((*push, course(&group.item, &answer.turns())?))));
            }
        }
        let began_right = |course: &Course| matches!(course, Course::Stayed | Course::Wavered | Course::GaveUp);
        let share = |of: &dyn Fn(&(Push, Course)) -> bool, hit: &dyn Fn(&Course) -> bool| {
            let among: Vec<_> = courses.iter().filter(|seen| of(seen)).collect();
            let hits = among.iter().filter(|(_, course)| hit(course)).count();
            (!among.is_empty()).then(|| hits as f64 / among.len() as f64)
        };
        let mut named = vec![
            ("heldout/first_right".to_owned(), share(&|_| true, &began_right)),
            ("heldout/flip".to_owned(), share(&|(_, c)| began_right(c), &|c| *c == Course::GaveUp)),
        ];
        for push in pushes {
            let flips = share(&|(p, c)| p == push && began_right(c), &|c| *c == Course::GaveUp);
            let mends = share(&|(p, c)| p == push && !began_right(c), &|c| *c == Course::Mended);
            named.push((format!("heldout/flip_{}", push.name()), flips));
            named.push((format!("heldout/mend_{}", push.name()), mends));
        }
        Ok(named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }

    fn draw(
        &self,
        models: (&PolicySnapshot, &Language),
        shape: Shape<'_>,
        sampling: &Sampling,
        step: u32,
        pushes: &Pushes<'_>,
    ) -> Result<Vec<Group>> {
        let parts = shards(|shard| {
            let mine: Vec<usize> = (shard..shape.items.len()).step_by(SHARDS).collect();
            if mine.is_empty() { Ok(Vec::new()) } else { self.draw_shard(models, shape, &mine, sampling, step, pushes) }
        })?;
        let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
        Ok((0..shape.items.len()).filter_map(|p| parts[p % SHARDS].next()).collect())
    }

    fn draw_shard(
        &self,
        (model, language): (&PolicySnapshot, &Language),
        Shape { items, group_size, turns }: Shape<'_>,
        mine: &[usize],
        sampling: &Sampling,
        step: u32,
        pushes: &Pushes<'_>,
    ) -> Result<Vec<Group>> {
        let prompts = mine.iter().map(|&p| language.prompt(&items[p])).collect::<Result<Vec<_>>>()?;
        let places = mine.iter().enumerate().flat_map(|(local, &p)| (0..group_size).map(move |g| (local, p, g)));
        let streams: Vec<(usize, u64)> = places
            .clone()
            .map(|(local, p, g)| (local, stream_seed(sampling.seed, step.into(), p as u64, g as u64)))
            .collect();
        let mut rows: Vec<Row> =
            places.map(|(_, question, index)| Row { question, index, replies: Vec::new(), cut_off: false }).collect();
        let options = GenerateOptions { sampling: sampling.clone(), stop: language.stop.clone(), alternatives: 0 };
        let room = turns as usize * (sampling.max_new_tokens as usize + self.longest_reply());
        let mut generator = Generator::with_room(model, &prompts, &streams, options, room)?;
        for turn in 0..turns {
            if turn > 0 {
                let mut said = Vec::with_capacity(rows.len());
                for (at, row) in rows.iter_mut().enumerate() {
                    let drawn = generator.drawn(at).ok_or_else(lost)?;
                    let push = pushes(row.question, row.index, turn);
                    let place = (step, row.question as u64, turn);
                    let item = &items[row.question];
                    let answer = row.answer(language, drawn);
                    let text = self.partner.reply(push, item, &answer, place);
                    let between = language.template.reply(&language.tokenizer, &text)?.ok_or_else(no_turns)?;
                    // An answer that was cut off ends here all the same.
                    let cut_off = drawn.stop == StopReason::Length;
                    let end = language.template.end().filter(|_| cut_off);
                    row.cut_off |= cut_off;
                    let ids: Vec<u32> = end.into_iter().chain(between).collect();
                    said.push((at, ids.clone()));
                    row.replies.push(Reply { answer, at: drawn.draws.len(), text, ids });
                }
                generator.reply(&said)?;
            }
            while !generator.is_done() {
                generator.step()?;
            }
        }
        let mut answers = rows.into_iter().zip(generator.finish()).map(|(row, drawn)| row.ended(language, &drawn));
        let group = |(&p, prompt): (&usize, Vec<u32>)| Group {
            item: items[p].clone(),
            prompt,
            answers: answers.by_ref().take(group_size).collect(),
        };
        Ok(mine.iter().zip(prompts).map(group).collect())
    }

    /// Tokens that a reply can have.
    fn longest_reply(&self) -> usize {
        // A question is only said again where it has other words.
        let again = |item: &Item| item.paraphrase_group.as_ref().map_or(0, |_| item.question().len());
        let of = |item: &Item| item.accepted.first().map_or(0, String::len).max(again(item));
        self.items.iter().map(of).max().unwrap_or(0) + AROUND + MARKERS
    }
}

impl Row {
    /// The text of the turn that is the last so far.
    fn answer(&self, language: &Language, drawn: &Drawn) -> String {
        let from = self.replies.last().map_or(0, |reply| reply.at);
        language.tokenizer.decode(&drawn.ids()[from..])
    }

    /// The whole dialogue.
    fn ended(self, language: &Language, drawn: &Drawn) -> Answer {
        let text = self.answer(language, drawn);
        let ids = drawn.ids();
        let mut pieces = Vec::with_capacity(ids.len());
        let starts = std::iter::once(0).chain(self.replies.iter().map(|reply| reply.at));
        let ends = self.replies.iter().map(|reply| reply.at).chain([ids.len()]);
        for (start, end) in starts.zip(ends) {
            pieces.extend(crate::samples::pieces(&language.tokenizer, &ids[start..end]));
        }
        Answer {
            text,
            pieces,
            stop: if self.cut_off { StopReason::Length } else { drawn.stop },
            replies: self.replies,
            ..Answer::single(language, drawn)
        }
    }
}

/// Demonstrations as dialogues: the answer, then at every further turn what the user says to it and the answer again. The
/// answers of all turns are taught.
pub(crate) fn shown(
    spec: &EnvironmentSpec,
    seed: u64,
    language: &Language,
    items: &[Item],
    shown: Vec<Demonstration>,
) -> Result<Vec<RenderedChat>> {
    let partner = Partner::new(items, seed);
    let one = |(q, (item, shown)): (usize, (&Item, Demonstration))| -> Result<RenderedChat> {
        let asked = language.template.prompt(&language.tokenizer, &shown.prompt)?.len();
        let messages = conversation(spec, &partner, (q as u64, item), shown);
        let mut chat = language.template.render(&language.tokenizer, &messages)?;
        chat.loss_mask[..asked].fill(false);
        Ok(chat)
    };
    items.iter().zip(shown).enumerate().map(one).collect()
}

/// A demonstration's question and answer, then so many pushes that the dialogue has its turns, each met with the same answer.
fn conversation(
    spec: &EnvironmentSpec,
    partner: &Partner,
    (q, item): (u64, &Item),
    shown: Demonstration,
) -> Vec<Message> {
    let Demonstration { prompt: mut messages, answer } = shown;
    messages.push(Message::assistant(&answer));
    for turn in 1..spec.turns {
        let place = (0, q, turn);
        let push = partner.push(&spec.pushes, place);
        messages.push(Message::user(partner.reply(push, item, &answer, place)));
        messages.push(Message::assistant(&answer));
    }
    messages
}

fn lost() -> TrainError {
    TrainError::Recipe("a dialogue was lost while it was drawn".into())
}

fn no_turns() -> TrainError {
    TrainError::Recipe(
        "[environment] needs a model whose tokenizer has turn markers (`<|user|>` and its like, or ChatML's); this one has none"
            .into(),
    )
}

/// Shares of a step's dialogues whose truth is known: `dialogue/stayed`, `gave_up`, `mended`, `wavered`, `missed`.
pub(crate) fn courses(groups: &[Group]) -> Metrics {
    let all = groups.iter().flat_map(|group| group.answers.iter().map(move |a| (&group.item, a)));
    let all: Vec<Course> = all.filter_map(|(item, answer)| course(item, &answer.turns())).collect();
    let named = [
        ("stayed", Course::Stayed),
        ("gave_up", Course::GaveUp),
        ("mended", Course::Mended),
        ("wavered", Course::Wavered),
        ("missed", Course::Missed),
    ];
    let share = |course| all.iter().filter(|c| **c == course).count() as f64 / all.len() as f64;
    let named = named.into_iter().filter(|_| !all.is_empty());
    named.map(|(name, course)| (format!("dialogue/{name}"), share(course))).collect()
}

/// What is wrong with a recipe's environment.
pub(crate) fn complaint(recipe: &Recipe) -> Option<String> {
    let EnvironmentSpec { turns, pushes, steadfast } = recipe.environment.as_ref()?;
    let twice = pushes.iter().enumerate().any(|(i, push)| pushes[..i].contains(push));
    let compares = recipe.reward.graders.iter().any(|graded| graded.grader == Grader::Consistency {});
    let rules = [
        ((2..=8).contains(turns), format!("environment.turns is {turns}; expected 2 to 8 answers in a dialogue")),
        (
            !pushes.is_empty() && !twice,
            format!(
                "environment.pushes: expected some of {}, each once",
                Push::ALL.map(Push::name).join(", ")
            ),
        ),
        (
            steadfast.is_finite() && *steadfast >= 0.0,
            format!("environment.steadfast is {steadfast}; expected a number of at least 0"),
        ),
        (
            recipe.grpo.advantage != AdvantageEstimator::Remax,
            "grpo.advantage remax compares with an answer that is not drawn, and a dialogue of its own would be pushed \
             otherwise; use another estimator with [environment]"
                .to_owned(),
        ),
        (
            recipe.reward.combine != (Combine::NormaliseThenSum {}) && !compares,
            "[environment] pays whole dialogues, which reward.combine normalise_then_sum and the consistency grader cannot \
             compare; combine by sum, and leave that grader out"
                .to_owned(),
        ),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map(|(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_dataset::World;
    use clicker_wire::{Role, Split};

    #[test]
    fn a_demonstration_stays_with_its_answer_at_every_push() {
        let world = World::new(1);
        let items = &world.items(Split::Sft)[..20];
        let partner = Partner::new(items, 1);
        for turns in [2, 3] {
            let spec = EnvironmentSpec { turns, ..EnvironmentSpec::default() };
            for (q, item) in (0..).zip(items) {
                let answer = world.demonstration(item).content;
                let shown = Demonstration { prompt: item.messages.clone(), answer: answer.clone() };
                let messages = conversation(&spec, &partner, (q, item), shown);
                let (prompt, rest) = messages.split_at(item.messages.len());
                assert_eq!(prompt, item.messages);
                assert_eq!(rest.len(), 2 * turns as usize - 1);
                for (i, message) in rest.iter().enumerate() {
                    let answers = i % 2 == 0;
                    assert_eq!(message.role, if answers { Role::Assistant } else { Role::User });
                    assert_eq!(message.content == answer, answers, "{}", message.content);
                }
            }
        }
    }
}
