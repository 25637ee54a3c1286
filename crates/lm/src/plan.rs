//! How packed rows belong together. A batch is not padded: all sequences lie end to end in one [N, D] matrix, and a
//! sequence may continue another one (a group's answers share one computation of their prompt).

use crate::{LmError, Result};

/// One run of rows. Row i of it sees the rows of `prefix` (if any), then rows 0..=i of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First row.
    pub start: usize,
    /// Rows.
    pub len: usize,
    /// Index of an earlier segment, itself without a prefix, that this one continues.
    pub prefix: Option<usize>,
}

/// All segments of a batch, end to end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPlan {
    segments: Vec<Segment>,
    positions: Vec<u32>,
}

impl RowPlan {
    /// An empty plan.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sequences that have nothing to do with each other.
    #[must_use]
    pub fn independent(lens: &[usize]) -> Self {
        let mut plan = Self::new();
        for &len in lens {
            plan.push_root(len);
        }
        plan
    }

    /// Add a sequence of its own; returns its index.
    pub fn push_root(&mut self, len: usize) -> usize {
        let start = self.rows();
        self.positions.extend(0..len as u32);
        self.segments.push(Segment { start, len, prefix: None });
        self.segments.len() - 1
    }

    /// Add a continuation of segment `prefix`; returns its index.
    ///
    /// # Errors
    /// `prefix` does not exist or is itself a continuation.
    pub fn push_continuation(&mut self, prefix: usize, len: usize) -> Result<usize> {
        let parent =
            self.segments.get(prefix).copied().filter(|s| s.prefix.is_none()).ok_or_else(|| LmError::Shape {
                op: "row plan",
                expected: "a prefix that is an earlier root segment".into(),
                got: format!("segment {prefix} of {}", self.segments.len()),
            })?;
        let start = self.rows();
        self.positions.extend((parent.len..parent.len + len).map(|p| p as u32));
        self.segments.push(Segment { start, len, prefix: Some(prefix) });
        Ok(self.segments.len() - 1)
    }

    /// The plan cut into parts of at most `texts` roots each, with all that continue them: first row and plan of each part.
    #[must_use]
    pub(crate) fn parts(&self, texts: usize) -> Vec<(usize, Self)> {
        let mut out: Vec<(usize, Self)> = Vec::new();
        // Where every root went: its part and its index there.
        let mut places: Vec<(usize, usize)> = Vec::with_capacity(self.segments.len());
        let mut roots: usize = 0;
        for segment in &self.segments {
            let place = match segment.prefix {
                None => {
                    if usize::is_multiple_of(roots, texts.max(1)) {
                        out.push((segment.start, Self::new()));
                    }
                    roots += 1;
                    let part = out.len() - 1;
                    (part, out[part].1.push_root(segment.len))
                }
                Some(prefix) => {
                    let (part, root) = places[prefix];
                    let plan = &mut out[part].1;
                    let (start, len) = (plan.rows(), segment.len);
                    let begins = self.segments[prefix].len;
                    plan.positions.extend((begins..begins + len).map(|p| p as u32));
                    plan.segments.push(Segment { start, len, prefix: Some(root) });
                    (part, plan.segments.len() - 1)
                }
            };
            places.push(place);
        }
        out
    }

    /// Whether every continuation stands behind its root, before the next root.
    pub(crate) fn is_grouped(&self) -> bool {
        let mut last_root = None;
        self.segments.iter().enumerate().all(|(i, segment)| match segment.prefix {
            None => {
                last_root = Some(i);
                true
            }
            Some(prefix) => Some(prefix) == last_root,
        })
    }

    /// Rows in all (N).
    #[must_use]
    pub fn rows(&self) -> usize {
        self.positions.len()
    }

    /// The segments, in row order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Position of every row within its own text, [N].
    #[must_use]
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// The last row of every segment.
    #[must_use]
    pub fn last_rows(&self) -> Vec<u32> {
        self.segments.iter().map(|s| (s.start + s.len) as u32 - 1).collect()
    }

    /// The rows that a segment continues: (start, len), empty for a root.
    #[must_use]
    pub fn prefix_rows(&self, segment: &Segment) -> (usize, usize) {
        segment.prefix.and_then(|p| self.segments.get(p)).map_or((0, 0), |p| (p.start, p.len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations_take_up_positions_where_the_prompt_ends() {
        let mut plan = RowPlan::new();
        let prompt = plan.push_root(3);
        plan.push_continuation(prompt, 2).unwrap();
        let last = plan.push_continuation(prompt, 1).unwrap();
        assert_eq!(plan.positions(), [0, 1, 2, 3, 4, 3]);
        assert_eq!(plan.prefix_rows(&plan.segments()[last]), (0, 3));
        assert!(plan.push_continuation(last, 1).is_err());
        assert!(plan.push_continuation(9, 1).is_err());
    }

    #[test]
    fn parts_hold_whole_families_and_all_rows_in_order() {
        let mut plan = RowPlan::new();
        for (prompt, answers) in [(3, vec![2, 1]), (4, vec![]), (2, vec![5])] {
            let root = plan.push_root(prompt);
            for len in answers {
                plan.push_continuation(root, len).unwrap();
            }
        }
        assert!(plan.is_grouped());
        for texts in [1, 2, 3, 9] {
            let parts = plan.parts(texts);
            assert_eq!(parts.len(), 3usize.div_ceil(texts));
            let positions: Vec<u32> = parts.iter().flat_map(|(_, p)| p.positions().to_vec()).collect();
            assert_eq!(positions, plan.positions());
            let mut row = 0;
            for (start, part) in &parts {
                assert_eq!(*start, row);
                assert!(part.is_grouped());
                row += part.rows();
            }
        }
        assert_eq!(plan.parts(1)[0].1.prefix_rows(&plan.parts(1)[0].1.segments()[2]), (0, 3));
        let mut mixed = RowPlan::new();
        let (a, _) = (mixed.push_root(1), mixed.push_root(1));
        mixed.push_continuation(a, 1).unwrap();
        assert!(!mixed.is_grouped());
    }
}
