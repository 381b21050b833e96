//! What `docs/deletion.md` promises, one test for each number. `inv_` runs them all.

mod bulk;
mod cost;
mod erasure;
mod model;
mod paths;
mod people;
mod promises;
mod state;
mod survival;
mod sync;

use std::path::Path;

use lethe_protocol::{
    ClearHistory, Conversation, ConversationId, DeleteConversations, DeleteItem, DeleteOutcome,
    DeletedConversation, Event, OpenConversation, PinConversation, ReadConversation, Request,
};
use serde_json::{Value, json};

use crate::support::{Actor, World};

fn deletion(ids: &[ConversationId], anchor: Option<u64>, clear_history: bool) -> Request {
    let items = ids.iter().map(|id| DeleteItem { conversation_id: id.clone(), anchor }).collect();
    Request::DeleteConversations(DeleteConversations {
        items,
        clear_history,
        ..DeleteConversations::default()
    })
}

fn clearing(id: &ConversationId, up_to: Option<u64>) -> Request {
    Request::ClearHistory(ClearHistory { conversation_id: id.clone(), up_to })
}

fn reading(id: &ConversationId, up_to: Option<u64>) -> Request {
    Request::ReadConversation(ReadConversation { conversation_id: id.clone(), up_to })
}

fn opening(id: &ConversationId) -> Request {
    Request::OpenConversation(OpenConversation { conversation_id: id.clone() })
}

fn pinning(id: &ConversationId, pinned: bool) -> Request {
    Request::PinConversation(PinConversation { conversation_id: id.clone(), pinned })
}

impl Actor {
    /// Asks for something whose answer does not matter.
    async fn tells(&self, request: Request) {
        let _: Value = self.ask(request).await;
    }

    async fn delete_at(&self, id: &ConversationId, anchor: Option<u64>, clear: bool) -> DeleteOutcome {
        self.ask(deletion(std::slice::from_ref(id), anchor, clear)).await
    }

    /// The state of a conversation on the server.
    async fn state(&self, id: &ConversationId) -> Conversation {
        self.fetch(id).await.unwrap_or_else(|| panic!("the server does not know {id}")).conversation
    }

    async fn lists(&self, id: &ConversationId) -> bool {
        self.listed().await.contains(&id.to_string())
    }

    /// What deletions left, as this client was told since the last look.
    async fn tombstones(&self) -> Vec<DeletedConversation> {
        tombstones(self.events().await)
    }
}

fn tombstones(events: Vec<Event>) -> Vec<DeletedConversation> {
    let deleted = |event| match event {
        Event::ConversationsDeleted(deleted) => deleted.conversations,
        _ => Vec::new(),
    };
    events.into_iter().flat_map(deleted).collect()
}

impl World {
    async fn import(&self, users: &[String]) {
        for user in users {
            let answer = self.rest("im_open_login_svc/account_import", json!({"UserID": user})).await;
            assert_eq!(answer["ErrorCode"], 0, "{answer}");
        }
    }
}

/// Without what only says how often it was changed.
fn unnumbered(conversation: Conversation) -> Value {
    serde_json::to_value(Conversation { change: 0, ..conversation }).unwrap()
}

/// The sources in which a promise may be shown.
fn sources() -> String {
    fn read(path: &Path, into: &mut String) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "ts") {
                into.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = String::new();
    for part in ["crates/server/tests", "crates/domain/src", "sdk/tests"] {
        read(&root.join(part), &mut sources);
    }
    sources
}

#[test]
fn inv_all_are_on_the_page_with_tests_that_exist() {
    let page = include_str!("../../../../docs/deletion.md");
    let numbered = |line: &&str| {
        let first = line.strip_prefix("| ").and_then(|rest| rest.split(' ').next());
        first.is_some_and(|first| first.parse::<u32>().is_ok())
    };
    let rows: Vec<&str> = page.lines().filter(numbered).collect();
    let sources = sources();
    assert_eq!(rows.len(), 52);
    for (number, row) in (1..).zip(rows) {
        assert!(row.starts_with(&format!("| {number} | ")), "{number}: {row}");
        let shown = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let (there, planned) = shown.split_once("planned: ").unwrap_or((shown, ""));
        let names: Vec<&str> = there.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || !planned.is_empty(), "nothing shows {number}");
        let is_test = |name: &&str| !name.starts_with("make ") && !name.starts_with("lethe-bench ");
        for name in names.into_iter().filter(is_test) {
            let found = [format!("fn {name}("), format!("describe('{name}'"), format!("test('{name}")];
            assert!(found.iter().any(|text| sources.contains(text)), "{number}: there is no test {name}");
        }
        for name in planned.split('`').skip(1).step_by(2) {
            assert!(
                !sources.contains(&format!("fn {name}(")),
                "{number}: {name} is there and not only planned"
            );
        }
    }
}
