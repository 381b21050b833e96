use lethe_protocol::{Code, ConversationId, MessageAttributes, group_id_is_valid, user_id_is_valid};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::messages::{Delivered, Outgoing, deliver, relay};
use crate::handlers::session::ensure_account;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Send {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    #[serde(rename = "To_Account")]
    to: Option<Value>,
    msg_random: Option<Value>,
    msg_seq: Option<u32>,
    msg_body: Option<Value>,
    #[serde(flatten)]
    options: Options,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendToGroup {
    #[serde(rename = "From_Account")]
    from: Option<String>,
    group_id: String,
    random: Option<Value>,
    msg_body: Option<Value>,
    #[serde(flatten)]
    options: Options,
}

/// What both kinds of messages may say.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Options {
    cloud_custom_data: Option<String>,
    online_only_flag: Option<u32>,
    send_msg_control: Option<Vec<String>>,
    msg_priority: Option<String>,
    support_message_extension: Option<u32>,
    #[serde(alias = "IsNeedReadReceipt")]
    need_read_receipt: Option<u32>,
    group_at_info: Option<Vec<Mention>>,
}

#[derive(Debug, Deserialize)]
struct Mention {
    #[serde(rename = "GroupAtAllFlag", default)]
    all: u32,
    #[serde(rename = "GroupAt_Account", default)]
    user_id: String,
}

impl Options {
    fn online_only(&self) -> bool {
        self.online_only_flag == Some(1)
    }

    fn attributes(&self) -> MessageAttributes {
        let says = |word: &str| self.send_msg_control.iter().flatten().any(|control| control == word);
        let mention = |mention: &Mention| match mention.all {
            1 => "__kImSDK_MesssageAtALL__".to_owned(),
            _ => mention.user_id.clone(),
        };
        MessageAttributes {
            priority: self.msg_priority.clone(),
            cloud_custom_data: self.cloud_custom_data.clone().unwrap_or_default(),
            no_unread: says("NoUnread"),
            no_last: says("NoLastMsg"),
            need_read_receipt: self.need_read_receipt == Some(1),
            support_extension: self.support_message_extension == Some(1),
            at: self.group_at_info.iter().flatten().map(mention).collect(),
        }
    }
}

/// `openim/sendmsg`.
pub(super) async fn send(cx: &Context, caller: &str, request: Send) -> Result<Value> {
    let to = match request.to {
        Some(Value::String(to)) if user_id_is_valid(&to) => ConversationId::User(to),
        _ => return Err(Failure::refuse(Code::REST_TO_ACCOUNT, "To_Account is one user ID")),
    };
    let random = random(request.msg_random)?;
    let seq = request.msg_seq.unwrap_or_else(rand::random);
    let from = sender(cx, caller, request.from).await?;
    let delivered = go(cx, &from, &to, random, request.msg_body, &request.options).await?;
    let time = delivered.sent.time / 1000;
    Ok(json!({"MsgTime": time, "MsgKey": format!("{seq}_{random}_{time}"), "MsgId": delivered.id}))
}

/// `group_open_http_svc/send_group_msg`.
pub(super) async fn send_to_group(cx: &Context, caller: &str, request: SendToGroup) -> Result<Value> {
    if !group_id_is_valid(&request.group_id) {
        return Err(Failure::refuse(Code::GROUP_INVALID_ID, "GroupId is not a group ID"));
    }
    let to = ConversationId::Group(request.group_id);
    let random = random(request.random)?;
    let from = sender(cx, caller, request.from).await?;
    let delivered = go(cx, &from, &to, random, request.msg_body, &request.options).await?;
    Ok(json!({"MsgTime": delivered.sent.time / 1000, "MsgSeq": delivered.sent.seq}))
}

/// Who sends: the account named, which has to exist, or the calling administrator.
async fn sender(cx: &Context, caller: &str, named: Option<String>) -> Result<String> {
    match named {
        Some(named) => Ok(named),
        None => {
            ensure_account(cx, caller).await?;
            Ok(caller.to_owned())
        }
    }
}

async fn go(
    cx: &Context,
    from: &str,
    to: &ConversationId,
    random: u32,
    body: Option<Value>,
    options: &Options,
) -> Result<Delivered> {
    let body = match body {
        Some(body @ Value::Array(_)) => body,
        _ => return Err(Failure::refuse(Code::REST_MESSAGE_BODY, "MsgBody is an array of elements")),
    };
    let body: Box<RawValue> = serde_json::value::to_raw_value(&body)
        .map_err(|error| Failure::refuse(Code::REST_MESSAGE_BODY, error.to_string()))?;
    // The same random number within a second is the same message.
    let client_time = u32::try_from(cx.now_seconds()).unwrap_or(u32::MAX);
    let outgoing = Outgoing { client_time, random, body, attributes: options.attributes() };
    if options.online_only() {
        return relay(cx, from, true, to, outgoing).await;
    }
    deliver(cx, from, true, to, outgoing).await
}

fn random(value: Option<Value>) -> Result<u32> {
    let number = value.as_ref().and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| Failure::refuse(Code::REST_RANDOM, "the random number is an integer of 32 bits"))
}
