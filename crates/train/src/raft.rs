//! RAFT (arXiv 2304.06767), also called rejection-sampling fine-tuning: sample a group of answers, keep the best if it is good
//! enough, and learn it as a demonstration. The honest baseline between supervised fine-tuning and GRPO: it uses the reward
//! only to choose.
//!
//! Departures: one update per step on the kept answers, so the sampler is always the newest policy; a step in which nothing is
//! good enough changes nothing. Never knows a reference or a KL.

use crate::cursor::Cursor;
use crate::reward::score_at;
use crate::rollout::{Group, collect};
use crate::session::{Metrics, Session, Stopwatch};
use crate::sft::gradient;
use crate::{Control, Outcome, Result, Sink};
use clicker_lm::RenderedChat;
use clicker_rewards::judge;
use clicker_rl::{metrics, select};
use clicker_wire::{AdvantageScale, Item, Reward, Sampling, StopReason};

pub(crate) fn run(
    session: &mut Session<'_>,
    items: &[Item],
    sink: &mut dyn Sink,
    control: &dyn Fn() -> Control,
) -> Result<Outcome> {
    let (recipe, rollout) = (session.recipe, &session.recipe.rollout);
    let sampling = Sampling { seed: recipe.seed, ..rollout.sampling.clone() };
    let mut cursor = Cursor::new(recipe.seed, items.len(), rollout.prompts as usize);
    while let Some(step) = session.next_step(sink)? {
        if control() == Control::Pause {
            return Ok(Outcome::Paused);
        }
        let (mut watch, mut values) = (Stopwatch::start(), Metrics::new());
        let asked: Vec<Item> = cursor.items(step).into_iter().map(|i| items[i].clone()).collect();
        let sampler = session.policy.snapshot()?;
        let groups = collect(&sampler, &session.language, &asked, rollout.group_size as usize, &sampling, step)?;
        watch.lap(&mut values, "timing/rollout");

        let controllers = &session.place.controllers;
        let (reward, prices) = (controllers.in_force(&recipe.reward), controllers.multipliers());
        let scored = score_at(&reward, &prices, session.scorers.outside(), &groups, AdvantageScale::None)?;
        values.extend(session.observe(step, &groups, &scored));
        let kept = demonstrations(&groups, &scored.rewards, recipe.raft.accept_above);
        watch.lap(&mut values, "timing/reward");

        let gradient = gradient(&session.policy, &kept.iter().collect::<Vec<_>>())?;
        watch.lap(&mut values, "timing/train");
        // Without a gradient the optimizer's momentum would still move the weights.
        if !kept.is_empty() {
            session.learn(sink, step, &mut values, gradient.loss, &gradient.gradients)?;
        }
        watch.lap(&mut values, "timing/optimizer");

        values.extend(scored.metrics);
        let answers = || groups.iter().flat_map(|g| &g.answers);
        let lengths: Vec<usize> = answers().map(|a| a.ids.len()).collect();
        let ended: Vec<bool> = answers().map(|a| a.stop == StopReason::End).collect();
        values.extend(metrics::completions(&lengths, &ended)?);
        let entropies: Vec<f64> = answers().flat_map(|a| a.entropies.iter().map(|&e| f64::from(e))).collect();
        values.extend(metrics::entropy(&entropies));
        values.extend(metrics::token_accuracy(&gradient.hits));
        let rest = [("raft/accepted", kept.len() as f64 / groups.len().max(1) as f64), ("epoch", cursor.epoch(step))];
        values.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        watch.total(&mut values);
        let events = session.place.alarms.check(step, &values);
        session.finish_step(sink, values, events, gradient.tokens)?;
    }
    Ok(Outcome::Finished)
}

/// The best answer of every group that is good enough, as a conversation whose answer counts.
fn demonstrations(groups: &[Group], rewards: &[Vec<Reward>], above: f64) -> Vec<RenderedChat> {
    let totals: Vec<Vec<Option<f64>>> = rewards.iter().map(|g| g.iter().map(judge::total).collect()).collect();
    let chat = |(p, g): (usize, usize)| {
        let (prompt, answer) = (&groups[p].prompt, &groups[p].answers[g].ids);
        let mut loss_mask = vec![false; prompt.len()];
        loss_mask.resize(prompt.len() + answer.len(), true);
        RenderedChat { ids: [prompt.as_slice(), answer].concat(), loss_mask }
    };
    select::accepted(&totals, above).into_iter().map(chat).collect()
}
