//! Bars from left to right, each with its number.

use super::Plot;
use super::canvas::{Anchor, Canvas, LINE, WIDTH, colour, legend_rows, text_width};
use crate::figures::number;

/// Room for a bar's number behind it.
const NUMBER: f64 = 80.0;

/// Room above the first bar, under the title.
const HEAD: f64 = 48.0;

/// One bar a series in every group, to the right of zero, or to its left when it is negative.
pub(super) fn side_by_side(
    plot: &Plot,
    series: &[String],
    groups: &[(String, Vec<f64>)],
) -> String {
    let (thick, gap) = (16.0, 10.0);
    let group = thick * series.len().max(1) as f64 + gap;
    let head = HEAD + legend_height(series);
    let (mut canvas, left) = sheet(plot, series, groups, head + group * groups.len() as f64);
    let figures = || groups.iter().flat_map(|(_, figures)| figures.iter());
    let most = figures().map(|figure| length(*figure)).fold(0.0, f64::max);
    let least = figures().map(|figure| length(-*figure)).fold(0.0, f64::max);
    let scale = (WIDTH - left - NUMBER) / Some(most + least).filter(|it| *it > 0.0).unwrap_or(1.0);
    let zero = left + least * scale;
    for (place, (label, figures)) in groups.iter().enumerate() {
        let top = head + group * place as f64;
        let middle = top + (group - gap) / 2.0 + 4.0;
        canvas.text(left - 8.0, middle, Anchor::End, label);
        for (place, figure) in figures.iter().enumerate() {
            let y = top + thick * place as f64;
            let (below, above) = (length(-*figure) * scale, length(*figure) * scale);
            let width = (below + above).max(1.0);
            canvas.rect(zero - below, y, width, thick - 2.0, colour(place));
            let text = number(*figure);
            canvas.text(zero + above + 6.0, y + thick - 5.0, Anchor::Start, &text);
        }
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

/// What is not a number, or negative, has no length.
fn length(figure: f64) -> f64 {
    if figure.is_finite() {
        figure.max(0.0)
    } else {
        0.0
    }
}
