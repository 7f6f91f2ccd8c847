//! Signed requests, made before the clock runs: distinct tickets of about 1 KiB each.

use aws_lc_rs::hmac;
use serde_json::json;

pub const SECRET: &str = "a-secret-of-the-load-program";
pub const PATH: &str = "/webhooks/xtsystems";

/// The id of the nth ticket, by which it is found again.
pub fn ticket(n: usize) -> String {
    format!("load-{n:09}")
}

/// The body of a webhook, `about` a ticket.
pub fn body(kind: &str, about: &str, at: i64) -> Vec<u8> {
    let data = json!({
        "id": about,
        "title": format!("Switch in rack 4 drops packets ({about})"),
        "description": "Since 09:40, ports 11 to 14, the phones are on it. ".repeat(13),
        "status": "Open", "priority": "High", "created_by": "tech@example.com", "site": "Lisbon",
        "tags": ["network", "switch", "rack-4"], "ports": [11, 12, 13, 14],
    });
    json!({ "event_type": kind, "data": data, "company_id": 7, "timestamp": at }).to_string().into_bytes()
}

pub struct Signer(hmac::Key);

impl Signer {
    pub fn new() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()))
    }

    /// The values of the two headers.
    pub fn headers(&self, body: &[u8], at: i64) -> (String, String) {
        let timestamp = at.to_string();
        let mut context = hmac::Context::with_key(&self.0);
        context.update(timestamp.as_bytes());
        context.update(body);
        (timestamp, format!("sha256={}", hex::encode(context.sign())))
    }

    /// A whole request as it goes over the wire.
    pub fn request(&self, kind: &str, about: &str, at: i64) -> Vec<u8> {
        self.over_the_wire(&body(kind, about, at), at)
    }

    /// The same of an alert.
    pub fn alert(&self, message: &str, source: &str, at: i64) -> Vec<u8> {
        let data = json!({ "alert_type": "disk", "severity": "high", "source": source, "message": message });
        let body = json!({ "event_type": "alert.triggered", "data": data, "company_id": 7, "timestamp": at });
        self.over_the_wire(body.to_string().as_bytes(), at)
    }

    fn over_the_wire(&self, body: &[u8], at: i64) -> Vec<u8> {
        let (timestamp, signature) = self.headers(body, at);
        let mut request = format!(
            "POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             X-XTSystems-Timestamp: {timestamp}\r\nX-XTSystems-Signature: {signature}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend(body);
        request
    }

    /// Distinct tickets from `first` on.
    pub fn requests(&self, first: usize, count: usize) -> Vec<Vec<u8>> {
        let at = chrono::Utc::now().timestamp();
        (first..first + count).map(|n| self.request("ticket.created", &ticket(n), at)).collect()
    }
}
