//! The one task of one socket: it hears the client, its outbox, the end of its requests, the clock and the hub.

use std::future::Future as _;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt as _, StreamExt as _};
use lethe_protocol::{CloseCode, Code, Error, Inbound, KickReason, Login, Request, answer, refusal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::context::Context;
use crate::dispatch::{Session, dispatch};
use crate::failure::Failure;
use crate::handlers::session;
use crate::hub::{Client, Closing, Registration, kick};
use crate::patience::patiently;
use crate::usersig::Claims;

/// A socket that does not log in within this time is closed.
const LOGIN_TIME: Duration = Duration::from_secs(10);
/// Requests of one client that are under way at once; more wait in the socket.
const IN_FLIGHT_MAX: usize = 64;
/// Frames taken from the outbox for one write.
const WRITE_MAX: usize = 64;

/// A request that waits has a task of its own: it may hold a lock, which must not wait for a client that does not read.
type InFlight = JoinHandle<String>;

/// Serves a socket until either side closes it.
pub(crate) async fn run(mut socket: WebSocket, cx: Arc<Context>) {
    let (id, login) = match timeout(LOGIN_TIME, first_request(&mut socket)).await {
        Ok(Some(first)) => first,
        Ok(None) => return,
        Err(_) => return close(&mut socket, &ending(CloseCode::NoLogin)).await,
    };
    let claims = match patiently(&cx, || session::authenticate(&cx, &login)).await {
        Ok(claims) => claims,
        Err(failure) => {
            let code = close_code(&failure);
            let _ = socket.send(Message::Text(refusal(id, &failure.tell()).into())).await;
            return close(&mut socket, &ending(code)).await;
        }
    };
    let (outbox, frames) = mpsc::channel(cx.config.outbox_frames);
    let place = cx.hub.register(&login.user_id, &login.instance, outbox);
    let connection = Connection::new(socket, Arc::clone(&cx), place, frames, &login, claims);
    connection.run(id, login).await;
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
        let error = match read(&text) {
            Ok((id, Request::Login(login))) => return Some((id, login)),
            Ok((id, _)) => (id, Error::new(Code::NOT_LOGGED_IN, "log in first")),
            Err(error) => error,
        };
        socket.send(Message::Text(refusal(error.0, &error.1).into())).await.ok()?;
    }
}

/// The request of a frame. One that is not even a frame is refused as request 0.
fn read(text: &str) -> Result<(u64, Request), (u64, Error)> {
    let frame: Inbound<'_> = serde_json::from_str(text)
        .map_err(|error| (0, Error::new(Code::MALFORMED_REQUEST, error.to_string())))?;
    Request::read(&frame).map(|request| (frame.id, request)).map_err(|error| (frame.id, error))
}

fn ending(code: CloseCode) -> Closing {
    Closing { code, last: None }
}

async fn close(socket: &mut WebSocket, closing: &Closing) {
    let frame = CloseFrame { code: closing.code as u16, reason: format!("{:?}", closing.code).into() };
    let _ = timeout(Duration::from_secs(1), async {
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
    cx: Arc<Context>,
    place: Registration,
    frames: mpsc::Receiver<Utf8Bytes>,
    session: Arc<Session>,
    in_flight: FuturesUnordered<InFlight>,
    idle: Duration,
    heard: Instant,
    sig_ends: Instant,
    claims: Claims,
}

/// What woke the connection.
enum Woken {
    Inbound(Option<Result<Message, axum::Error>>),
    Frame(Utf8Bytes),
    Answer(String),
    Closing(Closing),
}

impl Connection {
    fn new(
        socket: WebSocket,
        cx: Arc<Context>,
        place: Registration,
        frames: mpsc::Receiver<Utf8Bytes>,
        login: &Login,
        claims: Claims,
    ) -> Self {
        let now = Instant::now();
        // Further away than a year is as good as never, and the timer takes it.
        let left = claims.expires.saturating_sub(cx.now_seconds()).min(365 * 86400);
        Self {
            socket,
            place,
            frames,
            session: Arc::new(Session { user_id: login.user_id.clone(), instance: login.instance.clone() }),
            in_flight: FuturesUnordered::new(),
            idle: Duration::from_secs(u64::from(cx.config.idle_seconds)),
            heard: now,
            sig_ends: now + Duration::from_secs(left),
            claims,
            cx,
        }
    }

    async fn run(mut self, id: u64, login: Login) {
        let (cx, client, claims) = (&self.cx, &self.place.client, self.claims);
        let closing = match patiently(cx, || log_in(cx, client, id, &login, &claims)).await {
            Ok(frame) => {
                if self.write(vec![frame.into()]).await {
                    self.listen().await
                } else {
                    self.place.client.closing_now()
                }
            }
            Err(failure) => {
                let code = close_code(&failure);
                let _ = self.write(vec![refusal(id, &failure.tell()).into()]).await;
                Some(ending(code))
            }
        };
        drop(self.place);
        if let Some(closing) = closing {
            close(&mut self.socket, &closing).await;
        }
    }

    /// Why the socket is to be closed; none when it is gone.
    async fn listen(&mut self) -> Option<Closing> {
        loop {
            let written = match self.wake().await {
                Woken::Closing(closing) => return Some(closing),
                Woken::Inbound(None | Some(Err(_) | Ok(Message::Close(_)))) => return None,
                Woken::Inbound(Some(Ok(Message::Binary(_)))) => {
                    return Some(ending(CloseCode::ProtocolError));
                }
                Woken::Inbound(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {
                    self.heard = Instant::now();
                    true
                }
                Woken::Inbound(Some(Ok(Message::Text(text)))) => {
                    self.heard = Instant::now();
                    match read(&text) {
                        Ok((id, Request::Logout)) => {
                            self.write(vec![answer(id, &()).into()]).await;
                            return Some(ending(CloseCode::LoginEnded));
                        }
                        Ok((id, request)) => self.begin(id, request).await,
                        Err((id, error)) => self.write(vec![refusal(id, &error).into()]).await,
                    }
                }
                Woken::Frame(frame) => self.write(vec![frame]).await,
                Woken::Answer(frame) => self.answer(frame).await,
            };
            if !written {
                // Either the socket is gone, or the client was told to go while it did not read.
                return self.place.client.closing_now();
            }
        }
    }

    async fn wake(&mut self) -> Woken {
        let silent = self.heard + self.idle;
        let deadline = silent.min(self.sig_ends);
        tokio::select! {
            biased;
            closing = self.place.client.closing() => Woken::Closing(closing),
            Some(frame) = self.frames.recv() => Woken::Frame(frame),
            Some(done) = self.in_flight.next() => match done {
                Ok(frame) => Woken::Answer(frame),
                Err(_) => Woken::Closing(ending(CloseCode::Restarting)),
            },
            inbound = self.socket.recv(), if self.in_flight.len() < IN_FLIGHT_MAX => Woken::Inbound(inbound),
            () = sleep_until(deadline) => Woken::Closing(if deadline == silent {
                ending(CloseCode::Silent)
            } else {
                kick(KickReason::UserSigExpired)
            }),
        }
    }

    /// Starts a request at once, so that requests take their locks in the order they came; most end right here.
    async fn begin(&mut self, id: u64, request: Request) -> bool {
        let (cx, session) = (Arc::clone(&self.cx), Arc::clone(&self.session));
        let mut work = Box::pin(async move {
            dispatch(&cx, &session, id, request).await.unwrap_or_else(|failure| refusal(id, &failure.tell()))
        });
        match std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            Poll::Ready(frame) => self.answer(frame).await,
            Poll::Pending => {
                self.in_flight.push(tokio::spawn(work));
                true
            }
        }
    }

    /// Writes an answer after the events that were told before it.
    async fn answer(&mut self, frame: String) -> bool {
        let mut frames = self.waiting();
        frames.push(frame.into());
        self.write(frames).await
    }

    fn waiting(&mut self) -> Vec<Utf8Bytes> {
        std::iter::from_fn(|| self.frames.try_recv().ok()).collect()
    }

    /// Writes frames, and those that wait, in one go. False when the socket is gone or stuck for too long.
    async fn write(&mut self, frames: Vec<Utf8Bytes>) -> bool {
        let client = Arc::clone(&self.place.client);
        let (socket, outbox) = (&mut self.socket, &mut self.frames);
        let writing = async {
            for frame in frames {
                socket.feed(Message::Text(frame)).await?;
            }
            for _ in 0..WRITE_MAX {
                let Ok(frame) = outbox.try_recv() else { break };
                socket.feed(Message::Text(frame)).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            written = timeout(self.idle, writing) => matches!(written, Ok(Ok(()))),
            _ = client.closing() => false,
        }
    }
}
