use serde::{Deserialize, Serialize};

use crate::GroupProfile;

/// The most accounts in one request that adds or removes members.
pub const MEMBERS_PER_CALL: usize = 300;
/// The most members given at creation.
pub const MEMBERS_AT_CREATION: usize = 500;
/// The most members in one page.
pub const MEMBER_PAGE_MAX: u32 = 100;

/// A member's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Role {
    /// Everything, once per group; a private group may be without.
    Owner,
    /// Handles applications, removes members, edits the profile.
    Admin,
    /// Takes part.
    Member,
}

/// One user's membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Membership {
    /// The role.
    pub role: Role,
    /// Unix seconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub join_time: u64,
    /// Name card in this group.
    pub name_card: String,
    /// Unix seconds; 0 or past: not muted.
    #[cfg_attr(test, ts(type = "number"))]
    pub mute_until: u64,
}

/// A member as a list of members shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupMember {
    /// Who.
    pub user_id: String,
    /// Nickname.
    pub nick: String,
    /// Avatar.
    pub avatar: String,
    /// Whether a client of this user is online now.
    pub is_online: bool,
    /// The membership.
    #[serde(flatten)]
    #[cfg_attr(test, ts(flatten))]
    pub membership: Membership,
}

/// A member given at creation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NewMember {
    /// Who.
    pub user_id: String,
    /// As an administrator.
    #[serde(default)]
    pub admin: bool,
}

/// Lists members, in the order of user IDs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ListMembers {
    /// Which group.
    pub group_id: String,
    /// Skip this many.
    pub offset: u32,
    /// 1 to [`MEMBER_PAGE_MAX`].
    pub limit: u32,
    /// Only this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub role: Option<Role>,
}

/// Reads chosen members, at most [`MEMBER_PAGE_MAX`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GetMembers {
    /// Which group.
    pub group_id: String,
    /// Who; those who are not members are left out.
    pub user_ids: Vec<String>,
}

/// A page of members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Members {
    /// The page.
    pub members: Vec<GroupMember>,
    /// The offset of the next page; 0 when this is the last.
    pub next: u32,
}

/// Adds or removes members: `groups.add`, `groups.remove`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChangeMembers {
    /// Which group.
    pub group_id: String,
    /// 1 to [`MEMBERS_PER_CALL`].
    pub user_ids: Vec<String>,
    /// Told to those who are removed.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<String>"))]
    pub reason: String,
}

/// The answer to `groups.add`: each user is in exactly one list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Added {
    /// Members now.
    pub added: Vec<String>,
    /// Members before.
    pub existed: Vec<String>,
    /// Not added: unknown accounts, or no place left.
    pub failed: Vec<String>,
    /// The group now.
    pub group: GroupProfile,
}

/// The answer to `groups.remove`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Removed {
    /// Those who were members and are not any more.
    pub removed: Vec<String>,
    /// The group now.
    pub group: GroupProfile,
}

/// Makes a member administrator, or an administrator member.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetRole {
    /// Which group.
    pub group_id: String,
    /// Who.
    pub user_id: String,
    /// Administrator or not.
    pub admin: bool,
}

/// The event that the user's own role or name card changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MembershipChanged {
    /// Which group.
    pub group_id: String,
    /// The membership now.
    pub me: Membership,
}
