//! The REST API under `/v4`, with the vendor's conventions (`docs/rest.md`): administrators only, HTTP status 200 always,
//! the outcome in the envelope.

mod accounts;
mod config;
mod conversations;
mod deletions;
mod groups;
mod messages;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::Method;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use lethe_protocol::{Code, Error};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::backup::OPERATOR;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::patience::patiently;
use crate::usersig;

pub(super) fn router() -> Router<Arc<Context>> {
    Router::new().route("/v4/{*command}", any(serve))
}

/// The query of every call. Numbers are read from text, so that a malformed one gets its own code.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Caller {
    sdkappid: String,
    identifier: String,
    usersig: String,
}

async fn serve(
    State(cx): State<Arc<Context>>,
    method: Method,
    path: std::result::Result<Path<String>, PathRejection>,
    caller: std::result::Result<Query<Caller>, QueryRejection>,
    body: std::result::Result<Bytes, BytesRejection>,
) -> Response {
    let outcome = async {
        let Path(path) = path.map_err(|error| Failure::refuse(Code::REST_PATH, error.body_text()))?;
        let no_such = || Failure::refuse(Code::REST_PATH, format!("there is no {method} {path}"));
        let (service, command) =
            path.split_once('/').filter(|_| method == Method::POST).ok_or_else(no_such)?;
        let Query(caller) =
            caller.map_err(|error| Failure::refuse(Code::REST_CREDENTIALS, error.body_text()))?;
        let body = body.map_err(|error| Failure::refuse(Code::REST_JSON, error.body_text()))?;
        call(&cx, service, command, &caller, &body).await
    };
    respond(outcome.await)
}

fn respond(outcome: Result<Value>) -> Response {
    let envelope = match outcome {
        Ok(fields) => success(fields),
        Err(failure) => {
            let Error { code, message } = failure.tell();
            json!({"ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": message})
        }
    };
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (CONTENT_TYPE, "application/json")], Json(envelope)).into_response()
}

fn success(fields: Value) -> Value {
    let mut envelope = json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""});
    if let (Some(envelope), Value::Object(mut fields)) = (envelope.as_object_mut(), fields) {
        envelope.append(&mut fields);
    }
    envelope
}

/// Order of the checks: path, app, signature, administrator, body. The first that fails answers.
async fn call(
    cx: &Arc<Context>,
    service: &str,
    command: &str,
    caller: &Caller,
    body: &[u8],
) -> Result<Value> {
    type Op = Call;
    let op = match (service, command) {
        ("im_open_login_svc", "account_import") => Op::AccountImport,
        ("im_open_login_svc", "kick") => Op::Kick,
        ("openim", "sendmsg") => Op::SendMessage,
        ("group_open_http_svc", "create_group") => Op::CreateGroup,
        ("group_open_http_svc", "send_group_msg") => Op::SendGroupMessage,
        ("recentcontact", "get_list") => Op::ListConversations,
        ("recentcontact", "delete") => Op::DeleteConversation,
        ("lethe_conversation", "delete") => Op::DeleteConversations,
        ("lethe_conversation", "restore") => Op::RestoreConversation,
        ("lethe_conversation", "archive") => Op::ArchiveConversations,
        ("lethe_conversation", "export") => Op::ExportConversation,
        ("lethe_deletion", "journal") => Op::ReadJournal,
        ("lethe_deletion", "receipt") => Op::GetReceipt,
        ("lethe_deletion", "queue") => Op::ReadQueue,
        ("lethe_deletion", "erase") => Op::Erase,
        ("lethe_deletion", "hold") => Op::Hold,
        ("lethe_deletion", "release") => Op::Release,
        ("lethe_deletion", "holds") => Op::ListHolds,
        ("lethe_backup", "create") => Op::BackUp,
        ("lethe_account", "erase") => Op::EraseAccounts,
        ("lethe_group", "retention") => Op::SetRetention,
        ("lethe_config", "get") => Op::GetConfig,
        ("lethe_config", "set") => Op::SetConfig,
        _ => return Err(Failure::refuse(Code::REST_PATH, format!("there is no {service}/{command}"))),
    };
    authorise(cx, caller, op)?;
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| Failure::refuse(Code::REST_JSON, format!("the body is not JSON: {error}")))?;
    if op.is_long() {
        return detached(Arc::clone(cx), op, caller.clone(), body).await;
    }
    patiently(cx, || perform(cx, op, caller, body.clone())).await
}

/// What may take long goes on to its end when nobody waits for the answer any more.
async fn detached(cx: Arc<Context>, op: Call, caller: Caller, body: Value) -> Result<Value> {
    let work = tokio::spawn(async move { perform(&cx, op, &caller, body).await });
    work.await.unwrap_or_else(|error| Err(Failure::refuse(Code::INTERNAL, error.to_string())))
}

async fn perform(cx: &Context, op: Call, caller: &Caller, body: Value) -> Result<Value> {
    type Op = Call;
    match op {
        Op::Kick => accounts::kick(cx, read(body, Code::ACCOUNT_PARAMETER)?).await,
        Op::AccountImport => accounts::import(cx, read(body, Code::ACCOUNT_PARAMETER)?).await,
        Op::SendMessage => messages::send(cx, &caller.identifier, read(body, Code::REST_MESSAGE_BODY)?).await,
        Op::CreateGroup => groups::create(cx, read(body, Code::GROUP_PARAMETER)?).await,
        Op::SendGroupMessage => {
            messages::send_to_group(cx, &caller.identifier, read(body, Code::GROUP_PARAMETER)?).await
        }
        Op::ListConversations => conversations::list(cx, read(body, Code::CONVERSATION_PARAMETER)?).await,
        Op::DeleteConversation => {
            conversations::delete(cx, &caller.identifier, read(body, Code::CONVERSATION_PARAMETER)?).await
        }
        Op::DeleteConversations => {
            deletions::delete(cx, &caller.identifier, read(body, Code::CONVERSATION_PARAMETER)?).await
        }
        Op::RestoreConversation => {
            deletions::restore(cx, &caller.identifier, read(body, Code::CONVERSATION_PARAMETER)?).await
        }
        Op::ArchiveConversations => deletions::archive(cx, read(body, Code::CONVERSATION_PARAMETER)?).await,
        Op::ExportConversation => {
            deletions::export(cx, &caller.identifier, read(body, Code::CONVERSATION_PARAMETER)?).await
        }
        Op::ReadJournal => deletions::journal(cx, read(body, Code::CONVERSATION_PARAMETER)?).await,
        Op::GetReceipt => deletions::receipt(cx, read(body, Code::CONVERSATION_PARAMETER)?).await,
        Op::ReadQueue => deletions::queue(cx).await,
        Op::Erase => deletions::erase(cx).await,
        Op::Hold => deletions::hold(cx, &caller.identifier, read(body, Code::CONVERSATION_PARAMETER)?).await,
        Op::Release => {
            deletions::release(cx, &caller.identifier, read(body, Code::CONVERSATION_PARAMETER)?).await
        }
        Op::ListHolds => deletions::holds(cx).await,
        Op::EraseAccounts => {
            deletions::erase_accounts(cx, &caller.identifier, read(body, Code::ACCOUNT_PARAMETER)?).await
        }
        Op::BackUp => deletions::back_up(cx, read(body, Code::CONVERSATION_PARAMETER)?).await,
        Op::SetRetention => groups::set_retention(cx, read(body, Code::GROUP_PARAMETER)?).await,
        Op::GetConfig => Ok(config::get(cx)),
        Op::SetConfig => config::set(cx, &body).await,
    }
}

impl Call {
    /// Made of many steps, each of which is repeated by itself when a shared store asks for it.
    fn is_long(self) -> bool {
        matches!(
            self,
            Self::RestoreConversation
                | Self::ExportConversation
                | Self::Erase
                | Self::Release
                | Self::EraseAccounts
                | Self::BackUp
        )
    }
}

/// What can be called.
#[derive(Clone, Copy)]
enum Call {
    AccountImport,
    Kick,
    SendMessage,
    CreateGroup,
    SendGroupMessage,
    ListConversations,
    DeleteConversation,
    DeleteConversations,
    RestoreConversation,
    ArchiveConversations,
    ExportConversation,
    ReadJournal,
    GetReceipt,
    ReadQueue,
    Erase,
    Hold,
    Release,
    ListHolds,
    EraseAccounts,
    BackUp,
    SetRetention,
    GetConfig,
    SetConfig,
}

fn authorise(cx: &Context, caller: &Caller, op: Call) -> Result<()> {
    if caller.sdkappid.is_empty() {
        return Err(Failure::refuse(Code::REST_APP_MISSING, "sdkappid is missing"));
    }
    let (app, key) = (cx.identity.sdk_app_id, &cx.identity.secret_key);
    if caller.sdkappid.parse() != Ok(app) {
        return Err(Failure::refuse(
            Code::REST_APP,
            format!("this server does not serve sdkappid {}", caller.sdkappid),
        ));
    }
    if caller.identifier.is_empty() {
        return Err(Failure::refuse(Code::REST_CREDENTIALS, "identifier is missing"));
    }
    usersig::verify(app, key, &caller.identifier, &caller.usersig, cx.now_seconds())?;
    let operates = caller.identifier == OPERATOR && matches!(op, Call::BackUp);
    if operates || cx.settings().administrators.contains(&caller.identifier) {
        return Ok(());
    }
    Err(Failure::refuse(Code::REST_ADMIN, "only administrators may call the REST API"))
}

fn read<T: DeserializeOwned>(body: Value, code: Code) -> Result<T> {
    serde_json::from_value(body).map_err(|error| Failure::refuse(code, error.to_string()))
}
