//! Asks an address of ours whether a Signalbox answers there.

use std::time::Duration;

use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

const WITHIN: Duration = Duration::from_secs(3);

/// True when a Signalbox answers at `<base>/health`. Whatever else is there, or nothing, is false.
pub async fn is_signalbox(base: &Url) -> bool {
    let Ok(http) = super::http::builder().no_proxy().redirect(Policy::none()).timeout(WITHIN).build() else {
        return false;
    };
    let url = format!("{}/health", base.as_str().trim_end_matches('/'));
    let Ok(response) = http.get(url).send().await else { return false };
    let health: Option<Value> = response.json().await.ok();
    health.is_some_and(|health| health["service"] == "signalbox")
}
