use std::collections::HashSet;

use lethe_protocol::{
    Code, ConversationId, Event, HEADS_MAX, ListConversations, LoggedIn, Login, PROTOCOL_VERSION, Ping, Pong,
    Profiles, Resume, Resumed, user_id_is_valid,
};
use lethe_store::{Changed, Contacts, Locks, Tx};

use super::conversations::{self, Loaded, tombstone};
use super::friends;
use crate::context::Context;
use crate::dispatch::Session;
use crate::failure::{Failure, Result};
use crate::usersig::{self, Claims};

/// Conversations in the first page, which comes with the login's answer.
const FIRST_PAGE: u32 = 200;
/// A resuming client is told again what happened this long before its last answer, in ms: repeats are harmless, clocks of
/// several nodes differ.
const OVERLAP: u64 = 5_000;

/// Checks who logs in; changes nothing but bringing the account into being.
pub(crate) async fn authenticate(cx: &Context, login: &Login) -> Result<Claims> {
    if login.protocol != PROTOCOL_VERSION {
        let message =
            format!("this server speaks version {PROTOCOL_VERSION} of the protocol, not {}", login.protocol);
        return Err(Failure::refuse(Code::PROTOCOL_VERSION, message));
    }
    if !user_id_is_valid(&login.user_id) {
        return Err(Failure::refuse(
            Code::ACCOUNT_PARAMETER,
            "a user ID has 1 to 32 bytes of printable ASCII",
        ));
    }
    if login.instance.is_empty() || login.instance.len() > 64 {
        return Err(Failure::refuse(Code::MALFORMED_REQUEST, "an instance ID has 1 to 64 bytes"));
    }
    let (app, key) = (cx.identity.sdk_app_id, &cx.identity.secret_key);
    if login.sdk_app_id != app {
        return Err(Failure::refuse(
            Code::APP_UNKNOWN,
            format!("this server does not serve SDKAppID {}", login.sdk_app_id),
        ));
    }
    let claims = usersig::verify(app, key, &login.user_id, &login.user_sig, cx.now_seconds())?;
    ensure_account(cx, &login.user_id).await?;
    Ok(claims)
}

/// Accounts come into being at their first login; an administrator's with its first message over REST.
pub(crate) async fn ensure_account(cx: &Context, user_id: &str) -> Result<()> {
    if cx.store.begin(Locks::none()).await.account(user_id).await?.is_some() {
        return Ok(());
    }
    let mut tx = cx.store.begin(Locks::none().app().user(user_id)).await;
    if tx.account(user_id).await?.is_none() {
        tx.create_account(user_id, cx.now_seconds()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What a login is answered: the state, or what changed of it. The client is registered already, so that nothing falls
/// between this and the first event.
pub(crate) async fn state(cx: &Context, login: &Login) -> Result<LoggedIn> {
    let me = &login.user_id;
    let tx = cx.store.begin(Locks::none()).await;
    let account = tx.account(me).await?.unwrap_or_default();
    let time = cx.now();
    let change = tx.change(me).await?;
    drop(tx);
    let (list, resumed) = match &login.resume {
        None => (
            Some(conversations::list(cx, me, &ListConversations { cursor: None, limit: FIRST_PAGE }).await?),
            None,
        ),
        Some(since) => (None, Some(resume(cx, me, &login.instance, since).await?)),
    };
    cx.store.settle().await?;
    Ok(LoggedIn {
        tiny_id: account.tiny_id.to_string(),
        time,
        change,
        profile: account.profile(me),
        verifies: false,
        list,
        resumed,
    })
}

/// `session.ping`: with where the client stands, what it missed.
pub(crate) async fn ping(cx: &Context, session: &Session, request: &Ping) -> Result<Pong> {
    // A client resumes from this time: all that happened before it has to be told before it.
    let time = cx.now();
    cx.store.settle().await?;
    let Some(since) = &request.since else { return Ok(Pong { time, change: 0, resumed: None }) };
    let me = &session.user_id;
    let change = cx.store.begin(Locks::none()).await.change(me).await?;
    let resumed = resume(cx, me, &session.instance, since).await?;
    cx.store.settle().await?;
    Ok(Pong { time, change, resumed: Some(resumed) })
}

async fn resume(cx: &Context, me: &str, instance: &str, since: &Resume) -> Result<Resumed> {
    if since.heads.len() > HEADS_MAX {
        let message = format!("a client names at most {HEADS_MAX} heads, not {}", since.heads.len());
        return Err(Failure::refuse(Code::MALFORMED_REQUEST, message));
    }
    let tx = cx.store.begin(Locks::none()).await;
    let changed: HashSet<_> = tx.changed_since(me, since.change).await?.into_iter().collect();
    let indexed = tx.indexed(me, None, usize::MAX / 2).await?;
    let mut resumed = Resumed::default();
    if changed.contains(&Changed::Contacts(Contacts::Friends)) {
        resumed.friends = Some(friends::friends_of(&tx, me).await?);
    }
    if changed.contains(&Changed::Contacts(Contacts::Applications)) {
        resumed.applications = Some(friends::applications_of(&tx, me).await?);
    }
    drop(tx);
    for id in indexed {
        if changed.contains(&Changed::Conversation(id.clone())) {
            continue;
        }
        let loaded = conversations::load(cx, me, &id)
            .await?
            .filter(|loaded| loaded.is_listed() && has_news(loaded, since));
        resumed.conversations.extend(loaded.map(|loaded| loaded.conversation));
    }
    for changed in changed {
        if let Changed::Conversation(id) = changed {
            resume_changed(cx, me, instance, &id, &mut resumed).await?;
        }
    }
    Ok(resumed)
}

/// The client has another head than it should, or does not know the conversation, or something happened since it was told.
fn has_news(loaded: &Loaded, since: &Resume) -> bool {
    let conversation = &loaded.conversation;
    let differs = match since.heads.get(&conversation.conversation_id) {
        Some(&head) => head != conversation.head,
        None => !since.heads.is_empty() && since.heads.len() < HEADS_MAX,
    };
    let newest = [loaded.head.time, loaded.view.left_time, loaded.touched];
    differs || newest.into_iter().any(|time| time >= since.synced_at.saturating_sub(OVERLAP))
}

/// A deletion reaches the client that made it; others only when deletions are synchronised.
async fn resume_changed(
    cx: &Context,
    me: &str,
    instance: &str,
    id: &ConversationId,
    resumed: &mut Resumed,
) -> Result<()> {
    let Some(loaded) = conversations::load(cx, me, id).await? else { return Ok(()) };
    if loaded.is_listed() {
        resumed.conversations.push(loaded.conversation);
    } else if cx.settings().sync_conversation_deletion || loaded.view.deleted_by == instance {
        let tx = cx.store.begin(Locks::none()).await;
        resumed.deleted.push(tombstone(&tx, me, id, loaded.view).await?);
    }
    Ok(())
}

/// The groups a client hears after its login.
pub(crate) async fn groups(tx: &Tx, me: &str) -> Result<Vec<String>> {
    let mut groups = Vec::new();
    for group_id in tx.memberships(me).await? {
        if tx.group(&group_id).await?.is_some_and(|group| group.dismissed_at.is_none()) {
            groups.push(group_id);
        }
    }
    Ok(groups)
}

/// The event that tells a profile.
pub(crate) fn profile_event(profile: lethe_protocol::Profile) -> Event {
    Event::Profiles(Profiles { profiles: vec![profile] })
}
