//! Pictures of the figures, as SVG written here: two shapes need no plotting library.

mod bars;
mod canvas;
mod lines;

use serde::{Deserialize, Serialize};

/// A picture that can be drawn later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plot {
    /// Names the file.
    pub id: String,
    /// What is seen.
    pub title: String,
    /// What the numbers are, such as `ns an event`.
    pub unit: String,
    /// How it is drawn.
    pub shape: Shape,
}

/// How figures are laid out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Shape {
    /// For each group, one bar a series, side by side.
    Bars {
        /// What the bars of a group stand for.
        series: Vec<String>,
        /// A label and one figure a series.
        groups: Vec<(String, Vec<f64>)>,
    },
    /// Figures over steps.
    Lines {
        /// What a step is.
        steps: String,
        /// The steps' labels.
        ticks: Vec<String>,
        /// A name and one figure a step.
        series: Vec<(String, Vec<f64>)>,
    },
}

impl Plot {
    /// A picture, not yet drawn.
    pub fn new(id: &str, title: &str, unit: &str, shape: Shape) -> Plot {
        Plot {
            id: id.to_owned(),
            title: title.to_owned(),
            unit: unit.to_owned(),
            shape,
        }
    }

    /// The picture.
    pub fn to_svg(&self) -> String {
        match &self.shape {
            Shape::Bars { series, groups } => bars::side_by_side(self, series, groups),
            Shape::Lines {
                steps,
                ticks,
                series,
            } => lines::over_steps(self, steps, ticks, series),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every shape, with labels that would break markup and figures that could not be drawn.
    fn plots() -> [Plot; 2] {
        let groups = vec![
            ("ours & <theirs>".to_owned(), vec![1.0, f64::NAN]),
            ("less than nothing".to_owned(), vec![0.0, -3.0]),
        ];
        let names = vec!["one".to_owned(), "two".to_owned()];
        [
            Shape::Bars {
                series: names.clone(),
                groups,
            },
            Shape::Lines {
                steps: "tenth".to_owned(),
                ticks: names,
                series: vec![("a \"quoted\" name".to_owned(), vec![5.0, f64::NAN])],
            },
        ]
        .map(|shape| Plot::new("p", "a title", "ns", shape))
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out_and_markup_is_escaped() {
        for plot in plots() {
            let svg = plot.to_svg();
            assert!(!svg.contains("NaN"), "{svg}");
            assert!(!svg.contains("<theirs>"), "{svg}");
            assert!(svg.ends_with("</svg>\n"), "{svg}");
        }
    }

    #[test]
    fn what_is_negative_is_drawn_and_said() {
        let svg = plots()[0].to_svg();
        let width = |bar: &str| bar.split('"').next().unwrap().parse::<f64>().unwrap();
        let widths: Vec<f64> = svg
            .split("rect x=")
            .skip(1)
            .map(|rect| width(rect.split("width=\"").nth(1).unwrap()))
            .collect();
        assert!(svg.contains(">-3.00<"), "{svg}");
        assert!(widths.iter().any(|it| *it > 100.0), "{widths:?}");
    }

    #[test]
    fn a_plot_of_nothing_is_still_a_picture() {
        let shape = Shape::Bars {
            series: Vec::new(),
            groups: Vec::new(),
        };
        assert!(Plot::new("p", "t", "u", shape).to_svg().contains("<svg"));
    }
}
