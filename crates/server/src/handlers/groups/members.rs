use lethe_domain::groups::{Group, may_add, may_grow, may_quit, may_remove, tells_members};
use lethe_protocol::{Added, ChangeMembers, Code, GroupRef, LeaveReason, MEMBERS_PER_CALL, Removed, Role};
use lethe_store::{Locks, Tx};
use serde_json::json;

use super::{actor, admit, expel, living, locks, one, tell_changed};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::notices::{About, Notice, Tip, notice, tip};

fn may_take(request: &ChangeMembers) -> Result<()> {
    super::may_say(&request.reason)?;
    if (1..=MEMBERS_PER_CALL).contains(&request.user_ids.len()) {
        return Ok(());
    }
    let message = format!("a call takes 1 to {MEMBERS_PER_CALL} users, not {}", request.user_ids.len());
    Err(Failure::refuse(Code::GROUP_TOO_MANY_ACCOUNTS, message))
}

/// `groups.add`.
pub(crate) async fn add(cx: &Context, me: &str, request: &ChangeMembers) -> Result<Added> {
    may_take(request)?;
    let group_id = &request.group_id;
    let mut tx = cx.store.begin(locks(group_id, &request.user_ids)).await?;
    let mut group = living(&tx, group_id).await?;
    may_add(&group, actor(&tx, group_id, me).await?)?;
    let (mut added, mut existed, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for user in &request.user_ids {
        if added.contains(user) || tx.member(group_id, user).await?.is_some() {
            existed.push(user.clone());
        } else if tx.account(user).await?.is_none() || may_grow(&group, 1).is_err() {
            failed.push(user.clone());
        } else {
            group.members += 1;
            added.push(user.clone());
        }
    }
    if !added.is_empty() {
        welcome(cx, &mut tx, group_id, &mut group, me, &added, 2).await?;
        for user in &added {
            notice(
                &mut tx,
                user,
                About { group_id, group: &group, operator: me, now: cx.now() },
                Notice::Invited,
                json!({}),
            )
            .await?;
        }
    }
    let group = one(&tx, group_id, &group, me).await?.group;
    tx.commit().await?;
    Ok(Added { added, existed, failed, group })
}

/// Takes ordinary members in and tells the group; `how` is the tip's `groupJoinType`.
pub(super) async fn welcome(
    cx: &Context,
    tx: &mut Tx,
    group_id: &str,
    group: &mut Group,
    operator: &str,
    users: &[String],
    how: u8,
) -> Result<()> {
    tx.put_group(group_id, group, cx.now());
    admit(cx, tx, group_id, group, users, |_| Role::Member).await?;
    tell_changed(tx, group_id, group);
    if tells_members(group.kind()) {
        tip(
            tx,
            About { group_id, group, operator, now: cx.now() },
            Tip::Joined,
            users,
            json!({"groupJoinType": how}),
        )
        .await?;
    }
    Ok(())
}

/// `groups.remove`. Users who are no members are left out of the answer.
pub(crate) async fn remove(cx: &Context, me: &str, request: &ChangeMembers) -> Result<Removed> {
    may_take(request)?;
    let group_id = &request.group_id;
    let mut tx = cx.store.begin(locks(group_id, &request.user_ids)).await?;
    let mut group = living(&tx, group_id).await?;
    let actor = actor(&tx, group_id, me).await?;
    let mut removed: Vec<String> = Vec::new();
    for user in &request.user_ids {
        if let Some(member) = tx.member(group_id, user).await?.filter(|_| !removed.contains(user)) {
            may_remove(&group, actor, member.role())?;
            removed.push(user.clone());
        }
    }
    if removed.is_empty() {
        may_remove(&group, actor, Role::Member)?;
    } else {
        take_out(cx, &mut tx, group_id, &mut group, me, &removed, LeaveReason::Kicked).await?;
        for user in &removed {
            let more = json!({"handleMessage": request.reason});
            notice(
                &mut tx,
                user,
                About { group_id, group: &group, operator: me, now: cx.now() },
                Notice::Removed,
                more,
            )
            .await?;
        }
    }
    let group = one(&tx, group_id, &group, me).await?.group;
    tx.commit().await?;
    Ok(Removed { removed, group })
}

async fn take_out(
    cx: &Context,
    tx: &mut Tx,
    group_id: &str,
    group: &mut Group,
    operator: &str,
    users: &[String],
    reason: LeaveReason,
) -> Result<()> {
    group.members = group.members.saturating_sub(u32::try_from(users.len()).unwrap_or(u32::MAX));
    group.admins.retain(|admin| !users.contains(admin));
    if users.contains(&group.owner) {
        group.owner.clear();
    }
    tx.put_group(group_id, group, cx.now());
    expel(cx, tx, group_id, users, reason).await?;
    tell_changed(tx, group_id, group);
    if tells_members(group.kind()) {
        let kind = if reason == LeaveReason::Quit { Tip::Quit } else { Tip::Removed };
        tip(tx, About { group_id, group, operator, now: cx.now() }, kind, users, json!({})).await?;
    }
    Ok(())
}

/// `groups.quit`.
pub(crate) async fn quit(cx: &Context, me: &str, request: &GroupRef) -> Result<()> {
    let (group_id, users) = (&request.group_id, [me.to_owned()]);
    let mut tx = cx.store.begin(locks(group_id, &users)).await?;
    let mut group = living(&tx, group_id).await?;
    may_quit(&group, actor(&tx, group_id, me).await?)?;
    take_out(cx, &mut tx, group_id, &mut group, me, &users, LeaveReason::Quit).await?;
    notice(
        &mut tx,
        me,
        About { group_id, group: &group, operator: me, now: cx.now() },
        Notice::Quit,
        json!({}),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Ends all memberships of an account that is being erased: how many. A group that it owned goes to an administrator, or to
/// the first of its members.
pub(crate) async fn leave_all(cx: &Context, user: &str) -> Result<u64> {
    let groups = cx.store.begin(Locks::none()).await?.memberships(user).await?;
    for group_id in &groups {
        let mut tx = cx.store.begin(locks(group_id, [&user.to_owned()])).await?;
        let Ok(mut group) = living(&tx, group_id).await else {
            tx.remove_member(group_id, user);
            tx.commit().await?;
            continue;
        };
        if group.owner == user {
            let first = tx.members(group_id, None, 2).await?.into_iter().map(|(member, _)| member);
            let heir = group.admins.iter().cloned().chain(first).find(|member| member != user);
            group.owner = heir.unwrap_or_default();
            let owner = group.owner.clone();
            group.admins.retain(|admin| *admin != owner);
            if let Some(mut member) = tx.member(group_id, &owner).await? {
                super::roles::set_member_role(&mut tx, group_id, &owner, &mut member, Role::Owner);
            }
        }
        take_out(cx, &mut tx, group_id, &mut group, user, &[user.to_owned()], LeaveReason::Quit).await?;
        tx.commit().await?;
    }
    Ok(groups.len() as u64)
}
