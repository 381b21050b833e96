//! 8 and 19: random steps against a model that counts messages one by one, and devices against each other.

use lethe_protocol::{
    Conversation, ConversationId, GotConversation, GroupType, MessageAttributes, RemindType, Request,
    SendMessage, Sent, SetRemindType,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::{clearing, deletion, opening, reading};
use crate::replica::Plan;
use crate::support::{Actor, World, group, user, words};

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const STEPS: u64 = 700;

#[derive(Clone, Debug)]
struct Said {
    from: String,
    counts: bool,
    stands_in_lists: bool,
    text: String,
}

/// What one user has of one timeline, by the plainest of means.
#[derive(Clone, Debug, Default)]
struct View {
    deleted: u64,
    cleared: u64,
    read: u64,
    opened: bool,
    muted: bool,
}

impl View {
    fn visible<'a>(&self, said: &'a [Said]) -> impl Iterator<Item = (u64, &'a Said)> {
        let cleared = self.cleared;
        (1..).zip(said).filter(move |(seq, _)| *seq > cleared)
    }

    fn listed(&self, said: &[Said]) -> bool {
        self.opened || said.len() as u64 > self.deleted
    }

    fn unread(&self, me: &str, said: &[Said]) -> u32 {
        let floor = self.deleted.max(self.cleared).max(self.read);
        let unread = self.visible(said).filter(|(seq, one)| *seq > floor && one.counts && one.from != me);
        u32::try_from(unread.count()).unwrap()
    }

    fn last(&self, said: &[Said]) -> Option<String> {
        self.visible(said).filter(|(_, one)| one.stands_in_lists).last().map(|(_, one)| one.text.clone())
    }

    fn delete(&mut self, anchor: u64, clear: bool, head: u64) {
        self.deleted = self.deleted.max(anchor);
        if clear {
            self.cleared = self.cleared.max(anchor);
        }
        self.opened &= head > anchor;
    }
}

/// A user, a conversation of it, and which timeline that is.
struct Seat {
    person: usize,
    id: ConversationId,
    timeline: usize,
    view: View,
}

struct Model {
    rng: StdRng,
    actors: Vec<Actor>,
    timelines: Vec<Vec<Said>>,
    seats: Vec<Seat>,
}

impl Model {
    async fn new(world: &World, seed: u64) -> Self {
        let mut actors = Vec::new();
        for name in PEOPLE {
            actors.push(world.log_in(name).await);
        }
        actors[0].create("club", GroupType::ChatRoom, &["bob", "carol"]).await;
        let mut seats = Vec::new();
        for (timeline, (one, other)) in [(0, 1), (0, 2), (1, 2)].into_iter().enumerate() {
            for (person, peer) in [(one, other), (other, one)] {
                seats.push(Seat { person, id: user(PEOPLE[peer]), timeline, view: View::default() });
            }
        }
        for person in 0..PEOPLE.len() {
            let view = View { opened: true, ..View::default() };
            seats.push(Seat { person, id: group("club"), timeline: 3, view });
        }
        Self { rng: StdRng::seed_from_u64(seed), actors, timelines: vec![Vec::new(); 4], seats }
    }

    async fn step(&mut self, n: u64) -> String {
        let seat = self.rng.random_range(0..self.seats.len());
        let (person, timeline) = (self.seats[seat].person, self.seats[seat].timeline);
        let id = self.seats[seat].id.clone();
        let said = self.timelines[timeline].len() as u64;
        let place = (said > 0 && self.rng.random_range(0..2) == 0).then(|| self.rng.random_range(0..=said));
        let up_to = place.unwrap_or(said);
        let clear = self.rng.random_range(0..2) == 0;
        let kind = self.rng.random_range(0..10);
        if kind < 5 {
            return self.say(seat, n).await;
        }
        let view = &mut self.seats[seat].view;
        let request = match kind {
            5 | 6 => deletion(std::slice::from_ref(&id), place, clear),
            7 => clearing(&id, place),
            8 => reading(&id, place),
            _ if clear => opening(&id),
            _ => {
                view.muted = !view.muted;
                let remind_type =
                    if view.muted { RemindType::AcceptNotNotify } else { RemindType::AcceptAndNotify };
                Request::SetRemindType(SetRemindType { conversation_ids: vec![id.clone()], remind_type })
            }
        };
        let shown = format!("step {n}: {} {request:?}", PEOPLE[person]);
        // What the server does not know yet it does not delete or clear: a refusal changes nothing.
        let known = matches!(id, ConversationId::Group(_)) || said > 0 || view.opened || view.muted;
        let answer = self.actors[person].client.request::<serde_json::Value>(request).await;
        let view = &mut self.seats[seat].view;
        match kind {
            5 | 6 if known => view.delete(up_to, clear, said),
            7 if known => view.cleared = view.cleared.max(up_to),
            8 => view.read = view.read.max(up_to),
            9 if clear => view.opened |= !view.listed(&self.timelines[timeline]),
            _ => {}
        }
        assert!(answer.is_ok() || (kind == 7 && !known), "{shown}: {answer:?}");
        shown
    }

    async fn say(&mut self, seat: usize, n: u64) -> String {
        let (seat, text) = (&self.seats[seat], format!("{n}"));
        let attributes = MessageAttributes {
            no_unread: self.rng.random_range(0..8) == 0,
            no_last: self.rng.random_range(0..8) == 0,
            ..MessageAttributes::default()
        };
        let said = Said {
            from: PEOPLE[seat.person].to_owned(),
            counts: !attributes.no_unread,
            stands_in_lists: !attributes.no_last,
            text: text.clone(),
        };
        let message = SendMessage { attributes, ..Actor::message(&seat.id, &text) };
        let sent: Sent = self.actors[seat.person].ask(Request::SendMessage(message)).await;
        self.timelines[seat.timeline].push(said);
        assert_eq!(sent.seq, self.timelines[seat.timeline].len() as u64);
        format!("step {n}: {} says {text} to {}", PEOPLE[seat.person], seat.id)
    }

    /// What this person has is what the model has, on the server and in the client; and so is the sum of it.
    async fn check(&self, person: usize, after: &str) {
        let actor = &self.actors[person];
        let listed = actor.client.list().await.unwrap();
        let mut total = 0;
        for seat in self.seats.iter().filter(|seat| seat.person == person) {
            let said = &self.timelines[seat.timeline];
            let (view, me) = (&seat.view, PEOPLE[person]);
            let lists = view.listed(said);
            let want = (lists, view.unread(me, said), view.visible(said).count() as u64, view.last(said));
            let seen = |listed, c: &Conversation| {
                (listed, c.unread, c.messages, c.last_message.as_deref().map(words))
            };
            if let Some(GotConversation { listed, conversation }) = actor.fetch(&seat.id).await {
                assert_eq!(seen(listed, &conversation), want, "{after}: {me} {}: {view:?}", seat.id);
            }
            match actor.sees(&seat.id).await {
                Some(shown) => assert_eq!(seen(true, &shown), want, "{after}: {me}'s client, {}", seat.id),
                None => assert!(!lists, "{after}: {me}'s client lacks {}", seat.id),
            }
            total += if lists && !view.muted { view.unread(me, said) } else { 0 };
        }
        let counted = listed
            .iter()
            .filter(|c| c.remind_type == RemindType::AcceptAndNotify)
            .filter(|c| c.conversation_id != ConversationId::System)
            .map(|c| c.unread);
        assert_eq!(counted.sum::<u32>(), total, "{after}: {}", PEOPLE[person]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_08_unread_is_exact_after_every_random_step() {
    let world = World::new().await;
    let seed =
        std::env::var("LETHE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    let mut model = Model::new(&world, seed).await;
    for n in 1..=STEPS {
        let after = format!("LETHE_SEED={seed} {}", model.step(n).await);
        for person in 0..PEOPLE.len() {
            model.check(person, &after).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_08_right_after_a_deletion_nothing_is_unread() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for clear in [false, true] {
        for words in ["one", "two"] {
            bob.say(&user("alice"), words).await;
        }
        assert_eq!(alice.unread(&user("bob")).await, 2);
        alice.delete(&[&user("bob")], clear).await;
        assert_eq!(alice.state(&user("bob")).await.unread, 0);
        alice.tells(opening(&user("bob"))).await;
        assert_eq!(alice.unread(&user("bob")).await, 0, "nor when it is opened again");
        alice.delete(&[&user("bob")], clear).await;
    }
}

/// Five people with three devices each delete, write, leave, come back and lose their sockets.
#[tokio::test(flavor = "multi_thread")]
async fn inv_19_all_devices_of_a_user_come_to_the_same_list() {
    let world = World::durable().await;
    world.configure(json!({"SyncConversationDeletion": true})).await;
    Plan::run(world, 4_000).await;
}
