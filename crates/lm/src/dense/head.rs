//! From final states to log-probabilities of given tokens and back, a chunk of rows at a time: the logits of a batch never
//! exist all at once, and the backward pass computes them again.

use super::pool::Pool;
use super::weights::{Slices, head_backward, head_forward};
use super::{CHUNK, Shape, rows};
use crate::kernel::{Panels, Scratch, Store, View, multiply};

/// Which row's state predicts which token.
#[derive(Clone, Copy)]
pub(super) struct Targets<'a> {
    pub(super) rows: &'a [u32],
    pub(super) tokens: &'a [u32],
}

/// ln p of every target, the entropy there, and whether it is the likeliest token.
#[derive(Debug, Default)]
pub(super) struct Scores {
    pub(super) logprobs: Vec<f32>,
    pub(super) entropies: Vec<f32>,
    pub(super) hits: Vec<bool>,
}

/// Gradients that begin at the head: of the states [N, D], the head [V, D] (empty where it does not learn) and
/// the last norm [D]; all are added to.
pub(super) struct HeadGradients<'a> {
    pub(super) dx: &'a mut [f32],
    pub(super) head: &'a mut [f32],
    pub(super) norm: &'a mut [f32],
}

/// Scores of targets under final states `x` [N, D], not yet normalised.
pub(super) fn scores(shape: Shape, w: &Slices<'_>, x: &[f32], targets: Targets<'_>, pool: &Pool) -> Scores {
    let mut out = Scores::default();
    let head = head_forward(shape, w);
    each_chunk(shape, w, x, targets, &head, pool, |chunk| {
        for (logits, &target) in chunk.logits.chunks_exact_mut(shape.vocab).zip(chunk.targets.tokens) {
            let (logprob, entropy, hit, _) = rows::score_token(logits, target as usize);
            out.logprobs.push(logprob);
            out.entropies.push(entropy);
            out.hits.push(hit);
        }
    });
    out
}

/// Add the gradients of sum_i g_i ln p_i.
pub(super) fn backward(
    shape: Shape,
    w: &Slices<'_>,
    x: &[f32],
    (targets, g): (Targets<'_>, &[f32]),
    out: &mut HeadGradients<'_>,
    pool: &Pool,
) {
    let (d, vocab) = (shape.width, shape.vocab);
    let (forward, back) = (head_forward(shape, w), head_backward(shape, w));
    let (mut inputs, mut scratch) = (Panels::default(), Scratch::default());
    let most = targets.rows.len().min(CHUNK);
    let (mut dh, mut dx) = (pool.take(most * d), pool.take(most * d));
    let mut g = g.iter();
    each_chunk(shape, w, x, targets, &forward, pool, |chunk| {
        let n = chunk.targets.rows.len();
        for ((logits, &target), &g) in chunk.logits.chunks_exact_mut(vocab).zip(chunk.targets.tokens).zip(&mut g) {
            let (_, _, _, sum) = rows::score_token(logits, target as usize);
            rows::score_token_backward(logits, target as usize, sum, g);
        }
        if !out.head.is_empty() {
            inputs.pack(View::new(chunk.h, n, d));
            multiply(View::new(chunk.logits, n, vocab).turned(), &inputs, out.head, d, Store::Add, &mut scratch);
        }
        let (dh, dx) = (&mut dh[..n * d], &mut dx[..n * d]);
        multiply(View::new(chunk.logits, n, vocab), &back, dh, d, Store::Set, &mut scratch);
        dx.fill(0.0);
        rows::rms_norm_backward(chunk.x, w.norm, shape.eps, dh, dx, out.norm);
        for (&row, dx) in chunk.targets.rows.iter().zip(dx.chunks_exact(d)) {
            rows::add(&mut out.dx[row as usize * d..(row as usize + 1) * d], dx);
        }
    });
}

/// A chunk of targets with what belongs to them.
struct Chunk<'a> {
    targets: Targets<'a>,
    /// Their states, [n, D].
    x: &'a [f32],
    /// The same normalised.
    h: &'a [f32],
    /// [n, V]
    logits: &'a mut [f32],
}

fn each_chunk(
    shape: Shape,
    w: &Slices<'_>,
    x: &[f32],
    targets: Targets<'_>,
    head: &Panels,
    pool: &Pool,
    mut f: impl FnMut(Chunk<'_>),
) {
    let (d, vocab, mut scratch) = (shape.width, shape.vocab, Scratch::default());
    let most = targets.rows.len().min(CHUNK);
    let (mut states, mut h, mut logits) = (pool.take(most * d), pool.take(most * d), pool.take(most * vocab));
    for (rows, tokens) in targets.rows.chunks(CHUNK).zip(targets.tokens.chunks(CHUNK)) {
        let n = rows.len();
        let (states, h, logits) = (&mut states[..n * d], &mut h[..n * d], &mut logits[..n * vocab]);
        for (state, &row) in states.chunks_exact_mut(d).zip(rows) {
            state.copy_from_slice(&x[row as usize * d..(row as usize + 1) * d]);
        }
        rows::rms_norm(states, w.norm, shape.eps, h);
        multiply(View::new(h, n, d), head, logits, vocab, Store::Set, &mut scratch);
        f(Chunk { targets: Targets { rows, tokens }, x: states, h, logits });
    }
}
