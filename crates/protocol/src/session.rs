use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Conversation, ConversationId, ConversationPage, FriendApplications, Friends, Profile};

/// Opens a login on this socket, or resumes one after the socket was lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Login {
    /// [`crate::PROTOCOL_VERSION`] of the client.
    pub protocol: u32,
    /// The app.
    pub sdk_app_id: u32,
    /// Who logs in.
    pub user_id: String,
    /// UserSig v2 of that user (`docs/rest.md`).
    pub user_sig: String,
    /// Random ID of this client instance, kept over reconnects: a newer socket of the same instance replaces the older.
    pub instance: String,
    /// Present when the client still holds the state of this login and wants only what changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub resume: Option<Resume>,
}

/// The most heads in a [`Resume`]: those of the conversations with the newest messages.
pub const HEADS_MAX: usize = 500;

/// Where a client's state stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Resume {
    /// The greatest change number the client has applied.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
    /// Server time in ms of the client's last answer or heartbeat: older news it has.
    #[cfg_attr(test, ts(type = "number"))]
    pub synced_at: u64,
    /// Server time in ms of the fresh login with which this state began: groups that were left before are not part of it.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "number"))]
    pub logged_in_at: u64,
    /// The last `seq` the client has of each listed conversation, at most [`HEADS_MAX`]. Clocks and a lost event cannot
    /// deceive these; of conversations that are not among them, time alone tells.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(test, ts(type = "Record<string, number>", optional))]
    pub heads: BTreeMap<ConversationId, u64>,
}

/// The answer to [`Login`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LoggedIn {
    /// The user's number, the first part of the IDs of messages it sends. A decimal string: it exceeds 2^53.
    pub tiny_id: String,
    /// Server time in ms.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
    /// The user's change counter when the state below was read.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
    /// The user's own profile.
    pub profile: Profile,
    /// What others did may be lost between the nodes that serve this app: heartbeats are to say where the client stands.
    pub verifies: bool,
    /// After a fresh login: the first page of the list. The rest comes with `conversations.list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub list: Option<ConversationPage>,
    /// After a resume: what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub resumed: Option<Resumed>,
}

/// What a resuming client missed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Resumed {
    /// Conversations that changed or have newer messages, in their present state. The client pulls the messages
    /// between the head it knew and the head it reads here.
    pub conversations: Vec<Conversation>,
    /// Conversations that were deleted meanwhile and are not listed now: by this very login, or by any client when
    /// deletions are synchronised.
    pub deleted: Vec<crate::DeletedConversation>,
    /// All friends, when they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub friends: Option<Friends>,
    /// All applications, when they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub applications: Option<FriendApplications>,
}

/// A heartbeat, which a client sends every 25 s or so; a socket that is silent for 55 s is closed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Ping {
    /// Where the client stands, to be told what it missed. Needed where [`LoggedIn::verifies`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub since: Option<Resume>,
}

/// The answer to [`Ping`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Pong {
    /// Server time in ms.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
    /// The user's change counter when the state below was read; 0 without one.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
    /// What the client missed, when it said where it stands. Empty when nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub resumed: Option<Resumed>,
}

/// The event that the reader may have missed something: it is to send a heartbeat that says where it stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Verify {
    /// At some random moment within so many ms, so that clients of one node do not all ask at once.
    pub within: u32,
}

/// Why a login was ended from outside; the values of `KICKED_OUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum KickReason {
    /// Another client of the same user logged in and there were too many.
    #[serde(rename = "multipleAccount")]
    MultipleAccount,
    /// The UserSig ran out.
    #[serde(rename = "userSigExpired")]
    UserSigExpired,
    /// An administrator ended it.
    #[serde(rename = "REST_API_Kick")]
    RestApi,
}

/// The event that this login ended; the socket closes after it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Kicked {
    /// Why.
    pub reason: KickReason,
}
