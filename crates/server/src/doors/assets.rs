use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use rust_embed::{Embed, EmbeddedFile};

#[derive(Embed)]
#[folder = "../../web/console/dist"]
struct Console;

#[derive(Embed)]
#[folder = "../../web/demo/dist"]
struct Demo;

/// Only what the server itself serves; pictures may come from where users' avatars are.
const POLICY: &str = "default-src 'self'; img-src * data: blob:; style-src 'self' 'unsafe-inline'; \
                      connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'self'";

/// Serves the console and the demo. What names no file is a page of theirs, and they route it themselves.
pub(super) async fn serve(method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::NOT_FOUND.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if path == "console" {
        return (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "/console/")]).into_response();
    }
    let (name, found, page) = match path.strip_prefix("console/") {
        Some(name) => (name, Console::get(name), Console::get("index.html")),
        None => (path, Demo::get(path), Demo::get("index.html")),
    };
    if let Some(file) = found {
        return answer(name, file);
    }
    let is_file = name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    if is_file || name.starts_with("api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match page {
        Some(page) => answer("index.html", page),
        None => {
            (StatusCode::NOT_FOUND, "The web pages are not part of this build: make build\n").into_response()
        }
    }
}

fn answer(name: &str, file: EmbeddedFile) -> Response {
    // The names of files in assets/ have a hash of their content.
    let caching =
        if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (CONTENT_TYPE, content_type(name)),
        (CACHE_CONTROL, caching),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, Body::from(file.data.into_owned())).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
