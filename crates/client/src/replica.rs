mod merge;

use std::collections::{BTreeMap, BTreeSet};

use lethe_protocol::{
    Conversation, ConversationId, DeletedConversation, Event, Friends, GotConversation, GroupLeft,
    GroupProfile, HEADS_MAX, LeaveReason, Pong, Resume, Resumed,
};
use serde_json::value::RawValue;

use self::merge::combine;
use crate::Brief;

/// Deletions whose change number is remembered: a state from before them does not bring the conversation back.
const BURIED_MAX: usize = 4096;

/// A client's conversation list. Applying every event in order to an old list gives what a fresh fetch gives; where events
/// were lost, doubled or overtook each other, what cannot be known is fetched, and a heartbeat brings the rest.
#[derive(Debug, Default)]
pub struct Replica {
    me: String,
    conversations: BTreeMap<ConversationId, Conversation>,
    /// Conversations that are asked for.
    fetching: BTreeMap<ConversationId, Fetching>,
    /// The change number of each deletion.
    buried: BTreeMap<ConversationId, u64>,
    resume: Option<Resume>,
    /// Events may be lost, so that only logins and heartbeats say up to where nothing is missing.
    verifies: bool,
}

/// A conversation that is asked for.
#[derive(Debug)]
struct Fetching {
    /// Change and head that were known when it was asked for.
    known: Option<(u64, u64)>,
    /// Messages that came meanwhile.
    waiting: Vec<Box<RawValue>>,
    /// Something else came meanwhile that the answer may not know of.
    again: bool,
}

impl Replica {
    /// An empty list of this user.
    #[must_use]
    pub fn new(me: &str) -> Self {
        Self { me: me.to_owned(), ..Self::default() }
    }

    /// The list, in the order of conversation IDs.
    pub fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.conversations.values()
    }

    /// One entry of the list.
    #[must_use]
    pub fn get(&self, id: &ConversationId) -> Option<&Conversation> {
        self.conversations.get(id)
    }

    /// Whether an answer is awaited that will change the list.
    #[must_use]
    pub fn is_fetching(&self) -> bool {
        !self.fetching.is_empty()
    }

    /// Whether heartbeats have to say where this replica stands.
    #[must_use]
    pub fn verifies(&self) -> bool {
        self.verifies
    }

    /// Where this replica stands; none before the first login.
    #[must_use]
    pub fn resume(&self) -> Option<Resume> {
        let mut newest: Vec<_> = self.conversations.values().collect();
        newest.sort_by_key(|conversation| std::cmp::Reverse(conversation.active_at));
        newest.truncate(HEADS_MAX);
        let heads = newest.into_iter().map(|c| (c.conversation_id.clone(), c.head)).collect();
        self.resume.as_ref().map(|resume| Resume { heads, ..*resume })
    }

    /// A login was answered.
    pub fn start(&mut self, change: u64, time: u64, verifies: bool) {
        self.verifies = verifies;
        let logged_in_at = self.resume.as_ref().map_or(time, |resume| resume.logged_in_at);
        self.resume = Some(Resume { change, synced_at: time, logged_in_at, ..Resume::default() });
        self.fetching.clear();
    }

    /// A heartbeat was answered. Conversations that have to be fetched come back.
    pub fn heard(&mut self, pong: Pong) -> Vec<ConversationId> {
        let wanted = pong.resumed.map(|resumed| self.resumed(resumed)).unwrap_or_default();
        if let Some(resume) = &mut self.resume {
            resume.synced_at = resume.synced_at.max(pong.time);
            resume.change = resume.change.max(pong.change);
        }
        wanted
    }

    /// Puts a state of a conversation in, unless it is older than what is known. One that is neither older nor newer has
    /// to be fetched: then this comes back.
    #[must_use]
    pub fn put(&mut self, mut state: Conversation) -> Option<ConversationId> {
        self.count(state.change);
        let id = state.conversation_id.clone();
        if self.buried.get(&id).is_some_and(|&change| state.change < change) {
            return None;
        }
        let Some(known) = self.conversations.get_mut(&id) else {
            self.conversations.insert(id, state);
            return None;
        };
        let peer_read_to = known.peer_read_to.max(state.peer_read_to);
        if state.change >= known.change && state.head >= known.head {
            state.peer_read_to = peer_read_to;
            keep_newer(&mut state.group, known.group.take());
            *known = state;
            return None;
        }
        known.peer_read_to = peer_read_to;
        if state.change <= known.change && state.head <= known.head {
            return None;
        }
        state.peer_read_to = peer_read_to;
        combine(known, state);
        self.want(id)
    }

    /// A conversation that is not listed changes only where it is shown.
    fn change(&mut self, state: Conversation) -> Option<ConversationId> {
        if state.unlisted && !self.conversations.contains_key(&state.conversation_id) {
            self.count(state.change);
            return None;
        }
        self.put(state)
    }

    /// Asks for a conversation; one that is asked for already is asked for again after that.
    fn want(&mut self, id: ConversationId) -> Option<ConversationId> {
        if let Some(fetching) = self.fetching.get_mut(&id) {
            fetching.again = true;
            return None;
        }
        let fetching = Fetching { known: self.version(&id), waiting: Vec::new(), again: false };
        self.fetching.insert(id.clone(), fetching);
        Some(id)
    }

    fn version(&self, id: &ConversationId) -> Option<(u64, u64)> {
        self.conversations.get(id).map(|known| (known.change, known.head))
    }

    /// What a resuming login or a heartbeat was answered. Conversations that have to be fetched come back.
    #[must_use]
    pub fn resumed(&mut self, resumed: Resumed) -> Vec<ConversationId> {
        if let Some(friends) = resumed.friends {
            self.friends(friends);
        }
        let mut wanted: Vec<_> =
            resumed.conversations.into_iter().filter_map(|state| self.put(state)).collect();
        wanted.extend(resumed.deleted.into_iter().filter_map(|deleted| self.delete(deleted)));
        wanted
    }

    fn count(&mut self, change: u64) {
        if let Some(resume) = self.resume.as_mut().filter(|_| !self.verifies) {
            resume.change = resume.change.max(change);
        }
    }

    /// Applies an event; conversations that have to be fetched come back.
    pub fn apply(&mut self, event: Event) -> Vec<ConversationId> {
        match event {
            Event::Message(message) => self.message(message).into_iter().collect(),
            Event::ConversationsChanged(changed) => {
                changed.conversations.into_iter().filter_map(|state| self.change(state)).collect()
            }
            Event::ConversationsDeleted(deleted) => {
                deleted.conversations.into_iter().filter_map(|one| self.delete(one)).collect()
            }
            Event::PeerRead(read) => {
                if let Some(conversation) = self.conversations.get_mut(&ConversationId::User(read.user_id)) {
                    conversation.peer_read_to = conversation.peer_read_to.max(read.read_to);
                }
                Vec::new()
            }
            Event::GroupChanged(changed) => {
                let id = ConversationId::Group(changed.group.group_id.clone());
                if let Some(known) = self.conversations.get_mut(&id) {
                    let newest = Some(changed.group);
                    keep_newer(&mut known.group, newest);
                }
                Vec::new()
            }
            Event::MembershipChanged(changed) => {
                let id = ConversationId::Group(changed.group_id);
                let Some(known) = self.conversations.get_mut(&id) else { return Vec::new() };
                if let Some(group) = known.group.as_mut() {
                    group.me = Some(changed.me);
                }
                // It has no number: what is true now is asked for.
                self.want(id).into_iter().collect()
            }
            Event::GroupLeft(left) => {
                self.leave(&left);
                Vec::new()
            }
            Event::Friends(friends) => {
                self.friends(friends);
                Vec::new()
            }
            Event::Profiles(profiles) => {
                for profile in profiles.profiles {
                    let id = ConversationId::User(profile.user_id.clone());
                    if let Some(conversation) = self.conversations.get_mut(&id) {
                        conversation.user = Some(profile);
                    }
                }
                Vec::new()
            }
            Event::HistoryRemoved(removed) => self.removed(removed.group, &removed.users),
            Event::MessagesRemoved(removed) => self.removed(removed.group, &removed.users),
            Event::GroupJoined(_) | Event::FriendApplications(_) | Event::Verify(_) | Event::Kicked(_) => {
                Vec::new()
            }
        }
    }

    /// Something is gone for everyone: what is left of the conversation is asked for.
    fn removed(&mut self, group: Option<String>, users: &[String]) -> Vec<ConversationId> {
        let id = match group {
            Some(group) => ConversationId::Group(group),
            None => match users.iter().find(|&user| *user != self.me) {
                Some(peer) => ConversationId::User(peer.clone()),
                // With oneself, or the system's: both are asked for.
                None => {
                    let own = [ConversationId::User(self.me.clone()), ConversationId::System];
                    return own.into_iter().filter_map(|id| self.look_again(id)).collect();
                }
            },
        };
        self.look_again(id).into_iter().collect()
    }

    /// Asks for a conversation that is shown.
    fn look_again(&mut self, id: ConversationId) -> Option<ConversationId> {
        if self.conversations.contains_key(&id) { self.want(id) } else { None }
    }

    fn friends(&mut self, friends: Friends) {
        self.count(friends.change);
        let remarks: BTreeMap<_, _> = friends.friends.into_iter().map(|f| (f.user_id, f.remark)).collect();
        for (id, conversation) in &mut self.conversations {
            if let ConversationId::User(peer) = id {
                conversation.remark = remarks.get(peer).cloned().unwrap_or_default();
            }
        }
    }

    fn delete(&mut self, deleted: DeletedConversation) -> Option<ConversationId> {
        self.count(deleted.change);
        let id = deleted.conversation_id;
        let known = self.conversations.get(&id);
        let buried = self.buried.get(&id).copied().unwrap_or_default();
        // A change after the deletion may have come first: then the tombstone that is fetched has its number.
        let shown_in_vain = known.is_some_and(|known| known.unlisted && known.change == deleted.change);
        if deleted.change <= known.map_or(0, |known| known.change).max(buried) && !shown_in_vain {
            return None;
        }
        self.bury(id.clone(), deleted.change);
        if let Some(survivor) = deleted.survivor {
            return self.put(*survivor);
        }
        // A message that the deletion did not cover may have come before the word of it.
        let outlived = self.conversations.remove(&id).is_some_and(|known| known.head > deleted.listed_after);
        if outlived { self.want(id) } else { None }
    }

    fn bury(&mut self, id: ConversationId, change: u64) {
        self.buried.insert(id, change);
        if self.buried.len() > BURIED_MAX {
            let oldest = self.buried.iter().min_by_key(|(_, change)| **change).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.buried.remove(&id));
        }
    }

    fn leave(&mut self, left: &GroupLeft) {
        let id = ConversationId::Group(left.group_id.clone());
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let dismissed = left.reason == LeaveReason::Dismissed;
        if !dismissed && left.change < conversation.change {
            return;
        }
        conversation.left = true;
        conversation.unread = 0;
        conversation.head = conversation.head.min(left.left_at);
        conversation.active_at = left.time;
        if let Some(group) = conversation.group.as_mut().filter(|_| dismissed) {
            group.dismissed = true;
        }
    }

    fn message(&mut self, message: Box<RawValue>) -> Option<ConversationId> {
        let brief = Brief::of(&message).filter(|brief| brief.seq > 0)?;
        let id = brief.conversation(&self.me);
        if let Some(fetching) = self.fetching.get_mut(&id) {
            fetching.waiting.push(message);
            return None;
        }
        match self.conversations.get_mut(&id) {
            Some(known) if brief.seq <= known.head => None,
            // One that was put away may come out by it: only the server knows.
            Some(known) if brief.seq == known.head + 1 && !known.left && !known.archived => {
                advance(known, &self.me, &brief, message);
                None
            }
            // Something is missing: the conversation, what was said before, or the word of having come back.
            _ => {
                let known = self.version(&id);
                self.fetching.insert(id.clone(), Fetching { known, waiting: vec![message], again: false });
                Some(id)
            }
        }
    }

    /// The answer about conversations that were fetched: present states, then what came meanwhile. Those that have to be
    /// fetched once more come back.
    #[must_use]
    pub fn fetched(
        &mut self,
        asked: &BTreeSet<ConversationId>,
        got: Vec<GotConversation>,
    ) -> Vec<ConversationId> {
        let fetched: Vec<_> = asked.iter().filter_map(|id| self.fetching.remove_entry(id)).collect();
        for (id, fetching) in &fetched {
            // Nothing came since it was asked for: the answer is the truth, also where a server that was set back says less.
            if fetching.known.is_some() && self.version(id) == fetching.known {
                self.forget(id, &got);
            }
        }
        let mut wanted: Vec<_> = got.into_iter().filter_map(|got| self.change(got.conversation)).collect();
        for (id, fetching) in fetched {
            // What was said in a group after leaving it is not for this user, even if it was still told.
            for message in fetching.waiting {
                if self.conversations.get(&id).is_some_and(|known| !known.left) {
                    wanted.extend(self.message(message));
                }
            }
            if fetching.again {
                wanted.extend(self.want(id));
            }
        }
        wanted
    }
}

impl Replica {
    /// Makes way for the answer about a conversation, if there is one.
    fn forget(&mut self, id: &ConversationId, got: &[GotConversation]) {
        let answered = got.iter().find(|got| got.conversation.conversation_id == *id);
        if let (Some(known), Some(answered)) = (self.conversations.get_mut(id), answered) {
            known.change = known.change.min(answered.conversation.change);
            known.head = known.head.min(answered.conversation.head);
            self.buried.remove(id);
        }
    }
}

/// Of two profiles of a group the newer; the own membership is not part of what all members are told.
fn keep_newer(kept: &mut Option<GroupProfile>, other: Option<GroupProfile>) {
    let (Some(mine), Some(mut other)) = (kept.as_mut(), other) else { return };
    if other.updated > mine.updated {
        let me = other.me.take().or_else(|| mine.me.take());
        *mine = GroupProfile { me, ..other };
    }
}

fn advance(conversation: &mut Conversation, me: &str, brief: &Brief, message: Box<RawValue>) {
    conversation.messages += 1;
    conversation.head = brief.seq;
    conversation.active_at = conversation.active_at.max(brief.time);
    if !brief.attributes.no_unread && brief.from != me && !conversation.left {
        conversation.unread += 1;
    }
    if !brief.attributes.no_last {
        conversation.last_message = Some(message);
    }
}
