use serde::{Deserialize, Serialize};

use crate::{Error, Profile};

/// The most friends of one user.
pub const FRIENDS_MAX: usize = 3000;
/// The most users in one request of this noun.
pub const FRIENDS_PER_CALL: usize = 100;
/// The longest remark in bytes.
pub const REMARK_MAX: usize = 96;
/// The longest wording of an application in bytes.
pub const WORDING_MAX: usize = 256;

/// A friend of the reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Friend {
    /// Who.
    pub user_id: String,
    /// The reader's remark.
    pub remark: String,
    /// `AddSource_Type_*`.
    pub source: String,
    /// What was said when asking.
    pub wording: String,
    /// Unix seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
    /// The friend's profile.
    pub profile: Profile,
}

/// The reader's friends; also the event that they changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Friends {
    /// The reader's change counter when they last changed: the greater is newer.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
    /// All of them.
    pub friends: Vec<Friend>,
}

/// Asks a user to be friends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AddFriend {
    /// Whom.
    pub user_id: String,
    /// `AddSource_Type_` and at most 8 bytes.
    #[serde(default)]
    pub source: String,
    /// At most [`WORDING_MAX`] bytes.
    #[serde(default)]
    pub wording: String,
    /// At most [`REMARK_MAX`] bytes.
    #[serde(default)]
    pub remark: String,
    /// Only the caller's list gains the other (`Add_Type_Single`).
    #[serde(default)]
    pub single: bool,
}

/// The answer to [`AddFriend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FriendAdded {
    /// The other side has to confirm first (`30539`).
    pub pending: bool,
}

/// Deletes friends. Conversations are not touched.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeleteFriends {
    /// 1 to [`FRIENDS_PER_CALL`].
    pub user_ids: Vec<String>,
    /// Only the caller's list loses them (`Delete_Type_Single`).
    #[serde(default)]
    pub single: bool,
}

/// The answer to [`DeleteFriends`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FriendsDeleted {
    /// No friends any more.
    pub deleted: Vec<String>,
    /// Not deleted, and why.
    pub failed: Vec<FailedUser>,
}

/// A user that a call could not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FailedUser {
    /// Who.
    pub user_id: String,
    /// Why.
    #[serde(flatten)]
    #[cfg_attr(test, ts(flatten))]
    pub error: Error,
}

/// Asks how users stand to the caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckFriends {
    /// 1 to 1000.
    pub user_ids: Vec<String>,
}

/// How one user stands to the caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FriendRelation {
    /// Who.
    pub user_id: String,
    /// On the caller's list.
    pub mine: bool,
    /// The caller is on that user's list.
    pub theirs: bool,
}

/// The answer to [`CheckFriends`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FriendRelations {
    /// In the order asked for.
    pub relations: Vec<FriendRelation>,
}

/// Sets the remark for a friend.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UpdateFriend {
    /// Who.
    pub user_id: String,
    /// At most [`REMARK_MAX`] bytes.
    pub remark: String,
}

/// A request to be friends that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FriendApplication {
    /// The other side.
    pub user_id: String,
    /// The other side's nickname.
    pub nick: String,
    /// The other side's avatar.
    pub avatar: String,
    /// Whether the reader sent it; else it came in.
    pub sent: bool,
    /// What was said.
    pub wording: String,
    /// `AddSource_Type_*`.
    pub source: String,
    /// Unix seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
}

/// All applications of the reader, sent and come in; also the event that they changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FriendApplications {
    /// The reader's change counter when they last changed: the greater is newer.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
    /// All of them.
    pub applications: Vec<FriendApplication>,
    /// Those that came in and were not marked read.
    pub unread: u32,
}

/// Answers an application that came in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AnswerFriend {
    /// Whose.
    pub user_id: String,
    /// Agree or refuse.
    pub agree: bool,
    /// Agreeing, add the other to the own list too (`Response_Action_AgreeAndAdd`).
    #[serde(default)]
    pub add: bool,
    /// Remark for the other; at most [`REMARK_MAX`] bytes.
    #[serde(default)]
    pub remark: String,
}

/// Deletes an application.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeleteApplication {
    /// The other side.
    pub user_id: String,
    /// The one that was sent; else the one that came in.
    pub sent: bool,
}
