//! Groups: their stored state, and in `rights` who may do what, by type and role (`docs/groups.md`).

mod rights;

use lethe_protocol::{
    Code, Error, GROUP_AVATAR_MAX, GROUP_MEMBERS_MAX, GROUP_NAME_MAX, GROUP_TEXT_MAX, GroupPatch,
    GroupProfile, GroupType, InviteOption, JoinOption, Membership, Role,
};
use minicbor::{Decode, Encode};

pub use self::rights::*;
use crate::Verdict;

/// A group as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Group {
    /// [`GroupType`] as a number.
    #[n(0)]
    kind: u8,
    /// See [`GroupProfile::name`].
    #[n(1)]
    pub name: String,
    /// See [`GroupProfile::avatar`].
    #[n(2)]
    pub avatar: String,
    /// See [`GroupProfile::introduction`].
    #[n(3)]
    pub introduction: String,
    /// See [`GroupProfile::notification`].
    #[n(4)]
    pub notification: String,
    /// Empty when the group has none.
    #[n(5)]
    pub owner: String,
    /// Unix seconds.
    #[n(6)]
    pub created: u64,
    /// Grows with each change of the profile.
    #[n(7)]
    pub info_sequence: u32,
    /// Unix seconds of the last change of the profile.
    #[n(8)]
    pub info_time: u64,
    /// Present members.
    #[n(9)]
    pub members: u32,
    /// The most members.
    #[n(10)]
    pub max_members: u32,
    /// [`JoinOption`] as a number.
    #[n(11)]
    join: u8,
    /// [`InviteOption`] as a number.
    #[n(12)]
    invite: u8,
    /// Only owner and administrators may write.
    #[n(13)]
    pub mute_all: bool,
    /// The end of the timeline when the group was dismissed.
    #[n(14)]
    pub dismissed_at: Option<u64>,
    /// Server time in ms of the dismissal.
    #[n(15)]
    pub dismissed_time: u64,
    /// Its administrators, so that nobody scans the members to find who decides.
    #[n(16)]
    pub admins: Vec<String>,
    /// Server time in ms of the last change of anything above.
    #[n(17)]
    pub touched: u64,
    /// Days for which its messages are kept; 0 as long as the app keeps them.
    #[n(18)]
    #[cbor(default)]
    pub retention_days: u32,
}

/// A membership as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    /// [`Role`] as a number.
    #[n(0)]
    role: u8,
    /// Unix seconds.
    #[n(1)]
    pub joined: u64,
    /// Name card.
    #[n(2)]
    pub name_card: String,
    /// Unix seconds; past: not muted.
    #[n(3)]
    pub mute_until: u64,
}

/// An application to join, decided or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Application {
    /// What the applicant said.
    #[n(0)]
    pub note: String,
    /// Unix seconds.
    #[n(1)]
    pub time: u64,
    /// Somebody has decided it.
    #[n(2)]
    pub handled: bool,
}

impl Member {
    /// A new membership.
    #[must_use]
    pub fn new(role: Role, now: u64) -> Self {
        let mut member = Self { role: 0, joined: now, name_card: String::new(), mute_until: 0 };
        member.set_role(role);
        member
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.role {
            2 => Role::Owner,
            1 => Role::Admin,
            _ => Role::Member,
        }
    }

    /// Sets the role.
    pub fn set_role(&mut self, role: Role) {
        self.role = match role {
            Role::Owner => 2,
            Role::Admin => 1,
            Role::Member => 0,
        };
    }

    /// As the wire has it.
    #[must_use]
    pub fn membership(&self) -> Membership {
        Membership {
            role: self.role(),
            join_time: self.joined,
            name_card: self.name_card.clone(),
            mute_until: self.mute_until,
        }
    }
}

impl Group {
    /// A new group with the defaults of its type and without members.
    ///
    /// # Errors
    /// `10004` for a value over its limit or not settable for the type.
    pub fn new(
        kind: GroupType,
        name: &str,
        patch: GroupPatch,
        max_members: Option<u32>,
        now: u64,
    ) -> Verdict<Self> {
        let max_members = max_members.unwrap_or(GROUP_MEMBERS_MAX);
        if !(1..=GROUP_MEMBERS_MAX).contains(&max_members) {
            return Err(parameter(format!(
                "a group has 1 to {GROUP_MEMBERS_MAX} members, not {max_members}"
            )));
        }
        let (kind_number, join, invite) = match kind {
            GroupType::Private => (0, JoinOption::DisableApply, InviteOption::FreeAccess),
            GroupType::Public => (1, JoinOption::NeedPermission, InviteOption::DisableInvite),
            GroupType::ChatRoom => (2, JoinOption::FreeAccess, InviteOption::DisableInvite),
        };
        let mut group = Self {
            kind: kind_number,
            name: String::new(),
            avatar: String::new(),
            introduction: String::new(),
            notification: String::new(),
            owner: String::new(),
            created: now,
            info_sequence: 0,
            info_time: now,
            members: 0,
            max_members,
            join: join_number(join),
            invite: invite_number(invite),
            mute_all: false,
            dismissed_at: None,
            dismissed_time: 0,
            admins: Vec::new(),
            touched: 0,
            retention_days: 0,
        };
        group.update(GroupPatch { name: Some(name.to_owned()), ..patch }, now)?;
        Ok(group)
    }

    /// The type.
    #[must_use]
    pub fn kind(&self) -> GroupType {
        match self.kind {
            0 => GroupType::Private,
            1 => GroupType::Public,
            _ => GroupType::ChatRoom,
        }
    }

    /// Who may join.
    #[must_use]
    pub fn join_option(&self) -> JoinOption {
        match self.join {
            0 => JoinOption::FreeAccess,
            1 => JoinOption::NeedPermission,
            _ => JoinOption::DisableApply,
        }
    }

    /// Who may add others.
    #[must_use]
    pub fn invite_option(&self) -> InviteOption {
        match self.invite {
            0 => InviteOption::FreeAccess,
            1 => InviteOption::NeedPermission,
            _ => InviteOption::DisableInvite,
        }
    }

    /// As the wire has it.
    #[must_use]
    pub fn profile(&self, group_id: &str, me: Option<&Member>) -> GroupProfile {
        GroupProfile {
            group_id: group_id.to_owned(),
            group_type: self.kind(),
            name: self.name.clone(),
            avatar: self.avatar.clone(),
            introduction: self.introduction.clone(),
            notification: self.notification.clone(),
            owner_id: self.owner.clone(),
            create_time: self.created,
            info_sequence: self.info_sequence,
            last_info_time: self.info_time,
            member_count: self.members,
            max_member_count: self.max_members,
            join_option: self.join_option(),
            invite_option: self.invite_option(),
            mute_all_members: self.mute_all,
            dismissed: self.dismissed_at.is_some(),
            updated: self.touched,
            me: me.map(Member::membership),
        }
    }

    /// Sets what the patch names; all or nothing.
    ///
    /// # Errors
    /// `10004` for a value over its limit, `10007` for one that the type does not let change.
    pub fn update(&mut self, patch: GroupPatch, now: u64) -> Verdict {
        let mut next = self.clone();
        if let Some(name) = patch.name {
            if name.is_empty() {
                return Err(parameter("a group has a name".to_owned()));
            }
            next.name = within("name", name, GROUP_NAME_MAX)?;
        }
        if let Some(avatar) = patch.avatar {
            next.avatar = within("avatar", avatar, GROUP_AVATAR_MAX)?;
        }
        if let Some(introduction) = patch.introduction {
            next.introduction = within("introduction", introduction, GROUP_TEXT_MAX)?;
        }
        if let Some(notification) = patch.notification {
            next.notification = within("notification", notification, GROUP_TEXT_MAX)?;
        }
        if let Some(join) = patch.join_option.filter(|&join| join != next.join_option()) {
            if next.kind() != GroupType::Public {
                return Err(rights::forbidden("only public groups may change who may join"));
            }
            next.join = join_number(join);
        }
        next.invite = patch.invite_option.map_or(next.invite, invite_number);
        next.mute_all = patch.mute_all_members.unwrap_or(next.mute_all);
        next.info_sequence += 1;
        next.info_time = now;
        *self = next;
        Ok(())
    }

    /// Those who decide applications: owner and administrators.
    #[must_use]
    pub fn deciders(&self) -> Vec<String> {
        let owner = (!self.owner.is_empty()).then(|| self.owner.clone());
        owner.into_iter().chain(self.admins.iter().cloned()).collect()
    }

    /// Whether newcomers read what was before them.
    #[must_use]
    pub fn shows_history_to_newcomers(&self) -> bool {
        self.kind() == GroupType::ChatRoom
    }
}

fn join_number(join: JoinOption) -> u8 {
    match join {
        JoinOption::FreeAccess => 0,
        JoinOption::NeedPermission => 1,
        JoinOption::DisableApply => 2,
    }
}

fn invite_number(invite: InviteOption) -> u8 {
    match invite {
        InviteOption::FreeAccess => 0,
        InviteOption::NeedPermission => 1,
        InviteOption::DisableInvite => 2,
    }
}

fn parameter(message: String) -> Error {
    Error::new(Code::GROUP_PARAMETER, message)
}

fn within(name: &str, text: String, max: usize) -> Verdict<String> {
    if text.len() <= max {
        return Ok(text);
    }
    Err(parameter(format!("{name} has at most {max} bytes, not {}", text.len())))
}
