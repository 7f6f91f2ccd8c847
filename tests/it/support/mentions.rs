//! Which requests to Discord might ping somebody.

use serde_json::{Value, json};

/// Whether a request makes or changes a message without `allowed_mentions: {"parse": []}`: Discord would then ping
/// whoever its text names (<https://discord.com/developers/docs/resources/message#allowed-mentions-object>).
pub fn may_ping(request: &Value) -> bool {
    let path = request["path"].as_str().unwrap_or_default();
    let body = match request["method"].as_str() {
        Some("POST") if path.ends_with("/callback") => match request["body"]["type"].as_u64() {
            Some(4 | 7) => &request["body"]["data"],
            // Acknowledgements, choices and forms are no messages.
            _ => return false,
        },
        Some("POST" | "PATCH") if path.contains("/messages") || path.contains("/webhooks/") => &request["body"],
        _ => return false,
    };
    body["allowed_mentions"]["parse"] != json!([])
}
