//! A dry run on the terminal: what the reward made of the first answers.

use clicker_wire::{Decision, DryRun, GraderScores};

/// Figures, spread of every grader, advice.
pub(super) fn table(report: &DryRun, waived: Option<&str>) -> String {
    let share = |value: Option<f64>| value.map_or_else(|| "-".into(), |v| format!("{:.0} %", v * 100.0));
    let rank = report.agreement.map_or_else(|| "-".into(), |rho| format!("{rho:.2}"));
    let mut out = format!(
        "dry run on {} answers: rank agreement with the truth {rank}, right already {}, groups without any difference {}, cut off {}\n",
        report.answers,
        share(report.pass_rate),
        share(report.constant_groups),
        share(report.truncated)
    );
    let total = GraderScores { grader: "total".into(), scores: report.totals.clone(), does_not_apply: 0 };
    for row in report.graders.iter().chain([&total]) {
        let scores = &row.scores;
        let mean = scores.mean.map_or_else(|| "-".into(), |mean| format!("{mean:+.2}"));
        out += &format!(
            "  {:<16} {} {:+.2} to {:+.2}, mean {mean}\n",
            row.grader,
            spread(&scores.counts),
            scores.low,
            scores.high
        );
    }
    for advice in &report.advice {
        let weight = match advice.decision {
            Decision::Go => "fine",
            Decision::Warn => "look",
            Decision::Stop => "stop",
        };
        out += &format!("  {weight}: {}\n", advice.words);
    }
    if let Some(reason) = waived {
        out += &format!("  it goes on all the same: {reason}\n");
    }
    out
}

/// Counts as blocks of eight heights, ten wide.
fn spread(counts: &[u32]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let block = |count: &u32| match count {
        0 => ' ',
        count => ['\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}']
            [(count * 8).div_ceil(most).clamp(1, 8) as usize - 1],
    };
    format!("{:<10}", counts.iter().map(block).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn the_largest_bin_is_full_and_no_count_is_invisible() {
        assert_eq!(spread(&[8, 0, 4, 1]), "\u{2588} \u{2584}\u{2581}      ");
        assert_eq!(spread(&[]), " ".repeat(10));
    }
}
