//! Contenders that take turns in one process, so that what disturbs the machine disturbs them all.

use crate::options::Options;
use crate::samples::Samples;

/// Several ways to do the same.
#[derive(Default)]
pub struct Contest<'a> {
    entrants: Vec<(String, Turn<'a>)>,
}

/// Does the work once and returns its figure.
type Turn<'a> = Box<dyn FnMut() -> f64 + 'a>;

/// What came out, in the order of entry.
#[derive(Debug)]
pub struct Results(Vec<(String, Samples)>);

impl<'a> Contest<'a> {
    /// Nobody yet.
    pub fn new() -> Contest<'a> {
        Contest::default()
    }

    /// Adds a contender.
    pub fn enter(&mut self, name: &str, turn: impl FnMut() -> f64 + 'a) {
        self.entrants.push((name.to_owned(), Box::new(turn)));
    }

    /// Lets everyone who is asked for take a turn, `rounds` times over.
    pub fn run(mut self, rounds: usize, options: &Options) -> Results {
        self.entrants.retain(|(name, _)| options.chooses(name));
        let mut results: Vec<(String, Samples)> = self
            .entrants
            .iter()
            .map(|(name, _)| (name.clone(), Samples::default()))
            .collect();
        for _ in 0..rounds {
            for ((_, turn), (_, samples)) in self.entrants.iter_mut().zip(&mut results) {
                samples.push(turn());
            }
        }
        Results(results)
    }
}

impl Results {
    /// The median of one contender; NaN for one that did not run.
    pub fn median(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or(f64::NAN, |(_, samples)| samples.median())
    }

    /// Every contender with its rounds.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Samples)> {
        self.0
            .iter()
            .map(|(name, samples)| (name.as_str(), samples))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn turns_go_round_and_unnamed_contenders_stay_out() {
        let order = RefCell::new(String::new());
        let turn = |name: char| {
            let order = &order;
            move || {
                order.borrow_mut().push(name);
                f64::from(name as u32)
            }
        };
        let mut contest = Contest::new();
        contest.enter("a1", turn('1'));
        contest.enter("b", turn('b'));
        contest.enter("a2", turn('2'));
        let options = Options {
            named: Some("a".to_owned()),
            ..Options::default()
        };
        let results = contest.run(2, &options);
        assert_eq!(*order.borrow(), "1212");
        assert_eq!(results.median("a2"), f64::from('2' as u32));
        assert!(results.median("b").is_nan());
    }
}
