//! Groups: their profile and their end, and what members read of them.

mod applications;
mod creation;
mod members;
mod roles;

use std::sync::atomic::Ordering;

use lethe_domain::groups::{Actor, Group, Member, gone, may_dismiss, may_list_members, may_see, may_update};
use lethe_domain::settings::RETENTION_DAYS_MAX;
use lethe_protocol::{
    Code, ConversationId, ConversationsChanged, Event, GROUP_TEXT_MAX, GetMembers, GroupChanged, GroupJoined,
    GroupLeft, GroupMember, GroupRef, Groups, LeaveReason, ListMembers, MEMBER_PAGE_MAX, Members, OneGroup,
    Role, UpdateGroup,
};
use lethe_store::{Audience, Locks, Publication, Timeline, Tx};
use serde_json::{Map, Value, json};

pub(crate) use self::applications::{handle_application, join, list_applications};
pub(crate) use self::creation::create;
pub(crate) use self::members::{add, leave_all, quit, remove};
pub(crate) use self::roles::{set_role, transfer};
use super::conversations::describe;
use super::notices::{About, Notice, Tip, notice, tip};
use crate::context::Context;
use crate::failure::{Failure, Result};

/// Members read per step when all of a group are needed.
const STEP: usize = 500;

fn timeline(group_id: &str) -> Timeline {
    Timeline::Group(group_id.to_owned())
}

fn system(user_id: &str) -> Timeline {
    Timeline::System(user_id.to_owned())
}

/// The locks for a change of a group that moves these users in or out of it, or notifies them.
fn locks<'a>(group_id: &str, users: impl IntoIterator<Item = &'a String>) -> Locks {
    let group = Locks::none().timeline(&timeline(group_id));
    users.into_iter().fold(group, |locks, user| locks.user(user).timeline(&system(user)))
}

/// A group that still is.
async fn living(tx: &Tx, group_id: &str) -> Result<Group> {
    let group = tx.group(group_id).await?.filter(|group| group.dismissed_at.is_none());
    group.ok_or_else(|| gone().into())
}

async fn actor(tx: &Tx, group_id: &str, me: &str) -> Result<Actor> {
    Ok(Actor::of(tx.member(group_id, me).await?.as_ref()))
}

async fn one(tx: &Tx, group_id: &str, group: &Group, me: &str) -> Result<OneGroup> {
    Ok(OneGroup { group: group.profile(group_id, tx.member(group_id, me).await?.as_ref()) })
}

/// What is told with a decision or a removal has a length like a group's other texts.
fn may_say(words: &str) -> Result<()> {
    if words.len() <= GROUP_TEXT_MAX {
        return Ok(());
    }
    let message = format!("the message has at most {GROUP_TEXT_MAX} bytes, not {}", words.len());
    Err(Failure::refuse(Code::GROUP_PARAMETER, message))
}

/// Tells all members the profile, without anybody's own membership.
fn tell_changed(tx: &mut Tx, group_id: &str, group: &Group) {
    let event = Event::GroupChanged(GroupChanged { group: group.profile(group_id, None) });
    tx.tell(Audience::Group(group_id.to_owned()), &event);
}

/// Makes users members: rows, views, and what each is told. The group's record and tips are the caller's.
async fn admit(
    cx: &Context,
    tx: &mut Tx,
    group_id: &str,
    group: &Group,
    users: &[String],
    role: impl Fn(&str) -> Role,
) -> Result<()> {
    let id = ConversationId::Group(group_id.to_owned());
    let head = tx.head(&timeline(group_id)).await?;
    tx.reconsider_erasure(&timeline(group_id)).await?;
    for user in users {
        let member = Member::new(role(user), cx.now_seconds());
        tx.put_member(group_id, user, &member);
        tx.index(user, &id).await?;
        let mut view = tx.view(user, &id).await?.unwrap_or_default();
        view.join(&head, group.shows_history_to_newcomers(), cx.now());
        tx.change_view(user, &id, &mut view).await?;
        tx.publish(Publication::Joined { group_id: group_id.to_owned(), user_id: user.clone() });
        let hearer = || Audience::Users(vec![user.clone()]);
        let joined = GroupJoined { group: group.profile(group_id, Some(&member)) };
        tx.tell(hearer(), &Event::GroupJoined(joined));
        // Read again: of a history that newcomers see, what is erased is not there.
        let view = tx.view_at(user, &id, &head).await?.unwrap_or(view);
        let conversations = vec![describe(tx, user, &id, view, head).await?.conversation];
        tx.tell(hearer(), &Event::ConversationsChanged(ConversationsChanged { conversations }));
    }
    Ok(())
}

/// Ends memberships: rows, views, and what each is told. The group's record and tips are the caller's.
async fn expel(
    cx: &Context,
    tx: &mut Tx,
    group_id: &str,
    users: &[String],
    reason: LeaveReason,
) -> Result<()> {
    let id = ConversationId::Group(group_id.to_owned());
    let head = tx.head(&timeline(group_id)).await?;
    let now = cx.now();
    for user in users {
        tx.remove_member(group_id, user);
        tx.publish(Publication::Left { group_id: group_id.to_owned(), user_id: user.clone() });
        let mut view = tx.view(user, &id).await?.unwrap_or_default();
        let listed = view.listed(&head);
        view.leave(head.seq, now);
        tx.change_view(user, &id, &mut view).await?;
        if !listed {
            tx.unindex(user, &id);
        }
        let hearer = || Audience::Users(vec![user.clone()]);
        let (left_at, change) = (head.seq, view.change);
        let left = GroupLeft { group_id: group_id.to_owned(), reason, left_at, time: now, change };
        tx.tell(hearer(), &Event::GroupLeft(left));
        if listed {
            let conversations = vec![describe(tx, user, &id, view, head).await?.conversation];
            tx.tell(hearer(), &Event::ConversationsChanged(ConversationsChanged { conversations }));
        }
    }
    // Those who stay may all have cleared what the others had kept.
    tx.queue_erasure(&timeline(group_id), now + cx.grace()).await?;
    Ok(())
}

/// `groups.list`.
pub(crate) async fn list(cx: &Context, me: &str) -> Result<Groups> {
    let tx = cx.store.begin(Locks::none()).await?;
    let mut groups = Vec::new();
    for group_id in tx.memberships(me).await? {
        if let Ok(group) = living(&tx, &group_id).await {
            groups.push(one(&tx, &group_id, &group, me).await?.group);
        }
    }
    cx.store.settle().await?;
    Ok(Groups { groups })
}

/// `groups.get`.
pub(crate) async fn get(cx: &Context, me: &str, request: &GroupRef) -> Result<OneGroup> {
    let group_id = &request.group_id;
    let tx = cx.store.begin(Locks::none()).await?;
    let group = living(&tx, group_id).await?;
    let was_member = tx.view(me, &ConversationId::Group(group_id.clone())).await?.is_some();
    may_see(&group, actor(&tx, group_id, me).await?, was_member)?;
    let found = one(&tx, group_id, &group, me).await?;
    cx.store.settle().await?;
    Ok(found)
}

/// `groups.update`.
pub(crate) async fn update(cx: &Context, me: &str, request: UpdateGroup) -> Result<OneGroup> {
    let group_id = &request.group_id;
    let mut tx = cx.store.begin(locks(group_id, [])).await?;
    let before = living(&tx, group_id).await?;
    may_update(&before, actor(&tx, group_id, me).await?, &request.profile)?;
    let mut group = before.clone();
    group.update(request.profile, cx.now_seconds())?;
    tx.put_group(group_id, &mut group, cx.now());
    tell_changed(&mut tx, group_id, &group);
    let news = news(&before, &group);
    if news.as_object().is_some_and(|news| !news.is_empty()) {
        tip(
            &mut tx,
            About { group_id, group: &group, operator: me, now: cx.now() },
            Tip::ProfileChanged,
            &[],
            json!({"newGroupProfile": news}),
        )
        .await?;
    }
    let updated = one(&tx, group_id, &group, me).await?;
    tx.commit().await?;
    Ok(updated)
}

/// How many days the group's messages are kept, by an administrator of the app; 0 for as long as the app keeps them.
pub(crate) async fn set_retention(cx: &Context, group_id: &str, days: u32) -> Result<()> {
    if days > RETENTION_DAYS_MAX {
        let message = format!("messages are kept for 0 to {RETENTION_DAYS_MAX} days, not {days}");
        return Err(Failure::refuse(Code::GROUP_PARAMETER, message));
    }
    let mut tx = cx.store.begin(locks(group_id, [])).await?;
    let mut group = living(&tx, group_id).await?;
    group.retention_days = days;
    tx.put_group(group_id, &mut group, cx.now());
    tell_changed(&mut tx, group_id, &group);
    tx.commit().await?;
    cx.retention_changes.fetch_add(1, Ordering::Relaxed);
    cx.eraser.nudge();
    Ok(())
}

/// What a tip says of a changed profile. The name stands under both of the names that apps look for.
fn news(before: &Group, group: &Group) -> Value {
    let mut news = Map::new();
    let mut tell = |names: &[&str], before: &str, now: &str| {
        if before != now {
            news.extend(names.iter().map(|&name| (name.to_owned(), json!(now))));
        }
    };
    tell(&["groupName", "name"], &before.name, &group.name);
    tell(&["avatar"], &before.avatar, &group.avatar);
    tell(&["introduction"], &before.introduction, &group.introduction);
    tell(&["notification"], &before.notification, &group.notification);
    Value::Object(news)
}

/// `groups.dismiss`: one record ends the group for all its members, whatever their number; each gets a notice.
pub(crate) async fn dismiss(cx: &Context, me: &str, request: &GroupRef) -> Result<()> {
    let group_id = &request.group_id;
    let (mut tx, members) = begin_with_members(cx, group_id).await?;
    let mut group = living(&tx, group_id).await?;
    may_dismiss(&group, actor(&tx, group_id, me).await?)?;
    let head = tx.head(&timeline(group_id)).await?;
    let now = cx.now();
    group.dismissed_at = Some(head.seq);
    group.dismissed_time = now;
    tx.put_group(group_id, &mut group, cx.now());
    let (reason, left_at, time) = (LeaveReason::Dismissed, head.seq, now);
    let left = GroupLeft { group_id: group_id.clone(), reason, left_at, time, change: 0 };
    tx.tell(Audience::Group(group_id.clone()), &Event::GroupLeft(left));
    tx.publish(Publication::Dissolved { group_id: group_id.clone() });
    tx.queue_erasure(&timeline(group_id), now + cx.grace()).await?;
    for user in &members {
        notice(
            &mut tx,
            user,
            About { group_id, group: &group, operator: me, now },
            Notice::Dismissed,
            json!({}),
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Locks the group and all its members. They are read first without a lock, and again if they changed.
async fn begin_with_members(cx: &Context, group_id: &str) -> Result<(Tx, Vec<String>)> {
    loop {
        let members = all_members(&cx.store.begin(Locks::none()).await?, group_id).await?;
        let tx = cx.store.begin(locks(group_id, &members)).await?;
        if all_members(&tx, group_id).await? == members {
            return Ok((tx, members));
        }
    }
}

async fn all_members(tx: &Tx, group_id: &str) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let step = tx.members(group_id, all.last().map(String::as_str), STEP).await?;
        let full = step.len() == STEP;
        all.extend(step.into_iter().map(|(user, _)| user));
        if !full {
            return Ok(all);
        }
    }
}

async fn member_profiles(cx: &Context, tx: &Tx, members: Vec<(String, Member)>) -> Result<Vec<GroupMember>> {
    let users: Vec<String> = members.iter().map(|(user_id, _)| user_id.clone()).collect();
    let online = cx.hub.online(&users).await;
    let mut profiles = Vec::with_capacity(members.len());
    for (user_id, member) in members {
        let account = tx.account(&user_id).await?.unwrap_or_default();
        profiles.push(GroupMember {
            is_online: online.contains(&user_id),
            user_id,
            nick: account.nick,
            avatar: account.avatar,
            membership: member.membership(),
        });
    }
    Ok(profiles)
}

/// `groups.members`.
pub(crate) async fn list_members(cx: &Context, me: &str, request: &ListMembers) -> Result<Members> {
    if !(1..=MEMBER_PAGE_MAX).contains(&request.limit) {
        let message = format!("a page has 1 to {MEMBER_PAGE_MAX} members, not {}", request.limit);
        return Err(Failure::refuse(Code::GROUP_PARAMETER, message));
    }
    let tx = cx.store.begin(Locks::none()).await?;
    living(&tx, &request.group_id).await?;
    may_list_members(actor(&tx, &request.group_id, me).await?)?;
    let wanted = |member: &Member| request.role.is_none_or(|role| member.role() == role);
    let all = tx.members(&request.group_id, None, usize::MAX / 2).await?;
    let (offset, limit) = (request.offset as usize, request.limit as usize);
    let page: Vec<_> =
        all.into_iter().filter(|(_, member)| wanted(member)).skip(offset).take(limit + 1).collect();
    let next = if page.len() > limit { request.offset.saturating_add(request.limit) } else { 0 };
    let members = member_profiles(cx, &tx, page.into_iter().take(limit).collect()).await?;
    cx.store.settle().await?;
    Ok(Members { members, next })
}

/// `groups.member`.
pub(crate) async fn get_members(cx: &Context, me: &str, request: &GetMembers) -> Result<Members> {
    if !(1..=MEMBER_PAGE_MAX as usize).contains(&request.user_ids.len()) {
        let message = format!("a call takes 1 to {MEMBER_PAGE_MAX} users, not {}", request.user_ids.len());
        return Err(Failure::refuse(Code::GROUP_PARAMETER, message));
    }
    let tx = cx.store.begin(Locks::none()).await?;
    living(&tx, &request.group_id).await?;
    may_list_members(actor(&tx, &request.group_id, me).await?)?;
    let mut members = Vec::new();
    for user_id in &request.user_ids {
        if let Some(member) = tx.member(&request.group_id, user_id).await? {
            members.push((user_id.clone(), member));
        }
    }
    let members = member_profiles(cx, &tx, members).await?;
    cx.store.settle().await?;
    Ok(Members { members, next: 0 })
}
