//! Shares that add up to one, stacked over the steps: how many groups were all right, mixed or all wrong.

use super::chart::{ChartTable, Readout, Series, Unit, steps};
use crate::erased::Erase;
use leptos::prelude::*;

/// Every series as its share of the sum at each step.
fn shares(series: &[Series]) -> Vec<Series> {
    let all = steps(series);
    let value = |line: &Series, x: f64| line.points.iter().find(|p| p.0 == x).map_or(0.0, |p| p.1);
    let sums: Vec<f64> = all.iter().map(|x| series.iter().map(|s| value(s, *x)).sum()).collect();
    let each = series.iter().map(|line| {
        let points = all.iter().zip(&sums).filter(|(_, sum)| **sum > 0.0);
        Series { points: points.map(|(x, sum)| (*x, value(line, *x) / sum)).collect(), ..line.clone() }
    });
    each.collect()
}

/// The bands, bottom first, as closed paths on a 100 by 100 plane.
fn bands(shares: &[Series]) -> Vec<(&'static str, String)> {
    let all = steps(shares);
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return Vec::new() };
    let across = |x: f64| if last > first { (x - first) / (last - first) * 100.0 } else { 0.0 };
    let mut floor = vec![0.0; all.len()];
    let each = shares.iter().map(|line| {
        let ceiling: Vec<f64> = floor.iter().zip(&line.points).map(|(f, p)| f + p.1).collect();
        let up = all.iter().zip(&ceiling).map(|(x, y)| format!("{:.2} {:.2}", across(*x), 100.0 - y * 100.0));
        let back = all.iter().zip(&floor).rev().map(|(x, y)| format!("{:.2} {:.2}", across(*x), 100.0 - y * 100.0));
        let path = format!("M{}Z", up.chain(back).collect::<Vec<_>>().join("L"));
        floor = ceiling;
        (line.tone, path)
    });
    each.collect()
}

/// The stacked chart.
#[component]
pub(crate) fn StackChart(
    /// What is shown.
    title: &'static str,
    /// How to read it.
    hint: &'static str,
    /// The shares, bottom first.
    #[prop(into)]
    series: Signal<Vec<Series>>,
) -> impl IntoView {
    let shares = Memo::new(move |_| series.with(|s| shares(s)));
    let signal: Signal<Vec<Series>> = shares.into();
    let areas = move || {
        let each = shares.with(|s| bands(s)).into_iter();
        each.map(|(tone, d)| view! { <path class=format!("chart-area tone-{tone}") d=d /> }).collect_view()
    };
    let empty = move || shares.with(|s| s.iter().all(|line| line.points.is_empty()));
    view! {
        <figure class="chart">
            <figcaption class="chart-head">
                <span class="chart-title">{title}</span>
                <span class="chart-hint">{hint}</span>
            </figcaption>
            <Readout series=signal cross=RwSignal::new(None) unit=Unit::Percent />
            <div class="chart-body">
                <div class="chart-y" aria-hidden="true">
                    <span>"100 %"</span>
                    <span>"50 %"</span>
                    <span>"0 %"</span>
                </div>
                <svg
                    class="chart-plot"
                    viewBox="0 0 100 100"
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=format!("{title}. {hint} The table below holds the numbers.")
                >
                    {areas}
                    <path class="chart-grid" d="M0 0H100M0 50H100M0 100H100" />
                </svg>
                <p class="chart-empty" class:gone=move || !empty()>
                    "Appears with the first step."
                </p>
            </div>
            <div class="chart-x" aria-hidden="true">
                <span>{move || shares.with(|s| steps(s).first().map(|x| format!("step {x:.0}")))}</span>
                <span>{move || shares.with(|s| steps(s).last().map(|x| format!("{x:.0}")))}</span>
            </div>
            <ChartTable series=signal unit=Unit::Percent />
        </figure>
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_one() {
        let line = |name: &str, y: f64| Series::new(name, "even", vec![(1.0, y)]);
        let shares = shares(&[line("a", 3.0), line("b", 1.0)]);
        assert_eq!(shares[0].points, vec![(1.0, 0.75)]);
        assert_eq!(shares[1].points, vec![(1.0, 0.25)]);
    }
}
