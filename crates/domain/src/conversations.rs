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
    /// No user reads a message at or below this: it was deleted for everyone, or kept for its time.
    #[n(4)]
    #[cbor(default)]
    pub floor: u64,
    /// Countable messages up to `floor`.
    #[n(5)]
    #[cbor(default)]
    pub floor_count: u64,
    /// Server time in ms at which `floor` last moved.
    #[n(6)]
    #[cbor(default)]
    pub floor_time: u64,
    /// Every message at or below is erased: its row does not exist any more.
    #[n(7)]
    #[cbor(default)]
    pub erased_to: u64,
    /// Server time in ms at which single messages were last removed for everyone.
    #[n(8)]
    #[cbor(default)]
    pub removed_time: u64,
}

impl Head {
    /// Hides everything up to `seq`, at most what there is, from everyone. Floors only grow: whether it moved.
    pub fn raise_floor(&mut self, seq: u64, count: u64, now: u64) -> bool {
        let seq = seq.min(self.seq);
        if seq <= self.floor {
            return false;
        }
        self.floor = seq;
        self.floor_count = count.min(self.count);
        self.floor_time = now;
        true
    }
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
    /// Put away: out of the list that is shown first, nothing deleted.
    #[n(17)]
    #[cbor(default)]
    archive: Archive,
    /// The head when it was put away.
    #[n(18)]
    #[cbor(default)]
    archived_at: u64,
    /// The last deletion was for that client only: the user's others are not told of it when they come back either.
    #[n(19)]
    #[cbor(default)]
    pub deleted_locally: bool,
}

/// Whether a conversation is put away, and what brings it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Archive {
    /// It is not.
    #[default]
    #[n(0)]
    No,
    /// Until a newer message.
    #[n(1)]
    UntilMessage,
    /// Until the user takes it out.
    #[n(2)]
    Kept,
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

    /// The timeline's own floor, or what was erased, has passed this view.
    #[must_use]
    pub fn lags_behind(&self, head: &Head) -> bool {
        self.floor() < head.floor.max(head.erased_to) || self.base < head.floor
    }

    /// Takes over the timeline's own floor; `own_above` are the user's own countable messages above it.
    pub fn sink(&mut self, head: &Head, own_above: u64) {
        self.cleared_to = self.cleared_to.max(head.floor).max(head.erased_to);
        self.raise_base(Place { seq: head.floor, count: head.floor_count, own_above });
    }

    /// Whether it is put away at this head.
    #[must_use]
    pub fn archived(&self, head: &Head) -> bool {
        match self.archive {
            Archive::No => false,
            Archive::UntilMessage => self.head(head) <= self.archived_at,
            Archive::Kept => true,
        }
    }

    /// Puts it away, or takes it out. A pin ends when it is put away.
    pub fn set_archive(&mut self, archive: Archive, head: &Head) {
        self.archive = archive;
        self.archived_at = self.head(head);
        self.pinned &= archive == Archive::No;
    }

    /// Gives back what a deletion or clearing took, as it was in `former`; what happened since stays on top: messages,
    /// reading, and what the user set. `base` is where unread messages are counted from now.
    pub fn restore(&mut self, former: &Self, base: Place) {
        self.listed_after = former.listed_after;
        self.cleared_to = former.cleared_to;
        self.opened_at = self.opened_at.max(former.opened_at);
        self.pinned |= former.pinned;
        self.base = base.seq;
        self.base_count = base.count;
        self.own = base.own_above;
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
        let (mut left, mut marks) = (self.marks, Vec::new());
        while left != 0 {
            let smallest = 1_u64 << left.trailing_zeros();
            marks.push(smallest.to_string());
            left ^= smallest;
        }
        marks
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
mod tests;
