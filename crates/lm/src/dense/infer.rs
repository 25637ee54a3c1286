//! Continuing texts with a frozen dense model: its weights are packed once, and a step computes one row for every text that is
//! still going.

use super::attention::Attention;
use super::forward::{self, Attend, Keep, Source, Work};
use super::pool::Buffer;
use super::record::{Recorder, Rows};
use super::weights::{ModelPanels, Slices};
use super::{Dense, rows};
use crate::cache::HostCache;
use crate::kernel::{Store, View, multiply};
use crate::{Result, RowPlan};
use std::sync::Arc;

impl Dense {
    /// As [`crate::Inference::prefill`]; ids and positions have been checked.
    pub(crate) fn prefill(&self, ids: &[u32], plan: &Arc<RowPlan>, capacity: usize) -> Result<(Vec<f32>, HostCache)> {
        let shape = self.shape;
        let mut cache = HostCache::new(plan, shape.attention, shape.layers, capacity);
        let mut attention = Attention::new(shape, plan);
        let mut keep = if self.records { Keep::All(Vec::new()) } else { Keep::Nothing };
        let (logits, last) = self.run(ids, plan.positions(), &plan.last_rows(), &mut keep, &mut |_, qkv, out| {
            let part = |at: usize| qkv.chunks_exact(shape.qkv()).flat_map(move |r| &r[at..at + shape.kv]).copied();
            let [keys, values]: [Vec<f32>; 2] = [part(shape.q).collect(), part(shape.q + shape.kv).collect()];
            cache.push_prompt_layer(&keys, &values);
            attention.forward(qkv, out);
            Ok(())
        })?;
        if let Keep::All(saved) = keep {
            let parts = (shape, &self.pool, self.version);
            cache.recorder = Some(Recorder::new(parts, (ids, plan), capacity, Rows { saved, last }));
        }
        Ok((logits, cache))
    }

    /// As [`crate::Inference::step`]; ids and positions have been checked.
    pub(crate) fn step(
        &self,
        ids: &[u32],
        positions: &[u32],
        rows: &[usize],
        cache: &mut HostCache,
    ) -> Result<Vec<f32>> {
        let shape = self.shape;
        let all: Vec<u32> = (0..ids.len() as u32).collect();
        let recorder = cache.recorder.take();
        let mut keep = if recorder.is_some() { Keep::All(Vec::new()) } else { Keep::Nothing };
        let (logits, last) = self.run(ids, positions, &all, &mut keep, &mut |layer, qkv, out| {
            let outputs = qkv.chunks_exact(shape.qkv()).zip(out.chunks_exact_mut(shape.q));
            for (i, (qkv, out)) in outputs.enumerate() {
                let (q, kv) = qkv.split_at(shape.q);
                cache.attend_row(layer, &rows[i..], q, kv.split_at(shape.kv), out)?;
            }
            Ok(())
        })?;
        if let (Keep::All(saved), Some(recorder)) = (keep, recorder) {
            cache.recorder = recorder.add(&cache.origins(), rows, ids, &Rows { saved, last });
        }
        cache.advance(rows);
        Ok(logits)
    }

    /// No more tokens follow: what was recorded waits for the policy.
    pub(crate) fn finished(&self, mut cache: HostCache) {
        let recorded = cache.recorder.take().and_then(|recorder| recorder.finish(&cache.origins()));
        if let Some(recording) = recorded {
            self.memo.keep(recording);
        }
    }

    /// Logits [M, V] that follow the listed rows, and the residual stream after the last block [N, D].
    fn run(
        &self,
        ids: &[u32],
        positions: &[u32],
        wanted: &[u32],
        keep: &mut Keep,
        attend: &mut Attend<'_>,
    ) -> Result<(Vec<f32>, Buffer)> {
        let (shape, d) = (self.shape, self.shape.width);
        Slices::with(self, |w| {
            // Weights that may change are packed anew every time.
            let fresh = self.trains().then(|| Arc::new(ModelPanels::pack(shape, w)));
            let panels =
                fresh.as_ref().unwrap_or_else(|| self.frozen.get_or_init(|| Arc::new(ModelPanels::pack(shape, w))));
            let mut x = self.pool.take(ids.len() * d);
            forward::embed(shape, w, ids, &mut x);
            let mut work = Work::new(shape, ids.len(), &self.pool);
            let mut source = Source::Frozen(&panels.layers);
            let setting = self.setting(positions);
            forward::blocks(setting, w, &mut source, &mut x, keep, (&mut work, &self.pool), attend)?;
            let mut last = self.pool.take(wanted.len() * d);
            for (last, &row) in last.chunks_exact_mut(d).zip(wanted) {
                last.copy_from_slice(&x[row as usize * d..(row as usize + 1) * d]);
            }
            let mut h = self.pool.take(wanted.len() * d);
            rows::rms_norm(&last, w.norm, shape.eps, &mut h);
            let mut logits = vec![0f32; wanted.len() * shape.vocab];
            let h = View::new(&h, wanted.len(), d);
            multiply(h, &panels.head, &mut logits, shape.vocab, Store::Set, &mut work.scratch);
            Ok((logits, x))
        })
    }
}
