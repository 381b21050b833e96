//! Legal holds: what they protect is not erased, and looks as deleted as before. Setting and ending one is in the journal.

use lethe_domain::deletions::{Entry, EntryItem, Erasure, Hold, Kind};
use lethe_protocol::{Code, ConversationId};
use lethe_store::{Held, Locks, Timeline};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::patience::patiently;

/// The longest reason in bytes.
const REASON_MAX: usize = 500;

fn entry(kind: Kind, administrator: &str, held: &Held, note: &str, now: u64) -> Entry {
    let (user, conversation) = match held {
        Held::User(user) => (user.clone(), String::new()),
        Held::Group(group) => (String::new(), ConversationId::Group(group.clone()).to_string()),
    };
    Entry {
        kind,
        time: now,
        actor: administrator.to_owned(),
        user,
        instance: String::new(),
        items: vec![EntryItem { conversation, listed_after: 0, cleared_to: 0 }],
        removed: Vec::new(),
        note: note.to_owned(),
    }
}

/// Forbids erasing what a user or a group has. Once more, it changes the reason.
pub(crate) async fn hold(cx: &Context, administrator: &str, held: &Held, reason: &str) -> Result<()> {
    if reason.is_empty() || reason.len() > REASON_MAX {
        let message = format!("a hold has a reason of 1 to {REASON_MAX} bytes");
        return Err(Failure::refuse(Code::CONVERSATION_PARAMETER, message));
    }
    let mut tx = cx.store.begin(Locks::none().app()).await?;
    let exists = match held {
        Held::User(user) => tx.account(user).await?.is_some(),
        Held::Group(group) => tx.group(group).await?.is_some(),
    };
    if !exists {
        let message = "there is no such account or group";
        return Err(Failure::refuse(Code::CONVERSATION_UNKNOWN_ACCOUNT, message));
    }
    let now = cx.now();
    tx.put_hold(held, Some(&Hold { by: administrator.to_owned(), reason: reason.to_owned(), time: now }));
    tx.record(&entry(Kind::Hold, administrator, held, reason, now));
    tx.commit().await?;
    Ok(())
}

/// Allows erasing again, from now on.
pub(crate) async fn release(cx: &Context, administrator: &str, held: &Held) -> Result<()> {
    patiently(cx, || end(cx, administrator, held)).await?;
    let all = async || Ok(cx.store.begin(Locks::none()).await?.all_erasures().await?);
    for (timeline, _) in patiently(cx, all).await?.into_iter().filter(|(_, erasure)| erasure.held) {
        patiently(cx, || look_again(cx, &timeline)).await?;
    }
    cx.eraser.nudge();
    Ok(())
}

async fn end(cx: &Context, administrator: &str, held: &Held) -> Result<()> {
    let mut tx = cx.store.begin(Locks::none().app()).await?;
    if tx.hold(held).await?.is_none() {
        return Err(Failure::refuse(Code::NO_HOLD, "there is no such hold"));
    }
    tx.put_hold(held, None);
    tx.record(&entry(Kind::Release, administrator, held, "", cx.now()));
    tx.commit().await?;
    Ok(())
}

async fn look_again(cx: &Context, timeline: &Timeline) -> Result<()> {
    let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
    if let Some(erasure) = tx.erasure(timeline).await?.filter(|erasure| erasure.held) {
        let due = cx.now();
        tx.move_erasure(timeline, erasure.due, &Erasure { due, held: false, ..erasure });
        tx.commit().await?;
    }
    Ok(())
}

/// All holds.
pub(crate) async fn holds(cx: &Context) -> Result<Vec<Value>> {
    let holds = cx.store.begin(Locks::none()).await?.holds().await?;
    cx.store.settle().await?;
    let one = |(held, hold): &(Held, Hold)| {
        let (user, group) = match held {
            Held::User(user) => (Some(user), None),
            Held::Group(group) => (None, Some(group)),
        };
        json!({"user": user, "group": group, "by": hold.by, "reason": hold.reason, "time": hold.time})
    };
    Ok(holds.iter().map(one).collect())
}
