//! What deleting leaves behind besides floors: the journal, what an undo needs, the eraser's queue, and holds. None of it
//! holds content of messages.

use lethe_protocol::{Code, DeleteForEveryone, Error, Settings};
use minicbor::{Decode, Encode};

use crate::Verdict;
use crate::conversations::View;
use crate::groups::Actor;

/// The longest idempotency key in bytes.
pub const KEY_MAX: usize = 64;
/// An idempotency key is remembered for this long, in ms.
pub const KEY_TIME: u64 = 24 * 3600 * 1000;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// Conversations were taken off a list; with a floor for the history, it was cleared too.
    #[n(0)]
    Delete,
    /// A history was cleared and its conversation kept.
    #[n(1)]
    Clear,
    /// A deletion was undone.
    #[n(2)]
    Restore,
    /// Messages that nobody could read any more were erased.
    #[n(3)]
    Erase,
    /// A history was deleted for everyone, or the own messages in it.
    #[n(4)]
    Everyone,
    /// Messages were kept for their time.
    #[n(5)]
    Retention,
    /// Erasure was forbidden.
    #[n(6)]
    Hold,
    /// Erasure was allowed again.
    #[n(7)]
    Release,
    /// A conversation was written into a file.
    #[n(8)]
    Export,
    /// An account was erased.
    #[n(9)]
    Account,
}

impl Kind {
    /// Every kind.
    const ALL: [Self; 10] = [
        Self::Delete,
        Self::Clear,
        Self::Restore,
        Self::Erase,
        Self::Everyone,
        Self::Retention,
        Self::Hold,
        Self::Release,
        Self::Export,
        Self::Account,
    ];

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in the journal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Clear => "clear",
            Self::Restore => "restore",
            Self::Erase => "erase",
            Self::Everyone => "everyone",
            Self::Retention => "retention",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Export => "export",
            Self::Account => "account",
        }
    }
}

/// A row of the journal: one per call, whatever the number of its conversations.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// What was done.
    #[n(0)]
    pub kind: Kind,
    /// Server time in ms.
    #[n(1)]
    pub time: u64,
    /// Who did it: a user, an administrator, or empty for the server itself.
    #[n(2)]
    pub actor: String,
    /// Whose view it concerns; of what concerns a whole timeline, its first user, or empty for a group.
    #[n(3)]
    pub user: String,
    /// The client instance; empty over REST and for the server itself.
    #[n(4)]
    pub instance: String,
    /// What it concerned.
    #[n(5)]
    pub items: Vec<EntryItem>,
    /// What was removed from which store.
    #[n(6)]
    pub removed: Vec<Removed>,
    /// What an operator said about it.
    #[n(7)]
    pub note: String,
}

/// One conversation or timeline in a row of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EntryItem {
    /// The conversation as [`Entry::user`] names it.
    #[n(0)]
    pub conversation: String,
    /// See [`View::listed_after`]; of what concerns all, 0.
    #[n(1)]
    pub listed_after: u64,
    /// See [`View::cleared_to`]; of what concerns all, the timeline's own floor.
    #[n(2)]
    pub cleared_to: u64,
}

/// How much was removed from one store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Removed {
    /// The store: a table, or the files of media.
    #[n(0)]
    pub store: String,
    /// Rows or files.
    #[n(1)]
    pub count: u64,
    /// Their values' bytes.
    #[n(2)]
    pub bytes: u64,
}

/// What the last deletion or clearing of a conversation took: it can be given back until its time is over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Undo {
    /// Server time in ms of the deletion.
    #[n(0)]
    pub time: u64,
    /// The view before it.
    #[n(1)]
    pub former: View,
    /// The end of the timeline then.
    #[n(2)]
    pub head: u64,
    /// It stood in the index of what may be listed.
    #[n(3)]
    pub indexed: bool,
    /// The deletion was for everyone: it cannot be given back.
    #[n(4)]
    pub everyone: bool,
}

impl Undo {
    /// Server time in ms until which it can be given back.
    #[must_use]
    pub fn until(&self, grace: u64) -> u64 {
        self.time.saturating_add(grace)
    }
}

/// A timeline that waits for the eraser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Erasure {
    /// Server time in ms at which it is looked at.
    #[n(0)]
    pub due: u64,
    /// The node that works on it.
    #[n(1)]
    pub worker: String,
    /// Server time in ms until which that node has it for itself.
    #[n(2)]
    pub leased_until: u64,
    /// Messages erased in this run so far.
    #[n(3)]
    pub messages: u64,
    /// Their bytes.
    #[n(4)]
    pub bytes: u64,
    /// How far this run goes; 0 before it has begun.
    #[n(5)]
    pub target: u64,
    /// A hold keeps it.
    #[n(6)]
    pub held: bool,
    /// Something was deleted in it since it was last looked at, and is final at this time in ms; 0 for nothing.
    #[n(7)]
    pub again: u64,
    /// The timeline's own floor whose grace period runs, 0 for none. It may have moved on since.
    #[n(8)]
    #[cbor(default)]
    pub floor: u64,
    /// Server time in ms at which that floor was set.
    #[n(9)]
    #[cbor(default)]
    pub floor_time: u64,
    /// Nonces erased in this run so far.
    #[n(10)]
    #[cbor(default)]
    pub nonces: u64,
}

/// Erasure is forbidden, visibility is not touched.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hold {
    /// Who ordered it.
    #[n(0)]
    pub by: String,
    /// Why.
    #[n(1)]
    pub reason: String,
    /// Server time in ms.
    #[n(2)]
    pub time: u64,
}

/// A deletion can be undone by its user within the grace period, once.
///
/// # Errors
/// `98010` when there is nothing to give back, `98011` when its time is over, `98012` when it was for everyone.
pub fn may_restore(undo: Option<&Undo>, grace: u64, now: u64) -> Verdict {
    let refuse = |code, message: &str| Err(Error::new(code, message));
    match undo {
        None => refuse(Code::NOTHING_TO_RESTORE, "this conversation has no deletion that could be undone"),
        Some(undo) if undo.everyone => {
            refuse(Code::NOT_RESTORABLE, "a deletion for everyone cannot be undone")
        }
        Some(undo) if now >= undo.until(grace) => {
            refuse(Code::RESTORE_TOO_LATE, "the time in which this deletion could be undone is over")
        }
        Some(_) => Ok(()),
    }
}

/// What may be deleted for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Everyone {
    /// The whole history.
    All,
    /// The caller's own messages.
    Own,
}

/// Who may delete for everyone: the app's setting, and of a group owner and administrators for what is not their own.
///
/// # Errors
/// `98013` when the app does not allow it, `10007` without the right in a group.
pub fn may_delete_for_everyone(settings: &Settings, group_actor: Option<Actor>) -> Verdict<Everyone> {
    match (settings.delete_for_everyone, group_actor) {
        (DeleteForEveryone::Off, _) => {
            Err(Error::new(Code::EVERYONE_OFF, "this app does not allow deleting for everyone"))
        }
        (_, Some(Actor::Outsider)) => {
            Err(Error::new(Code::GROUP_PERMISSION, "only members may delete for everyone"))
        }
        (DeleteForEveryone::OwnMessages, _) => Ok(Everyone::Own),
        (DeleteForEveryone::All, None) => Ok(Everyone::All),
        (DeleteForEveryone::All, Some(actor)) if actor.decides() => Ok(Everyone::All),
        (DeleteForEveryone::All, Some(_)) => Err(Error::new(
            Code::GROUP_PERMISSION,
            "only the owner and administrators may delete a group's history for everyone",
        )),
    }
}

/// What is deleted for everyone is younger than the app's window; a window of 0 is none. `oldest` is the time in ms of
/// the oldest message that would go.
///
/// # Errors
/// `98014`.
pub fn is_within_window(settings: &Settings, oldest: u64, now: u64) -> Verdict {
    let window = settings.delete_for_everyone_window.saturating_mul(1000);
    if window == 0 || oldest.saturating_add(window) >= now {
        return Ok(());
    }
    let message = format!(
        "messages older than {} s cannot be deleted for everyone",
        settings.delete_for_everyone_window
    );
    Err(Error::new(Code::EVERYONE_TOO_LATE, message))
}

/// An idempotency key has 1 to 64 bytes.
///
/// # Errors
/// `98003`.
pub fn may_use_key(key: &str) -> Verdict {
    if (1..=KEY_MAX).contains(&key.len()) {
        return Ok(());
    }
    let message = format!("an idempotency key has 1 to {KEY_MAX} bytes, not {}", key.len());
    Err(Error::new(Code::MALFORMED_REQUEST, message))
}

#[cfg(test)]
mod tests {
    use lethe_protocol::Role;

    use super::*;

    fn undo(time: u64, everyone: bool) -> Undo {
        Undo { time, former: View::default(), head: 0, indexed: true, everyone }
    }

    fn code(verdict: Verdict) -> Code {
        verdict.unwrap_err().code
    }

    #[test]
    fn the_last_millisecond_of_grace_is_before_its_end() {
        assert!(may_restore(Some(&undo(1000, false)), 500, 1499).is_ok());
        assert_eq!(code(may_restore(Some(&undo(1000, false)), 500, 1500)), Code::RESTORE_TOO_LATE);
        assert_eq!(code(may_restore(Some(&undo(1000, false)), 0, 1000)), Code::RESTORE_TOO_LATE);
        assert_eq!(code(may_restore(Some(&undo(1000, true)), 500, 1001)), Code::NOT_RESTORABLE);
        assert_eq!(code(may_restore(None, 500, 1001)), Code::NOTHING_TO_RESTORE);
    }

    #[test]
    fn the_setting_and_the_role_decide_who_deletes_for_everyone() {
        use DeleteForEveryone::{All, Off, OwnMessages};
        let allow = |delete_for_everyone, actor| {
            may_delete_for_everyone(&Settings { delete_for_everyone, ..Settings::default() }, actor)
                .map_err(|error| error.code)
        };
        assert_eq!(allow(Off, None), Err(Code::EVERYONE_OFF));
        assert_eq!(allow(OwnMessages, None), Ok(Everyone::Own));
        assert_eq!(allow(OwnMessages, Some(Actor::Member(Role::Member))), Ok(Everyone::Own));
        assert_eq!(allow(OwnMessages, Some(Actor::Outsider)), Err(Code::GROUP_PERMISSION));
        assert_eq!(allow(All, None), Ok(Everyone::All));
        assert_eq!(allow(All, Some(Actor::Member(Role::Member))), Err(Code::GROUP_PERMISSION));
        assert_eq!(allow(All, Some(Actor::Member(Role::Admin))), Ok(Everyone::All));
        assert_eq!(allow(All, Some(Actor::Member(Role::Owner))), Ok(Everyone::All));
    }

    #[test]
    fn the_window_has_both_its_sides() {
        let settings = Settings { delete_for_everyone_window: 10, ..Settings::default() };
        assert!(is_within_window(&settings, 5_000, 15_000).is_ok());
        assert_eq!(code(is_within_window(&settings, 4_999, 15_000)), Code::EVERYONE_TOO_LATE);
        let open = Settings { delete_for_everyone_window: 0, ..Settings::default() };
        assert!(is_within_window(&open, 0, u64::MAX).is_ok());
    }

    #[test]
    fn keys_have_1_to_64_bytes() {
        assert!(may_use_key("k").is_ok() && may_use_key(&"k".repeat(64)).is_ok());
        assert!(may_use_key("").is_err() && may_use_key(&"k".repeat(65)).is_err());
    }
}
