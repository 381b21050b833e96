//! Erasing an account: every trace of it, with a receipt that names each store and count.
//!
//! The account itself goes first, so that nobody writes to it, adds it to a group or logs in as it while the rest goes, step
//! by step. Each step may be repeated, and what it removed is counted in its own transaction: a crash leaves the account
//! marked, and the eraser goes on. Of what others can still read, the account's messages leave only that they were there; in
//! groups not even whose they were.

mod words;

use std::collections::BTreeSet;

use lethe_domain::conversations::{Place, View};
use lethe_domain::deletions::{Entry, Kind};
use lethe_protocol::Code;
use lethe_store::{Direction, EntryId, Held, Locks, Publication, Timeline, Tx, UnderErasure};

use self::words::anonymous;
use super::events::tell_messages_removed;
use super::everyone::under_hold;
use crate::context::Context;
use crate::eraser::held;
use crate::failure::{Failure, Result};
use crate::handlers::{friends, groups};

/// Messages or rows of one step.
const STEP: usize = 256;
/// Another node is taken to have died over the erasure of an account this long after its last step, in ms.
const ABANDONED: u64 = 120_000;

/// An erasure under way.
struct Work<'a> {
    cx: &'a Context,
    /// The node, and its turn.
    worker: &'a str,
    user: &'a str,
}

/// Erases an account, or goes on with it: the name of its row in the journal, which is `row` if the journal has it already.
pub(crate) async fn erase_account(
    cx: &Context,
    worker: &str,
    administrator: &str,
    user: &str,
    row: Option<EntryId>,
) -> Result<String> {
    let Some(_turn) = cx.eraser.take_account(user) else { return Err(under_way()) };
    let tx = cx.store.begin(Locks::none()).await?;
    for timeline in timelines(&tx, user).await? {
        if held(&tx, &timeline).await? {
            return Err(under_hold());
        }
    }
    drop(tx);
    let work = Work { cx, worker, user };
    work.begin(administrator, row).await?;
    let mut done = BTreeSet::new();
    loop {
        groups::leave_all(cx, user).await?;
        friends::forget(cx, user).await?;
        // What was under way when the account went may have come since.
        let found = timelines(&cx.store.begin(Locks::none()).await?, user).await?;
        let new: Vec<Timeline> = found.difference(&done).cloned().collect();
        if new.is_empty() {
            break;
        }
        for timeline in new {
            work.rewrite(&timeline).await?;
            work.leave(&timeline).await?;
            done.insert(timeline);
        }
    }
    work.notices(&done).await?;
    work.rows().await?;
    let id = work.finish().await?;
    cx.eraser.nudge();
    Ok(id)
}

fn under_way() -> Failure {
    Failure::refuse(Code::UNAVAILABLE, "this account is being erased already")
}

/// Goes on with what a crash has interrupted.
pub(crate) async fn resume_erasures(cx: &Context, worker: &str) -> Result<()> {
    for (user, under) in cx.store.begin(Locks::none()).await?.accounts_under_erasure().await? {
        if under.is_free(worker, cx.now(), ABANDONED) && !cx.eraser.has_account(&user) {
            tracing::info!("the erasure of an account goes on");
            match erase_account(cx, worker, &under.by, &user, None).await {
                // One account that cannot be erased now does not keep the eraser from the rest.
                Err(Failure::Refused(error)) => tracing::warn!(%error, "an account cannot be erased now"),
                outcome => drop(outcome?),
            }
        }
    }
    Ok(())
}

/// Every timeline that the account reads or has written to.
async fn timelines(tx: &Tx, user: &str) -> Result<BTreeSet<Timeline>> {
    let mut timelines: BTreeSet<Timeline> =
        tx.viewed(user).await?.iter().map(|id| Timeline::of(user, id)).collect();
    timelines.extend(tx.written_to(user).await?);
    timelines.insert(Timeline::System(user.to_owned()));
    Ok(timelines)
}

impl Work<'_> {
    /// Removes the account and marks its name, with what is known to be there; or takes over what another left.
    async fn begin(&self, administrator: &str, row: Option<EntryId>) -> Result<()> {
        let Self { cx, user, .. } = *self;
        let mut tx = cx.store.begin(Locks::none().app().user(user)).await?;
        if tx.hold(&Held::User(user.to_owned())).await?.is_some() {
            return Err(Failure::refuse(Code::HELD, "a hold protects this account"));
        }
        if let Some(under) = tx.account_under_erasure(user).await? {
            // A row that is replayed has nobody beside it.
            if row.is_none() && !under.is_free(self.worker, cx.now(), ABANDONED) {
                return Err(under_way());
            }
            let row = row.map_or_else(|| under.row.clone(), |row| row.to_string());
            let taken = UnderErasure { worker: self.worker.to_owned(), time: cx.now(), row, ..under };
            tx.mark_for_erasure(user, Some(&taken));
            tx.commit().await?;
            return Ok(());
        }
        if tx.account(user).await?.is_none() {
            let message = format!("there is no account {user:?}");
            return Err(Failure::refuse(Code::CONVERSATION_UNKNOWN_ACCOUNT, message));
        }
        let friends = tx.friends(user).await?.len() + tx.friend_applications(user).await?.len();
        let mut under = UnderErasure {
            by: administrator.to_owned(),
            time: cx.now(),
            worker: self.worker.to_owned(),
            removed: Vec::new(),
            row: row.map(|row| row.to_string()).unwrap_or_default(),
        };
        under.count("accounts", 1, 0);
        under.count("friends", friends as u64, 0);
        under.count("memberships", tx.memberships(user).await?.len() as u64, 0);
        tx.remove_account(user, cx.now_seconds() + 1);
        tx.mark_for_erasure(user, Some(&under));
        tx.publish(Publication::Kicked { user_id: user.to_owned() });
        tx.commit().await?;
        Ok(())
    }

    /// Counts what this step removes, and keeps the turn. Needs the user's lock.
    async fn count(&self, tx: &mut Tx, removed: &[(&str, u64, u64)]) -> Result<()> {
        let under = tx.account_under_erasure(self.user).await?;
        let Some(mut under) = under.filter(|under| under.worker == self.worker) else {
            return Err(under_way());
        };
        for &(store, count, bytes) in removed {
            under.count(store, count, bytes);
        }
        under.time = self.cx.now();
        tx.mark_for_erasure(self.user, Some(&under));
        Ok(())
    }

    async fn step(&self, timeline: &Timeline) -> Result<Tx> {
        Ok(self.cx.store.begin(Locks::none().timeline(timeline).user(self.user)).await?)
    }

    /// Takes the account's words out of a timeline; what only the account could read goes as a whole.
    async fn rewrite(&self, timeline: &Timeline) -> Result<()> {
        if timeline.users() == [self.user] {
            return self.empty(timeline).await;
        }
        let mut after = 0;
        loop {
            let mut tx = self.step(timeline).await?;
            let mut head = tx.head(timeline).await?;
            let (after_erased, to) = (after.max(head.erased_to), head.seq);
            let step = tx.messages(timeline, after_erased, to, Direction::Forward, STEP).await?;
            let Some(last) = step.last().map(|message| message.seq) else { return Ok(()) };
            let (mut seqs, mut messages, mut bytes) = (Vec::new(), 0, 0);
            for stored in &step {
                if let Some((rest, gone)) = anonymous(self.user, timeline, stored)? {
                    tx.replace_message(timeline, &rest);
                    (messages, bytes) = (messages + 1, bytes + stored.json().len() as u64);
                    seqs.extend(gone.then_some(stored.seq));
                }
            }
            if messages > 0 && held(&tx, timeline).await? {
                // It was set meanwhile.
                return Err(under_hold());
            }
            if !seqs.is_empty() {
                head.removed_time = self.cx.now();
                tx.put_head(timeline, &head);
                tell_messages_removed(&mut tx, timeline, "", seqs);
            }
            // Also where nothing was found: the turn is kept.
            self.count(&mut tx, &[("messages", messages, bytes)]).await?;
            tx.commit().await?;
            after = last;
        }
    }

    async fn empty(&self, timeline: &Timeline) -> Result<()> {
        loop {
            let mut tx = self.step(timeline).await?;
            let mut head = tx.head(timeline).await?;
            let next = tx.messages(timeline, head.erased_to, head.seq, Direction::Forward, STEP).await?;
            let Some(step) = tx.erase_messages(timeline, &next) else {
                tx.remove_head(timeline);
                if let Some(waiting) = tx.erasure(timeline).await? {
                    // The next timeline of this name begins from nothing.
                    tx.end_erasure(timeline, waiting.due);
                }
                tx.commit().await?;
                return Ok(());
            };
            if held(&tx, timeline).await? {
                return Err(under_hold());
            }
            head.erased_to = step.last;
            tx.put_head(timeline, &head);
            self.count(&mut tx, &[("messages", step.messages, step.bytes), ("nonces", step.nonces, 0)])
                .await?;
            tx.commit().await?;
        }
    }

    /// Ends the account's view of a timeline. Of a one-to-one conversation a floor is left: whoever gets this user ID later
    /// does not read what was said to the one before.
    async fn leave(&self, timeline: &Timeline) -> Result<()> {
        let (cx, user) = (self.cx, self.user);
        let id = timeline.seen_by(user);
        let mut tx = self.step(timeline).await?;
        let head = tx.head(timeline).await?;
        let mut floor = View::default();
        floor.delete(Place { seq: head.seq, count: head.count, own_above: 0 }, &head, true);
        let shared = timeline.users().len() > 1;
        let former = tx.view_at(user, &id, &head).await?;
        if former.is_some_and(|former| !shared || former != floor) {
            let bytes = tx.remove_view(user, &id).await?;
            self.count(&mut tx, &[("views", 1, bytes)]).await?;
        }
        if shared {
            tx.put_view(user, &id, &floor);
        }
        if head.seq > 0 {
            tx.queue_erasure(timeline, cx.now() + cx.grace()).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes the account's name out of the notices that the system wrote to others, but to those under a hold. They are
    /// found by looking at them all: erasing an account is rare.
    async fn notices(&self, done: &BTreeSet<Timeline>) -> Result<()> {
        let mut after = None;
        loop {
            let heads = self.cx.store.begin(Locks::none()).await?.timelines(after.as_ref(), STEP).await?;
            let mut tx = self.cx.store.begin(Locks::none().user(self.user)).await?;
            self.count(&mut tx, &[]).await?;
            tx.commit().await?;
            for (timeline, _) in &heads {
                let is_notices = matches!(timeline, Timeline::System(_)) && !done.contains(timeline);
                if is_notices && !held(&self.cx.store.begin(Locks::none()).await?, timeline).await? {
                    self.rewrite(timeline).await?;
                }
            }
            if heads.len() < STEP {
                return Ok(());
            }
            after = heads.into_iter().next_back().map(|(timeline, _)| timeline);
        }
    }

    /// Removes every other row that belongs to the account.
    async fn rows(&self) -> Result<()> {
        loop {
            let mut tx = self.cx.store.begin(Locks::none().user(self.user)).await?;
            let removed = tx.erase_rows_of(self.user, STEP).await?;
            if removed.is_empty() {
                return Ok(());
            }
            self.count(&mut tx, &removed).await?;
            tx.commit().await?;
        }
    }

    /// One row of the journal, with all that was counted.
    async fn finish(&self) -> Result<String> {
        let user = self.user;
        let mut tx = self.cx.store.begin(Locks::none().app().user(user)).await?;
        self.count(&mut tx, &[]).await?;
        let under = tx.account_under_erasure(user).await?.unwrap_or_default();
        tx.mark_for_erasure(user, None);
        let entry = Entry {
            kind: Kind::Account,
            time: self.cx.now(),
            actor: under.by,
            user: user.to_owned(),
            instance: String::new(),
            items: Vec::new(),
            removed: under.removed,
            note: String::new(),
        };
        let id = match under.row.parse() {
            Ok(row) => {
                tx.record_again(row, &entry);
                row
            }
            Err(()) => tx.record(&entry),
        };
        tx.commit().await?;
        Ok(id.to_string())
    }
}
