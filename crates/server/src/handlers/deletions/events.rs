//! What everybody who reads a timeline is told when something is gone from it: never what it was.

use lethe_protocol::{Event, HistoryRemoved, MessagesRemoved};
use lethe_store::{Audience, Timeline, Tx};

/// The group or the users of a timeline, as events name them, and who hears.
fn whose(timeline: &Timeline) -> (Option<String>, Vec<String>, Audience) {
    match timeline {
        Timeline::Group(group_id) => (Some(group_id.clone()), Vec::new(), Audience::Group(group_id.clone())),
        Timeline::Pair(..) | Timeline::System(_) => {
            let users: Vec<String> = timeline.users().iter().map(|&user| user.to_owned()).collect();
            let mut hearing = users.clone();
            hearing.dedup();
            (None, users, Audience::Users(hearing))
        }
    }
}

/// Everything up to `up_to` is gone for all, by a user or, if empty, by the server itself.
pub(crate) fn tell_history_removed(tx: &mut Tx, timeline: &Timeline, by: &str, up_to: u64, time: u64) {
    let (group, users, audience) = whose(timeline);
    let removed = HistoryRemoved { group, users, by: by.to_owned(), up_to, time };
    tx.tell(audience, &Event::HistoryRemoved(removed));
}

/// The words of these messages are gone for all, the oldest first.
pub(super) fn tell_messages_removed(tx: &mut Tx, timeline: &Timeline, by: &str, seqs: Vec<u64>) {
    let (group, users, audience) = whose(timeline);
    tx.tell(audience, &Event::MessagesRemoved(MessagesRemoved { group, users, by: by.to_owned(), seqs }));
}
