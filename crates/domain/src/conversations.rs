//! Floors: what a user sees of a timeline, and how deleting, clearing, reading, joining and leaving move it.

use lethe_protocol::{CONVERSATIONS_PER_CALL, CUSTOM_DATA_MAX, Code, Error, PINNED_MAX, RemindType};
use minicbor::{Decode, Encode};

use crate::Verdict;

/// The end of a timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// `seq` of the newest message; 0 if there is none.
    #[n(0)]
    pub seq: u64,
    /// How many messages up to `seq` are countable, that is raise unread counts.
    #[n(1)]
    pub count: u64,
    /// Server time in ms of the newest message.
    #[n(2)]
    pub time: u64,
    /// `seq` of the newest message that may stand in a list as the last one; 0 if there is none.
    #[n(3)]
    pub last: u64,
}

/// A place in a timeline from which unread messages are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The place itself.
    pub seq: u64,
    /// Countable messages up to it.
    pub count: u64,
    /// The user's own countable messages above it.
    pub own_above: u64,
}

/// One user's view of one timeline: everything personal. Absent in the store, it is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct View {
    /// It is in the list only if a visible message has a greater `seq`, or it was opened since.
    #[n(0)]
    pub listed_after: u64,
    /// No read path returns a message at or below this.
    #[n(1)]
    pub cleared_to: u64,
    /// The user has read up to here. Only reading moves it, because the peer sees it.
    #[n(2)]
    pub read_to: u64,
    /// Messages at or below were before the user joined.
    #[n(3)]
    pub joined_after: u64,
    /// The last message the user may read, after it left the group.
    #[n(4)]
    pub left_at: Option<u64>,
    /// Where unread messages are counted from: the greatest of the floors when it was last moved.
    #[n(5)]
    pub base: u64,
    /// Countable messages up to `base`.
    #[n(6)]
    pub base_count: u64,
    /// The user's own countable messages above `base`.
    #[n(7)]
    pub own: u64,
    /// Server time in ms at which it was listed without a message; 0 if it was not, or was deleted since.
    #[n(8)]
    pub opened_at: u64,
    /// On top of the list.
    #[n(9)]
    pub pinned: bool,
    /// [`RemindType`] as a number.
    #[n(10)]
    remind: u8,
    /// Marks, a bit each.
    #[n(11)]
    pub marks: u64,
    /// The user's own data.
    #[n(12)]
    pub custom_data: String,
    /// Number of the user's last change to it; 0 if none.
    #[n(13)]
    pub change: u64,
    /// Server time in ms at which the user left.
    #[n(14)]
    pub left_time: u64,
    /// The client instance that deleted it last; empty over REST.
    #[n(15)]
    pub deleted_by: String,
    /// Server time in ms at which `read_to` last moved.
    #[n(16)]
    pub read_time: u64,
}

impl View {
    /// `seq` of the newest message this user may read.
    #[must_use]
    pub fn head(&self, head: &Head) -> u64 {
        self.left_at.map_or(head.seq, |left| left.min(head.seq))
    }

    /// Every message at or below is hidden.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.cleared_to.max(self.joined_after)
    }

    /// How many messages the user can read. Exact, because `seq` is contiguous.
    #[must_use]
    pub fn messages(&self, head: &Head) -> u64 {
        self.head(head).saturating_sub(self.floor())
    }

    /// The user is no member any more.
    #[must_use]
    pub fn left(&self) -> bool {
        self.left_at.is_some()
    }

    /// Whether it stands in the list.
    #[must_use]
    pub fn listed(&self, head: &Head) -> bool {
        self.opened_at > 0 || self.head(head) > self.listed_after
    }

    /// Countable messages of others above everything read, cleared or deleted. Never for a group one has left.
    #[must_use]
    pub fn unread(&self, head: &Head) -> u32 {
        if self.left() {
            return 0;
        }
        let unread = head.count.saturating_sub(self.base_count).saturating_sub(self.own);
        u32::try_from(unread).unwrap_or(u32::MAX)
    }

    /// What orders the list: the newest activity in ms. Clearing does not move it.
    #[must_use]
    pub fn active_at(&self, head: &Head) -> u64 {
        if self.left() { self.left_time } else { head.time.max(self.opened_at) }
    }

    /// Takes a conversation off the list up to `place`, and with `clear` its history too. Pin and opening end, unless a
    /// newer message survives at `head`; mute, marks and custom data stay. Floors only grow: a replay lowers none.
    pub fn delete(&mut self, place: Place, head: &Head, clear: bool) {
        self.listed_after = self.listed_after.max(place.seq);
        if clear {
            self.cleared_to = self.cleared_to.max(place.seq);
        }
        if self.head(head) <= place.seq {
            self.opened_at = 0;
            self.pinned = false;
        }
        self.raise_base(place);
    }

    /// Clears the history up to `place`; the conversation keeps its place in the list.
    pub fn clear(&mut self, place: Place) {
        self.cleared_to = self.cleared_to.max(place.seq);
        self.raise_base(place);
    }

    /// Reads up to `place`. Whether anything changed, so that the peer is told once.
    pub fn read(&mut self, place: Place, now: u64) -> bool {
        let advances = place.seq > self.read_to;
        if advances {
            self.read_to = place.seq;
            self.read_time = now;
        }
        self.raise_base(place);
        advances
    }

    /// Lists it without a message.
    pub fn open(&mut self, now: u64) {
        self.opened_at = self.opened_at.max(now);
    }

    /// The user becomes a member at `head`; with `sees_history`, what was before stays readable.
    pub fn join(&mut self, head: &Head, sees_history: bool, now: u64) {
        self.left_at = None;
        self.left_time = 0;
        if !sees_history {
            self.joined_after = self.joined_after.max(head.seq);
        }
        self.listed_after = self.listed_after.max(head.seq);
        self.raise_base(Place { seq: head.seq, count: head.count, own_above: 0 });
        self.open(now);
    }

    /// The user is no member any more; messages up to `seq` stay readable.
    pub fn leave(&mut self, seq: u64, now: u64) {
        self.left_at = Some(seq);
        self.left_time = now;
    }

    /// The user's own countable message was appended: it never counts as unread.
    pub fn count_own(&mut self) {
        self.own += 1;
    }

    fn raise_base(&mut self, place: Place) {
        if place.seq >= self.base {
            self.base = place.seq;
            self.base_count = place.count;
            self.own = place.own_above;
        }
    }

    /// How new messages are received.
    #[must_use]
    pub fn remind_type(&self) -> RemindType {
        match self.remind {
            1 => RemindType::AcceptNotNotify,
            2 => RemindType::Discard,
            3 => RemindType::AcceptNotNotifyExceptAt,
            _ => RemindType::AcceptAndNotify,
        }
    }

    /// Sets how new messages are received.
    pub fn set_remind_type(&mut self, remind_type: RemindType) {
        self.remind = match remind_type {
            RemindType::AcceptAndNotify => 0,
            RemindType::AcceptNotNotify => 1,
            RemindType::Discard => 2,
            RemindType::AcceptNotNotifyExceptAt => 3,
        };
    }

    /// The marks as the wire has them: powers of two in decimal, smallest first.
    #[must_use]
    pub fn mark_list(&self) -> Vec<String> {
        (0..64)
            .map(|bit| 1_u64 << bit)
            .filter(|mark| self.marks & mark != 0)
            .map(|mark| mark.to_string())
            .collect()
    }
}

/// A list of conversations in one call has 1 to 100 entries; more is refused whole, never cut.
///
/// # Errors
/// `51006`.
pub fn may_take_list(len: usize) -> Verdict {
    if (1..=CONVERSATIONS_PER_CALL).contains(&len) {
        return Ok(());
    }
    let message = format!("a call takes 1 to {CONVERSATIONS_PER_CALL} conversations, not {len}");
    Err(Error::new(Code::CONVERSATION_LIST_SIZE, message))
}

/// One user pins at most 50 conversations.
///
/// # Errors
/// `51012` when `pinned` others are pinned already.
pub fn may_pin(pinned: usize) -> Verdict {
    if pinned < PINNED_MAX {
        return Ok(());
    }
    Err(Error::new(Code::TOO_MANY_PINNED, format!("{PINNED_MAX} conversations are pinned already")))
}

/// A mark is a built-in one (1, 2, 4, 8) or the app's own (2^32 to 2^63).
///
/// # Errors
/// `50002`.
pub fn mark_from(text: &str) -> Verdict<u64> {
    let mark = text.parse::<u64>().unwrap_or(0);
    let known = mark.is_power_of_two() && (mark <= 8 || mark >= 1 << 32);
    if known {
        return Ok(mark);
    }
    Err(Error::new(Code::CONVERSATION_PARAMETER, "a mark is 1, 2, 4, 8 or a power of two from 2^32 to 2^63"))
}

/// Custom data has at most 256 bytes.
///
/// # Errors
/// `50002`.
pub fn may_store_custom_data(data: &str) -> Verdict {
    if data.len() <= CUSTOM_DATA_MAX {
        return Ok(());
    }
    let message = format!("custom data has at most {CUSTOM_DATA_MAX} bytes, not {}", data.len());
    Err(Error::new(Code::CONVERSATION_PARAMETER, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: Head = Head { seq: 10, count: 8, time: 1000, last: 10 };

    fn at_head() -> Place {
        Place { seq: HEAD.seq, count: HEAD.count, own_above: 0 }
    }

    #[test]
    fn deleting_hides_and_a_newer_message_brings_back_just_itself() {
        let mut view = View::default();
        view.delete(at_head(), &HEAD, true);
        assert!(!view.listed(&HEAD));
        assert_eq!(view.unread(&HEAD), 0);
        let newer = Head { seq: 11, count: 9, time: 2000, last: 11 };
        assert!(view.listed(&newer));
        assert_eq!((view.unread(&newer), view.messages(&newer)), (1, 1));
    }

    #[test]
    fn keeping_the_history_keeps_it_readable() {
        let mut view = View::default();
        view.delete(at_head(), &HEAD, false);
        assert!(!view.listed(&HEAD));
        assert_eq!(view.messages(&HEAD), 10);
    }

    #[test]
    fn a_deletion_sends_no_receipt_and_drops_pin_but_not_the_rest() {
        let mut view = View { pinned: true, marks: 4, custom_data: "x".into(), ..View::default() };
        view.set_remind_type(RemindType::AcceptNotNotify);
        view.delete(at_head(), &HEAD, true);
        assert_eq!(view.read_to, 0);
        assert!(!view.pinned);
        assert_eq!((view.marks, view.custom_data.as_str()), (4, "x"));
        assert_eq!(view.remind_type(), RemindType::AcceptNotNotify);
    }

    #[test]
    fn leaving_freezes_the_view() {
        let mut view = View::default();
        view.leave(7, 500);
        assert_eq!((view.head(&HEAD), view.unread(&HEAD), view.messages(&HEAD)), (7, 0, 7));
        assert_eq!(view.active_at(&HEAD), 500);
    }

    #[test]
    fn lists_have_one_to_a_hundred_entries() {
        assert!(may_take_list(1).is_ok());
        assert!(may_take_list(100).is_ok());
        assert_eq!(may_take_list(0).unwrap_err().code, Code::CONVERSATION_LIST_SIZE);
        assert_eq!(may_take_list(101).unwrap_err().code, Code::CONVERSATION_LIST_SIZE);
    }

    #[test]
    fn fifty_conversations_are_pinned_at_most() {
        assert!(may_pin(49).is_ok());
        assert_eq!(may_pin(50).unwrap_err().code, Code::TOO_MANY_PINNED);
    }

    #[test]
    fn marks_are_powers_of_two() {
        for good in ["1", "2", "4", "8", "4294967296", "9223372036854775808"] {
            assert!(mark_from(good).is_ok(), "{good}");
        }
        for bad in ["0", "3", "16", "2147483648", "4294967297", "x", "", "-1", "18446744073709551616"] {
            assert!(mark_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn custom_data_has_256_bytes_at_most() {
        assert!(may_store_custom_data(&"x".repeat(256)).is_ok());
        assert!(may_store_custom_data(&"x".repeat(257)).is_err());
    }

    #[derive(Clone, Debug)]
    enum Move {
        Delete(u64, bool),
        Clear(u64),
        Read(u64),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let one = prop_oneof![
            (0..20_u64, any::<bool>()).prop_map(|(seq, clear)| Move::Delete(seq, clear)),
            (0..20_u64).prop_map(Move::Clear),
            (0..20_u64).prop_map(Move::Read),
        ];
        prop::collection::vec(one, 1..20)
    }

    fn apply(view: &mut View, step: &Move) {
        let place = |seq| Place { seq, count: seq, own_above: 0 };
        match *step {
            Move::Delete(seq, clear) => view.delete(place(seq), &HEAD, clear),
            Move::Clear(seq) => view.clear(place(seq)),
            Move::Read(seq) => {
                view.read(place(seq), 1);
            }
        }
    }

    proptest! {
        /// Shuffled and doubled commands end in the same floors, and no step lowers one.
        #[test]
        fn floors_only_grow_and_do_not_care_for_order(steps in moves(), seed in any::<u64>()) {
            let mut straight = View::default();
            for step in &steps {
                let before = straight.clone();
                apply(&mut straight, step);
                prop_assert!(straight.listed_after >= before.listed_after);
                prop_assert!(straight.cleared_to >= before.cleared_to);
                prop_assert!(straight.read_to >= before.read_to);
                prop_assert!(straight.base >= before.base);
            }
            let mut shuffled: Vec<_> = steps.iter().chain(&steps).collect();
            let mut state = seed | 1;
            for i in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
            }
            let mut other = View::default();
            shuffled.into_iter().for_each(|step| apply(&mut other, step));
            let floors = |v: &View| (v.listed_after, v.cleared_to, v.read_to, v.base, v.base_count);
            prop_assert_eq!(floors(&straight), floors(&other));
        }
    }
}
