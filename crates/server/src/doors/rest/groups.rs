use lethe_protocol::{Code, CreateGroup, GroupPatch, GroupType, InviteOption, JoinOption, NewMember};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::groups;

/// The most members in one call over REST.
const MEMBERS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    #[serde(rename = "Owner_Account")]
    owner: Option<String>,
    #[serde(rename = "Type")]
    group_type: GroupType,
    group_id: Option<String>,
    name: String,
    introduction: Option<String>,
    notification: Option<String>,
    face_url: Option<String>,
    max_member_count: Option<u32>,
    apply_join_option: Option<JoinOption>,
    invite_join_option: Option<InviteOption>,
    member_list: Option<Vec<Member>>,
}

#[derive(Debug, Deserialize)]
struct Member {
    #[serde(rename = "Member_Account")]
    user_id: String,
    #[serde(rename = "Role")]
    role: Option<String>,
}

/// `group_open_http_svc/create_group`.
pub(super) async fn create(cx: &Context, request: Create) -> Result<Value> {
    let members = request.member_list.unwrap_or_default();
    if members.len() > MEMBERS_MAX {
        let message = format!("MemberList has at most {MEMBERS_MAX} members");
        return Err(Failure::refuse(Code::GROUP_TOO_MANY_ACCOUNTS, message));
    }
    let new = |member: Member| NewMember {
        admin: member.role.as_deref() == Some("Admin"),
        user_id: member.user_id,
    };
    // ApplyJoinOption says nothing for types whose option is fixed.
    let join_option = request.apply_join_option.filter(|_| request.group_type == GroupType::Public);
    let profile = GroupPatch {
        name: None,
        avatar: request.face_url,
        introduction: request.introduction,
        notification: request.notification,
        join_option,
        invite_option: request.invite_join_option,
        mute_all_members: None,
    };
    let create = CreateGroup {
        group_id: request.group_id.filter(|id| !id.is_empty()),
        group_type: request.group_type,
        name: request.name,
        profile,
        max_member_count: request.max_member_count,
        members: members.into_iter().map(new).collect(),
    };
    let created =
        groups::create(cx, request.owner.as_deref().filter(|owner| !owner.is_empty()), create).await?;
    Ok(json!({"GroupId": created.group.group_id}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Retention {
    group_id: String,
    /// 0 for as long as the app keeps them.
    days: u32,
}

/// `lethe_group/retention`: how many days a group's messages are kept.
pub(super) async fn set_retention(cx: &Context, request: Retention) -> Result<Value> {
    groups::set_retention(cx, &request.group_id, request.days).await?;
    Ok(json!({}))
}
