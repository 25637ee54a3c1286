//! Numbers as people read them. Every page uses these, so that a figure looks the same everywhere.

/// A plain number with a true minus sign.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("\u{2212}{rest}"),
        None => text,
    }
}

/// A number with its sign always shown, except on zero.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    let zero = text.chars().all(|c| c == '0' || c == '.');
    if zero || text.starts_with('\u{2212}') { text } else { format!("+{text}") }
}

/// Class of a signed number: gain, loss or neither (as shown with two decimals).
pub(crate) fn tone(value: f64) -> &'static str {
    if value >= 0.005 {
        "gain"
    } else if value <= -0.005 {
        "loss"
    } else {
        "even"
    }
}

/// A proportion in percent.
pub(crate) fn percent(value: f64, decimals: usize) -> String {
    format!("{} %", number(value * 100.0, decimals))
}

/// A probability from its natural logarithm, in percent, fine enough for small ones.
pub(crate) fn probability(logprob: f32) -> String {
    let p = f64::from(logprob).exp();
    match p {
        p if p >= 0.1 => percent(p, 1),
        p if p >= 0.0001 => percent(p, 2),
        _ => "< 0.01 %".into(),
    }
}

/// A number of bytes.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.0} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// A large count, shortened.
pub(crate) fn count(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{:.0} k", n as f64 / 1e3),
        _ => format!("{:.1} M", n as f64 / 1e6),
    }
}

/// A span of time in seconds.
pub(crate) fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

/// A moment (Unix milliseconds) as `2026-11-22 13:05` in UTC: the same on the server and in every browser.
pub(crate) fn moment(ms: i64) -> String {
    let minutes = ms.div_euclid(60_000);
    let (days, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    // Days to a civil date: shift to an era of 400 years that starts on 1 March, so that leap days come last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_typographic_and_zero_has_none() {
        assert_eq!(signed(0.5, 2), "+0.50");
        assert_eq!(signed(-1.0, 2), "\u{2212}1.00");
        assert_eq!(signed(-0.001, 2), "0.00");
        assert_eq!(number(-0.0, 1), "0.0");
    }

    #[test]
    fn moments_are_civil_dates() {
        assert_eq!(moment(0), "1970-01-01 00:00");
        assert_eq!(moment(951_782_400_000), "2000-02-29 00:00");
        assert_eq!(moment(1_795_352_700_000), "2026-11-22 13:05");
    }

    #[test]
    fn durations_pick_their_unit() {
        assert_eq!(duration(59.4), "59 s");
        assert_eq!(duration(61.0), "1 min 01 s");
        assert_eq!(duration(7260.0), "2 h 01 min");
    }
}
