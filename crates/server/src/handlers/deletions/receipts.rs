//! The journal as operators read it, and receipts that anybody can check with the app's public key (Ed25519, RFC 8032).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lethe_domain::deletions::{Entry, EntryItem, Kind};
use lethe_protocol::{Code, ConversationId};
use lethe_store::{EntryId, Locks, Timeline, Tx};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::context::Context;
use crate::eraser::named;
use crate::failure::{Failure, Result};

/// The app's signing key comes from its secret key, so that every node and every restored back-up has the same.
fn signing_key(cx: &Context) -> Result<Ed25519KeyPair> {
    let unusable = || Failure::refuse(Code::UNAVAILABLE, "the signing key cannot be made");
    let mut mac =
        Hmac::<Sha256>::new_from_slice(cx.identity.secret_key.as_bytes()).map_err(|_| unusable())?;
    mac.update(format!("lethe deletion receipts\n{}", cx.identity.sdk_app_id).as_bytes());
    Ed25519KeyPair::from_seed_unchecked(&mac.finalize().into_bytes()).map_err(|_| unusable())
}

/// A page of the journal, newest first.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Value>,
    /// Names the last row, if there are more.
    pub(crate) next: Option<String>,
}

/// Rows of the journal older than `before`, of one user or of all.
pub(crate) async fn journal(
    cx: &Context,
    user_id: Option<&str>,
    before: Option<&str>,
    limit: usize,
) -> Result<Page> {
    let missing = |()| Failure::refuse(Code::NO_ENTRY, "that is no row of the journal");
    let before = before.map(str::parse).transpose().map_err(missing)?;
    let mut rows = cx.store.begin(Locks::none()).await?.journal(user_id, before, limit + 1).await?;
    cx.store.settle().await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(id, _)| id.to_string());
    Ok(Page { rows: rows.iter().map(|(id, entry)| described(*id, entry)).collect(), next })
}

/// Timelines of the queue that are shown.
const SHOWN: usize = 50;
/// Timelines of the queue that are counted.
const COUNTED: usize = 100_000;

/// What the eraser has done, does, and will do.
pub(crate) async fn eraser(cx: &Context) -> Result<Value> {
    let tx = cx.store.begin(Locks::none()).await?;
    let waiting = tx.count_erasures(COUNTED).await?;
    let first = tx.erasures(u64::MAX, SHOWN).await?;
    let given_back = tx.given_back().await?;
    let totals = cx.store.totals().await?;
    cx.store.settle().await?;
    let (progress, now) = (cx.eraser.progress(), cx.now());
    let queue: Vec<Value> = first
        .iter()
        .map(|(timeline, erasure)| {
            let (item, user) = named(timeline, 0);
            json!({
                "user": user, "conversation": item.conversation, "due": erasure.due, "held": erasure.held,
                "working": erasure.leased_until > now, "messages": erasure.messages,
            })
        })
        .collect();
    Ok(json!({
        "erased": totals.erased,
        "erasedBytes": totals.erased_bytes,
        "waiting": waiting,
        "queue": queue,
        "current": progress.current.map(|(item, user)| json!({
            "user": user, "conversation": item.conversation, "done": progress.done, "target": progress.target,
        })),
        "diskBytes": cx.store.disk_bytes(),
        "compactedAt": given_back.time,
        "graceSeconds": cx.settings().erasure_grace,
    }))
}

/// A row of the journal as JSON.
pub(crate) fn described(id: EntryId, entry: &Entry) -> Value {
    let item = |item: &EntryItem| {
        json!({
            "conversation": item.conversation,
            "listedAfter": item.listed_after,
            "clearedTo": item.cleared_to,
        })
    };
    let removed: Vec<Value> = entry
        .removed
        .iter()
        .map(|removed| json!({"store": removed.store, "count": removed.count, "bytes": removed.bytes}))
        .collect();
    json!({
        "entry": id.to_string(),
        "kind": entry.kind.name(),
        "time": entry.time,
        "actor": entry.actor,
        "user": entry.user,
        "device": entry.instance,
        "scope": scope(entry.kind),
        "items": entry.items.iter().map(item).collect::<Vec<_>>(),
        "removed": removed,
        "note": entry.note,
    })
}

/// A signed receipt of one row: what was done, and for each conversation how far its messages are erased by now. The
/// signature is over the bytes of `statement`.
pub(crate) async fn receipt(cx: &Context, id: &str) -> Result<Value> {
    let missing = || Failure::refuse(Code::NO_ENTRY, format!("the journal has no row {id:?}"));
    let id: EntryId = id.parse().map_err(|()| missing())?;
    let tx = cx.store.begin(Locks::none()).await?;
    let entry = tx.entry(id).await?.ok_or_else(missing)?;
    let mut statement = described(id, &entry);
    let mut erasure = Vec::new();
    for item in &entry.items {
        erasure.extend(erased(&tx, &entry, item).await?);
    }
    if let Some(fields) = statement.as_object_mut() {
        fields.insert("app".to_owned(), json!(cx.identity.sdk_app_id));
        fields.insert("issuedAt".to_owned(), json!(cx.now()));
        fields.insert("erasure".to_owned(), json!(erasure));
    }
    cx.store.settle().await?;
    let key = signing_key(cx)?;
    let statement = statement.to_string();
    let signature = STANDARD.encode(key.sign(statement.as_bytes()));
    Ok(json!({
        "statement": statement,
        "algorithm": "Ed25519",
        "publicKey": STANDARD.encode(key.public_key()),
        "signature": signature,
    }))
}

/// Whom a row concerns: one user's view, everyone who reads the timeline, or none of both.
fn scope(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Delete | Kind::Clear | Kind::Restore | Kind::Export => Some("me"),
        Kind::Everyone | Kind::Retention | Kind::Erase => Some("everyone"),
        Kind::Hold | Kind::Release | Kind::Account => None,
    }
}

async fn erased(tx: &Tx, entry: &Entry, item: &EntryItem) -> Result<Option<Value>> {
    if matches!(entry.kind, Kind::Hold | Kind::Release | Kind::Account) {
        return Ok(None);
    }
    let Ok(conversation) = ConversationId::parse(&item.conversation) else { return Ok(None) };
    let head = tx.head(&Timeline::of(&entry.user, &conversation)).await?;
    // A timeline that ends before it is gone as a whole.
    let gone = head.erased_to >= item.cleared_to || head.seq < item.cleared_to;
    let state = if item.cleared_to == 0 || entry.kind == Kind::Export {
        "kept"
    } else if gone {
        "erased"
    } else if is_given_back(tx, entry, &conversation, item).await? {
        "restored"
    } else {
        "hidden"
    };
    let erased_to = if gone { item.cleared_to } else { head.erased_to };
    Ok(Some(json!({"conversation": item.conversation, "erasedTo": erased_to, "state": state})))
}

/// Whether the user reads again what was cleared: the deletion was undone.
async fn is_given_back(
    tx: &Tx,
    entry: &Entry,
    conversation: &ConversationId,
    item: &EntryItem,
) -> Result<bool> {
    if !matches!(entry.kind, Kind::Delete | Kind::Clear) {
        return Ok(false);
    }
    let head = tx.head(&Timeline::of(&entry.user, conversation)).await?;
    let view = tx.view_at(&entry.user, conversation, &head).await?;
    Ok(view.is_some_and(|view| view.floor() < item.cleared_to))
}
