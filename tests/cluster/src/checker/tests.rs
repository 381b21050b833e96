//! A short clean run, and each kind of contradiction made of it by one change.

mod conversations;

use lethe_protocol::ConversationId;

use super::{Report, check};
use crate::evidence::{
    Delivery, DeviceLog, Entry, Evidence, List, NEVER, Operation, Outcome, Shown, Sight, Stored, UserState,
    What,
};

fn user(id: &str) -> ConversationId {
    ConversationId::User(id.to_owned())
}

fn operation(asked: u64, ended: u64, what: What, outcome: Outcome) -> Entry {
    Entry::Operation(Operation { asked, ended, what, outcome })
}

fn stored(seq: u64, from: &str) -> Stored {
    Stored {
        seq,
        id: format!("{from}-1-{seq}"),
        time: seq * 10,
        from: from.to_owned(),
        text: format!("m{seq}"),
    }
}

fn send(asked: u64, to: &str, seq: u64) -> Entry {
    let random = u32::try_from(seq).unwrap();
    let what = What::Send { to: user(to), client_time: 1, random, text: format!("m{seq}") };
    operation(asked, asked + 5, what, Outcome::Sent { seq, time: seq * 10 })
}

/// A message from one as it is pushed into the conversation with another.
fn delivered(conversation: &str, from: &str, seq: u64) -> Entry {
    Entry::Delivered(Delivery { conversation: user(conversation), seq, id: format!("{from}-1-{seq}") })
}

fn delete(asked: u64, anchor: u64, clear: bool) -> Entry {
    operation(asked, asked + 5, What::Delete { items: vec![(user("bob"), anchor)], clear }, Outcome::Done)
}

fn pin(asked: u64, pinned: bool) -> Entry {
    operation(asked, asked + 5, What::Pin { conversation: user("bob"), pinned }, Outcome::Done)
}

fn page(asked: u64, messages: Vec<Stored>) -> Entry {
    operation(asked, asked + 5, What::Page { conversation: user("bob") }, Outcome::Page(messages))
}

fn saw(at: u64, head: u64, cleared_to: u64) -> Entry {
    Entry::Saw(Sight { at, conversation: user("bob"), head, cleared_to })
}

/// What alice shows: two messages are cleared, the third is hers, the fourth is unread.
fn alices() -> Shown {
    Shown {
        change: 1,
        head: 4,
        unread: 1,
        messages: 2,
        last: Some("bob-1-4".to_owned()),
        active_at: 40,
        cleared_to: 2,
        read_to: 0,
        peer_read_to: 3,
        pinned: false,
    }
}

/// What bob shows: he has read up to three.
fn bobs() -> Shown {
    Shown { change: 1, unread: 0, messages: 4, cleared_to: 0, read_to: 3, peer_read_to: 0, ..alices() }
}

fn list(peer: &str, shown: &Shown) -> List {
    List::from([(user(peer), shown.clone())])
}

fn state(name: &str, peer: &str, shown: &Shown, history: Vec<Stored>) -> UserState {
    UserState {
        user: name.to_owned(),
        lists: vec![list(peer, shown); 3],
        states: [(user(peer), (true, shown.clone()))].into(),
        histories: [(user(peer), history)].into(),
    }
}

/// Alice has two devices. She and bob write two messages each; after the second she clears, later he reads.
fn clean() -> Evidence {
    let all = [stored(1, "alice"), stored(2, "bob"), stored(3, "alice"), stored(4, "bob")];
    let log = |name: &str, device, entries, shown| DeviceLog {
        user: name.to_owned(),
        device,
        entries,
        shown,
        change: 1,
    };
    let first = vec![
        send(100, "bob", 1),
        delivered("bob", "bob", 2),
        delete(300, 2, true),
        send(400, "bob", 3),
        saw(450, 3, 2),
        delivered("bob", "bob", 4),
        page(600, all[2..].to_vec()),
    ];
    let second =
        vec![delivered("bob", "alice", 3), Entry::Connected { resumed: true }, delivered("bob", "alice", 3)];
    let bob = vec![
        delivered("alice", "alice", 1),
        send(200, "alice", 2),
        delivered("alice", "alice", 3),
        operation(420, 425, What::Read { conversation: user("alice"), up_to: 3 }, Outcome::Done),
        send(500, "alice", 4),
    ];
    Evidence {
        devices: vec![
            log("alice", 0, first, list("bob", &alices())),
            log("alice", 1, second, list("bob", &alices())),
            log("bob", 0, bob, list("alice", &bobs())),
        ],
        users: vec![
            state("alice", "bob", &alices(), all[2..].to_vec()),
            state("bob", "alice", &bobs(), all.to_vec()),
        ],
        faults: [("none".to_owned(), 1)].into(),
    }
}

impl Evidence {
    fn alice(&mut self) -> &mut Vec<Entry> {
        &mut self.devices[0].entries
    }

    fn bob(&mut self) -> &mut Vec<Entry> {
        &mut self.devices[2].entries
    }

    fn operation(&mut self, device: usize, entry: usize) -> &mut Operation {
        match &mut self.devices[device].entries[entry] {
            Entry::Operation(operation) => operation,
            other => panic!("{other:?} is no operation"),
        }
    }

    /// Changes what everybody agrees that a user shows.
    fn show(&mut self, name: &str, change: impl Fn(&mut Shown)) {
        for log in self.devices.iter_mut().filter(|log| log.user == name) {
            log.shown.values_mut().for_each(&change);
        }
        for state in self.users.iter_mut().filter(|state| state.user == name) {
            state.lists.iter_mut().flat_map(|list| list.values_mut()).for_each(&change);
            state.states.values_mut().for_each(|(_, shown)| change(shown));
        }
    }

    /// Everybody agrees that alice does not list bob.
    fn unlist(&mut self) {
        self.devices[..2].iter_mut().for_each(|log| log.shown.clear());
        self.users[0].lists.iter_mut().for_each(List::clear);
        self.users[0].states.values_mut().for_each(|(listed, _)| *listed = false);
    }

    /// Alice deletes all there is and keeps the history.
    fn delete_all(&mut self) {
        self.alice().push(delete(700, 4, false));
        self.show("alice", |shown| shown.unread = 0);
    }
}

#[track_caller]
fn finds(words: &str, change: impl FnOnce(&mut Evidence)) {
    let mut evidence = clean();
    change(&mut evidence);
    let found = check(&evidence).expect_err("a contradiction").to_string();
    assert!(found.contains(words), "{found}");
}

#[track_caller]
fn passes(change: impl FnOnce(&mut Evidence)) -> Report {
    let mut evidence = clean();
    change(&mut evidence);
    check(&evidence).unwrap_or_else(|contradiction| panic!("{contradiction}"))
}

#[test]
fn a_clean_run_passes_and_is_counted() {
    let report = passes(|_| {});
    let counts = (report.sent, report.answered, report.unknown, report.kept, report.delivered);
    assert_eq!(counts, (4, 4, 0, 4, 6));
    assert_eq!((report.doubled, report.deletions, report.reads, report.reconnects), (1, 1, 1, 1));
    assert!(report.to_string().contains("1 x none"));
}

#[test]
fn an_answered_message_is_lost() {
    let lose_the_end = |evidence: &mut Evidence| {
        for state in &mut evidence.users {
            state.histories.values_mut().for_each(|history| drop(history.pop()));
        }
        evidence
            .devices
            .iter_mut()
            .for_each(|log| log.entries.retain(|entry| !matches!(entry, Entry::Delivered(_))));
        evidence.alice().pop();
        for name in ["alice", "bob"] {
            evidence.show(name, |shown| {
                (shown.head, shown.messages, shown.unread) = (3, shown.messages - 1, 0);
            });
        }
    };
    finds("\"m4\" was answered alice+bob 4 at 40, but there is None", lose_the_end);
}

#[test]
fn a_message_that_was_never_answered_may_be_kept_or_not() {
    let forget = |operation: &mut Operation| (operation.ended, operation.outcome) = (NEVER, Outcome::Unknown);
    assert_eq!(passes(|evidence| forget(evidence.operation(2, 4))).unknown, 1);
    let report = passes(|evidence| {
        let Entry::Operation(mut lost) = send(650, "alice", 5) else { unreachable!() };
        forget(&mut lost);
        evidence.bob().push(Entry::Operation(lost));
    });
    assert_eq!((report.sent, report.kept), (5, 4));
}

#[test]
fn a_message_is_kept_twice() {
    finds("kept twice", |evidence| {
        for state in &mut evidence.users {
            for message in state.histories.values_mut().flatten().filter(|message| message.seq == 4) {
                (message.id, message.text) = (message.id.clone() + "0", "m3".to_owned());
            }
        }
    });
    finds("kept twice", |evidence| {
        for state in &mut evidence.users {
            state
                .histories
                .values_mut()
                .flatten()
                .filter(|m| m.seq == 4)
                .for_each(|m| m.id = "alice-1-3".into());
        }
    });
}

#[test]
fn a_repeat_is_answered_differently() {
    finds("answered differently", |evidence| {
        let Entry::Operation(mut repeat) = send(650, "alice", 4) else { unreachable!() };
        repeat.outcome = Outcome::Sent { seq: 5, time: 50 };
        evidence.bob().push(Entry::Operation(repeat));
    });
    let _ = passes(|evidence| evidence.bob().push(send(650, "alice", 4)));
}

#[test]
fn an_answer_names_another_time() {
    finds("was answered alice+bob 4 at 41", |evidence| {
        evidence.operation(2, 4).outcome = Outcome::Sent { seq: 4, time: 41 };
    });
}

#[test]
fn somebody_else_wrote_what_is_kept() {
    finds("there is Some", |evidence| {
        for state in &mut evidence.users {
            state
                .histories
                .values_mut()
                .flatten()
                .filter(|m| m.seq == 4)
                .for_each(|m| m.from = "alice".into());
        }
        evidence.show("alice", |shown| shown.unread = 0);
    });
}

#[test]
fn a_message_is_kept_that_nobody_sent() {
    finds("nobody sent", |evidence| drop(evidence.bob().pop()));
}

#[test]
fn two_readers_have_two_messages_at_one_place() {
    finds("two messages at one place", |evidence| {
        evidence.users[0].histories.values_mut().for_each(|history| history[1].id = "bob-1-9".to_owned());
    });
}

#[test]
fn a_history_has_a_hole() {
    finds("is not 4 messages up to 4", |evidence| {
        evidence.users[1].histories.values_mut().for_each(|history| drop(history.remove(1)));
    });
}

#[test]
fn time_goes_back() {
    finds("time goes back", |evidence| {
        for state in &mut evidence.users {
            state.histories.values_mut().flatten().filter(|m| m.seq == 4).for_each(|m| m.time = 1);
        }
    });
}

#[test]
fn what_was_sent_after_an_answer_stands_before_it() {
    finds("was sent after alice+bob 4 was answered", |evidence| {
        let later = evidence.operation(0, 3);
        (later.asked, later.ended) = (550, 560);
    });
}

#[test]
fn what_was_pushed_is_not_kept() {
    finds("was given", |evidence| evidence.alice().push(delivered("bob", "bob", 5)));
}

#[test]
fn two_messages_are_pushed_under_one_seq() {
    finds("was given", |evidence| {
        evidence.alice().push(Entry::Delivered(Delivery {
            conversation: user("bob"),
            seq: 4,
            id: "bob-1-9".into(),
        }));
    });
}

#[test]
fn a_page_misses_what_was_answered_before() {
    finds("ends at 3, but 4 was answered", |evidence| {
        evidence.operation(0, 6).outcome = Outcome::Page(vec![stored(3, "alice")]);
    });
    let _ = passes(|evidence| {
        let page = evidence.operation(0, 6);
        (page.asked, page.outcome) = (503, Outcome::Page(vec![stored(3, "alice")]));
    });
}

#[test]
fn a_page_shows_what_was_cleared() {
    let all = || vec![stored(2, "bob"), stored(3, "alice"), stored(4, "bob")];
    finds("was cleared up to Some(2)", |evidence| evidence.alice().push(page(600, all())));
    let _ = passes(|evidence| evidence.alice().push(page(302, all())));
}

#[test]
fn a_page_has_a_gap() {
    finds("has a gap", |evidence| {
        evidence.bob().push(operation(
            600,
            605,
            What::Page { conversation: user("alice") },
            Outcome::Page(vec![stored(2, "bob"), stored(4, "bob")]),
        ))
    });
}

#[test]
fn a_page_has_another_message_than_the_history() {
    finds("but there is Some", |evidence| {
        let other = Stored { text: "forged".to_owned(), ..stored(4, "bob") };
        evidence.alice().push(page(600, vec![stored(3, "alice"), other]));
    });
}
