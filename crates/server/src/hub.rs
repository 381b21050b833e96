//! Who listens: the clients that have a socket on this node, by user and by group.

mod listeners;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use lethe_protocol::{CloseCode, Event, KickReason, Kicked, Settings, Verify};
use lethe_store::{Audience, Committed, Publication, Publish};
use tokio::sync::mpsc;

use self::listeners::Listeners;
use crate::bus::Bus;
use crate::bus::subject::Subject;
use crate::bus::word::{Place, Word};
use crate::context::now_ms;
use crate::journal::Journal;
use crate::outbox::{Closing, Outbox};

/// All who ask for it within this time are served at once.
const VERIFY_PAUSE: Duration = Duration::from_millis(300);
/// Clients of a node ask within so many ms, not all at once.
const VERIFY_WITHIN: u32 = 2_000;

/// One client: a socket that is logged in.
#[derive(Debug)]
pub(crate) struct Client {
    number: u64,
    pub(crate) user_id: String,
    pub(crate) instance: String,
    /// Server time in ms of the login.
    since: u64,
    pub(crate) outbox: Arc<Outbox>,
}

impl Client {
    pub(crate) fn close(&self, closing: Closing) {
        self.outbox.close(closing);
    }
}

/// The hub of one app on this node.
#[derive(Debug)]
pub(crate) struct Hub {
    listeners: Mutex<Listeners>,
    settings: RwLock<Arc<Settings>>,
    numbers: AtomicU64,
    delivered: AtomicU64,
    /// Hears of every deletion.
    pub(crate) journal: Journal,
    /// Users whose memberships are to be read again.
    moved: OnceLock<mpsc::UnboundedSender<String>>,
    /// Clients are about to be asked where they stand.
    verifying: AtomicBool,
    /// Clients are asked where they stand. False only for the test that shows that this is needed.
    pub(crate) heals: bool,
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
        let _ = self.client.outbox.take_wire();
    }
}

impl Hub {
    pub(crate) fn new(heals: bool) -> Arc<Self> {
        Arc::new(Self {
            listeners: Mutex::default(),
            settings: RwLock::new(Arc::new(Settings::default())),
            numbers: AtomicU64::new(1),
            delivered: AtomicU64::new(0),
            journal: Journal::default(),
            moved: OnceLock::new(),
            verifying: AtomicBool::new(false),
            heals,
        })
    }

    /// From here on other nodes hear what is published here. Users whose memberships changed go to `moved`.
    pub(crate) fn join(&self, bus: Arc<Bus>, moved: mpsc::UnboundedSender<String>) {
        self.listeners().bus = Some(bus);
        let _ = self.moved.set(moved);
    }

    /// This node's end of the bus, if it has one.
    pub(crate) fn bus(&self) -> Option<Arc<Bus>> {
        self.listeners().bus.clone()
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
        outbox: Arc<Outbox>,
    ) -> Registration {
        let client = Arc::new(Client {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            user_id: user_id.to_owned(),
            instance: instance.to_owned(),
            since: now_ms(),
            outbox,
        });
        let allowed = self.allowed();
        let mut listeners = self.listeners();
        let clients = listeners.users.entry(user_id.to_owned()).or_default();
        let first = clients.is_empty();
        let replaced: Vec<_> = clients.extract_if(.., |other| other.instance == instance).collect();
        clients.push(Arc::clone(&client));
        if first {
            listeners.listen(Subject::User(user_id.to_owned()));
        }
        listeners.replace(replaced);
        listeners.kick_too_many(user_id, allowed);
        listeners.say_clients(user_id, Some(instance), true);
        drop(listeners);
        Registration { hub: Arc::clone(self), client }
    }

    fn allowed(&self) -> usize {
        usize::try_from(self.settings().online_web_instances).unwrap_or(1)
    }

    /// Another node says which clients of a user it has. One that has just logged in there replaces its own older sockets.
    pub(crate) fn elsewhere(
        &self,
        user_id: &str,
        node: u64,
        clients: Vec<Place>,
        fresh: Option<&str>,
        ask: bool,
    ) {
        let allowed = self.allowed();
        let mut listeners = self.listeners();
        let Some(here) = listeners.users.get_mut(user_id) else { return };
        let replaced: Vec<_> =
            here.extract_if(.., |client| fresh.is_some_and(|fresh| client.instance == fresh)).collect();
        listeners.elsewhere.entry(user_id.to_owned()).or_default().insert(node, clients);
        listeners.replace(replaced);
        listeners.kick_too_many(user_id, allowed);
        if ask {
            listeners.say_clients(user_id, None, false);
        }
        listeners.forget_absent(user_id);
    }

    /// Says again which clients of a user are here: it may have been lost.
    pub(crate) fn say_again(&self, user_id: &str) {
        self.listeners().say_clients(user_id, None, false);
    }

    /// Ends a user's logins here.
    pub(crate) fn kick(&self, user_id: &str) {
        for client in self.listeners().users.get(user_id).into_iter().flatten() {
            client.close(kick(KickReason::RestApi));
        }
    }

    /// Asks all clients where they stand; soon, and once for all who ask for it by then.
    pub(crate) fn verify_all(self: &Arc<Self>) {
        if !self.heals || self.verifying.swap(true, Ordering::SeqCst) {
            return;
        }
        let hub = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(VERIFY_PAUSE).await;
            hub.verifying.store(false, Ordering::SeqCst);
            let frame =
                Utf8Bytes::from(lethe_protocol::event(&Event::Verify(Verify { within: VERIFY_WITHIN })));
            hub.listeners().push_to_all(&frame);
            hub.flush();
        });
    }

    /// Asks a user's clients where they stand.
    pub(crate) fn verify(&self, user_id: &str) {
        if !self.heals {
            return;
        }
        let frame = Utf8Bytes::from(lethe_protocol::event(&Event::Verify(Verify { within: 0 })));
        self.listeners().push(&Audience::Users(vec![user_id.to_owned()]), &frame);
        self.flush();
    }

    /// Lets a user's clients hear exactly these groups. True when one of them was not heard here before.
    pub(crate) fn follow(&self, user_id: &str, groups: &[String]) -> bool {
        let mut listeners = self.listeners();
        let mut news = false;
        for client in listeners.users.get(user_id).cloned().unwrap_or_default() {
            let hears = listeners.hears.get(&client.number);
            if hears
                .is_some_and(|hears| hears.len() == groups.len() && groups.iter().all(|g| hears.contains(g)))
                || (hears.is_none() && groups.is_empty())
            {
                continue;
            }
            news = true;
            listeners.subscribe_exactly(&client, groups.to_vec());
        }
        news
    }

    pub(crate) fn dissolve(&self, group_id: &str) {
        self.listeners().dissolve(group_id);
    }

    /// Hands a frame that came from another node to an audience here.
    pub(crate) fn deliver(&self, audience: &Audience, frame: &str) {
        let count = self.listeners().push(audience, &Utf8Bytes::from(frame));
        self.delivered.fetch_add(count, Ordering::Relaxed);
        self.flush();
    }

    /// Lets a client hear exactly these groups.
    pub(crate) fn subscribe(&self, client: &Arc<Client>, groups: Vec<String>) {
        let mut listeners = self.listeners();
        let registered = listeners.users.get(&client.user_id);
        if !registered.is_some_and(|clients| clients.iter().any(|other| other.number == client.number)) {
            return;
        }
        listeners.subscribe_exactly(client, groups);
    }

    fn remove(&self, client: &Client) {
        let mut listeners = self.listeners();
        listeners.unsubscribe_all(client.number);
        if let Some(clients) = listeners.users.get_mut(&client.user_id) {
            let before = clients.len();
            clients.retain(|other| other.number != client.number);
            let gone = clients.len() < before;
            if gone {
                listeners.say_clients(&client.user_id, None, false);
            }
            listeners.forget_absent(&client.user_id);
        }
    }

    /// Tells an audience something that is not stored, now.
    pub(crate) fn relay(&self, audience: &Audience, frame: &str) {
        let mut listeners = self.listeners();
        let count = listeners.push(audience, &Utf8Bytes::from(frame));
        listeners.say(audience, frame, count);
        drop(listeners);
        self.flush();
    }

    /// Asks all clients to come back elsewhere or later.
    pub(crate) fn close_all(&self) {
        for client in self.listeners().users.values().flatten() {
            client.close(Closing { code: CloseCode::Restarting, last: None });
        }
    }

    /// Those of these users that have a client on any node.
    pub(crate) async fn online(&self, users: &[String]) -> HashSet<String> {
        let (here, away) = self.online_here(users);
        let mut online: HashSet<String> = here.into_iter().collect();
        if let Some(bus) = self.bus() {
            online.extend(bus.online(away).await);
        }
        online
    }

    /// Those of these users that have a client here, and the others.
    pub(crate) fn online_here(&self, users: &[String]) -> (Vec<String>, Vec<String>) {
        let listeners = self.listeners();
        users.iter().cloned().partition(|user| listeners.users.contains_key(user))
    }

    /// Clients of one user that are connected here.
    pub(crate) fn clients_of(&self, user_id: &str) -> u32 {
        let clients = self.listeners().users.get(user_id).map_or(0, Vec::len);
        u32::try_from(clients).unwrap_or(u32::MAX)
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

impl Publish for Hub {
    fn publish(&self, committed: Committed) {
        let mut listeners = self.listeners();
        for publication in committed.into_publications() {
            match publication {
                Publication::Event { audience, frame } => {
                    let frame = Utf8Bytes::from(frame);
                    let count = listeners.push(&audience, &frame);
                    self.delivered.fetch_add(count, Ordering::Relaxed);
                    listeners.say(&audience, &frame, count);
                }
                Publication::Joined { group_id, user_id } => {
                    for client in listeners.users.get(&user_id).cloned().unwrap_or_default() {
                        listeners.subscribe(&client, group_id.clone());
                    }
                    self.moved(&listeners, user_id);
                }
                Publication::Left { group_id, user_id } => {
                    listeners.unsubscribe(&group_id, &user_id);
                    self.moved(&listeners, user_id);
                }
                Publication::Dissolved { group_id } => {
                    if let Some(bus) = &listeners.bus {
                        bus.say(Subject::Group(group_id.clone()), Word::Dissolved);
                    }
                    listeners.dissolve(&group_id);
                }
                Publication::Settings(settings) => {
                    self.set_settings(settings);
                    if let Some(bus) = &listeners.bus {
                        bus.say(Subject::Nodes, Word::Settings);
                    }
                }
                Publication::Recorded { id, entry } => self.journal.recorded(id, &entry),
                Publication::Kicked { user_id } => {
                    for client in listeners.users.get(&user_id).into_iter().flatten() {
                        client.close(kick(KickReason::RestApi));
                    }
                    if let Some(bus) = &listeners.bus {
                        bus.say(Subject::User(user_id), Word::Kick);
                    }
                }
            }
        }
    }

    fn flush(&self) {
        let (due, writers) = self.listeners().take_due();
        writers.write(due);
    }
}

impl Hub {
    /// A user's memberships changed. Where other nodes change them too, only the database knows what they are now.
    fn moved(&self, listeners: &Listeners, user_id: String) {
        let Some(bus) = &listeners.bus else { return };
        bus.say(Subject::User(user_id.clone()), Word::Memberships);
        if let Some(moved) = self.moved.get().filter(|_| listeners.users.contains_key(&user_id)) {
            let _ = moved.send(user_id);
        }
    }
}
