//! Numbers in plain words, for sentences that are computed.

/// A probability from its logarithm: percent while that can be read, else one in how many.
pub(crate) fn probability(logprob: f64) -> String {
    let p = logprob.exp();
    if (0.995..1.0).contains(&p) {
        return "nearly 100 %".into();
    }
    match p {
        p if p >= 0.1 => format!("{:.0} %", p * 100.0),
        p if p >= 0.01 => format!("{:.1} %", p * 100.0),
        p if p >= 1e-12 => format!("1 in {}", round(1.0 / p)),
        _ => "next to nothing".into(),
    }
}

/// How many times as large as before, from the difference of logarithms.
pub(crate) fn times(difference: f64) -> String {
    let factor = difference.abs().exp();
    let size = match factor {
        f if f < 1.05 => return "about as likely as before".into(),
        f if f < 10.0 => format!("{f:.1}"),
        f if f < 1e12 => round(f),
        _ => "more than a million million".into(),
    };
    format!("{size} times {}", if difference > 0.0 { "likelier" } else { "less likely" })
}

/// A large number to two digits, in words where these are shorter.
fn round(x: f64) -> String {
    let scale = 10f64.powf((x.log10().floor() - 1.0).max(0.0));
    let n = (x / scale).round() * scale;
    match n {
        n if n < 1e3 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.0},{:03.0}", (n / 1e3).floor(), n % 1e3),
        n if n < 1e9 => format!("{} million", n / 1e6),
        n => format!("{} thousand million", n / 1e9),
    }
}

/// A text between quotation marks, cut where it is long; what cannot be seen is named.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    if text.trim().is_empty() {
        return if text.is_empty() { "nothing".into() } else { "white space".into() };
    }
    let cut: String = text.chars().take(MOST).collect();
    let more = if text.chars().count() > MOST { "…" } else { "" };
    format!("“{}{more}”", cut.trim())
}

/// A sentence with its full stop, where the quotation that it ends with has none.
pub(crate) fn ended(sentence: String) -> String {
    let closed = [".”", "!”", "?”", "…”"].iter().any(|end| sentence.ends_with(end));
    if closed { sentence } else { sentence + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (p, words) in [
            (1.0, "100 %"),
            (0.9999, "nearly 100 %"),
            (0.996, "nearly 100 %"),
            (0.5, "50 %"),
            (0.034, "3.4 %"),
            (0.0012, "1 in 830"),
            (0.000_001_5, "1 in 670,000"),
            (4e-10, "1 in 2.5 thousand million"),
            (1e-20, "next to nothing"),
        ] {
            assert_eq!(probability(f64::ln(p)), words, "{p}");
        }
        assert_eq!(times(0.01), "about as likely as before");
        assert_eq!(times(f64::ln(2.0)), "2.0 times likelier");
        assert_eq!(times(-f64::ln(1234.0)), "1,200 times less likely");
        assert_eq!(quoted(" Paris."), "“Paris.”");
        assert_eq!(quoted(""), "nothing");
        assert_eq!(ended("Both say “Paris.”".into()), "Both say “Paris.”");
        assert_eq!(ended("Both say “Paris”".into()), "Both say “Paris”.");
        assert_eq!(quoted(&"x".repeat(80)).chars().count(), 63);
    }
}
