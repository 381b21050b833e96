use lethe_domain::conversations::Head;
use lethe_domain::deletions::Erasure;
use lethe_protocol::ConversationId;
use lethe_store::{Held, Locks, Timeline, Tx};

use super::{LEASE, SKEW, claimed};
use crate::context::Context;
use crate::failure::Result;

/// Members looked at in one step.
const STEP: usize = 512;

/// How far a timeline can be erased: the smallest floor of all who may read it, as far as these floors are final.
#[derive(Debug, Default)]
pub(super) struct Mark {
    /// Messages up to here can go.
    pub(super) seq: u64,
    /// A hold forbids it.
    pub(super) held: bool,
    /// Server time in ms at which more may be final.
    pub(super) next: Option<u64>,
    /// The timeline's own floor whose grace runs from now on, and since when. See [`Erasure::floor`].
    pub(super) waiting_floor: (u64, u64),
    /// Users whose last deletion cannot be undone any more.
    expired: Vec<String>,
}

/// Keeps a claim for as long again, once half of it is over. Alone, nobody else takes it.
async fn renew(cx: &Context, worker: &str, timeline: &Timeline) -> Result<()> {
    if !cx.store.is_shared() {
        return Ok(());
    }
    let now = cx.now();
    let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
    let claim = claimed(&tx, worker, timeline).await?;
    if let Some(claim) = claim.filter(|claim| claim.leased_until < now + LEASE / 2) {
        tx.move_erasure(timeline, claim.due, &Erasure { leased_until: now + LEASE, ..claim });
        tx.commit().await?;
    }
    Ok(())
}

fn skew(cx: &Context) -> u64 {
    if cx.store.is_shared() { SKEW } else { 0 }
}

impl Mark {
    /// A hold forbids everything.
    pub(super) fn held(erasure: &Erasure) -> Self {
        let waiting_floor = (erasure.floor, erasure.floor_time);
        Self { held: true, waiting_floor, ..Self::default() }
    }

    /// Of a timeline that `worker` has claimed. Looking at very many members takes longer than a claim lasts: it is renewed
    /// on the way.
    pub(super) async fn of(cx: &Context, worker: &str, timeline: &Timeline) -> Result<Self> {
        let tx = cx.store.begin(Locks::none()).await?;
        let now = cx.now().saturating_sub(skew(cx));
        let head = tx.head(timeline).await?;
        let erasure = tx.erasure(timeline).await?.unwrap_or_default();
        let mut mark = Self::default();
        let readers = match timeline {
            Timeline::Group(group_id) => mark.group(cx, worker, group_id, &head, now).await?,
            Timeline::Pair(..) | Timeline::System(_) => {
                let mut lowest = u64::MAX;
                for user in timeline.users() {
                    lowest = lowest.min(mark.reader(cx, &tx, timeline, user, &head, now).await?);
                }
                lowest
            }
        };
        let own = mark.own_floor(cx, &head, &erasure, now);
        mark.seq = readers.max(own).min(head.seq);
        mark.held = mark.seq > head.erased_to && held(&tx, timeline).await?;
        if mark.held && erasure.floor > 0 {
            // Nothing was erased: what was final stays so.
            mark.waiting_floor = (erasure.floor, erasure.floor_time);
        }
        Ok(mark)
    }

    /// The timeline's own floor, as far as it is final. Retention moves it every hour; were its grace counted from the last
    /// move, it would never end. So one floor waits at a time, and when it is final the next one begins to.
    fn own_floor(&mut self, cx: &Context, head: &Head, erasure: &Erasure, now: u64) -> u64 {
        let until = |time: u64| time.saturating_add(cx.grace());
        if head.floor <= head.erased_to || now >= until(head.floor_time) {
            return head.floor;
        }
        let noted = erasure.floor > head.erased_to && erasure.floor <= head.floor;
        let passed = noted && now >= until(erasure.floor_time);
        self.waiting_floor = if noted && !passed {
            (erasure.floor, erasure.floor_time)
        } else {
            (head.floor, head.floor_time)
        };
        self.wait(cx, until(self.waiting_floor.1));
        if passed { erasure.floor } else { head.erased_to }
    }

    fn wait(&mut self, cx: &Context, until: u64) {
        let until = until.saturating_add(skew(cx));
        self.next = Some(self.next.map_or(until, |next| next.min(until)));
    }

    async fn group(
        &mut self,
        cx: &Context,
        worker: &str,
        group_id: &str,
        head: &Head,
        now: u64,
    ) -> Result<u64> {
        let timeline = Timeline::Group(group_id.to_owned());
        let tx = cx.store.begin(Locks::none()).await?;
        let Some(group) = tx.group(group_id).await? else { return Ok(u64::MAX) };
        if group.dismissed_at.is_some() && !cx.settings().retain_left_groups {
            let until = group.dismissed_time.saturating_add(cx.grace());
            if now >= until {
                return Ok(u64::MAX);
            }
            self.wait(cx, until);
        }
        let (mut lowest, mut after): (u64, Option<String>) = (u64::MAX, None);
        loop {
            let members = tx.members(group_id, after.as_deref(), STEP).await?;
            for (user, _) in &members {
                lowest = lowest.min(self.reader(cx, &tx, &timeline, user, head, now).await?);
            }
            if members.len() < STEP {
                break;
            }
            renew(cx, worker, &timeline).await?;
            after = members.into_iter().next_back().map(|(user, _)| user);
        }
        // Without members nobody is left to read it.
        Ok(lowest)
    }

    /// A reader's floor, as far as it is final.
    async fn reader(
        &mut self,
        cx: &Context,
        tx: &Tx,
        timeline: &Timeline,
        user: &str,
        head: &Head,
        now: u64,
    ) -> Result<u64> {
        let conversation = timeline.seen_by(user);
        if !matches!(conversation, ConversationId::Group(_)) && tx.account(user).await?.is_none() {
            return Ok(u64::MAX);
        }
        let view = tx.view_at(user, &conversation, head).await?.unwrap_or_default();
        let Some(undo) = tx.undo(user, &conversation).await? else { return Ok(view.floor()) };
        let until = undo.until(cx.grace());
        if now < until {
            self.wait(cx, until);
            return Ok(undo.former.floor().min(view.floor()));
        }
        self.expired.push(user.to_owned());
        Ok(view.floor())
    }

    /// What cannot be undone any more need not be kept. Needs the timeline's lock.
    pub(super) async fn forget_undos(&self, cx: &Context, tx: &mut Tx, timeline: &Timeline) -> Result<()> {
        let now = cx.now().saturating_sub(skew(cx));
        for user in &self.expired {
            let conversation = timeline.seen_by(user);
            let undo = tx.undo(user, &conversation).await?;
            if undo.is_some_and(|undo| now >= undo.until(cx.grace())) {
                tx.remove_undo(user, &conversation);
            }
        }
        Ok(())
    }
}

/// Whether a hold protects a timeline: its group, one of its users, or a member.
pub(crate) async fn held(tx: &Tx, timeline: &Timeline) -> Result<bool> {
    let Timeline::Group(group_id) = timeline else {
        for user in timeline.users() {
            if tx.hold(&Held::User(user.to_owned())).await?.is_some() {
                return Ok(true);
            }
        }
        return Ok(false);
    };
    if tx.hold(&Held::Group(group_id.clone())).await?.is_some() {
        return Ok(true);
    }
    for (held, _) in tx.holds().await? {
        if let Held::User(user) = held
            && (tx.member(group_id, &user).await?.is_some()
                || tx.view(&user, &ConversationId::Group(group_id.clone())).await?.is_some())
        {
            return Ok(true);
        }
    }
    Ok(false)
}
