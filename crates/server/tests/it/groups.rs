use lethe_protocol::{
    Added, ChangeMembers, ConversationId, GroupApplications, GroupPatch, GroupProfile, GroupRef, GroupType,
    Groups, HandleApplication, JoinGroup, JoinOption, JoinStatus, Joined, ListMembers, Members, OneGroup,
    Removed, Request, Role, SetRole, TransferGroup, UpdateGroup,
};
use serde_json::{Value, json};

use crate::support::{Actor, World, group};

fn this(id: &str) -> GroupRef {
    GroupRef { group_id: id.to_owned() }
}

fn change(id: &str, users: &[&str]) -> ChangeMembers {
    let user_ids = users.iter().map(|&user| user.to_owned()).collect();
    ChangeMembers { group_id: id.to_owned(), user_ids, reason: String::new() }
}

fn joining(id: &str) -> Request {
    Request::JoinGroup(JoinGroup { group_id: id.to_owned(), message: "let me in".into() })
}

async fn members(actor: &Actor, id: &str) -> Vec<(String, Role)> {
    let request = ListMembers { group_id: id.to_owned(), offset: 0, limit: 100, role: None };
    let page: Members = actor.ask(Request::ListMembers(request)).await;
    page.members.into_iter().map(|member| (member.user_id, member.membership.role)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_group_grows_by_invitation_only() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.log_in("alice").await, world.log_in("bob").await, world.log_in("carol").await);
    alice.create("home", GroupType::Private, &["bob"]).await;
    assert_eq!(carol.refused(joining("home")).await, 2601);
    assert_eq!(carol.refused(Request::GetGroup(this("home"))).await, 10007);
    let added: Added = bob.ask(Request::AddMembers(change("home", &["carol", "alice", "nobody"]))).await;
    assert_eq!(
        (added.added, added.existed, added.failed),
        (vec!["carol".to_owned()], vec!["alice".to_owned()], vec!["nobody".to_owned()])
    );
    assert_eq!(carol.listed().await, ["GROUPhome", "@TIM#SYSTEM"]);
    assert_eq!(bob.refused(Request::RemoveMembers(change("home", &["carol"]))).await, 10007);
    assert_eq!(alice.refused(Request::DismissGroup(this("home"))).await, 2622);
    let _: Value = alice.ask(Request::QuitGroup(this("home"))).await;
    let orphan: OneGroup = bob.ask(Request::GetGroup(this("home"))).await;
    assert_eq!((orphan.group.owner_id.as_str(), orphan.group.member_count), ("", 2));
    bob.say(&group("home"), "still here").await;
    assert_eq!(carol.unread(&group("home")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_group_decides_applications_once() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.log_in("alice").await, world.log_in("bob").await, world.log_in("carol").await);
    alice.create("club", GroupType::Public, &["bob"]).await;
    let admin = |admin| Request::SetRole(SetRole { group_id: "club".into(), user_id: "bob".into(), admin });
    assert_eq!(bob.refused(admin(true)).await, 10007);
    let _: OneGroup = alice.ask(admin(true)).await;
    assert_eq!(carol.ask::<Joined>(joining("club")).await.status, JoinStatus::WaitAdminApproval);
    let pending: GroupApplications = bob.ask(Request::ListGroupApplications).await;
    assert_eq!(
        (pending.applications[0].applicant.as_str(), pending.applications[0].note.as_str()),
        ("carol", "let me in")
    );
    let notices = bob.reads(&ConversationId::System).await;
    assert_eq!(notices.last().unwrap(), "TIMGroupSystemNoticeElem:1");
    let handle = |agree| {
        let (group_id, applicant) = ("club".to_owned(), "carol".to_owned());
        Request::HandleApplication(HandleApplication { group_id, applicant, agree, message: String::new() })
    };
    assert_eq!(carol.refused(handle(true)).await, 10007);
    let _: OneGroup = bob.ask(handle(false)).await;
    assert_eq!(alice.refused(handle(true)).await, 10024);
    assert_eq!(carol.reads(&ConversationId::System).await, ["TIMGroupSystemNoticeElem:3"]);
    let _: Joined = carol.ask(joining("club")).await;
    let _: OneGroup = alice.ask(handle(true)).await;
    assert_eq!(
        members(&alice, "club").await,
        [
            ("alice".to_owned(), Role::Owner),
            ("bob".to_owned(), Role::Admin),
            ("carol".to_owned(), Role::Member)
        ]
    );
    assert_eq!(carol.ask::<Joined>(joining("club")).await.status, JoinStatus::AlreadyInGroup);
    assert_eq!(bob.refused(Request::AddMembers(change("club", &["dave"]))).await, 10007);
    let removed: Removed = bob.ask(Request::RemoveMembers(change("club", &["carol"]))).await;
    assert_eq!(removed.removed, ["carol"]);
    assert_eq!(bob.refused(Request::RemoveMembers(change("club", &["alice"]))).await, 10007);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_group_can_open_its_door() {
    let world = World::new().await;
    let (alice, carol) = (world.log_in("alice").await, world.log_in("carol").await);
    alice.create("club", GroupType::Public, &[]).await;
    let free = GroupPatch { join_option: Some(JoinOption::FreeAccess), ..GroupPatch::default() };
    let update = |profile| Request::UpdateGroup(UpdateGroup { group_id: "club".into(), profile });
    assert_eq!(carol.refused(update(free.clone())).await, 10007);
    let _: OneGroup = alice.ask(update(free)).await;
    assert_eq!(carol.ask::<Joined>(joining("club")).await.status, JoinStatus::JoinedSuccess);
}

#[tokio::test(flavor = "multi_thread")]
async fn newcomers_read_what_was_before_only_in_chat_rooms() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("room", GroupType::ChatRoom, &[]).await;
    alice.create("home", GroupType::Private, &[]).await;
    alice.say(&group("room"), "before").await;
    alice.say(&group("home"), "before").await;
    assert_eq!(bob.ask::<Joined>(joining("room")).await.status, JoinStatus::JoinedSuccess);
    let _: Added = alice.ask(Request::AddMembers(change("home", &["bob"]))).await;
    assert_eq!(bob.reads(&group("room")).await, ["before"]);
    assert_eq!(bob.reads(&group("home")).await, ["TIMGroupTipElem:1"]);
    assert_eq!(bob.unread(&group("room")).await, 0);
    assert_eq!(bob.unread(&group("home")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfer_quit_and_dismissal() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("club", GroupType::Public, &["bob"]).await;
    assert_eq!(alice.refused(Request::QuitGroup(this("club"))).await, 10009);
    let transfer = |to: &str| {
        Request::TransferGroup(TransferGroup { group_id: "club".into(), new_owner_id: to.to_owned() })
    };
    assert_eq!(bob.refused(transfer("bob")).await, 10007);
    assert_eq!(alice.refused(transfer("nobody")).await, 10004);
    let _: OneGroup = alice.ask(transfer("bob")).await;
    let me = bob.sees(&group("club")).await.unwrap().group.unwrap().me.unwrap();
    assert_eq!(me.role, Role::Owner);
    assert_eq!(alice.refused(Request::DismissGroup(this("club"))).await, 10007);
    let _: Value = alice.ask(Request::QuitGroup(this("club"))).await;
    let _: Value = bob.ask(Request::DismissGroup(this("club"))).await;
    assert_eq!(bob.refused(Request::GetGroup(this("club"))).await, 10010);
    assert_eq!(bob.refused(Request::DismissGroup(this("club"))).await, 10010);
    assert!(bob.ask::<Groups>(Request::ListGroups).await.groups.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_reads_on_from_there() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("home", GroupType::Private, &["bob"]).await;
    let _: Value = bob.ask(Request::QuitGroup(this("home"))).await;
    alice.say(&group("home"), "while away").await;
    let _: Added = alice.ask(Request::AddMembers(change("home", &["bob"]))).await;
    alice.say(&group("home"), "welcome back").await;
    let seen = bob.sees(&group("home")).await.unwrap();
    assert!(!seen.left);
    assert_eq!(seen.unread, 1);
    assert_eq!(bob.reads(&group("home")).await, ["TIMGroupTipElem:1", "welcome back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_in_pages() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    let users: Vec<String> = (0..25).map(|n| format!("u{n:02}")).collect();
    for user in &users {
        world.rest("im_open_login_svc/account_import", json!({"UserID": user})).await;
    }
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let created: GroupProfile = alice.create("crowd", GroupType::Public, &names).await;
    assert_eq!(created.member_count, 26);
    let (mut offset, mut all) = (0, Vec::new());
    loop {
        let request = ListMembers { group_id: "crowd".into(), offset, limit: 10, role: None };
        let page: Members = alice.ask(Request::ListMembers(request)).await;
        all.extend(page.members.into_iter().map(|member| member.user_id));
        offset = page.next;
        if offset == 0 {
            break;
        }
    }
    assert_eq!(all.len(), 26);
    assert_eq!(all[0], "alice");
    for limit in [0, 101] {
        let request = ListMembers { group_id: "crowd".into(), offset: 0, limit, role: None };
        assert_eq!(alice.refused(Request::ListMembers(request)).await, 10004);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_taken_once() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("club", GroupType::Public, &[]).await;
    let again = |id: &str| {
        Request::CreateGroup(lethe_protocol::CreateGroup {
            group_id: Some(id.to_owned()),
            group_type: GroupType::Public,
            name: "g".into(),
            profile: GroupPatch::default(),
            max_member_count: None,
            members: vec![],
        })
    };
    assert_eq!(alice.refused(again("club")).await, 10025);
    assert_eq!(bob.refused(again("club")).await, 10021);
    assert_eq!(bob.refused(again("@TGS#mine")).await, 10015);
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_ids_find_nothing_and_break_nothing() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    alice.create("home", GroupType::Private, &[]).await;
    let added: Added =
        alice.ask(Request::AddMembers(change("home", &["a\0b", "", "\u{e9}\u{0}", "alice\0"]))).await;
    assert_eq!(added.failed.len(), 4);
    assert_eq!(alice.refused(Request::GetGroup(this("home\0"))).await, 10010);
    assert_eq!(alice.refused(Request::GetGroup(this(""))).await, 10010);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_the_name_of_an_outsider_opens_no_door() {
    let world = World::new().await;
    let (alice, mallory) = (world.log_in("alice").await, world.log_in("mallory").await);
    alice.create("home", GroupType::Private, &[]).await;
    alice.say(&group("home"), "secret").await;
    let body = json!([{"MsgType": "TIMTextElem", "MsgContent": {"Text": "from outside"}}]);
    let say = json!({"From_Account": "mallory", "GroupId": "home", "Random": 9, "MsgBody": body});
    assert_eq!(world.rest("group_open_http_svc/send_group_msg", say).await["ErrorCode"], 0);
    let read =
        lethe_protocol::GetHistory { conversation_id: group("home"), before: None, after: None, limit: 10 };
    assert_eq!(mallory.refused(Request::GetHistory(read)).await, 2500);
    assert_eq!(mallory.refused(Request::GetGroup(this("home"))).await, 10007);
    assert!(mallory.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_has_400_bytes_at_most() {
    let world = World::new().await;
    let (alice, _bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("club", GroupType::Public, &["bob"]).await;
    let remove =
        |n| Request::RemoveMembers(ChangeMembers { reason: "r".repeat(n), ..change("club", &["bob"]) });
    assert_eq!(alice.refused(remove(401)).await, 10004);
    let _: Removed = alice.ask(remove(400)).await;
}
