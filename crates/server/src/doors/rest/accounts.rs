use lethe_protocol::{Code, ProfilePatch, user_id_is_valid};
use lethe_store::{Locks, Publication};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::session;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Import {
    /// `Identifier` is its older name.
    #[serde(rename = "UserID", alias = "Identifier")]
    user_id: String,
    nick: Option<String>,
    face_url: Option<String>,
}

/// `im_open_login_svc/account_import`: makes an account, or renames one.
pub(super) async fn import(cx: &Context, request: Import) -> Result<Value> {
    let user_id = &request.user_id;
    if !user_id_is_valid(user_id) {
        return Err(Failure::refuse(
            Code::ACCOUNT_PARAMETER,
            "UserID has 1 to 32 printable ASCII characters",
        ));
    }
    let mut tx = cx.store.begin(Locks::none().app().user(user_id)).await?;
    let mut account = match tx.account(user_id).await? {
        Some(account) => account,
        None => {
            session::may_create(&tx, user_id).await?;
            tx.create_account(user_id, cx.now_seconds()).await?
        }
    };
    account.update(ProfilePatch {
        nick: request.nick,
        avatar: request.face_url,
        ..ProfilePatch::default()
    })?;
    tx.put_account(user_id, &account);
    tx.commit().await?;
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
pub(super) struct Kick {
    /// `Identifier` is its older name.
    #[serde(rename = "UserID", alias = "Identifier")]
    user_id: String,
}

/// `im_open_login_svc/kick`: ends a user's logins on all nodes; UserSigs issued before are not valid any more.
pub(super) async fn kick(cx: &Context, request: Kick) -> Result<Value> {
    let user_id = request.user_id;
    let mut tx = cx.store.begin(Locks::none().user(&user_id)).await?;
    let unknown = || Failure::refuse(Code::KICK_UNKNOWN_ACCOUNT, format!("there is no account {user_id:?}"));
    let mut account = tx.account(&user_id).await?.ok_or_else(unknown)?;
    account.kicked = cx.now_seconds();
    tx.put_account(&user_id, &account);
    tx.publish(Publication::Kicked { user_id });
    tx.commit().await?;
    Ok(json!({}))
}
