//! Places where a test lets the controller die: before or after each effect.
//!
//! Off unless the controller is started with `--failpoints`. A test arms one by writing
//! `armed: <effect>:before` (or `:after`) into the ConfigMap `sabot-failpoints` of the controller's
//! namespace. The controller disarms it first, noting it under `fired`, and then aborts; so it
//! fires once, and the controller that starts next goes on.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};

/// The ConfigMap's name.
pub const CONFIG_MAP: &str = "sabot-failpoints";

/// Where relative to an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Its intent is written, it has not begun.
    Before,
    /// It is done, nobody knows yet.
    After,
}

/// The failpoints, if they are on.
pub struct Failpoints(Option<Api<ConfigMap>>);

impl Failpoints {
    /// None ever fires.
    pub fn off() -> Self {
        Self(None)
    }

    /// They are read from the ConfigMap in `namespace`.
    pub fn on(client: Client, namespace: &str) -> Self {
        Self(Some(Api::namespaced(client, namespace)))
    }

    /// Ends the process if a test has armed this failpoint.
    pub async fn hit(&self, effect: &str, moment: Moment) {
        let Some(api) = &self.0 else { return };
        let name = match moment {
            Moment::Before => format!("{effect}:before"),
            Moment::After => format!("{effect}:after"),
        };
        let Ok(Some(map)) = api.get_opt(CONFIG_MAP).await else { return };
        let armed = map.data.as_ref().and_then(|data| data.get("armed"));
        if armed.is_none_or(|armed| *armed != name) {
            return;
        }
        let disarm = serde_json::json!({ "data": { "armed": null, "fired": name } });
        let patched = api.patch(CONFIG_MAP, &PatchParams::default(), &Patch::Merge(&disarm)).await;
        if patched.is_ok() {
            tracing::warn!(failpoint = %name, "the armed failpoint ends the process");
            std::process::abort();
        }
    }
}
