use lethe_client::{Client, ClientError};
use lethe_protocol::{
    Code, ConversationId, DeleteConversations, DeleteItem, DeleteOutcome, GetHistory, History,
    MessageAttributes, PinConversation, ReadConversation, Request, SendMessage, Sent,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::evidence::{Outcome, Stored, What};

/// Messages in a page of history.
const PAGE: u32 = 20;

/// Refusals that say nothing about whether a repeat is refused too.
pub(super) fn is_temporary(code: Code) -> bool {
    [Code::UNAVAILABLE, Code::INTERNAL, Code::GROUP_INTERNAL, Code::TIMED_OUT].contains(&code)
}

async fn done<T: DeserializeOwned>(client: &Client, request: Request) -> Result<Outcome, ClientError> {
    client.request::<T>(request).await.map(|_| Outcome::Done)
}

/// Asks once; what the answer means for the log.
pub(super) async fn ask(client: &Client, what: &What) -> Result<Outcome, ClientError> {
    match what {
        What::Send { to, client_time, random, text } => {
            let request = SendMessage {
                conversation_id: to.clone(),
                client_time: *client_time,
                random: *random,
                body: body(text),
                attributes: MessageAttributes::default(),
                online_only: false,
            };
            let Sent { seq, time } = client.request(Request::SendMessage(request)).await?;
            Ok(Outcome::Sent { seq, time })
        }
        What::Read { conversation, up_to } => {
            let request = ReadConversation { conversation_id: conversation.clone(), up_to: Some(*up_to) };
            done::<Value>(client, Request::ReadConversation(request)).await
        }
        What::Delete { items, clear } => {
            let item = |(conversation, anchor): &(ConversationId, u64)| DeleteItem {
                conversation_id: conversation.clone(),
                anchor: Some(*anchor),
            };
            let items = items.iter().map(item).collect();
            let request =
                DeleteConversations { items, clear_history: *clear, ..DeleteConversations::default() };
            let outcome: DeleteOutcome = client.request(Request::DeleteConversations(request)).await?;
            Ok(outcome.failed.first().map_or(Outcome::Done, |failed| Outcome::Refused(failed.error.code.0)))
        }
        What::Pin { conversation, pinned } => {
            let request = PinConversation { conversation_id: conversation.clone(), pinned: *pinned };
            done::<Value>(client, Request::PinConversation(request)).await
        }
        What::Page { conversation } => {
            let id = conversation.clone();
            let request = GetHistory { conversation_id: id, before: None, after: None, limit: PAGE };
            let history: History = client.request(Request::GetHistory(request)).await?;
            Ok(Outcome::Page(history.messages.iter().filter_map(|message| Stored::of(message)).collect()))
        }
    }
}

fn body(text: &str) -> Box<RawValue> {
    let body = json!([{"MsgType": "TIMTextElem", "MsgContent": {"Text": text}}]);
    serde_json::value::to_raw_value(&body).unwrap()
}
