use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lethe_client::{Client, Credentials, Replica};
use lethe_protocol::{
    Conversation, ConversationId, Conversations, CreateGroup, DeleteConversations, DeleteItem, DeleteOutcome,
    Event, GetConversations, GetHistory, GotConversation, GroupPatch, GroupProfile, GroupType, History,
    MessageAttributes, NewMember, OneGroup, Request, SendMessage, Sent,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{now, text};

/// A client with a person behind it.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) client: Client,
    pub(crate) credentials: Credentials,
}

impl Actor {
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: Request) -> T {
        let shown = format!("{request:?}");
        self.client.request(request).await.unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    /// The code with which the server refuses.
    pub(crate) async fn refused(&self, request: Request) -> u32 {
        let shown = format!("{request:?}");
        match self.client.request::<Value>(request).await {
            Ok(answer) => panic!("{shown} was answered {answer}"),
            Err(error) => error.code(),
        }
    }

    pub(crate) fn message(to: &ConversationId, words: &str) -> SendMessage {
        static RANDOM: AtomicU32 = AtomicU32::new(1);
        SendMessage {
            conversation_id: to.clone(),
            client_time: u32::try_from(now()).unwrap(),
            random: RANDOM.fetch_add(1, Ordering::Relaxed),
            body: text(words),
            attributes: MessageAttributes::default(),
            online_only: false,
        }
    }

    pub(crate) async fn say(&self, to: &ConversationId, words: &str) -> Sent {
        self.ask(Request::SendMessage(Self::message(to, words))).await
    }

    pub(crate) async fn settled(&self) {
        self.client.settle().await.unwrap();
    }

    /// The list as this client shows it, once everything told has arrived.
    pub(crate) async fn listed(&self) -> Vec<String> {
        self.settled().await;
        self.client
            .replica(|replica| replica.conversations().map(|c| c.conversation_id.to_string()).collect())
    }

    /// An entry of this client's list, once everything told has arrived.
    pub(crate) async fn sees(&self, id: &ConversationId) -> Option<Conversation> {
        self.settled().await;
        self.client.replica(|replica| replica.get(id).cloned())
    }

    pub(crate) async fn unread(&self, id: &ConversationId) -> u32 {
        self.sees(id).await.unwrap_or_else(|| panic!("{id} is not listed")).unread
    }

    /// What the server has, listed or not.
    pub(crate) async fn fetch(&self, id: &ConversationId) -> Option<GotConversation> {
        let request = Request::GetConversations(GetConversations { conversation_ids: vec![id.clone()] });
        self.ask::<Conversations>(request).await.conversations.pop()
    }

    pub(crate) async fn delete(&self, ids: &[&ConversationId], clear_history: bool) -> DeleteOutcome {
        self.settled().await;
        let anchor = |id: &ConversationId| self.client.replica(|replica| replica.get(id).map(|c| c.head));
        let items =
            ids.iter().map(|&id| DeleteItem { conversation_id: id.clone(), anchor: anchor(id) }).collect();
        self.ask(Request::DeleteConversations(DeleteConversations {
            items,
            clear_history,
            ..DeleteConversations::default()
        }))
        .await
    }

    /// The words of the newest messages, oldest first.
    pub(crate) async fn reads(&self, id: &ConversationId) -> Vec<String> {
        let request = GetHistory { conversation_id: id.clone(), before: None, after: None, limit: 100 };
        let history: History = self.ask(Request::GetHistory(request)).await;
        history.messages.iter().map(|message| words(message)).collect()
    }

    /// The texts of the newest messages, oldest first; of removed ones nothing.
    pub(crate) async fn history_texts(&self, id: &ConversationId) -> Vec<String> {
        let request = GetHistory { conversation_id: id.clone(), before: None, after: None, limit: 100 };
        let history: History = self.ask(Request::GetHistory(request)).await;
        let text = |message: &RawValue| {
            let message: Value = serde_json::from_str(message.get()).unwrap();
            message["body"][0]["MsgContent"]["Text"].as_str().unwrap_or_default().to_owned()
        };
        history.messages.iter().map(|message| text(message)).collect()
    }

    pub(crate) async fn create(
        &self,
        group_id: &str,
        group_type: GroupType,
        members: &[&str],
    ) -> GroupProfile {
        let members = members.iter().map(|&id| NewMember { user_id: id.to_owned(), admin: false }).collect();
        let request = CreateGroup {
            group_id: Some(group_id.to_owned()),
            group_type,
            name: format!("The {group_id}"),
            profile: GroupPatch::default(),
            max_member_count: None,
            members,
        };
        self.ask::<OneGroup>(Request::CreateGroup(request)).await.group
    }

    /// The events since the last look, once everything told has arrived.
    pub(crate) async fn events(&self) -> Vec<Event> {
        self.settled().await;
        let mut events = Vec::new();
        while let Ok(Some(event)) = timeout(Duration::ZERO, self.client.event()).await {
            events.push(event);
        }
        events
    }

    /// The next event of a kind that comes by itself: nobody asks for it. The limit only ends a test that fails.
    pub(crate) async fn told(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = timeout(Duration::from_secs(30), self.client.event()).await;
            let event = event.unwrap_or_else(|_| panic!("it is not told")).unwrap();
            if wanted(&event) {
                return event;
            }
        }
    }

    pub(crate) fn vanish(self) -> (Credentials, Replica) {
        (self.credentials, self.client.disconnect())
    }

    /// Waits until the server closes the socket; the code.
    pub(crate) async fn closed(&self) -> Option<u16> {
        while self.client.event().await.is_some() {}
        self.client.closed_with().flatten()
    }
}

/// The text of a message, or the kind of what is not text.
pub(crate) fn words(message: &RawValue) -> String {
    let message: Value = serde_json::from_str(message.get()).unwrap();
    let element = &message["body"][0];
    match element["MsgContent"]["Text"].as_str() {
        Some(text) => text.to_owned(),
        None => {
            format!("{}:{}", element["MsgType"].as_str().unwrap(), element["MsgContent"]["operationType"])
        }
    }
}
