//! Contenders that are compared within a moment.
//!
//! In a round everyone takes one short turn after the other, in an order that changes from round to
//! round, so what disturbs the machine for longer than a round disturbs all of its turns. What is
//! compared is compared within a round: a ratio is the median of the rounds' ratios, not the ratio
//! of medians that may come from different moments.

use crate::options::Options;
use crate::pace;
use crate::samples::Samples;

/// Several ways to do the same.
pub struct Contest<'a> {
    entrants: Vec<(String, Turn<'a>)>,
    pace: Turn<'a>,
    rounds: Vec<Round>,
    shuffled: u64,
}

/// Does the work once and returns its figure.
type Turn<'a> = Box<dyn FnMut() -> f64 + 'a>;

/// What came out.
#[derive(Debug)]
pub struct Results {
    names: Vec<String>,
    rounds: Vec<Round>,
}

#[derive(Debug, Clone)]
struct Round {
    /// How long work took meanwhile that is always the same.
    pace: f64,
    /// In the order of entry.
    figures: Vec<f64>,
}

impl Default for Contest<'_> {
    fn default() -> Self {
        Contest::new()
    }
}

impl<'a> Contest<'a> {
    /// Nobody yet.
    pub fn new() -> Contest<'a> {
        Contest::paced_by(pace::now)
    }

    /// Nobody yet; `pace` says how the machine is where turns are not taken by one thread alone.
    pub fn paced_by(pace: impl FnMut() -> f64 + 'a) -> Contest<'a> {
        Contest {
            entrants: Vec::new(),
            pace: Box::new(pace),
            rounds: Vec::new(),
            shuffled: 0,
        }
    }

    /// Adds a contender.
    pub fn enter(&mut self, name: &str, turn: impl FnMut() -> f64 + 'a) {
        self.entrants.push((name.to_owned(), Box::new(turn)));
    }

    /// Lets everyone who is asked for take a turn, `rounds` times over.
    pub fn run(mut self, rounds: usize, options: &Options) -> Results {
        self.entrants.retain(|(name, _)| options.chooses(name));
        (0..rounds).for_each(|_| self.round());
        self.results()
    }

    /// Lets everyone take a turn.
    pub fn round(&mut self) {
        // Not noted, for a thread that has slept.
        (self.pace)();
        let before = (self.pace)();
        let mut figures = vec![f64::NAN; self.entrants.len()];
        for place in self.shuffle() {
            figures[place] = self.entrants[place].1();
        }
        let pace = before.midpoint((self.pace)());
        self.rounds.push(Round { pace, figures });
    }

    /// What came out of all rounds.
    pub fn results(self) -> Results {
        Results {
            names: self.entrants.into_iter().map(|(name, _)| name).collect(),
            rounds: self.rounds,
        }
    }

    /// Everyone's place in an order that is another one each time, and the same in every run.
    fn shuffle(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.entrants.len()).collect();
        for left in (1..order.len()).rev() {
            order.swap(left, self.random() as usize % (left + 1));
        }
        order
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.shuffled = self.shuffled.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.shuffled;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl Results {
    /// Who took part, in the order of entry.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The median figure of one contender in the quieter half of the rounds, by [`pace`]; NaN for
    /// one that did not run.
    pub fn median(&self, name: &str) -> f64 {
        self.quieter(name).median()
    }

    /// The figures of one contender in that half.
    pub fn quieter(&self, name: &str) -> Samples {
        let [quieter, _] = self.halves();
        let rounds = quieter.rounds.iter();
        rounds
            .filter_map(|round| quieter.figure(round, name))
            .collect()
    }

    /// How many times another's figure one's is, each round for itself.
    pub fn ratio(&self, name: &str, to: &str) -> Samples {
        self.compare(name, to, |one, other| one / other)
    }

    /// What one's figure is more than another's, each round for itself.
    pub fn difference(&self, name: &str, less: &str) -> Samples {
        self.compare(name, less, |one, other| one - other)
    }

    /// What came out of the quieter half of the rounds, by [`pace`], and of the other.
    pub fn halves(&self) -> [Results; 2] {
        let middle = self.paces().median();
        [true, false].map(|quieter| {
            let rounds = self.rounds.iter();
            let rounds = rounds.filter(|round| (round.pace <= middle) == quieter);
            Results {
                names: self.names.clone(),
                rounds: rounds.cloned().collect(),
            }
        })
    }

    /// How the machine was in each round.
    pub fn paces(&self) -> Samples {
        self.rounds.iter().map(|round| round.pace).collect()
    }

    fn compare(&self, name: &str, other: &str, how: impl Fn(f64, f64) -> f64) -> Samples {
        let compared = self
            .rounds
            .iter()
            .filter_map(|round| Some(how(self.figure(round, name)?, self.figure(round, other)?)));
        compared.collect()
    }

    fn figure(&self, round: &Round, name: &str) -> Option<f64> {
        let place = self.names.iter().position(|known| known == name)?;
        round.figures.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn everyone_asked_for_takes_one_turn_a_round_in_changing_order() {
        let taken = RefCell::new(String::new());
        let mut contest = Contest::new();
        for name in ["a1", "a2", "a3", "b"] {
            let taken = &taken;
            contest.enter(name, move || {
                taken.borrow_mut().push_str(name);
                1.0
            });
        }
        let options = Options {
            named: Some("a".to_owned()),
            ..Options::default()
        };
        let results = contest.run(8, &options);
        let taken = taken.into_inner();
        let rounds: Vec<&[u8]> = taken.as_bytes().chunks(6).collect();
        assert_eq!(rounds.len(), 8, "{taken}");
        for round in &rounds {
            let mut turns: Vec<&[u8]> = round.chunks(2).collect();
            turns.sort_unstable();
            assert_eq!(turns, [b"a1", b"a2", b"a3"], "{taken}");
        }
        assert!(rounds.iter().any(|round| *round != rounds[0]), "{taken}");
        assert!(results.median("b").is_nan());
    }

    /// The machine is half as fast in two rounds of five; in one of them that hits only one turn.
    #[test]
    fn what_slows_a_whole_round_moves_no_ratio() {
        let results = results(&[
            (1.0, [10.0, 20.0]),
            (2.0, [20.0, 40.0]),
            (1.0, [11.0, 22.0]),
            (2.0, [22.0, 20.0]),
            (1.0, [12.0, 24.0]),
        ]);
        assert_eq!(results.ratio("a", "b").median(), 0.5);
        assert_eq!(results.difference("b", "a").median(), 11.0);
        assert_eq!(results.ratio("a", "b").quantile(1.0), 1.1);
        assert!(results.ratio("a", "nobody").median().is_nan());
    }

    #[test]
    fn a_figure_is_quoted_from_the_quieter_rounds() {
        let results = results(&[
            (3.0, [90.0, 0.0]),
            (1.0, [10.0, 0.0]),
            (1.1, [11.0, 0.0]),
            (1.2, [12.0, 0.0]),
            (3.0, [91.0, 0.0]),
        ]);
        assert_eq!(results.median("a"), 11.0);
        let paces = results.halves().map(|half| half.paces().median());
        assert_eq!(paces, [1.1, 3.0]);
    }

    /// Of contenders a and b, rounds with their pace.
    fn results(rounds: &[(f64, [f64; 2])]) -> Results {
        let round = |(pace, figures): &(f64, [f64; 2])| Round {
            pace: *pace,
            figures: figures.to_vec(),
        };
        Results {
            names: vec!["a".to_owned(), "b".to_owned()],
            rounds: rounds.iter().map(round).collect(),
        }
    }
}
