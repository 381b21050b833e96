//! Named figures with units, over several runs.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Figures of one run, or of several after [`Figures::merge`], in the order they were added.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures(pub Vec<Figure>);

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The unit of the values.
    pub unit: Cow<'static, str>,
    /// One value per run.
    pub values: Vec<f64>,
}

impl Figure {
    /// The smallest, the middle and the greatest value.
    #[must_use]
    pub fn spread(&self) -> (f64, f64, f64) {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) && middle > 0 {
            f64::midpoint(at(middle - 1), at(middle))
        } else {
            at(middle)
        };
        (at(0), median, at(values.len().saturating_sub(1)))
    }
}

impl Figures {
    /// Adds a figure.
    pub fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        self.0.push(Figure { name: name.into(), unit: unit.into(), values: vec![value] });
    }

    /// Adds the median, the 99th percentile and the maximum of samples in nanoseconds, in ms.
    pub fn add_latency(&mut self, name: &str, samples: &mut [u64]) {
        samples.sort_unstable();
        for (suffix, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            self.add(format!("{name} {suffix}"), "ms", percentile(samples, share) / 1e6);
        }
    }

    /// Takes the values of another run of the same work.
    pub fn merge(&mut self, other: Self) {
        for figure in other.0 {
            match self.0.iter_mut().find(|known| known.name == figure.name) {
                Some(known) => known.values.extend(figure.values),
                None => self.0.push(figure),
            }
        }
    }

    /// The median of a figure.
    #[must_use]
    pub fn median(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|figure| figure.name == name).map(|figure| figure.spread().1)
    }

    /// A table in Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::from("| figure | unit | min | median | max |\n|---|---|---:|---:|---:|\n");
        for figure in &self.0 {
            let (min, median, max) = figure.spread();
            let (min, median, max) = (show(min), show(median), show(max));
            let _ = writeln!(out, "| {} | {} | {min} | {median} | {max} |", figure.name, figure.unit);
        }
        out
    }
}

/// A sorted sample below which `share` of all lie; not a number without samples.
#[must_use]
pub fn percentile(sorted: &[u64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index, and times far below 2^52 ns"
    )]
    let value = {
        let place = ((sorted.len() as f64 - 1.0) * share).round() as usize;
        sorted.get(place).map_or(f64::NAN, |&value| value as f64)
    };
    value
}

/// A number with three digits that count, and thousands apart.
#[must_use]
pub fn show(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() < 1000.0 {
        let places = if value.abs() >= 100.0 || value == 0.0 {
            0
        } else if value.abs() >= 10.0 {
            1
        } else if value.abs() >= 1.0 {
            2
        } else {
            4
        };
        return format!("{value:.places$}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0
            && (digits.len() - place).is_multiple_of(3)
            && digit.is_ascii_digit()
            && !out.ends_with('-')
        {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Events per second of a time.
#[must_use]
pub fn per_second(events: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let events = events as f64;
    events / time.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_work_are_merged() {
        let mut figures = Figures::default();
        figures.add("rate", "1/s", 3.0);
        for value in [1.0, 2.0] {
            let mut run = Figures::default();
            run.add("rate", "1/s", value);
            figures.merge(run);
        }
        assert_eq!(figures.0[0].spread(), (1.0, 2.0, 3.0));
        assert_eq!(figures.median("rate"), Some(2.0));
    }

    #[test]
    fn numbers_are_shown_with_the_digits_that_count() {
        let shown: Vec<String> = [0.01234, 1.5, 12.34, 123.4, 1234.0, 1_234_567.0].map(show).into();
        assert_eq!(shown, ["0.0123", "1.50", "12.3", "123", "1 234", "1 234 567"]);
    }
}
