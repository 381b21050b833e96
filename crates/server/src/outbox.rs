//! What waits to be written to one socket. One primitive instead of a channel, a watch and a join handle per request: an
//! idle client costs an empty queue, and one wake-up brings everything there is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use lethe_protocol::CloseCode;

use crate::wire::{Wire, append_frame};

/// Places that an empty queue keeps.
const KEPT: usize = 8;
/// Bytes that are written while the connection sleeps; for more it is woken.
const WRITE_BYTES: usize = 16 * 1024;

/// Why a socket is to be closed, and a last frame to send before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: CloseCode,
    pub(crate) last: Option<String>,
}

/// The queue of frames of one socket, its requests under way, and the reason to close it. Any task puts in. The connection's own
/// task takes out; while it sleeps, others write to the socket in its place, under the lock, without waking it.
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
    /// The socket, as long as whole frames may go to it from here.
    wire: Option<Wire>,
    /// The end of a frame whose beginning is written.
    rest: Bytes,
    /// Somebody is about to write what waits.
    due: bool,
}

impl State {
    /// The connection has written all it has, and waits for something to happen.
    fn sleeps(&self) -> bool {
        !self.busy && self.connection.is_some()
    }

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
    /// Without a wire only the connection writes.
    pub(crate) fn new(most: usize, wire: Option<Wire>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { wire, ..State::default() }), most })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame in. A client whose outbox is full reads too slowly: it is sent away to resume. True when the caller is to
    /// have it written by [`Outbox::write`], once for all it puts in.
    #[must_use]
    pub(crate) fn push(&self, frame: Utf8Bytes) -> bool {
        let mut state = self.state();
        if state.frames.len() >= self.most {
            drop(state);
            self.close(Closing { code: CloseCode::TooSlow, last: None });
            return false;
        }
        state.frames.push_back(frame);
        // The answers of requests under way go out together with it.
        if state.sleeps() && state.wire.is_some() && state.under_way == 0 {
            return !std::mem::replace(&mut state.due, true);
        }
        let waker = state.waker();
        drop(state);
        wake(waker);
        false
    }

    /// Writes what waits in place of a connection that sleeps; what it cannot write is for the connection, which is woken. Between
    /// calls `bytes` is memory to be used again.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        let mut state = self.state();
        state.due = false;
        if state.frames.is_empty() || !state.sleeps() || state.closing.is_some() {
            return;
        }
        let waker = if state.write(bytes) { None } else { state.waker() };
        drop(state);
        wake(waker);
    }

    /// From here on only the connection writes, and ends the frame that this gives the end of.
    pub(crate) fn take_wire(&self) -> Bytes {
        let mut state = self.state();
        state.wire = None;
        std::mem::take(&mut state.rest)
    }

    /// The connection is about to write: nobody else does until it sleeps again. It begins with what this gives, the end of a
    /// frame.
    pub(crate) fn take_rest(&self) -> Bytes {
        let mut state = self.state();
        state.busy = true;
        std::mem::take(&mut state.rest)
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
        if let Some(closing) = &state.closing {
            return Poll::Ready(Some(closing.clone()));
        }
        state.busy = !state.frames.is_empty() || !state.rest.is_empty();
        if !state.busy {
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
        self.forget();
    }

    /// An idle client keeps no memory for the busy moment it had.
    fn forget(&mut self) {
        if self.frames.is_empty() && self.frames.capacity() > KEPT {
            self.frames = VecDeque::new();
        }
    }

    /// Writes frames. False when some are left, or the end of one: the connection has to go on, or to see that the socket is gone.
    fn write(&mut self, bytes: &mut Vec<u8>) -> bool {
        let Some(wire) = &self.wire else { return false };
        bytes.clear();
        while let Some(frame) = self.frames.front()
            && bytes.len() + frame.len() <= WRITE_BYTES
            && append_frame(bytes, frame)
        {
            self.frames.pop_front();
        }
        let written = wire.try_write(bytes).unwrap_or(0);
        self.rest = Bytes::copy_from_slice(&bytes[written..]);
        self.forget();
        self.rest.is_empty() && self.frames.is_empty()
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
mod tests;
