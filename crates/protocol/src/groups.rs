use serde::{Deserialize, Serialize};

use crate::{Membership, NewMember};

/// The most members of a group, and the default of `maxMemberNum`.
pub const GROUP_MEMBERS_MAX: u32 = 6000;
/// The longest group name in bytes.
pub const GROUP_NAME_MAX: usize = 100;
/// The longest introduction or notification in bytes.
pub const GROUP_TEXT_MAX: usize = 400;
/// The longest avatar address of a group in bytes.
pub const GROUP_AVATAR_MAX: usize = 500;

/// The types of groups (`docs/groups.md`). `Work` and `Meeting` are newer names of `Private` and `ChatRoom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum GroupType {
    /// By invitation of any member; never joined by application.
    #[serde(alias = "Work")]
    Private,
    /// Joined with an administrator's approval.
    Public,
    /// Joined freely; newcomers read what was before them.
    #[serde(alias = "Meeting")]
    ChatRoom,
}

/// Who may join by application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum JoinOption {
    /// Anyone, at once.
    FreeAccess,
    /// After an administrator agreed.
    NeedPermission,
    /// Nobody.
    DisableApply,
}

/// Who may add others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum InviteOption {
    /// Any member, at once.
    FreeAccess,
    /// Owner and administrators.
    NeedPermission,
    /// Nobody but the app's administrators over REST.
    DisableInvite,
}

/// A group as all its members see it, and the reader's own membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupProfile {
    /// Its ID, without the `GROUP` of conversation IDs.
    pub group_id: String,
    /// Its type; it never changes.
    #[serde(rename = "type")]
    pub group_type: GroupType,
    /// At most [`GROUP_NAME_MAX`] bytes.
    pub name: String,
    /// At most [`GROUP_AVATAR_MAX`] bytes.
    pub avatar: String,
    /// At most [`GROUP_TEXT_MAX`] bytes.
    pub introduction: String,
    /// At most [`GROUP_TEXT_MAX`] bytes.
    pub notification: String,
    /// Empty when the group has none.
    pub owner_id: String,
    /// Unix seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub create_time: u64,
    /// Grows with each change of the profile.
    pub info_sequence: u32,
    /// Unix seconds of the last change of the profile.
    #[cfg_attr(test, ts(type = "number"))]
    pub last_info_time: u64,
    /// Present members.
    pub member_count: u32,
    /// The most members.
    pub max_member_count: u32,
    /// Who may join.
    pub join_option: JoinOption,
    /// Who may add others.
    pub invite_option: InviteOption,
    /// Only owner and administrators may write.
    pub mute_all_members: bool,
    /// The group was dismissed.
    pub dismissed: bool,
    /// Server time in ms of the last change of anything here; of two profiles of a group the one with the greater is newer.
    #[cfg_attr(test, ts(type = "number"))]
    pub updated: u64,
    /// The reader's own membership; absent in events to all members and for outsiders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub me: Option<Membership>,
}

/// Creates a group; the caller becomes its owner and first member.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CreateGroup {
    /// A chosen ID: 1 to 48 printable ASCII characters, not beginning with `@TGS#`. Absent: the server makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub group_id: Option<String>,
    /// The type.
    #[serde(rename = "type")]
    pub group_type: GroupType,
    /// The name, 1 to [`GROUP_NAME_MAX`] bytes.
    pub name: String,
    /// Everything else of the profile.
    #[serde(default)]
    pub profile: GroupPatch,
    /// At most this many members; default and maximum [`GROUP_MEMBERS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub max_member_count: Option<u32>,
    /// Members to begin with, at most [`crate::MEMBERS_AT_CREATION`].
    #[serde(default)]
    pub members: Vec<NewMember>,
}

/// Parts of a profile to set; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupPatch {
    /// See [`GroupProfile::name`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub name: Option<String>,
    /// See [`GroupProfile::avatar`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub avatar: Option<String>,
    /// See [`GroupProfile::introduction`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub introduction: Option<String>,
    /// See [`GroupProfile::notification`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub notification: Option<String>,
    /// See [`GroupProfile::join_option`]; only public groups may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub join_option: Option<JoinOption>,
    /// See [`GroupProfile::invite_option`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub invite_option: Option<InviteOption>,
    /// See [`GroupProfile::mute_all_members`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub mute_all_members: Option<bool>,
}

/// Names one group: `groups.get`, `groups.quit`, `groups.dismiss`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupRef {
    /// Which.
    pub group_id: String,
}

/// One group: the answer to most group requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OneGroup {
    /// Its present state.
    pub group: GroupProfile,
}

/// The groups the user is in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Groups {
    /// All of them.
    pub groups: Vec<GroupProfile>,
}

/// Changes a group's profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UpdateGroup {
    /// Which.
    pub group_id: String,
    /// What.
    pub profile: GroupPatch,
}

/// Hands a group to another member.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TransferGroup {
    /// Which.
    pub group_id: String,
    /// A member.
    pub new_owner_id: String,
}

/// Joins a group, or applies to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct JoinGroup {
    /// Which.
    pub group_id: String,
    /// Shown to those who decide; at most [`GROUP_TEXT_MAX`] bytes.
    #[serde(default)]
    pub message: String,
}

/// How joining went (`JOIN_STATUS_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum JoinStatus {
    /// A member now.
    JoinedSuccess,
    /// A member before.
    AlreadyInGroup,
    /// An administrator decides.
    WaitAdminApproval,
}

/// The answer to [`JoinGroup`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Joined {
    /// How it went.
    pub status: JoinStatus,
    /// The group; absent while an administrator decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub group: Option<GroupProfile>,
}

/// An application to join that waits for a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupApplication {
    /// Which group.
    pub group_id: String,
    /// Its name.
    pub group_name: String,
    /// Who applies.
    pub applicant: String,
    /// The applicant's nickname.
    pub applicant_nick: String,
    /// What the applicant said.
    pub note: String,
    /// Unix seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
}

/// The applications to all groups that the user decides for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupApplications {
    /// All of them.
    pub applications: Vec<GroupApplication>,
}

/// Decides an application; the first decision holds (`10024` for later ones).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HandleApplication {
    /// Which group.
    pub group_id: String,
    /// Whose application.
    pub applicant: String,
    /// Agree or reject.
    pub agree: bool,
    /// Told to the applicant.
    #[serde(default)]
    pub message: String,
}

/// The event that the user became a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupJoined {
    /// The group, with the user's membership.
    pub group: GroupProfile,
}

/// The event that a group's profile or number of members changed; to all members, without `me`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupChanged {
    /// The group.
    pub group: GroupProfile,
}

/// Why a user is no member any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum LeaveReason {
    /// The user quit.
    Quit,
    /// The user was removed.
    Kicked,
    /// The group was dismissed.
    Dismissed,
}

/// The event that the user is no member any more. The conversation stays, readable and never unread.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupLeft {
    /// Which group.
    pub group_id: String,
    /// Why.
    pub reason: LeaveReason,
    /// The last `seq` the user may read.
    #[cfg_attr(test, ts(type = "number"))]
    pub left_at: u64,
    /// Server time in ms: the conversation's last activity.
    #[cfg_attr(test, ts(type = "number"))]
    pub time: u64,
    /// The number of the reader's change that this is; 0 for a dismissal, which is final.
    #[cfg_attr(test, ts(type = "number"))]
    pub change: u64,
}
