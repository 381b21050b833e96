//! The one task of one socket: it hears the client, its outbox and the clock.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Waiting, Poll};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use lethe_protocol::{CloseCode, Code, Error, KickReason, Login, Request, answer, refusal};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::context::Context;
use crate::deadline::on_the_second;
use crate::dispatch::{Session, dispatch};
use crate::failure::Failure;
use crate::handlers::session;
use crate::hub::{Client, Registration, kick};
use crate::outbox::{Closing, Outbox};
use crate::patience::patiently;
use crate::usersig::Claims;
use crate::wire::Wire;

/// A socket that does not log in within this time is closed.
const LOGIN_TIME: Duration = Duration::from_secs(10);
/// A client that does not take leave within this time is left.
const CLOSING_TIME: Duration = Duration::from_secs(1);
/// Requests of one client that are under way at once; more wait in the socket.
const IN_FLIGHT_MAX: usize = 64;
/// Frames taken from the outbox for one write.
const WRITE_MAX: usize = 64;
/// Frames heard in a row before what waits is written: the answers to requests that came together go out together.
const HEARD_MAX: usize = 16;

/// Serves a socket until either side closes it.
pub(crate) async fn run(mut socket: WebSocket, wire: Wire, cx: Arc<Context>) {
    let (id, login) = match timeout(LOGIN_TIME, first_request(&mut socket)).await {
        Ok(Some(first)) => first,
        Ok(None) => return,
        Err(_) => return close(&mut socket, &ending(CloseCode::NoLogin)).await,
    };
    let claims = match Box::pin(patiently(&cx, || session::authenticate(&cx, &login))).await {
        Ok(claims) => claims,
        Err(failure) => {
            let code = close_code(&failure);
            let _ = socket.send(Message::Text(refusal(id, &failure.tell()).into())).await;
            return close(&mut socket, &ending(code)).await;
        }
    };
    let outbox = Outbox::new(cx.config.outbox_frames, Some(wire.clone()));
    let place = cx.hub.register(&login.user_id, &login.instance, outbox);
    Connection::new(socket, wire, Arc::clone(&cx), place, &login, claims).run(id, login).await;
}

/// A login that is refused is over; one that the store could not serve may come back.
fn close_code(failure: &Failure) -> CloseCode {
    match failure {
        Failure::Refused(_) => CloseCode::LoginEnded,
        Failure::Store(_) => CloseCode::Restarting,
    }
}

/// The login that a socket has to begin with.
async fn first_request(socket: &mut WebSocket) -> Option<(u64, Login)> {
    loop {
        let text = match socket.recv().await?.ok()? {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Binary(_) | Message::Close(_) => return None,
        };
        let error = match Request::read(&text) {
            Ok((id, Request::Login(login))) => return Some((id, login)),
            Ok((id, _)) => (id, Error::new(Code::NOT_LOGGED_IN, "log in first")),
            Err(error) => error,
        };
        socket.send(Message::Text(refusal(error.0, &error.1).into())).await.ok()?;
    }
}

fn ending(code: CloseCode) -> Closing {
    Closing { code, last: None }
}

async fn close(socket: &mut WebSocket, closing: &Closing) {
    let frame = CloseFrame { code: closing.code as u16, reason: format!("{:?}", closing.code).into() };
    let _ = timeout(CLOSING_TIME, async {
        if let Some(last) = &closing.last {
            let _ = socket.send(Message::Text(last.into())).await;
        }
        let _ = socket.send(Message::Close(Some(frame))).await;
        // The client answers the close before the socket goes, so that it sees the code.
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await;
}

/// Subscribes to the user's groups, then reads the state: what happens in between comes as an event too.
async fn log_in(
    cx: &Context,
    client: &Arc<Client>,
    id: u64,
    login: &Login,
    claims: &Claims,
) -> Result<String, Failure> {
    let bus = cx.hub.bus();
    let mut groups = Vec::new();
    loop {
        // A group joined or left between reading and subscribing is seen by reading once more, after it was told.
        cx.store.settle().await?;
        let read = session::groups(cx, &login.user_id).await?;
        if read == groups {
            break;
        }
        groups.clone_from(&read);
        cx.hub.subscribe(client, read);
    }
    if let Some(bus) = bus {
        bus.barrier().await;
    }
    Ok(answer(id, &session::state(cx, login, claims).await?))
}

struct Connection {
    socket: WebSocket,
    wire: Wire,
    cx: Arc<Context>,
    place: Registration,
    session: Arc<Session>,
    /// The end of a frame that somebody else began, which is on its way to the socket.
    rest: Bytes,
    /// Frames on their way to the socket behind it.
    frames: Vec<Utf8Bytes>,
    /// Frames heard since the last write.
    heard_in_a_row: usize,
    idle: Duration,
    heard: Instant,
    sig_ends: Instant,
    claims: Claims,
}

/// What woke the connection.
enum Woken {
    Inbound(Option<Result<Message, axum::Error>>),
    Frames,
    Closing(Closing),
}

/// What a frame of the client comes to.
enum Heard {
    GoOn,
    /// The socket is gone.
    Gone,
    Close(Closing),
}

impl Connection {
    fn new(
        socket: WebSocket,
        wire: Wire,
        cx: Arc<Context>,
        place: Registration,
        login: &Login,
        claims: Claims,
    ) -> Self {
        let now = Instant::now();
        // Further away than a year is as good as never, and the timer takes it.
        let left = claims.expires.saturating_sub(cx.now_seconds()).min(365 * 86400);
        Self {
            socket,
            wire,
            place,
            session: Arc::new(Session { user_id: login.user_id.clone(), instance: login.instance.clone() }),
            rest: Bytes::new(),
            frames: Vec::new(),
            heard_in_a_row: 0,
            idle: Duration::from_secs(u64::from(cx.config.idle_seconds)),
            heard: now,
            sig_ends: now + Duration::from_secs(left),
            claims,
            cx,
        }
    }

    async fn run(mut self, id: u64, login: Login) {
        let (cx, client, claims) = (&self.cx, &self.place.client, self.claims);
        // Apart, so that its memory goes when it is over: a connection lives for days.
        let logging_in = Box::pin(patiently(cx, || log_in(cx, client, id, &login, &claims)));
        let (frame, refused) = match logging_in.await {
            Ok(frame) => (frame, None),
            Err(failure) => {
                let closing = ending(close_code(&failure));
                (refusal(id, &failure.tell()), Some(closing))
            }
        };
        drop(login);
        self.frames.push(frame.into());
        let written = self.write().await;
        let closing = match refused {
            None if written => self.listen().await,
            None => self.outbox().closing(),
            refused => refused,
        };
        let rest = self.outbox().take_wire();
        drop(self.place);
        if self.rest.is_empty() {
            // Otherwise the other one is: who is written for does not write.
            self.rest = rest;
        }
        if let Some(closing) = closing {
            Box::pin(async move {
                if let Ok(Ok(())) = timeout(CLOSING_TIME, self.wire.write_all(&mut self.rest)).await {
                    close(&mut self.socket, &closing).await;
                }
            })
            .await;
        }
    }

    fn outbox(&self) -> &Arc<Outbox> {
        &self.place.client.outbox
    }

    /// Why the socket is to be closed; none when it is gone.
    async fn listen(&mut self) -> Option<Closing> {
        let mut clock = pin!(sleep_until(self.deadline()));
        loop {
            match poll_fn(|waiting| self.poll_wake(waiting, clock.as_mut())).await {
                Woken::Closing(closing) => return Some(closing),
                Woken::Inbound(inbound) => match self.hear(inbound).await {
                    Heard::GoOn => {}
                    Heard::Gone => return None,
                    Heard::Close(closing) => return Some(closing),
                },
                Woken::Frames => {
                    if self.outbox().under_way() > 0 {
                        // Requests that were committed together are answered one after the other: one write for all.
                        tokio::task::yield_now().await;
                        self.place.client.outbox.take(&mut self.frames, WRITE_MAX);
                    }
                    if !self.write().await {
                        // Either the socket is gone, or the client was told to go while it did not read.
                        return self.outbox().closing();
                    }
                }
            }
        }
    }

    fn deadline(&self) -> Instant {
        on_the_second((self.heard + self.idle).min(self.sig_ends))
    }

    fn poll_wake(&mut self, waiting: &mut Waiting<'_>, clock: Pin<&mut Sleep>) -> Poll<Woken> {
        let client_first = self.heard_in_a_row < HEARD_MAX;
        if client_first && let Poll::Ready(woken) = self.poll_inbound(waiting) {
            return Poll::Ready(woken);
        }
        let outbox = &self.place.client.outbox;
        if let Poll::Ready(closing) = outbox.poll_take(waiting, &mut self.frames, WRITE_MAX) {
            self.heard_in_a_row = 0;
            return Poll::Ready(closing.map_or(Woken::Frames, Woken::Closing));
        }
        if !client_first && let Poll::Ready(woken) = self.poll_inbound(waiting) {
            return Poll::Ready(woken);
        }
        self.poll_clock(waiting, clock).map(Woken::Closing)
    }

    fn poll_inbound(&mut self, waiting: &mut Waiting<'_>) -> Poll<Woken> {
        // The end of a request wakes this task, too.
        if self.outbox().under_way() >= IN_FLIGHT_MAX {
            return Poll::Pending;
        }
        let inbound = self.socket.poll_next_unpin(waiting);
        self.heard_in_a_row += usize::from(inbound.is_ready());
        inbound.map(Woken::Inbound)
    }

    /// The clock is not set anew for each word of the client: when it strikes, it is seen whether it is time.
    fn poll_clock(&self, waiting: &mut Waiting<'_>, mut clock: Pin<&mut Sleep>) -> Poll<Closing> {
        while clock.as_mut().poll(waiting).is_ready() {
            let now = Instant::now();
            if now >= self.sig_ends {
                return Poll::Ready(kick(KickReason::UserSigExpired));
            }
            if now >= self.heard + self.idle {
                return Poll::Ready(ending(CloseCode::Silent));
            }
            clock.as_mut().reset(self.deadline());
        }
        Poll::Pending
    }

    async fn hear(&mut self, inbound: Option<Result<Message, axum::Error>>) -> Heard {
        let text = match inbound {
            None | Some(Err(_) | Ok(Message::Close(_))) => return Heard::Gone,
            Some(Ok(Message::Binary(_))) => return Heard::Close(ending(CloseCode::ProtocolError)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                self.heard = Instant::now();
                // The library answers a ping when it next writes, which must not be while somebody else does.
                if self.write().await {
                    return Heard::GoOn;
                }
                return self.outbox().closing().map_or(Heard::Gone, Heard::Close);
            }
            Some(Ok(Message::Text(text))) => text,
        };
        self.heard = Instant::now();
        match Request::read(&text) {
            Ok((id, Request::Logout)) => {
                return Heard::Close(Closing { code: CloseCode::LoginEnded, last: Some(answer(id, &())) });
            }
            Ok((id, request)) => self.begin(id, request).await,
            Err((id, error)) => self.outbox().begin().answer(refusal(id, &error)),
        }
        Heard::GoOn
    }

    /// Starts a request at once, so that requests take their locks in the order they came; most that only read end right
    /// here. One that waits goes on as a task of its own: it may hold a lock, which must not wait for a client that does
    /// not read.
    async fn begin(&mut self, id: u64, request: Request) {
        let (cx, session) = (Arc::clone(&self.cx), Arc::clone(&self.session));
        let ticket = self.outbox().begin();
        let mut work = Box::pin(async move {
            let answered = dispatch(&cx, &session, id, request).await;
            ticket.answer(answered.unwrap_or_else(|failure| refusal(id, &failure.tell())));
        });
        if poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await.is_pending() {
            tokio::spawn(work);
        }
    }

    /// Writes the frames. False when the socket is gone or stuck for too long.
    async fn write(&mut self) -> bool {
        let (socket, frames, outbox) = (&mut self.socket, &mut self.frames, &self.place.client.outbox);
        let (wire, rest) = (&self.wire, &mut self.rest);
        *rest = outbox.take_rest();
        let writing = async {
            wire.write_all(rest).await.map_err(axum::Error::new)?;
            for frame in frames.drain(..) {
                socket.feed(Message::Text(frame)).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            written = timeout(self.idle, writing) => matches!(written, Ok(Ok(()))),
            () = poll_fn(|waiting| outbox.poll_closing(waiting)) => false,
        }
    }
}
