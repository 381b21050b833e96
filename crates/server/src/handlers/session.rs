use std::collections::HashSet;

use lethe_domain::accounts::Account;
use lethe_domain::conversations::{Head, View};
use lethe_protocol::{
    Code, ConversationId, Event, HEADS_MAX, ListConversations, LoggedIn, Login, PROTOCOL_VERSION, Ping, Pong,
    Profiles, Resume, Resumed, user_id_is_valid,
};
use lethe_store::{Changed, Contacts, Locks, Need, Tx};

use super::conversations::{self, Loaded};
use super::friends;
use crate::cluster::check_memberships;
use crate::context::Context;
use crate::dispatch::Session;
use crate::failure::{Failure, Result};
use crate::usersig::{self, Claims};

/// Conversations in the first page, which comes with the login's answer.
const FIRST_PAGE: u32 = 200;
/// A resuming client is told again what happened this long before its last answer, in ms: repeats are harmless, clocks of
/// several nodes differ.
const OVERLAP: u64 = 5_000;
/// Conversations looked at in one step of a resume.
const STEP: usize = 500;

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
    let tx = cx.store.begin(Locks::none()).await?;
    if tx.account(&login.user_id).await?.is_none() {
        // What was signed before an account was erased does not bring it back.
        let kicked = tx.account_erased(&login.user_id).await?;
        is_current(&claims, &Account { kicked, ..Account::default() })?;
    }
    drop(tx);
    let account = ensure_account(cx, &login.user_id).await?;
    is_current(&claims, &account)?;
    Ok(claims)
}

/// A UserSig from before the moment at which an administrator ended the user's logins is over.
fn is_current(claims: &Claims, account: &Account) -> Result<()> {
    if claims.issued >= account.kicked {
        return Ok(());
    }
    Err(Failure::refuse(Code::SIG_EXPIRED, "an administrator ended the logins with this UserSig"))
}

/// Accounts come into being at their first login; an administrator's with its first message over REST.
pub(crate) async fn ensure_account(cx: &Context, user_id: &str) -> Result<Account> {
    if let Some(account) = cx.store.begin(Locks::none()).await?.account(user_id).await? {
        return Ok(account);
    }
    let mut tx = cx.store.begin(Locks::none().app().user(user_id)).await?;
    if let Some(account) = tx.account(user_id).await? {
        return Ok(account);
    }
    may_create(&tx, user_id).await?;
    let account = tx.create_account(user_id, cx.now_seconds()).await?;
    tx.commit().await?;
    Ok(account)
}

/// A name whose account is being erased is free again when that is done.
pub(crate) async fn may_create(tx: &Tx, user_id: &str) -> Result<()> {
    if tx.account_under_erasure(user_id).await?.is_none() {
        return Ok(());
    }
    Err(Failure::refuse(Code::UNAVAILABLE, "the account of this name is being erased: try again later"))
}

/// What a login is answered: the state, or what changed of it. The client is registered already, so that nothing falls
/// between this and the first event.
pub(crate) async fn state(cx: &Context, login: &Login, claims: &Claims) -> Result<LoggedIn> {
    let me = &login.user_id;
    let tx = cx.store.begin(Locks::none()).await?;
    // An administrator may have ended the logins, or erased the account, just before this one was registered.
    let erased = || Account { kicked: u64::MAX, ..Account::default() };
    let account = tx.account(me).await?.unwrap_or_else(erased);
    is_current(claims, &account)?;
    let time = cx.now();
    let change = tx.change(me).await?;
    drop(tx);
    let (list, resumed) = match &login.resume {
        None => {
            let first = ListConversations { cursor: None, limit: FIRST_PAGE };
            (Some(conversations::list(cx, me, &first).await?.page()?), None)
        }
        Some(since) => (None, Some(resume(cx, me, &login.instance, since).await?)),
    };
    cx.store.settle().await?;
    Ok(LoggedIn {
        tiny_id: account.tiny_id.to_string(),
        time,
        change,
        profile: account.into_profile(me),
        verifies: cx.store.is_shared() && cx.hub.heals,
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
    // What nodes tell each other may be lost: what this one listens to, and who is here, is put right now and then.
    check_memberships(cx, me, false).await?;
    cx.hub.say_again(me);
    let change = cx.store.begin(Locks::none()).await?.change(me).await?;
    let resumed = resume(cx, me, &session.instance, since).await?;
    cx.store.settle().await?;
    Ok(Pong { time, change, resumed: Some(resumed) })
}

async fn resume(cx: &Context, me: &str, instance: &str, since: &Resume) -> Result<Resumed> {
    if since.heads.len() > HEADS_MAX {
        let message = format!("a client names at most {HEADS_MAX} heads, not {}", since.heads.len());
        return Err(Failure::refuse(Code::MALFORMED_REQUEST, message));
    }
    let tx = cx.store.begin(Locks::none()).await?;
    let mut resumed = Resumed::default();
    let mut changed = Vec::new();
    for change in tx.changed_since(me, since.change).await? {
        match change {
            Changed::Conversation(id) => changed.push(id),
            Changed::Contacts(Contacts::Friends) => {
                resumed.friends = Some(friends::friends_of(&tx, me).await?);
            }
            Changed::Contacts(Contacts::Applications) => {
                resumed.applications = Some(friends::applications_of(&tx, me).await?);
            }
        }
    }
    let own: HashSet<_> = changed.iter().collect();
    let retains_left = cx.settings().retain_left_groups;
    let mut others = tx.indexed(me, None, usize::MAX / 2).await?;
    others.retain(|id| !own.contains(id));
    drop(tx);
    for ids in others.chunks(STEP) {
        let news = conversations::with_news(cx, me, ids, |id, view, head, touched| {
            (retains_left || !was_left_before(since, id, view)) && has_news(since, id, view, head, touched)
        });
        let loaded = conversations::load_all(cx, me, &news.await?).await?.into_iter().flatten();
        let listed = loaded.filter(|loaded| loaded.is_listed()).map(|loaded| loaded.conversation);
        resumed.conversations.extend(listed);
    }
    for ids in changed.chunks(STEP) {
        for loaded in conversations::load_all(cx, me, ids).await?.into_iter().flatten() {
            resume_changed(cx, instance, loaded, &mut resumed);
        }
    }
    Ok(resumed)
}

/// A fresh login is not given the groups that were left before, and neither is one that resumes it.
fn was_left_before(since: &Resume, id: &ConversationId, view: &View) -> bool {
    view.left() && view.left_time <= since.logged_in_at && !since.heads.contains_key(id)
}

/// The client has another head than it should, or does not know the conversation, or something happened since it was told.
fn has_news(since: &Resume, id: &ConversationId, view: &View, head: &Head, touched: u64) -> bool {
    let names_all = !since.heads.is_empty() && since.heads.len() < HEADS_MAX;
    let differs = match since.heads.get(id) {
        Some(&known) => known != view.head(head),
        None => names_all,
    };
    let newest = [head.time, head.floor_time, head.removed_time, view.left_time, touched];
    differs || newest.into_iter().any(|time| time >= since.synced_at.saturating_sub(OVERLAP))
}

/// A deletion reaches the client that made it; others only when deletions are synchronised, and it was not for one client.
fn resume_changed(cx: &Context, instance: &str, loaded: Box<Loaded>, resumed: &mut Resumed) {
    if loaded.is_listed() {
        resumed.conversations.push(loaded.conversation);
        return;
    }
    let synchronised = cx.settings().sync_conversation_deletion && !loaded.view.deleted_locally;
    if synchronised || loaded.view.deleted_by == instance {
        resumed.deleted.push(loaded.into_tombstone());
    }
}

/// The groups a user's clients hear.
pub(crate) async fn groups(cx: &Context, me: &str) -> Result<Vec<String>> {
    let mut groups = cx.store.begin(Locks::none()).await?.memberships(me).await?;
    let need = || groups.iter().fold(Need::new(), |need, group_id| need.group(group_id));
    let tx = cx.store.begin_with(Locks::none(), need).await?;
    let mut ended = HashSet::new();
    for group_id in &groups {
        if tx.group(group_id).await?.is_none_or(|group| group.dismissed_at.is_some()) {
            ended.insert(group_id.clone());
        }
    }
    groups.retain(|group_id| !ended.contains(group_id));
    Ok(groups)
}

/// The event that tells a profile.
pub(crate) fn profile_event(profile: lethe_protocol::Profile) -> Event {
    Event::Profiles(Profiles { profiles: vec![profile] })
}
