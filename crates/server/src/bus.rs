//! The bus between the nodes of one database, over core NATS. It carries hints: whatever it loses, doubles or reorders is
//! healed by what the database says.

mod chaos;
pub(crate) mod subject;
pub(crate) mod word;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, RequestErrorKind, ServerAddr};
use futures_util::stream::{self, BoxStream, SelectAll, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

pub use self::chaos::Chaos;
use self::chaos::Mixer;
use self::subject::Subject;
use self::word::{Said, Word};

/// Words that wait to go out; more are lost, as on a bus that is away.
const OUTGOING_MAX: usize = 65_536;
/// How long a new subscription may take to be known; afterwards one goes on without.
const BARRIER: Duration = Duration::from_millis(500);
/// A node that was not heard for so long is not there any more.
const GONE: Duration = Duration::from_secs(4);
/// How long nodes may take to say who is online there.
const ONLINE: Duration = Duration::from_millis(200);

/// Why the bus cannot be used, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BusError(String);

/// This node's end of the bus.
#[derive(Debug)]
pub(crate) struct Bus {
    outgoing: mpsc::Sender<(Subject, Word)>,
    interest: mpsc::UnboundedSender<Interest>,
    peers: Mutex<HashMap<u64, Peer>>,
    questions: Mutex<HashMap<u64, mpsc::UnboundedSender<Vec<String>>>>,
}

/// Another node.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    heard: Option<Instant>,
    users: u64,
    clients: u64,
}

impl Peer {
    fn is_there(&self) -> bool {
        self.heard.is_some_and(|heard| heard.elapsed() < GONE)
    }
}

/// A change of what this node listens to.
#[derive(Debug)]
enum Interest {
    Listen(Subject),
    Ignore(Subject),
    /// Told when all of the above is known to the server.
    Barrier(oneshot::Sender<()>),
}

/// What comes from the bus.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Another node said this.
    Said(Subject, Said),
    /// The connection was lost and is back, or words were dropped: something may be missing.
    Gap,
}

fn refuse(text: impl std::fmt::Display) -> BusError {
    BusError(format!("the bus cannot be used: {text}"))
}

/// Who we are, as the first address that says so has it: `user:password@` or `token@`.
fn credentials(servers: &[ServerAddr]) -> ConnectOptions {
    let said = servers.iter().find_map(|server| Some((server.username()?, server.password())));
    match said {
        Some((user, Some(password))) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        Some((token, None)) => ConnectOptions::with_token(token.to_owned()),
        None => ConnectOptions::new(),
    }
}

/// A server that is not there now, or whose name is not known yet, may come.
fn is_away(kind: ConnectErrorKind) -> bool {
    matches!(kind, ConnectErrorKind::Io | ConnectErrorKind::TimedOut | ConnectErrorKind::Dns)
}

/// Connects to one of the servers. One that is away is waited for in the background; one that refuses us is an error.
async fn connect(urls: &str, gap: mpsc::UnboundedSender<()>) -> Result<Client, BusError> {
    let urls: Vec<&str> = urls.split(',').map(str::trim).filter(|url| !url.is_empty()).collect();
    let servers: Vec<ServerAddr> = urls
        .iter()
        .map(|url| {
            url.parse().map_err(|error| refuse(format!("{url:?} is not the URL of a NATS server: {error}")))
        })
        .collect::<Result<_, _>>()?;
    let options = || {
        let (gap, lost) = (gap.clone(), AtomicBool::new(false));
        credentials(&servers)
            .name("lethe")
            .no_echo()
            .ping_interval(Duration::from_secs(5))
            .connection_timeout(Duration::from_secs(2))
            .request_timeout(Some(BARRIER))
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis(u64::try_from(attempts.min(10)).unwrap_or(10) * 100)
            })
            .event_callback(move |event| {
                let missed = match event {
                    Event::Connected => lost.swap(false, Ordering::SeqCst),
                    Event::SlowConsumer(_) => true,
                    Event::Disconnected => {
                        lost.store(true, Ordering::SeqCst);
                        false
                    }
                    _ => false,
                };
                tracing::info!(%event, "the bus");
                let gap = gap.clone();
                async move {
                    if missed {
                        let _ = gap.send(());
                    }
                }
            })
    };
    match options().connect(servers.clone()).await {
        Ok(client) => Ok(client),
        Err(error) if is_away(error.kind()) => {
            tracing::warn!(%error, "the bus is away: users of other nodes are reached when it is back");
            options().retry_on_initial_connect().connect(servers).await.map_err(refuse)
        }
        Err(error) => Err(refuse(error)),
    }
}

impl Bus {
    /// Joins the bus of a cluster. What others say comes out of the receiver.
    pub(crate) async fn join(
        urls: &str,
        cluster: &str,
        chaos: Chaos,
    ) -> Result<(Self, mpsc::Receiver<Heard>), BusError> {
        let (gap, gaps) = mpsc::unbounded_channel();
        let client = connect(urls, gap).await?;
        let (prefix, node) = (format!("lethe.{cluster}"), rand::random());
        let (outgoing, words) = mpsc::channel(OUTGOING_MAX);
        let (interest, interests) = mpsc::unbounded_channel();
        let (hear, heard) = mpsc::channel(OUTGOING_MAX);
        tokio::spawn(talk(client.clone(), prefix.clone(), node, words, Mixer::new(chaos)));
        tokio::spawn(listen(client, prefix, interests, gaps, hear));
        let bus = Self { outgoing, interest, peers: Mutex::default(), questions: Mutex::default() };
        bus.listen(Subject::Nodes);
        bus.listen(Subject::Node(node));
        Ok((bus, heard))
    }

    /// Says something to whoever listens. Lost when the bus is away.
    pub(crate) fn say(&self, subject: Subject, word: Word) {
        let _ = self.outgoing.try_send((subject, word));
    }

    pub(crate) fn listen(&self, subject: Subject) {
        let _ = self.interest.send(Interest::Listen(subject));
    }

    pub(crate) fn ignore(&self, subject: Subject) {
        let _ = self.interest.send(Interest::Ignore(subject));
    }

    /// Returns when all that was to be listened to by now is, or the bus is away.
    pub(crate) async fn barrier(&self) {
        let (known, barrier) = oneshot::channel();
        let _ = self.interest.send(Interest::Barrier(known));
        let _ = timeout(BARRIER * 2, barrier).await;
    }

    fn peers(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another node is there.
    pub(crate) fn heard_from(&self, node: u64) {
        self.peers().entry(node).or_default().heard = Some(Instant::now());
    }

    /// Another node says how many it serves.
    pub(crate) fn heard_of(&self, node: u64, users: u64, clients: u64) {
        self.peers().insert(node, Peer { heard: Some(Instant::now()), users, clients });
    }

    pub(crate) fn is_there(&self, node: u64) -> bool {
        self.peers().get(&node).is_some_and(Peer::is_there)
    }

    /// Other nodes, and their users and clients together.
    pub(crate) fn others(&self) -> (u64, u64, u64) {
        let mut peers = self.peers();
        peers.retain(|_, peer| peer.is_there());
        peers.values().fold((0, 0, 0), |(n, u, c), peer| (n + 1, u + peer.users, c + peer.clients))
    }

    /// Those of these users that are online on other nodes.
    pub(crate) async fn online(&self, users: Vec<String>) -> Vec<String> {
        let (nodes, ..) = self.others();
        if nodes == 0 || users.is_empty() {
            return Vec::new();
        }
        let (tell, mut told) = mpsc::unbounded_channel();
        let question: u64 = rand::random();
        let questions = || self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions().insert(question, tell);
        self.say(Subject::Nodes, Word::WhoIsOnline { question, users });
        let mut online = Vec::new();
        let collect = async {
            for _ in 0..nodes {
                online.extend(told.recv().await.unwrap_or_default());
            }
        };
        let _ = timeout(ONLINE, collect).await;
        questions().remove(&question);
        online
    }

    pub(crate) fn answered(&self, question: u64, users: Vec<String>) {
        let questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = questions.get(&question) {
            let _ = asked.send(users);
        }
    }
}

/// Says what is to be said, while there is a connection: what would wait for one is stale when it is there.
async fn talk(
    client: Client,
    prefix: String,
    node: u64,
    mut words: mpsc::Receiver<(Subject, Word)>,
    mut mixer: Mixer,
) {
    while let Some((subject, word)) = words.recv().await {
        for (subject, word) in mixer.mix(subject, word) {
            if client.connection_state() == State::Connected {
                let said = Said { by: node, word };
                let _ = client.publish(subject.name(&prefix), said.encode().into()).await;
            }
        }
    }
}

/// Keeps the subscriptions, and hands on what comes.
async fn listen(
    client: Client,
    prefix: String,
    mut interests: mpsc::UnboundedReceiver<Interest>,
    mut gaps: mpsc::UnboundedReceiver<()>,
    hear: mpsc::Sender<Heard>,
) {
    let mut streams: SelectAll<BoxStream<'static, (Subject, bytes::Bytes)>> = SelectAll::new();
    // Never ends, so that neither does the selection.
    streams.push(stream::pending().boxed());
    let mut ends: HashMap<Subject, oneshot::Sender<()>> = HashMap::new();
    loop {
        let heard = tokio::select! {
            interest = interests.recv() => match interest {
                Some(Interest::Listen(subject)) => {
                    if let Ok(messages) = client.subscribe(subject.name(&prefix)).await {
                        let (end, ended) = oneshot::channel::<()>();
                        ends.insert(subject.clone(), end);
                        let messages = messages.map(move |message| (subject.clone(), message.payload));
                        streams.push(messages.take_until(ended).boxed());
                    }
                    continue;
                }
                Some(Interest::Ignore(subject)) => {
                    // Dropping the other end ends the stream, and with it the subscription.
                    ends.remove(&subject);
                    continue;
                }
                Some(Interest::Barrier(known)) => {
                    barrier(client.clone(), format!("{prefix}.nobody"), known);
                    continue;
                }
                None => return,
            },
            Some(()) = gaps.recv() => Heard::Gap,
            Some((subject, payload)) = streams.next() => match Said::decode(&payload) {
                Some(said) => Heard::Said(subject, said),
                None => continue,
            },
        };
        if hear.send(heard).await.is_err() {
            return;
        }
    }
}

/// A request to nobody is answered by the server itself, after everything that was asked of it before.
fn barrier(client: Client, nobody: String, known: oneshot::Sender<()>) {
    tokio::spawn(async move {
        let answer = client.request(nobody, bytes::Bytes::new()).await;
        if answer.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders) {
            let _ = known.send(());
        }
    });
}
