//! A number that a saved state gives back bit for bit: JSON's decimals may come back one last place off, and a resumed run
//! must equal an uninterrupted one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A double, written as the integer that has its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Exact(pub(crate) f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.to_bits())
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(f64::from_bits(u64::deserialize(deserializer)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_comes_back() {
        for x in [0.1 + 0.2, -0.0, f64::MIN_POSITIVE / 3.0, f64::INFINITY, 1e308] {
            let json = serde_json::to_string(&Exact(x)).unwrap();
            assert_eq!(serde_json::from_str::<Exact>(&json).unwrap().0.to_bits(), x.to_bits());
        }
    }
}
