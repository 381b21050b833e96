use std::collections::VecDeque;

use lethe_store::{Direction, StoreError, StoredMessage, Timeline, Tx};

/// Messages that are read at once. To read some, each table that may have them has to be looked at, however few they are.
const READ: usize = 256;

/// Messages that were read and are still to be erased: many are read at a time and few erased, as others wait for those.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The `seq` before the first of them.
    after: u64,
    messages: VecDeque<StoredMessage>,
}

impl Ahead {
    /// The next messages with `after < seq <= to`, at most so many; none when there are no more. All of one timeline, with the
    /// same `to`, in a transaction with its lock. Whoever else erases there moves `after`: what was read before is forgotten then.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(super) async fn next(
        &mut self,
        tx: &Tx,
        timeline: &Timeline,
        after: u64,
        to: u64,
        most: usize,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        if self.after != after || self.messages.is_empty() {
            let read = tx.messages(timeline, after, to, Direction::Forward, most.max(READ)).await?;
            self.messages = read.into();
        }
        let next: Vec<_> = self.messages.drain(..most.min(self.messages.len())).collect();
        self.after = next.last().map_or(after, |message| message.seq);
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lethe_protocol::{ConversationId, MessageAttributes};
    use lethe_store::{Committed, Locks, NewMessage, Publish, Store};
    use serde_json::value::RawValue;

    use super::*;

    struct Nobody;

    impl Publish for Nobody {
        fn publish(&self, _: Committed) {}
    }

    fn message(n: u64) -> NewMessage {
        NewMessage {
            id: n.to_string(),
            from: "alice".to_owned(),
            body: RawValue::from_string("[]".to_owned()).unwrap(),
            attributes: MessageAttributes::default(),
            nick: String::new(),
            avatar: String::new(),
            time: n,
        }
    }

    /// A timeline with ten messages.
    async fn filled() -> (Store, Timeline) {
        let store = Store::in_memory(Arc::new(Nobody)).await.unwrap();
        let timeline = Timeline::of("alice", &ConversationId::parse("C2Cbob").unwrap());
        let mut tx = store.begin(Locks::none().timeline(&timeline)).await.unwrap();
        for n in 0..10 {
            tx.append(&timeline, message(n)).await.unwrap();
        }
        tx.commit().await.unwrap();
        (store, timeline)
    }

    async fn remove(store: &Store, timeline: &Timeline, seq: u64) {
        let mut tx = store.begin(Locks::none().timeline(timeline)).await.unwrap();
        let message = tx.message(timeline, seq).await.unwrap().unwrap();
        tx.erase_messages(timeline, &[message]).unwrap();
        tx.commit().await.unwrap();
    }

    async fn next(
        ahead: &mut Ahead,
        store: &Store,
        timeline: &Timeline,
        after: u64,
        to: u64,
        most: usize,
    ) -> Vec<u64> {
        let tx = store.begin(Locks::none().timeline(timeline)).await.unwrap();
        let next = ahead.next(&tx, timeline, after, to, most).await.unwrap();
        next.iter().map(|message| message.seq).collect()
    }

    #[tokio::test]
    async fn many_are_read_at_a_time_and_few_given() {
        let (store, timeline) = filled().await;
        let mut ahead = Ahead::default();
        assert_eq!(next(&mut ahead, &store, &timeline, 0, 9, 4).await, [1, 2, 3, 4]);
        // It is not looked for again.
        remove(&store, &timeline, 6).await;
        assert_eq!(next(&mut ahead, &store, &timeline, 4, 9, 4).await, [5, 6, 7, 8]);
        assert_eq!(next(&mut ahead, &store, &timeline, 8, 9, 4).await, [9]);
        assert!(next(&mut ahead, &store, &timeline, 9, 9, 4).await.is_empty());
    }

    #[tokio::test]
    async fn what_was_read_is_forgotten_when_somebody_else_erases() {
        let (store, timeline) = filled().await;
        let mut ahead = Ahead::default();
        assert_eq!(next(&mut ahead, &store, &timeline, 0, 10, 2).await, [1, 2]);
        for seq in 1..=7 {
            remove(&store, &timeline, seq).await;
        }
        assert_eq!(next(&mut ahead, &store, &timeline, 7, 10, 2).await, [8, 9]);
        assert_eq!(next(&mut ahead, &store, &timeline, 9, 10, 2).await, [10]);
    }

    #[tokio::test]
    async fn a_step_may_be_larger_than_what_is_read_at_once() {
        let (store, timeline) = filled().await;
        let mut ahead = Ahead::default();
        let all = next(&mut ahead, &store, &timeline, 0, u64::MAX, READ + 1).await;
        assert_eq!(all, (1..=10).collect::<Vec<_>>());
        assert!(next(&mut ahead, &store, &timeline, 10, u64::MAX, READ + 1).await.is_empty());
    }
}
