//! What lists, floors and unread counts may not be.

use super::{delete, finds, passes, pin, saw, user};
use crate::evidence::{Entry, Evidence, NEVER, Outcome};

#[test]
fn a_deleted_conversation_comes_back() {
    finds("it was deleted and nothing came after", Evidence::delete_all);
    let _ = passes(|evidence| {
        evidence.delete_all();
        evidence.unlist();
    });
}

#[test]
fn a_pin_reopens_what_was_deleted_before_but_not_after() {
    let pinned = |at: u64| {
        move |evidence: &mut Evidence| {
            evidence.delete_all();
            evidence.alice().push(pin(at, true));
            evidence.show("alice", |shown| shown.pinned = true);
        }
    };
    let _ = passes(pinned(800));
    let _ = passes(pinned(702));
    finds("it was deleted and nothing came after", pinned(600));
}

#[test]
fn a_deletion_that_was_never_answered_may_have_happened_or_not() {
    let forget = |evidence: &mut Evidence| {
        let last = evidence.alice().len() - 1;
        let operation = evidence.operation(0, last);
        (operation.ended, operation.outcome) = (NEVER, Outcome::Unknown);
    };
    let _ = passes(|evidence| {
        evidence.delete_all();
        forget(evidence);
        evidence.unlist();
    });
    let _ = passes(|evidence| {
        evidence.alice().push(delete(700, 4, false));
        forget(evidence);
    });
}

#[test]
fn a_newer_message_does_not_bring_a_conversation_back() {
    finds("the greatest anchor of its deletions is Some(2)", Evidence::unlist);
}

#[test]
fn a_device_shows_again_what_it_deleted() {
    finds("a deleted conversation came back", |evidence| evidence.alice().insert(3, saw(350, 2, 2)));
    finds("a cleared history came back", |evidence| evidence.alice().insert(5, saw(460, 3, 0)));
    let _ = passes(|evidence| evidence.alice().insert(2, saw(250, 2, 0)));
}

#[test]
fn a_cleared_history_is_visible_again() {
    finds("is visible again", |evidence| {
        let all = evidence.users[1].histories[&user("alice")].clone();
        evidence.users[0].histories.insert(user("bob"), all);
        evidence.show("alice", |shown| shown.messages = 4);
    });
    finds("it was cleared up to one of [2]", |evidence| evidence.show("alice", |shown| shown.cleared_to = 1));
}

#[test]
fn unread_is_wrong() {
    finds("[1] messages of others came after [2]", |evidence| {
        evidence.show("alice", |shown| shown.unread = 2)
    });
    finds("[1] messages of others came after [2]", |evidence| {
        evidence.show("alice", |shown| shown.unread = 0)
    });
}

#[test]
fn a_read_is_lost() {
    finds("it was read up to one of [3]", |evidence| {
        evidence.show("bob", |shown| shown.read_to = 0);
        evidence.show("alice", |shown| shown.peer_read_to = 0);
    });
    finds("the peer has read up to Some(3)", |evidence| {
        evidence.show("alice", |shown| shown.peer_read_to = 0)
    });
}

#[test]
fn the_last_message_is_another() {
    finds("the last message is Some(\"bob-1-4\")", |evidence| {
        evidence.show("alice", |shown| shown.last = Some("alice-1-3".to_owned()));
    });
}

#[test]
fn a_pin_is_lost_or_comes_from_nowhere() {
    finds("every pin was undone", |evidence| evidence.show("alice", |shown| shown.pinned = true));
    finds("nothing came after", |evidence| evidence.alice().push(pin(800, true)));
    finds("every pin was undone", |evidence| {
        evidence.alice().extend([pin(800, true), pin(900, false)]);
        evidence.show("alice", |shown| shown.pinned = true);
    });
    for pinned in [true, false] {
        let _ = passes(|evidence| {
            evidence.alice().extend([pin(800, true), pin(802, false)]);
            evidence.show("alice", |shown| shown.pinned = pinned);
        });
    }
}

#[test]
fn devices_and_nodes_disagree() {
    finds("device 1 of alice, told up to change 1, shows C2Cbob as None", |evidence| {
        evidence.devices[1].shown.clear()
    });
    finds("a fresh login of bob at node 2", |evidence| {
        evidence.users[1].lists[2].values_mut().for_each(|shown| shown.unread = 7);
    });
    finds("a fresh login of alice at node 0", |evidence| {
        evidence.users[0].states.values_mut().for_each(|(listed, _)| *listed = false);
    });
}

#[test]
fn somebody_is_refused_or_kicked() {
    finds("was refused", |evidence| evidence.operation(0, 2).outcome = Outcome::Refused(2500));
    finds("was kicked", |evidence| evidence.bob().push(Entry::Kicked));
}
