use lethe_domain::friends::{Application, Friendship, Outcome, may_add, may_remark};
use lethe_protocol::{
    AddFriend, AnswerFriend, CheckFriends, Code, DeleteApplication, DeleteFriends, Error, Event,
    FRIENDS_PER_CALL, FailedUser, Friend, FriendAdded, FriendApplication, FriendApplications, FriendRelation,
    FriendRelations, Friends, FriendsDeleted, UpdateFriend,
};
use lethe_store::{Audience, Contacts, Locks, Tx};

use crate::context::Context;
use crate::failure::{Failure, Result};

/// The most users in one check.
const CHECKED_PER_CALL: usize = 1000;

pub(crate) async fn friends_of(tx: &Tx, me: &str) -> Result<Friends> {
    let change = tx.contacts_change(me, Contacts::Friends).await?;
    let mut friends = Vec::new();
    for (user_id, friendship) in tx.friends(me).await? {
        let profile = tx.account(&user_id).await?.unwrap_or_default().into_profile(&user_id);
        let Friendship { remark, source, wording, time } = friendship;
        friends.push(Friend { user_id, remark, source, wording, time, profile });
    }
    Ok(Friends { change, friends })
}

pub(crate) async fn applications_of(tx: &Tx, me: &str) -> Result<FriendApplications> {
    let change = tx.contacts_change(me, Contacts::Applications).await?;
    let (mut applications, mut unread) = (Vec::new(), 0);
    for (user_id, sent, application) in tx.friend_applications(me).await? {
        let account = tx.account(&user_id).await?.unwrap_or_default();
        unread += u32::from(!sent && !application.read);
        let Application { wording, source, time, .. } = application;
        let (nick, avatar) = (account.nick, account.avatar);
        applications.push(FriendApplication { user_id, nick, avatar, sent, wording, source, time });
    }
    Ok(FriendApplications { change, applications, unread })
}

async fn tell_friends(tx: &mut Tx, users: &[&str]) -> Result<()> {
    for &user in users {
        tx.change_contacts(user, Contacts::Friends).await?;
        let friends = friends_of(tx, user).await?;
        tx.tell(Audience::Users(vec![user.to_owned()]), &Event::Friends(friends));
    }
    Ok(())
}

async fn tell_applications(tx: &mut Tx, users: &[&str]) -> Result<()> {
    for &user in users {
        tx.change_contacts(user, Contacts::Applications).await?;
        let applications = applications_of(tx, user).await?;
        tx.tell(Audience::Users(vec![user.to_owned()]), &Event::FriendApplications(applications));
    }
    Ok(())
}

/// `friends.list`.
pub(crate) async fn list(cx: &Context, me: &str) -> Result<Friends> {
    let friends = friends_of(&cx.store.begin(Locks::none()).await?, me).await?;
    cx.store.settle().await?;
    Ok(friends)
}

/// `friends.applications`.
pub(crate) async fn list_applications(cx: &Context, me: &str) -> Result<FriendApplications> {
    let applications = applications_of(&cx.store.begin(Locks::none()).await?, me).await?;
    cx.store.settle().await?;
    Ok(applications)
}

/// `friends.add`. Being friends already is success.
pub(crate) async fn add(cx: &Context, me: &str, request: &AddFriend) -> Result<FriendAdded> {
    let other = &request.user_id;
    let mut tx = cx.store.begin(Locks::none().user(me).user(other)).await?;
    let unknown =
        || Failure::refuse(Code::RELATION_UNKNOWN_ACCOUNT, format!("there is no account {other:?}"));
    let account = tx.account(other).await?.ok_or_else(unknown)?;
    if tx.friend(me, other).await?.is_some() {
        tx.commit().await?;
        return Ok(FriendAdded { pending: false });
    }
    let outcome = may_add(me, request, account.allow, tx.friends(me).await?.len())?;
    let application = Application {
        wording: request.wording.clone(),
        source: request.source.clone(),
        time: cx.now_seconds(),
        read: false,
        remark: request.remark.clone(),
        single: request.single,
    };
    match outcome {
        Outcome::Friends => {
            befriend(&mut tx, me, other, &application, "", !request.single).await?;
        }
        Outcome::Pending => {
            tx.put_friend_application(me, true, other, &application);
            tx.put_friend_application(other, false, me, &application);
            tell_applications(&mut tx, &[me, other]).await?;
        }
    }
    tx.commit().await?;
    Ok(FriendAdded { pending: outcome == Outcome::Pending })
}

/// Puts `other` on the asking side's list, and with `both` the asking side on the other's, with the other's remark.
async fn befriend(
    tx: &mut Tx,
    asking: &str,
    other: &str,
    application: &Application,
    remark: &str,
    both: bool,
) -> Result<()> {
    let Application { wording, source, time, .. } = application.clone();
    let mine = Friendship {
        remark: application.remark.clone(),
        source: source.clone(),
        wording: wording.clone(),
        time,
    };
    tx.put_friend(asking, other, &mine);
    if both && tx.friend(other, asking).await?.is_none() {
        tx.put_friend(other, asking, &Friendship { remark: remark.to_owned(), source, wording, time });
    }
    let concerned = [asking, other];
    tell_friends(tx, &concerned[..=usize::from(both)]).await
}

/// `friends.answer`.
pub(crate) async fn answer(cx: &Context, me: &str, request: &AnswerFriend) -> Result<()> {
    may_remark(&request.remark)?;
    let asking = &request.user_id;
    let mut tx = cx.store.begin(Locks::none().user(me).user(asking)).await?;
    let none = || Failure::refuse(Code::NO_APPLICATION, "there is no such application");
    let application = tx.friend_application(me, false, asking).await?.ok_or_else(none)?;
    tx.remove_friend_application(me, false, asking);
    tx.remove_friend_application(asking, true, me);
    if request.agree {
        befriend(&mut tx, asking, me, &application, &request.remark, request.add && !application.single)
            .await?;
    }
    tell_applications(&mut tx, &[me, asking]).await?;
    tx.commit().await?;
    Ok(())
}

/// `friends.deleteApplication`: the caller's copy only.
pub(crate) async fn delete_application(cx: &Context, me: &str, request: &DeleteApplication) -> Result<()> {
    let mut tx = cx.store.begin(Locks::none().user(me)).await?;
    if tx.friend_application(me, request.sent, &request.user_id).await?.is_none() {
        return Err(Failure::refuse(Code::NO_APPLICATION_TO_DELETE, "there is no such application"));
    }
    tx.remove_friend_application(me, request.sent, &request.user_id);
    tell_applications(&mut tx, &[me]).await?;
    tx.commit().await?;
    Ok(())
}

/// `friends.readApplications`.
pub(crate) async fn read_applications(cx: &Context, me: &str) -> Result<()> {
    let mut tx = cx.store.begin(Locks::none().user(me)).await?;
    let mut any = false;
    for (other, sent, mut application) in tx.friend_applications(me).await? {
        if !sent && !application.read {
            application.read = true;
            tx.put_friend_application(me, false, &other, &application);
            any = true;
        }
    }
    if any {
        tell_applications(&mut tx, &[me]).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// `friends.delete`. Conversations are not touched.
pub(crate) async fn delete(cx: &Context, me: &str, request: &DeleteFriends) -> Result<FriendsDeleted> {
    may_take(request.user_ids.len(), FRIENDS_PER_CALL)?;
    let locks = request.user_ids.iter().fold(Locks::none().user(me), |locks, user| locks.user(user));
    let mut tx = cx.store.begin(locks).await?;
    let mut outcome = FriendsDeleted { deleted: Vec::new(), failed: Vec::new() };
    let mut concerned = vec![me];
    for user_id in &request.user_ids {
        if outcome.deleted.contains(user_id) {
            continue;
        }
        if tx.friend(me, user_id).await?.is_none() {
            let error = Error::new(Code::NOT_A_FRIEND, "not a friend");
            outcome.failed.push(FailedUser { user_id: user_id.clone(), error });
            continue;
        }
        tx.remove_friend(me, user_id);
        if !request.single && tx.friend(user_id, me).await?.is_some() {
            tx.remove_friend(user_id, me);
            concerned.push(user_id);
        }
        outcome.deleted.push(user_id.clone());
    }
    if !outcome.deleted.is_empty() {
        tell_friends(&mut tx, &concerned).await?;
    }
    tx.commit().await?;
    Ok(outcome)
}

/// `friends.check`.
pub(crate) async fn check(cx: &Context, me: &str, request: &CheckFriends) -> Result<FriendRelations> {
    may_take(request.user_ids.len(), CHECKED_PER_CALL)?;
    let tx = cx.store.begin(Locks::none()).await?;
    let mut relations = Vec::with_capacity(request.user_ids.len());
    for user_id in &request.user_ids {
        let mine = tx.friend(me, user_id).await?.is_some();
        let theirs = tx.friend(user_id, me).await?.is_some();
        relations.push(FriendRelation { user_id: user_id.clone(), mine, theirs });
    }
    cx.store.settle().await?;
    Ok(FriendRelations { relations })
}

/// `friends.update`.
pub(crate) async fn update(cx: &Context, me: &str, request: &UpdateFriend) -> Result<()> {
    may_remark(&request.remark)?;
    let mut tx = cx.store.begin(Locks::none().user(me)).await?;
    let not_a_friend = || Failure::refuse(Code::NOT_A_FRIEND, "not a friend");
    let mut friendship = tx.friend(me, &request.user_id).await?.ok_or_else(not_a_friend)?;
    friendship.remark.clone_from(&request.remark);
    tx.put_friend(me, &request.user_id, &friendship);
    tell_friends(&mut tx, &[me]).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends all friendships and applications of an account that is being erased, on both sides: how many.
pub(crate) async fn forget(cx: &Context, user: &str) -> Result<u64> {
    let tx = cx.store.begin(Locks::none()).await?;
    let friends: Vec<String> = tx.friends(user).await?.into_iter().map(|(friend, _)| friend).collect();
    let applications = tx.friend_applications(user).await?;
    drop(tx);
    for friend in &friends {
        let mut tx = cx.store.begin(Locks::none().user(user).user(friend)).await?;
        tx.remove_friend(user, friend);
        if tx.friend(friend, user).await?.is_some() {
            tx.remove_friend(friend, user);
            tell_friends(&mut tx, &[friend]).await?;
        }
        tx.commit().await?;
    }
    for (other, sent, _) in &applications {
        let mut tx = cx.store.begin(Locks::none().user(user).user(other)).await?;
        tx.remove_friend_application(user, *sent, other);
        if tx.friend_application(other, !sent, user).await?.is_some() {
            tx.remove_friend_application(other, !sent, user);
            tell_applications(&mut tx, &[other]).await?;
        }
        tx.commit().await?;
    }
    Ok((friends.len() + applications.len()) as u64)
}

fn may_take(len: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&len) {
        return Ok(());
    }
    Err(Failure::refuse(Code::RELATION_PARAMETER, format!("a call takes 1 to {most} users, not {len}")))
}
