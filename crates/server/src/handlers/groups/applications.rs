use lethe_domain::groups::{Actor, Application, Joining, may_decide, may_grow, may_join};
use lethe_protocol::{
    Code, GroupApplication, GroupApplications, HandleApplication, JoinGroup, JoinStatus, Joined, OneGroup,
};
use lethe_store::{Locks, Tx};
use serde_json::json;

use super::members::welcome;
use super::{actor, living, locks, may_say, one};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::notices::{About, Notice, notice};

/// `groups.join`.
pub(crate) async fn join(cx: &Context, me: &str, request: &JoinGroup) -> Result<Joined> {
    may_say(&request.message)?;
    let group_id = &request.group_id;
    let (mut tx, deciders) = begin_with_deciders(cx, group_id, me).await?;
    let mut group = living(&tx, group_id).await?;
    if actor(&tx, group_id, me).await? != Actor::Outsider {
        let group = one(&tx, group_id, &group, me).await?.group;
        tx.commit().await?;
        return Ok(Joined { status: JoinStatus::AlreadyInGroup, group: Some(group) });
    }
    match may_join(&group)? {
        Joining::AtOnce => {
            group.members += 1;
            welcome(cx, &mut tx, group_id, &mut group, me, &[me.to_owned()], 1).await?;
            let group = one(&tx, group_id, &group, me).await?.group;
            tx.commit().await?;
            Ok(Joined { status: JoinStatus::JoinedSuccess, group: Some(group) })
        }
        Joining::AfterDecision => {
            let pending =
                tx.group_application(group_id, me).await?.filter(|application| !application.handled);
            let time = cx.now_seconds();
            tx.put_group_application(
                group_id,
                me,
                &Application { note: request.message.clone(), time, handled: false },
            );
            // Applying again while nobody has decided renews the note and disturbs nobody.
            for decider in deciders.iter().filter(|_| pending.is_none()) {
                let more = json!({"handleMessage": request.message, "userDefinedField": request.message});
                notice(
                    &mut tx,
                    decider,
                    About { group_id, group: &group, operator: me, now: cx.now() },
                    Notice::Application,
                    more,
                )
                .await?;
            }
            tx.commit().await?;
            Ok(Joined { status: JoinStatus::WaitAdminApproval, group: None })
        }
    }
}

/// Locks the group, the applicant and those who decide. They are read first without a lock, and again if they changed.
async fn begin_with_deciders(cx: &Context, group_id: &str, me: &str) -> Result<(Tx, Vec<String>)> {
    loop {
        let deciders = living(&cx.store.begin(Locks::none()).await?, group_id).await?.deciders();
        let users: Vec<String> = deciders.iter().cloned().chain([me.to_owned()]).collect();
        let tx = cx.store.begin(locks(group_id, &users)).await?;
        if living(&tx, group_id).await?.deciders() == deciders {
            return Ok((tx, deciders));
        }
    }
}

/// `groups.applications`.
pub(crate) async fn list_applications(cx: &Context, me: &str) -> Result<GroupApplications> {
    let tx = cx.store.begin(Locks::none()).await?;
    let mut applications = Vec::new();
    for group_id in tx.memberships(me).await? {
        let Ok(group) = living(&tx, &group_id).await else { continue };
        if may_decide(actor(&tx, &group_id, me).await?).is_err() {
            continue;
        }
        for (applicant, application) in tx.group_applications(&group_id).await? {
            if application.handled {
                continue;
            }
            let applicant_nick = tx.account(&applicant).await?.unwrap_or_default().nick;
            applications.push(GroupApplication {
                group_id: group_id.clone(),
                group_name: group.name.clone(),
                applicant,
                applicant_nick,
                note: application.note,
                time: application.time,
            });
        }
    }
    cx.store.settle().await?;
    Ok(GroupApplications { applications })
}

/// `groups.handle`.
pub(crate) async fn handle_application(
    cx: &Context,
    me: &str,
    request: &HandleApplication,
) -> Result<OneGroup> {
    may_say(&request.message)?;
    let (group_id, applicant) = (&request.group_id, &request.applicant);
    let mut tx = cx.store.begin(locks(group_id, [applicant])).await?;
    let mut group = living(&tx, group_id).await?;
    may_decide(actor(&tx, group_id, me).await?)?;
    let none = || Failure::refuse(Code::GROUP_PARAMETER, "there is no such application");
    let mut application = tx.group_application(group_id, applicant).await?.ok_or_else(none)?;
    if application.handled {
        return Err(Failure::refuse(Code::APPLICATION_HANDLED, "the application has been handled already"));
    }
    let outsider = actor(&tx, group_id, applicant).await? == Actor::Outsider;
    if request.agree && outsider {
        may_grow(&group, 1)?;
    }
    application.handled = true;
    tx.put_group_application(group_id, applicant, &application);
    if request.agree && outsider {
        group.members += 1;
        welcome(cx, &mut tx, group_id, &mut group, applicant, std::slice::from_ref(applicant), 1).await?;
    }
    let decision = if request.agree { Notice::Approved } else { Notice::Rejected };
    let more = json!({"handleMessage": request.message});
    notice(
        &mut tx,
        applicant,
        About { group_id, group: &group, operator: me, now: cx.now() },
        decision,
        more,
    )
    .await?;
    let handled = one(&tx, group_id, &group, me).await?;
    tx.commit().await?;
    Ok(handled)
}
