//! Finds byte strings that lie in a list by a hash. Keeps their numbers only, so a vocabulary is not held twice.

/// Numbers by hash, each in the first free place behind its own: at most half of the places are taken.
#[derive(Debug)]
pub(super) struct Index(Vec<u32>);

const FREE: u32 = u32::MAX;

impl Index {
    /// Of the strings with the numbers 0..count; empty ones are not found. Of equal ones the last is.
    pub(super) fn new<'t>(count: usize, get: &dyn Fn(u32) -> &'t [u8]) -> Self {
        let mut index = Self(vec![FREE; (2 * count).next_power_of_two()]);
        for number in 0..count as u32 {
            let bytes = get(number);
            if !bytes.is_empty() {
                let place = index.place(bytes, get);
                index.0[place] = number;
            }
        }
        index
    }

    /// The number of a string; `get` gives the strings that this was made of.
    pub(super) fn find<'t>(&self, bytes: &[u8], get: &dyn Fn(u32) -> &'t [u8]) -> Option<u32> {
        Some(self.0[self.place(bytes, get)]).filter(|&number| number != FREE)
    }

    /// Where it is, or would be.
    fn place<'t>(&self, bytes: &[u8], get: &dyn Fn(u32) -> &'t [u8]) -> usize {
        let mask = self.0.len() - 1;
        let mut at = hash(bytes) as usize & mask;
        while self.0[at] != FREE && get(self.0[at]) != bytes {
            at = (at + 1) & mask;
        }
        at
    }
}

/// FNV-1a, the upper half folded in. Whoever wrote the vocabulary is no attacker of its own user.
fn hash(bytes: &[u8]) -> u32 {
    let step = |h: u64, &byte: &u8| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let h = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    (h ^ h >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_is_found_and_no_other() {
        for count in [0, 1, 2, 3, 1000] {
            let strings: Vec<String> = (0..count).map(|i| format!("{:x}", i * 7919 % 1009)).collect();
            let get = |number: u32| strings[number as usize].as_bytes();
            let index = Index::new(count, &get);
            for (i, string) in strings.iter().enumerate() {
                assert_eq!(index.find(string.as_bytes(), &get), Some(i as u32), "{string}");
            }
            assert_eq!(index.find(b"xyz", &get), None);
            assert_eq!(index.find(b"", &get), None);
        }
    }

    #[test]
    fn of_equals_the_last_is_found() {
        let get = |number: u32| [&b"a"[..], b"b", b"a", b""][number as usize];
        assert_eq!(Index::new(4, &get).find(b"a", &get), Some(2));
        assert_eq!(Index::new(4, &get).find(b"", &get), None);
    }
}
