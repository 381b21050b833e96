use std::time::Duration;

use lethe_store::Store;
use tokio::time::{Instant, sleep_until};

/// Messages of one step while others write, at most: one transaction, during which others wait for this timeline. It joins a
/// group commit, and those who are in the same one wait for its rows: so it is small.
const STEP: usize = 32;
/// The same at least. A step of eight takes no longer than what others do; one of 32 made those who came meanwhile late.
const LEAST_STEP: f64 = 8.0;
/// Between the two a step is what may go in so many seconds: where much may go, few write, and steps have a price of their own.
const SLICE: f64 = 0.01;
/// Messages of one step while nobody else writes.
const QUIET_STEP: usize = 256;
/// With so many transactions of others in a second the eraser goes half as fast as it may.
const HALF: f64 = 10.0;
/// However much others write, it is not slower than this, in messages per second.
const LEAST: f64 = 50.0;
/// What is so late goes twice as fast, what is twice so late three times, and so on: where others never rest, as much goes as
/// comes in the end.
const LATE: Duration = Duration::from_secs(600);
/// What others do is not known on a store that several nodes share: no faster than this, in messages per second.
const SHARED: u64 = 5_000;
/// A pause is no longer than this: a stop waits for it. Where so few messages may go that a step would be worth more, it is
/// smaller.
const LONGEST: Duration = Duration::from_millis(250);

/// How fast the eraser goes: as fast as it may while nobody else writes, and the slower the more others do.
#[derive(Debug)]
pub(super) struct Pace {
    /// Messages per second when nobody else writes.
    most: u64,
    /// The end of the last step, the store's transactions by then, and the messages of it.
    last: Option<(Instant, Option<u64>, u64)>,
}

impl Pace {
    /// At most so many messages in a second.
    pub(super) fn new(most: u64) -> Self {
        Self { most: most.max(1), last: None }
    }

    /// After each step: how many messages it removed.
    pub(super) fn stepped(&mut self, store: &Store, messages: u64) {
        self.last = Some((Instant::now(), store.transactions(), messages));
    }

    /// Pauses for as long as the last step was worth. How many messages the next one may take of what was due `late` ago.
    pub(super) async fn next(&self, store: &Store, late: Duration) -> usize {
        let Some((ended, before, messages)) = self.last else { return step(self.most, STEP) };
        let Some(before) = before else {
            sleep_until(ended + pause(messages, self.most.min(SHARED), 0.0, late)).await;
            return step(self.most, STEP);
        };
        let load = || {
            let others = u32::try_from(store.transactions().unwrap_or(before) - before).unwrap_or(u32::MAX);
            f64::from(others) / ended.elapsed().as_secs_f64().max(0.001)
        };
        // What others do is seen during the pause that would do if they did nothing.
        sleep_until(ended + pause(messages, self.most, 0.0, late)).await;
        sleep_until(ended + pause(messages, self.most, load(), late)).await;
        let load = load();
        step(self.most, if load > 0.0 { busy_step(rate(self.most, load, late)) } else { QUIET_STEP })
    }
}

/// A step that is worth no more than the longest pause, however few messages may go.
fn step(most: u64, wanted: usize) -> usize {
    let worth = u128::from(most) * LONGEST.as_millis() / 1000;
    usize::try_from(worth).unwrap_or(wanted).clamp(1, wanted)
}

/// A step while others write, where so many messages may go in a second.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 8 and 32")]
fn busy_step(rate: f64) -> usize {
    ((rate * SLICE).max(LEAST_STEP) as usize).min(STEP)
}

/// Messages that may go in a second, with so many transactions of others in it.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn rate(most: u64, load: f64, late: Duration) -> f64 {
    let most = most as f64;
    let urgency = 1.0 + late.as_secs_f64() / LATE.as_secs_f64();
    (most / (1.0 + load / HALF) * urgency).clamp(LEAST.min(most), most)
}

/// How long a step of so many messages is to take.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn pause(messages: u64, most: u64, load: f64, late: Duration) -> Duration {
    Duration::from_secs_f64(messages as f64 / rate(most, load, late)).min(LONGEST)
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
mod tests {
    use super::*;

    fn paused(most: u64, load: f64, late: u64) -> f64 {
        5.0 / pause(5, most, load, Duration::from_secs(late)).as_secs_f64()
    }

    fn is(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 0.001, "{found} instead of {expected}");
    }

    #[test]
    fn the_more_others_write_the_slower_it_goes_down_to_a_limit() {
        is(paused(50_000, 0.0, 0), 50_000.0);
        is(paused(50_000, 10.0, 0), 25_000.0);
        is(paused(50_000, 4990.0, 0), 100.0);
        is(paused(50_000, 1e9, 0), 50.0);
        // Who allows less than the least gets that, whatever others do.
        is(paused(40, 0.0, 0), 40.0);
        is(paused(40, 1e9, 0), 40.0);
    }

    #[test]
    fn what_is_late_goes_faster_and_never_faster_than_allowed() {
        is(paused(50_000, 4990.0, 600), 200.0);
        is(paused(50_000, 4990.0, 3600), 700.0);
        // Beside 5 000 texts a second, as many go once they are eight hours late.
        assert!(paused(50_000, 4990.0, 8 * 3600) < 5000.0 && paused(50_000, 4990.0, 9 * 3600) > 5000.0);
        is(paused(50_000, 4990.0, u64::MAX), 50_000.0);
        is(paused(50_000, 0.0, 3600), 50_000.0);
    }

    #[test]
    fn the_less_may_go_the_smaller_a_step_is() {
        assert_eq!([50.0, 899.0, 1000.0, 3199.0].map(busy_step), [8, 8, 10, 31]);
        assert_eq!([3200.0, 50_000.0, 1e9].map(busy_step), [STEP; 3]);
    }

    #[test]
    fn no_pause_is_longer_than_a_stop_may_wait() {
        assert_eq!(pause(1000, 50_000, 1e9, Duration::ZERO), LONGEST);
    }

    #[test]
    fn no_more_goes_than_is_allowed_though_pauses_end() {
        assert_eq!((step(100, STEP), step(100, QUIET_STEP)), (25, 25));
        assert_eq!((step(1000, STEP), step(1000, QUIET_STEP)), (STEP, 250));
        assert_eq!((step(1024, QUIET_STEP), step(50_000, QUIET_STEP)), (QUIET_STEP, QUIET_STEP));
        assert_eq!(step(1, STEP), 1);
        for most in [100, 999, 50_000] {
            let messages = step(most, QUIET_STEP) as u64;
            assert!(
                messages as f64 / pause(messages, most, 0.0, Duration::ZERO).as_secs_f64()
                    <= most as f64 * 1.001
            );
        }
    }
}
