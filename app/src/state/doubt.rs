//! The model's uncertainty as one of six shades.

/// Shade of a token, 0 (certain) to 5 (guessing), from the entropy of its distribution in nats.
pub(crate) fn level(entropy: f32) -> u8 {
    [0.1, 0.4, 0.8, 1.4, 2.2].iter().filter(|edge| entropy >= **edge).count() as u8
}

/// The shade in words.
pub(crate) fn words(level: u8) -> &'static str {
    match level {
        0 => "certain",
        1 => "nearly certain",
        2 => "leaning",
        3 => "unsure",
        4 => "very unsure",
        _ => "guessing",
    }
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn shades_rise_with_entropy() {
        assert_eq!([0.0, 0.1, 0.5, 1.0, 2.0, 9.0].map(level), [0, 1, 2, 3, 4, 5]);
    }
}
