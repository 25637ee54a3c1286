//! Drawing one token from logits: temperature, top-k, top-p, with a random stream of its own for every sample, so that any
//! sample of any step can be drawn again alone.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

/// Seed of the stream of one sample: a hash of (seed, step, prompt, sample), so that neighbours have nothing in common.
#[must_use]
pub fn stream_seed(seed: u64, step: u64, prompt: u64, sample: u64) -> u64 {
    [step, prompt, sample].into_iter().fold(mix(seed ^ 0x636c_6963_6b65_7221), |h, part| mix(h ^ mix(part)))
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014) on the next point of its sequence.
fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Draws tokens for one sample.
#[derive(Clone, Debug)]
pub struct Sampler {
    rng: ChaCha8Rng,
    temperature: f32,
    top_k: usize,
    top_p: f32,
    order: Vec<u32>,
}

impl Sampler {
    /// A sampler with the given stream. Temperature 0 is greedy and draws nothing from the stream.
    #[must_use]
    pub fn new(sampling: &clicker_wire::Sampling, stream: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(stream),
            temperature: sampling.temperature,
            top_k: sampling.top_k as usize,
            top_p: sampling.top_p,
            order: Vec::new(),
        }
    }

    /// The next token, given log-probabilities [V] at temperature 1.
    pub fn draw(&mut self, logprobs: &[f32]) -> u32 {
        if self.temperature <= 0.0 {
            return argmax(logprobs);
        }
        // 24 bits: every value is exact in f32 and below 1.
        let uniform = (self.rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
        if self.top_k == 0 && self.top_p >= 1.0 {
            return self.draw_from_all(logprobs, uniform);
        }
        self.order.clear();
        self.order.extend(0..logprobs.len() as u32);
        let by_probability = |a: &u32, b: &u32| logprobs[*b as usize].total_cmp(&logprobs[*a as usize]).then(a.cmp(b));
        if self.top_k > 0 && self.top_k < self.order.len() {
            self.order.select_nth_unstable_by(self.top_k - 1, by_probability);
            self.order.truncate(self.top_k);
        }
        self.order.sort_unstable_by(by_probability);
        let best = logprobs[self.order[0] as usize];
        let mut weights: Vec<f32> = self.order.iter().map(|&i| self.weight(logprobs[i as usize], best)).collect();
        let total: f32 = weights.iter().sum();
        let mut kept = 0.0;
        let nucleus = weights.iter().position(|w| {
            kept += w;
            kept >= self.top_p * total
        });
        weights.truncate(nucleus.map_or(weights.len(), |last| last + 1));
        let mut left = uniform * weights.iter().sum::<f32>();
        for (&id, weight) in self.order.iter().zip(&weights) {
            left -= weight;
            if left < 0.0 {
                return id;
            }
        }
        self.order[weights.len() - 1]
    }

    fn draw_from_all(&self, logprobs: &[f32], uniform: f32) -> u32 {
        let best = logprobs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = logprobs.iter().map(|&l| self.weight(l, best)).sum();
        let mut left = uniform * total;
        let mut last = 0;
        for (id, &l) in logprobs.iter().enumerate() {
            let weight = self.weight(l, best);
            if weight > 0.0 {
                left -= weight;
                last = id as u32;
                if left < 0.0 {
                    break;
                }
            }
        }
        last
    }

    fn weight(&self, logprob: f32, best: f32) -> f32 {
        crate::ops::math::exp((logprob - best) / self.temperature)
    }
}

/// Index of the largest value, the first of equals; NaN never wins.
pub(crate) fn argmax(values: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, &v) in values.iter().enumerate() {
        if v > best.1 {
            best = (i as u32, v);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicker_wire::Sampling;

    fn frequencies(sampling: &Sampling, probabilities: &[f32], draws: u64) -> Vec<f32> {
        let logprobs: Vec<f32> = probabilities.iter().map(|p| p.ln()).collect();
        let mut counts = vec![0f32; probabilities.len()];
        for i in 0..draws {
            counts[Sampler::new(sampling, stream_seed(7, 0, 0, i)).draw(&logprobs) as usize] += 1.0 / draws as f32;
        }
        counts
    }

    #[test]
    fn draws_follow_the_distribution() {
        let f = frequencies(&Sampling::default(), &[0.5, 0.3, 0.2], 20_000);
        assert!((f[0] - 0.5).abs() < 0.02 && (f[1] - 0.3).abs() < 0.02, "{f:?}");
    }

    #[test]
    fn temperature_top_k_and_top_p_cut_what_they_should() {
        let p = [0.1, 0.5, 0.15, 0.25];
        let cold = frequencies(&Sampling { temperature: 0.5, ..Sampling::default() }, &p, 20_000);
        let expected = 0.25 / (0.01 + 0.25 + 0.0225 + 0.0625);
        assert!((cold[1] - expected).abs() < 0.02, "{cold:?}");
        let k2 = frequencies(&Sampling { top_k: 2, ..Sampling::default() }, &p, 4_000);
        assert!(k2[0] == 0.0 && k2[2] == 0.0 && (k2[1] - 2.0 / 3.0).abs() < 0.04, "{k2:?}");
        let nucleus = frequencies(&Sampling { top_p: 0.7, ..Sampling::default() }, &p, 4_000);
        assert!(nucleus[0] == 0.0 && nucleus[2] == 0.0 && nucleus[3] > 0.2, "{nucleus:?}");
        assert_eq!(Sampler::new(&Sampling { temperature: 0.0, ..Sampling::default() }, 1).draw(&[0.0, 3.0, 3.0]), 1);
    }

    #[test]
    fn streams_differ_in_every_coordinate_and_repeat() {
        let seeds = [
            stream_seed(1, 2, 3, 4),
            stream_seed(0, 2, 3, 4),
            stream_seed(1, 0, 3, 4),
            stream_seed(1, 2, 0, 4),
            stream_seed(1, 3, 2, 4),
            stream_seed(1, 2, 3, 0),
        ];
        for (i, a) in seeds.iter().enumerate() {
            assert!(seeds[i + 1..].iter().all(|b| a != b));
        }
        assert_eq!(seeds[0], stream_seed(1, 2, 3, 4));
    }
}
