//! Repeated measurements of one thing.

/// Figures of several rounds, of which the middle one is quoted.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The one in the middle.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The figure that this share of all does not exceed; NaN when there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        sorted.get(place).copied().unwrap_or(f64::NAN)
    }
}

impl Extend<f64> for Samples {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, figures: I) {
        self.0.extend(figures);
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Samples {
        Samples(figures.into_iter().collect())
    }
}

impl IntoIterator for Samples {
    type Item = f64;
    type IntoIter = std::vec::IntoIter<f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn quantiles_are_figures_that_were_measured() {
        for (figures, share, expected) in [
            (vec![3.0, 1.0, 2.0], 0.5, 2.0),
            (vec![3.0, 1.0, 2.0], 0.0, 1.0),
            (vec![3.0, 1.0, 2.0], 1.0, 3.0),
            ((0..=1000).map(f64::from).collect(), 0.999, 999.0),
        ] {
            let samples = Samples::from_iter(figures.clone());
            assert_eq!(samples.quantile(share), expected, "{share} of {figures:?}");
        }
    }

    #[test]
    fn no_measurement_has_no_median() {
        assert!(Samples::default().median().is_nan());
    }
}
