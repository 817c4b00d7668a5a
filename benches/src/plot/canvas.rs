//! The few marks a plot is made of.

use std::fmt::Write as _;

/// Width of every picture, in pixels.
pub(super) const WIDTH: f64 = 860.0;

/// Height of a line of text.
pub(super) const LINE: f64 = 18.0;

/// Colours that stay apart for most eyes (Okabe and Ito), in the order they are used.
const PALETTE: [&str; 7] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999",
];

/// Where text is held.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture being drawn.
pub(super) struct Canvas {
    marks: String,
    height: f64,
}

impl Canvas {
    /// A white sheet under a title.
    pub(super) fn new(title: &str, height: f64) -> Canvas {
        let mut canvas = Canvas {
            marks: String::new(),
            height,
        };
        let _ = writeln!(
            canvas.marks,
            r##"<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##
        );
        let _ = writeln!(
            canvas.marks,
            r#"<text x="12" y="24" font-size="15" font-weight="bold">{}</text>"#,
            escape(title)
        );
        canvas
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = writeln!(
            self.marks,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#,
            escape(text)
        );
    }

    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        let _ = writeln!(
            self.marks,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#
        );
    }

    pub(super) fn rule(&mut self, from: (f64, f64), to: (f64, f64)) {
        let _ = writeln!(
            self.marks,
            r##"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="#cccccc"/>"##,
            from.0, from.1, to.0, to.1
        );
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str) {
        let joined: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            self.marks,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            joined.join(" ")
        );
        for (x, y) in points {
            let _ = writeln!(
                self.marks,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
            );
        }
    }

    /// Names with their colours in rows; returns where the next thing may stand.
    pub(super) fn legend(&mut self, y: f64, names: &[String]) -> f64 {
        let (mut x, mut y) = (12.0, y);
        for (place, name) in names.iter().enumerate() {
            let width = text_width(name) + 34.0;
            if x + width > WIDTH {
                (x, y) = (12.0, y + LINE);
            }
            self.rect(x, y - 10.0, 12.0, 12.0, colour(place));
            self.text(x + 17.0, y, Anchor::Start, name);
            x += width;
        }
        y + LINE
    }

    /// The picture as a file.
    pub(super) fn finish(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n{}</svg>\n",
            self.marks,
            height = self.height
        )
    }
}

/// The colour of the series at this place.
pub(super) fn colour(place: usize) -> &'static str {
    PALETTE[place % PALETTE.len()]
}

/// About how wide text of the usual size becomes; fonts differ, so this is generous.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 7.2
}

/// How many rows a legend of these names takes.
pub(super) fn legend_rows(names: &[String]) -> f64 {
    let (mut x, mut rows) = (12.0, 1.0);
    for name in names {
        let width = text_width(name) + 34.0;
        if x + width > WIDTH {
            (x, rows) = (12.0, rows + 1.0);
        }
        x += width;
    }
    rows
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
