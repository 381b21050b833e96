//! Who writes to clients that sleep: a few tasks that go from one socket to the next. Waking a task for each socket costs as much
//! again as the write.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::outbox::Outbox;

/// So few are written to where it is said, as beginning a task costs more.
const FEW: usize = 4;
/// Sockets a task writes to before it lets others have its thread: about 150 µs.
const TURN: usize = 32;

/// Outboxes that have something to write, and the tasks that do it.
#[derive(Debug)]
pub(crate) struct Writers {
    due: Mutex<Due>,
    /// More tasks than cores do not help.
    most: usize,
}

#[derive(Debug, Default)]
struct Due {
    outboxes: VecDeque<Arc<Outbox>>,
    tasks: usize,
}

impl Default for Writers {
    fn default() -> Self {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self { due: Mutex::default(), most }
    }
}

impl Writers {
    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits in these outboxes: at once if they are few, otherwise soon.
    pub(crate) fn write(self: &Arc<Self>, outboxes: Vec<Arc<Outbox>>) {
        if outboxes.len() <= FEW {
            let mut bytes = Vec::new();
            return outboxes.iter().for_each(|outbox| outbox.write(&mut bytes));
        }
        let mut due = self.due();
        due.outboxes.extend(outboxes);
        let wanted = due.outboxes.len().div_ceil(TURN).min(self.most);
        let more = wanted.saturating_sub(due.tasks);
        due.tasks += more;
        drop(due);
        for _ in 0..more {
            tokio::spawn(Arc::clone(self).work());
        }
    }

    /// One of the tasks: it ends when nothing is left.
    async fn work(self: Arc<Self>) {
        let (mut turn, mut bytes) = (Vec::with_capacity(TURN), Vec::new());
        while self.take(&mut turn) {
            turn.drain(..).for_each(|outbox| outbox.write(&mut bytes));
            tokio::task::yield_now().await;
        }
    }

    /// Takes some for one turn; false when there are none, and the task is not counted any more.
    fn take(&self, turn: &mut Vec<Arc<Outbox>>) -> bool {
        let mut due = self.due();
        let count = due.outboxes.len().min(TURN);
        turn.extend(due.outboxes.drain(..count));
        if turn.is_empty() {
            due.tasks -= 1;
            due.outboxes = VecDeque::new();
        }
        !turn.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::wire::Wire;

    /// Outboxes of connections that sleep, and their clients.
    async fn asleep(count: usize) -> Vec<(Arc<Outbox>, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut all = Vec::new();
        for _ in 0..count {
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (_, writing) = listener.accept().await.unwrap().0.into_split();
            writing.writable().await.unwrap();
            let outbox = Outbox::new(8, Some(Wire::new(writing)));
            poll_fn(|waiting| Poll::Ready(outbox.poll_take(waiting, &mut Vec::new(), 8).is_pending())).await;
            all.push((outbox, client));
        }
        all
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_few_are_written_to_at_once_and_many_by_tasks_that_end() {
        for count in [1, FEW, FEW + 1, TURN, TURN + 1, TURN * 5] {
            let (writers, mut all) = (Arc::new(Writers::default()), asleep(count).await);
            for n in 0..3 {
                let due = all.iter().filter(|(outbox, _)| outbox.push(format!("frame {n}").into()));
                writers.write(due.map(|(outbox, _)| Arc::clone(outbox)).collect());
            }
            for (_, client) in &mut all {
                let mut heard = [0; 27];
                client.read_exact(&mut heard).await.unwrap();
                assert_eq!(&heard, b"\x81\x07frame 0\x81\x07frame 1\x81\x07frame 2");
            }
            while writers.due().tasks > 0 {
                tokio::task::yield_now().await;
            }
            assert!(writers.due().outboxes.is_empty());
        }
    }

    #[tokio::test]
    async fn no_more_tasks_than_there_is_work_for_or_cores() {
        let (writers, all) = (Arc::new(Writers { due: Mutex::default(), most: 2 }), asleep(TURN * 3).await);
        let write = |from: usize, to: usize| {
            writers.write(all[from..to].iter().map(|(outbox, _)| Arc::clone(outbox)).collect());
        };
        // On the one thread no task has begun yet.
        write(0, TURN);
        assert_eq!(writers.due().tasks, 1);
        write(TURN, TURN * 2);
        assert_eq!(writers.due().tasks, 2);
        write(TURN * 2, TURN * 3);
        assert_eq!(writers.due().tasks, 2);
        assert_eq!(writers.due().outboxes.len(), TURN * 3);
    }
}
