//! How alike two texts are: the Jaccard index of their sets of three neighbouring words, and every pair that reaches a
//! threshold. Exact, not estimated: candidates come from the rarest shingles of each set (a set that shares enough with another
//! must share one of those; Chaudhuri et al. 2006, Bayardo et al. 2007) and each is then compared in full. Knows texts only.

use std::collections::{HashMap, HashSet};

/// Words of a shingle.
const WORDS: usize = 3;
/// Pairs compared in full before the search gives up. Real data stays far below; a million rows of one template would not.
const MOST_COMPARED: usize = 20_000_000;

/// A text's shingles as sorted hashes without repetition.
pub type Shingles = Vec<u64>;

/// The shingles of a normalised text; a shorter text is one shingle, an empty one has none.
#[must_use]
pub fn shingles(words: &str) -> Shingles {
    let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    let mut out: Shingles = match words.len() {
        0 => Vec::new(),
        n if n < WORDS => vec![hash(&words)],
        _ => words.windows(WORDS).map(hash).collect(),
    };
    out.sort_unstable();
    out.dedup();
    out
}

/// |a and b| / |a or b|; 0 of two empty sets.
#[must_use]
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0_usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, both) = (i + 1, j + 1, both + 1),
        }
    }
    match a.len() + b.len() - both {
        0 => 0.0,
        either => both as f64 / either as f64,
    }
}

/// A pair that is alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alike {
    /// Place in the first list.
    pub a: usize,
    /// Place in the second.
    pub b: usize,
    /// Their Jaccard index.
    pub similarity: f64,
}

/// What a search found, and whether it looked at everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// At most one pair per member of the second list: its likest of the first, the earliest of several.
    pub pairs: Vec<Alike>,
    /// False where the search was cut off for length.
    pub complete: bool,
}

/// For each set of a list, the earlier set that it is most like, if any reaches the threshold.
#[must_use]
pub fn within(sets: &[Shingles], threshold: f64) -> Found {
    let mut index = Index::new(sets, &[], threshold);
    let mut out = Found { pairs: Vec::new(), complete: true };
    for (place, set) in sets.iter().enumerate() {
        match index.best(sets, set) {
            Ok(best) => out.pairs.extend(best.map(|(a, similarity)| Alike { a, b: place, similarity })),
            Err(TooMany) => return Found { complete: false, ..out },
        }
        index.add(place, set);
    }
    out
}

/// For each set of the second list, the set of the first that it is most like, if any reaches the threshold.
#[must_use]
pub fn between(first: &[Shingles], second: &[Shingles], threshold: f64) -> Found {
    let mut index = Index::new(first, second, threshold);
    for (place, set) in first.iter().enumerate() {
        index.add(place, set);
    }
    let mut out = Found { pairs: Vec::new(), complete: true };
    for (place, set) in second.iter().enumerate() {
        match index.best(first, set) {
            Ok(best) => out.pairs.extend(best.map(|(a, similarity)| Alike { a, b: place, similarity })),
            Err(TooMany) => return Found { complete: false, ..out },
        }
    }
    out
}

struct TooMany;

/// Sets by their rarest shingles.
struct Index {
    threshold: f64,
    frequency: HashMap<u64, u32>,
    places: HashMap<u64, Vec<usize>>,
    compared: usize,
}

impl Index {
    fn new(first: &[Shingles], second: &[Shingles], threshold: f64) -> Self {
        let mut frequency: HashMap<u64, u32> = HashMap::new();
        for shingle in first.iter().chain(second).flatten() {
            *frequency.entry(*shingle).or_default() += 1;
        }
        Self { threshold, frequency, places: HashMap::new(), compared: 0 }
    }

    /// The rarest shingles of a set, as many as a set that reaches the threshold must share one of.
    fn prefix(&self, set: &[u64]) -> Vec<u64> {
        if set.is_empty() {
            return Vec::new();
        }
        let mut rarest = set.to_vec();
        rarest.sort_unstable_by_key(|shingle| (self.frequency.get(shingle).copied().unwrap_or(0), *shingle));
        // A product such as 0.8 * 5 may come out a hair above the whole number that it is.
        let shared = (self.threshold * set.len() as f64 - 1e-9).ceil() as usize;
        rarest.truncate(set.len() - shared.min(set.len()) + 1);
        rarest
    }

    fn add(&mut self, place: usize, set: &[u64]) {
        for shingle in self.prefix(set) {
            self.places.entry(shingle).or_default().push(place);
        }
    }

    fn best(&mut self, sets: &[Shingles], set: &[u64]) -> Result<Option<(usize, f64)>, TooMany> {
        let mut seen = HashSet::new();
        let mut best: Option<(usize, f64)> = None;
        for shingle in self.prefix(set) {
            for &place in self.places.get(&shingle).map_or(&[][..], Vec::as_slice) {
                let (short, long) = (set.len().min(sets[place].len()), set.len().max(sets[place].len()));
                if (short as f64) < self.threshold * long as f64 - 1e-9 || !seen.insert(place) {
                    continue;
                }
                self.compared += 1;
                if self.compared > MOST_COMPARED {
                    return Err(TooMany);
                }
                let similarity = jaccard(&sets[place], set);
                let better = best.is_none_or(|(at, than)| similarity > than || (similarity == than && place < at));
                if similarity >= self.threshold - 1e-9 && better {
                    best = Some((place, similarity));
                }
            }
        }
        Ok(best)
    }
}

/// FNV-1a over the words and a separator: the same on every platform.
fn hash(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0x1f]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn jaccard_by_hand() {
        // "a b c d" has abc, bcd; "a b c e" has abc, bce: one of three.
        for (a, b, expected) in [
            ("a b c d", "a b c e", 1.0 / 3.0),
            ("a b c d", "a b c d", 1.0),
            ("a b c", "x y z", 0.0),
            ("a b", "a b", 1.0),
            ("a b", "a b c", 0.0),
            ("", "", 0.0),
            // A repetition adds nothing to a set.
            ("a a a a", "a a a", 1.0),
        ] {
            let got = jaccard(&shingles(a), &shingles(b));
            assert!((got - expected).abs() < 1e-12, "{a:?} {b:?}: {got}");
        }
    }

    #[test]
    fn the_likest_earlier_text_is_named() {
        let texts = ["a b c d e f g h i j k l", "q r s", "a b c d e f g h i j k x", "a b c d e f g h i j k l m"];
        let sets: Vec<Shingles> = texts.iter().map(|text| shingles(text)).collect();
        let found = within(&sets, 0.8);
        // 9 of 11 shingles; 10 of 11.
        let expected = [Alike { a: 0, b: 2, similarity: 9.0 / 11.0 }, Alike { a: 0, b: 3, similarity: 10.0 / 11.0 }];
        assert_eq!(found.pairs, expected);
        assert!(found.complete);
        assert_eq!(between(&sets[..2], &sets[2..], 0.9).pairs, [Alike { a: 0, b: 1, similarity: 10.0 / 11.0 }]);
    }

    /// Every pair against every pair.
    fn slow(first: &[Shingles], second: &[Shingles], threshold: f64, earlier: bool) -> Vec<(usize, usize)> {
        let best = |b: usize| {
            let limit = if earlier { b } else { first.len() };
            let alike = (0..limit).map(|a| (a, jaccard(&first[a], &second[b]))).filter(|(_, s)| *s >= threshold - 1e-9);
            alike.fold(None, |best: Option<(usize, f64)>, (a, s)| match best {
                Some((_, than)) if than >= s => best,
                _ => Some((a, s)),
            })
        };
        (0..second.len()).filter_map(|b| Some((best(b)?.0, b))).collect()
    }

    proptest! {
        #[test]
        fn nothing_is_missed(texts in prop::collection::vec("([ab] ){0,9}", 1..24), threshold in 0.3_f64..1.0) {
            let sets: Vec<Shingles> = texts.iter().map(|text| shingles(text)).collect();
            let places = |found: Found| found.pairs.iter().map(|p| (p.a, p.b)).collect::<Vec<_>>();
            prop_assert_eq!(places(within(&sets, threshold)), slow(&sets, &sets, threshold, true));
            let (first, second) = sets.split_at(sets.len() / 2);
            prop_assert_eq!(places(between(first, second, threshold)), slow(first, second, threshold, false));
        }
    }
}
