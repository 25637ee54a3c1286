//! How many answers a second each grader reads, on one core: the rewards and answers of `clicker_rewards::bench`, timed.

use clicker_rewards::{Scorer, bench};
use serde::Serialize;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Answers a second, by grader.
#[derive(Clone, Debug, Serialize)]
pub struct BenchGraders {
    /// Answers that are read in turn, and the mean of their bytes.
    pub answers: usize,
    /// Mean length of an answer.
    pub bytes: f64,
    /// Every rule grader alone, then six of them as one reward, `composite`.
    pub graders: Vec<GraderSpeed>,
}

/// One reward's speed.
#[derive(Clone, Debug, Serialize)]
pub struct GraderSpeed {
    /// The grader's type.
    pub name: String,
    /// Answers a second, median of the rounds.
    pub per_second: f64,
}

/// Measures each for about half a second, three rounds of it, on the thread that calls.
#[must_use]
pub fn bench_graders() -> BenchGraders {
    let groups = bench::groups();
    let texts = || groups.iter().flat_map(|(_, texts)| texts);
    let (answers, bytes) = (texts().count(), texts().map(String::len).sum::<usize>());
    let speed = |(name, config)| {
        let scorer = Scorer::new(&config);
        let once = || {
            for (item, texts) in &groups {
                black_box(scorer.group(item, texts));
            }
        };
        once();
        let mut rounds: Vec<f64> =
            (0..3).map(|_| answers as f64 * repeated(once, Duration::from_millis(170))).collect();
        rounds.sort_by(f64::total_cmp);
        GraderSpeed { name, per_second: rounds[1] }
    };
    let graders = bench::rewards().into_iter().map(speed).collect();
    BenchGraders { answers, bytes: bytes as f64 / answers as f64, graders }
}

/// How often a second the work is done, over at least this long.
fn repeated(work: impl Fn(), least: Duration) -> f64 {
    let (start, mut count) = (Instant::now(), 0u32);
    while start.elapsed() < least {
        work();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grader_is_measured() {
        let work = std::cell::Cell::new(0);
        assert!(repeated(|| work.set(work.get() + 1), Duration::from_millis(1)) > 0.0 && work.get() > 0);
        let names: Vec<String> = bench::rewards().into_iter().map(|(name, _)| name).collect();
        assert!(names.len() > 18 && names.last().is_some_and(|name| name == "composite"), "{names:?}");
        for (name, config) in bench::rewards() {
            clicker_rewards::validate(&config).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (item, texts) = &bench::groups()[0];
            let rewards = Scorer::new(&config).group(item, texts);
            assert!(rewards.iter().any(|r| r.receipts[0].score.is_some()), "{name} does not apply to any answer");
        }
    }
}
