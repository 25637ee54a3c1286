//! Where a matrix's rows lie in memory. Never knows what their bytes mean.
//!
//! Four rows are a group, and a group is a row of tiles. Four groups are a bundle, in which tiles take turns: the first of each group, then the second of each. A
//! product with one row of activations takes a bundle at a time, and so reads memory from its beginning to its end, which is what processors fetch ahead.
//! Groups that lay one behind the other were four streams that ended every kilobyte.

/// Rows of a group.
pub(crate) const ROWS: usize = 4;

/// Groups of a bundle; the last may have fewer.
pub(crate) const GROUPS: usize = 4;

/// How some rows' tiles lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Groups in all.
    pub(crate) groups: usize,
    /// Tiles of a group.
    pub(crate) tiles: usize,
    /// Bytes of a tile.
    pub(crate) tile: usize,
}

impl Layout {
    /// Of so many rows.
    pub(crate) fn new(rows: usize, tiles: usize, tile: usize) -> Self {
        Self { groups: rows.div_ceil(ROWS), tiles, tile }
    }

    /// Bytes of all groups before this one, together with what shares a bundle with them.
    pub(crate) fn bytes(self, groups: usize) -> usize {
        groups.next_multiple_of(GROUPS).min(self.groups) * self.tiles * self.tile
    }

    /// The first byte of a group, and how far its next tile is.
    pub(crate) fn place(self, group: usize) -> (usize, usize) {
        let bundle = group / GROUPS * GROUPS;
        let width = (self.groups - bundle).min(GROUPS);
        (bundle * self.tiles * self.tile + (group - bundle) * self.tile, width * self.tile)
    }

    /// Groups from this one on, which share a bundle.
    pub(crate) fn neighbours(self, data: &[u8], group: usize) -> Neighbours<'_> {
        let (start, stride) = self.place(group);
        Neighbours { bytes: &data[start..], stride }
    }
}

/// Groups that lie in one bundle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbours<'a> {
    bytes: &'a [u8],
    stride: usize,
}

impl<'a> Neighbours<'a> {
    /// In a bundle of their own: `bytes` are their tiles, which take turns.
    pub(crate) fn alone(bytes: &'a [u8], stride: usize) -> Self {
        Self { bytes, stride }
    }

    /// Without the groups in the first so many bytes of a round of tiles.
    #[inline(always)]
    pub(crate) fn from(self, bytes: usize) -> Self {
        Self { bytes: &self.bytes[bytes..], ..self }
    }

    /// Tile t of each of the first M groups.
    #[inline(always)]
    pub(crate) fn tiles<const M: usize>(self, t: usize, tile: usize) -> [&'a [u8]; M] {
        let here = &self.bytes[t * self.stride..][..M * tile];
        std::array::from_fn(|m| &here[m * tile..(m + 1) * tile])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_belongs_to_one_tile() {
        for groups in 1..=9 {
            let layout = Layout { groups, tiles: 3, tile: 5 };
            let mut of = vec![0; layout.bytes(groups)];
            assert_eq!(of.len(), groups * 15);
            for group in 0..groups {
                let (start, stride) = layout.place(group);
                for t in 0..3 {
                    of[start + t * stride..][..5].iter_mut().for_each(|times| *times += 1);
                }
            }
            assert!(of.iter().all(|times| *times == 1), "{groups} groups: {of:?}");
        }
    }

    #[test]
    fn a_bundle_is_read_from_front_to_back() {
        let data: Vec<u8> = (0..90).collect();
        let layout = Layout { groups: 6, tiles: 3, tile: 5 };
        let first: Vec<[u8; 4]> =
            (0..3).map(|t| layout.neighbours(&data, 0).tiles::<4>(t, 5).map(|tile| tile[0])).collect();
        assert_eq!(first, [[0, 5, 10, 15], [20, 25, 30, 35], [40, 45, 50, 55]]);
        let last: Vec<[u8; 2]> =
            (0..3).map(|t| layout.neighbours(&data, 4).tiles::<2>(t, 5).map(|tile| tile[0])).collect();
        assert_eq!(last, [[60, 65], [70, 75], [80, 85]]);
        assert_eq!((layout.bytes(1), layout.bytes(4), layout.bytes(5)), (60, 60, 90));
    }
}
