//! Other systems as their documentation describes them: they are added by a command, sign, and send.

use super::town::{Town, told};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

/// A system that was added with `/source add`.
pub struct Sender {
    pub path: String,
    pub secret: String,
}

/// A manager adds a source; its address and secret are taken from the answer, as a person does.
pub async fn added(town: &Town, preset: &str, name: &str) -> Sender {
    let outcome = town.command("admin", "source add", json!({ "preset": preset, "name": name })).await;
    let words = told(&outcome);
    let between = |from: &str, to: &str| {
        let rest = words.split_once(from).unwrap_or_else(|| panic!("no {from} in {words}")).1;
        rest.split_once(to).unwrap().0.to_owned()
    };
    let url = between("Address: `", "`");
    let path = url.split_once("/webhooks/in/").expect("the address of the intake").1.to_owned();
    Sender { path, secret: between("||`", "`||") }
}

/// The status and the body of the answer.
pub async fn send(town: &Town, path: &str, headers: &[(&str, String)], body: &str) -> (u16, Value) {
    let url = format!("http://{}/webhooks/in/{path}", town.app.address);
    let request = town.http.post(url).header("content-type", "application/json").body(body.to_owned());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

pub fn hex_hmac(secret: &str, text: &str) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()))
}

impl Sender {
    /// As GitHub signs.
    pub async fn github(&self, town: &Town, event: &str, delivery: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let headers = [
            ("x-github-event", event.to_owned()),
            ("x-github-delivery", delivery.to_owned()),
            ("x-hub-signature-256", format!("sha256={}", hex_hmac(&self.secret, &body))),
        ];
        let answer = send(town, &self.path, &headers, &body).await;
        town.settle().await;
        answer
    }

    /// As Standard Webhooks asks, by its reference library.
    pub async fn standard(&self, town: &Town, id: &str, body: &Value) -> (u16, Value) {
        let (body, at) = (body.to_string(), town.clock.now().timestamp());
        let signer = standardwebhooks::Webhook::new(&self.secret).unwrap();
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signer.sign(id, at, body.as_bytes()).unwrap()),
        ];
        let answer = send(town, &self.path, &headers, &body).await;
        town.settle().await;
        answer
    }

    /// With the secret as a bearer token.
    pub async fn bearer(&self, town: &Town, body: &Value) -> (u16, Value) {
        let headers = [("authorization", format!("Bearer {}", self.secret))];
        let answer = send(town, &self.path, &headers, &body.to_string()).await;
        town.settle().await;
        answer
    }

    /// As Grafana signs when a header for the time is configured.
    pub async fn grafana(&self, town: &Town, body: &Value) -> (u16, Value) {
        let (body, at) = (body.to_string(), town.clock.now().timestamp());
        let headers = [
            ("x-grafana-alerting-timestamp", at.to_string()),
            ("x-grafana-alerting-signature", hex_hmac(&self.secret, &format!("{at}:{body}"))),
        ];
        let answer = send(town, &self.path, &headers, &body).await;
        town.settle().await;
        answer
    }

    /// As Sentry's integrations sign.
    pub async fn sentry(&self, town: &Town, resource: &str, request_id: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let headers = [
            ("sentry-hook-resource", resource.to_owned()),
            ("request-id", request_id.to_owned()),
            ("sentry-hook-timestamp", town.clock.now().timestamp().to_string()),
            ("sentry-hook-signature", hex_hmac(&self.secret, &body)),
        ];
        let answer = send(town, &self.path, &headers, &body).await;
        town.settle().await;
        answer
    }
}

/// `202`, `200 duplicate`, `401 Invalid signature`.
pub fn line((status, body): &(u16, Value)) -> String {
    let duplicate = if body["duplicate"] == true { " duplicate" } else { "" };
    let error = body["error"].as_str().map(|e| format!(" {e}")).unwrap_or_default();
    format!("{status}{duplicate}{error}")
}
