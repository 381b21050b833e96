use serde::{Deserialize, Serialize};

use crate::{Conversation, ConversationId, FailedConversation};

/// For whom a deletion is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum DeletionScope {
    /// The user alone.
    #[default]
    Me,
    /// Both sides of a one-to-one conversation, or all members of a group. What may go is the app's setting
    /// `DeleteForEveryone`. It cannot be undone.
    Everyone,
}

impl DeletionScope {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn is_me(&self) -> bool {
        *self == Self::Me
    }
}

/// Gives back a conversation that the user deleted or cleared, within the app's grace period (`ErasureGrace`): its place in
/// the list, its history, unread messages and pin as they were. What came since stays on top.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RestoreConversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
}

/// Says what a deletion would do, and does nothing. As [`crate::DeleteConversations`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PreviewDeletion {
    /// Which.
    pub items: Vec<DeleteItem>,
    /// Whether the history up to each anchor is cleared too.
    pub clear_history: bool,
    /// For whom.
    #[serde(default, skip_serializing_if = "DeletionScope::is_me")]
    #[cfg_attr(test, ts(optional, as = "Option<DeletionScope>"))]
    pub scope: DeletionScope,
}

/// The answer to [`PreviewDeletion`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeletionPreview {
    /// What would happen to each, in the order asked for; unknown ones are in `failed`.
    pub conversations: Vec<PreviewedConversation>,
    /// What could not be deleted, and why.
    pub failed: Vec<crate::FailedConversation>,
    /// Seconds in which it could be undone; 0 if it could not.
    #[cfg_attr(test, ts(type = "number"))]
    pub restorable_seconds: u64,
    /// Clients of the user that are online and would lose it at once, this one included.
    pub devices: u32,
}

/// What a deletion would do to one conversation. A newer message reopens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PreviewedConversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// Messages that could not be read any more; 0 when the history is kept.
    #[cfg_attr(test, ts(type = "number"))]
    pub messages: u64,
    /// Images, sounds, videos and files in them.
    #[cfg_attr(test, ts(type = "number"))]
    pub files: u64,
    /// Bytes of those messages as they are stored.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes: u64,
    /// Files and bytes were counted in the newest messages only: there are more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub more: bool,
    /// People who would lose it, the user included.
    pub people: u32,
}

/// Puts conversations away without deleting anything, or takes them out again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ArchiveConversations {
    /// 1 to [`crate::CONVERSATIONS_PER_CALL`].
    #[cfg_attr(test, ts(type = "string[]"))]
    pub conversation_ids: Vec<ConversationId>,
    /// Away or out.
    pub archived: bool,
    /// It stays away when a newer message comes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub keep: bool,
}

/// The event that a history is gone for everyone who could read it: deleted by somebody, or its time was over. Drop those
/// messages and ask for the conversation's new state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HistoryRemoved {
    /// The group; absent for a one-to-one history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub group: Option<String>,
    /// The two of a one-to-one history: the reader's peer is the other one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub users: Vec<String>,
    /// Who did it; empty for the app.
    pub by: String,
    /// Messages up to this `seq` are gone.
    #[cfg_attr(test, ts(type = "number"))]
    pub up_to: u64,
    /// Server time in ms.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
}

/// The event that some messages are gone for everyone: what is left of each says so (`removed`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MessagesRemoved {
    /// See [`HistoryRemoved::group`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub group: Option<String>,
    /// See [`HistoryRemoved::users`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub users: Vec<String>,
    /// Who did it.
    pub by: String,
    /// Which, by their `seq`, ascending.
    #[cfg_attr(test, ts(type = "number[]"))]
    pub seqs: Vec<u64>,
}

/// Deletes conversations from the user's own list: 1 to [`crate::CONVERSATIONS_PER_CALL`] of them, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeleteConversations {
    /// Which; the same twice is the same once.
    pub items: Vec<DeleteItem>,
    /// Whether the history up to each anchor is cleared too.
    pub clear_history: bool,
    /// For whom; for everyone, the history of everyone goes too, as far as the app and the user's role allow.
    #[serde(default, skip_serializing_if = "DeletionScope::is_me")]
    #[cfg_attr(test, ts(optional, as = "Option<DeletionScope>"))]
    pub scope: DeletionScope,
    /// The user's other clients keep it for now, also when the app synchronises deletions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub local_only: bool,
    /// The same key within a day is the same call: it is answered again and does nothing. 1 to 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub key: Option<String>,
}

/// One conversation to delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeleteItem {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// The newest `seq` the deleting client had been given: newer messages survive and bring the conversation back.
    /// Absent: everything there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub anchor: Option<u64>,
}

/// The answer to [`DeleteConversations`]: each ID asked for is in exactly one of the lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeleteOutcome {
    /// Deleted, now or before.
    #[cfg_attr(test, ts(type = "string[]"))]
    pub deleted: Vec<ConversationId>,
    /// Not deleted, and why.
    pub failed: Vec<FailedConversation>,
    /// Its row in the journal, if anything changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub entry: Option<String>,
    /// Server time in ms until which it can be undone; 0 if it cannot.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "number"))]
    pub restorable_until: u64,
}

/// The event of one deletion call, to the client that called and, when deletions are synchronised, to the user's others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConversationsDeleted {
    /// All that the call deleted.
    pub conversations: Vec<DeletedConversation>,
}

/// What a deletion left of a conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeletedConversation {
    /// Which.
    #[cfg_attr(test, ts(type = "string"))]
    pub conversation_id: ConversationId,
    /// The number of this change.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
    /// It is in the list only if a visible message has a greater `seq`.
    #[cfg_attr(test, ts(type = "number"))]
    pub listed_after: u64,
    /// Messages up to here are gone for this user; drop them from memory.
    #[cfg_attr(test, ts(type = "number"))]
    pub cleared_to: u64,
    /// Present when newer messages had arrived already: the conversation stays, with just those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub survivor: Option<Box<Conversation>>,
}
