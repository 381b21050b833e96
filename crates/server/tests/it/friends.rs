use lethe_protocol::{
    AddFriend, AnswerFriend, DeleteApplication, DeleteFriends, FriendAdded, FriendApplications, Friends,
    FriendsDeleted, ProfilePatch, Request,
};
use serde_json::Value;

use crate::support::{Actor, World, user};

fn ask(user_id: &str) -> Request {
    Request::AddFriend(AddFriend {
        user_id: user_id.to_owned(),
        source: "AddSource_Type_Web".into(),
        wording: "hello".into(),
        remark: String::new(),
        single: false,
    })
}

async fn allow(actor: &Actor, how: &str) {
    let patch = ProfilePatch { allow_type: Some(format!("AllowType_Type_{how}")), ..ProfilePatch::default() };
    let _: Value = actor.ask(Request::UpdateProfile(patch)).await;
}

async fn names(actor: &Actor) -> Vec<String> {
    actor
        .ask::<Friends>(Request::ListFriends)
        .await
        .friends
        .into_iter()
        .map(|friend| friend.user_id)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_side_decides() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    allow(&bob, "DenyAny").await;
    assert_eq!(alice.refused(ask("bob")).await, 30516);
    assert_eq!(alice.refused(ask("nobody")).await, 30003);
    allow(&bob, "NeedConfirm").await;
    assert!(alice.ask::<FriendAdded>(ask("bob")).await.pending);
    let applications: FriendApplications = bob.ask(Request::ListFriendApplications).await;
    assert_eq!((applications.applications.len(), applications.unread), (1, 1));
    let answer = |agree| {
        let user_id = "alice".to_owned();
        Request::AnswerFriend(AnswerFriend { user_id, agree, add: true, remark: String::new() })
    };
    let _: Value = bob.ask(answer(false)).await;
    assert!(names(&alice).await.is_empty());
    assert_eq!(bob.refused(answer(true)).await, 30614);
    assert!(alice.ask::<FriendAdded>(ask("bob")).await.pending);
    let _: Value = bob.ask(Request::ReadFriendApplications).await;
    assert_eq!(bob.ask::<FriendApplications>(Request::ListFriendApplications).await.unread, 0);
    let _: Value = bob.ask(answer(true)).await;
    assert_eq!((names(&alice).await, names(&bob).await), (vec!["bob".to_owned()], vec!["alice".to_owned()]));
    allow(&alice, "AllowAny").await;
    let carol = world.log_in("carol").await;
    assert!(!carol.ask::<FriendAdded>(ask("alice")).await.pending);
    assert_eq!(names(&carol).await, ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_deleted_by_either_side_for_itself() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    allow(&bob, "NeedConfirm").await;
    let _: FriendAdded = alice.ask(ask("bob")).await;
    let delete = |sent| Request::DeleteFriendApplication(DeleteApplication { user_id: "bob".into(), sent });
    assert_eq!(alice.refused(delete(false)).await, 31804);
    let _: Value = alice.ask(delete(true)).await;
    assert!(alice.ask::<FriendApplications>(Request::ListFriendApplications).await.applications.is_empty());
    assert_eq!(bob.ask::<FriendApplications>(Request::ListFriendApplications).await.applications.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_and_conversations_do_not_touch_each_other() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    let _: FriendAdded = alice.ask(ask("bob")).await;
    let delete = DeleteFriends { user_ids: vec!["bob".into(), "nobody".into()], single: false };
    let deleted: FriendsDeleted = alice.ask(Request::DeleteFriends(delete)).await;
    assert_eq!(deleted.deleted, ["bob"]);
    assert_eq!(deleted.failed[0].error.code.0, 31704);
    assert!(names(&bob).await.is_empty());
    assert_eq!(alice.listed().await, ["C2Cbob"]);
    assert_eq!(alice.unread(&user("bob")).await, 1);
    assert_eq!(bob.listed().await, ["C2Calice"]);
}
