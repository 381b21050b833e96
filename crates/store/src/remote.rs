//! A store whose engine several nodes share: locks are rows of the database, taken before the first read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::bundle::{Applied, Bundle, Harvest, Turn, Waiting};
use crate::desk::{Desk, LINGER, Next};
use crate::engine::postgres::{CommitId, Outcome, PostgresEngine, Session, slot};
use crate::need::Need;
use crate::publication::{Committed, Publish};
use crate::{Locks, StoreError, Totals};

/// How often the database is asked whether it answers.
const CHECK: Duration = Duration::from_secs(1);
/// How long that answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How often old keys of commits are forgotten, and how old they are then, in seconds.
const FORGET_EVERY: u64 = 600;
const FORGET_AFTER: u64 = 3600;
/// The longest pause before the outcome of a commit is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// A transaction's work may take so long once it has its turn; then its bundle ends without it.
const TURN: Duration = Duration::from_secs(10);

pub(crate) struct Remote {
    pub(crate) engine: PostgresEngine,
    publisher: Arc<dyn Publish>,
    desk: Mutex<Desk>,
    /// Whether the database answered last time.
    answers: watch::Sender<bool>,
    /// Bundles under way.
    running: watch::Sender<usize>,
    answers_before_commit: bool,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Remote {
    pub(crate) fn start(
        engine: PostgresEngine,
        publisher: Arc<dyn Publish>,
        answers_before_commit: bool,
    ) -> Arc<Self> {
        let remote = Arc::new(Self {
            engine,
            publisher,
            desk: Mutex::default(),
            answers: watch::Sender::new(true),
            running: watch::Sender::new(0),
            answers_before_commit,
        });
        let watched = Arc::downgrade(&remote);
        tokio::spawn(async move {
            let mut ticks = interval(CHECK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut beats = 0;
            loop {
                ticks.tick().await;
                let Some(remote) = watched.upgrade() else { return };
                if remote.desk().closed {
                    return;
                }
                remote.look_after(beats).await;
                beats += 1;
            }
        });
        remote
    }

    /// Notes whether the database answers, and now and then forgets what nobody will ask for.
    async fn look_after(&self, beats: u64) {
        let answer = timeout(ANSWER, self.engine.check()).await;
        let answers = matches!(answer, Ok(Ok(())));
        if self.answers.send_replace(answers) != answers {
            if answers {
                tracing::info!("the database answers again");
            } else {
                tracing::warn!(?answer, "the database does not answer");
            }
        }
        if answers
            && beats % FORGET_EVERY == FORGET_EVERY - 1
            && let Err(error) = self.engine.forget_commits(FORGET_AFTER).await
        {
            tracing::warn!(%error, "old keys of commits are still there");
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answers(&self) -> bool {
        *self.answers.borrow()
    }

    /// A turn under these locks, with what is needed read already.
    pub(crate) async fn begin(self: &Arc<Self>, locks: &Locks, need: Need) -> Result<Turn, StoreError> {
        let mut slots: Vec<i32> = locks.keys().iter().map(|key| slot(key)).collect();
        slots.sort_unstable();
        slots.dedup();
        let (turn, taken) = oneshot::channel();
        self.arrive(Waiting { slots, need: need.clone(), turn })?;
        let member = taken.await.map_err(|_| StoreError::Stopped)??;
        member.fetch(need).await?;
        Ok(member)
    }

    fn arrive(self: &Arc<Self>, waiting: Waiting) -> Result<(), StoreError> {
        let mut desk = self.desk();
        if desk.closed {
            return Err(StoreError::Stopped);
        }
        desk.take(waiting);
        self.form(&mut desk);
        Ok(())
    }

    /// Makes bundles of those who wait, as long as it is time for one.
    fn form(self: &Arc<Self>, desk: &mut Desk) {
        while let Some(next) = desk.next(self.engine.writers()) {
            let remote = Arc::clone(self);
            match next {
                Next::Bundle(bundle, need) => {
                    self.running.send_modify(|running| *running += 1);
                    tokio::spawn(async move {
                        remote.run(&bundle, need).await;
                        let mut desk = remote.desk();
                        desk.end(&bundle);
                        remote.form(&mut desk);
                        drop(desk);
                        remote.running.send_modify(|running| *running -= 1);
                    });
                }
                Next::Linger => {
                    tokio::spawn(async move {
                        sleep(LINGER).await;
                        let mut desk = remote.desk();
                        desk.hurry();
                        remote.form(&mut desk);
                    });
                }
            }
        }
    }

    async fn run(&self, bundle: &Arc<Bundle>, need: Need) {
        let (session, fetched) = match Session::begin(&self.engine, &bundle.slots, need).await {
            Ok((session, fetched)) => (Arc::new(session), fetched),
            Err(error) => return bundle.refuse(&error),
        };
        let drained = bundle.start(Arc::clone(&session), fetched);
        if timeout(TURN, drained).await.is_err() {
            tracing::warn!("a transaction took too long; its bundle ends without it");
        }
        let Harvest { batch, applied } = bundle.close();
        if applied.is_empty() {
            // A connection on which this fails is not used again.
            let _ = session.roll_back().await;
            return;
        }
        let mut totals = Totals::default();
        applied.iter().for_each(|one| totals.add(&one.totals));
        let id = CommitId::new();
        if self.answers_before_commit {
            self.tell(applied);
            let _ = session.commit(&id, batch, &totals).await;
            return;
        }
        let outcome = session.commit(&id, batch, &totals).await;
        drop(session);
        match outcome {
            Outcome::Committed => self.tell(applied),
            Outcome::Failed(error) => refuse(applied, &error),
            Outcome::Unknown => self.find_out(&id, applied).await,
        }
    }

    /// The connection was lost during a commit: asks until the database says what became of it.
    async fn find_out(&self, id: &CommitId, applied: Vec<Applied>) {
        let mut pause = Duration::from_millis(20);
        loop {
            match self.engine.was_committed(id).await {
                Ok(true) => return self.tell(applied),
                Ok(false) => {
                    return refuse(applied, &StoreError::Again("the connection was lost".to_owned()));
                }
                Err(error) => tracing::debug!(%error, "the outcome of a commit is not known yet"),
            }
            if self.desk().closed {
                return refuse(applied, &StoreError::Stopped);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// Tells what is durable in the order of the bundle, and answers each caller after its own events.
    fn tell(&self, applied: Vec<Applied>) {
        for one in applied {
            if !one.publications.is_empty() {
                self.publisher.publish(Committed::of(one.publications));
            }
            let _ = one.done.send(Ok(()));
        }
        self.publisher.flush();
    }

    /// Takes no more, and returns when what was taken is done.
    pub(crate) async fn close(&self) {
        let waiting = {
            let mut desk = self.desk();
            desk.close()
        };
        for one in waiting {
            let _ = one.turn.send(Err(StoreError::Stopped));
        }
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

fn refuse(applied: Vec<Applied>, error: &StoreError) {
    for one in applied {
        let _ = one.done.send(Err(error.clone()));
    }
}
