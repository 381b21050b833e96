//! What clients noted during a run, and what is kept at its end: all that the checker looks at.

use std::collections::BTreeMap;

use lethe_client::Brief;
use lethe_protocol::{Conversation, ConversationId};
use serde_json::Value;
use serde_json::value::RawValue;

/// Microseconds since the run began, on the one clock of all clients.
pub type Moment = u64;
/// The end of an operation that was never answered: it may take effect at any time.
pub const NEVER: Moment = Moment::MAX;

/// A conversation list.
pub type List = BTreeMap<ConversationId, Shown>;

/// Everything about a run.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What each client noted.
    pub devices: Vec<DeviceLog>,
    /// What is kept, as each user sees it.
    pub users: Vec<UserState>,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
}

/// The notes of one client.
#[derive(Clone, Debug, Default)]
pub struct DeviceLog {
    /// Whose.
    pub user: String,
    /// Which of the user's.
    pub device: usize,
    /// In the order in which they were made.
    pub entries: Vec<Entry>,
    /// The list it shows at the end.
    pub shown: List,
    /// The number of the user's changes up to which it was told everything.
    pub change: u64,
}

/// A note.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It asked for something.
    Operation(Operation),
    /// A message was pushed to it.
    Delivered(Delivery),
    /// A look at one entry of its list.
    Saw(Sight),
    /// It has a new socket, and kept its list or not.
    Connected {
        /// It resumed.
        resumed: bool,
    },
    /// It was told that its login ended.
    Kicked,
}

/// A message as it was pushed.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where.
    pub conversation: ConversationId,
    /// Its place.
    pub seq: u64,
    /// Its ID.
    pub id: String,
}

/// What a client shows of a conversation.
#[derive(Clone, Debug)]
pub struct Sight {
    /// When.
    pub at: Moment,
    /// Which.
    pub conversation: ConversationId,
    /// The newest message.
    pub head: u64,
    /// Up to where it is cleared.
    pub cleared_to: u64,
}

/// A request, repeated until it was answered.
#[derive(Clone, Debug)]
pub struct Operation {
    /// When it was asked for the first time.
    pub asked: Moment,
    /// When it was answered; [`NEVER`] if it was not.
    pub ended: Moment,
    /// What.
    pub what: What,
    /// With what success.
    pub outcome: Outcome,
}

impl Operation {
    /// It was answered before `other` was asked for.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.ended < other.asked
    }
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub enum What {
    /// To send a message.
    Send {
        /// Where to.
        to: ConversationId,
        /// The second part of the message's ID.
        client_time: u32,
        /// The last part of the message's ID.
        random: u32,
        /// Unique in the run.
        text: String,
    },
    /// To mark read up to a place.
    Read {
        /// Which conversation.
        conversation: ConversationId,
        /// The place.
        up_to: u64,
    },
    /// To delete conversations.
    Delete {
        /// Which, each with its anchor.
        items: Vec<(ConversationId, u64)>,
        /// With their histories.
        clear: bool,
    },
    /// To pin or unpin.
    Pin {
        /// Which conversation.
        conversation: ConversationId,
        /// The new state.
        pinned: bool,
    },
    /// To read the newest messages.
    Page {
        /// Of which conversation.
        conversation: ConversationId,
    },
}

impl What {
    /// Whether it may change what the list says about a conversation.
    #[must_use]
    pub fn concerns(&self, id: &ConversationId) -> bool {
        match self {
            Self::Send { to, .. } => to == id,
            Self::Read { conversation, .. } | Self::Pin { conversation, .. } => conversation == id,
            Self::Delete { items, .. } => items.iter().any(|(conversation, _)| conversation == id),
            Self::Page { .. } => false,
        }
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A message was stored.
    Sent {
        /// Its place.
        seq: u64,
        /// Server time in ms.
        time: u64,
    },
    /// It is done.
    Done,
    /// A page of history.
    Page(Vec<Stored>),
    /// Refused for good, with a code.
    Refused(u32),
    /// Nobody knows.
    Unknown,
}

/// A message as a history has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub seq: u64,
    /// Its ID.
    pub id: String,
    /// Server time in ms.
    pub time: u64,
    /// The sender.
    pub from: String,
    /// Its text; empty for what is not text.
    pub text: String,
}

impl Stored {
    /// Reads a message of a history.
    #[must_use]
    pub fn of(message: &RawValue) -> Option<Self> {
        let brief = Brief::of(message)?;
        let body: Value = serde_json::from_str(message.get()).ok()?;
        let text = body["body"][0]["MsgContent"]["Text"].as_str().unwrap_or_default().to_owned();
        Some(Self { seq: brief.seq, id: brief.id, time: brief.time, from: brief.from, text })
    }
}

/// What is kept, as one user sees it after the run.
#[derive(Clone, Debug, Default)]
pub struct UserState {
    /// Whose.
    pub user: String,
    /// The list of a fresh login, from each node.
    pub lists: Vec<List>,
    /// Every conversation, and whether it stands in the list.
    pub states: BTreeMap<ConversationId, (bool, Shown)>,
    /// All messages of each that the user can read, oldest first.
    pub histories: BTreeMap<ConversationId, Vec<Stored>>,
}

/// What a list has to say about a conversation, profiles apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Number of the user's last change.
    pub change: u64,
    /// The newest message.
    pub head: u64,
    /// Unread messages.
    pub unread: u32,
    /// Messages that can be read.
    pub messages: u64,
    /// ID of the last message.
    pub last: Option<String>,
    /// What orders the list, in ms.
    pub active_at: u64,
    /// Up to where it is cleared.
    pub cleared_to: u64,
    /// Up to where the user has read.
    pub read_to: u64,
    /// Up to where the peer has read.
    pub peer_read_to: u64,
    /// On top of the list.
    pub pinned: bool,
}

impl Shown {
    /// Leaves profiles aside.
    #[must_use]
    pub fn of(conversation: &Conversation) -> Self {
        let last = conversation.last_message.as_deref().and_then(Brief::of);
        Self {
            change: conversation.change,
            head: conversation.head,
            unread: conversation.unread,
            messages: conversation.messages,
            last: last.map(|message| message.id),
            active_at: conversation.active_at,
            cleared_to: conversation.cleared_to,
            read_to: conversation.read_to,
            peer_read_to: conversation.peer_read_to,
            pinned: conversation.pinned,
        }
    }
}

/// A list of complete conversations.
#[must_use]
pub fn list<'a>(conversations: impl IntoIterator<Item = &'a Conversation>) -> List {
    conversations.into_iter().map(|one| (one.conversation_id.clone(), Shown::of(one))).collect()
}

/// The timeline that a conversation of `user` shows.
#[must_use]
pub fn timeline(user: &str, conversation: &ConversationId) -> String {
    match conversation {
        ConversationId::User(peer) if peer.as_str() < user => format!("{peer}+{user}"),
        ConversationId::User(peer) => format!("{user}+{peer}"),
        ConversationId::Group(group) => format!("group {group}"),
        ConversationId::System => format!("notices to {user}"),
    }
}
