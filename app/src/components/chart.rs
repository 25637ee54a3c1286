//! A line chart: own SVG, a crosshair for pointer and arrow keys, and the table behind it.

use crate::browser;
use crate::erased::Erase;
use crate::state::figures::{number, percent};
use leptos::prelude::*;

/// One line. `tone` is its colour's name in the style sheet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) tone: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    /// A line.
    pub(crate) fn new(name: impl Into<String>, tone: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), tone, points }
    }
}

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    /// With so many decimals as the range needs.
    #[default]
    Plain,
    /// As percent; the axis runs from 0 to 100.
    Percent,
}

impl Unit {
    /// A value in this unit.
    pub(crate) fn write(self, value: f64) -> String {
        match self {
            Self::Percent => percent(value, 0),
            Self::Plain if value == 0.0 || value.abs() >= 100.0 => number(value, 0),
            Self::Plain if value.abs() >= 10.0 => number(value, 1),
            Self::Plain if value.abs() >= 0.01 => number(value, 2),
            Self::Plain => number(value, 4),
        }
    }

    /// What stands beside the axis: its lower end, its middle and its upper end, all with as many decimals as tell them apart.
    fn ticks(self, (low, high): (f64, f64)) -> [String; 3] {
        let all = [low, (low + high) / 2.0, high];
        let exact = |decimals: &usize| {
            let scale = 10_f64.powi(*decimals as i32);
            all.iter().all(|v| (v * scale - (v * scale).round()).abs() < 1e-6)
        };
        let decimals = (0..6).find(exact).unwrap_or(6);
        all.map(|v| if self == Self::Percent { self.write(v) } else { number(v, decimals) })
    }
}

/// What lines are drawn over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Axis {
    /// Optimizer steps.
    #[default]
    Step,
    /// The root of the KL from the start, nats per answer.
    Distance,
}

impl Axis {
    fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Distance => "\u{221a}KL",
        }
    }

    fn write(self, x: f64) -> String {
        match self {
            Self::Step => number(x, 0),
            Self::Distance => number(x, 2),
        }
    }
}

/// What part of the plane is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn around(series: &[Series], unit: Unit) -> Self {
        let points = || series.iter().flat_map(|s| &s.points);
        let span = |pick: fn(&(f64, f64)) -> f64| {
            points().map(pick).fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)))
        };
        let (mut x, mut y) = (span(|p| p.0), span(|p| p.1));
        if !x.0.is_finite() {
            x = (0.0, 1.0);
        }
        if x.1 <= x.0 {
            x.1 = x.0 + 1.0;
        }
        if unit == Unit::Percent || !y.0.is_finite() {
            y = (0.0, 1.0);
        } else {
            let step = nice((y.1 - y.0).max(1e-4) / 3.0);
            y = ((y.0 / step).floor() * step, (y.1 / step).ceil() * step);
            if y.1 <= y.0 {
                y.1 = y.0 + step;
            }
        }
        Self { x, y }
    }

    fn across(&self, x: f64) -> f64 {
        (x - self.x.0) / (self.x.1 - self.x.0) * 100.0
    }

    fn down(&self, y: f64) -> f64 {
        100.0 - (y - self.y.0) / (self.y.1 - self.y.0) * 100.0
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{command}{:.2} {:.2}", self.across(*x), self.down(*y)));
        }
        path
    }
}

/// The next round step (1, 2 or 5 times a power of ten) at or above `raw`.
fn nice(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.log10().floor());
    let lead = raw / power;
    power
        * if lead <= 1.0 {
            1.0
        } else if lead <= 2.0 {
            2.0
        } else if lead <= 5.0 {
            5.0
        } else {
            10.0
        }
}

/// All steps at which any line has a point, ascending.
pub(crate) fn steps(series: &[Series]) -> Vec<f64> {
    let mut all: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

fn at(series: &Series, step: f64) -> Option<f64> {
    let index = series.points.binary_search_by(|p| p.0.total_cmp(&step)).ok()?;
    Some(series.points[index].1)
}

/// The chart. Its height is fixed, so nothing moves while points arrive.
#[component]
pub(crate) fn LineChart(
    /// What is shown.
    title: &'static str,
    /// How to read it, in one sentence.
    hint: &'static str,
    /// The lines.
    #[prop(into)]
    series: Signal<Vec<Series>>,
    /// How values are written.
    #[prop(optional)]
    unit: Unit,
    /// What the lines are drawn over.
    #[prop(optional)]
    axis: Axis,
) -> impl IntoView {
    let frame = Memo::new(move |_| series.with(|s| Frame::around(s, unit)));
    let all = Memo::new(move |_| series.with(|s| steps(s)));
    let cross = RwSignal::new(None::<f64>);
    let empty = move || all.with(Vec::is_empty);
    let lines = move || {
        let frame = frame.get();
        series.with(|s| {
            let each = s.iter().map(|line| {
                let dot = (line.points.len() == 1).then(|| {
                    let (x, y) = line.points[0];
                    let d = format!("M{:.2} {:.2}h0.01", frame.across(x), frame.down(y));
                    view! { <path class="chart-dot" d=d /> }
                });
                view! {
                    <g class=format!("tone-{}", line.tone)>
                        <path class="chart-line" d=frame.path(&line.points) />
                        {dot}
                    </g>
                }
            });
            each.collect_view()
        })
    };
    let crosshair = move || {
        let x = frame.get().across(cross.get()?);
        Some(view! { <path class="chart-cross" d=format!("M{x:.2} 0V100") /> })
    };
    let zero = move || {
        let frame = frame.get();
        (frame.y.0 < 0.0 && frame.y.1 > 0.0)
            .then(|| view! { <path class="chart-zero" d=format!("M0 {:.2}H100", frame.down(0.0)) /> })
    };
    let keys = move |delta: i32| {
        let next = all.with(|all| {
            let here = cross.get_untracked().and_then(|x| all.iter().position(|s| *s == x));
            let last = all.len().checked_sub(1)? as i32;
            let to = here.map_or(last, |i| (i as i32 + delta).clamp(0, last));
            all.get(to as usize).copied()
        });
        cross.set(next);
    };
    view! {
        <figure class="chart">
            <figcaption class="chart-head">
                <span class="chart-title">{title}</span>
                <span class="chart-hint">{hint}</span>
            </figcaption>
            <Readout series cross unit axis />
            <div class="chart-body">
                <div class="chart-y" aria-hidden="true">
                    <span>{move || unit.ticks(frame.get().y)[2].clone()}</span>
                    <span>{move || unit.ticks(frame.get().y)[1].clone()}</span>
                    <span>{move || unit.ticks(frame.get().y)[0].clone()}</span>
                </div>
                <svg
                    class="chart-plot"
                    viewBox="0 0 100 100"
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=format!("{title}. {hint} The table below holds the numbers.")
                    tabindex="0"
                    on:pointermove=move |ev| cross.set(nearest(&ev, &frame.get_untracked(), &all.get_untracked()))
                    on:pointerleave=move |_| cross.set(None)
                    on:blur=move |_| cross.set(None)
                    on:keydown=move |ev| match ev.key().as_str() {
                        "ArrowLeft" => keys(-1),
                        "ArrowRight" => keys(1),
                        _ => {}
                    }
                >
                    <path class="chart-grid" d="M0 0H100M0 50H100M0 100H100" />
                    {zero}
                    {lines}
                    {crosshair}
                </svg>
                <p class="chart-empty" class:gone=move || !empty()>
                    "Appears with the first step."
                </p>
            </div>
            <div class="chart-x" aria-hidden="true">
                <span>{move || format!("{} {}", axis.name(), axis.write(frame.get().x.0))}</span>
                <span>{move || axis.write(frame.get().x.1)}</span>
            </div>
            <ChartTable series unit axis />
        </figure>
    }
    .erased()
}

/// The step under the pointer.
fn nearest(event: &web_sys::PointerEvent, frame: &Frame, all: &[f64]) -> Option<f64> {
    let (left, _, width, _) = browser::place(event)?;
    let x = frame.x.0 + (f64::from(event.client_x()) - left) / width.max(1.0) * (frame.x.1 - frame.x.0);
    all.iter().copied().min_by(|a, b| (a - x).abs().total_cmp(&(b - x).abs()))
}

/// Names, colours and the values under the crosshair (or the last ones).
#[component]
pub(crate) fn Readout(
    series: Signal<Vec<Series>>,
    cross: RwSignal<Option<f64>>,
    unit: Unit,
    #[prop(optional)] axis: Axis,
) -> impl IntoView {
    let step = move || cross.get().or_else(|| series.with(|s| steps(s).last().copied()));
    let entries = move || {
        let step = step();
        series.with(|s| {
            let each = s.iter().map(|line| {
                let value = step.and_then(|x| at(line, x)).map_or_else(|| "\u{2013}".to_owned(), |v| unit.write(v));
                view! {
                    <span class=format!("readout-entry tone-{}", line.tone)>
                        <span class="swatch" aria-hidden="true"></span>
                        <span>{line.name.clone()}</span>
                        <span class="readout-value">{value}</span>
                    </span>
                }
            });
            each.collect_view()
        })
    };
    view! {
        <div class="readout">
            {entries}
            <span class="readout-step">{move || step().map(|x| format!("{} {}", axis.name(), axis.write(x)))}</span>
        </div>
    }
    .erased()
}

/// The numbers behind the chart, built when they are asked for.
#[component]
pub(crate) fn ChartTable(series: Signal<Vec<Series>>, unit: Unit, #[prop(optional)] axis: Axis) -> impl IntoView {
    let open = RwSignal::new(false);
    let table = move || {
        series.with(|s| {
            let head = s.iter().map(|line| view! { <th scope="col">{line.name.clone()}</th> }).collect_view();
            let rows = steps(s).into_iter().map(|step| {
                let cells =
                    s.iter().map(|line| view! { <td>{at(line, step).map(|v| unit.write(v))}</td> }).collect_view();
                view! {
                    <tr>
                        <th scope="row">{axis.write(step)}</th>
                        {cells}
                    </tr>
                }
            });
            view! {
                <div class="table-scroll" tabindex="0">
                    <table class="table table-tight">
                        <thead>
                            <tr>
                                <th scope="col">{axis.name()}</th>
                                {head}
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
            }
        })
    };
    view! {
        <details class="chart-table" on:toggle=move |_| open.update(|o| *o = !*o)>
            <summary>"Table"</summary>
            {move || open.get().then(table)}
        </details>
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_tell_the_ends_and_the_middle_apart() {
        for (axis, told) in [
            ((0.69, 0.7), ["0.690", "0.695", "0.700"]),
            ((-1.0, -0.2), ["\u{2212}1.0", "\u{2212}0.6", "\u{2212}0.2"]),
            ((0.0, 0.02), ["0.00", "0.01", "0.02"]),
            ((0.5, 2.5), ["0.5", "1.5", "2.5"]),
            ((0.0, 300.0), ["0", "150", "300"]),
        ] {
            assert_eq!(Unit::Plain.ticks(axis), told);
        }
        assert_eq!(Unit::Percent.ticks((0.0, 1.0)), ["0 %", "50 %", "100 %"]);
    }

    #[test]
    fn the_frame_holds_every_point_on_round_numbers() {
        let frame = Frame::around(&[Series::new("r", "accent", vec![(1.0, -0.37), (9.0, 0.84)])], Unit::Plain);
        assert_eq!(frame.x, (1.0, 9.0));
        assert!(frame.y.0 <= -0.37 && frame.y.1 >= 0.84, "{:?}", frame.y);
        assert_eq!(frame.down(frame.y.1), 0.0);
    }

    #[test]
    fn no_points_make_a_unit_frame() {
        assert_eq!(Frame::around(&[], Unit::Plain), Frame { x: (0.0, 1.0), y: (0.0, 1.0) });
    }
}
