//! The console's page about deletions: journal, eraser, holds, receipts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::deletions;

/// Rows of the journal in one page.
const ROWS: usize = 50;

fn respond(outcome: Result<Value>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(failure) => {
            let status = match failure {
                Failure::Refused(_) => StatusCode::NOT_FOUND,
                Failure::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Json(failure.tell())).into_response()
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    user: String,
    before: String,
}

pub(super) async fn journal(State(cx): State<Arc<Context>>, Query(page): Query<Page>) -> Response {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (user, before) = (given(&page.user), given(&page.before));
    let page = deletions::journal(&cx, user.as_deref(), before.as_deref(), ROWS).await;
    respond(page.map(|page| json!({"rows": page.rows, "next": page.next})))
}

pub(super) async fn eraser(State(cx): State<Arc<Context>>) -> Response {
    respond(deletions::eraser(&cx).await)
}

pub(super) async fn holds(State(cx): State<Arc<Context>>) -> Response {
    respond(deletions::holds(&cx).await.map(|holds| json!({"holds": holds})))
}

/// A receipt as a file.
pub(super) async fn receipt(State(cx): State<Arc<Context>>, Path(entry): Path<String>) -> Response {
    let receipt = deletions::receipt(&cx, &entry).await;
    let found = receipt.is_ok();
    let mut response = respond(receipt);
    // The name was a row of the journal, hence has only letters, digits and a hyphen.
    let name = format!("attachment; filename=\"receipt-{entry}.json\"");
    if let Some(name) = name.parse().ok().filter(|_| found) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    response
}
