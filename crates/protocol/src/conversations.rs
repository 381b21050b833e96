use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{ConversationId, Error, GroupProfile, Profile};

mod list;

pub use list::list_answer;

/// The most conversations in one call that takes a list.
pub const CONVERSATIONS_PER_CALL: usize = 100;
/// The most conversations in one page of the list.
pub const CONVERSATION_PAGE_MAX: u32 = 500;
/// The most pinned conversations of one user.
pub const PINNED_MAX: usize = 50;
/// The longest custom data of a conversation in bytes.
pub const CUSTOM_DATA_MAX: usize = 256;

/// One user's view of one timeline, complete: what a client shows in its list. [`list_answer`] writes it too, field by
/// field.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Conversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// Number of the last change that the user itself made to it; 0 if none.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
    /// `seq` of the newest message that this user may read; 0 if the timeline is empty.
    #[cfg_attr(test, ts(type = "number"))]
    pub head: u64,
    /// Countable messages of others above everything read, cleared or deleted.
    pub unread: u32,
    /// Messages that the user can read, of any kind.
    #[cfg_attr(test, ts(type = "number"))]
    pub messages: u64,
    /// Server time in ms of the newest activity, which orders the list; clearing does not move it.
    #[cfg_attr(test, ts(type = "number"))]
    pub active_at: u64,
    /// No read path returns a message at or below this `seq`.
    #[cfg_attr(test, ts(type = "number"))]
    pub cleared_to: u64,
    /// The user has read up to here.
    #[cfg_attr(test, ts(type = "number"))]
    pub read_to: u64,
    /// One-to-one: the peer has read up to here.
    #[cfg_attr(test, ts(type = "number"))]
    pub peer_read_to: u64,
    /// On top of the list.
    pub pinned: bool,
    /// `AcceptAndNotify`, `AcceptNotNotify`, `Discard` or `AcceptNotNotifyExceptAt`.
    pub remind_type: RemindType,
    /// Marks: powers of two for the built-in ones, decimal strings since they may exceed 2^53.
    pub marks: Vec<String>,
    /// The user's own data.
    pub custom_data: String,
    /// Put away: not shown in the list that comes first, until a newer message or for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub archived: bool,
    /// The user has left the group, was removed, or the group is gone: readable, not writable, never unread.
    pub left: bool,
    /// It does not stand in the list: a client that does not show it does not begin to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub unlisted: bool,
    /// The peer of a one-to-one conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub user: Option<Profile>,
    /// The user's remark for a peer who is a friend.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<String>"))]
    pub remark: String,
    /// The group of a group conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub group: Option<GroupProfile>,
    /// The newest visible message that may stand in the list, or none.
    #[cfg_attr(test, ts(type = "Message | null"))]
    pub last_message: Option<Box<RawValue>>,
}

/// How new messages of a conversation are received (`messageRemindType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RemindType {
    /// Received and announced.
    #[default]
    AcceptAndNotify,
    /// Received quietly; not in the total of unread messages.
    AcceptNotNotify,
    /// Not pushed to the app; still in the history.
    Discard,
    /// Quiet unless mentioned.
    AcceptNotNotifyExceptAt,
}

impl RemindType {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AcceptAndNotify => "AcceptAndNotify",
            Self::AcceptNotNotify => "AcceptNotNotify",
            Self::Discard => "Discard",
            Self::AcceptNotNotifyExceptAt => "AcceptNotNotifyExceptAt",
        }
    }
}

/// Lists conversations.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ListConversations {
    /// `cursor` of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub cursor: Option<String>,
    /// 1 to [`CONVERSATION_PAGE_MAX`].
    pub limit: u32,
}

/// A page of the list, in the order of conversation IDs: the client sorts what it has.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConversationPage {
    /// The page.
    pub conversations: Vec<Conversation>,
    /// Give it back for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub cursor: Option<String>,
}

/// Reads these conversations whether listed or not; unknown ones are left out of the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GetConversations {
    /// At most [`CONVERSATIONS_PER_CALL`].
    #[cfg_attr(test, ts(type = "string[]"))]
    pub conversation_ids: Vec<ConversationId>,
}

/// The answer to [`GetConversations`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Conversations {
    /// In the order asked for.
    pub conversations: Vec<GotConversation>,
}

/// A conversation and whether it stands in the list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GotConversation {
    /// Whether it stands in the list.
    pub listed: bool,
    /// Its present state.
    pub conversation: Conversation,
}

/// A conversation that a call could not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FailedConversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// Why.
    #[serde(flatten)]
    #[cfg_attr(test, ts(flatten))]
    pub error: Error,
}

/// The answer to [`ClearHistory`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClearOutcome {
    /// Its row in the journal, if there was anything to clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub entry: Option<String>,
    /// Server time in ms until which it can be undone; 0 if it cannot.
    #[cfg_attr(test, ts(type = "number"))]
    pub restorable_until: u64,
}

/// The event that the user changed one or more conversations in another way than deleting; complete new states.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConversationsChanged {
    /// Their new states.
    pub conversations: Vec<Conversation>,
}

/// Marks a conversation read. One-to-one, the peer is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReadConversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// Up to this `seq`; absent: all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub up_to: Option<u64>,
}

/// Marks all listed conversations of a scope read.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReadAll {
    /// One-to-one conversations.
    pub users: bool,
    /// Group conversations.
    pub groups: bool,
}

/// The event that a peer has read: `seq` only grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PeerRead {
    /// The peer who read.
    pub user_id: String,
    /// Up to here.
    #[cfg_attr(test, ts(type = "number"))]
    pub read_to: u64,
}

/// Clears the history for this user and keeps the conversation in its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClearHistory {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// Up to this `seq`; absent: all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub up_to: Option<u64>,
}

/// Pins or unpins. Pinning an unlisted conversation lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PinConversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// The new state.
    pub pinned: bool,
}

/// Lists a conversation without a message: the explicit reopening of a deleted one, or a first look at a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OpenConversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
}

/// Sets how new messages are received.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetRemindType {
    /// 1 to [`CONVERSATIONS_PER_CALL`].
    #[cfg_attr(test, ts(type = "string[]"))]
    pub conversation_ids: Vec<ConversationId>,
    /// The new type.
    pub remind_type: RemindType,
}

/// Sets or removes a mark.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MarkConversations {
    /// 1 to [`CONVERSATIONS_PER_CALL`].
    #[cfg_attr(test, ts(type = "string[]"))]
    pub conversation_ids: Vec<ConversationId>,
    /// A power of two: 1, 2, 4, 8, or 2^32 to 2^63 for the app's own; a decimal string.
    pub mark: String,
    /// Set or remove.
    pub enable: bool,
}

/// Stores the user's own data with conversations.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetCustomData {
    /// 1 to [`CONVERSATIONS_PER_CALL`].
    #[cfg_attr(test, ts(type = "string[]"))]
    pub conversation_ids: Vec<ConversationId>,
    /// At most [`CUSTOM_DATA_MAX`] bytes.
    pub custom_data: String,
}

/// The answer to a change of several conversations.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChangeOutcome {
    /// Changed, or already so.
    #[cfg_attr(test, ts(type = "string[]"))]
    pub changed: Vec<ConversationId>,
    /// Not changed, and why.
    pub failed: Vec<FailedConversation>,
}
