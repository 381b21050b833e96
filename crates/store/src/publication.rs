//! What others are told of a transaction, once it is durable.

use std::sync::Arc;

use lethe_domain::deletions::Entry;
use lethe_protocol::{Event, Settings};

use crate::EntryId;

/// Who hears an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All clients of these users.
    Users(Vec<String>),
    /// All clients of all members of this group.
    Group(String),
    /// One client instance of one user.
    Client {
        /// The user.
        user_id: String,
        /// The instance.
        instance: String,
    },
}

/// Something others are told once it is true.
#[derive(Clone, Debug)]
pub enum Publication {
    /// An event, encoded once for all who hear it.
    Event {
        /// Who hears it.
        audience: Audience,
        /// The frame.
        frame: String,
    },
    /// From here on the user hears the group.
    Joined {
        /// The group.
        group_id: String,
        /// The user.
        user_id: String,
    },
    /// From here on the user does not hear the group.
    Left {
        /// The group.
        group_id: String,
        /// The user.
        user_id: String,
    },
    /// From here on nobody hears the group.
    Dissolved {
        /// The group.
        group_id: String,
    },
    /// The user's logins end.
    Kicked {
        /// The user.
        user_id: String,
    },
    /// New settings of the app.
    Settings(Arc<Settings>),
    /// A row was written into the deletion journal.
    Recorded {
        /// Its name.
        id: EntryId,
        /// The row.
        entry: Box<Entry>,
    },
}

impl Publication {
    /// An event for an audience.
    #[must_use]
    pub fn event(audience: Audience, event: &Event) -> Self {
        Self::Event { audience, frame: lethe_protocol::event(event) }
    }
}

/// What a durable transaction has to tell. Only a commit makes one.
#[derive(Debug)]
#[must_use = "what was committed has to be told"]
pub struct Committed {
    publications: Vec<Publication>,
}

impl Committed {
    pub(crate) fn of(publications: Vec<Publication>) -> Self {
        Self { publications }
    }

    /// What to tell, in order.
    #[must_use]
    pub fn into_publications(self) -> Vec<Publication> {
        self.publications
    }
}

/// Tells others; called in the order of the log.
pub trait Publish: Send + Sync + 'static {
    /// Tells one transaction's publications.
    fn publish(&self, committed: Committed);

    /// What was published may go out: said after the last of those that became durable together, or of a part of them.
    fn flush(&self) {}
}
