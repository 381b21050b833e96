use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use lethe_store::StoreError;

use crate::context::Context;

pub(super) fn router() -> Router<Arc<Context>> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

async fn ready(State(cx): State<Arc<Context>>) -> (StatusCode, &'static str) {
    if cx.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match cx.store.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(StoreError::Again(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the database is away\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database takes no more requests\n"),
    }
}

/// The text format of Prometheus, version 0.0.4.
async fn metrics(State(cx): State<Arc<Context>>) -> String {
    let (users, clients) = cx.hub.count();
    let mut out = String::new();
    let mut put = |kind: &str, name: &str, help: &str, value: u64| {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    put("gauge", "lethe_online_users", "Users with a client on this node.", users as u64);
    put("gauge", "lethe_connections", "Clients on this node.", clients as u64);
    put(
        "counter",
        "lethe_events_delivered_total",
        "Events handed to clients since the start.",
        cx.hub.delivered(),
    );
    // While the database is away there is nothing to say about it; the rest is still worth knowing.
    if let Ok(totals) = cx.store.totals().await {
        put("counter", "lethe_messages_total", "Stored messages of the app.", totals.messages);
        put(
            "counter",
            "lethe_conversations_total",
            "Conversations that came into being.",
            totals.conversations,
        );
        put("counter", "lethe_deletions_total", "Conversations deleted.", totals.deletions);
        put("counter", "lethe_erased_messages_total", "Messages erased.", totals.erased);
        put("counter", "lethe_erased_bytes_total", "Bytes of the messages erased.", totals.erased_bytes);
        put("counter", "lethe_accounts_total", "Accounts of the app.", totals.accounts);
        put("counter", "lethe_groups_total", "Groups that came into being.", totals.groups);
    }
    out
}
