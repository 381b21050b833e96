use std::collections::BTreeSet;

use lethe_domain::groups::{Group, may_choose_id, may_grow};
use lethe_protocol::{Code, CreateGroup, MEMBERS_AT_CREATION, OneGroup, Role};
use lethe_store::Tx;
use rand::RngExt as _;
use serde_json::json;

use super::{admit, locks, one};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::notices::{About, Notice, Tip, notice, tip};

/// `groups.create`; without an owner over REST, where the group may begin without one.
pub(crate) async fn create(cx: &Context, owner: Option<&str>, request: CreateGroup) -> Result<OneGroup> {
    if request.members.len() > MEMBERS_AT_CREATION {
        let message = format!("a group begins with at most {MEMBERS_AT_CREATION} members");
        return Err(Failure::refuse(Code::GROUP_TOO_MANY_ACCOUNTS, message));
    }
    let group_id = match request.group_id {
        Some(id) => {
            may_choose_id(&id)?;
            id
        }
        None => new_id(),
    };
    let owner = owner.map(ToOwned::to_owned);
    let others = request.members.iter().map(|member| member.user_id.clone());
    let users: BTreeSet<String> = owner.iter().cloned().chain(others).collect();
    let admins: BTreeSet<String> =
        request.members.iter().filter(|member| member.admin).map(|member| member.user_id.clone()).collect();
    let mut tx = cx.store.begin(locks(&group_id, &users)).await?;
    if let Some(present) = tx.group(&group_id).await? {
        let mine = owner.is_some_and(|owner| present.owner == owner);
        let code = if mine { Code::GROUP_ID_MINE } else { Code::GROUP_ID_TAKEN };
        return Err(Failure::refuse(code, format!("the group ID {group_id:?} is taken")));
    }
    for user in &users {
        if tx.account(user).await?.is_none() {
            return Err(Failure::refuse(
                Code::GROUP_UNKNOWN_ACCOUNT,
                format!("there is no account {user:?}"),
            ));
        }
    }
    let (kind, now) = (request.group_type, cx.now_seconds());
    let mut group = Group::new(kind, &request.name, request.profile, request.max_member_count, now)?;
    may_grow(&group, u32::try_from(users.len()).unwrap_or(u32::MAX))?;
    group.members = u32::try_from(users.len()).unwrap_or(u32::MAX);
    group.owner = owner.clone().unwrap_or_default();
    let is_admin = |user: &str| {
        kind != lethe_protocol::GroupType::Private && admins.contains(user) && user != group.owner
    };
    group.admins = users.iter().filter(|user| is_admin(user)).cloned().collect();
    tx.put_group(&group_id, &mut group, cx.now());
    tx.count_group();
    let users: Vec<String> = users.into_iter().collect();
    let role = |user: &str| match user {
        user if user == group.owner => Role::Owner,
        user if group.admins.iter().any(|admin| admin == user) => Role::Admin,
        _ => Role::Member,
    };
    admit(cx, &mut tx, &group_id, &group, &users, role).await?;
    announce_creation(cx, &mut tx, &group_id, &group, &users).await?;
    let created = one(&tx, &group_id, &group, &group.owner).await?;
    tx.commit().await?;
    Ok(created)
}

async fn announce_creation(
    cx: &Context,
    tx: &mut Tx,
    group_id: &str,
    group: &Group,
    users: &[String],
) -> Result<()> {
    let (owner, now) = (group.owner.as_str(), cx.now());
    if lethe_domain::groups::tells_members(group.kind()) && !users.is_empty() {
        tip(
            tx,
            About { group_id, group, operator: owner, now },
            Tip::Joined,
            users,
            json!({"groupJoinType": 2}),
        )
        .await?;
    }
    for user in users {
        let kind = if user == owner { Notice::Created } else { Notice::Invited };
        notice(tx, user, About { group_id, group, operator: owner, now }, kind, json!({})).await?;
    }
    Ok(())
}

/// An ID like the vendor's: `@TGS#` and ten letters and digits.
fn new_id() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut rng = rand::rng();
    let tail: String = (0..10).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect();
    format!("@TGS#{tail}")
}
