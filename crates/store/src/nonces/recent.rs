//! Nearly every message is new, and its nonce was never seen: to find that out in the engine is to ask every table. Clocks of clients
//! go forward, so it is enough to know the newest time that a sender has used in a timeline, and what it has used at that time.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

/// Memory for it, in bytes.
const CAPACITY: u64 = 8 << 20;
/// Senders the cache makes room for at once; more are made room for as they come.
const FIRST_SENDERS: usize = 1024;
/// What is known of one sender takes this besides its key and the numbers it has used, in bytes.
const SENDER_BYTES: u64 = 200;
/// Numbers there is room for at first.
const FIRST_NUMBERS: usize = 16;
/// So many messages of one sender in one second of its clock are told apart; of more, the engine is asked.
const WITHIN_A_SECOND: usize = 1024;

/// A sender in a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub(super) sender: &'a [u8],
    pub(super) timeline: &'a [u8],
}

/// The same, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    sender: Box<[u8]>,
    timeline: Box<[u8]>,
}

impl Hash for Pair<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.sender);
        state.write(self.timeline);
    }
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Pair { sender: &self.sender, timeline: &self.timeline }.hash(state);
    }
}

impl Equivalent<Kept> for Pair<'_> {
    fn equivalent(&self, kept: &Kept) -> bool {
        *self == Pair { sender: &kept.sender, timeline: &kept.timeline }
    }
}

impl From<Pair<'_>> for Kept {
    fn from(pair: Pair<'_>) -> Self {
        Self { sender: pair.sender.into(), timeline: pair.timeline.into() }
    }
}

/// What is known of the nonces of a sender in a timeline.
#[derive(Debug)]
enum Known {
    /// It was asked for once. Only who writes again is worth looking up what is newest.
    Asked,
    /// No nonce has a later time than `newest`.
    Until {
        newest: u64,
        /// All that have this time, by their second number; none when not all are known.
        used: Option<Vec<u64>>,
    },
}

impl Known {
    fn is_new(&self, time: u64, random: u64) -> bool {
        match self {
            Self::Asked => false,
            Self::Until { newest, used } => {
                time > *newest || time == *newest && used.as_ref().is_some_and(|used| !used.contains(&random))
            }
        }
    }

    /// Numbers that are kept.
    fn numbers(&self) -> usize {
        match self {
            Self::Until { used: Some(used), .. } => used.len(),
            Self::Until { used: None, .. } | Self::Asked => 0,
        }
    }

    fn remember(&mut self, time: u64, random: u64) {
        let Self::Until { newest, used } = self else { return };
        if time > *newest {
            (*newest, *used) = (time, Some(vec![random]));
        } else if time == *newest {
            *used = used.take().filter(|used| used.len() < WITHIN_A_SECOND).map(|mut used| {
                used.push(random);
                used
            });
        }
    }
}

/// What the cache has of a sender. How much it counts for does not change while it is there.
#[derive(Debug)]
struct Entry {
    /// Numbers it counts for.
    room: usize,
    known: Mutex<Known>,
}

impl Entry {
    fn of(known: Known) -> Arc<Self> {
        let room = known.numbers().next_power_of_two().max(FIRST_NUMBERS);
        Arc::new(Self { room, known: Mutex::new(known) })
    }
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Kept, Arc<Entry>> for Weight {
    fn weight(&self, pair: &Kept, entry: &Arc<Entry>) -> u64 {
        SENDER_BYTES + (pair.sender.len() + pair.timeline.len() + 8 * entry.room) as u64
    }
}

/// The newest nonces of those who wrote last. Whatever is asked and said here, is so under the lock of the timeline: no other
/// transaction stores a nonce of the same sender and timeline meanwhile. What was forgotten is no longer known to be new.
#[derive(Debug)]
pub(crate) struct Recent {
    senders: Cache<Kept, Arc<Entry>, Weight, RandomState>,
}

/// What there is to do for a sender of whom the engine was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Wait,
    /// To look up the newest time it has used.
    Learn,
}

impl Recent {
    pub(crate) fn new() -> Self {
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        Self { senders: Cache::with(FIRST_SENDERS, CAPACITY, Weight, hasher, lifecycle) }
    }

    fn with<T>(&self, pair: Pair<'_>, f: impl FnOnce(&mut Known) -> T) -> Option<T> {
        let entry = self.senders.get(&pair)?;
        let mut known = entry.known.lock().unwrap_or_else(PoisonError::into_inner);
        Some(f(&mut known))
    }

    /// Whether no message was ever stored with these two numbers.
    pub(super) fn is_new(&self, pair: Pair<'_>, (time, random): (u64, u64)) -> bool {
        self.with(pair, |known| known.is_new(time, random)).unwrap_or(false)
    }

    /// The engine was asked, as it was not known.
    pub(super) fn asked(&self, pair: Pair<'_>) -> Next {
        match self.with(pair, |known| matches!(known, Known::Asked)) {
            Some(true) => return Next::Learn,
            Some(false) => {}
            None => self.senders.insert(pair.into(), Entry::of(Known::Asked)),
        }
        Next::Wait
    }

    /// No stored nonce of this sender has a later time.
    pub(super) fn learn(&self, pair: Pair<'_>, newest: u64) {
        self.senders.insert(pair.into(), Entry::of(Known::Until { newest, used: None }));
    }

    /// A message with these numbers is about to be stored. If it is not after all, it only counts as known.
    pub(super) fn remember(&self, pair: Pair<'_>, (time, random): (u64, u64)) {
        let Some(entry) = self.senders.get(&pair) else { return };
        let mut known = entry.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remember(time, random);
        if known.numbers() > entry.room {
            let grown = Entry::of(std::mem::replace(&mut known, Known::Asked));
            drop(known);
            self.senders.insert(pair.into(), grown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> Pair<'_> {
        Pair { sender: name.as_bytes(), timeline: b"timeline" }
    }

    fn learnt(newest: u64) -> Recent {
        let recent = Recent::new();
        recent.learn(pair("a"), newest);
        recent
    }

    #[test]
    fn nothing_is_new_of_a_sender_who_is_not_known() {
        let recent = Recent::new();
        assert!(!recent.is_new(pair("a"), (u64::MAX, 1)));
        recent.remember(pair("a"), (7, 1));
        assert!(!recent.is_new(pair("a"), (8, 1)));
    }

    #[test]
    fn the_newest_time_is_looked_up_for_who_is_asked_for_twice() {
        let recent = Recent::new();
        assert_eq!([(); 2].map(|()| recent.asked(pair("a"))), [Next::Wait, Next::Learn]);
        assert!(!recent.is_new(pair("a"), (u64::MAX, 1)), "it is not looked up yet");
        recent.learn(pair("a"), 7);
        assert_eq!(recent.asked(pair("a")), Next::Wait);
        assert_eq!(recent.asked(pair("b")), Next::Wait);
    }

    #[test]
    fn what_is_later_is_new_and_what_is_not_may_not_be() {
        let recent = learnt(7);
        let new = |time, random| recent.is_new(pair("a"), (time, random));
        assert_eq!([new(6, 1), new(7, 1), new(8, 1)], [false, false, true]);
        recent.remember(pair("a"), (8, 1));
        assert_eq!([new(7, 2), new(8, 1), new(8, 2), new(9, 1)], [false, false, true, true]);
        recent.remember(pair("a"), (8, 2));
        assert_eq!([new(8, 1), new(8, 2), new(8, 3)], [false, false, true]);
        // A clock that went back, or another client's.
        recent.remember(pair("a"), (5, 1));
        assert_eq!([new(5, 2), new(8, 3)], [false, true]);
        recent.remember(pair("a"), (9, 1));
        assert_eq!([new(8, 3), new(9, 1), new(9, 2)], [false, false, true]);
    }

    #[test]
    fn of_many_within_a_second_the_engine_is_asked_until_the_next() {
        let recent = learnt(7);
        let most = WITHIN_A_SECOND as u64;
        (0..most).for_each(|random| recent.remember(pair("a"), (8, random)));
        assert!(recent.is_new(pair("a"), (8, most)));
        recent.remember(pair("a"), (8, most));
        assert!(!recent.is_new(pair("a"), (8, most + 1)));
        recent.remember(pair("a"), (8, most + 1));
        assert!(!recent.is_new(pair("a"), (8, most + 2)));
        recent.remember(pair("a"), (9, 0));
        assert!(recent.is_new(pair("a"), (9, 1)));
    }

    #[test]
    fn memory_is_bounded_and_who_was_forgotten_is_not_known() {
        let recent = Recent::new();
        let senders = 2 * CAPACITY / SENDER_BYTES;
        (0..senders).for_each(|n| recent.learn(pair(&n.to_string()), 7));
        assert!(recent.senders.weight() <= CAPACITY);
        let known = (0..senders).filter(|n| recent.is_new(pair(&n.to_string()), (8, 1))).count() as u64;
        assert!(known > senders / 4 && known < senders, "{known} of {senders}");
    }

    #[test]
    fn the_numbers_of_a_second_count_as_memory() {
        let recent = Recent::new();
        let senders = 2 * CAPACITY / (8 * WITHIN_A_SECOND as u64);
        for n in 0..senders {
            let name = n.to_string();
            recent.learn(pair(&name), 7);
            (0..WITHIN_A_SECOND as u64).for_each(|random| recent.remember(pair(&name), (8, random)));
            assert!(recent.is_new(pair(&name), (8, u64::MAX)) && !recent.is_new(pair(&name), (8, 0)));
        }
        assert!(recent.senders.weight() <= CAPACITY);
        let kept = recent.senders.iter().map(|(_, entry)| entry.known.lock().unwrap().numbers() as u64);
        assert!(kept.sum::<u64>() * 8 <= CAPACITY);
    }
}
