//! Who may do what: one question, one function.

use lethe_protocol::{Code, Error, GroupPatch, GroupType, InviteOption, JoinOption, Role, group_id_is_valid};

use super::{Group, Member};
use crate::Verdict;

/// Who acts in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An administrator of the app, over REST: as the owner of every group, and more.
    App,
    /// A member with this role.
    Member(Role),
    /// Not a member.
    Outsider,
}

impl Actor {
    /// The actor that this membership makes.
    #[must_use]
    pub fn of(member: Option<&Member>) -> Self {
        member.map_or(Self::Outsider, |member| Self::Member(member.role()))
    }

    pub(crate) fn decides(self) -> bool {
        matches!(self, Self::App | Self::Member(Role::Owner | Role::Admin))
    }
}

/// A chosen group ID: printable, not with the prefix of IDs that the server makes.
///
/// # Errors
/// `10015`.
pub fn may_choose_id(id: &str) -> Verdict {
    if group_id_is_valid(id) && !id.starts_with("@TGS#") {
        return Ok(());
    }
    Err(Error::new(
        Code::GROUP_INVALID_ID,
        "a group ID is 1 to 48 printable ASCII characters, not beginning with @TGS#",
    ))
}

/// Whether `actor` may write: members, unless muted.
///
/// # Errors
/// `10007` for outsiders, `10017` when muted, `10010` after the dismissal.
pub fn may_write(group: &Group, actor: Actor, mute_until: u64, now: u64) -> Verdict {
    if group.dismissed_at.is_some() {
        return Err(gone());
    }
    match actor {
        Actor::App => Ok(()),
        Actor::Outsider => Err(forbidden("not a member of this group")),
        Actor::Member(_) if mute_until > now => Err(Error::new(Code::GROUP_MUTED, "muted in this group")),
        Actor::Member(Role::Member) if group.mute_all => {
            Err(Error::new(Code::GROUP_MUTED, "all members are muted"))
        }
        Actor::Member(_) => Ok(()),
    }
}

/// Whether `actor` may read the profile: private groups show it to members only.
///
/// # Errors
/// `10007`.
pub fn may_see(group: &Group, actor: Actor, was_member: bool) -> Verdict {
    match (group.kind(), actor) {
        (GroupType::Private, Actor::Outsider) if !was_member => {
            Err(forbidden("private groups show themselves to members only"))
        }
        _ => Ok(()),
    }
}

/// Whether `actor` may list members.
///
/// # Errors
/// `10007` for outsiders.
pub fn may_list_members(actor: Actor) -> Verdict {
    match actor {
        Actor::Outsider => Err(forbidden("not a member of this group")),
        Actor::App | Actor::Member(_) => Ok(()),
    }
}

/// Whether `actor` may change the profile: any member of a private group, else owner and administrators. Muting all is
/// for those who are exempt from it.
///
/// # Errors
/// `10007`.
pub fn may_update(group: &Group, actor: Actor, patch: &GroupPatch) -> Verdict {
    if patch.mute_all_members.is_some() && !actor.decides() {
        return Err(forbidden("only owner and administrators may mute all members"));
    }
    match (group.kind(), actor) {
        (GroupType::Private, Actor::Member(_)) => Ok(()),
        _ if actor.decides() => Ok(()),
        _ => Err(forbidden("only owner and administrators may change the profile")),
    }
}

/// How joining goes for an outsider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// At once.
    AtOnce,
    /// After a decision.
    AfterDecision,
}

/// Whether an outsider may join.
///
/// # Errors
/// `2601` for private groups, `10007` when nobody may apply, `10014` when full.
pub fn may_join(group: &Group) -> Verdict<Joining> {
    if group.kind() == GroupType::Private {
        return Err(Error::new(Code::CANNOT_APPLY, "a private group is joined by invitation only"));
    }
    let joining = match group.join_option() {
        JoinOption::FreeAccess => Joining::AtOnce,
        JoinOption::NeedPermission => Joining::AfterDecision,
        JoinOption::DisableApply => return Err(forbidden("this group takes no applications")),
    };
    may_grow(group, 1)?;
    Ok(joining)
}

/// Whether the group has place for `more` members.
///
/// # Errors
/// `10014`.
pub fn may_grow(group: &Group, more: u32) -> Verdict {
    if group.members.saturating_add(more) <= group.max_members {
        return Ok(());
    }
    Err(Error::new(Code::GROUP_FULL, format!("the group has place for {} members", group.max_members)))
}

/// Whether `actor` may add members.
///
/// # Errors
/// `10007`.
pub fn may_add(group: &Group, actor: Actor) -> Verdict {
    match (actor, group.invite_option()) {
        (Actor::App, _) | (Actor::Member(_), InviteOption::FreeAccess) => Ok(()),
        (Actor::Member(Role::Owner | Role::Admin), InviteOption::NeedPermission) => Ok(()),
        (Actor::Outsider, _) => Err(forbidden("not a member of this group")),
        _ => Err(forbidden("this group's members may not add others")),
    }
}

/// Whether `actor` may remove a member with the role `target`.
///
/// # Errors
/// `10007`.
pub fn may_remove(group: &Group, actor: Actor, target: Role) -> Verdict {
    match (actor, target) {
        (_, Role::Owner) => Err(forbidden("the owner cannot be removed")),
        (Actor::App | Actor::Member(Role::Owner), _) => Ok(()),
        (Actor::Member(Role::Admin), Role::Member) if group.kind() != GroupType::Private => Ok(()),
        _ => Err(forbidden("not allowed to remove this member")),
    }
}

/// Whether `actor` may decide applications.
///
/// # Errors
/// `10007`.
pub fn may_decide(actor: Actor) -> Verdict {
    if actor.decides() { Ok(()) } else { Err(forbidden("only owner and administrators decide applications")) }
}

/// Whether a member with this role may quit: the owner only of a private group, which is then without.
///
/// # Errors
/// `10009` for the owner, `10007` for outsiders.
pub fn may_quit(group: &Group, actor: Actor) -> Verdict {
    match (actor, group.kind()) {
        (Actor::Member(Role::Owner), GroupType::Private) | (Actor::Member(Role::Admin | Role::Member), _) => {
            Ok(())
        }
        (Actor::Member(Role::Owner), _) => {
            Err(Error::new(Code::OWNER_CANNOT_QUIT, "the owner cannot quit: transfer or dismiss the group"))
        }
        (Actor::App | Actor::Outsider, _) => Err(forbidden("not a member of this group")),
    }
}

/// Whether `actor` may dismiss the group.
///
/// # Errors
/// `2622` for clients and private groups, `10007` for all but the owner.
pub fn may_dismiss(group: &Group, actor: Actor) -> Verdict {
    match (actor, group.kind()) {
        (Actor::App, _) => Ok(()),
        (Actor::Member(_), GroupType::Private) => {
            Err(Error::new(Code::CANNOT_DISMISS, "a private group cannot be dismissed: its members quit"))
        }
        (Actor::Member(Role::Owner), _) => Ok(()),
        _ => Err(forbidden("only the owner may dismiss the group")),
    }
}

/// Whether `actor` may hand the group to a member.
///
/// # Errors
/// `10007`.
pub fn may_transfer(actor: Actor) -> Verdict {
    match actor {
        Actor::App | Actor::Member(Role::Owner) => Ok(()),
        _ => Err(forbidden("only the owner may transfer the group")),
    }
}

/// Whether `actor` may make administrators: the owner, in groups that have them.
///
/// # Errors
/// `10007`.
pub fn may_set_role(group: &Group, actor: Actor, target: Role) -> Verdict {
    match (actor, group.kind(), target) {
        (_, GroupType::Private, _) => Err(forbidden("a private group has no administrators")),
        (_, _, Role::Owner) => Err(forbidden("the owner's role is transferred, not set")),
        (Actor::App | Actor::Member(Role::Owner), _, _) => Ok(()),
        _ => Err(forbidden("only the owner makes administrators")),
    }
}

/// Whether changes of members are told as tips: not in chat rooms, where they would drown the talk.
#[must_use]
pub fn tells_members(kind: GroupType) -> bool {
    match kind {
        GroupType::Private | GroupType::Public => true,
        GroupType::ChatRoom => false,
    }
}

/// The refusal for a group that was dismissed or never was.
#[must_use]
pub fn gone() -> Error {
    Error::new(Code::GROUP_GONE, "the group does not exist")
}

pub(super) fn forbidden(message: &str) -> Error {
    Error::new(Code::GROUP_PERMISSION, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [GroupType; 3] = [GroupType::Private, GroupType::Public, GroupType::ChatRoom];
    const OWNER: Actor = Actor::Member(Role::Owner);
    const ADMIN: Actor = Actor::Member(Role::Admin);
    const MEMBER: Actor = Actor::Member(Role::Member);

    fn group(kind: GroupType) -> Group {
        Group::new(kind, "g", GroupPatch::default(), None, 1).unwrap()
    }

    /// Which of the three types allow it.
    fn allowed(rule: impl Fn(&Group) -> bool) -> [bool; 3] {
        KINDS.map(|kind| rule(&group(kind)))
    }

    #[test]
    fn the_table_of_rights_holds() {
        assert_eq!(allowed(|g| may_join(g).is_ok()), [false, true, true]);
        assert_eq!(
            KINDS.map(|k| may_join(&group(k)).ok()),
            [None, Some(Joining::AfterDecision), Some(Joining::AtOnce)]
        );
        assert_eq!(allowed(|g| may_add(g, MEMBER).is_ok()), [true, false, false]);
        assert_eq!(allowed(|g| may_add(g, OWNER).is_ok()), [true, false, false]);
        assert_eq!(allowed(|g| may_add(g, Actor::App).is_ok()), [true, true, true]);
        assert_eq!(allowed(|g| may_quit(g, OWNER).is_ok()), [true, false, false]);
        assert_eq!(allowed(|g| may_quit(g, MEMBER).is_ok()), [true, true, true]);
        assert_eq!(allowed(|g| may_dismiss(g, OWNER).is_ok()), [false, true, true]);
        assert_eq!(allowed(|g| may_dismiss(g, ADMIN).is_ok()), [false, false, false]);
        assert_eq!(allowed(|g| may_dismiss(g, Actor::App).is_ok()), [true, true, true]);
        assert_eq!(allowed(|g| may_update(g, MEMBER, &GroupPatch::default()).is_ok()), [true, false, false]);
        assert_eq!(allowed(|g| may_update(g, ADMIN, &GroupPatch::default()).is_ok()), [true, true, true]);
        assert_eq!(allowed(|g| may_remove(g, ADMIN, Role::Member).is_ok()), [false, true, true]);
        assert_eq!(allowed(|g| may_remove(g, ADMIN, Role::Admin).is_ok()), [false, false, false]);
        assert_eq!(allowed(|g| may_remove(g, OWNER, Role::Admin).is_ok()), [true, true, true]);
        assert_eq!(allowed(|g| may_remove(g, MEMBER, Role::Member).is_ok()), [false, false, false]);
        assert_eq!(allowed(|g| may_set_role(g, OWNER, Role::Member).is_ok()), [false, true, true]);
        assert_eq!(allowed(|g| may_see(g, Actor::Outsider, false).is_ok()), [false, true, true]);
        assert_eq!(allowed(|g| tells_members(g.kind())), [true, true, false]);
    }

    #[test]
    fn the_muted_are_silent_and_their_superiors_are_not() {
        let mut group = group(GroupType::Public);
        assert!(may_write(&group, MEMBER, 0, 100).is_ok());
        assert_eq!(may_write(&group, MEMBER, 101, 100).unwrap_err().code, Code::GROUP_MUTED);
        assert!(may_write(&group, MEMBER, 100, 100).is_ok());
        group.mute_all = true;
        assert_eq!(may_write(&group, MEMBER, 0, 100).unwrap_err().code, Code::GROUP_MUTED);
        assert!(may_write(&group, ADMIN, 0, 100).is_ok());
        assert_eq!(may_write(&group, Actor::Outsider, 0, 100).unwrap_err().code, Code::GROUP_PERMISSION);
        group.dismissed_at = Some(3);
        assert_eq!(may_write(&group, OWNER, 0, 100).unwrap_err().code, Code::GROUP_GONE);
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let named = |n| Group::new(GroupType::Public, &"n".repeat(n), GroupPatch::default(), None, 1);
        assert!(named(0).is_err());
        assert!(named(100).is_ok());
        assert!(named(101).is_err());
        let sized = |n| Group::new(GroupType::Public, "g", GroupPatch::default(), Some(n), 1);
        assert!(sized(0).is_err());
        assert!(sized(6000).is_ok());
        assert!(sized(6001).is_err());
        let mut group = sized(2).unwrap();
        group.members = 1;
        assert!(may_grow(&group, 1).is_ok());
        assert_eq!(may_grow(&group, 2).unwrap_err().code, Code::GROUP_FULL);
        for (id, good) in
            [("a", true), ("", false), ("@TGS#1", false), (&*"x".repeat(48), true), (&*"x".repeat(49), false)]
        {
            assert_eq!(may_choose_id(id).is_ok(), good, "{id}");
        }
    }

    #[test]
    fn only_public_groups_change_who_may_join() {
        let free = || GroupPatch { join_option: Some(JoinOption::FreeAccess), ..GroupPatch::default() };
        assert!(group(GroupType::Public).update(free(), 2).is_ok());
        assert!(group(GroupType::Private).update(free(), 2).is_err());
        assert!(group(GroupType::ChatRoom).update(free(), 2).is_ok(), "setting what it is already");
    }
}
