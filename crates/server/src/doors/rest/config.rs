use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Result;
use crate::handlers::settings;

/// `lethe_config/get`.
pub(super) fn get(cx: &Context) -> Value {
    json!(cx.settings().as_ref())
}

/// `lethe_config/set`: answers all settings as they are now.
pub(super) async fn set(cx: &Context, body: &Value) -> Result<Value> {
    Ok(json!(settings::set(cx, body).await?.as_ref()))
}
