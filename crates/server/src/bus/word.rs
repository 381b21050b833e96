use minicbor::{Decode, Encode};

/// What one node says to others. Nodes of two versions run together during an upgrade: numbers are never used again, and a
/// word that is not understood is passed over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Word {
    /// To a user's or a group's clients: a frame. With an instance, to that client only.
    #[n(0)]
    Event {
        #[n(0)]
        instance: Option<String>,
        #[n(1)]
        frame: String,
    },
    /// To a user: memberships changed. What they are now is in the database.
    #[n(1)]
    Memberships,
    /// To a group: it is no more.
    #[n(2)]
    Dissolved,
    /// To all: the app's settings changed. What they are now is in the database.
    #[n(3)]
    Settings,
    /// To a user: the clients that this node has of it, all of them.
    #[n(4)]
    Clients {
        #[n(0)]
        clients: Vec<Place>,
        /// The instance that has just logged in: its older sockets are replaced.
        #[n(1)]
        fresh: Option<String>,
        /// The others are to say what they have.
        #[n(2)]
        ask: bool,
    },
    /// To a user: an administrator ended its logins.
    #[n(5)]
    Kick,
    /// To all: something may have been lost; clients are to say where they stand.
    #[n(6)]
    Verify,
    /// To all, every second: this node is there, and how many it serves.
    #[n(7)]
    Alive {
        #[n(0)]
        users: u64,
        #[n(1)]
        clients: u64,
    },
    /// To all: which of these users are online?
    #[n(8)]
    WhoIsOnline {
        #[n(0)]
        question: u64,
        #[n(1)]
        users: Vec<String>,
    },
    /// To the node that asked: those that are online here.
    #[n(9)]
    Online {
        #[n(0)]
        question: u64,
        #[n(1)]
        users: Vec<String>,
    },
}

/// A client on some node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Place {
    #[n(0)]
    pub(crate) instance: String,
    /// Server time in ms of its login, by that node's clock.
    #[n(1)]
    pub(crate) since: u64,
}

/// A word and the node that says it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Said {
    #[n(0)]
    pub(crate) by: u64,
    #[n(1)]
    pub(crate) word: Word,
}

impl Said {
    #[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
    pub(crate) fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("words encode")
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }
}
