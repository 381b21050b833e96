use std::collections::VecDeque;

use lethe_domain::conversations::Head;
use lethe_store::{Direction, StoreError, StoredMessage, Timeline, Tx};

/// Messages that are read at once. To read some, each table that may have them has to be looked at, however few they are.
const READ: usize = 256;

/// Messages that were read and are still to be erased: many are read at a time and few erased, as others wait for those.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The `seq` before the first of them.
    after: u64,
    /// Server time in ms at which single messages had last been removed when they were read.
    removed_time: u64,
    messages: VecDeque<StoredMessage>,
}

impl Ahead {
    /// The next messages above what is erased and up to `to`, at most so many; none when there are no more. All of one timeline, with
    /// the same `to`, in a transaction with its lock, and with its head as it is now: who else erases there or removes single messages
    /// leaves word in it, and what was read before is forgotten then.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(super) async fn next(
        &mut self,
        tx: &Tx,
        timeline: &Timeline,
        head: &Head,
        to: u64,
        most: usize,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let after = head.erased_to;
        if (self.after, self.removed_time) != (after, head.removed_time) || self.messages.is_empty() {
            let read = tx.messages(timeline, after, to, Direction::Forward, most.max(READ)).await?;
            (self.messages, self.removed_time) = (read.into(), head.removed_time);
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

    async fn remove((store, timeline): &(Store, Timeline), seq: u64) {
        let mut tx = store.begin(Locks::none().timeline(timeline)).await.unwrap();
        let message = tx.message(timeline, seq).await.unwrap().unwrap();
        tx.erase_messages(timeline, &[message]).unwrap();
        tx.commit().await.unwrap();
    }

    async fn next(
        ahead: &mut Ahead,
        (store, timeline): &(Store, Timeline),
        erased_to: u64,
        to: u64,
        most: usize,
    ) -> Vec<u64> {
        let tx = store.begin(Locks::none().timeline(timeline)).await.unwrap();
        let head = Head { erased_to, ..tx.head(timeline).await.unwrap() };
        let next = ahead.next(&tx, timeline, &head, to, most).await.unwrap();
        next.iter().map(|message| message.seq).collect()
    }

    #[tokio::test]
    async fn many_are_read_at_a_time_and_few_given() {
        let filled = filled().await;
        let mut ahead = Ahead::default();
        assert_eq!(next(&mut ahead, &filled, 0, 9, 4).await, [1, 2, 3, 4]);
        // It is not looked for again.
        remove(&filled, 6).await;
        assert_eq!(next(&mut ahead, &filled, 4, 9, 4).await, [5, 6, 7, 8]);
        assert_eq!(next(&mut ahead, &filled, 8, 9, 4).await, [9]);
        assert!(next(&mut ahead, &filled, 9, 9, 4).await.is_empty());
    }

    #[tokio::test]
    async fn what_was_read_is_forgotten_when_somebody_else_erases() {
        let filled = filled().await;
        let mut ahead = Ahead::default();
        assert_eq!(next(&mut ahead, &filled, 0, 10, 2).await, [1, 2]);
        for seq in 1..=7 {
            remove(&filled, seq).await;
        }
        assert_eq!(next(&mut ahead, &filled, 7, 10, 2).await, [8, 9]);
        assert_eq!(next(&mut ahead, &filled, 9, 10, 2).await, [10]);
    }

    #[tokio::test]
    async fn what_was_read_is_forgotten_when_a_single_message_is_removed() {
        let filled = filled().await;
        let (store, timeline) = &filled;
        let mut ahead = Ahead::default();
        assert_eq!(next(&mut ahead, &filled, 0, 10, 2).await, [1, 2]);
        remove(&filled, 4).await;
        let mut tx = store.begin(Locks::none().timeline(timeline)).await.unwrap();
        let head = Head { removed_time: 7, ..tx.head(timeline).await.unwrap() };
        tx.put_head(timeline, &head);
        tx.commit().await.unwrap();
        assert_eq!(next(&mut ahead, &filled, 2, 10, 2).await, [3, 5]);
        assert_eq!(next(&mut ahead, &filled, 5, 10, 2).await, [6, 7]);
    }

    #[tokio::test]
    async fn a_step_may_be_larger_than_what_is_read_at_once() {
        let filled = filled().await;
        let mut ahead = Ahead::default();
        let all = next(&mut ahead, &filled, 0, u64::MAX, READ + 1).await;
        assert_eq!(all, (1..=10).collect::<Vec<_>>());
        assert!(next(&mut ahead, &filled, 10, u64::MAX, READ + 1).await.is_empty());
    }
}
