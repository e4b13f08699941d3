//! Rounds in which ours and the reference take turns, and what they come to.

use std::time::{Duration, Instant};

use crate::setting::Setting;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better: a rate.
    More,
    /// Less is better: a time, a size.
    Less,
}

/// What a figure should come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// The ratio is at least this.
    Ratio(f64),
    /// The value is at least this.
    AtLeast(f64),
    /// The value is at most this.
    AtMost(f64),
}

/// A line of the report.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The median of ours.
    pub value: f64,
    /// Of the value and the reference.
    pub unit: &'static str,
    /// What the reference is, and its median.
    pub reference: Option<(&'static str, f64)>,
    /// The median of the rounds' ratios, more being better.
    pub ratio: Option<f64>,
    /// The least of ours.
    pub min: f64,
    /// The most of ours.
    pub max: f64,
    /// What it should come to.
    pub aim: Option<Aim>,
}

impl Row {
    /// A row of figures without a reference.
    pub fn alone(name: impl Into<String>, unit: &'static str, ours: &[f64]) -> Row {
        let (min, max) = range(ours);
        let (name, value) = (name.into(), median(ours));
        Row { name, value, unit, reference: None, ratio: None, min, max, aim: None }
    }

    /// A row of figures, each beside the reference's of the same round.
    pub fn against(
        name: impl Into<String>,
        unit: &'static str,
        better: Better,
        ours: &[f64],
        what: &'static str,
        reference: &[f64],
    ) -> Row {
        let ratios: Vec<f64> = std::iter::zip(ours, reference)
            .map(|(ours, reference)| match better {
                Better::More => ours / reference,
                Better::Less => reference / ours,
            })
            .collect();
        let reference = Some((what, median(reference)));
        Row { reference, ratio: Some(median(&ratios)), ..Row::alone(name, unit, ours) }
    }

    /// The row, with what it should come to.
    pub fn aims(self, aim: Aim) -> Row {
        Row { aim: Some(aim), ..self }
    }

    /// Whether it comes to what it should.
    pub fn reaches(&self) -> Option<bool> {
        Some(match self.aim? {
            Aim::Ratio(least) => self.ratio? >= least,
            Aim::AtLeast(least) => self.value >= least,
            Aim::AtMost(most) => self.value <= most,
        })
    }
}

/// Runs both in turns, a round to warm up and then as many as are set; who begins changes from round to round.
pub fn take_turns<A, B>(
    setting: &Setting,
    what: &str,
    mut ours: impl FnMut() -> Result<A>,
    mut reference: impl FnMut() -> Result<B>,
) -> Result<(Vec<A>, Vec<B>)> {
    let warm_up = setting.sized(1, 0);
    let (mut all_ours, mut all_references) = (Vec::new(), Vec::new());
    for round in 0..warm_up + setting.rounds {
        match round.checked_sub(warm_up) {
            None => setting.says(&format!("{what}: warming up")),
            Some(round) => setting.says(&format!("{what}: round {} of {}", round + 1, setting.rounds)),
        }
        let (a, b) = if round % 2 == 0 {
            let a = ours()?;
            (a, reference()?)
        } else {
            let b = reference()?;
            (ours()?, b)
        };
        if round >= warm_up {
            all_ours.push(a);
            all_references.push(b);
        }
    }
    setting.says("");
    Ok((all_ours, all_references))
}

/// The middle of some figures, or the mean of the two in the middle.
///
/// # Panics
///
/// If there are none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn range(figures: &[f64]) -> (f64, f64) {
    figures.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &at| (min.min(at), max.max(at)))
}

/// What some work takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}

/// How many a second.
pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Each of how long many things took.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Latencies(Vec::with_capacity(count))
    }

    /// Adds one; more than four seconds count as four.
    pub fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of another.
    pub fn append(&mut self, mut other: Latencies) {
        self.0.append(&mut other.0);
    }

    /// How many microseconds this share of them, between 0 and 1, stays within.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn quantile(&mut self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        let at = ((last as f64 * share).round() as usize).min(last);
        let (_, nanos, _) = self.0.select_nth_unstable(at);
        f64::from(*nanos) / 1e3
    }
}
