//! Accounts and rooms, made before the load. In Matrix two users talk in a room too.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::http;
use crate::Outcome;

const API: &str = "/_matrix/client/v3";

/// What is known of accounts and rooms.
pub(super) struct Rooms {
    address: SocketAddr,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Access tokens of users.
    tokens: HashMap<String, String>,
    /// IDs of rooms, by the name of a group or of a pair.
    rooms: HashMap<String, String>,
}

impl Rooms {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, known: Mutex::default() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> Outcome<Value> {
        http::ask(self.address, "POST", &format!("{API}/{path}"), token, &body.to_string())
    }

    /// Makes an account and logs it in.
    pub(super) fn register(&self, user: &str) -> Outcome<()> {
        let account = json!({"username": user, "password": "secret", "auth": {"type": "m.login.dummy"}});
        let token = text(&self.post("register", "", &account)?, "access_token")?;
        self.known().tokens.insert(user.to_owned(), token);
        Ok(())
    }

    pub(super) fn token(&self, user: &str) -> Outcome<String> {
        Ok(self.known().tokens.get(user).cloned().ok_or_else(|| format!("no account {user}"))?)
    }

    /// Makes a room with these settings; its ID.
    pub(super) fn create(&self, owner: &str, settings: &Value) -> Outcome<String> {
        text(&self.post("createRoom", &self.token(owner)?, settings)?, "room_id")
    }

    pub(super) fn join(&self, user: &str, room: &str) -> Outcome<()> {
        let path = format!("rooms/{}/join", escape(room));
        self.post(&path, &self.token(user)?, &json!({})).map(drop)
    }

    /// Remembers the room of a group.
    pub(super) fn name(&self, group: &str, room: &str) {
        self.known().rooms.insert(group.to_owned(), room.to_owned());
    }

    /// The room of a group.
    pub(super) fn group(&self, group: &str) -> Outcome<String> {
        Ok(self.known().rooms.get(group).cloned().ok_or_else(|| format!("no group {group}"))?)
    }

    /// The room of two users, which is made when they have none.
    pub(super) fn pair(&self, user: &str, other: &str) -> Outcome<String> {
        let (first, second) = if user < other { (user, other) } else { (other, user) };
        let name = format!("{first} {second}");
        if let Ok(room) = self.group(&name) {
            return Ok(room);
        }
        let settings =
            json!({"preset": "private_chat", "is_direct": true, "invite": [format!("@{other}:localhost")]});
        let room = self.create(user, &settings)?;
        self.join(other, &room)?;
        self.name(&name, &room);
        Ok(room)
    }
}

fn text(answer: &Value, name: &str) -> Outcome<String> {
    Ok(answer[name].as_str().ok_or_else(|| format!("no {name} in {answer}"))?.to_owned())
}

/// The ID of a room in a path.
pub(super) fn escape(room: &str) -> String {
    room.replace('!', "%21").replace(':', "%3A").replace('$', "%24")
}
