//! The doors: bytes to requests and back, nothing more.

mod assets;
mod console;
mod demo;
mod probes;
mod rest;

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

pub(crate) use self::console::Desk;
use crate::connection;
use crate::context::Context;
use crate::wire::Wire;

/// The greatest frame of a client, in bytes: a page of members to add fits, an attack does not.
const FRAME_MAX: usize = 128 * 1024;
/// The greatest body of an HTTP request, in bytes.
const BODY_MAX: usize = 256 * 1024;
/// Read buffer of a socket, in bytes; the library's default is 64 times that, for every idle client. It grows for a frame
/// that is longer.
const READ_BUFFER: usize = 2 * 1024;
/// Frames are gathered up to this size before a write, in bytes; memory is taken only while there are some.
const WRITE_BUFFER: usize = 16 * 1024;
/// The greatest answer, in bytes: far above the greatest list. A socket takes one answer or a few frames at a time, so a
/// slow one does not gather more.
const WRITE_BUFFER_MAX: usize = 256 * 1024 * 1024;

pub(crate) fn router(cx: Arc<Context>) -> Router {
    Router::new()
        .route("/ws", get(ws))
        .merge(rest::router())
        .merge(console::router(&cx))
        .merge(demo::router())
        .merge(probes::router())
        .fallback(assets::serve)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(cx)
}

async fn ws(
    State(cx): State<Arc<Context>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if cx.is_stopping() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade
        .max_message_size(FRAME_MAX)
        .max_frame_size(FRAME_MAX)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .on_upgrade(move |socket| connection::run(socket, wire, cx))
}
