use std::collections::{BTreeMap, BTreeSet};

use lethe_protocol::{
    Conversation, ConversationId, DeletedConversation, Event, GotConversation, GroupLeft, LeaveReason,
    MessageAttributes, Resume, Resumed,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a replica looks at in a message.
#[derive(Clone, Debug, Deserialize)]
pub struct Brief {
    /// Place in its timeline; 0 for one that is not stored.
    pub seq: u64,
    /// Server time in ms.
    pub time: u64,
    /// `${tinyID}-${clientTime}-${random}`.
    pub id: String,
    /// The sender.
    pub from: String,
    /// The receiver of a one-to-one message or of a notice.
    pub to: Option<String>,
    /// The group of a group message.
    pub group: Option<String>,
    /// What the sender said about it.
    #[serde(default)]
    pub attributes: MessageAttributes,
}

impl Brief {
    /// Reads a message; none if it is not one.
    #[must_use]
    pub fn of(message: &RawValue) -> Option<Self> {
        serde_json::from_str(message.get()).ok()
    }

    /// The conversation in which `me` sees it.
    #[must_use]
    pub fn conversation(&self, me: &str) -> ConversationId {
        match (&self.group, &self.to) {
            (Some(group), _) => ConversationId::Group(group.clone()),
            (None, _) if self.from == "@TIM#SYSTEM" => ConversationId::System,
            (None, Some(to)) if self.from == me => ConversationId::User(to.clone()),
            (None, _) => ConversationId::User(self.from.clone()),
        }
    }
}

/// A client's conversation list. Applying every event in order to an old list gives what a fresh fetch gives.
#[derive(Debug, Default)]
pub struct Replica {
    me: String,
    conversations: BTreeMap<ConversationId, Conversation>,
    /// Conversations asked for because a message came for them, and what came meanwhile.
    fetching: BTreeMap<ConversationId, Vec<Box<RawValue>>>,
    resume: Option<Resume>,
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

    /// Where this replica stands; none before the first login.
    #[must_use]
    pub fn resume(&self) -> Option<Resume> {
        self.resume.clone()
    }

    /// The server said its time.
    pub fn heard(&mut self, time: u64) {
        if let Some(resume) = &mut self.resume {
            resume.synced_at = resume.synced_at.max(time);
        }
    }

    /// A login was answered.
    pub fn start(&mut self, change: u64, time: u64) {
        let change = self.resume.as_ref().map_or(change, |resume| resume.change.max(change));
        self.resume = Some(Resume { change, synced_at: time, ..Resume::default() });
        self.fetching.clear();
    }

    /// Puts the present state of a conversation in.
    pub fn put(&mut self, conversation: Conversation) {
        self.count(conversation.change);
        self.conversations.insert(conversation.conversation_id.clone(), conversation);
    }

    /// A conversation that is not listed changes only where it is shown.
    fn change(&mut self, conversation: Conversation) {
        if conversation.unlisted && !self.conversations.contains_key(&conversation.conversation_id) {
            self.count(conversation.change);
            return;
        }
        self.put(conversation);
    }

    /// What a resuming login was answered.
    pub fn resumed(&mut self, resumed: Resumed) {
        resumed.conversations.into_iter().for_each(|conversation| self.put(conversation));
        resumed.deleted.into_iter().for_each(|deleted| self.delete(deleted));
    }

    fn count(&mut self, change: u64) {
        if let Some(resume) = &mut self.resume {
            resume.change = resume.change.max(change);
        }
    }

    /// Applies an event; a conversation that has to be fetched comes back.
    pub fn apply(&mut self, event: Event) -> Option<ConversationId> {
        match event {
            Event::Message(message) => return self.message(message),
            Event::ConversationsChanged(changed) => {
                changed.conversations.into_iter().for_each(|c| self.change(c))
            }
            Event::ConversationsDeleted(deleted) => {
                deleted.conversations.into_iter().for_each(|d| self.delete(d))
            }
            Event::PeerRead(read) => {
                if let Some(conversation) = self.conversations.get_mut(&ConversationId::User(read.user_id)) {
                    conversation.peer_read_to = conversation.peer_read_to.max(read.read_to);
                }
            }
            Event::GroupChanged(changed) => {
                let id = ConversationId::Group(changed.group.group_id.clone());
                if let Some(group) = self.conversations.get_mut(&id).and_then(|c| c.group.as_mut()) {
                    let me = group.me.take();
                    *group = changed.group;
                    group.me = me;
                }
            }
            Event::MembershipChanged(changed) => {
                let id = ConversationId::Group(changed.group_id);
                if let Some(group) = self.conversations.get_mut(&id).and_then(|c| c.group.as_mut()) {
                    group.me = Some(changed.me);
                }
            }
            Event::GroupLeft(left) => self.leave(&left),
            Event::Friends(friends) => {
                let remarks: BTreeMap<_, _> =
                    friends.friends.into_iter().map(|f| (f.user_id, f.remark)).collect();
                for (id, conversation) in &mut self.conversations {
                    if let ConversationId::User(peer) = id {
                        conversation.remark = remarks.get(peer).cloned().unwrap_or_default();
                    }
                }
            }
            Event::Profiles(profiles) => {
                for profile in profiles.profiles {
                    let id = ConversationId::User(profile.user_id.clone());
                    if let Some(conversation) = self.conversations.get_mut(&id) {
                        conversation.user = Some(profile);
                    }
                }
            }
            Event::GroupJoined(_) | Event::FriendApplications(_) | Event::Verify(_) | Event::Kicked(_) => {}
        }
        None
    }

    fn delete(&mut self, deleted: DeletedConversation) {
        self.count(deleted.change);
        match deleted.survivor {
            Some(survivor) => self.put(*survivor),
            None => {
                self.conversations.remove(&deleted.conversation_id);
            }
        }
    }

    fn leave(&mut self, left: &GroupLeft) {
        let id = ConversationId::Group(left.group_id.clone());
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.left = true;
        conversation.unread = 0;
        conversation.head = conversation.head.min(left.left_at);
        conversation.active_at = left.time;
        if let Some(group) = conversation.group.as_mut().filter(|_| left.reason == LeaveReason::Dismissed) {
            group.dismissed = true;
        }
    }

    fn message(&mut self, message: Box<RawValue>) -> Option<ConversationId> {
        let brief = Brief::of(&message).filter(|brief| brief.seq > 0)?;
        let id = brief.conversation(&self.me);
        if let Some(waiting) = self.fetching.get_mut(&id) {
            waiting.push(message);
            return None;
        }
        let Some(conversation) = self.conversations.get_mut(&id) else {
            self.fetching.insert(id.clone(), vec![message]);
            return Some(id);
        };
        if brief.seq > conversation.head {
            advance(conversation, &self.me, &brief, message);
        }
        None
    }

    /// The answer about conversations that were fetched: present states, then what came meanwhile.
    pub fn fetched(&mut self, asked: &BTreeSet<ConversationId>, got: Vec<GotConversation>) {
        for got in got.into_iter().filter(|got| got.listed) {
            self.put(got.conversation);
        }
        for id in asked {
            for message in self.fetching.remove(id).unwrap_or_default() {
                if self.conversations.contains_key(id) {
                    self.message(message);
                }
            }
        }
    }
}

fn advance(conversation: &mut Conversation, me: &str, brief: &Brief, message: Box<RawValue>) {
    conversation.messages += brief.seq - conversation.head;
    conversation.head = brief.seq;
    conversation.active_at = conversation.active_at.max(brief.time);
    if !brief.attributes.no_unread && brief.from != me && !conversation.left {
        conversation.unread += 1;
    }
    if !brief.attributes.no_last {
        conversation.last_message = Some(message);
    }
}
