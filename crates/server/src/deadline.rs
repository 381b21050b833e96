//! Deadlines of sockets that say nothing. They fall on whole seconds, the same for all sockets, so that ten thousand idle
//! clients wake the process once a second and not each at a time of its own: the wake-ups were most of what they cost.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// Where seconds are counted from.
static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The first whole second at this time or after it.
pub(crate) fn on_the_second(at: Instant) -> Instant {
    let since = at.saturating_duration_since(*FIRST);
    let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    *FIRST + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_of_one_second_are_one_and_never_earlier_than_asked_for() {
        let first = *FIRST + Duration::from_secs(7);
        let after = |ms| on_the_second(first + Duration::from_millis(ms));
        assert_eq!(after(0), first);
        assert_eq!((after(1), after(1000)), (first + Duration::from_secs(1), first + Duration::from_secs(1)));
        assert_eq!(after(1001), first + Duration::from_secs(2));
    }
}
