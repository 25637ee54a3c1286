//! Large buffers that outlive the step that used them: a fresh one would cost a page fault for every 4 KiB, each time.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers that nobody uses at the moment. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<f32>>>>);

/// A buffer on loan; goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    data: Vec<f32>,
    pool: Pool,
}

impl Pool {
    /// A buffer of `len` values; what they are is left over from its last use.
    pub(crate) fn take(&self, len: usize) -> Buffer {
        if len == 0 {
            return Buffer { data: Vec::new(), pool: self.clone() };
        }
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = free.iter().enumerate().filter(|(_, b)| b.capacity() >= len).min_by_key(|(_, b)| b.capacity());
        // Without a fit, one that is too small makes way, so that the pool does not grow with every new shape.
        let found = fits.map(|(i, _)| i).or_else(|| (free.len() > Self::SPARE).then_some(0));
        let mut data = found.map_or_else(Vec::new, |i| free.swap_remove(i));
        drop(free);
        if data.capacity() < len {
            // Zeros that the system hands out when they are first touched, if ever.
            data = vec![0.0; len];
        }
        data.resize(len, 0.0);
        Buffer { data, pool: self.clone() }
    }

    /// Buffers that may lie idle before one of them is given up.
    const SPARE: usize = 128;
}

impl Buffer {
    /// Keep the first `len` values only.
    pub(super) fn truncate(&mut self, len: usize) {
        self.data.truncate(len);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        if data.capacity() == 0 {
            return;
        }
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(data);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.data
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_keep_their_place() {
        let pool = Pool::default();
        let first = pool.take(1000);
        let at = first.as_ptr();
        let second = pool.take(10);
        drop(first);
        drop(second);
        assert_eq!(pool.take(5).len(), 5);
        let again = pool.take(900);
        assert_eq!((again.as_ptr(), again.len()), (at, 900));
    }
}
