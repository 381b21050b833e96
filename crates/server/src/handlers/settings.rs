use std::sync::Arc;

use lethe_domain::settings::patched;
use lethe_protocol::{Code, Settings, SettingsPatch};
use lethe_store::{Locks, Publication};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::failure::{Failure, Result};

/// Changes settings from JSON; with an unknown name or a wrong type nothing changes. They are in effect when this returns.
pub(crate) async fn set(cx: &Context, body: &Value) -> Result<Arc<Settings>> {
    let patch = read(body)?;
    let mut tx = cx.store.begin(Locks::none().app()).await?;
    let settings = Arc::new(patched(&tx.settings().await?, patch)?);
    tx.put_settings(&settings)?;
    tx.publish(Publication::Settings(Arc::clone(&settings)));
    tx.commit().await?;
    Ok(settings)
}

fn read(body: &Value) -> Result<SettingsPatch> {
    let known = serde_json::to_value(Settings::default()).unwrap_or_default();
    let named: &Map<String, Value> =
        body.as_object().ok_or_else(|| Failure::refuse(Code::SETTING_VALUE, "settings are a JSON object"))?;
    if let Some(name) = named.keys().find(|name| known.get(name.as_str()).is_none()) {
        return Err(Failure::refuse(Code::SETTING_UNKNOWN, format!("there is no setting {name:?}")));
    }
    if let Some((name, _)) = named.iter().find(|(_, value)| value.is_null()) {
        return Err(Failure::refuse(Code::SETTING_VALUE, format!("{name} has no value")));
    }
    serde_json::from_value(body.clone())
        .map_err(|error| Failure::refuse(Code::SETTING_VALUE, error.to_string()))
}
