//! What waits to be written to one socket. One primitive instead of a channel, a watch and a join handle per request: an
//! idle client costs an empty queue, and one wake-up brings everything there is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::extract::ws::Utf8Bytes;
use lethe_protocol::CloseCode;

/// Places that an empty queue keeps.
const KEPT: usize = 8;

/// Why a socket is to be closed, and a last frame to send before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: CloseCode,
    pub(crate) last: Option<String>,
}

/// The queue of frames of one socket, its requests under way, and the reason to close it. Any task puts in; only the
/// connection's own task takes out.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Frames that may wait; answers are not counted, their number has a limit of its own.
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Utf8Bytes>,
    closing: Option<Closing>,
    under_way: usize,
    connection: Option<Waker>,
    /// The connection is awake or writing: it looks here before it sleeps, and is woken only by a reason to stop. A task
    /// that wakes itself runs twice, and the second time wakes a thread to share the work.
    busy: bool,
}

impl State {
    /// The task to wake, without holding the lock.
    fn waker(&mut self) -> Option<Waker> {
        if self.busy { None } else { self.connection.take() }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Outbox {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), most })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame in. A client whose outbox is full reads too slowly: it is sent away to resume.
    pub(crate) fn push(&self, frame: Utf8Bytes) {
        let mut state = self.state();
        if state.frames.len() >= self.most {
            drop(state);
            return self.close(Closing { code: CloseCode::TooSlow, last: None });
        }
        state.frames.push_back(frame);
        let waker = state.waker();
        drop(state);
        wake(waker);
    }

    /// Closes the socket, unless there is a reason already.
    pub(crate) fn close(&self, closing: Closing) {
        let mut state = self.state();
        if state.closing.is_some() {
            return;
        }
        state.closing = Some(closing);
        let waker = state.connection.take();
        drop(state);
        wake(waker);
    }

    /// The first reason to close, if there is one.
    pub(crate) fn closing(&self) -> Option<Closing> {
        self.state().closing.clone()
    }

    /// Requests under way.
    pub(crate) fn under_way(&self) -> usize {
        self.state().under_way
    }

    /// The connection's task begins a request; its answer comes through the ticket.
    pub(crate) fn begin(self: &Arc<Self>) -> Ticket {
        let mut state = self.state();
        state.under_way += 1;
        state.busy = true;
        drop(state);
        Ticket { outbox: Arc::clone(self), answered: false }
    }

    /// Moves up to `most` frames into `taken`, or gives the reason to close, whichever there is; a reason comes first.
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        taken: &mut Vec<Utf8Bytes>,
        most: usize,
    ) -> Poll<Option<Closing>> {
        let mut state = self.state();
        state.busy = false;
        if let Some(closing) = &state.closing {
            return Poll::Ready(Some(closing.clone()));
        }
        if state.frames.is_empty() {
            remember(&mut state.connection, cx);
            return Poll::Pending;
        }
        state.take(taken, most);
        Poll::Ready(None)
    }

    /// Moves up to `most` frames into `taken`.
    pub(crate) fn take(&self, taken: &mut Vec<Utf8Bytes>, most: usize) {
        self.state().take(taken, most);
    }

    /// Ready when there is a reason to close; frames do not wake who waits here.
    pub(crate) fn poll_closing(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        state.busy = true;
        if state.closing.is_some() {
            return Poll::Ready(());
        }
        remember(&mut state.connection, cx);
        Poll::Pending
    }
}

impl State {
    fn take(&mut self, taken: &mut Vec<Utf8Bytes>, most: usize) {
        let count = self.frames.len().min(most);
        taken.extend(self.frames.drain(..count));
        if self.frames.is_empty() && self.frames.capacity() > KEPT {
            // An idle client keeps no memory for the busy moment it had.
            self.frames = VecDeque::new();
        }
    }
}

fn remember(kept: &mut Option<Waker>, cx: &Context<'_>) {
    match kept {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *kept = Some(cx.waker().clone()),
    }
}

/// A request under way. Its answer goes behind everything that was told before it.
#[derive(Debug)]
pub(crate) struct Ticket {
    outbox: Arc<Outbox>,
    answered: bool,
}

impl Ticket {
    pub(crate) fn answer(mut self, frame: String) {
        self.answered = true;
        let mut state = self.outbox.state();
        state.under_way -= 1;
        state.frames.push_back(frame.into());
        let waker = state.waker();
        drop(state);
        wake(waker);
    }
}

impl Drop for Ticket {
    /// A request that ends without an answer leaves its client waiting: it is to come back and ask again.
    fn drop(&mut self) {
        if !self.answered {
            self.outbox.state().under_way -= 1;
            self.outbox.close(Closing { code: CloseCode::Restarting, last: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Reader {
        outbox: Arc<Outbox>,
        woken: Arc<Count>,
    }

    impl Reader {
        fn of(most: usize) -> Self {
            Self { outbox: Outbox::new(most), woken: Arc::default() }
        }

        fn take(&self, most: usize) -> Poll<(Option<Closing>, Vec<String>)> {
            let mut taken = Vec::new();
            let waker = Waker::from(Arc::clone(&self.woken));
            let closing = self.outbox.poll_take(&mut Context::from_waker(&waker), &mut taken, most);
            closing.map(|closing| (closing, taken.iter().map(ToString::to_string).collect()))
        }

        fn write(&self) -> Poll<()> {
            let waker = Waker::from(Arc::clone(&self.woken));
            self.outbox.poll_closing(&mut Context::from_waker(&waker))
        }

        fn wakes(&self) -> usize {
            self.woken.0.swap(0, Ordering::SeqCst)
        }
    }

    #[test]
    fn one_wake_up_brings_all_there_is_in_order() {
        let reader = Reader::of(8);
        let ticket = reader.outbox.begin();
        assert!(reader.take(8).is_pending());
        reader.outbox.push("event".into());
        ticket.answer("answer".to_owned());
        assert_eq!(reader.wakes(), 1);
        assert_eq!(reader.take(8), Poll::Ready((None, vec!["event".to_owned(), "answer".to_owned()])));
        assert!(reader.take(8).is_pending());
    }

    #[test]
    fn who_answers_itself_is_not_woken() {
        let reader = Reader::of(8);
        assert!(reader.take(8).is_pending());
        reader.outbox.begin().answer("answer".to_owned());
        assert_eq!(reader.wakes(), 0);
        assert_eq!(reader.take(8), Poll::Ready((None, vec!["answer".to_owned()])));
        assert!(reader.take(8).is_pending());
        reader.outbox.push("event".into());
        assert_eq!(reader.wakes(), 1);
    }

    #[test]
    fn no_more_is_taken_than_was_asked_for() {
        let reader = Reader::of(8);
        for n in 0..3 {
            reader.outbox.push(n.to_string().into());
        }
        assert_eq!(reader.take(2), Poll::Ready((None, vec!["0".to_owned(), "1".to_owned()])));
        assert_eq!(reader.take(2), Poll::Ready((None, vec!["2".to_owned()])));
    }

    #[test]
    fn a_full_outbox_sends_its_client_away_and_the_first_reason_counts() {
        let reader = Reader::of(2);
        reader.outbox.push("1".into());
        reader.outbox.push("2".into());
        assert_eq!(reader.outbox.closing(), None);
        // Answers have a limit of their own.
        reader.outbox.begin().answer("3".to_owned());
        assert_eq!(reader.outbox.closing(), None);
        reader.outbox.push("4".into());
        let slow = Closing { code: CloseCode::TooSlow, last: None };
        assert_eq!(reader.outbox.closing(), Some(slow.clone()));
        reader.outbox.close(Closing { code: CloseCode::LoginEnded, last: None });
        assert_eq!(reader.take(8), Poll::Ready((Some(slow), Vec::new())));
    }

    #[test]
    fn who_writes_is_woken_by_a_reason_to_close_only() {
        let reader = Reader::of(8);
        assert!(reader.write().is_pending());
        reader.outbox.push("event".into());
        reader.outbox.begin().answer("answer".to_owned());
        assert_eq!(reader.wakes(), 0);
        reader.outbox.close(Closing { code: CloseCode::Restarting, last: None });
        assert_eq!(reader.wakes(), 1);
        assert!(reader.write().is_ready());
    }

    #[test]
    fn a_request_that_ends_without_an_answer_closes_the_socket() {
        let reader = Reader::of(8);
        assert!(reader.take(8).is_pending());
        let ticket = reader.outbox.begin();
        assert_eq!(reader.outbox.under_way(), 1);
        drop(ticket);
        assert_eq!((reader.outbox.under_way(), reader.wakes()), (0, 1));
        assert!(reader.outbox.closing().is_some_and(|closing| closing.code == CloseCode::Restarting));
    }
}
