use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ConversationsChanged, ConversationsDeleted, FriendApplications, Friends, GroupChanged, GroupJoined,
    GroupLeft, HistoryRemoved, Kicked, MembershipChanged, MessagesRemoved, PeerRead, Profiles, Verify,
};

/// What the server pushes: `{"ev": name, "d": body}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ev", content = "d")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Event {
    /// A [`crate::Message`] for the reader: of another user, or the reader's own from any of its clients.
    #[serde(rename = "message")]
    Message(#[cfg_attr(test, ts(type = "Message"))] Box<RawValue>),
    /// The reader changed conversations.
    #[serde(rename = "conversations.changed")]
    ConversationsChanged(ConversationsChanged),
    /// The reader deleted conversations.
    #[serde(rename = "conversations.deleted")]
    ConversationsDeleted(ConversationsDeleted),
    /// A history is gone for everyone.
    #[serde(rename = "conversations.historyRemoved")]
    HistoryRemoved(HistoryRemoved),
    /// Messages are gone for everyone.
    #[serde(rename = "messages.removed")]
    MessagesRemoved(MessagesRemoved),
    /// A peer has read.
    #[serde(rename = "conversations.peerRead")]
    PeerRead(PeerRead),
    /// The reader became a member of a group.
    #[serde(rename = "groups.joined")]
    GroupJoined(GroupJoined),
    /// A group of the reader changed.
    #[serde(rename = "groups.changed")]
    GroupChanged(GroupChanged),
    /// The reader's membership changed.
    #[serde(rename = "groups.membership")]
    MembershipChanged(MembershipChanged),
    /// The reader is no member any more.
    #[serde(rename = "groups.left")]
    GroupLeft(GroupLeft),
    /// The reader's friends, complete.
    #[serde(rename = "friends.changed")]
    Friends(Friends),
    /// The reader's applications, complete.
    #[serde(rename = "friends.applications")]
    FriendApplications(FriendApplications),
    /// Profiles of the reader or of friends changed.
    #[serde(rename = "users.changed")]
    Profiles(Profiles),
    /// The reader may have missed something.
    #[serde(rename = "session.verify")]
    Verify(Verify),
    /// This login ended.
    #[serde(rename = "session.kicked")]
    Kicked(Kicked),
}
