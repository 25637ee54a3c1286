//! Data parallelism: a step's work is cut into a fixed number of shards, one thread each.
//!
//! The number is a constant, not the number of cores, and results are combined in shard order, so that a run gives the
//! same bits on every machine that computes the same products. Inside a shard everything is serial.

/// Shards of a step.
pub(crate) const SHARDS: usize = 2;

/// Run `work(shard)` for every shard at the same time; results in shard order, or the first error.
pub(crate) fn shards<R: Send, E: Send>(work: impl Fn(usize) -> Result<R, E> + Sync) -> Result<Vec<R>, E> {
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..SHARDS).map(|shard| scope.spawn(move || work(shard))).collect();
        let mut results = vec![work(0)];
        for other in others {
            results.push(match other.join() {
                Ok(result) => result,
                // A panic in a shard is a bug; it goes on in the caller as if it had happened there.
                Err(panic) => std::panic::resume_unwind(panic),
            });
        }
        results.into_iter().collect()
    })
}
