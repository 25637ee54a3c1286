//! Drawing one token from logits: temperature, top-k, top-p, with a random stream of its own for every sample, so that any
//! sample of any step can be drawn again alone.

use clicker_kernels::distribution;
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
    min_p: f32,
    weights: Vec<f32>,
    kept: Vec<(u32, f32)>,
}

/// Candidates are first looked for within this many temperatures of the likeliest: e^-12 is 6 in a million.
const REACH: f32 = 12.0;

impl Sampler {
    /// A sampler with the given stream. Temperature 0 is greedy and draws nothing from the stream.
    #[must_use]
    pub fn new(sampling: &clicker_wire::Sampling, stream: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(stream),
            temperature: sampling.temperature,
            top_k: sampling.top_k as usize,
            top_p: sampling.top_p,
            min_p: sampling.min_p,
            weights: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// The next token, given logits [V] at temperature 1 (a constant added to all makes no difference).
    pub fn draw(&mut self, logits: &[f32]) -> u32 {
        if self.temperature <= 0.0 {
            return distribution::argmax(logits);
        }
        // 24 bits: every value is exact in f32 and below 1.
        let uniform = (self.rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
        let most = distribution::max(logits);
        let total = distribution::weights(logits, most, self.temperature, &mut self.weights);
        if self.top_k == 0 && self.top_p >= 1.0 && self.min_p <= 0.0 {
            return draw_from_all(&self.weights, uniform * total);
        }
        self.keep(total);
        let mut left = uniform * self.kept.iter().map(|(_, w)| w).sum::<f32>();
        for &(id, weight) in &self.kept {
            left -= weight;
            if left < 0.0 {
                return id;
            }
        }
        self.kept.last().map_or(0, |&(id, _)| id)
    }

    /// The candidates that may be drawn, likeliest first: the k likeliest, of these the nucleus, of these what min-p leaves.
    fn keep(&mut self, total: f32) {
        let wanted = if self.top_k == 0 { 0 } else { self.top_k.min(self.weights.len()) };
        let mut least = (-REACH).exp();
        loop {
            let weights = self.weights.iter().copied().enumerate();
            self.kept.clear();
            self.kept.extend(weights.filter(|&(_, w)| w >= least).map(|(id, w)| (id as u32, w)));
            let held: f32 = self.kept.iter().map(|(_, w)| w).sum();
            // A nucleus of the k likeliest is a share of these alone; one of all tokens has to be found whole.
            let enough =
                if wanted > 0 { self.kept.len() >= wanted } else { self.top_p < 1.0 && held >= self.top_p * total };
            if enough || least <= self.min_p || least <= 0.0 {
                break;
            }
            // Few candidates far apart: take all.
            least = 0.0;
        }
        let likeliest = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if wanted > 0 && wanted < self.kept.len() {
            self.kept.select_nth_unstable_by(wanted - 1, likeliest);
            self.kept.truncate(wanted);
        }
        self.kept.sort_unstable_by(likeliest);
        let total = if wanted > 0 { self.kept.iter().map(|(_, w)| w).sum() } else { total };
        if self.top_p < 1.0 {
            let mut reached = 0.0;
            let nucleus = self.kept.iter().position(|(_, w)| {
                reached += w;
                reached >= self.top_p * total
            });
            self.kept.truncate(nucleus.map_or(self.kept.len(), |last| last + 1));
        }
        // Weights are relative to the likeliest, whose own is 1.
        let above = self.kept.partition_point(|&(_, w)| w >= self.min_p);
        self.kept.truncate(above.max(1));
    }
}

fn draw_from_all(weights: &[f32], mut left: f32) -> u32 {
    let mut last = 0;
    for (id, &weight) in weights.iter().enumerate() {
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
        // 0.15 is less than a third of 0.5 and 0.25 is not.
        let min_p = frequencies(&Sampling { min_p: 0.34, ..Sampling::default() }, &p, 4_000);
        assert!(min_p[0] == 0.0 && min_p[2] == 0.0 && (min_p[1] - 2.0 / 3.0).abs() < 0.04, "{min_p:?}");
    }

    /// Candidates are looked for near the likeliest first: the answer is as if all had been sorted.
    #[test]
    fn looking_at_few_candidates_changes_nothing() {
        let logits: Vec<f32> = (0..500).map(|i| ((i * 7919) % 1009) as f32 * 0.05).collect();
        for (top_k, top_p, min_p) in [
            (5, 1.0, 0.0),
            (400, 1.0, 0.0),
            (0, 0.9, 0.0),
            (0, 0.9999, 0.0),
            (50, 0.5, 0.0),
            (0, 1.0, 1e-9),
            (0, 0.8, 0.4),
        ] {
            let sampling = Sampling { top_k, top_p, min_p, temperature: 0.7, ..Sampling::default() };
            let mut sampler = Sampler::new(&sampling, 1);
            sampler.draw(&logits);
            let most = distribution::max(&logits);
            let mut all: Vec<(u32, f64)> =
                logits.iter().enumerate().map(|(i, l)| (i as u32, f64::from((l - most) / 0.7).exp())).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            if top_k > 0 {
                all.truncate(top_k as usize);
            }
            let total: f64 = all.iter().map(|a| a.1).sum();
            let mut reached = 0.0;
            let end = all.iter().position(|a| {
                reached += a.1;
                top_p < 1.0 && reached >= f64::from(top_p) * total
            });
            all.truncate(end.map_or(all.len(), |e| e + 1));
            all.retain(|a| a.1 >= f64::from(min_p));
            let kept: Vec<u32> = sampler.kept.iter().map(|k| k.0).collect();
            // The last of a nucleus may fall on either side of a rounding error.
            assert!(kept.len().abs_diff(all.len()) <= 1, "{sampling:?}: {} and {}", kept.len(), all.len());
            assert!(kept.iter().zip(&all).all(|(a, b)| *a == b.0), "{sampling:?}");
        }
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
