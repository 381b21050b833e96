use lethe_protocol::{Code, Error, Request, answer};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::deletions::Caller;
use crate::handlers::{conversations, deletions, friends, groups, messages, session, users};
use crate::patience::patiently;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user_id: String,
    pub(crate) instance: String,
}

/// Does what a client asks and makes the frame that answers it.
pub(crate) async fn dispatch(cx: &Context, session: &Session, id: u64, request: Request) -> Result<String> {
    if cx.store.is_shared() {
        return patiently(cx, || once(cx, session, id, request.clone())).await;
    }
    once(cx, session, id, request).await
}

async fn once(cx: &Context, session: &Session, id: u64, request: Request) -> Result<String> {
    let me = &session.user_id;
    match request {
        Request::Login(_) => {
            Err(Failure::Refused(Error::new(Code::LOGIN_IN_FLIGHT, "this socket is logged in already")))
        }
        // The connection ends the login itself.
        Request::Logout => reply(id, &()),
        Request::Ping(body) => reply(id, &session::ping(cx, session, &body).await?),
        Request::SendMessage(body) => reply(id, &messages::send(cx, me, body).await?),
        Request::GetHistory(body) => messages::history(cx, me, &body).await?.answer(id),
        Request::ListConversations(body) => conversations::list(cx, me, &body).await?.answer(id),
        Request::GetConversations(body) => reply(id, &conversations::get(cx, me, &body).await?),
        Request::OpenConversation(body) => reply(id, &conversations::open(cx, me, &body).await?),
        Request::DeleteConversations(body) => {
            reply(id, &deletions::delete(cx, &Caller::client(session), &body).await?)
        }
        Request::PreviewDeletion(body) => {
            reply(id, &deletions::preview(cx, &Caller::client(session), &body).await?)
        }
        Request::RestoreConversation(body) => {
            reply(id, &deletions::restore(cx, &Caller::client(session), &body.conversation_id).await?)
        }
        Request::ArchiveConversations(body) => reply(id, &conversations::archive(cx, me, &body).await?),
        Request::ClearHistory(body) => {
            reply(id, &deletions::clear(cx, &Caller::client(session), &body).await?)
        }
        Request::ReadConversation(body) => reply(id, &conversations::read(cx, me, &body).await?),
        Request::ReadAll(body) => reply(id, &conversations::read_all(cx, me, body).await?),
        Request::PinConversation(body) => reply(id, &conversations::pin(cx, me, &body).await?),
        Request::SetRemindType(body) => reply(id, &conversations::remind(cx, me, &body).await?),
        Request::MarkConversations(body) => reply(id, &conversations::mark(cx, me, &body).await?),
        Request::SetCustomData(body) => reply(id, &conversations::custom_data(cx, me, &body).await?),
        Request::CreateGroup(body) => reply(id, &groups::create(cx, Some(me), body).await?),
        Request::ListGroups => reply(id, &groups::list(cx, me).await?),
        Request::GetGroup(body) => reply(id, &groups::get(cx, me, &body).await?),
        Request::UpdateGroup(body) => reply(id, &groups::update(cx, me, body).await?),
        Request::DismissGroup(body) => reply(id, &groups::dismiss(cx, me, &body).await?),
        Request::TransferGroup(body) => reply(id, &groups::transfer(cx, me, &body).await?),
        Request::ListMembers(body) => reply(id, &groups::list_members(cx, me, &body).await?),
        Request::GetMembers(body) => reply(id, &groups::get_members(cx, me, &body).await?),
        Request::AddMembers(body) => reply(id, &groups::add(cx, me, &body).await?),
        Request::RemoveMembers(body) => reply(id, &groups::remove(cx, me, &body).await?),
        Request::JoinGroup(body) => reply(id, &groups::join(cx, me, &body).await?),
        Request::QuitGroup(body) => reply(id, &groups::quit(cx, me, &body).await?),
        Request::ListGroupApplications => reply(id, &groups::list_applications(cx, me).await?),
        Request::HandleApplication(body) => reply(id, &groups::handle_application(cx, me, &body).await?),
        Request::SetRole(body) => reply(id, &groups::set_role(cx, me, &body).await?),
        Request::GetProfiles(body) => reply(id, &users::get(cx, &body).await?),
        Request::UpdateProfile(body) => reply(id, &users::update(cx, me, body).await?),
        Request::ListFriends => reply(id, &friends::list(cx, me).await?),
        Request::AddFriend(body) => reply(id, &friends::add(cx, me, &body).await?),
        Request::DeleteFriends(body) => reply(id, &friends::delete(cx, me, &body).await?),
        Request::CheckFriends(body) => reply(id, &friends::check(cx, me, &body).await?),
        Request::UpdateFriend(body) => reply(id, &friends::update(cx, me, &body).await?),
        Request::ListFriendApplications => reply(id, &friends::list_applications(cx, me).await?),
        Request::AnswerFriend(body) => reply(id, &friends::answer(cx, me, &body).await?),
        Request::DeleteFriendApplication(body) => {
            reply(id, &friends::delete_application(cx, me, &body).await?)
        }
        Request::ReadFriendApplications => reply(id, &friends::read_applications(cx, me).await?),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every arm of the dispatch has the same shape")]
fn reply<T: Serialize>(id: u64, body: &T) -> Result<String> {
    Ok(answer(id, body))
}
