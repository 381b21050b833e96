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
use lethe_protocol::{Code, Error};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::context::Context;
use crate::failure::Failure;
use crate::handlers::settings;

/// The cookie that carries a session.
const COOKIE_NAME: &str = "lethe_console";
/// A session ends after this long without a request.
const SESSION_TIME: Duration = Duration::from_secs(8 * 3600);
/// Wrong passwords in [`ATTEMPT_TIME`] after which nobody may try until it has passed.
const ATTEMPTS_MAX: usize = 10;
const ATTEMPT_TIME: Duration = Duration::from_secs(60);
/// Messages per second are measured over at most this time.
const RATE_TIME: Duration = Duration::from_secs(5);

/// Who is signed in to the console. Nothing of it outlives the process.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    sessions: HashMap<String, Instant>,
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

    fn open(&mut self, now: Instant) -> String {
        self.sessions.retain(|_, seen| now.duration_since(*seen) < SESSION_TIME);
        let token = format!("{:032x}", rand::random::<u128>());
        self.sessions.insert(token.clone(), now);
        token
    }

    fn knows(&mut self, token: &str, now: Instant) -> bool {
        let seen = self.sessions.get_mut(token).filter(|seen| now.duration_since(**seen) < SESSION_TIME);
        seen.map(|seen| *seen = now).is_some()
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
        .layer(from_fn_with_state(Arc::clone(cx), signed_in));
    Router::new()
        .route("/console/api/login", post(log_in))
        .route("/console/api/logout", post(log_out))
        .merge(private)
}

fn refuse(status: StatusCode, code: Code, message: &str) -> Response {
    (status, Json(Error::new(code, message))).into_response()
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

async fn signed_in(State(cx): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let known = token(request.headers()).is_some_and(|token| desk(&cx).knows(token, Instant::now()));
    if known {
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
    let token = desk.open(now);
    ([(SET_COOKIE, cookie(&token))], Json(json!({}))).into_response()
}

async fn log_out(State(cx): State<Arc<Context>>, headers: HeaderMap) -> Response {
    if let Some(token) = token(&headers) {
        desk(&cx).sessions.remove(token);
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
    let rate = desk(&cx).rate(Instant::now(), totals.messages);
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "engine": cx.store.engine_name(),
        "startedAt": cx.started,
        "onlineUsers": users,
        "connections": clients,
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
