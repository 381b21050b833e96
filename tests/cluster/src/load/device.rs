use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use lethe_client::{Brief, Client, ClientError, Credentials, Replica};
use lethe_protocol::{
    ConversationId, CreateGroup, Event, GroupPatch, GroupType, NewMember, OneGroup, Request,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};

use super::ask::{ask, is_temporary};
use super::plan::group_id;
use super::{PATIENCE, Shared};
use crate::cluster;
use crate::evidence::{Delivery, DeviceLog, Entry, List, NEVER, Operation, Outcome, Sight, What, list};

/// After this a request counts as lost with its socket.
const REQUEST_TIME: Duration = Duration::from_secs(15);
/// Between two heartbeats of a client.
const HEARTBEAT: Duration = Duration::from_secs(8);
/// The longest wait before a refused request is repeated or a lost socket replaced, in ms.
const JITTER: u64 = 300;

/// A client with a person behind it.
#[derive(Debug)]
pub(crate) struct Device {
    shared: Arc<Shared>,
    number: usize,
    credentials: Credentials,
    rng: StdRng,
    conversations: Vec<ConversationId>,
    /// Those whose history it clears.
    clearable: Vec<ConversationId>,
    client: Option<Client>,
    replica: Option<Replica>,
    sent: u32,
    log: DeviceLog,
}

/// How one attempt at a request ended.
enum Attempt {
    Ended(Outcome),
    /// Refused for a while.
    Later,
    /// The socket is gone, or silent for too long.
    Lost,
}

/// Each group is made by its owner's first device, with all its members.
pub(crate) async fn make_groups(shared: &Arc<Shared>, devices: &[Device]) {
    for group in 0..shared.plan.groups {
        let members = shared.plan.members(group);
        let owner = devices.iter().find(|one| one.is_first_of(&shared.plan.user(members[0]))).unwrap();
        let member = |&user: &usize| NewMember { user_id: shared.plan.user(user), admin: false };
        let request = Request::CreateGroup(CreateGroup {
            group_id: Some(group_id(group)),
            group_type: GroupType::Private,
            name: format!("group {group}"),
            profile: GroupPatch::default(),
            max_member_count: None,
            members: members[1..].iter().map(member).collect(),
        });
        let _: OneGroup = owner.client.as_ref().unwrap().request(request).await.unwrap();
    }
}

impl Device {
    /// Signs in at a node of its choice.
    pub(crate) async fn sign_in(shared: Arc<Shared>, user: usize, number: usize) -> Self {
        let (plan, name) = (&shared.plan, shared.plan.user(user));
        let seed = plan.seed ^ ((user as u64) << 32) ^ ((number as u64) << 56) ^ 0x5eed;
        let conversations = plan.conversations(user);
        let clearable = conversations.iter().filter(|id| plan.may_clear(user, id)).cloned().collect();
        let credentials = shared.cluster.credentials(&name, &format!("{name}-{number}"));
        let log = DeviceLog { user: name, device: number, ..DeviceLog::default() };
        let mut device = Self {
            number,
            credentials,
            rng: StdRng::seed_from_u64(seed),
            conversations,
            clearable,
            client: None,
            replica: None,
            sent: 0,
            log,
            shared,
        };
        timeout(PATIENCE, device.connect()).await.expect("a node takes the first sign-in");
        device
    }

    fn is_first_of(&self, user: &str) -> bool {
        self.number == 0 && self.log.user == user
    }

    /// Marks read what was there before the load.
    pub(crate) async fn read_all(mut self) -> Self {
        if self.number > 0 {
            return self;
        }
        let there = self.client.as_ref().unwrap().list().await.unwrap();
        for one in there {
            self.perform(What::Read { conversation: one.conversation_id, up_to: one.head }).await;
        }
        self
    }

    /// Lives until the load ends.
    pub(crate) async fn run(mut self) -> Self {
        let mut ending = self.shared.ending.subscribe();
        let mut next = Instant::now() + self.pause_between();
        let mut heartbeat = Instant::now() + HEARTBEAT.mul_f64(self.rng.random_range(0.1..1.0));
        loop {
            if self.client.is_none() {
                self.connect().await;
            }
            let Some(client) = &self.client else { return self };
            tokio::select! {
                () = is_some(&mut ending) => return self,
                event = client.event() => match event {
                    Some(event) => self.hear(event),
                    None => self.disconnect(),
                },
                () = sleep_until(next.into()) => {
                    self.act().await;
                    next = Instant::now() + self.pause_between();
                }
                () = sleep_until(heartbeat.into()) => {
                    self.settle().await;
                    heartbeat = Instant::now() + HEARTBEAT;
                }
            }
        }
    }

    /// Exponentially distributed, as independent people are.
    fn pause_between(&mut self) -> Duration {
        let share: f64 = self.rng.random_range(f64::EPSILON..1.0);
        Duration::from_secs_f64((-share.ln() / self.shared.plan.rate_of_one()).min(30.0))
    }

    async fn jitter(&mut self) {
        sleep(Duration::from_millis(self.rng.random_range(20..JITTER))).await;
    }

    /// Connects to one node or another until one takes it; resumes if it has something to resume. Without a client after
    /// it when the load is over.
    async fn connect(&mut self) {
        while !self.shared.is_over() {
            let address = *self.shared.cluster.addresses.choose(&mut self.rng).unwrap();
            // A replica that did not get in is lost, so it waits until somebody is at home.
            if cluster::readiness(address).await == Some(200) {
                let replica = self.replica.take();
                let resumed = replica.is_some();
                let connecting = Client::connect(address, &self.credentials, replica);
                if let Ok(Ok(client)) = timeout(REQUEST_TIME, connecting).await {
                    self.client = Some(client);
                    self.log.entries.push(Entry::Connected { resumed });
                    return;
                }
            }
            self.jitter().await;
        }
    }

    fn disconnect(&mut self) {
        let Some(client) = self.client.take() else { return };
        self.shared.count_trouble();
        self.hear_rest(&client);
        self.replica = Some(client.disconnect());
    }

    /// Takes leave of a socket, which may be in order, and comes back after a random delay.
    async fn reconnect(&mut self) {
        self.disconnect();
        self.jitter().await;
        self.connect().await;
    }

    fn hear_rest(&mut self, client: &Client) {
        while let Some(Some(event)) = client.event().now_or_never() {
            self.hear(event);
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                let Some(brief) = Brief::of(&message).filter(|brief| brief.seq > 0) else { return };
                let conversation = brief.conversation(&self.log.user);
                let delivery = Delivery { conversation, seq: brief.seq, id: brief.id };
                self.log.entries.push(Entry::Delivered(delivery));
            }
            Event::Kicked(_) => self.log.entries.push(Entry::Kicked),
            _ => {}
        }
    }

    /// One heartbeat.
    async fn settle(&mut self) {
        let Some(client) = &self.client else { return };
        match timeout(REQUEST_TIME, client.settle()).await {
            Ok(Ok(())) => {}
            Ok(Err(ClientError::Refused(_))) => self.shared.count_trouble(),
            Ok(Err(_)) | Err(_) => self.disconnect(),
        }
    }

    async fn act(&mut self) {
        for what in self.choose() {
            self.perform(what).await;
        }
        self.look();
    }

    /// Notes what the list shows of some conversation.
    fn look(&mut self) {
        let Some(conversation) = self.conversations.choose(&mut self.rng).cloned() else { return };
        let (Some(client), at) = (&self.client, self.shared.now()) else { return };
        let seen = client.replica(|replica| replica.get(&conversation).map(|one| (one.head, one.cleared_to)));
        if let Some((head, cleared_to)) = seen {
            self.log.entries.push(Entry::Saw(Sight { at, conversation, head, cleared_to }));
        }
    }

    fn choose(&mut self) -> Vec<What> {
        if self.shared.plan.messages_only {
            return vec![self.message()];
        }
        let conversation = self.conversations.choose(&mut self.rng).unwrap().clone();
        let head = self.head(&conversation);
        match self.rng.random_range(0..100) {
            0..62 => vec![self.message()],
            // Sent twice with one nonce: the second has to be answered as the first was.
            62..64 => vec![self.message(); 2],
            64..78 => head.map(|up_to| What::Read { conversation, up_to }).into_iter().collect(),
            78..88 => self.deletion().into_iter().collect(),
            88..93 => vec![What::Pin { conversation, pinned: self.rng.random_range(0..3) > 0 }],
            _ => vec![What::Page { conversation }],
        }
    }

    /// The newest message that this client has been given, if the conversation is in its list.
    fn head(&self, conversation: &ConversationId) -> Option<u64> {
        let client = self.client.as_ref()?;
        client.replica(|replica| replica.get(conversation).map(|one| one.head)).filter(|&head| head > 0)
    }

    fn message(&mut self) -> What {
        self.sent += 1;
        let random = (u32::try_from(self.number).unwrap() << 24) + self.sent;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        What::Send {
            to: self.conversations.choose(&mut self.rng).unwrap().clone(),
            client_time: u32::try_from(now.as_secs()).unwrap(),
            random,
            text: format!("{}.{}.{}", self.log.user, self.number, self.sent),
        }
    }

    /// One to three conversations of its list, as far as the client knows them.
    fn deletion(&mut self) -> Option<What> {
        let clear = self.rng.random_range(0..2) == 0;
        let from = if clear { &self.clearable } else { &self.conversations };
        let count = self.rng.random_range(1..=3);
        let chosen: Vec<_> = from.sample(&mut self.rng, count).cloned().collect();
        let items: Vec<_> = chosen.into_iter().filter_map(|id| Some((id.clone(), self.head(&id)?))).collect();
        (!items.is_empty()).then_some(What::Delete { items, clear })
    }

    /// Asks until there is an answer, wherever it comes from, and notes it.
    async fn perform(&mut self, what: What) {
        let asked = self.shared.now();
        let outcome = loop {
            if self.shared.is_over() {
                break Outcome::Unknown;
            }
            match self.attempt(&what).await {
                Attempt::Ended(outcome) => break outcome,
                Attempt::Later => {
                    self.shared.count_trouble();
                    self.jitter().await;
                }
                Attempt::Lost => self.reconnect().await,
            }
        };
        let ended = if outcome == Outcome::Unknown { NEVER } else { self.shared.now() };
        if let Some(client) = self.client.take() {
            // Events before the answer stand before it in the log too.
            self.hear_rest(&client);
            self.client = Some(client);
        }
        self.log.entries.push(Entry::Operation(Operation { asked, ended, what, outcome }));
        self.shared.count_answer();
    }

    async fn attempt(&self, what: &What) -> Attempt {
        let Some(client) = &self.client else { return Attempt::Lost };
        let answer = match timeout(REQUEST_TIME, ask(client, what)).await {
            Ok(answer) => answer,
            Err(_) => return Attempt::Lost,
        };
        match answer {
            Ok(outcome) => Attempt::Ended(outcome),
            Err(ClientError::Refused(error)) if is_temporary(error.code) => Attempt::Later,
            Err(ClientError::Refused(error)) => Attempt::Ended(Outcome::Refused(error.code.0)),
            Err(_) => Attempt::Lost,
        }
    }

    /// Waits until the list agrees with a fresh one, at most until the deadline; the notes, with the list as it is then.
    pub(crate) async fn converge(mut self, deadline: Instant) -> DeviceLog {
        loop {
            if let Some((shown, fresh)) = self.compare().await {
                let equal = shown == fresh;
                self.log.shown = shown;
                let resume = self.client.as_ref().and_then(|client| client.replica(Replica::resume));
                self.log.change = resume.map_or(0, |resume| resume.change);
                if equal || deadline < Instant::now() {
                    self.disconnect();
                    return self.log;
                }
                self.jitter().await;
            } else {
                self.reconnect().await;
                assert!(self.client.is_some(), "{} cannot sign in after the run", self.log.user);
            }
        }
    }

    /// What is shown and what a fresh login would show; none without a connection.
    async fn compare(&self) -> Option<(List, List)> {
        let client = self.client.as_ref()?;
        timeout(REQUEST_TIME, client.settle()).await.ok()?.ok()?;
        let fresh = timeout(REQUEST_TIME, client.list()).await.ok()?.ok()?;
        Some((client.replica(|replica| list(replica.conversations())), list(&fresh)))
    }
}

async fn is_some<T: Send + Sync>(value: &mut watch::Receiver<Option<T>>) {
    let _ = value.wait_for(Option::is_some).await;
}
