//! Work that several threads do together. Sums are never cut, only what has places of its own in the result: however many threads there are,
//! the bits are those of one. Where nobody has joined, work is a plain call; a WebAssembly build without atomics has nothing else.
//!
//! Never knows what is computed, nor who starts threads: in the browser they are workers that share the engine's memory.
#![expect(unsafe_code, reason = "several threads write one buffer, each at places of its own")]

#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
mod threads;

use std::marker::PhantomData;
use std::ops::Range;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
pub use threads::{Crew, crew};

/// Does `work` on ranges that make up 0..units, on several threads if there are any and the `cost`, in multiplications, is worth it.
pub(crate) fn share(units: usize, cost: impl FnOnce() -> usize, work: impl Fn(Range<usize>) + Sync) {
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
    {
        crew().share(units, cost(), &work);
    }
    #[cfg(not(any(not(target_arch = "wasm32"), target_feature = "atomics")))]
    {
        let _ = cost;
        work(0..units);
    }
}

/// A buffer of which several threads write some places each.
pub(crate) struct Parted<'a, T> {
    start: *mut T,
    len: usize,
    of: PhantomData<&'a mut [T]>,
}

// SAFETY: it hands out no place twice at a time; see `at`.
unsafe impl<T: Send> Sync for Parted<'_, T> {}

impl<'a, T> Parted<'a, T> {
    pub(crate) fn new(whole: &'a mut [T]) -> Self {
        Self { start: whole.as_mut_ptr(), len: whole.len(), of: PhantomData }
    }

    /// Some places.
    ///
    /// # Safety
    /// Nobody else has any of them as long as this borrow lasts.
    #[inline(always)]
    #[expect(
        clippy::mut_from_ref,
        reason = "that is what it is for; the caller sees to it that no place is given twice"
    )]
    pub(crate) unsafe fn at(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: within the buffer, which outlives this; that they do not overlap is the caller's word.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
