//! Packed rows as rectangles, which cards multiply well: all roots of a plan side by side [R, Tr], all continuations [C, Tc], each
//! padded behind its end. A padded row computes something that nobody reads.

use crate::ops::RopeTable;
use crate::{LmError, Result, RowPlan};
use candle_core::{Device, Tensor};

/// What an excluded key's score is lowered by: its probability is 0, and no NaN comes of it.
pub(super) const HIDDEN: f32 = -1e30;

/// A plan laid out on a device.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) roots: Rectangle,
    /// None where nothing is continued.
    pub(super) tails: Option<Tails>,
    /// Token of every row of the grid, [G]; 0 where it is padding.
    pub(super) ids: Tensor,
    pub(super) turn: Turn,
    /// Row of the grid of every row of the plan.
    places: Vec<u32>,
}

/// Texts of one length, padded, with which keys each of their rows sees.
#[derive(Debug)]
pub(super) struct Rectangle {
    pub(super) count: usize,
    pub(super) len: usize,
    /// 0 or [`HIDDEN`] for every key: [1 or count, 1, 1, len, keys].
    pub(super) mask: Tensor,
}

/// Continuations, and the root that each continues.
#[derive(Debug)]
pub(super) struct Tails {
    pub(super) rectangle: Rectangle,
    /// [C], u32
    pub(super) parents: Tensor,
}

/// Cosines and sines of rows' positions, [rows, 1, d/2] each.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) cos: Tensor,
    pub(super) sin: Tensor,
}

impl Turn {
    /// Those of these positions.
    pub(super) fn of(table: &RopeTable, positions: &[u32], device: &Device) -> Result<Self> {
        let (cos, sin) = table.rows(positions)?;
        let shape = (positions.len(), 1, cos.len() / positions.len().max(1));
        Ok(Self { cos: Tensor::from_vec(cos, shape, device)?, sin: Tensor::from_vec(sin, shape, device)? })
    }
}

impl Grid {
    /// Lay out tokens by their plan.
    pub(super) fn new(ids: &[u32], plan: &RowPlan, table: &RopeTable, device: &Device) -> Result<Self> {
        // (index among its kind, segment) and where every root came to lie.
        let (mut roots, mut tails, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for segment in plan.segments() {
            match segment.prefix {
                None => {
                    own.push(roots.len());
                    roots.push(*segment);
                }
                Some(_) => {
                    own.push(usize::MAX);
                    tails.push(*segment);
                }
            }
        }
        let longest = |all: &[crate::Segment]| all.iter().map(|s| s.len).max().unwrap_or(0);
        let (root_len, tail_len) = (longest(&roots), longest(&tails));
        let rows = roots.len() * root_len + tails.len() * tail_len;
        let (mut padded, mut positions) = (vec![0u32; rows], vec![0u32; rows]);
        let mut places = vec![0u32; plan.rows()];
        let offset = roots.len() * root_len;
        let laid = roots.iter().enumerate().map(|(i, s)| (i * root_len, s));
        let laid = laid.chain(tails.iter().enumerate().map(|(i, s)| (offset + i * tail_len, s)));
        for (at, segment) in laid {
            for row in 0..segment.len {
                padded[at + row] = ids[segment.start + row];
                positions[at + row] = plan.positions()[segment.start + row];
                places[segment.start + row] = (at + row) as u32;
            }
        }
        let tails = match tails.is_empty() {
            true => None,
            false => {
                let parent = |s: &crate::Segment| s.prefix.and_then(|p| own.get(p)).map_or(0, |&p| p);
                let seen: Vec<usize> = tails.iter().map(|s| plan.prefix_rows(s).1).collect();
                let parents: Vec<u32> = tails.iter().map(|s| parent(s) as u32).collect();
                let count = tails.len();
                let mask = tail_mask(&seen, root_len, tail_len);
                let mask = Tensor::from_vec(mask, (count, 1, 1, tail_len, root_len + tail_len), device)?;
                Some(Tails {
                    rectangle: Rectangle { count, len: tail_len, mask },
                    parents: Tensor::new(parents, device)?,
                })
            }
        };
        let mask = Tensor::from_vec(causal(root_len), (1, 1, 1, root_len, root_len), device)?;
        Ok(Self {
            roots: Rectangle { count: roots.len(), len: root_len, mask },
            tails,
            ids: Tensor::new(padded, device)?,
            turn: Turn::of(table, &positions, device)?,
            places,
        })
    }

    /// Rows of the grid that hold these rows of the plan, as an index, [M].
    pub(super) fn index(&self, rows: impl Iterator<Item = u32>, device: &Device) -> Result<Tensor> {
        let places = rows.map(|row| self.places.get(row as usize).copied()).collect::<Option<Vec<u32>>>();
        let places = places.ok_or_else(|| LmError::Shape {
            op: "grid",
            expected: format!("rows below {}", self.places.len()),
            got: "a row beyond".into(),
        })?;
        Ok(Tensor::new(places, device)?)
    }

    /// As [`Self::index`], of all rows of the plan.
    pub(super) fn all(&self, device: &Device) -> Result<Tensor> {
        Ok(Tensor::new(self.places.as_slice(), device)?)
    }
}

/// Row i sees keys 0..=i. Padding stands behind every row that counts, so it is never seen.
fn causal(len: usize) -> Vec<f32> {
    (0..len).flat_map(|i| (0..len).map(move |j| if j <= i { 0.0 } else { HIDDEN })).collect()
}

/// A continuation's rows see as many keys of their root as it has, then their own up to themselves.
fn tail_mask(seen: &[usize], root_len: usize, tail_len: usize) -> Vec<f32> {
    let mut mask = Vec::with_capacity(seen.len() * tail_len * (root_len + tail_len));
    for &seen in seen {
        for i in 0..tail_len {
            mask.extend((0..root_len).map(|j| if j < seen { 0.0 } else { HIDDEN }));
            mask.extend((0..tail_len).map(|j| if j <= i { 0.0 } else { HIDDEN }));
        }
    }
    mask
}
