//! The crew: one thread leads, others have joined it. The leader cuts the work into parts, takes parts like all the others, and goes on when
//! the last is done. A thread takes its own parts first, so that each keeps the same weights in its cache; then what is left, so that one
//! that sleeps, or was ended between two pieces of work, delays nobody.
//!
//! A token of a model with 30 layers is some 200 pieces of work: threads wait for the next one spinning, for a while, then asleep.
#![expect(unsafe_code, reason = "work that borrows is lent to threads that live longer")]

use std::cell::UnsafeCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Fewest multiplications that are worth cutting up: some 4 microseconds, where a meeting takes one or two. Estimated, not measured.
const WORTH: usize = 1 << 15;

/// Parts of one thread: more than one, so that a thread that was interrupted leaves something to take.
const PARTS: usize = 2;

/// Most threads: each has its parts in a word of 32 bits.
const MOST: usize = 32 / PARTS;

/// Looks at what there is to do before a member sleeps: some 50 microseconds, longer than what a step computes between two products.
const LOOKS: u32 = 30_000;

type Work<'a> = &'a (dyn Fn(usize) + Sync);

/// Threads that compute together.
pub struct Crew {
    /// Which piece of work this is, in the upper half; the parts that nobody has taken, a bit each, in the lower.
    open: AtomicU64,
    /// Parts that are done.
    done: AtomicU32,
    work: UnsafeCell<Option<Work<'static>>>,
    /// Somebody leads.
    led: AtomicBool,
    /// A member failed in its part: its places were not all written.
    broken: AtomicBool,
    /// A member failed for good: its part will never be done.
    lost: AtomicBool,
    /// The leader works by itself for now.
    alone: AtomicBool,
    closed: AtomicBool,
    members: AtomicUsize,
    sleepers: AtomicUsize,
    /// The leader sleeps until the last part is done.
    waits: AtomicBool,
    door: Mutex<()>,
    /// There is work, or no longer a crew.
    bell: Condvar,
    /// The last part is done, or never will be.
    end: Condvar,
}

// SAFETY: `work` is written by whoever has set `led`, and only while no part is open and none is being done; it is read by those who have
// taken a part, which the leader waits for.
unsafe impl Sync for Crew {}

/// The crew of this process, or of this engine.
#[must_use]
pub fn crew() -> &'static Crew {
    static CREW: Crew = Crew::new();
    &CREW
}

impl Default for Crew {
    fn default() -> Self {
        Self::new()
    }
}

impl Crew {
    /// Nobody yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            open: AtomicU64::new(0),
            done: AtomicU32::new(0),
            work: UnsafeCell::new(None),
            led: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            alone: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            members: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            waits: AtomicBool::new(false),
            door: Mutex::new(()),
            bell: Condvar::new(),
            end: Condvar::new(),
        }
    }

    /// Threads that work now, the leader included.
    #[must_use]
    pub fn threads(&self) -> usize {
        if self.alone.load(Relaxed) { 1 } else { self.joined() }
    }

    /// Threads that there are, the leader included.
    #[must_use]
    pub fn joined(&self) -> usize {
        1 + self.members.load(Relaxed)
    }

    /// From the next piece of work on the leader works by itself, or no longer.
    pub fn work_alone(&self, alone: bool) {
        self.alone.store(alone, Relaxed);
    }

    /// A thread that takes part joins, and comes back when the crew is closed. Says whether there was room for it.
    pub fn join(&self) -> bool {
        let joined = self.members.fetch_update(AcqRel, Acquire, |n| (n + 1 < MOST).then_some(n + 1));
        let Ok(before) = joined else { return false };
        let mut looks = 0;
        while !self.closed.load(Relaxed) {
            if self.open.load(Acquire) as u32 == 0 {
                looks += 1;
                std::hint::spin_loop();
                if looks == LOOKS {
                    self.sleep();
                    looks = 0;
                }
                continue;
            }
            looks = 0;
            while let Some(part) = self.take(before + 1) {
                // SAFETY: a part that is taken and not done keeps the leader, and with it the work, where it is.
                let work = unsafe { *self.work.get() };
                let ended = catch_unwind(AssertUnwindSafe(|| work.map(|work| work(part))));
                if ended.is_err() {
                    self.broken.store(true, Relaxed);
                }
                self.done.fetch_add(1, SeqCst);
                if self.waits.load(SeqCst) {
                    self.ring(&self.end);
                }
            }
        }
        true
    }

    /// The members may go.
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
        self.members.store(0, Relaxed);
        self.ring(&self.bell);
    }

    /// A member has failed for good: whoever waits for it stops waiting.
    pub fn report_failure(&self) {
        self.lost.store(true, SeqCst);
        self.ring(&self.end);
    }

    /// Does `work` on ranges that make up 0..units, as [`super::share`].
    ///
    /// # Panics
    /// When `work` does, on whichever thread.
    pub fn share(&self, units: usize, cost: usize, work: &(dyn Fn(Range<usize>) + Sync)) {
        let parts = (self.threads() * PARTS).min(units);
        if cost < WORTH || parts < 2 * PARTS || self.led.swap(true, Acquire) {
            return work(0..units);
        }
        let part = |part: usize| work(units * part / parts..units * (part + 1) / parts);
        self.lead(parts, &part);
        self.led.store(false, Release);
    }

    fn lead(&self, parts: usize, work: Work<'_>) {
        // SAFETY: this returns or unwinds only when no part is open and none is being done, except where a member is lost: then
        // nothing is opened any more, and it does not come back to its work.
        let lent = unsafe { std::mem::transmute::<Work<'_>, Work<'static>>(work) };
        // SAFETY: nobody else writes it (`led`), nobody reads it before a part is open.
        unsafe { *self.work.get() = Some(lent) };
        self.done.store(0, Relaxed);
        let number = (self.open.load(Relaxed) >> 32).wrapping_add(1);
        let all = u64::from(u32::MAX >> (32 - parts));
        self.open.store(number << 32 | all, SeqCst);
        if self.sleepers.load(SeqCst) > 0 {
            self.ring(&self.bell);
        }
        let mut ended = Ok(());
        while let Some(part) = self.take(0) {
            let now = catch_unwind(AssertUnwindSafe(|| work(part)));
            self.done.fetch_add(1, Release);
            ended = ended.and(now);
        }
        self.wait(parts as u32);
        if let Err(said) = ended {
            self.led.store(false, Release);
            resume_unwind(said);
        }
        // `led` stays: nobody leads this crew again, work is done alone.
        let failed = self.broken.load(Relaxed) || self.lost.load(Relaxed);
        assert!(!failed, "a thread of the engine failed in the middle of its work");
    }

    /// Until all parts are done.
    fn wait(&self, parts: u32) {
        let ended = || self.done.load(SeqCst) >= parts || self.lost.load(SeqCst);
        for _ in 0..LOOKS {
            if ended() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut door = self.door();
        self.waits.store(true, SeqCst);
        while !ended() {
            door = self.end.wait(door).unwrap_or_else(PoisonError::into_inner);
        }
        self.waits.store(false, SeqCst);
    }

    /// A part that nobody has taken yet: one of the thread's own, else the first.
    fn take(&self, thread: usize) -> Option<usize> {
        let own = (((1u64 << PARTS) - 1) << (thread * PARTS)) as u32;
        let mut open = self.open.load(Acquire);
        loop {
            let left = open as u32;
            let part = if left & own != 0 { left & own } else { left }.trailing_zeros();
            if part == 32 {
                return None;
            }
            // Fails if anything has changed, were it only the number of the work.
            match self.open.compare_exchange_weak(open, open & !(1 << part), AcqRel, Acquire) {
                Ok(_) => return Some(part as usize),
                Err(now) => open = now,
            }
        }
    }

    /// Until there is something to do.
    fn sleep(&self) {
        let mut door = self.door();
        self.sleepers.fetch_add(1, SeqCst);
        while self.open.load(SeqCst) as u32 == 0 && !self.closed.load(SeqCst) {
            door = self.bell.wait(door).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }

    /// Wake whoever sleeps: it looks behind the door before it does.
    fn ring(&self, bell: &Condvar) {
        drop(self.door());
        bell.notify_all();
    }

    /// Nothing is behind it that a panic could leave half done.
    fn door(&self) -> MutexGuard<'_, ()> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew").field("threads", &self.threads()).field("joined", &self.joined()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crew with so many members, which end with the closure.
    fn with_members(members: usize, test: impl FnOnce(&Crew)) {
        let crew = Crew::new();
        std::thread::scope(|scope| {
            for _ in 0..members {
                scope.spawn(|| assert!(crew.join()));
            }
            while crew.joined() <= members {
                std::thread::yield_now();
            }
            let ended = catch_unwind(AssertUnwindSafe(|| test(&crew)));
            crew.close();
            if let Err(said) = ended {
                resume_unwind(said);
            }
        });
    }

    #[test]
    fn everything_is_done_once() {
        for members in [0, 1, 3] {
            with_members(members, |crew| {
                for units in (0..70).chain([1000]) {
                    let counts: Vec<AtomicU32> = (0..units).map(|_| AtomicU32::new(0)).collect();
                    crew.share(units, WORTH, &|range| {
                        for i in range {
                            counts[i].fetch_add(1, Relaxed);
                        }
                    });
                    assert!(counts.iter().all(|n| n.load(Relaxed) == 1), "{units} units, {members} members");
                }
            });
        }
    }

    #[test]
    fn a_crew_that_went_to_sleep_wakes() {
        with_members(2, |crew| {
            for _ in 0..20 {
                while crew.sleepers.load(SeqCst) < 2 {
                    std::thread::yield_now();
                }
                let helped = AtomicUsize::new(0);
                let leader = std::thread::current().id();
                // The leader's own part lasts until another thread has done something.
                crew.share(6, WORTH, &|_| {
                    if std::thread::current().id() != leader {
                        helped.fetch_add(1, SeqCst);
                    }
                    while helped.load(SeqCst) == 0 {
                        std::thread::yield_now();
                    }
                });
                assert!(helped.into_inner() > 0);
            }
        });
    }

    #[test]
    fn small_work_and_work_within_work_stay_on_one_thread() {
        with_members(1, |crew| {
            let ranges = Mutex::new(Vec::new());
            let note = |range| ranges.lock().unwrap_or_else(PoisonError::into_inner).push(range);
            crew.share(100, WORTH - 1, &note);
            crew.share(100, WORTH, &|range| crew.share(range.len(), WORTH, &|inner| assert_eq!(inner, 0..range.len())));
            crew.work_alone(true);
            crew.share(100, WORTH, &note);
            crew.work_alone(false);
            assert_eq!(*ranges.lock().unwrap_or_else(PoisonError::into_inner), [0..100, 0..100]);
            assert_eq!((crew.threads(), crew.joined()), (2, 2));
        });
    }

    #[test]
    fn a_panic_reaches_the_leader_wherever_it_was() {
        with_members(2, |crew| {
            // The third call panics, whoever makes it.
            let calls = AtomicU32::new(0);
            let trial = || {
                crew.share(6, WORTH, &|_| assert!(calls.fetch_add(1, SeqCst) != 2, "as asked"));
            };
            assert!(catch_unwind(AssertUnwindSafe(trial)).is_err());
            // Afterwards all is done, by whoever is left.
            let sum = AtomicUsize::new(0);
            crew.share(50, WORTH, &|range| {
                let _ = sum.fetch_add(range.sum::<usize>(), SeqCst);
            });
            assert_eq!(sum.into_inner(), 49 * 50 / 2);
        });
    }

    #[test]
    fn a_member_that_is_gone_delays_nobody_between_two_pieces_of_work() {
        with_members(1, |crew| {
            // One that says it is there and never looks.
            crew.members.fetch_add(1, SeqCst);
            let sum = AtomicUsize::new(0);
            crew.share(50, WORTH, &|range| {
                let _ = sum.fetch_add(range.sum::<usize>(), SeqCst);
            });
            assert_eq!(sum.into_inner(), 49 * 50 / 2);
        });
    }

    #[test]
    fn who_comes_too_many_is_sent_away() {
        let crew = Crew::new();
        crew.members.store(MOST - 1, SeqCst);
        assert!(!crew.join());
    }
}
