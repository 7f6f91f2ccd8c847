//! Which requests to Discord might ping somebody.

use serde_json::{Value, json};

/// Fails where a request to Discord leaves it open whether its text pings.
pub fn assert_nobody_is_pinged(requests: &[Value]) {
    let pinging: Vec<&Value> = requests.iter().filter(|request| may_ping(request)).collect();
    assert!(pinging.is_empty(), "requests that do not say that nobody is pinged: {pinging:#?}");
}

/// Whether a request makes or changes a message without `allowed_mentions: {"parse": []}`: Discord would then ping
/// whoever its text names (<https://discord.com/developers/docs/resources/message#allowed-mentions-object>).
fn may_ping(request: &Value) -> bool {
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
