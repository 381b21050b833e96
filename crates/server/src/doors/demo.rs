use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use lethe_protocol::{Code, Error, user_id_is_valid};
use serde::Deserialize;
use serde_json::json;

use crate::config::DemoMode;
use crate::context::Context;
use crate::usersig;

/// A demo's token is good for a day.
const VALID_SECONDS: i64 = 86400;

pub(super) fn router() -> Router<Arc<Context>> {
    Router::new().route("/demo/api/app", get(app)).route("/demo/api/usersig", post(sign_in))
}

async fn app(State(cx): State<Arc<Context>>) -> Response {
    Json(json!({"sdkAppId": cx.identity.sdk_app_id})).into_response()
}

/// Asked for on this machine by its own name, and not handed on by a proxy.
fn is_local(headers: &HeaderMap) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let local = name == "localhost"
        || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    local && !forwarded.iter().any(|name| headers.contains_key(*name))
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(rename = "userID")]
    user_id: String,
}

/// Signs anybody in but administrators, and only where the operator lets it.
async fn sign_in(
    State(cx): State<Arc<Context>>,
    headers: HeaderMap,
    Json(request): Json<SignIn>,
) -> Response {
    let user_id = request.user_id;
    let refuse = |status, code, message: &str| (status, Json(Error::new(code, message))).into_response();
    if !cx.config.demo_is_on() || (cx.config.demo == DemoMode::Auto && !is_local(&headers)) {
        return refuse(
            StatusCode::FORBIDDEN,
            Code::DEMO_OFF,
            "the operator has switched the demo's sign-in off",
        );
    }
    if !user_id_is_valid(&user_id) {
        let message = "a user ID has 1 to 32 printable ASCII characters";
        return refuse(StatusCode::BAD_REQUEST, Code::ACCOUNT_PARAMETER, message);
    }
    if cx.settings().administrators.contains(&user_id) {
        return refuse(StatusCode::FORBIDDEN, Code::REST_ADMIN, "the demo does not sign administrators in");
    }
    let (app, key) = (cx.identity.sdk_app_id, &cx.identity.secret_key);
    let sig = usersig::mint(app, key, &user_id, cx.now_seconds(), VALID_SECONDS);
    Json(json!({"userSig": sig})).into_response()
}
