use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use lethe_protocol::{
    Conversation, ConversationId, Conversations, Error, Event, GetConversations, ListConversations, LoggedIn,
    Login, PROTOCOL_VERSION, Ping, Pong, Request, Resume,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::{ClientError, Replica};

/// Request IDs of the client itself, above those of its user.
const OWN_IDS: u64 = 1 << 40;

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
    fetches: HashMap<u64, BTreeSet<ConversationId>>,
    /// Heartbeats that the server asked for.
    beats: HashSet<u64>,
    /// Such a heartbeat is about to go out.
    verifying: bool,
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
        let replica = replica.unwrap_or_else(|| Replica::new(&credentials.user_id));
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                replica,
                waiting: HashMap::new(),
                fetches: HashMap::new(),
                beats: HashSet::new(),
                verifying: false,
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
                let wanted = state.replica.put(conversation);
                fetch(&mut state, wanted, &self.outgoing);
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
        let since = self.replica(|replica| replica.verifies().then(|| replica.resume()).flatten());
        let mut ping = Ping { since };
        loop {
            let pong: Pong = self.request(Request::Ping(std::mem::take(&mut ping))).await?;
            let mut state = self.shared.state();
            let wanted = state.replica.heard(pong);
            fetch(&mut state, wanted, &self.outgoing);
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
    state.replica.start(login.change, login.time, login.verifies);
    for conversation in login.list.iter().flat_map(|page| &page.conversations) {
        let wanted = state.replica.put(conversation.clone());
        fetch(&mut state, wanted, outgoing);
    }
    if let Some(resumed) = login.resumed.clone() {
        let wanted = state.replica.resumed(resumed);
        fetch(&mut state, wanted, outgoing);
    }
    for event in state.early.take().unwrap_or_default() {
        take_event(shared, &mut state, event, outgoing);
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
        // The client answers it by itself.
        if !matches!(event, Event::Verify(_)) {
            let _ = events.send(event.clone());
        }
        match &mut state.early {
            Some(early) => early.push(event),
            None => take_event(shared, &mut state, event, outgoing),
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
        let wanted = state.replica.fetched(&asked, got.map(|got| got.conversations).unwrap_or_default());
        fetch(&mut state, wanted, outgoing);
    } else if state.beats.remove(&id) {
        if let Some(pong) = answer.ok().and_then(|body| serde_json::from_str(body.get()).ok()) {
            let wanted = state.replica.heard(pong);
            fetch(&mut state, wanted, outgoing);
        }
    } else if let Some(done) = state.waiting.remove(&id) {
        let _ = done.send(answer);
    }
}

fn take_event(
    shared: &Arc<Shared>,
    state: &mut State,
    event: Event,
    outgoing: &mpsc::UnboundedSender<Message>,
) {
    if let Event::Verify(verify) = &event
        && !std::mem::replace(&mut state.verifying, true)
    {
        tokio::spawn(beat(Arc::clone(shared), outgoing.clone(), verify.within));
    }
    let wanted = state.replica.apply(event);
    fetch(state, wanted, outgoing);
}

/// Asks for conversations; the answer goes into the replica.
fn fetch(
    state: &mut State,
    wanted: impl IntoIterator<Item = ConversationId>,
    outgoing: &mpsc::UnboundedSender<Message>,
) {
    for wanted in wanted {
        let id = own_id(state);
        state.fetches.insert(id, BTreeSet::from([wanted.clone()]));
        let request = Request::GetConversations(GetConversations { conversation_ids: vec![wanted] });
        let _ = outgoing.send(Message::text(request.frame(id)));
    }
}

fn own_id(state: &mut State) -> u64 {
    state.next_id += 1;
    OWN_IDS + state.next_id
}

/// Says where the client stands, at some moment within so many ms.
async fn beat(shared: Arc<Shared>, outgoing: mpsc::UnboundedSender<Message>, within: u32) {
    tokio::time::sleep(Duration::from_millis(u64::from(rand::random_range(0..=within)))).await;
    let mut state = shared.state();
    state.verifying = false;
    let (id, since) = (own_id(&mut state), state.replica.resume());
    state.beats.insert(id);
    let _ = outgoing.send(Message::text(Request::Ping(Ping { since }).frame(id)));
}
