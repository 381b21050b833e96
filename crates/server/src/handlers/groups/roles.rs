use lethe_domain::groups::{Member, may_set_role, may_transfer};
use lethe_protocol::{Code, Event, MembershipChanged, OneGroup, Role, SetRole, TransferGroup};
use lethe_store::{Audience, Tx};
use serde_json::json;

use super::{actor, living, locks, one, tell_changed};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::notices::{About, Notice, Tip, notice, tip};

/// `groups.transfer`.
pub(crate) async fn transfer(cx: &Context, me: &str, request: &TransferGroup) -> Result<OneGroup> {
    let (group_id, new_owner) = (&request.group_id, &request.new_owner_id);
    let mut tx = cx.store.begin(locks(group_id, [])).await?;
    let mut group = living(&tx, group_id).await?;
    may_transfer(actor(&tx, group_id, me).await?)?;
    let outsider = || Failure::refuse(Code::GROUP_PARAMETER, "the new owner is not a member of this group");
    let mut heir = tx.member(group_id, new_owner).await?.ok_or_else(outsider)?;
    let former = std::mem::replace(&mut group.owner, new_owner.clone());
    if former == *new_owner {
        return Err(Failure::refuse(Code::GROUP_PARAMETER, "that member is the owner already"));
    }
    group.admins.retain(|admin| admin != new_owner);
    tx.put_group(group_id, &mut group, cx.now());
    if let Some(mut member) = tx.member(group_id, &former).await? {
        set_member_role(&mut tx, group_id, &former, &mut member, Role::Member);
    }
    set_member_role(&mut tx, group_id, new_owner, &mut heir, Role::Owner);
    tell_changed(&mut tx, group_id, &group);
    let news = json!({"newGroupProfile": {"ownerID": new_owner}});
    tip(
        &mut tx,
        About { group_id, group: &group, operator: me, now: cx.now() },
        Tip::ProfileChanged,
        std::slice::from_ref(new_owner),
        news,
    )
    .await?;
    let transferred = one(&tx, group_id, &group, me).await?;
    tx.commit().await?;
    Ok(transferred)
}

pub(super) fn set_member_role(tx: &mut Tx, group_id: &str, user_id: &str, member: &mut Member, role: Role) {
    member.set_role(role);
    tx.put_member(group_id, user_id, member);
    let event = MembershipChanged { group_id: group_id.to_owned(), me: member.membership() };
    tx.tell(Audience::Users(vec![user_id.to_owned()]), &Event::MembershipChanged(event));
}

/// `groups.role`.
pub(crate) async fn set_role(cx: &Context, me: &str, request: &SetRole) -> Result<OneGroup> {
    let (group_id, user_id) = (&request.group_id, &request.user_id);
    let mut tx = cx.store.begin(locks(group_id, [user_id])).await?;
    let mut group = living(&tx, group_id).await?;
    let outsider = || Failure::refuse(Code::GROUP_PARAMETER, "not a member of this group");
    let actor = actor(&tx, group_id, me).await?;
    let mut member = tx.member(group_id, user_id).await?.ok_or_else(outsider)?;
    may_set_role(&group, actor, member.role())?;
    let role = if request.admin { Role::Admin } else { Role::Member };
    if member.role() != role {
        group.admins.retain(|admin| admin != user_id);
        group.admins.extend(request.admin.then(|| user_id.clone()));
        tx.put_group(group_id, &mut group, cx.now());
        set_member_role(&mut tx, group_id, user_id, &mut member, role);
        tell_changed(&mut tx, group_id, &group);
        let (kind, told) = if request.admin {
            (Tip::AdminSet, Notice::AdminSet)
        } else {
            (Tip::AdminUnset, Notice::AdminUnset)
        };
        if lethe_domain::groups::tells_members(group.kind()) {
            tip(
                &mut tx,
                About { group_id, group: &group, operator: me, now: cx.now() },
                kind,
                std::slice::from_ref(user_id),
                json!({}),
            )
            .await?;
        }
        notice(
            &mut tx,
            user_id,
            About { group_id, group: &group, operator: me, now: cx.now() },
            told,
            json!({}),
        )
        .await?;
    }
    let changed = one(&tx, group_id, &group, me).await?;
    tx.commit().await?;
    Ok(changed)
}
