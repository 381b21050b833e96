//! One call that deletes conversations, over histories of several lengths: its cost must not grow with them.

use std::time::Duration;

use super::same;
use crate::figures::{Figures, percentile};
use crate::fleet::Fleet;
use crate::session::{Ask, Target};
use crate::stamp::now;
use crate::system::Link;
use crate::systems::Setup;
use crate::systems::lethe::Lethe;
use crate::{ME, Outcome, fill, peer};

/// Deletions keep and clear the history in turn, one after the other; conversations are opened again in between.
#[derive(Clone, Debug, clap::Args)]
pub struct Delete {
    /// Messages in all, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1000, 10_000, 100_000, 1_000_000])]
    pub histories: Vec<u64>,
    /// Conversations in one call, at most 100; the messages are spread over them.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100])]
    pub counts: Vec<usize>,
    /// Deletions of each kind.
    #[arg(long, default_value_t = 400)]
    pub samples: usize,
}

impl Delete {
    /// Does it once.
    ///
    /// # Errors
    /// When not all conversations of a call are deleted.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let mut figures = Figures::default();
        for &count in &self.counts {
            let (mut medians, mut p99s) = (Vec::new(), Vec::new());
            for &history in &self.histories {
                let each = (history / count as u64).max(1);
                let lethe = Lethe::start_filled(&setup.dir, |data| fill(data, count, each))?;
                let mut times = self.measure(&lethe, count)?;
                figures.add_latency(&format!("delete {count} with {history} messages in all"), &mut times);
                medians.push((history, percentile(&times, 0.5)));
                p99s.push(percentile(&times, 0.99));
            }
            if let [smallest, .., largest] = p99s[..] {
                let name = format!("delete {count}: p99 of the largest to the smallest");
                figures.add(name, "ratio", largest / smallest);
            }
            let name = format!("delete {count}: slope of the median");
            figures.add(name, "log/log", slope(&medians));
        }
        Ok(figures)
    }

    fn measure(&self, lethe: &Lethe, count: usize) -> Outcome<Vec<u64>> {
        let mut fleet = Fleet::new()?;
        fleet.limit(Duration::from_secs(300));
        fleet.gather(1, 1.0, |_| {
            Ok(vec![Link { address: lethe.address(), session: Box::new(lethe.session(ME, 0)) }])
        })?;
        let which: Vec<Target> = (0..count).map(|n| Target::User(peer(n))).collect();
        let mut times = Vec::with_capacity(self.samples);
        for sample in 0..self.samples {
            let delete = Ask::Delete { which: which.clone(), clear: sample % 2 == 1 };
            fleet.say(0, |socket| socket.ask(&delete))??;
            times.extend(replies(&mut fleet, 1)?);
            fleet.say(0, |socket| {
                which.iter().try_for_each(|target| socket.ask(&Ask::Open(target.clone())))
            })??;
            replies(&mut fleet, count)?;
        }
        Ok(times)
    }
}

/// How long each of so many answers took, in nanoseconds.
fn replies(fleet: &mut Fleet, count: usize) -> Outcome<Vec<u64>> {
    let mut times = Vec::new();
    while times.len() < count {
        fleet.turn(Duration::from_millis(100), |heard, _| {
            times.extend(heard.replies.iter().map(|time| now() - time));
            Ok(())
        })?;
    }
    same("answers", count as u64, times.len() as u64)?;
    Ok(times)
}

/// The exponent with which times grow with sizes: 0 when they do not, 1 when in proportion. Least squares of logarithms.
#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
fn slope(points: &[(u64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|&(size, time)| ((size as f64).ln(), time.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = logs.iter().map(|point| (point.0 - x).powi(2)).sum();
    if below == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_the_exponent() {
        let squares = [(10, 100.0), (100, 10_000.0), (1000, 1_000_000.0)];
        assert!((slope(&squares) - 2.0).abs() < 1e-9);
        assert!(slope(&[(10, 5.0), (1000, 5.0)]).abs() < 1e-9);
    }
}
