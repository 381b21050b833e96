//! 7: every way in which a message can reach its reader, tried out on one that was cleared.

use lethe_client::{Credentials, Replica};
use lethe_protocol::{
    AddFriend, AnswerFriend, ArchiveConversations, ChangeMembers, CheckFriends, ConversationId, CreateGroup,
    DeleteApplication, DeleteFriends, DeleteItem, DeletionScope, Event, GetConversations, GetHistory,
    GetMembers, GetProfiles, GroupPatch, GroupRef, GroupType, HandleApplication, JoinGroup,
    ListConversations, ListMembers, MarkConversations, MessageAttributes, NewMember, Ping, PreviewDeletion,
    ProfilePatch, ReadAll, RemindType, Request, RestoreConversation, SendMessage, Sent, SetCustomData,
    SetRemindType, SetRole, TransferGroup, UpdateFriend, UpdateGroup,
};
use serde_json::{Value, json};

use super::{clearing, deletion, opening, pinning, reading};
use crate::support::{Actor, World, group, user};

/// What must not be read any more.
const CANARY: &str = "canary-6f1d";

/// Pages of history in both directions, from before, from within and from after what was cleared.
fn pages(id: &ConversationId, head: u64) -> Vec<Request> {
    let mut ends = vec![None];
    ends.extend((0..=head + 1).map(Some));
    let mut pages = Vec::new();
    for &before in &ends {
        for &after in &ends {
            for limit in [1, 100] {
                let page = GetHistory { conversation_id: id.clone(), before, after, limit };
                pages.push(Request::GetHistory(page));
            }
        }
    }
    pages
}

/// Every request there is, as `alice` can make it about what she has cleared. One that is not known here fails the test:
/// whoever adds a request says here how it could show a message.
fn attempts(op: &str, said: &SendMessage) -> Vec<Request> {
    match op.split_once('.') {
        // Their answers are looked at where they are asked for.
        Some(("session", "login" | "logout" | "ping")) => vec![],
        Some(("messages", "send")) => {
            let typing = SendMessage { online_only: true, ..Actor::message(&user("bob"), "typing") };
            vec![Request::SendMessage(said.clone()), Request::SendMessage(typing)]
        }
        Some(("messages", "history")) => ids().iter().flat_map(|id| pages(id, 4)).collect(),
        Some(("conversations", what)) => about_conversations(what),
        Some(("groups", what)) => about_groups(what),
        Some(("users" | "friends", what)) => about_people(what),
        _ => new(op),
    }
}

fn new(what: &str) -> ! {
    panic!("{what} is new: can its answer, or what it tells, show a message that was cleared?")
}

fn ids() -> Vec<ConversationId> {
    vec![user("bob"), group("club")]
}

fn about_conversations(what: &str) -> Vec<Request> {
    let each = |make: &dyn Fn(&ConversationId) -> Request| ids().iter().map(make).collect();
    match what {
        "list" => [1, 500]
            .map(|limit| Request::ListConversations(ListConversations { cursor: None, limit }))
            .to_vec(),
        "get" => vec![Request::GetConversations(GetConversations { conversation_ids: ids() })],
        "open" => each(&opening),
        "delete" => vec![deletion(&ids(), Some(1), false), deletion(&ids(), None, false)],
        "previewDeletion" => vec![Request::PreviewDeletion(PreviewDeletion {
            items: ids()
                .into_iter()
                .map(|conversation_id| DeleteItem { conversation_id, anchor: None })
                .collect(),
            clear_history: true,
            scope: DeletionScope::Me,
        })],
        // Undoing is the one way back, and ends before this test begins.
        "restore" => {
            each(&|id| Request::RestoreConversation(RestoreConversation { conversation_id: id.clone() }))
        }
        "archive" => vec![Request::ArchiveConversations(ArchiveConversations {
            conversation_ids: ids(),
            archived: true,
            keep: false,
        })],
        "clear" => each(&|id| clearing(id, Some(1))),
        "read" => each(&|id| reading(id, None)),
        "readAll" => vec![Request::ReadAll(ReadAll { users: true, groups: true })],
        "pin" => ids().iter().flat_map(|id| [pinning(id, true), pinning(id, false)]).collect(),
        "remind" => vec![Request::SetRemindType(SetRemindType {
            conversation_ids: ids(),
            remind_type: RemindType::AcceptNotNotify,
        })],
        "mark" => vec![Request::MarkConversations(MarkConversations {
            conversation_ids: ids(),
            mark: "1".into(),
            enable: true,
        })],
        "customData" => vec![Request::SetCustomData(SetCustomData {
            conversation_ids: ids(),
            custom_data: "mine".into(),
        })],
        what => new(what),
    }
}

fn about_groups(what: &str) -> Vec<Request> {
    let (group_id, user_ids) = ("club".to_owned(), vec!["bob".to_owned(), "erin".to_owned()]);
    let (bob, this) = ("bob".to_owned(), GroupRef { group_id: group_id.clone() });
    let profile = GroupPatch { name: Some("renamed".into()), ..GroupPatch::default() };
    vec![match what {
        "create" => Request::CreateGroup(CreateGroup {
            group_id: None,
            group_type: GroupType::Private,
            name: "another".into(),
            profile,
            max_member_count: None,
            members: vec![NewMember { user_id: bob, admin: false }],
        }),
        "list" => Request::ListGroups,
        "get" => Request::GetGroup(this),
        "update" => Request::UpdateGroup(UpdateGroup { group_id, profile }),
        "dismiss" => Request::DismissGroup(this),
        "transfer" => Request::TransferGroup(TransferGroup { group_id, new_owner_id: bob }),
        "members" => Request::ListMembers(ListMembers { group_id, offset: 0, limit: 100, role: None }),
        "member" => Request::GetMembers(GetMembers { group_id, user_ids }),
        "add" => Request::AddMembers(ChangeMembers { group_id, user_ids, reason: String::new() }),
        "remove" => Request::RemoveMembers(ChangeMembers { group_id, user_ids, reason: String::new() }),
        "join" => Request::JoinGroup(JoinGroup { group_id, message: "again".into() }),
        "quit" => Request::QuitGroup(this),
        "applications" => Request::ListGroupApplications,
        "handle" => Request::HandleApplication(HandleApplication {
            group_id,
            applicant: bob,
            agree: true,
            message: String::new(),
        }),
        "role" => Request::SetRole(SetRole { group_id, user_id: bob, admin: true }),
        what => new(what),
    }]
}

fn about_people(what: &str) -> Vec<Request> {
    let (user_id, user_ids) = ("bob".to_owned(), vec!["bob".to_owned()]);
    match what {
        // Of users, and of friends.
        "get" => vec![Request::GetProfiles(GetProfiles { user_ids })],
        "update" => vec![
            Request::UpdateProfile(ProfilePatch::default()),
            Request::UpdateFriend(UpdateFriend { user_id, remark: "Bobby".into() }),
        ],
        "list" => vec![Request::ListFriends],
        "add" => vec![Request::AddFriend(AddFriend {
            user_id,
            source: String::new(),
            wording: String::new(),
            remark: String::new(),
            single: false,
        })],
        "delete" => vec![Request::DeleteFriends(DeleteFriends { user_ids, single: false })],
        "check" => vec![Request::CheckFriends(CheckFriends { user_ids })],
        "applications" => vec![Request::ListFriendApplications],
        "answer" => {
            let (agree, add, remark) = (true, true, String::new());
            vec![Request::AnswerFriend(AnswerFriend { user_id, agree, add, remark })]
        }
        "deleteApplication" => {
            vec![Request::DeleteFriendApplication(DeleteApplication { user_id, sent: false })]
        }
        "readApplications" => vec![Request::ReadFriendApplications],
        what => new(what),
    }
}

fn told(events: Vec<Event>) -> Vec<String> {
    events
        .iter()
        .map(|event| serde_json::to_string(event).unwrap())
        .filter(|event| event.contains(CANARY))
        .collect()
}

/// The requests, logins and events that show it.
async fn leaks(world: &World, laptop: &Credentials, actor: &Actor, requests: Vec<Request>) -> Vec<String> {
    let mut leaks = Vec::new();
    for request in requests {
        let op = request.op();
        if let Ok(answer) = actor.client.request::<Value>(request).await
            && answer.to_string().contains(CANARY)
        {
            leaks.push(op.to_owned());
        }
    }
    leaks.extend(told(actor.events().await));
    let since = actor.client.replica(Replica::resume);
    let pong: Value = actor.ask(Request::Ping(Ping { since })).await;
    let list = world.rest("recentcontact/get_list", json!({"From_Account": "alice", "AssistFlags": 2})).await;
    let fresh = world.resume(laptop.clone(), None).await.unwrap();
    let told = told(fresh.events().await);
    let login = serde_json::to_string(&fresh.client.login).unwrap();
    let (credentials, replica) = fresh.vanish();
    // A client that knows nothing but an old moment is told all it may know.
    let mut old = Replica::new("alice");
    old.start(0, 1, false);
    let old = world.resume(credentials.clone(), Some(old)).await.unwrap();
    let all = serde_json::to_string(&old.client.login).unwrap();
    drop(old);
    let resumed = world.resume(credentials, Some(replica)).await.unwrap();
    let again = serde_json::to_string(&resumed.client.login).unwrap();
    for (name, text) in [
        ("ping", pong.to_string()),
        ("get_list", list.to_string()),
        ("login", login),
        ("resume of all", all),
        ("resume", again),
    ] {
        if text.contains(CANARY) {
            leaks.push(name.to_owned());
        }
    }
    leaks.extend(told);
    leaks
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_07_no_read_path_returns_what_was_cleared() {
    let world = World::synchronised().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    world.import(&["erin".to_owned()]).await;
    bob.create("club", GroupType::Public, &["alice"]).await;
    let laptop = world.credentials("alice");
    let said = Actor::message(&user("bob"), CANARY);
    let _: Sent = alice.ask(Request::SendMessage(said.clone())).await;
    bob.say(&user("alice"), CANARY).await;
    let attributes = MessageAttributes {
        at: vec!["alice".into()],
        cloud_custom_data: CANARY.into(),
        ..MessageAttributes::default()
    };
    let mention = SendMessage { attributes, ..Actor::message(&group("club"), CANARY) };
    let _: Sent = bob.ask(Request::SendMessage(mention)).await;
    let reads = ["messages.history", "conversations.list", "conversations.get"];
    let before =
        leaks(&world, &laptop, &alice, reads.iter().flat_map(|op| attempts(op, &said)).collect()).await;
    for path in reads.into_iter().chain(["login", "resume of all"]) {
        assert!(before.iter().any(|leak| leak == path), "what is there is found by {path}: {before:?}");
    }
    alice.delete(&[&user("bob"), &group("club")], true).await;
    alice.events().await;
    for (op, ..) in Request::ALL {
        let found = leaks(&world, &laptop, &alice, attempts(op, &said)).await;
        assert!(found.is_empty(), "{op}: {found:?}");
    }
    // Out of the group by now, which opens nothing either; and who comes back reads from there.
    let again =
        ChangeMembers { group_id: "club".into(), user_ids: vec!["alice".into()], reason: String::new() };
    let _: Result<Value, _> = bob.client.request(Request::AddMembers(again)).await;
    let found = leaks(&world, &laptop, &alice, attempts("messages.history", &said)).await;
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(bob.reads(&user("alice")).await[..2], [CANARY, CANARY], "only alice lost it");
}
