use serde_json::{Value, json};

use crate::support::{APP, KEY, World, now, sig, user};

fn text(words: &str) -> Value {
    json!([{"MsgType": "TIMTextElem", "MsgContent": {"Text": words}}])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_checks_in_its_order() {
    let world = World::in_memory().await;
    let call = |path: &'static str, query: String, body: &'static str| {
        let world = &world;
        async move { world.post(&format!("/v4/{path}?{query}"), body.to_owned()).await["ErrorCode"].clone() }
    };
    let admin = sig("administrator", now());
    let query = |app: &str, who: &str, sig: &str| {
        format!("sdkappid={app}&identifier={who}&usersig={sig}&random=1&contenttype=json")
    };
    let good = query(&APP.to_string(), "administrator", &admin);
    assert_eq!(call("no/such", good.clone(), "{}").await, 60009);
    assert_eq!(call("lethe_config/get", String::new(), "{}").await, 60012);
    assert_eq!(call("lethe_config/get", query("7", "administrator", &admin), "{}").await, 60006);
    assert_eq!(call("lethe_config/get", query("x", "administrator", &admin), "{}").await, 60006);
    assert_eq!(call("lethe_config/get", query(&APP.to_string(), "", &admin), "{}").await, 60004);
    assert_eq!(call("lethe_config/get", query(&APP.to_string(), "administrator", ""), "{}").await, 70002);
    let forged = lethe_server::mint(APP, "x", "administrator", now(), 60);
    assert_eq!(
        call("lethe_config/get", query(&APP.to_string(), "administrator", &forged), "{}").await,
        70009
    );
    let alice = lethe_server::mint(APP, KEY, "alice", now(), 60);
    assert_eq!(call("lethe_config/get", query(&APP.to_string(), "alice", &alice), "{}").await, 60010);
    assert_eq!(call("lethe_config/get", good.clone(), "not json").await, 60003);
    assert_eq!(call("lethe_config/get", good, "{}").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_imported_and_renamed() {
    let world = World::in_memory().await;
    let import = |body| world.rest("im_open_login_svc/account_import", body);
    assert_eq!(import(json!({"UserID": "alice", "Nick": "Alice"})).await["ErrorCode"], 0);
    assert_eq!(import(json!({"Identifier": "bob"})).await["ErrorCode"], 0);
    assert_eq!(import(json!({"UserID": "u".repeat(33)})).await["ErrorCode"], 70402);
    assert_eq!(import(json!({"UserID": 7})).await["ErrorCode"], 70402);
    assert_eq!(import(json!({"UserID": "carol", "Nick": "n".repeat(501)})).await["ErrorCode"], 40601);
    let alice = world.log_in("alice").await;
    assert_eq!(alice.client.login.profile.nick, "Alice");
    let message = crate::support::Actor::message(&user("carol"), "x");
    assert_eq!(
        alice.refused(lethe_protocol::Request::SendMessage(message)).await,
        20003,
        "refused as a whole"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_to_both_sides_and_need_accounts() {
    let world = World::in_memory().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let send = |body| world.rest("openim/sendmsg", body);
    let good = json!({"From_Account": "alice", "To_Account": "bob", "MsgRandom": 77, "MsgBody": text("hi")});
    let answer = send(good).await;
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
    assert!(answer["MsgKey"].as_str().unwrap().contains("_77_"), "{answer}");
    assert_eq!(bob.unread(&user("alice")).await, 1);
    assert_eq!(alice.unread(&user("bob")).await, 0);
    let cases = [
        (
            json!({"From_Account": "alice", "To_Account": "nobody", "MsgRandom": 1, "MsgBody": text("x")}),
            20003,
        ),
        (json!({"From_Account": "nobody", "To_Account": "bob", "MsgRandom": 1, "MsgBody": text("x")}), 20003),
        (json!({"From_Account": "alice", "MsgRandom": 1, "MsgBody": text("x")}), 90003),
        (
            json!({"From_Account": "alice", "To_Account": ["bob"], "MsgRandom": 1, "MsgBody": text("x")}),
            90003,
        ),
        (json!({"From_Account": "alice", "To_Account": "bob", "MsgBody": text("x")}), 90005),
        (
            json!({"From_Account": "alice", "To_Account": "bob", "MsgRandom": "1", "MsgBody": text("x")}),
            90005,
        ),
        (json!({"From_Account": "alice", "To_Account": "bob", "MsgRandom": 1, "MsgBody": "x"}), 90002),
        (
            json!({"From_Account": "alice", "To_Account": "bob", "MsgRandom": 1, "MsgBody": text(&"x".repeat(13000))}),
            80002,
        ),
    ];
    for (body, code) in cases {
        assert_eq!(send(body.clone()).await["ErrorCode"], code, "{body}");
    }
    assert_eq!(bob.unread(&user("alice")).await, 1);
    let from_admin = json!({"To_Account": "bob", "MsgRandom": 5, "MsgBody": text("notice")});
    assert_eq!(send(from_admin).await["ErrorCode"], 0);
    assert_eq!(bob.reads(&user("administrator")).await, ["notice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_created_and_written_to() {
    let world = World::in_memory().await;
    let (alice, _bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let body = json!({"Owner_Account": "alice", "Type": "Public", "Name": "Club", "GroupId": "club",
        "MemberList": [{"Member_Account": "bob", "Role": "Admin"}]});
    assert_eq!(world.rest("group_open_http_svc/create_group", body.clone()).await["GroupId"], "club");
    assert_eq!(world.rest("group_open_http_svc/create_group", body).await["ErrorCode"], 10025);
    let made =
        world.rest("group_open_http_svc/create_group", json!({"Type": "Meeting", "Name": "Room"})).await;
    assert!(made["GroupId"].as_str().unwrap().starts_with("@TGS#"), "{made}");
    let many: Vec<Value> = (0..101).map(|n| json!({"Member_Account": format!("u{n}")})).collect();
    let crowd = json!({"Type": "Public", "Name": "Crowd", "MemberList": many});
    assert_eq!(world.rest("group_open_http_svc/create_group", crowd).await["ErrorCode"], 10005);
    let bad = json!({"Type": "Club", "Name": "x"});
    assert_eq!(world.rest("group_open_http_svc/create_group", bad).await["ErrorCode"], 10004);
    let say = json!({"From_Account": "bob", "GroupId": "club", "Random": 9, "MsgBody": text("hi")});
    let said = world.rest("group_open_http_svc/send_group_msg", say).await;
    assert_eq!(said["MsgSeq"], 2, "{said}");
    assert_eq!(alice.unread(&crate::support::group("club")).await, 1);
    let nowhere = json!({"From_Account": "bob", "GroupId": "nowhere", "Random": 9, "MsgBody": text("hi")});
    assert_eq!(world.rest("group_open_http_svc/send_group_msg", nowhere).await["ErrorCode"], 10010);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_listed_and_deleted_for_a_user() {
    let world = World::synchronised().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    let list = world.rest("recentcontact/get_list", json!({"From_Account": "alice"})).await;
    assert_eq!(
        (list["SessionItem"][0]["To_Account"].clone(), list["CompleteFlag"].clone()),
        (json!("bob"), json!(1))
    );
    let delete = |body| world.rest("recentcontact/delete", body);
    for (body, code) in [
        (json!({"From_Account": "nobody", "Type": 1, "To_Account": "bob"}), 50001),
        (json!({"From_Account": "alice", "Type": 3, "To_Account": "bob"}), 50002),
        (json!({"From_Account": "alice", "Type": 1}), 50002),
        (json!({"From_Account": "alice", "Type": 1, "To_Account": "bob", "ClearRamble": 2}), 50002),
        (json!({"From_Account": "alice", "Type": 1, "To_Account": "nobody"}), 2500),
    ] {
        assert_eq!(delete(body.clone()).await["ErrorCode"], code, "{body}");
    }
    assert_eq!(alice.listed().await, ["C2Cbob"]);
    assert_eq!(
        delete(json!({"From_Account": "alice", "type": 1, "To_Account": "bob", "ClearRamble": 0})).await["ErrorCode"],
        0
    );
    assert!(alice.listed().await.is_empty(), "the setting decides that clients hear it");
    assert_eq!(alice.reads(&user("bob")).await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_whole_or_not_at_all() {
    let world = World::in_memory().await;
    for (body, code) in [
        (json!({"SyncConversationDeletion": true, "Unknown": 1}), 98006),
        (json!({"SyncConversationDeletion": "yes"}), 98007),
        (json!({"SyncConversationDeletion": true, "OnlineWebInstances": 11}), 98007),
        (json!({"SyncConversationDeletion": true, "OnlineWebInstances": -1}), 98007),
        (json!({"SyncConversationDeletion": null}), 98007),
        (json!({"Administrators": []}), 98007),
        (json!([]), 98007),
    ] {
        assert_eq!(world.rest("lethe_config/set", body.clone()).await["ErrorCode"], code, "{body}");
    }
    let before = world.rest("lethe_config/get", json!({})).await;
    assert_eq!(
        (before["SyncConversationDeletion"].clone(), before["OnlineWebInstances"].clone()),
        (json!(false), json!(1))
    );
    world.configure(json!({"OnlineWebInstances": 10})).await;
    assert_eq!(world.rest("lethe_config/get", json!({})).await["OnlineWebInstances"], 10);
    world.configure(json!({"Administrators": ["boss"]})).await;
    assert_eq!(
        world.rest("lethe_config/get", json!({})).await["ErrorCode"],
        60010,
        "the old administrator is none any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_needs_its_password_and_changes_settings() {
    let world = World::new().await;
    let url = format!("http://{}/console/api", world.address());
    let engine = if crate::support::nodes() > 1 { "postgres" } else { "fjall" };
    let talk = move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        assert_eq!(agent.get(format!("{url}/overview")).call().unwrap().status(), 401);
        let wrong = agent.post(format!("{url}/login")).send_json(json!({"password": "x"})).unwrap();
        assert_eq!(wrong.status(), 401);
        let right = agent
            .post(format!("{url}/login"))
            .send_json(json!({"password": crate::support::PASSWORD}))
            .unwrap();
        assert_eq!(right.status(), 200);
        let cookie = right.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let get = |path: &str| {
            let mut answer = agent.get(format!("{url}/{path}")).header("cookie", &cookie).call().unwrap();
            (answer.status(), answer.body_mut().read_json::<Value>().unwrap())
        };
        let (status, overview) = get("overview");
        assert_eq!((status.as_u16(), overview["engine"].clone()), (200, json!(engine)));
        assert_eq!(get("settings").1["SyncConversationDeletion"], false);
        let put = |body: Value| {
            let mut answer =
                agent.put(format!("{url}/settings")).header("cookie", &cookie).send_json(body).unwrap();
            (answer.status().as_u16(), answer.body_mut().read_json::<Value>().unwrap())
        };
        assert_eq!(put(json!({"Nonsense": true})).0, 400);
        assert_eq!(put(json!({"SyncConversationDeletion": true})).1["SyncConversationDeletion"], true);
        assert_eq!(get("app").1["secretKey"], KEY);
        for _ in 0..9 {
            let wrong = agent.post(format!("{url}/login")).send_json(json!({"password": "x"})).unwrap();
            assert_eq!(wrong.status(), 401);
        }
        let blocked = agent
            .post(format!("{url}/login"))
            .send_json(json!({"password": crate::support::PASSWORD}))
            .unwrap();
        assert_eq!(blocked.status(), 429);
    };
    tokio::task::spawn_blocking(talk).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_under_v4_is_answered_in_the_envelope() {
    let world = World::in_memory().await;
    for (path, code) in [
        ("/v4/openim", 60009),
        ("/v4/a/b/c", 60009),
        ("/v4/openim/%ff", 60009),
        ("/v4/lethe_config/get?sdkappid=1&sdkappid=2", 60004),
    ] {
        assert_eq!(world.post(path, "{}".to_owned()).await["ErrorCode"], code, "{path}");
    }
    let large = world.post("/v4/lethe_config/get", "x".repeat(300 * 1024)).await;
    assert_eq!(large["ErrorCode"], 60003);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_signs_in_only_who_asks_on_this_machine() {
    let world = World::in_memory().await;
    let url = format!("http://{}/demo/api/usersig", world.address());
    let talk = move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let ask = |name: &str, value: &str, user: &str| {
            let call = agent.post(&url).header(name, value);
            call.send_json(json!({"userID": user})).unwrap().status().as_u16()
        };
        assert_eq!(ask("x-nothing", "1", "alice"), 200);
        assert_eq!(ask("host", "localhost:7700", "alice"), 200);
        assert_eq!(ask("host", "[::1]:7700", "alice"), 200);
        assert_eq!(ask("host", "chat.example.com", "alice"), 403);
        assert_eq!(ask("x-forwarded-for", "203.0.113.9", "alice"), 403);
        assert_eq!(ask("x-nothing", "1", "administrator"), 403);
        assert_eq!(ask("x-nothing", "1", ""), 400);
    };
    tokio::task::spawn_blocking(talk).await.unwrap();
}
