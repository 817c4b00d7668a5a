//! Lines over steps, from zero, so that what stays flat is seen to be flat.

use super::Plot;
use super::canvas::{Anchor, Canvas, LINE, WIDTH, colour, legend_rows};
use crate::figures::number;

/// Height of the field the lines are in.
const FIELD: f64 = 220.0;

/// Room for the numbers at the left, and for the last step's label at the right.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 50.0;

/// One line a series, one point a step.
pub(super) fn over_steps(
    plot: &Plot,
    steps: &str,
    ticks: &[String],
    series: &[(String, Vec<f64>)],
) -> String {
    let names: Vec<String> = series.iter().map(|(name, _)| name.clone()).collect();
    let top = 60.0 + LINE * legend_rows(&names);
    let bottom = top + FIELD;
    let mut canvas = Canvas::new(&plot.title, bottom + 48.0);
    canvas.text(12.0, 42.0, Anchor::Start, &plot.unit);
    canvas.legend(42.0 + LINE, &names);

    let figures = series
        .iter()
        .flat_map(|(_, figures)| figures.iter().copied());
    let largest = figures
        .filter(|figure| figure.is_finite())
        .fold(0.0, f64::max);
    let largest = if largest > 0.0 { largest } else { 1.0 };
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let y = bottom - FIELD * share;
        canvas.rule((LEFT, y), (WIDTH - RIGHT, y));
        canvas.text(LEFT - 8.0, y + 4.0, Anchor::End, &number(largest * share));
    }
    let apart = (WIDTH - LEFT - RIGHT) / ticks.len().saturating_sub(1).max(1) as f64;
    for (place, tick) in ticks.iter().enumerate() {
        canvas.text(
            LEFT + apart * place as f64,
            bottom + LINE,
            Anchor::Middle,
            tick,
        );
    }
    canvas.text(WIDTH / 2.0, bottom + 2.0 * LINE, Anchor::Middle, steps);
    for (place, (_, figures)) in series.iter().enumerate() {
        let points: Vec<(f64, f64)> = figures
            .iter()
            .enumerate()
            .filter(|(_, figure)| figure.is_finite())
            .map(|(step, figure)| {
                (
                    LEFT + apart * step as f64,
                    bottom - FIELD * figure / largest,
                )
            })
            .collect();
        canvas.path(&points, colour(place));
    }
    canvas.finish()
}
