use lethe_protocol::{Code, GetProfiles, PROFILES_PER_CALL, ProfilePatch, Profiles};
use lethe_store::{Audience, Locks};

use super::session::profile_event;
use crate::context::Context;
use crate::failure::{Failure, Result};

/// `users.get`.
pub(crate) async fn get(cx: &Context, request: &GetProfiles) -> Result<Profiles> {
    if !(1..=PROFILES_PER_CALL).contains(&request.user_ids.len()) {
        let message = format!("a call takes 1 to {PROFILES_PER_CALL} users, not {}", request.user_ids.len());
        return Err(Failure::refuse(Code::PROFILE_PARAMETER, message));
    }
    let tx = cx.store.begin(Locks::none()).await?;
    let mut profiles = Vec::with_capacity(request.user_ids.len());
    for user_id in &request.user_ids {
        profiles.extend(tx.account(user_id).await?.map(|account| account.into_profile(user_id)));
    }
    cx.store.settle().await?;
    Ok(Profiles { profiles })
}

/// `users.update`: the user's clients and friends hear it.
pub(crate) async fn update(cx: &Context, me: &str, patch: ProfilePatch) -> Result<Profiles> {
    let mut tx = cx.store.begin(Locks::none().user(me)).await?;
    let unknown = || Failure::refuse(Code::PROFILE_UNKNOWN_ACCOUNT, "there is no such account");
    let mut account = tx.account(me).await?.ok_or_else(unknown)?;
    account.update(patch)?;
    tx.put_account(me, &account);
    let profile = account.into_profile(me);
    let friends = tx.friends(me).await?.into_iter().map(|(friend, _)| friend);
    let hearers = std::iter::once(me.to_owned()).chain(friends).collect();
    tx.tell(Audience::Users(hearers), &profile_event(profile.clone()));
    tx.commit().await?;
    Ok(Profiles { profiles: vec![profile] })
}
