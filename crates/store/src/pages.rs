//! Pages of histories that several ask for: who opens a group reads what the others have just read.
//!
//! A page is kept when it is asked for a second time, and where pages were found a moment ago, the next ones are kept at once:
//! one who walks through a history alone neither pays for it nor fills the memory. A page has every message of its range, so
//! what is appended later does not change it. What removes or replaces messages gives their timeline another version, and
//! pages of the version before are no longer used; they leave the memory as others take their place.

use std::hash::{BuildHasher as _, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::BytesMut;
use foldhash::fast::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use crate::StoredMessage;

/// Memory for pages, in bytes.
const CAPACITY: u64 = 16 << 20;
/// Pages the cache makes room for at once; more are made room for as they come.
const FIRST_PAGES: usize = 128;
/// What a page takes besides its messages and the name of its timeline, in bytes.
const PAGE_BYTES: u64 = 200;
/// Questions of which it is known whether they were asked before; a power of two.
const ASKED: usize = 1024;
/// Timelines are spread over this many states; two that share one only read again for each other. A power of two.
const STATES: usize = 1024;
/// Pages of a timeline that are kept at once after one of them was asked for again.
const AT_ONCE: u32 = 16;

/// The messages of a timeline with `after < seq <= to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stretch<'a> {
    /// Its key.
    pub(crate) timeline: &'a [u8],
    pub(crate) after: u64,
    pub(crate) to: u64,
}

/// The same, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    timeline: Box<[u8]>,
    after: u64,
    to: u64,
}

impl Kept {
    fn stretch(&self) -> Stretch<'_> {
        Stretch { timeline: &self.timeline, after: self.after, to: self.to }
    }
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stretch().hash(state);
    }
}

impl Equivalent<Kept> for Stretch<'_> {
    fn equivalent(&self, kept: &Kept) -> bool {
        *self == kept.stretch()
    }
}

#[derive(Clone, Debug)]
struct Page {
    version: u64,
    messages: Arc<[StoredMessage]>,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Kept, Page> for Weight {
    fn weight(&self, kept: &Kept, page: &Page) -> u64 {
        let rows = page.messages.iter().map(|message| message.bytes() + size_of::<StoredMessage>() as u64);
        PAGE_BYTES + kept.timeline.len() as u64 + rows.sum::<u64>()
    }
}

/// What is known of a page that is not kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absent {
    /// The version that its timeline has before it is read.
    version: u64,
    /// Somebody else will ask for it.
    wanted: bool,
}

/// What is known of the timelines that share it.
#[derive(Debug, Default)]
struct State {
    /// How often messages were removed or replaced.
    version: AtomicU64,
    /// So many pages are kept at once.
    at_once: AtomicU32,
}

impl State {
    /// Whether a page is kept that is asked for the first time.
    fn keeps_at_once(&self) -> bool {
        let fewer = |left: u32| left.checked_sub(1);
        self.at_once.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }
}

/// A bounded cache of pages.
#[derive(Debug)]
pub(crate) struct Pages {
    cache: Cache<Kept, Page, Weight, RandomState>,
    /// Seeded anew by each process: who chooses names cannot see which of them collide.
    hasher: RandomState,
    /// The last question of each place.
    asked: Box<[AtomicU64]>,
    states: Box<[State]>,
}

fn many<T: Default>(count: usize) -> Box<[T]> {
    std::iter::repeat_with(T::default).take(count).collect()
}

impl Pages {
    pub(crate) fn new() -> Self {
        let hasher = RandomState::default();
        let cache = Cache::with(FIRST_PAGES, CAPACITY, Weight, hasher.clone(), DefaultLifecycle::default());
        Self { cache, hasher, asked: many(ASKED), states: many(STATES) }
    }

    /// The page, if it is kept and still what would be read.
    pub(crate) fn find(&self, stretch: &Stretch<'_>) -> Result<Arc<[StoredMessage]>, Absent> {
        let state = self.state(stretch.timeline);
        let version = state.version.load(Ordering::SeqCst);
        if let Some(page) = self.cache.get(stretch)
            && page.version == version
        {
            state.at_once.store(AT_ONCE, Ordering::Relaxed);
            return Ok(page.messages);
        }
        // Odd, so that it is not what an untouched place has.
        let question = self.hasher.hash_one(stretch) | 1;
        let asked_before = place(&self.asked, question >> 1).swap(question, Ordering::Relaxed) == question;
        if asked_before {
            state.at_once.store(AT_ONCE, Ordering::Relaxed);
        }
        Err(Absent { version, wanted: asked_before || state.keeps_at_once() })
    }

    /// Keeps what was read after [`Pages::find`] said that it is absent, oldest first, if that is worth it and all of it is there.
    pub(crate) fn keep(&self, stretch: &Stretch<'_>, absent: Absent, messages: &[StoredMessage]) {
        let all_within = messages.first().is_some_and(|first| first.seq > stretch.after);
        let whole = all_within && messages.len() as u64 == stretch.to - stretch.after;
        if !absent.wanted || !whole {
            return;
        }
        let Stretch { timeline, after, to } = *stretch;
        let page = Page { version: absent.version, messages: packed(messages) };
        self.cache.insert(Kept { timeline: timeline.into(), after, to }, page);
    }

    /// Messages of this timeline are removed or replaced. To be called when no reader sees the change yet, and before any does.
    pub(crate) fn rewrite(&self, timeline: &[u8]) {
        self.state(timeline).version.fetch_add(1, Ordering::SeqCst);
    }

    fn state(&self, timeline: &[u8]) -> &State {
        place(&self.states, self.hasher.hash_one(timeline))
    }
}

/// One of these, of which there are a power of two.
fn place<T>(places: &[T], hash: u64) -> &T {
    &places[usize::try_from(hash).unwrap_or(usize::MAX) & (places.len() - 1)]
}

/// The messages in one piece of memory: what the engine hands out may hold whole blocks of its tables.
fn packed(messages: &[StoredMessage]) -> Arc<[StoredMessage]> {
    let mut rows = BytesMut::with_capacity(messages.iter().map(|message| message.row().len()).sum());
    messages.iter().for_each(|message| rows.extend_from_slice(message.row()));
    let mut rows = rows.freeze();
    messages.iter().map(|message| message.at(rows.split_to(message.row().len()))).collect()
}

#[cfg(test)]
mod tests {
    use lethe_protocol::{Message, MessageAttributes};
    use serde_json::value::RawValue;

    use super::*;
    use crate::messages::Marks;

    const TIMELINE: &[u8] = b"c\0alice\0bob\0";

    fn stretch(after: u64, to: u64) -> Stretch<'static> {
        Stretch { timeline: TIMELINE, after, to }
    }

    fn messages(after: u64, to: u64, text: &str) -> Vec<StoredMessage> {
        let message = |seq| Message {
            seq,
            time: 1,
            id: format!("1-1-{seq}"),
            from: "alice".to_owned(),
            to: Some("bob".to_owned()),
            group: None,
            removed: false,
            body: RawValue::from_string(format!("{text:?}")).unwrap(),
            attributes: MessageAttributes::default(),
            nick: String::new(),
            avatar: String::new(),
        };
        let marks = |seq| Marks { count: seq, countable: true, listable: true };
        (after + 1..=to).map(|seq| StoredMessage::of(&message(seq), marks(seq))).collect()
    }

    /// Reads like a transaction, and says whether it had to.
    fn read(pages: &Pages, stretch: &Stretch<'_>, text: &str) -> (bool, Vec<String>) {
        let words = |all: &[StoredMessage]| all.iter().map(|one| one.text().unwrap().to_owned()).collect();
        match pages.find(stretch) {
            Ok(page) => (false, words(&page)),
            Err(absent) => {
                let read = messages(stretch.after, stretch.to, text);
                pages.keep(stretch, absent, &read);
                (true, words(&read))
            }
        }
    }

    #[test]
    fn the_third_who_asks_is_given_what_the_second_has_read() {
        let pages = Pages::new();
        let first = read(&pages, &stretch(0, 20), "one");
        assert!(first.0 && read(&pages, &stretch(0, 20), "one").0);
        assert_eq!(read(&pages, &stretch(0, 20), "one"), (false, first.1));
        for other in [stretch(1, 20), stretch(0, 19), Stretch { timeline: b"g\0x\0", ..stretch(0, 20) }] {
            assert!(read(&pages, &other, "one").0, "a page of its own");
        }
    }

    #[test]
    fn who_walks_alone_fills_no_memory() {
        let pages = Pages::new();
        for n in 0..500 {
            assert!(read(&pages, &stretch(n * 20, n * 20 + 20), "one").0);
        }
        assert_eq!(pages.cache.len(), 0);
    }

    #[test]
    fn where_two_walk_the_second_reads_little() {
        let pages = Pages::new();
        let walked = |n: u64| read(&pages, &stretch(n * 20, n * 20 + 20), "one").0;
        for n in 0..2 * u64::from(AT_ONCE) {
            assert!(walked(n), "who is ahead reads");
            assert_eq!(walked(n), n == 0, "who follows reads the first page only");
        }
        // Who is left walks alone.
        for n in 100..200 {
            assert!(walked(n));
        }
        let kept = (100..200).filter(|n| !walked(*n)).count();
        assert_eq!(kept, AT_ONCE as usize);
    }

    #[test]
    fn what_is_changed_is_read_again() {
        let pages = Pages::new();
        (0..3).for_each(|_| drop(read(&pages, &stretch(0, 20), "one")));
        pages.rewrite(b"c\0alice\0carol\0");
        assert!(!read(&pages, &stretch(0, 20), "one").0);
        pages.rewrite(TIMELINE);
        let (again, words) = read(&pages, &stretch(0, 20), "other");
        assert!(again && words.iter().all(|word| word.contains("other")));
        assert_eq!(read(&pages, &stretch(0, 20), "none"), (false, words), "it was asked for before");
    }

    #[test]
    fn what_was_read_before_a_change_is_not_given_after_it() {
        let pages = Pages::new();
        assert!(pages.find(&stretch(0, 20)).is_err());
        let absent = pages.find(&stretch(0, 20)).unwrap_err();
        let old = messages(0, 20, "old");
        pages.rewrite(TIMELINE);
        pages.keep(&stretch(0, 20), absent, &old);
        assert!(pages.find(&stretch(0, 20)).is_err());
    }

    #[test]
    fn a_page_with_gaps_is_not_kept() {
        let pages = Pages::new();
        for found in [messages(10, 29, "one"), messages(9, 29, "one"), Vec::new()] {
            for _ in 0..3 {
                let absent = pages.find(&stretch(10, 30)).unwrap_err();
                pages.keep(&stretch(10, 30), absent, &found);
            }
        }
        let absent = pages.find(&stretch(10, 30)).unwrap_err();
        pages.keep(&stretch(10, 30), absent, &messages(10, 30, "one"));
        assert_eq!(pages.find(&stretch(10, 30)).unwrap().len(), 20);
    }

    #[test]
    fn memory_is_bounded_and_holds_no_block_of_a_table() {
        let pages = Pages::new();
        let long = "x".repeat(4000);
        for n in 0..500 {
            (0..2).for_each(|_| drop(read(&pages, &stretch(n * 20, n * 20 + 20), &long)));
        }
        assert!(pages.cache.len() > 1 && pages.cache.weight() <= CAPACITY);
        let page = packed(&messages(0, 3, "one"));
        let rows: Vec<_> = page.iter().map(|message| message.row().as_ptr_range()).collect();
        assert!(rows.windows(2).all(|two| two[0].end == two[1].start));
    }
}
