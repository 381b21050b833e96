//! Deletion as Lethe has it beyond the vendor's API: `lethe_conversation` and `lethe_deletion`.

use lethe_domain::conversations::may_take_list;
use lethe_protocol::{
    ArchiveConversations, Code, ConversationId, DeleteConversations, DeleteItem, DeletionScope, Error,
    FailedConversation, PreviewDeletion, group_id_is_valid, user_id_is_valid,
};
use lethe_store::Held;
use serde::Deserialize;
use serde_json::{Value, json};

use super::conversations::known;
use crate::backup;
use crate::context::Context;
use crate::eraser;
use crate::failure::{Failure, Result};
use crate::handlers::deletions::Caller;
use crate::handlers::{conversations, deletions};
use crate::patience::{patiently, persistently};

/// Rows of the journal in one page.
const ROWS_MAX: usize = 500;

/// A conversation as the vendor's API names it: `Type` 1 with `To_Account`, 2 with `ToGroupid`, 3 for the system's.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Named {
    #[serde(rename = "Type")]
    kind: u32,
    #[serde(rename = "To_Account")]
    peer: Option<String>,
    #[serde(rename = "ToGroupid", alias = "GroupId")]
    group_id: Option<String>,
    /// Messages above it stay; absent: everything there is.
    #[serde(rename = "Anchor")]
    anchor: Option<u64>,
}

impl Named {
    fn id(&self) -> Result<ConversationId> {
        match (self.kind, &self.peer, &self.group_id) {
            (1, Some(peer), _) if user_id_is_valid(peer) => Ok(ConversationId::User(peer.clone())),
            (2, _, Some(group)) if group_id_is_valid(group) => Ok(ConversationId::Group(group.clone())),
            (3, ..) => Ok(ConversationId::System),
            _ => {
                let message = "a conversation has Type 1 and To_Account, Type 2 and ToGroupid, or Type 3";
                Err(Failure::refuse(Code::CONVERSATION_PARAMETER, message))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    #[serde(rename = "From_Account")]
    user_id: String,
    items: Vec<Named>,
    /// 1, as when it is absent, clears the histories too; 0 keeps them.
    clear_ramble: Option<u32>,
    #[serde(default)]
    scope: DeletionScope,
    idempotency_key: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// `lethe_conversation/delete`: 1 to 100 conversations in one transaction, and an outcome for each.
pub(super) async fn delete(cx: &Context, administrator: &str, request: Delete) -> Result<Value> {
    let clear_history = match request.clear_ramble {
        None | Some(1) => true,
        Some(0) => false,
        Some(_) => return Err(Failure::refuse(Code::CONVERSATION_PARAMETER, "ClearRamble is 0 or 1")),
    };
    may_take_list(request.items.len())?;
    known(cx, &request.user_id).await?;
    let item = |named: &Named| Ok(DeleteItem { conversation_id: named.id()?, anchor: named.anchor });
    let items: Vec<DeleteItem> = request.items.iter().map(item).collect::<Result<_>>()?;
    let asked: Vec<ConversationId> = items.iter().map(|item| item.conversation_id.clone()).collect();
    let scope = request.scope;
    let caller = Caller::administrator(administrator, &request.user_id);
    if request.dry_run {
        let asked = PreviewDeletion { items, clear_history, scope };
        return Ok(json!({"DryRun": deletions::preview(cx, &caller, &asked).await?}));
    }
    let request =
        DeleteConversations { items, clear_history, scope, local_only: false, key: request.idempotency_key };
    let outcome = deletions::delete(cx, &caller, &request).await?;
    Ok(json!({
        "Results": results(&asked, &outcome.failed),
        "Entry": outcome.entry.unwrap_or_default(),
        "RestorableUntil": outcome.restorable_until,
    }))
}

/// One result for each conversation asked for, in that order.
fn results(asked: &[ConversationId], failed: &[FailedConversation]) -> Vec<Value> {
    let one = |id: &ConversationId| {
        let failure = failed.iter().find(|failed| failed.conversation_id == *id);
        let (code, info) =
            failure.map_or((0, ""), |failed| (failed.error.code.0, failed.error.message.as_str()));
        json!({"ConversationID": id, "ErrorCode": code, "ErrorInfo": info})
    };
    asked.iter().map(one).collect()
}

#[derive(Debug, Deserialize)]
pub(super) struct Several {
    #[serde(rename = "From_Account")]
    user_id: String,
    #[serde(rename = "Items")]
    items: Vec<Named>,
}

/// `lethe_conversation/restore`: each by itself, with an outcome for each.
pub(super) async fn restore(cx: &Context, administrator: &str, request: Several) -> Result<Value> {
    may_take_list(request.items.len())?;
    known(cx, &request.user_id).await?;
    let asked: Vec<ConversationId> = request.items.iter().map(Named::id).collect::<Result<_>>()?;
    let caller = Caller::administrator(administrator, &request.user_id);
    let mut failed = Vec::new();
    for id in &asked {
        match patiently(cx, || deletions::restore(cx, &caller, id)).await {
            Ok(()) => {}
            Err(Failure::Refused(error)) => {
                failed.push(FailedConversation { conversation_id: id.clone(), error });
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(json!({"Results": results(&asked, &failed)}))
}

#[derive(Debug, Deserialize)]
pub(super) struct Archive {
    #[serde(rename = "From_Account")]
    user_id: String,
    #[serde(rename = "Items")]
    items: Vec<Named>,
    #[serde(rename = "Archived")]
    archived: bool,
    /// A newer message does not take it out.
    #[serde(rename = "Keep", default)]
    keep: bool,
}

/// `lethe_conversation/archive`.
pub(super) async fn archive(cx: &Context, request: Archive) -> Result<Value> {
    known(cx, &request.user_id).await?;
    let asked: Vec<ConversationId> = request.items.iter().map(Named::id).collect::<Result<_>>()?;
    let (archived, keep) = (request.archived, request.keep);
    let change = ArchiveConversations { conversation_ids: asked.clone(), archived, keep };
    let outcome = conversations::archive(cx, &request.user_id, &change).await?;
    Ok(json!({"Results": results(&asked, &outcome.failed)}))
}

#[derive(Debug, Deserialize)]
pub(super) struct Export {
    #[serde(rename = "From_Account")]
    user_id: String,
    #[serde(flatten)]
    conversation: Named,
    /// Deletes it afterwards.
    #[serde(rename = "Delete", default)]
    delete: bool,
    #[serde(rename = "ClearRamble")]
    clear: Option<u32>,
}

/// `lethe_conversation/export`: into a file on the server, and then, if asked for, deleted.
pub(super) async fn export(cx: &Context, administrator: &str, request: Export) -> Result<Value> {
    known(cx, &request.user_id).await?;
    let id = request.conversation.id()?;
    let clear = request.delete.then_some(request.clear != Some(0));
    let caller = Caller::administrator(administrator, &request.user_id);
    let exported = deletions::export(cx, &caller, &id, clear).await?;
    let deleted = exported.deleted.unwrap_or_default();
    Ok(json!({
        "File": exported.file,
        "Sha256": exported.sha256,
        "Messages": exported.messages,
        "Bytes": exported.bytes,
        "Deleted": !deleted.deleted.is_empty(),
        "Entry": deleted.entry.unwrap_or_default(),
        "RestorableUntil": deleted.restorable_until,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Journal {
    #[serde(rename = "User_Account")]
    user_id: Option<String>,
    /// `Next` of the page before.
    before: Option<String>,
    limit: Option<usize>,
}

/// `lethe_deletion/journal`: newest first.
pub(super) async fn journal(cx: &Context, request: Journal) -> Result<Value> {
    let limit = request.limit.unwrap_or(50);
    if !(1..=ROWS_MAX).contains(&limit) {
        let message = format!("a page has 1 to {ROWS_MAX} rows, not {limit}");
        return Err(Failure::refuse(Code::CONVERSATION_PARAMETER, message));
    }
    let page = deletions::journal(cx, request.user_id.as_deref(), request.before.as_deref(), limit).await?;
    Ok(json!({"Entries": page.rows, "Next": page.next}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receipt {
    entry: String,
}

/// `lethe_deletion/receipt`.
pub(super) async fn receipt(cx: &Context, request: Receipt) -> Result<Value> {
    Ok(json!({"Receipt": deletions::receipt(cx, &request.entry).await?}))
}

/// `lethe_deletion/queue`: what waits for the eraser, and what it does.
pub(super) async fn queue(cx: &Context) -> Result<Value> {
    Ok(json!({"Eraser": deletions::eraser(cx).await?}))
}

/// `lethe_deletion/erase`: erases what is due now, and gives the disk space back. It may take long, and others go on
/// meanwhile.
pub(super) async fn erase(cx: &Context) -> Result<Value> {
    let before = cx.store.disk_bytes();
    let worker = eraser::name(cx);
    persistently(cx, || eraser::work_off(cx, &worker)).await?;
    eraser::compact(cx).await?;
    Ok(json!({"BytesBefore": before, "BytesAfter": cx.store.disk_bytes()}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Hold {
    #[serde(rename = "User_Account")]
    user_id: Option<String>,
    group_id: Option<String>,
    #[serde(default)]
    reason: String,
}

impl Hold {
    fn held(&self) -> Result<Held> {
        match (&self.user_id, &self.group_id) {
            (Some(user), None) if user_id_is_valid(user) => Ok(Held::User(user.clone())),
            (None, Some(group)) if group_id_is_valid(group) => Ok(Held::Group(group.clone())),
            _ => {
                let message = "a hold is of one User_Account or of one GroupId";
                Err(Error::new(Code::CONVERSATION_PARAMETER, message).into())
            }
        }
    }
}

/// `lethe_deletion/hold`.
pub(super) async fn hold(cx: &Context, administrator: &str, request: Hold) -> Result<Value> {
    deletions::hold(cx, administrator, &request.held()?, &request.reason).await?;
    Ok(json!({}))
}

/// `lethe_deletion/release`.
pub(super) async fn release(cx: &Context, administrator: &str, request: Hold) -> Result<Value> {
    deletions::release(cx, administrator, &request.held()?).await?;
    Ok(json!({}))
}

/// `lethe_deletion/holds`.
pub(super) async fn holds(cx: &Context) -> Result<Value> {
    Ok(json!({"Holds": deletions::holds(cx).await?}))
}

#[derive(Debug, Deserialize)]
pub(super) struct Accounts {
    #[serde(rename = "UserIDs")]
    user_ids: Vec<String>,
}

/// `lethe_account/erase`: 1 to 100 accounts, an outcome and a row of the journal for each. It may take long.
pub(super) async fn erase_accounts(cx: &Context, administrator: &str, request: Accounts) -> Result<Value> {
    may_take_list(request.user_ids.len())?;
    let mut results = Vec::with_capacity(request.user_ids.len());
    let worker = eraser::name(cx);
    for user in &request.user_ids {
        let erase = || deletions::erase_account(cx, &worker, administrator, user, None);
        let (code, info, entry) = match persistently(cx, erase).await {
            Ok(entry) => (0, String::new(), entry),
            Err(Failure::Refused(error)) => (error.code.0, error.message, String::new()),
            Err(failure) => return Err(failure),
        };
        results.push(json!({"UserID": user, "ErrorCode": code, "ErrorInfo": info, "Entry": entry}));
    }
    Ok(json!({"Results": results}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BackUp {
    path: std::path::PathBuf,
    /// See [`backup::back_up`].
    proof: Option<String>,
}

/// `lethe_backup/create`: everything of one moment in a new file on the server's machine.
pub(super) async fn back_up(cx: &Context, request: BackUp) -> Result<Value> {
    let (path, size) = backup::back_up(cx, &request.path, request.proof.as_deref()).await?;
    Ok(json!({"Path": path, "Rows": size.rows, "Bytes": size.bytes}))
}
