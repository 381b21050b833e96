use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use lethe_protocol::{
    Conversation, Conversations, Error, Event, GetConversations, ListConversations, LoggedIn, Login,
    PROTOCOL_VERSION, Ping, Pong, Request, Resume,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::Replica;

/// Request IDs of the client itself, above those of its user.
const OWN_IDS: u64 = 1 << 40;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused it.
    #[error("{0}")]
    Refused(Error),
    /// The socket is gone. Whether the request took effect is unknown.
    #[error("the connection is closed{}", .0.map_or_else(String::new, |code| format!(" with code {code}")))]
    Closed(Option<u16>),
    /// The answer is not what the protocol says.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

impl ClientError {
    /// The code of a refusal; 0 for anything else.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::Refused(error) => error.code.0,
            Self::Closed(_) | Self::Unexpected(_) => 0,
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The app.
    pub sdk_app_id: u32,
    /// The user.
    pub user_id: String,
    /// The user's token.
    pub user_sig: String,
    /// Random ID of this client, kept over reconnects.
    pub instance: String,
}

/// A logged-in client. Dropping it drops the socket without a word, as a lost network does.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    outgoing: mpsc::UnboundedSender<Message>,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    /// The login's answer.
    pub login: LoggedIn,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    replica: Replica,
    waiting: HashMap<u64, oneshot::Sender<Result<Box<RawValue>, Error>>>,
    fetches: HashMap<u64, BTreeSet<lethe_protocol::ConversationId>>,
    next_id: u64,
    /// Present when the socket is gone: the code it was closed with.
    closed: Option<Option<u16>>,
    /// Events before the login's answer, which are newer than it.
    early: Option<Vec<Event>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    ok: Option<&'a RawValue>,
    err: Option<Error>,
}

impl Client {
    /// Connects and logs in; with a replica, resumes it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn connect(
        address: SocketAddr,
        credentials: &Credentials,
        replica: Option<Replica>,
    ) -> Result<Self, ClientError> {
        let tcp = TcpStream::connect(address).await.map_err(|_| ClientError::Closed(None))?;
        tcp.set_nodelay(true).map_err(|_| ClientError::Closed(None))?;
        let (socket, _) = tokio_tungstenite::client_async(format!("ws://{address}/ws"), tcp)
            .await
            .map_err(|error| ClientError::Unexpected(error.to_string()))?;
        let (sink, stream) = socket.split();
        let resume = replica.as_ref().and_then(Replica::resume);
        let resuming = resume.is_some();
        let replica = replica.unwrap_or_else(|| Replica::new(&credentials.user_id));
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                replica,
                waiting: HashMap::new(),
                fetches: HashMap::new(),
                next_id: 1,
                closed: None,
                early: Some(Vec::new()),
            }),
        });
        let (outgoing, frames) = mpsc::unbounded_channel();
        let (tell, events) = mpsc::unbounded_channel();
        let tasks = [
            tokio::spawn(write(sink, frames)),
            tokio::spawn(read(stream, Arc::clone(&shared), outgoing.clone(), tell)),
        ];
        let login = login(&shared, &outgoing, credentials, resume).await?;
        let client = Self { shared, outgoing, events: tokio::sync::Mutex::new(events), login, tasks };
        client.take_rest_of_list().await?;
        if resuming {
            // Remarks for friends are not part of what a resume tells.
            let friends = client.request(Request::ListFriends).await?;
            client.shared.state().replica.apply(Event::Friends(friends));
        }
        Ok(client)
    }

    async fn take_rest_of_list(&self) -> Result<(), ClientError> {
        let mut cursor = self.login.list.as_ref().and_then(|page| page.cursor.clone());
        while cursor.is_some() {
            let request = Request::ListConversations(ListConversations { cursor, limit: 500 });
            let page: lethe_protocol::ConversationPage = self.request(request).await?;
            let mut state = self.shared.state();
            for conversation in page.conversations {
                // Events may have told something newer while the page was on its way.
                let known = state.replica.get(&conversation.conversation_id);
                if known.is_none_or(|known| {
                    known.head <= conversation.head && known.change <= conversation.change
                }) {
                    state.replica.put(conversation);
                }
            }
            cursor = page.cursor;
        }
        Ok(())
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn request<T: DeserializeOwned>(&self, request: Request) -> Result<T, ClientError> {
        ask(&self.shared, &self.outgoing, &request).await
    }

    /// Sends a frame as it is, for tests of malformed ones.
    pub fn send_raw(&self, text: &str) {
        let _ = self.outgoing.send(Message::text(text));
    }

    /// The next event, in the order of the server; none when the socket is gone.
    pub async fn event(&self) -> Option<Event> {
        self.events.lock().await.recv().await
    }

    /// Looks at the replica.
    pub fn replica<T>(&self, look: impl FnOnce(&Replica) -> T) -> T {
        look(&self.shared.state().replica)
    }

    /// Drops the socket and takes the replica out, to resume with later.
    #[must_use]
    pub fn disconnect(self) -> Replica {
        self.tasks.iter().for_each(JoinHandle::abort);
        std::mem::take(&mut self.shared.state().replica)
    }

    /// The code the server closed the socket with; none while it is open.
    #[must_use]
    pub fn closed_with(&self) -> Option<Option<u16>> {
        self.shared.state().closed
    }

    /// Returns when everything that was told to this client before is in the replica.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn settle(&self) -> Result<(), ClientError> {
        loop {
            let pong: Pong = self.request(Request::Ping(Ping::default())).await?;
            let mut state = self.shared.state();
            state.replica.heard(pong.time);
            if !state.replica.is_fetching() {
                return Ok(());
            }
        }
    }

    /// The whole list as a fresh login would get it, but for its filter of groups one has left.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list(&self) -> Result<Vec<Conversation>, ClientError> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let request = Request::ListConversations(ListConversations { cursor, limit: 500 });
            let page: lethe_protocol::ConversationPage = self.request(request).await?;
            all.extend(page.conversations);
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}

async fn login(
    shared: &Arc<Shared>,
    outgoing: &mpsc::UnboundedSender<Message>,
    credentials: &Credentials,
    resume: Option<Resume>,
) -> Result<LoggedIn, ClientError> {
    let login: LoggedIn = ask(
        shared,
        outgoing,
        &Request::Login(Login {
            protocol: PROTOCOL_VERSION,
            sdk_app_id: credentials.sdk_app_id,
            user_id: credentials.user_id.clone(),
            user_sig: credentials.user_sig.clone(),
            instance: credentials.instance.clone(),
            resume,
        }),
    )
    .await?;
    let mut state = shared.state();
    state.replica.start(login.change, login.time);
    for conversation in login.list.iter().flat_map(|page| &page.conversations) {
        state.replica.put(conversation.clone());
    }
    if let Some(resumed) = login.resumed.clone() {
        state.replica.resumed(resumed);
    }
    for event in state.early.take().unwrap_or_default() {
        take_event(&mut state, event, outgoing);
    }
    Ok(login)
}

async fn ask<T: DeserializeOwned>(
    shared: &Arc<Shared>,
    outgoing: &mpsc::UnboundedSender<Message>,
    request: &Request,
) -> Result<T, ClientError> {
    let (done, answer) = oneshot::channel();
    let id = {
        let mut state = shared.state();
        if let Some(code) = state.closed {
            return Err(ClientError::Closed(code));
        }
        let id = state.next_id;
        state.next_id += 1;
        state.waiting.insert(id, done);
        id
    };
    let _ = outgoing.send(Message::text(request.frame(id)));
    let answer = answer.await.map_err(|_| ClientError::Closed(shared.state().closed.flatten()))?;
    let body = answer.map_err(ClientError::Refused)?;
    serde_json::from_str(body.get()).map_err(|error| ClientError::Unexpected(error.to_string()))
}

async fn write(
    mut sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    mut frames: mpsc::UnboundedReceiver<Message>,
) {
    while let Some(frame) = frames.recv().await {
        if sink.feed(frame).await.is_err() {
            return;
        }
        // What waits goes with it in one write.
        while let Ok(frame) = frames.try_recv() {
            if sink.feed(frame).await.is_err() {
                return;
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}

async fn read(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    shared: Arc<Shared>,
    outgoing: mpsc::UnboundedSender<Message>,
    events: mpsc::UnboundedSender<Event>,
) {
    let mut code = None;
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => take_frame(&shared, &text, &outgoing, &events),
            Message::Close(frame) => code = frame.map(|frame| u16::from(frame.code)),
            _ => {}
        }
    }
    let mut state = shared.state();
    state.closed = Some(code);
    state.waiting.clear();
}

fn take_frame(
    shared: &Arc<Shared>,
    text: &str,
    outgoing: &mpsc::UnboundedSender<Message>,
    events: &mpsc::UnboundedSender<Event>,
) {
    let mut state = shared.state();
    if text.starts_with(r#"{"ev""#) {
        let Ok(event) = serde_json::from_str::<Event>(text) else { return };
        let _ = events.send(event.clone());
        match &mut state.early {
            Some(early) => early.push(event),
            None => take_event(&mut state, event, outgoing),
        }
        return;
    }
    let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return };
    let id = frame.id.unwrap_or_default();
    let answer = match (frame.ok, frame.err) {
        (_, Some(error)) => Err(error),
        (Some(ok), None) => Ok(ok.to_owned()),
        // `"ok": null` is an answer without a body.
        (None, None) => Ok(RawValue::NULL.to_owned()),
    };
    if let Some(asked) = state.fetches.remove(&id) {
        let got = answer.ok().and_then(|body| serde_json::from_str::<Conversations>(body.get()).ok());
        state.replica.fetched(&asked, got.map(|got| got.conversations).unwrap_or_default());
    } else if let Some(done) = state.waiting.remove(&id) {
        let _ = done.send(answer);
    }
}

fn take_event(state: &mut State, event: Event, outgoing: &mpsc::UnboundedSender<Message>) {
    if let Some(wanted) = state.replica.apply(event) {
        let id = OWN_IDS + state.next_id;
        state.next_id += 1;
        state.fetches.insert(id, BTreeSet::from([wanted.clone()]));
        let request = Request::GetConversations(GetConversations { conversation_ids: vec![wanted] });
        let _ = outgoing.send(Message::text(request.frame(id)));
    }
}
