use bytes::Bytes;
use lethe_domain::deletions::Erasure;
use minicbor::{Decode, Encode};

use crate::engine::{Direction, Range, Space};
use crate::record::decode;
use crate::{Key, StoreError, Timeline, Tx};

/// What the disk has given back of what was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct GivenBack {
    /// Bytes that were erased when the store was last rewritten without them.
    #[n(0)]
    pub bytes: u64,
    /// Server time in ms since which more waits; 0 if nothing does.
    #[n(1)]
    pub waiting_since: u64,
    /// Server time in ms of the last rewriting; 0 for never.
    #[n(2)]
    pub time: u64,
}

fn given_back_key() -> Key {
    Key::new().text("given_back")
}

fn time_key(due: u64, timeline: &Timeline) -> Key {
    Key::new().number(due).tuple(timeline.key().bytes())
}

fn timeline_of(time_key: &[u8]) -> Result<Timeline, StoreError> {
    let timeline = time_key.get(8..).and_then(Timeline::split).map(|(timeline, _)| timeline);
    timeline.ok_or_else(|| StoreError::Damaged("a stored key cannot be read".to_owned()))
}

impl Tx {
    /// What the disk has given back.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn given_back(&self) -> Result<GivenBack, StoreError> {
        Ok(self.get(Space::Meta, given_back_key()).await?.unwrap_or_default())
    }

    /// Notes what the disk has given back. Needs the app's lock.
    pub fn put_given_back(&mut self, given_back: &GivenBack) {
        self.put(Space::Meta, given_back_key(), given_back);
    }

    /// A timeline's place in the eraser's queue.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn erasure(&self, timeline: &Timeline) -> Result<Option<Erasure>, StoreError> {
        self.get(Space::Erasures, timeline.key()).await
    }

    /// Has a timeline looked at by the eraser at `due` in ms, or earlier if it waits already. Needs the timeline's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn queue_erasure(&mut self, timeline: &Timeline, due: u64) -> Result<(), StoreError> {
        match self.erasure(timeline).await? {
            // It may be under work: what was asked for meanwhile is not forgotten.
            Some(waiting) if waiting.due <= due => {
                let again = if waiting.again == 0 { due } else { waiting.again.min(due) };
                self.move_erasure(timeline, waiting.due, &Erasure { again, ..waiting });
            }
            Some(waiting) => {
                let again = if waiting.worker.is_empty() { waiting.again } else { due };
                self.move_erasure(timeline, waiting.due, &Erasure { due, again, ..waiting });
            }
            None => self.move_erasure(timeline, due, &Erasure { due, ..Erasure::default() }),
        }
        Ok(())
    }

    /// Hides everything up to `seq`, at most what there is, from everyone, and has it erased after `grace` in ms. Floors only
    /// grow: whether it moved. Needs the timeline's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn raise_floor(
        &mut self,
        timeline: &Timeline,
        seq: u64,
        now: u64,
        grace: u64,
    ) -> Result<bool, StoreError> {
        let mut head = self.head(timeline).await?;
        let seq = seq.min(head.seq);
        let count = self.message(timeline, seq).await?.map_or(head.count, |message| message.count());
        if !head.raise_floor(seq, count, now) {
            return Ok(false);
        }
        self.put_head(timeline, &head);
        self.queue_erasure(timeline, now.saturating_add(grace)).await?;
        if let Some(waiting) = self.erasure(timeline).await?.filter(|erasure| erasure.floor == 0) {
            let noted = Erasure { floor: seq, floor_time: now, ..waiting };
            self.move_erasure(timeline, noted.due, &noted);
        }
        Ok(true)
    }

    /// At most `limit` timelines of the queue that are due after `latest` in ms.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn waiting_beyond(&self, latest: u64, limit: usize) -> Result<Vec<Timeline>, StoreError> {
        let range = Range { start: Key::new().number(latest.saturating_add(1)).into_bytes(), end: None };
        let pairs = self.scan(Space::ErasureTimes, &range, Direction::Forward, limit).await?;
        pairs.iter().map(|(key, _)| timeline_of(key)).collect()
    }

    /// Has an eraser at work look again at what it may take, because somebody reads again. Needs the timeline's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn reconsider_erasure(&mut self, timeline: &Timeline) -> Result<(), StoreError> {
        if let Some(waiting) = self.erasure(timeline).await?.filter(|erasure| !erasure.worker.is_empty()) {
            let again = Erasure { worker: String::new(), target: 0, ..waiting };
            self.move_erasure(timeline, again.due, &again);
        }
        Ok(())
    }

    /// Stores a place in the queue that was at `before`. Needs the timeline's lock.
    pub fn move_erasure(&mut self, timeline: &Timeline, before: u64, erasure: &Erasure) {
        if before != erasure.due {
            self.remove(Space::ErasureTimes, time_key(before, timeline));
        }
        self.put(Space::Erasures, timeline.key(), erasure);
        self.put_bytes(Space::ErasureTimes, time_key(erasure.due, timeline), Bytes::new());
    }

    /// Takes a timeline out of the queue. Needs the timeline's lock.
    pub fn end_erasure(&mut self, timeline: &Timeline, due: u64) {
        self.remove(Space::Erasures, timeline.key());
        self.remove(Space::ErasureTimes, time_key(due, timeline));
    }

    /// At most `limit` timelines that are due before `time` in ms, the longest waiting first, and their places.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn erasures(&self, time: u64, limit: usize) -> Result<Vec<(Timeline, Erasure)>, StoreError> {
        let end = (time < u64::MAX).then(|| Key::new().number(time).into_bytes());
        let range = Range { start: Vec::new(), end };
        let pairs = self.scan(Space::ErasureTimes, &range, Direction::Forward, limit).await?;
        let mut waiting = Vec::with_capacity(pairs.len());
        for (key, _) in pairs {
            let timeline = timeline_of(&key)?;
            if let Some(erasure) = self.erasure(&timeline).await? {
                waiting.push((timeline, erasure));
            }
        }
        Ok(waiting)
    }

    /// How many timelines wait for the eraser, counted up to `limit`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn count_erasures(&self, limit: usize) -> Result<usize, StoreError> {
        let range = Range { start: Vec::new(), end: None };
        Ok(self.scan(Space::ErasureTimes, &range, Direction::Forward, limit).await?.len())
    }

    /// Every place in the queue with its timeline, for those who change many. In the order of timelines.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn all_erasures(&self) -> Result<Vec<(Timeline, Erasure)>, StoreError> {
        let range = Range { start: Vec::new(), end: None };
        let pairs = self.scan(Space::Erasures, &range, Direction::Forward, usize::MAX / 2).await?;
        let damaged = || StoreError::Damaged("a stored key cannot be read".to_owned());
        let read =
            |key: &[u8], value: &Bytes| Ok((Timeline::split(key).ok_or_else(damaged)?.0, decode(value)?));
        pairs.iter().map(|(key, value)| read(key, value)).collect()
    }
}
