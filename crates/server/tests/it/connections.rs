//! Logging in, being kicked, losing the socket, and what a client may send.

use futures_util::{SinkExt as _, StreamExt as _};
use lethe_client::{Client, ClientError};
use lethe_protocol::{CloseCode, Event, KickReason, Ping, Request};
use lethe_server::Options;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{APP, World, now, sig, user};

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

pub(crate) async fn socket(world: &World) -> Socket {
    let tcp = TcpStream::connect(world.address()).await.unwrap();
    tokio_tungstenite::client_async(format!("ws://{}/ws", world.address()), tcp).await.unwrap().0
}

pub(crate) async fn exchange(socket: &mut Socket, frame: &str) -> Value {
    socket.send(Message::text(frame)).await.unwrap();
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) if !text.starts_with(r#"{"ev""#) => {
                return serde_json::from_str(&text).unwrap();
            }
            Message::Close(frame) => return json!({"close": frame.map(|frame| u16::from(frame.code))}),
            _ => {}
        }
    }
}

pub(crate) fn login(user: &str, sig: &str) -> String {
    let body = json!({"protocol": 1, "sdkAppId": APP, "userId": user, "userSig": sig, "instance": "raw"});
    json!({"id": 1, "op": "session.login", "d": body}).to_string()
}

/// Logs in on a socket of its own and sends one frame; the answer.
pub(crate) async fn raw(world: &World, user: &str, frame: &str) -> Value {
    let mut socket = socket(world).await;
    let answer = exchange(&mut socket, &login(user, &sig(user, now()))).await;
    assert!(answer.get("ok").is_some(), "{answer}");
    exchange(&mut socket, frame).await
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_foreign_and_expired_tokens_are_refused() {
    let world = World::in_memory().await;
    let now = now();
    let cases = [
        ("alice", sig("bob", now), 70013),
        ("alice", String::new(), 70002),
        ("alice", "garbage".to_owned(), 70003),
        ("alice", lethe_server::mint(APP, crate::support::KEY, "alice", now - 4000, 3600), 70001),
        ("alice", lethe_server::mint(APP, "another key", "alice", now, 3600), 70009),
        ("alice", lethe_server::mint(APP + 1, crate::support::KEY, "alice", now, 3600), 70014),
    ];
    for (user, sig, code) in cases {
        let mut socket = socket(&world).await;
        let answer = exchange(&mut socket, &login(user, &sig)).await;
        assert_eq!(answer["err"]["code"], code, "{answer}");
        let closed = socket.next().await.unwrap().unwrap();
        assert!(
            matches!(closed, Message::Close(Some(frame)) if u16::from(frame.code) == CloseCode::LoginEnded as u16)
        );
    }
    assert!(
        world.rest("recentcontact/get_list", json!({"From_Account": "alice"})).await["ErrorCode"] == 50001
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_works_before_the_login() {
    let world = World::in_memory().await;
    let mut socket = socket(&world).await;
    let answer = exchange(&mut socket, r#"{"id":5,"op":"conversations.list","d":{"limit":10}}"#).await;
    assert_eq!((answer["id"].clone(), answer["err"]["code"].clone()), (json!(5), json!(2024)));
    let answer = exchange(&mut socket, &login("alice", &sig("alice", now()))).await;
    assert!(answer["ok"]["tinyId"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_frames_get_a_code_and_the_socket_lives() {
    let world = World::in_memory().await;
    for (frame, id, code) in [
        ("garbage", 0, 98003),
        ("{}", 0, 98003),
        (r#"{"id":"x","op":"session.ping"}"#, 0, 98003),
        (r#"{"id":3,"op":"no.such"}"#, 3, 98002),
        (r#"{"id":3,"op":"messages.history","d":{"conversationId":"C2Cbob","limit":0}}"#, 3, 98003),
        (r#"{"id":3,"op":"messages.history","d":{"conversationId":"C2Cbob","limit":101}}"#, 3, 98003),
        (r#"{"id":3,"op":"conversations.list","d":{"limit":501}}"#, 3, 98003),
    ] {
        let mut socket = socket(&world).await;
        exchange(&mut socket, &login("alice", &sig("alice", now()))).await;
        let answer = exchange(&mut socket, frame).await;
        assert_eq!(
            (answer["id"].clone(), answer["err"]["code"].clone()),
            (json!(id), json!(code)),
            "{frame}: {answer}"
        );
        let pong = exchange(&mut socket, r#"{"id":9,"op":"session.ping"}"#).await;
        assert!(pong["ok"]["time"].is_u64(), "{pong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_frame_closes_only_its_own_socket() {
    let world = World::in_memory().await;
    let bob = world.log_in("bob").await;
    let mut socket = socket(&world).await;
    exchange(&mut socket, &login("alice", &sig("alice", now()))).await;
    let _ = socket.send(Message::text("x".repeat(200 * 1024))).await;
    while let Some(Ok(_)) = socket.next().await {}
    bob.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_too_many_ends_the_oldest_login() {
    let world = World::in_memory().await;
    let first = world.log_in("alice").await;
    let second = world.log_in("alice").await;
    let kicked = first.client.event().await.unwrap();
    assert!(matches!(kicked, Event::Kicked(kicked) if kicked.reason == KickReason::MultipleAccount));
    assert_eq!(first.closed().await, Some(CloseCode::LoginEnded as u16));
    world.configure(json!({"OnlineWebInstances": 2})).await;
    let third = world.log_in("alice").await;
    second.settled().await;
    third.settled().await;
    let _fourth = world.log_in("alice").await;
    assert_eq!(second.closed().await, Some(CloseCode::LoginEnded as u16));
    third.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_instance_replaces_its_own_older_socket_without_a_kick() {
    let world = World::in_memory().await;
    let first = world.log_in("alice").await;
    let again = world.resume(first.credentials.clone(), None).await.unwrap();
    assert_eq!(first.closed().await, Some(CloseCode::Replaced as u16));
    again.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_socket_is_closed_in_time() {
    let world = World::with(Options { idle_seconds: Some(5), ..Options::default() }).await;
    let alice = world.log_in("alice").await;
    let begun = std::time::Instant::now();
    assert_eq!(alice.closed().await, Some(CloseCode::Silent as u16));
    assert!(begun.elapsed().as_secs() >= 4, "not before its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_with_its_token() {
    let world = World::in_memory().await;
    let mut credentials = world.credentials("alice");
    credentials.user_sig = lethe_server::mint(APP, crate::support::KEY, "alice", now(), 2);
    let alice = world.resume(credentials, None).await.unwrap();
    let kicked = alice.client.event().await.unwrap();
    assert!(matches!(kicked, Event::Kicked(kicked) if kicked.reason == KickReason::UserSigExpired));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_sent_away_and_resumes_without_a_gap() {
    let world = World::with(Options { outbox_frames: Some(16), ..Options::default() }).await;
    world.rest("im_open_login_svc/account_import", json!({"UserID": "alice"})).await;
    let bob = world.log_in("bob").await;
    let mut stuck = socket(&world).await;
    exchange(&mut stuck, &login("alice", &sig("alice", now()))).await;
    // Alice's socket is never read again: its buffers fill, then its outbox, then the server lets go of it.
    let words = "x".repeat(10_000);
    let mut sent = 0;
    loop {
        bob.say(&user("alice"), &words).await;
        sent += 1;
        let metrics = world.metric("lethe_connections").await;
        if metrics == 1 {
            break;
        }
        assert!(sent < 5000, "the slow reader was never sent away");
    }
    let alice = world.log_in("alice").await;
    assert_eq!(alice.unread(&user("bob")).await, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_pauses_hears_everything_in_order() {
    let world = World::in_memory().await;
    world.rest("im_open_login_svc/account_import", json!({"UserID": "alice"})).await;
    let bob = world.log_in("bob").await;
    let mut alice = socket(&world).await;
    exchange(&mut alice, &login("alice", &sig("alice", now()))).await;
    // More than the system holds for a socket: some frame is written in part, and those behind it wait.
    let (words, count) = ("x".repeat(10_000), 1000);
    for n in 0..count {
        bob.say(&user("alice"), &format!("{n} {words}")).await;
        if n % 100 == 50 {
            // The answers to these meet frames that others write.
            alice.send(Message::Ping(n.to_string().into())).await.unwrap();
            alice
                .send(Message::text(json!({"id": n, "op": "session.ping", "d": {}}).to_string()))
                .await
                .unwrap();
        }
    }
    let (mut events, mut answers, mut pongs) = (0, Vec::new(), Vec::new());
    while events < count || answers.len() < 10 || pongs.len() < 10 {
        match alice.next().await.unwrap().unwrap() {
            Message::Pong(said) => pongs.push(String::from_utf8(said.to_vec()).unwrap()),
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if let Some(id) = frame["id"].as_u64() {
                    answers.push(id);
                } else {
                    let said = format!("{events} {words}");
                    assert_eq!(frame["d"]["body"][0]["MsgContent"]["Text"], said.as_str(), "{}", frame["ev"]);
                    events += 1;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    let asked: Vec<u64> = (50..1000).step_by(100).collect();
    assert_eq!(answers, asked);
    assert_eq!(pongs, asked.iter().map(u64::to_string).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_socket_loses_and_doubles_nothing() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for n in 0..5 {
        bob.say(&user("alice"), &format!("{n}")).await;
    }
    alice.settled().await;
    let (credentials, replica) = alice.vanish();
    for n in 5..9 {
        bob.say(&user("alice"), &format!("{n}")).await;
    }
    let alice = world.resume(credentials, Some(replica)).await.unwrap();
    let seen = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((seen.head, seen.unread), (9, 9));
    assert_eq!(alice.reads(&user("bob")).await, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_asks_clients_to_come_back() {
    let mut world = World::new().await;
    let alice = world.log_in("alice").await;
    world.stop().await;
    assert_eq!(alice.closed().await, Some(CloseCode::Restarting as u16));
    let refused = alice.client.request::<Value>(Request::Ping(Ping::default())).await;
    assert!(matches!(refused, Err(ClientError::Closed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_protocol_version_is_refused() {
    let world = World::in_memory().await;
    let mut socket = socket(&world).await;
    let body =
        json!({"protocol": 2, "sdkAppId": APP, "userId": "a", "userSig": sig("a", now()), "instance": "i"});
    let answer = exchange(&mut socket, &json!({"id": 1, "op": "session.login", "d": body}).to_string()).await;
    assert_eq!(answer["err"]["code"], 98004);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_id_is_32_bytes_at_most() {
    let world = World::in_memory().await;
    world.log_in(&"u".repeat(32)).await;
    let refused = Client::connect(world.address(), &world.credentials(&"u".repeat(33)), None).await;
    assert_eq!(refused.unwrap_err().code(), 70402);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_as_the_system() {
    let world = World::in_memory().await;
    for name in ["@TIM#SYSTEM", "@tim#x"] {
        let refused = Client::connect(world.address(), &world.credentials(name), None).await;
        assert_eq!(refused.unwrap_err().code(), 70402, "{name}");
        let imported = world.rest("im_open_login_svc/account_import", json!({"UserID": name})).await;
        assert_eq!(imported["ErrorCode"], 70402, "{name}");
    }
}

/// A client that asks for much and reads nothing stands still in the middle of its requests, one of which may be next in
/// line for a lock that others take all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_no_lock() {
    let world =
        std::sync::Arc::new(World::with(Options { idle_seconds: Some(30), ..Options::default() }).await);
    let mut crowd = Vec::new();
    for n in 0..6 {
        crowd.push(world.log_in(&format!("user{n}")).await);
    }
    let mut stuck = socket(&world).await;
    exchange(&mut stuck, &login("stuck", &sig("stuck", now()))).await;
    let members: Vec<String> = (1..6).map(|n| format!("user{n}")).chain(["stuck".to_owned()]).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    crowd[0].create("crowd", lethe_protocol::GroupType::Private, &members).await;
    let group = crate::support::group("crowd");
    for _ in 0..50 {
        crowd[0].say(&group, &"x".repeat(11_000)).await;
    }
    let talking: Vec<_> = crowd
        .into_iter()
        .map(|actor| {
            let group = group.clone();
            tokio::spawn(async move {
                for _ in 0..400 {
                    actor.say(&group, "talk").await;
                }
            })
        })
        .collect();
    let begun = std::time::Instant::now();
    for n in 0..200 {
        let send = json!({"conversationId": "GROUPcrowd", "clientTime": 1, "random": n, "body": [
            {"MsgType": "TIMTextElem", "MsgContent": {"Text": "me too"}}]});
        let history = json!({"conversationId": "GROUPcrowd", "before": 50, "limit": 100});
        for (op, body) in [("messages.send", send), ("messages.history", history)] {
            let frame = Message::text(json!({"id": n + 2, "op": op, "d": body}).to_string());
            if tokio::time::timeout(std::time::Duration::from_secs(1), stuck.feed(frame)).await.is_err() {
                break;
            }
        }
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), stuck.flush()).await;
    }
    for talk in talking {
        talk.await.unwrap();
    }
    assert!(begun.elapsed().as_secs() < 25, "others waited {:?}", begun.elapsed());
}
