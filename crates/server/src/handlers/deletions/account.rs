//! Erasing an account: every trace of it, with a receipt that names each store and count.
//!
//! It goes step by step, and each step may be repeated: a crash leaves the account marked, and the eraser goes on. Of what
//! others can still read, the account's messages leave only that they were there; in groups not even whose they were.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::conversations::{Place, View};
use lethe_domain::deletions::{Entry, Kind, Removed};
use lethe_protocol::{Code, Event, Message, MessagesRemoved};
use lethe_store::{Direction, Held, Locks, Publication, StoredMessage, Timeline, UnderErasure};

use super::everyone::{remains, under_hold, whose};
use crate::context::Context;
use crate::eraser::held;
use crate::failure::{Failure, Result};
use crate::handlers::messages::audience;
use crate::handlers::{friends, groups};

/// Messages or rows of one step.
const STEP: usize = 256;
/// Who wrote the messages of erased accounts, as the members of a group see it. Nobody can log in under this name.
const GONE: &str = "@TIM#DELETED";

/// What was removed so far, by store: rows and bytes.
type Counts = BTreeMap<&'static str, (u64, u64)>;

/// Another node is taken to have died over the erasure of an account after this long, in ms.
const ABANDONED: u64 = 600_000;

/// Erases an account, or goes on with it. The name of its row in the journal.
pub(crate) async fn erase_account(cx: &Context, administrator: &str, user: &str) -> Result<String> {
    let Some(_turn) = cx.eraser.take_account(user) else {
        return Err(Failure::refuse(Code::UNAVAILABLE, "this account is being erased already"));
    };
    let tx = cx.store.begin(Locks::none()).await?;
    for timeline in timelines(cx, user).await? {
        if held(&tx, &timeline).await? {
            return Err(under_hold());
        }
    }
    drop(tx);
    begin(cx, administrator, user).await?;
    let mut counts = Counts::new();
    counts.insert("memberships", (groups::leave_all(cx, user).await?, 0));
    counts.insert("friends", (friends::forget(cx, user).await?, 0));
    let timelines = timelines(cx, user).await?;
    let (mut messages, mut bytes) = (0, 0);
    for timeline in &timelines {
        let (count, size) = rewrite(cx, user, timeline).await?;
        (messages, bytes) = (messages + count, bytes + size);
    }
    counts.insert("messages", (messages, bytes));
    rows(cx, user, &mut counts).await?;
    for timeline in &timelines {
        let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
        if timeline.users().len() > 1 {
            // Whoever gets this user ID later does not read what was said to the one before.
            let head = tx.head(timeline).await?;
            let mut view = View::default();
            view.delete(Place { seq: head.seq, count: head.count, own_above: 0 }, &head, true);
            tx.put_view(user, &timeline.seen_by(user), &view);
        }
        tx.queue_erasure(timeline, cx.now() + cx.grace()).await?;
        tx.commit().await?;
    }
    let id = finish(cx, user, counts).await?;
    cx.eraser.nudge();
    Ok(id)
}

/// Goes on with what a crash has interrupted.
pub(crate) async fn resume_erasures(cx: &Context) -> Result<()> {
    for (user, under) in cx.store.begin(Locks::none()).await?.accounts_under_erasure().await? {
        let abandoned = !cx.store.is_shared() || under.time + ABANDONED < cx.now();
        if abandoned && !cx.eraser.has_account(&user) {
            tracing::info!("the erasure of an account goes on");
            match erase_account(cx, &under.by, &user).await {
                // One account that cannot be erased now does not keep the eraser from the rest.
                Err(Failure::Refused(error)) => tracing::warn!(%error, "an account cannot be erased now"),
                outcome => drop(outcome?),
            }
        }
    }
    Ok(())
}

/// Marks the account and ends its logins.
async fn begin(cx: &Context, administrator: &str, user: &str) -> Result<()> {
    let mut tx = cx.store.begin(Locks::none().app().user(user)).await?;
    if tx.hold(&Held::User(user.to_owned())).await?.is_some() {
        return Err(Failure::refuse(Code::HELD, "a hold protects this account"));
    }
    let Some(mut account) = tx.account(user).await? else {
        let message = format!("there is no account {user:?}");
        return Err(Failure::refuse(Code::CONVERSATION_UNKNOWN_ACCOUNT, message));
    };
    account.kicked = cx.now_seconds() + 1;
    tx.put_account(user, &account);
    tx.mark_for_erasure(user, Some(&UnderErasure { by: administrator.to_owned(), time: cx.now() }));
    tx.publish(Publication::Kicked { user_id: user.to_owned() });
    tx.commit().await?;
    Ok(())
}

/// Every timeline that the account reads or has written to.
async fn timelines(cx: &Context, user: &str) -> Result<BTreeSet<Timeline>> {
    let tx = cx.store.begin(Locks::none()).await?;
    let mut timelines: BTreeSet<Timeline> =
        tx.viewed(user).await?.iter().map(|id| Timeline::of(user, id)).collect();
    timelines.extend(tx.written_to(user).await?);
    timelines.insert(Timeline::System(user.to_owned()));
    Ok(timelines)
}

/// Takes the account's words out of a timeline: how many messages, and their bytes.
async fn rewrite(cx: &Context, user: &str, timeline: &Timeline) -> Result<(u64, u64)> {
    let alone = timeline.users() == [user];
    let (mut after, mut all) = (0, (0, 0));
    loop {
        let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
        let mut head = tx.head(timeline).await?;
        if alone {
            let Some(step) = tx.erase_messages(timeline, head.erased_to, head.seq, STEP).await? else {
                tx.remove_head(timeline);
                tx.commit().await?;
                return Ok(all);
            };
            head.erased_to = step.last;
            tx.put_head(timeline, &head);
            all = (all.0 + step.messages, all.1 + step.bytes);
            tx.commit().await?;
            continue;
        }
        let step =
            tx.messages(timeline, after.max(head.erased_to), head.seq, Direction::Forward, STEP).await?;
        let Some(last) = step.last().map(|message| message.seq) else { return Ok(all) };
        let mut seqs = Vec::new();
        for stored in &step {
            if let Some((rest, gone)) = anonymous(user, timeline, stored)? {
                tx.replace_message(timeline, &rest);
                all = (all.0 + 1, all.1 + stored.json.len() as u64);
                seqs.extend(gone.then_some(stored.seq));
            }
        }
        if !seqs.is_empty() {
            head.removed_time = cx.now();
            tx.put_head(timeline, &head);
            let id = timeline.seen_by(user);
            let (group, users) = whose(&id, user);
            let removed = MessagesRemoved { group, users, by: String::new(), seqs };
            tx.tell(audience(user, &id), &Event::MessagesRemoved(removed));
        }
        tx.commit().await?;
        after = last;
    }
}

/// What is left of a message that names the account, and whether its words are gone; none when it does not.
fn anonymous(
    user: &str,
    timeline: &Timeline,
    stored: &StoredMessage,
) -> Result<Option<(StoredMessage, bool)>> {
    let quoted = serde_json::to_string(user).unwrap_or_default();
    if memchr::memmem::find(&stored.json, quoted.as_bytes()).is_none() {
        return Ok(None);
    }
    let message = stored.message()?;
    let is_group = matches!(timeline, Timeline::Group(_));
    let tells_of_it = message.body.get().contains(&quoted) && message.from.starts_with("@TIM#");
    let mut rest = stored.clone();
    let left = if message.from == user {
        let mut left = Message { nick: String::new(), avatar: String::new(), ..remains(message)? };
        if is_group {
            GONE.clone_into(&mut left.from);
            GONE.clone_into(&mut rest.from);
        }
        // The first part of a message's ID stands for its sender.
        left.id = left.id.split_once('-').map_or_else(String::new, |(_, rest)| format!("0-{rest}"));
        left
    } else if tells_of_it {
        remains(message)?
    } else if message.attributes.at.iter().any(|at| at == user) {
        let mut left = message;
        left.attributes.at.retain(|at| at != user);
        left
    } else {
        return Ok(None);
    };
    Ok(Some((rest.with(&left)?, left.removed)))
}

/// Removes every row that belongs to the account.
async fn rows(cx: &Context, user: &str, counts: &mut Counts) -> Result<()> {
    loop {
        let mut tx = cx.store.begin(Locks::none().user(user)).await?;
        let removed = tx.erase_rows_of(user, STEP).await?;
        if removed.is_empty() {
            return Ok(());
        }
        for (store, count, bytes) in removed {
            let sum = counts.entry(store).or_default();
            *sum = (sum.0 + count, sum.1 + bytes);
        }
        tx.commit().await?;
    }
}

async fn finish(cx: &Context, user: &str, counts: Counts) -> Result<String> {
    let mut tx = cx.store.begin(Locks::none().app().user(user)).await?;
    let pending = tx.accounts_under_erasure().await?;
    let administrator = pending.into_iter().find(|(pending, _)| pending == user).map(|(_, under)| under.by);
    tx.remove_account(user, cx.now_seconds() + 1);
    tx.mark_for_erasure(user, None);
    let removed =
        |(store, (count, bytes)): (&str, (u64, u64))| Removed { store: store.to_owned(), count, bytes };
    let mut removed: Vec<Removed> = counts.into_iter().map(removed).collect();
    removed.push(Removed { store: "accounts".to_owned(), count: 1, bytes: 0 });
    let id = tx.record(&Entry {
        kind: Kind::Account,
        time: cx.now(),
        actor: administrator.unwrap_or_default(),
        user: user.to_owned(),
        instance: String::new(),
        items: Vec::new(),
        removed,
        note: String::new(),
    });
    tx.commit().await?;
    Ok(id.to_string())
}
