//! The clients that listen on this node, and what becomes of their places.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use lethe_protocol::{CloseCode, KickReason};
use lethe_store::Audience;

use super::{Client, kick};
use crate::bus::Bus;
use crate::bus::subject::Subject;
use crate::bus::word::{Place, Word};
use crate::outbox::{Closing, Outbox};
use crate::writers::Writers;

#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub(super) users: HashMap<String, Vec<Arc<Client>>>,
    /// By number, which is nearly the order in memory, of the system's sockets too: a large group is gone through in it, and does not
    /// wait for memory at each client.
    pub(super) groups: HashMap<String, BTreeMap<u64, Arc<Client>>>,
    /// The groups a client hears, by its number.
    pub(super) hears: HashMap<u64, HashSet<String>>,
    /// Of users with a client here, the clients on other nodes.
    pub(super) elsewhere: HashMap<String, HashMap<u64, Vec<Place>>>,
    pub(super) bus: Option<Arc<Bus>>,
    /// What is to be written when all is said that is to be said together.
    due: Due,
}

#[derive(Debug, Default)]
struct Due {
    outboxes: Vec<Arc<Outbox>>,
    writers: Arc<Writers>,
}

/// So many of one audience are written to before all have been handed their frame.
const BEGIN: usize = 512;

impl Due {
    fn push(&mut self, client: &Client, frame: &Utf8Bytes) {
        if !client.outbox.push(frame.clone()) {
            return;
        }
        self.outboxes.push(Arc::clone(&client.outbox));
        if self.outboxes.len() == BEGIN {
            self.writers.write(std::mem::take(&mut self.outboxes));
        }
    }
}

impl Listeners {
    pub(super) fn listen(&self, subject: Subject) {
        if let Some(bus) = &self.bus {
            bus.listen(subject);
        }
    }

    pub(super) fn ignore(&self, subject: Subject) {
        if let Some(bus) = &self.bus {
            bus.ignore(subject);
        }
    }

    /// Tells other nodes' clients of an audience, of which so many were told here.
    pub(super) fn say(&self, audience: &Audience, frame: &str, told: u64) {
        let Some(bus) = &self.bus else { return };
        let event = |instance| Word::Event { instance, frame: frame.to_owned() };
        match audience {
            Audience::Users(users) => {
                users.iter().for_each(|user| bus.say(Subject::User(user.clone()), event(None)));
            }
            Audience::Group(group) => bus.say(Subject::Group(group.clone()), event(None)),
            Audience::Client { user_id, instance } if told == 0 => {
                bus.say(Subject::User(user_id.clone()), event(Some(instance.clone())));
            }
            Audience::Client { .. } => {}
        }
    }

    /// Tells other nodes which clients of a user are here.
    pub(super) fn say_clients(&self, user_id: &str, fresh: Option<&str>, ask: bool) {
        let Some(bus) = &self.bus else { return };
        let here = self.users.get(user_id).into_iter().flatten();
        let clients =
            here.map(|client| Place { instance: client.instance.clone(), since: client.since }).collect();
        let word = Word::Clients { clients, fresh: fresh.map(ToOwned::to_owned), ask };
        bus.say(Subject::User(user_id.to_owned()), word);
    }

    /// Of more than the allowed number of clients, on all nodes, the oldest logins end; each node ends its own.
    pub(super) fn kick_too_many(&mut self, user_id: &str, allowed: usize) {
        let Some(here) = self.users.get(user_id) else { return };
        let mut all: Vec<(u64, Option<u64>)> =
            here.iter().map(|client| (client.since, Some(client.number))).collect();
        for (node, places) in self.elsewhere.get(user_id).into_iter().flatten() {
            if self.bus.as_ref().is_some_and(|bus| bus.is_there(*node)) {
                let others = places.iter().filter(|place| here.iter().all(|c| c.instance != place.instance));
                all.extend(others.map(|place| (place.since, None)));
            }
        }
        all.sort_by_key(|(since, _)| *since);
        let over = all.len().saturating_sub(allowed);
        let numbers: Vec<u64> = all.into_iter().take(over).filter_map(|(_, number)| number).collect();
        let Some(here) = self.users.get_mut(user_id) else { return };
        let kicked: Vec<_> = here.extract_if(.., |client| numbers.contains(&client.number)).collect();
        for client in kicked {
            client.close(kick(KickReason::MultipleAccount));
            self.unsubscribe_all(client.number);
        }
    }

    pub(super) fn replace(&mut self, replaced: Vec<Arc<Client>>) {
        for client in replaced {
            client.close(Closing { code: CloseCode::Replaced, last: None });
            self.unsubscribe_all(client.number);
        }
    }

    /// A user without a client here is not listened to.
    pub(super) fn forget_absent(&mut self, user_id: &str) {
        if self.users.get(user_id).is_some_and(Vec::is_empty) {
            self.users.remove(user_id);
            self.elsewhere.remove(user_id);
            self.ignore(Subject::User(user_id.to_owned()));
        }
    }

    pub(super) fn subscribe(&mut self, client: &Arc<Client>, group: String) {
        self.hears.entry(client.number).or_default().insert(group.clone());
        let hearers = self.groups.entry(group.clone()).or_default();
        let first = hearers.is_empty();
        hearers.insert(client.number, Arc::clone(client));
        if first {
            self.listen(Subject::Group(group));
        }
    }

    pub(super) fn subscribe_exactly(&mut self, client: &Arc<Client>, groups: Vec<String>) {
        let wanted: HashSet<&String> = groups.iter().collect();
        let heard = self.hears.get(&client.number).cloned().unwrap_or_default();
        for group in heard.iter().filter(|group| !wanted.contains(group)) {
            if let Some(hears) = self.hears.get_mut(&client.number) {
                hears.remove(group);
            }
            self.forget(group, client.number);
        }
        for group in groups {
            self.subscribe(client, group);
        }
    }

    pub(super) fn unsubscribe_all(&mut self, number: u64) {
        for group in self.hears.remove(&number).unwrap_or_default() {
            self.forget(&group, number);
        }
    }

    pub(super) fn unsubscribe(&mut self, group: &str, user_id: &str) {
        for client in self.users.get(user_id).cloned().unwrap_or_default() {
            if let Some(groups) = self.hears.get_mut(&client.number) {
                groups.remove(group);
            }
            self.forget(group, client.number);
        }
    }

    pub(super) fn forget(&mut self, group: &str, number: u64) {
        if let Some(clients) = self.groups.get_mut(group) {
            clients.remove(&number);
            if clients.is_empty() {
                self.groups.remove(group);
                self.ignore(Subject::Group(group.to_owned()));
            }
        }
    }

    pub(super) fn dissolve(&mut self, group: &str) {
        let Some(hearers) = self.groups.remove(group) else { return };
        self.ignore(Subject::Group(group.to_owned()));
        for number in hearers.into_keys() {
            if let Some(groups) = self.hears.get_mut(&number) {
                groups.remove(group);
            }
        }
    }

    /// Hands a frame to an audience; how many got it.
    pub(super) fn push(&mut self, audience: &Audience, frame: &Utf8Bytes) -> u64 {
        let Self { users, groups, due, .. } = self;
        let mut count = 0;
        let mut push = |client: &Client| {
            due.push(client, frame);
            count += 1;
        };
        match audience {
            Audience::Users(to) => {
                to.iter().filter_map(|user| users.get(user)).flatten().for_each(|client| push(client));
            }
            Audience::Group(group) => {
                groups.get(group).into_iter().flat_map(BTreeMap::values).for_each(|client| push(client));
            }
            Audience::Client { user_id, instance } => {
                let clients = users.get(user_id).into_iter().flatten();
                clients.filter(|client| client.instance == *instance).for_each(|client| push(client));
            }
        }
        count
    }

    /// Hands a frame to all clients.
    pub(super) fn push_to_all(&mut self, frame: &Utf8Bytes) {
        let Self { users, due, .. } = self;
        users.values().flatten().for_each(|client| due.push(client, frame));
    }

    /// What was handed to clients and is still to be written, and by whom.
    pub(super) fn take_due(&mut self) -> (Vec<Arc<Outbox>>, Arc<Writers>) {
        (std::mem::take(&mut self.due.outboxes), Arc::clone(&self.due.writers))
    }
}
