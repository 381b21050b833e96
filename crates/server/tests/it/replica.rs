//! The replica law: events applied to an old list equal a fresh fetch. A seeded plan of people with several devices,
//! lost sockets and restarts looks for a difference.
//!
//! `LETHE_SEED` replays a plan, `LETHE_STEPS` sets its length.

mod removal;

use std::io::Write as _;

use lethe_client::{ClientError, Replica};
use lethe_protocol::{
    AddFriend, ChangeMembers, ClearHistory, Conversation, ConversationId, CreateGroup, DeleteConversations,
    DeleteFriends, DeleteItem, GroupPatch, GroupRef, GroupType, HandleApplication, JoinGroup, JoinOption,
    MarkConversations, MessageAttributes, NewMember, OpenConversation, PinConversation, ProfilePatch,
    ReadAll, ReadConversation, RemindType, Request, SendMessage, SetCustomData, SetRemindType, SetRole,
    TransferGroup, UpdateFriend, UpdateGroup,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::{Actor, World, group, user};

const STEPS: u64 = 25_000;
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const DEVICES: usize = 3;
const GROUPS: usize = 8;
/// One restart in so many steps, and so on.
const RESTART: u32 = 4_000;

enum Device {
    Online(Box<Actor>),
    Offline(Box<(lethe_client::Credentials, Replica)>),
}

pub(crate) struct Plan {
    rng: StdRng,
    seed: u64,
    step: u64,
    world: World,
    devices: Vec<Vec<Device>>,
    groups: usize,
}

/// What both sides have to agree on. Of a group one has left the profile is not kept fresh, of strangers neither.
fn comparable(mut conversations: Vec<Conversation>) -> Vec<Value> {
    conversations.sort_by(|a, b| a.conversation_id.cmp(&b.conversation_id));
    let strip = |mut conversation: Conversation| {
        conversation.user = None;
        if conversation.left {
            conversation.group = None;
        }
        serde_json::to_value(conversation).unwrap()
    };
    conversations.into_iter().map(strip).collect()
}

async fn difference(actor: &Actor) -> Option<String> {
    let fresh = comparable(actor.client.list().await.unwrap());
    actor.settled().await;
    let mut shown = comparable(actor.client.replica(|replica| replica.conversations().cloned().collect()));
    for (shown, fresh) in shown.iter_mut().zip(&fresh) {
        // The history of a group may be erased for those who have left it; they are not told.
        if shown["left"] == true && shown["conversationId"] == fresh["conversationId"] {
            for name in ["clearedTo", "messages", "lastMessage"] {
                shown[name] = fresh[name].clone();
            }
        }
    }
    if fresh == shown {
        return None;
    }
    let only = |these: &[Value], those: &[Value]| {
        these
            .iter()
            .filter(|value| !those.contains(value))
            .map(|value| format!("\n    {value}"))
            .collect::<String>()
    };
    Some(format!("\n  fresh:{}\n  shown:{}", only(&fresh, &shown), only(&shown, &fresh)))
}

impl Plan {
    /// So many steps in this world.
    pub(crate) async fn run(world: World, steps: u64) {
        let seed = number("LETHE_SEED").unwrap_or_else(rand::random);
        say(&format!("LETHE_SEED={seed} LETHE_STEPS={steps}"));
        let mut plan = Self::new(world, seed).await;
        while plan.step < steps {
            plan.step += 1;
            plan.take_step().await;
        }
        for person in 0..PEOPLE.len() {
            for device in 0..DEVICES {
                plan.reconnect(person, device).await;
                plan.check(person, device, "the whole plan").await;
            }
        }
    }

    async fn new(world: World, seed: u64) -> Self {
        world
            .configure(json!({
                "SyncConversationDeletion": true, "OnlineWebInstances": 10, "RetainLeftGroups": true,
            }))
            .await;
        let mut devices = Vec::new();
        for person in PEOPLE {
            let mut theirs = Vec::new();
            for _ in 0..DEVICES {
                theirs.push(Device::Online(Box::new(world.log_in(person).await)));
            }
            devices.push(theirs);
        }
        Self { rng: StdRng::seed_from_u64(seed), seed, step: 0, world, devices, groups: 0 }
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.rng.random_range(0..one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    fn person(&mut self) -> String {
        self.pick(&PEOPLE).to_owned()
    }

    fn group_id(&mut self) -> String {
        format!("g{}", self.rng.random_range(0..self.groups.max(1)))
    }

    /// A conversation that may or may not exist.
    fn conversation(&mut self) -> ConversationId {
        match self.rng.random_range(0..10) {
            0 => ConversationId::System,
            1..=5 => user(&self.person()),
            _ => group(&self.group_id()),
        }
    }

    fn message(&mut self) -> Request {
        let to = if self.chance(2) { user(&self.person()) } else { group(&self.group_id()) };
        let words = format!("{}", self.step);
        let attributes = MessageAttributes {
            no_unread: self.chance(15),
            no_last: self.chance(15),
            ..MessageAttributes::default()
        };
        Request::SendMessage(SendMessage {
            attributes,
            online_only: self.chance(20),
            ..Actor::message(&to, &words)
        })
    }

    fn deletion(&mut self, actor: &Actor) -> Request {
        let mut items = Vec::new();
        for _ in 0..self.rng.random_range(1..5) {
            let id = self.conversation();
            let known =
                actor.client.replica(|replica| replica.get(&id).map(|conversation| conversation.head));
            let anchor = if self.chance(4) {
                None
            } else {
                known.map(|head| head - u64::from(self.chance(5)).min(head))
            };
            items.push(DeleteItem { conversation_id: id, anchor });
        }
        Request::DeleteConversations(DeleteConversations {
            items,
            clear_history: self.chance(2),
            ..DeleteConversations::default()
        })
    }

    fn change_of_group(&mut self) -> Request {
        let (group_id, user_id, admin) = (self.group_id(), self.person(), self.chance(2));
        let members = |user_id| ChangeMembers {
            group_id: group_id.clone(),
            user_ids: vec![user_id],
            reason: String::new(),
        };
        match self.rng.random_range(0..20) {
            0..=3 => Request::JoinGroup(JoinGroup { group_id, message: "please".into() }),
            4..=6 => Request::AddMembers(members(user_id)),
            7..=9 => Request::RemoveMembers(members(user_id)),
            10..=12 => Request::QuitGroup(GroupRef { group_id }),
            13 => Request::TransferGroup(TransferGroup { group_id, new_owner_id: user_id }),
            14 => Request::SetRole(SetRole { group_id, user_id, admin }),
            15 => {
                let name = Some(format!("name {}", self.step));
                Request::UpdateGroup(UpdateGroup {
                    group_id,
                    profile: GroupPatch { name, ..GroupPatch::default() },
                })
            }
            16..=17 => Request::HandleApplication(HandleApplication {
                group_id,
                applicant: user_id,
                agree: admin,
                message: String::new(),
            }),
            18 if self.chance(4) => Request::DismissGroup(GroupRef { group_id }),
            _ => self.creation(),
        }
    }

    /// A group; once there are enough, an ID that is taken, which is refused.
    fn creation(&mut self) -> Request {
        if self.groups < GROUPS || self.chance(50) {
            self.groups += 1;
        }
        let group_type = self.pick(&[GroupType::Private, GroupType::Public, GroupType::ChatRoom]);
        let join_option =
            (group_type == GroupType::Public && self.chance(2)).then_some(JoinOption::FreeAccess);
        Request::CreateGroup(CreateGroup {
            group_id: Some(format!("g{}", self.groups - 1)),
            group_type,
            name: "group".into(),
            profile: GroupPatch { join_option, ..GroupPatch::default() },
            max_member_count: None,
            members: vec![NewMember { user_id: self.person(), admin: self.chance(2) }],
        })
    }

    fn change_of_friends(&mut self) -> Request {
        let (user_id, step) = (self.person(), self.step);
        match self.rng.random_range(0..4) {
            0 => Request::DeleteFriends(DeleteFriends {
                user_ids: vec![user_id],
                single: step.is_multiple_of(2),
            }),
            1 => Request::UpdateFriend(UpdateFriend { user_id, remark: format!("remark {step}") }),
            2 => Request::UpdateProfile(ProfilePatch {
                nick: Some(format!("nick {step}")),
                ..ProfilePatch::default()
            }),
            _ => Request::AddFriend(AddFriend {
                user_id,
                source: String::new(),
                wording: String::new(),
                remark: format!("friend {step}"),
                single: step.is_multiple_of(3),
            }),
        }
    }

    fn change_of_conversation(&mut self, actor: &Actor) -> Request {
        let conversation_id = self.conversation();
        let ids = vec![conversation_id.clone()];
        let head = actor
            .client
            .replica(|replica| replica.get(&conversation_id).map(|conversation| conversation.head));
        let up_to =
            head.filter(|_| self.chance(2)).map(|head| head.saturating_sub(self.rng.random_range(0..3)));
        let enable = self.chance(2);
        match self.rng.random_range(0..12) {
            0..=3 => Request::ReadConversation(ReadConversation { conversation_id, up_to }),
            4 => Request::ClearHistory(ClearHistory { conversation_id, up_to }),
            5 => Request::PinConversation(PinConversation { conversation_id, pinned: enable }),
            6 => Request::OpenConversation(OpenConversation { conversation_id }),
            7 => Request::ReadAll(ReadAll { users: enable, groups: !enable }),
            8 => {
                let remind_type = self.pick(&[
                    RemindType::AcceptAndNotify,
                    RemindType::AcceptNotNotify,
                    RemindType::Discard,
                ]);
                Request::SetRemindType(SetRemindType { conversation_ids: ids, remind_type })
            }
            9..=10 => {
                let mark = self.pick(&["1", "2", "4294967296"]).to_owned();
                Request::MarkConversations(MarkConversations { conversation_ids: ids, mark, enable })
            }
            _ => Request::SetCustomData(SetCustomData {
                conversation_ids: ids,
                custom_data: self.step.to_string(),
            }),
        }
    }

    fn request(&mut self, actor: &Actor) -> Request {
        match self.rng.random_range(0..100) {
            0..45 => self.message(),
            45..57 => self.deletion(actor),
            57..65 => self.removal(actor),
            65..80 => self.change_of_conversation(actor),
            80..92 => self.change_of_group(),
            _ => self.change_of_friends(),
        }
    }

    async fn take_step(&mut self) {
        let (person, device) = (self.rng.random_range(0..PEOPLE.len()), self.rng.random_range(0..DEVICES));
        if self.chance(RESTART) {
            return self.restart().await;
        }
        let offline = matches!(self.devices[person][device], Device::Offline(..));
        if offline {
            if self.chance(20) {
                self.reconnect(person, device).await;
            }
            return;
        }
        if self.chance(60) {
            return self.lose(person, device);
        }
        if self.chance(150) {
            self.administrate().await;
            return self.check(person, device, "what an administrator did").await;
        }
        if self.chance(300) {
            return self.log_in_anew(person, device).await;
        }
        self.act(person, device).await;
    }

    async fn act(&mut self, person: usize, device: usize) {
        let slot = Device::Offline(Box::new((self.world.credentials("nobody"), Replica::default())));
        let Device::Online(actor) = std::mem::replace(&mut self.devices[person][device], slot) else {
            return;
        };
        let request = self.request(&actor);
        let shown = format!("{} device {device}: {request:?}", PEOPLE[person]);
        if let Err(error @ (ClientError::Closed(_) | ClientError::Unexpected(_))) =
            actor.client.request::<Value>(request).await
        {
            panic!("seed {} step {}: {shown}: {error}", self.seed, self.step);
        }
        self.devices[person][device] = Device::Online(actor);
        self.check(person, device, &shown).await;
        let (other, another) = (self.rng.random_range(0..PEOPLE.len()), self.rng.random_range(0..DEVICES));
        self.check(other, another, &shown).await;
    }

    async fn check(&self, person: usize, device: usize, after: &str) {
        let Device::Online(actor) = &self.devices[person][device] else { return };
        if let Some(difference) = difference(actor).await {
            panic!(
                "LETHE_SEED={} step {}: {} device {device} differs from a fresh fetch after\n  {after}{difference}",
                self.seed, self.step, PEOPLE[person]
            );
        }
    }

    fn lose(&mut self, person: usize, device: usize) {
        if matches!(self.devices[person][device], Device::Offline(..)) {
            return;
        }
        let slot = Device::Offline(Box::new((self.world.credentials("nobody"), Replica::default())));
        let Device::Online(actor) = std::mem::replace(&mut self.devices[person][device], slot) else {
            return;
        };
        let (credentials, replica) = actor.vanish();
        self.devices[person][device] = Device::Offline(Box::new((credentials, replica)));
    }

    async fn reconnect(&mut self, person: usize, device: usize) {
        let Device::Offline(kept) = &mut self.devices[person][device] else { return };
        let (credentials, replica) = (kept.0.clone(), std::mem::take(&mut kept.1));
        let actor = self.world.resume(credentials, Some(replica)).await.unwrap();
        self.devices[person][device] = Device::Online(Box::new(actor));
        self.check(person, device, "a resume").await;
    }

    async fn log_in_anew(&mut self, person: usize, device: usize) {
        self.lose(person, device);
        self.devices[person][device] = Device::Online(Box::new(self.world.log_in(PEOPLE[person]).await));
        self.check(person, device, "a fresh login").await;
    }

    async fn restart(&mut self) {
        for person in 0..PEOPLE.len() {
            for device in 0..DEVICES {
                self.lose(person, device);
            }
        }
        self.world.restart().await;
        for person in 0..PEOPLE.len() {
            for device in 0..DEVICES {
                self.reconnect(person, device).await;
            }
        }
    }
}

/// Says something that is seen whether the test passes or fails.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_plan_finds_no_difference_to_a_fresh_fetch() {
    Plan::run(World::new().await, number("LETHE_STEPS").unwrap_or(STEPS)).await;
}
