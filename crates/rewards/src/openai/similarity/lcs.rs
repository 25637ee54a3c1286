//! Longest common subsequence, and the ratio of characters in common order:
//! `ratio = 2 LCS / (characters of a + characters of b)`, 1 for two empty texts. Nothing is normalised before.
//!
//! The length is found 64 columns at a time with the bit-parallel method of Hyyrö (2004): bit j of a row is 0 where the
//! length of the common subsequence grows at column j; with M the columns that match the row's symbol,
//! `V' = (V + (V & M)) | (V & !M)`.

use super::MAX_CELLS;
use super::tokens::numbered;
use std::collections::BTreeMap;

/// Share of characters in common order; none where the texts are too long to compare.
pub(super) fn ratio(a: &str, b: &str) -> Option<f64> {
    let symbols = |text: &str| text.chars().map(u32::from).collect::<Vec<u32>>();
    let (a, b) = (symbols(a), symbols(b));
    let total = a.len() + b.len();
    if total == 0 {
        return Some(1.0);
    }
    Some(2.0 * lcs(&a, &b)? as f64 / total as f64)
}

/// Length of the longest common subsequence of two lists of words; none where they are too long to compare.
pub(super) fn words_lcs(a: &[&str], b: &[&str]) -> Option<usize> {
    let (a, b) = numbered(a.iter().copied(), b.iter().copied());
    lcs(&a, &b)
}

fn lcs(a: &[u32], b: &[u32]) -> Option<usize> {
    // What both begin and end with is common in any case.
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let (rows, columns) = if a.len() < b.len() { (b, a) } else { (a, b) };
    // In 64 bits: the product overflows the usize of a browser.
    if rows.len() as u64 * columns.len() as u64 > MAX_CELLS {
        return None;
    }
    Some(head + tail + middle(rows, columns))
}

fn middle(rows: &[u32], columns: &[u32]) -> usize {
    // Per symbol the words of 64 columns in which it occurs, and where: memory grows with the text, not with its square.
    let mut places: BTreeMap<u32, Vec<(usize, u64)>> = BTreeMap::new();
    for (index, symbol) in columns.iter().enumerate() {
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        let list = places.entry(*symbol).or_default();
        match list.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            _ => list.push((word, bit)),
        }
    }
    let mut row = vec![u64::MAX; columns.len().div_ceil(64)];
    for symbol in rows {
        let Some(list) = places.get(symbol) else { continue };
        let mut list = list.iter().peekable();
        let mut carry = false;
        for (word, bits) in row.iter_mut().enumerate() {
            let matching = list.next_if(|(at, _)| *at == word).map_or(0, |(_, bits)| *bits);
            let (sum, over) = bits.overflowing_add(*bits & matching);
            let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
            carry = over || over_by_carry;
            *bits = sum | (*bits & !matching);
        }
    }
    // Columns beyond the end match nothing, and a carry into them sets no bit that was not set.
    let grown = |(word, bits): (usize, &u64)| {
        let used = (columns.len() - word * 64).min(64) as u32;
        (!bits & (u64::MAX >> (64 - used))).count_ones() as usize
    };
    row.iter().enumerate().map(grown).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The textbook table.
    fn slow(a: &[u32], b: &[u32]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut diagonal = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
                diagonal = above;
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn equals_its_slow_twin(
            a in proptest::collection::vec(0u32..4, 0..300),
            b in proptest::collection::vec(0u32..4, 0..300),
        ) {
            prop_assert_eq!(lcs(&a, &b), Some(slow(&a, &b)));
            prop_assert_eq!(lcs(&b, &a), lcs(&a, &b));
        }
    }

    #[test]
    fn too_long_is_said() {
        let (a, b) = (vec![1; 1 << 18], vec![2; 1 << 18]);
        assert_eq!(lcs(&a, &b), None);
        assert_eq!(lcs(&a, &a), Some(1 << 18));
    }
}
