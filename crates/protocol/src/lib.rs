//! What travels between a Lethe server and its clients: identifiers, requests, answers, events and error codes.
//!
//! Frames are WebSocket text frames with JSON. A client sends `{"id", "op", "d"}` and gets `{"id", "ok"}` or
//! `{"id", "err"}`; the server pushes `{"ev", "d"}`. Requests, answers and events of one noun live in one file,
//! and the TypeScript types of the SDK are generated from here (`typescript.rs`).

mod conversations;
mod deletions;
mod error;
mod events;
mod fields;
mod frame;
mod friends;
mod groups;
mod id;
mod members;
mod messages;
mod request;
mod session;
mod settings;
#[cfg(test)]
mod typescript;
mod users;

pub use conversations::*;
pub use deletions::*;
pub use error::{CloseCode, Code, Error};
pub use events::Event;
pub use frame::{answer, event, message_event, refusal};
pub use friends::*;
pub use groups::*;
pub use id::{ConversationId, InvalidId, group_id_is_valid, user_id_is_valid};
pub use members::*;
pub use messages::*;
pub use request::Request;
pub use session::*;
pub use settings::{DeleteForEveryone, Settings, SettingsPatch};
pub use users::*;

/// Version of the wire protocol. A client says it at login; the server refuses versions it does not speak.
pub const PROTOCOL_VERSION: u32 = 1;
