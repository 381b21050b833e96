mod deletions;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lethe_protocol::{Code, Error};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::context::Context;
use crate::failure::Failure;
use crate::handlers::settings;

/// The cookie that carries a session.
const COOKIE_NAME: &str = "lethe_console";
/// A session ends after this long, in s.
const SESSION_TIME: u64 = 8 * 3600;
/// Wrong passwords in [`ATTEMPT_TIME`] after which nobody may try until it has passed.
const ATTEMPTS_MAX: usize = 10;
const ATTEMPT_TIME: Duration = Duration::from_secs(60);
/// Messages per second are measured over at most this time.
const RATE_TIME: Duration = Duration::from_secs(5);

/// What this node remembers for the console. Sessions are signed and not remembered: any node of an app knows them.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Sessions that were signed out of here, with the Unix seconds of their end.
    ended: HashMap<String, u64>,
    failures: VecDeque<Instant>,
    samples: VecDeque<(Instant, u64)>,
}

fn desk(cx: &Context) -> MutexGuard<'_, Desk> {
    cx.desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Whether a password may be tried now.
    fn admits(&mut self, now: Instant) -> bool {
        self.failures.retain(|&failure| now.duration_since(failure) < ATTEMPT_TIME);
        self.failures.len() < ATTEMPTS_MAX
    }

    fn end(&mut self, token: &str, now: u64) {
        self.ended.retain(|_, end| *end > now);
        self.ended.insert(token.to_owned(), now + SESSION_TIME);
    }

    /// Messages per second since the oldest sample of the last seconds.
    fn rate(&mut self, now: Instant, messages: u64) -> f64 {
        self.samples.push_back((now, messages));
        while self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > RATE_TIME)
            && self.samples.len() > 2
        {
            self.samples.pop_front();
        }
        let Some(&(at, before)) = self.samples.front() else { return 0.0 };
        let seconds = now.duration_since(at).as_secs_f64();
        let grown = u32::try_from(messages.saturating_sub(before)).unwrap_or(u32::MAX);
        if seconds < 0.1 { 0.0 } else { f64::from(grown) / seconds }
    }
}

pub(super) fn router(cx: &Arc<Context>) -> Router<Arc<Context>> {
    let private = Router::new()
        .route("/console/api/overview", get(overview))
        .route("/console/api/settings", get(read_settings).put(write_settings))
        .route("/console/api/app", get(app))
        .route("/console/api/journal", get(deletions::journal))
        .route("/console/api/eraser", get(deletions::eraser))
        .route("/console/api/holds", get(deletions::holds))
        .route("/console/api/receipts/{entry}", get(deletions::receipt))
        .layer(from_fn_with_state(Arc::clone(cx), signed_in));
    Router::new()
        .route("/console/api/login", post(log_in))
        .route("/console/api/logout", post(log_out))
        .merge(private)
}

/// A session until this Unix second, signed with the app's key for this password.
fn session(cx: &Context, until: u64, nonce: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(cx.identity.secret_key.as_bytes()).ok()?;
    mac.update(format!("console\n{}\n{until}\n{nonce}", cx.identity.console_password).as_bytes());
    Some(format!("{until}.{nonce}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
}

fn is_session(cx: &Context, token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(until), Some(nonce)) = (parts.next().and_then(|until| until.parse().ok()), parts.next()) else {
        return false;
    };
    let genuine = session(cx, until, nonce)
        .is_some_and(|genuine| bool::from(genuine.as_bytes().ct_eq(token.as_bytes())));
    genuine && until > cx.now_seconds() && !desk(cx).ended.contains_key(token)
}

fn refuse(status: StatusCode, code: Code, message: &str) -> Response {
    (status, Json(Error::new(code, message))).into_response()
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

async fn signed_in(State(cx): State<Arc<Context>>, request: Request, next: Next) -> Response {
    if token(request.headers()).is_some_and(|token| is_session(&cx, token)) {
        return next.run(request).await;
    }
    refuse(StatusCode::UNAUTHORIZED, Code::CONSOLE_SIGN_IN, "sign in first")
}

#[derive(Deserialize)]
struct LogIn {
    password: String,
}

async fn log_in(State(cx): State<Arc<Context>>, Json(request): Json<LogIn>) -> Response {
    let now = Instant::now();
    let mut desk = desk(&cx);
    if !desk.admits(now) {
        let message = "too many wrong passwords; wait a minute";
        return refuse(StatusCode::TOO_MANY_REQUESTS, Code::REST_RATE, message);
    }
    let (given, right) = (request.password.as_bytes(), cx.identity.console_password.as_bytes());
    if !bool::from(given.ct_eq(right)) {
        desk.failures.push_back(now);
        return refuse(StatusCode::UNAUTHORIZED, Code::CONSOLE_SIGN_IN, "the password is wrong");
    }
    let nonce = format!("{:032x}", rand::random::<u128>());
    let Some(token) = session(&cx, cx.now_seconds() + SESSION_TIME, &nonce) else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, Code::UNAVAILABLE, "the session cannot be signed");
    };
    ([(SET_COOKIE, cookie(&token))], Json(json!({}))).into_response()
}

async fn log_out(State(cx): State<Arc<Context>>, headers: HeaderMap) -> Response {
    if let Some(token) = token(&headers).filter(|token| is_session(&cx, token)) {
        desk(&cx).end(token, cx.now_seconds());
    }
    ([(SET_COOKIE, cookie("") + "; Max-Age=0")], Json(json!({}))).into_response()
}

fn cookie(token: &str) -> String {
    format!("{COOKIE_NAME}={token}; Path=/console; HttpOnly; SameSite=Strict")
}

async fn overview(State(cx): State<Arc<Context>>) -> Response {
    let totals = match cx.store.totals().await {
        Ok(totals) => totals,
        Err(error) => {
            return (StatusCode::SERVICE_UNAVAILABLE, Json(Failure::from(error).tell())).into_response();
        }
    };
    let (users, clients) = cx.hub.count();
    let (others, users_there, clients_there) = cx.hub.bus().map_or((0, 0, 0), |bus| bus.others());
    let rate = desk(&cx).rate(Instant::now(), totals.messages);
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "engine": cx.store.engine_name(),
        "startedAt": cx.started,
        "nodes": others + 1,
        "onlineUsers": users as u64 + users_there,
        "connections": clients as u64 + clients_there,
        "messagesPerSecond": rate,
        "messages": totals.messages,
        "conversations": totals.conversations,
        "deletions": totals.deletions,
        "accounts": totals.accounts,
        "groups": totals.groups,
    }))
    .into_response()
}

async fn read_settings(State(cx): State<Arc<Context>>) -> Response {
    Json(cx.settings().as_ref()).into_response()
}

async fn write_settings(State(cx): State<Arc<Context>>, Json(body): Json<Value>) -> Response {
    match settings::set(&cx, &body).await {
        Ok(settings) => Json(settings.as_ref()).into_response(),
        Err(failure) => {
            let status = match failure {
                Failure::Refused(_) => StatusCode::BAD_REQUEST,
                Failure::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Json(failure.tell())).into_response()
        }
    }
}

async fn app(State(cx): State<Arc<Context>>) -> Json<Value> {
    Json(json!({
        "sdkAppId": cx.identity.sdk_app_id,
        "secretKey": cx.identity.secret_key,
        "address": cx.address,
        "demo": cx.config.demo_is_on(),
    }))
}
