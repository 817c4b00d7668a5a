//! Bars from left to right, each with its number: side by side, or one put together from parts.

use super::Plot;
use super::canvas::{Anchor, Canvas, LINE, WIDTH, colour, legend_rows, text_width};
use crate::figures::number;

/// Room for a bar's number behind it.
const NUMBER: f64 = 80.0;

/// Room above the first bar, under the title.
const HEAD: f64 = 48.0;

/// One bar a series in every group.
pub(super) fn side_by_side(
    plot: &Plot,
    series: &[String],
    groups: &[(String, Vec<f64>)],
) -> String {
    let (thick, gap) = (16.0, 10.0);
    let group = thick * series.len().max(1) as f64 + gap;
    let head = HEAD + legend_height(series);
    let (mut canvas, left) = sheet(plot, series, groups, head + group * groups.len() as f64);
    let figures = groups
        .iter()
        .flat_map(|(_, figures)| figures.iter().copied());
    let scale = (WIDTH - left - NUMBER) / largest(figures);
    for (place, (label, figures)) in groups.iter().enumerate() {
        let top = head + group * place as f64;
        let middle = top + (group - gap) / 2.0 + 4.0;
        canvas.text(left - 8.0, middle, Anchor::End, label);
        for (place, figure) in figures.iter().enumerate() {
            let y = top + thick * place as f64;
            let width = length(*figure) * scale;
            canvas.rect(left, y, width.max(1.0), thick - 2.0, colour(place));
            let text = number(*figure);
            canvas.text(left + width + 6.0, y + thick - 5.0, Anchor::Start, &text);
        }
    }
    canvas.finish()
}

/// One bar a group, whose parts follow one another, each with its number where there is room; behind
/// them stands their sum.
pub(super) fn stacked(plot: &Plot, parts: &[String], groups: &[(String, Vec<f64>)]) -> String {
    let thick = 26.0;
    let head = HEAD + legend_height(parts);
    let (mut canvas, left) = sheet(plot, parts, groups, head + thick * groups.len() as f64);
    let sum = |figures: &[f64]| figures.iter().map(|figure| length(*figure)).sum::<f64>();
    let scale = (WIDTH - left - NUMBER) / largest(groups.iter().map(|(_, parts)| sum(parts)));
    for (place, (label, figures)) in groups.iter().enumerate() {
        let y = head + thick * place as f64;
        canvas.text(left - 8.0, y + 15.0, Anchor::End, label);
        let mut x = left;
        for (place, figure) in figures.iter().enumerate() {
            let width = length(*figure) * scale;
            canvas.rect(x, y, width, thick - 6.0, colour(place));
            let text = number(*figure);
            if text_width(&text) < width {
                canvas.text(x + width / 2.0, y + 15.0, Anchor::Middle, &text);
            }
            x += width;
        }
        canvas.text(x + 6.0, y + 15.0, Anchor::Start, &number(sum(figures)));
    }
    canvas.finish()
}

/// A canvas with the unit and the legend on it, and where its bars begin.
fn sheet(
    plot: &Plot,
    names: &[String],
    groups: &[(String, Vec<f64>)],
    height: f64,
) -> (Canvas, f64) {
    let mut canvas = Canvas::new(&plot.title, height + 12.0);
    canvas.text(12.0, 42.0, Anchor::Start, &plot.unit);
    if names.len() > 1 {
        canvas.legend(42.0 + LINE, names);
    }
    let widest = groups.iter().map(|(label, _)| text_width(label));
    (canvas, widest.fold(60.0, f64::max) + 20.0)
}

fn legend_height(names: &[String]) -> f64 {
    match names.len() {
        0 | 1 => 6.0,
        _ => LINE * legend_rows(names) + 6.0,
    }
}

/// The largest figure, or one where there is none, so that it can be divided by.
fn largest(figures: impl Iterator<Item = f64>) -> f64 {
    let largest = figures.map(length).fold(0.0, f64::max);
    if largest > 0.0 { largest } else { 1.0 }
}

/// What is not a number, or negative, has no length.
fn length(figure: f64) -> f64 {
    if figure.is_finite() {
        figure.max(0.0)
    } else {
        0.0
    }
}
