use std::collections::BTreeMap;
use std::sync::Arc;

use lethe_client::Client;
use lethe_protocol::{
    CONVERSATIONS_PER_CALL, ConversationId, Conversations, GetConversations, GetHistory, HISTORY_MAX,
    History, Request,
};

use super::{Shared, in_parallel};
use crate::evidence::{Shown, Stored, UserState, list};

/// What is kept, as every user sees it through fresh logins: lists from all nodes, states and histories from one of them,
/// a different one for neighbours.
pub(super) async fn users(shared: &Arc<Shared>) -> Vec<UserState> {
    let all: Vec<_> = (0..shared.plan.users).map(|user| one(Arc::clone(shared), user)).collect();
    in_parallel(all).await
}

async fn one(shared: Arc<Shared>, user: usize) -> UserState {
    let name = shared.plan.user(user);
    let mut state = UserState { user: name.clone(), ..UserState::default() };
    let nodes = shared.cluster.addresses.len();
    for (node, &address) in shared.cluster.addresses.iter().enumerate() {
        let credentials = shared.cluster.credentials(&name, &format!("{name}-fresh-{node}"));
        let client = Client::connect(address, &credentials, None).await.unwrap();
        let fresh = client.replica(|replica| list(replica.conversations()));
        if node == user % nodes {
            let mut ids = shared.plan.conversations(user);
            ids.extend(fresh.keys().filter(|id| !shared.plan.conversations(user).contains(id)).cloned());
            state.states = states(&client, ids).await;
            for id in state.states.keys() {
                state.histories.insert(id.clone(), history(&client, id).await);
            }
        }
        state.lists.push(fresh);
    }
    state
}

async fn states(client: &Client, ids: Vec<ConversationId>) -> BTreeMap<ConversationId, (bool, Shown)> {
    let mut states = BTreeMap::new();
    for ids in ids.chunks(CONVERSATIONS_PER_CALL) {
        let request = Request::GetConversations(GetConversations { conversation_ids: ids.to_vec() });
        let got: Conversations = client.request(request).await.unwrap();
        for one in got.conversations {
            let id = one.conversation.conversation_id.clone();
            states.insert(id, (one.listed, Shown::of(&one.conversation)));
        }
    }
    states
}

async fn history(client: &Client, conversation: &ConversationId) -> Vec<Stored> {
    let mut all: Vec<Stored> = Vec::new();
    loop {
        let request = GetHistory {
            conversation_id: conversation.clone(),
            before: None,
            after: Some(all.last().map_or(0, |message| message.seq)),
            limit: HISTORY_MAX,
        };
        let page: History = client.request(Request::GetHistory(request)).await.unwrap();
        all.extend(page.messages.iter().map(|message| Stored::of(message).unwrap()));
        if page.complete {
            return all;
        }
    }
}
