//! Dynamic sampling (DAPO, arXiv 2503.14476): groups whose rewards are all equal teach nothing, so further prompts take their
//! place, within a budget of draws. Which prompts: an order of their own, a function of seed and step, so that a resumed run
//! asks the same.
//!
//! Departure: where the budget is spent, the step trains on the groups with signal that there are; without any it trains on
//! the first draw. Others stop the run.

use crate::Result;
use crate::cursor::Cursor;
use crate::reward::Scored;
use crate::rollout::Group;
use crate::session::Metrics;
use clicker_rl::select::{Resample, resample};

/// What a step asks further prompts from.
pub(crate) struct Refill {
    cursor: Cursor,
    max_draws: u32,
}

/// Distinguishes the order of further prompts from the first ones'.
const FURTHER: u64 = 0x6675_7274_6865_7221;

impl Refill {
    /// For runs that draw at most `max_draws` times a step `prompts` prompts of `items`.
    pub(crate) fn new(seed: u64, items: usize, prompts: usize, max_draws: u32) -> Self {
        let most = prompts * max_draws.saturating_sub(1).max(1) as usize;
        Self { cursor: Cursor::new(seed ^ FURTHER, items, most), max_draws }
    }

    /// The groups that a step trains on. `draw` answers the questions of these places (its second argument numbers the draw,
    /// from 1), `score` rewards groups.
    pub(crate) fn groups(
        &mut self,
        step: u32,
        first: Vec<Group>,
        mut draw: impl FnMut(&[usize], u32) -> Result<Vec<Group>>,
        score: impl Fn(&[Group]) -> Result<Scored>,
        metrics: &mut Metrics,
    ) -> Result<Vec<Group>> {
        if self.max_draws < 2 {
            return Ok(first);
        }
        let wanted = first.len();
        let further = self.cursor.items(step);
        let (mut asked, mut draws) = (0, 1);
        let mut kept = with_signal(first.clone(), &score(&first)?);
        while let Resample::Draw(missing) = resample(kept.len(), wanted, draws, self.max_draws) {
            let places = &further[asked..(asked + missing).min(further.len())];
            if places.is_empty() {
                break;
            }
            asked += places.len();
            let more = draw(places, draws)?;
            draws += 1;
            let scored = score(&more)?;
            kept.extend(with_signal(more, &scored));
        }
        metrics.insert("dynamic_sampling/draws".into(), draws.into());
        metrics.insert("dynamic_sampling/prompts".into(), (wanted + asked) as f64);
        metrics.insert("dynamic_sampling/kept".into(), kept.len() as f64 / wanted.max(1) as f64);
        Ok(if kept.is_empty() { first } else { kept })
    }
}

fn with_signal(groups: Vec<Group>, scored: &Scored) -> Vec<Group> {
    groups.into_iter().zip(&scored.outcomes.zero_variance).filter(|(_, silent)| !**silent).map(|(g, _)| g).collect()
}
