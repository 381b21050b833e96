//! What only several nodes can get wrong. These worlds have three nodes, one PostgreSQL database and one NATS cluster,
//! whatever the others have.

use std::time::Duration;

use lethe_cluster_tests::nats::Nats;
use lethe_protocol::{
    CloseCode, Event, GetMembers, GroupRef, GroupType, KickReason, Members, OneGroup, Request, TransferGroup,
};
use lethe_server::{Chaos, Config, Faults, Options};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::replica::Plan;
use crate::support::{APP, Actor, KEY, Services, World, group, now, sig, user, words};

async fn three() -> World {
    World::of(3, Options::default(), Faults::default()).await
}

impl World {
    /// A new client of a user on the node of this number.
    pub(crate) async fn log_in_at(&self, node: usize, user: &str) -> Actor {
        let credentials = self.credentials(user);
        let client = lethe_client::Client::connect(self.addresses()[node], &credentials, None).await.unwrap();
        Actor { client, credentials }
    }
}

/// The next event of a kind, which comes by itself within a second: nobody asks for it.
async fn told(actor: &Actor, wanted: impl Fn(&Event) -> bool) -> Event {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let event = timeout_at(deadline, actor.client.event()).await.unwrap().unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

fn says(event: &Event, text: &str) -> bool {
    matches!(event, Event::Message(message) if words(message) == text)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_reach_users_and_groups_on_other_nodes_by_themselves() {
    let world = three().await;
    let (alice, bob, carol) = (
        world.log_in_at(0, "alice").await,
        world.log_in_at(1, "bob").await,
        world.log_in_at(2, "carol").await,
    );
    alice.say(&user("bob"), "one to one").await;
    told(&bob, |event| says(event, "one to one")).await;
    alice.create("club", GroupType::Public, &["bob", "carol"]).await;
    for hearer in [&bob, &carol] {
        told(hearer, |event| matches!(event, Event::GroupJoined(_))).await;
    }
    // Joining reaches the other nodes as a word of its own; what was said before it arrived is healed.
    carol.say(&group("club"), "to the group").await;
    for hearer in [&alice, &bob] {
        hearer.settled().await;
        assert_eq!(
            hearer.sees(&group("club")).await.unwrap().head,
            carol.sees(&group("club")).await.unwrap().head
        );
    }
    bob.say(&group("club"), "again").await;
    for hearer in [&alice, &carol] {
        told(hearer, |event| says(event, "again")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_on_another_node_hears_no_more() {
    let world = three().await;
    let (alice, bob) = (world.log_in_at(0, "alice").await, world.log_in_at(1, "bob").await);
    let elsewhere = world.log_in_at(2, "alice").await;
    drop(alice);
    elsewhere.create("club", GroupType::Public, &["bob"]).await;
    told(&bob, |event| matches!(event, Event::GroupJoined(_))).await;
    elsewhere.say(&group("club"), "before").await;
    let removal = lethe_protocol::ChangeMembers {
        group_id: "club".into(),
        user_ids: vec!["bob".into()],
        reason: String::new(),
    };
    let _: Value = elsewhere.ask(Request::RemoveMembers(removal)).await;
    told(&bob, |event| matches!(event, Event::GroupLeft(_))).await;
    bob.settled().await;
    elsewhere.say(&group("club"), "after").await;
    // A message of another timeline after it shows that what was to come has come.
    elsewhere.say(&user("bob"), "the end").await;
    let mut heard = Vec::new();
    loop {
        if let Event::Message(message) = told(&bob, |event| matches!(event, Event::Message(_))).await {
            heard.push(words(&message));
            if heard.last().is_some_and(|last| last == "the end") {
                break;
            }
        }
    }
    assert!(!heard.contains(&"after".to_owned()), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_too_many_and_an_administrator_end_logins_on_other_nodes() {
    let world = three().await;
    let first = world.log_in_at(0, "alice").await;
    let second = world.log_in_at(1, "alice").await;
    let kicked = told(&first, |event| matches!(event, Event::Kicked(_))).await;
    assert!(matches!(kicked, Event::Kicked(kicked) if kicked.reason == KickReason::MultipleAccount));
    assert_eq!(first.closed().await, Some(CloseCode::LoginEnded as u16));
    second.settled().await;
    let old = sig("alice", now() - 60);
    let answer =
        world.rest_at(world.addresses()[2], "im_open_login_svc/kick", json!({"UserID": "alice"})).await;
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
    let kicked = told(&second, |event| matches!(event, Event::Kicked(_))).await;
    assert!(matches!(kicked, Event::Kicked(kicked) if kicked.reason == KickReason::RestApi));
    let stale = lethe_client::Credentials { user_sig: old, ..world.credentials("alice") };
    let refused = lethe_client::Client::connect(world.addresses()[0], &stale, None).await.unwrap_err();
    assert_eq!(refused.code(), 70001, "a UserSig from before is over");
    world.log_in_at(0, "alice").await.settled().await;
    let nobody =
        world.rest_at(world.addresses()[1], "im_open_login_svc/kick", json!({"UserID": "nobody"})).await;
    assert_eq!(nobody["ErrorCode"], 70107, "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_moves_to_another_node_replaces_its_own_socket() {
    let world = three().await;
    let first = world.log_in_at(0, "alice").await;
    let (credentials, address) = (first.credentials.clone(), world.addresses()[1]);
    let again = lethe_client::Client::connect(address, &credentials, None).await.unwrap();
    assert_eq!(first.closed().await, Some(CloseCode::Replaced as u16));
    again.settle().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_seen_online_wherever_they_are() {
    let world = three().await;
    let alice = world.log_in_at(0, "alice").await;
    let bob = world.log_in_at(1, "bob").await;
    drop(world.log_in_at(2, "carol").await);
    alice.create("club", GroupType::Public, &["bob", "carol"]).await;
    let ask =
        GetMembers { group_id: "club".into(), user_ids: vec!["alice".into(), "bob".into(), "carol".into()] };
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let members: Members = alice.ask(Request::GetMembers(ask.clone())).await;
        let online: Vec<bool> = members.members.iter().map(|member| member.is_online).collect();
        if online == [true, true, false] {
            break;
        }
        assert!(Instant::now() < deadline, "{online:?}");
    }
    bob.settled().await;
}

/// The random plan of the replica law on three nodes whose words are lost, doubled and shuffled: healing finds it all.
#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_loses_doubles_and_shuffles_is_harmless() {
    let chaos = Chaos { drop: 20, double: 20, shuffle: 20 };
    let world = World::of(3, Options::default(), Faults { chaos, ..Faults::default() }).await;
    Plan::run(world, 600).await;
}

/// The same without healing has to be noticed, or the test above shows nothing.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "differs from a fresh fetch")]
async fn without_healing_it_is_noticed() {
    let chaos = Chaos { drop: 20, double: 20, shuffle: 20 };
    let world =
        World::of(3, Options::default(), Faults { chaos, no_healing: true, ..Faults::default() }).await;
    Plan::run(world, 600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_given_away_on_two_nodes_at_once_has_one_new_owner() {
    let world = three().await;
    world.configure(json!({"OnlineWebInstances": 2})).await;
    let (here, there) = (world.log_in_at(0, "alice").await, world.log_in_at(1, "alice").await);
    for user in ["bob", "carol"] {
        drop(world.log_in_at(2, user).await);
    }
    for n in 0..20 {
        let id = format!("club{n}");
        here.create(&id, GroupType::Public, &["bob", "carol"]).await;
        let give = |to: &str| {
            Request::TransferGroup(TransferGroup { group_id: id.clone(), new_owner_id: to.to_owned() })
        };
        let (one, other) = tokio::join!(
            here.client.request::<OneGroup>(give("bob")),
            there.client.request::<OneGroup>(give("carol")),
        );
        let given: Vec<_> = [one, other].into_iter().filter_map(Result::ok).collect();
        assert_eq!(given.len(), 1, "the other is not the owner any more");
        let now: OneGroup = here.ask(Request::GetGroup(GroupRef { group_id: id })).await;
        assert_eq!(now.group.owner_id, given[0].group.owner_id);
    }
}

async fn refusal(options: Options) -> String {
    let config = match Config::resolve(options) {
        Ok(config) => config,
        Err(error) => return error.to_string(),
    };
    match lethe_server::start(config, false).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_work_says_why() {
    let services = tokio::task::spawn_blocking(Services::shared).await.unwrap();
    let made = {
        let services = services.clone();
        tokio::task::spawn_blocking(move || services.options()).await.unwrap()
    };
    let listen = Some("127.0.0.1:0".parse().unwrap());
    let good = Options { listen, sdkappid: Some(APP), secret_key: Some(KEY.to_owned()), ..made };
    let without_app = refusal(Options { sdkappid: None, ..good.clone() }).await;
    assert!(without_app.contains("0 apps: say which"), "{without_app}");
    let running = lethe_server::start(Config::resolve(good.clone()).unwrap(), false).await.unwrap();
    running.stop().await.unwrap();
    let other_key = refusal(Options { secret_key: Some("another".to_owned()), ..good.clone() }).await;
    assert!(other_key.contains("another secret key"), "{other_key}");
    for (nats, why) in
        [("nats://127.0.0.1:notaport", "is not the URL"), ("http://127.0.0.1:1", "the bus cannot be used")]
    {
        let refused = refusal(Options { nats: Some(nats.to_owned()), ..good.clone() }).await;
        assert!(refused.contains(why), "{nats}: {refused}");
    }
    let guarded = tokio::task::spawn_blocking(|| Nats::guarded("lethe", "a-password")).await.unwrap();
    let with = |credentials: &str| guarded.urls().replace("nats://", &format!("nats://{credentials}"));
    for (credentials, works) in [("lethe:a-password@", true), ("lethe:another@", false), ("", false)] {
        let options = Options { nats: Some(with(credentials)), ..good.clone() };
        match lethe_server::start(Config::resolve(options).unwrap(), false).await {
            Ok(running) => {
                assert!(works, "{credentials}");
                running.stop().await.unwrap();
            }
            Err(error) => assert!(!works && error.to_string().contains("the bus cannot be used"), "{error}"),
        }
    }
    let no_database =
        refusal(Options { database_url: None, nats: Some("nats://127.0.0.1".into()), ..good.clone() }).await;
    assert!(no_database.contains("set database-url too"), "{no_database}");
    for connections in [2, 1001] {
        let refused = refusal(Options { database_connections: Some(connections), ..good.clone() }).await;
        assert!(refused.contains("database-connections is 3 to 1000"), "{refused}");
    }
    // A bus that is away is waited for: users of this node reach each other.
    let alone = Options { nats: Some("nats://127.0.0.1:9".into()), database_connections: Some(3), ..good };
    let running = lethe_server::start(Config::resolve(alone).unwrap(), false).await.unwrap();
    running.stop().await.unwrap();
}
