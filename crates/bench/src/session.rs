//! What one socket says and hears. A session never allocates per message and never parses what it only has to count:
//! the load shares the machine with the server, and must be far cheaper than it.

use crate::Outcome;
use crate::stamp::Stamp;

/// Where a text goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A user.
    User(String),
    /// A group.
    Group(String),
}

/// What else a client may ask for. Each is answered by one [`Heard::replies`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The newest page of a history; the following [`Ask::Older`] go on from its oldest message.
    Newest(Target, u32),
    /// The page before the last one, of the same size.
    Older,
    /// The first page of the conversation list.
    List(u32),
    /// Marks a conversation as read up to its end.
    Read(Target),
    /// Pins or unpins a conversation.
    Pin(Target, bool),
    /// Deletes conversations, with their histories when `clear`.
    Delete {
        /// Which, at most 100.
        which: Vec<Target>,
        /// With their histories.
        clear: bool,
    },
    /// Lists conversations again that were deleted.
    Open(Target),
}

/// The server has said that it ends the connection; what it said.
#[derive(Debug)]
pub struct Closed(pub String);

impl std::error::Error for Closed {}

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came on one socket since the last look; the fleet clears it.
#[derive(Debug, Default)]
pub struct Heard {
    /// The login is complete: the client hears messages and may send.
    pub ready: bool,
    /// Texts of this client that the server has taken, with [`Stamp::time`] of each.
    pub answers: Vec<u64>,
    /// Texts of other clients, with [`Stamp::time`] of each.
    pub deliveries: Vec<u64>,
    /// Texts of this client that came back to it, where that is not the answer itself.
    pub echoes: u64,
    /// Answers to [`Ask`] and to heartbeats, with the time of each as given to [`Session::ask`].
    pub replies: Vec<u64>,
    /// Items in those answers: messages of pages, conversations of lists.
    pub items: u64,
    /// The sum of the numbers of messages in the conversations of lists that came with logins.
    pub heads: u64,
    /// A page said that nothing lies before it.
    pub complete: bool,
    /// Anything else that came, such as events nobody counts.
    pub others: u64,
}

impl Heard {
    /// Forgets everything and keeps the room for it.
    pub fn clear(&mut self) {
        self.answers.clear();
        self.deliveries.clear();
        self.replies.clear();
        (self.ready, self.complete) = (false, false);
        (self.echoes, self.items, self.heads, self.others) = (0, 0, 0, 0);
    }
}

/// The state of one socket. All output goes to the end of `out`, which the fleet writes to the socket.
pub trait Session: Send {
    /// The first bytes after the connection is made.
    fn open(&mut self, out: &mut Vec<u8>);

    /// Takes what came. Returns how many bytes were used; the rest is given again with more behind it.
    ///
    /// # Errors
    /// [`Closed`], after which a login may be repeated. A refusal or anything that is not understood ends the run.
    fn take(&mut self, input: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize>;

    /// Prepares frames of texts of `bytes` to a target; the number it returns is given to [`Session::send`].
    fn aim(&mut self, to: &Target, bytes: usize) -> usize;

    /// Says a text that carries the stamp. Answered by one of [`Heard::answers`].
    fn send(&mut self, aim: usize, stamp: Stamp, out: &mut Vec<u8>);

    /// Says a heartbeat. Answered by one of [`Heard::replies`] with this time, where the protocol answers.
    fn beat(&mut self, time: u64, out: &mut Vec<u8>);

    /// Asks for something else.
    ///
    /// # Errors
    /// When the system cannot be asked for it, or not by this harness.
    fn ask(&mut self, ask: &Ask, time: u64, out: &mut Vec<u8>) -> Outcome<()>;
}
