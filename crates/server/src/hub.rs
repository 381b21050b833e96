//! Who listens: the clients that have a socket on this node, by user and by group.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::extract::ws::Utf8Bytes;
use lethe_protocol::{CloseCode, Event, KickReason, Kicked, Settings};
use lethe_store::{Audience, Committed, Publication, Publish};
use tokio::sync::{mpsc, watch};

/// One client: a socket that is logged in.
#[derive(Debug)]
pub(crate) struct Client {
    number: u64,
    pub(crate) user_id: String,
    pub(crate) instance: String,
    outbox: mpsc::Sender<Utf8Bytes>,
    closing: watch::Sender<Option<Closing>>,
}

/// Why a socket is to be closed, and a last frame to send before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: CloseCode,
    pub(crate) last: Option<String>,
}

impl Client {
    /// Hands a frame to the socket. A client whose outbox is full reads too slowly: it is sent away to resume.
    fn push(&self, frame: Utf8Bytes) {
        if self.outbox.try_send(frame).is_err() {
            self.close(Closing { code: CloseCode::TooSlow, last: None });
        }
    }

    pub(crate) fn close(&self, closing: Closing) {
        self.closing.send_if_modified(|present| {
            let first = present.is_none();
            if first {
                *present = Some(closing);
            }
            first
        });
    }

    /// The reason to close, if there is one.
    pub(crate) fn closing_now(&self) -> Option<Closing> {
        self.closing.borrow().clone()
    }

    /// The first reason to close, as soon as there is one.
    pub(crate) async fn closing(&self) -> Closing {
        let mut closing = self.closing.subscribe();
        let reason = closing.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or(Closing { code: CloseCode::Restarting, last: None })
    }
}

#[derive(Debug, Default)]
struct Listeners {
    users: HashMap<String, Vec<Arc<Client>>>,
    groups: HashMap<String, HashMap<u64, Arc<Client>>>,
    /// The groups a client hears, by its number.
    hears: HashMap<u64, HashSet<String>>,
}

/// The hub of one app on this node.
#[derive(Debug)]
pub(crate) struct Hub {
    listeners: Mutex<Listeners>,
    settings: RwLock<Arc<Settings>>,
    numbers: AtomicU64,
    delivered: AtomicU64,
}

/// A client's place in the hub; dropping it is leaving.
#[derive(Debug)]
pub(crate) struct Registration {
    hub: Arc<Hub>,
    pub(crate) client: Arc<Client>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.remove(&self.client);
    }
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            listeners: Mutex::default(),
            settings: RwLock::new(Arc::new(Settings::default())),
            numbers: AtomicU64::new(1),
            delivered: AtomicU64::new(0),
        })
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_settings(&self, settings: Arc<Settings>) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Adds a client. An older socket of the same instance is replaced; of more than the allowed number of instances the
    /// oldest logins end.
    pub(crate) fn register(
        self: &Arc<Self>,
        user_id: &str,
        instance: &str,
        outbox: mpsc::Sender<Utf8Bytes>,
    ) -> Registration {
        let client = Arc::new(Client {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            user_id: user_id.to_owned(),
            instance: instance.to_owned(),
            outbox,
            closing: watch::Sender::new(None),
        });
        let allowed = usize::try_from(self.settings().online_web_instances).unwrap_or(1);
        let mut listeners = self.listeners();
        let clients = listeners.users.entry(user_id.to_owned()).or_default();
        let mut leaving: Vec<_> = clients.extract_if(.., |other| other.instance == instance).collect();
        for replaced in &leaving {
            replaced.close(Closing { code: CloseCode::Replaced, last: None });
        }
        let over = (clients.len() + 1).saturating_sub(allowed);
        let kicked: Vec<_> = clients.drain(..over).collect();
        for ended in &kicked {
            ended.close(kick(KickReason::MultipleAccount));
        }
        clients.push(Arc::clone(&client));
        leaving.extend(kicked);
        for gone in leaving {
            listeners.unsubscribe_all(gone.number);
        }
        drop(listeners);
        Registration { hub: Arc::clone(self), client }
    }

    /// Lets a client hear exactly these groups.
    pub(crate) fn subscribe(&self, client: &Arc<Client>, groups: Vec<String>) {
        let mut listeners = self.listeners();
        let registered = listeners.users.get(&client.user_id);
        if !registered.is_some_and(|clients| clients.iter().any(|other| other.number == client.number)) {
            return;
        }
        listeners.unsubscribe_all(client.number);
        for group in groups {
            listeners.subscribe(client, group);
        }
    }

    fn remove(&self, client: &Client) {
        let mut listeners = self.listeners();
        listeners.unsubscribe_all(client.number);
        if let Some(clients) = listeners.users.get_mut(&client.user_id) {
            clients.retain(|other| other.number != client.number);
            if clients.is_empty() {
                listeners.users.remove(&client.user_id);
            }
        }
    }

    /// Tells an audience something that is not stored, now.
    pub(crate) fn relay(&self, audience: &Audience, frame: &str) {
        self.listeners().push(audience, &Utf8Bytes::from(frame));
    }

    /// Asks all clients to come back elsewhere or later.
    pub(crate) fn close_all(&self) {
        for client in self.listeners().users.values().flatten() {
            client.close(Closing { code: CloseCode::Restarting, last: None });
        }
    }

    pub(crate) fn is_online(&self, user_id: &str) -> bool {
        self.listeners().users.contains_key(user_id)
    }

    /// Online users and their clients.
    pub(crate) fn count(&self) -> (usize, usize) {
        let listeners = self.listeners();
        (listeners.users.len(), listeners.users.values().map(Vec::len).sum())
    }

    /// Frames handed to clients since the start.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }
}

pub(crate) fn kick(reason: KickReason) -> Closing {
    let last = lethe_protocol::event(&Event::Kicked(Kicked { reason }));
    Closing { code: CloseCode::LoginEnded, last: Some(last) }
}

impl Listeners {
    fn subscribe(&mut self, client: &Arc<Client>, group: String) {
        self.hears.entry(client.number).or_default().insert(group.clone());
        self.groups.entry(group).or_default().insert(client.number, Arc::clone(client));
    }

    fn unsubscribe_all(&mut self, number: u64) {
        for group in self.hears.remove(&number).unwrap_or_default() {
            self.forget(&group, number);
        }
    }

    fn unsubscribe(&mut self, group: &str, user_id: &str) {
        for client in self.users.get(user_id).cloned().unwrap_or_default() {
            if let Some(groups) = self.hears.get_mut(&client.number) {
                groups.remove(group);
            }
            self.forget(group, client.number);
        }
    }

    fn forget(&mut self, group: &str, number: u64) {
        if let Some(clients) = self.groups.get_mut(group) {
            clients.remove(&number);
            if clients.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    fn dissolve(&mut self, group: &str) {
        for number in self.groups.remove(group).unwrap_or_default().into_keys() {
            if let Some(groups) = self.hears.get_mut(&number) {
                groups.remove(group);
            }
        }
    }

    /// Hands a frame to an audience; how many got it.
    fn push(&self, audience: &Audience, frame: &Utf8Bytes) -> u64 {
        let mut count = 0;
        let mut push = |client: &Client| {
            client.push(frame.clone());
            count += 1;
        };
        match audience {
            Audience::Users(users) => {
                users
                    .iter()
                    .filter_map(|user| self.users.get(user))
                    .flatten()
                    .for_each(|client| push(client));
            }
            Audience::Group(group) => {
                self.groups.get(group).into_iter().flat_map(HashMap::values).for_each(|client| push(client));
            }
            Audience::Client { user_id, instance } => {
                let clients = self.users.get(user_id).into_iter().flatten();
                clients.filter(|client| client.instance == *instance).for_each(|client| push(client));
            }
        }
        count
    }
}

impl Publish for Hub {
    fn publish(&self, committed: Committed) {
        let mut listeners = self.listeners();
        for publication in committed.into_publications() {
            match publication {
                Publication::Event { audience, frame } => {
                    let count = listeners.push(&audience, &Utf8Bytes::from(frame.as_ref()));
                    self.delivered.fetch_add(count, Ordering::Relaxed);
                }
                Publication::Joined { group_id, user_id } => {
                    for client in listeners.users.get(&user_id).cloned().unwrap_or_default() {
                        listeners.subscribe(&client, group_id.clone());
                    }
                }
                Publication::Left { group_id, user_id } => listeners.unsubscribe(&group_id, &user_id),
                Publication::Dissolved { group_id } => listeners.dissolve(&group_id),
                Publication::Settings(settings) => self.set_settings(settings),
            }
        }
    }
}
