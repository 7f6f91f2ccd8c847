//! Interactions by HTTP: the application's key, the check of an endpoint before it is taken, and the delivery.
//!
//! <https://discord.com/developers/docs/interactions/overview#configuring-an-interactions-endpoint-url>

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::{
    hub::Core,
    interaction::{self, DEADLINE},
    refusal::Refusal,
    rest::{Call, Route},
    world::World,
};

/// One signed request, as it went out.
#[derive(Clone)]
pub struct Signed {
    url: String,
    timestamp: String,
    signature: String,
    body: String,
}

fn key(world: &World) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(world.signing_seed.as_bytes()).expect("a seed has 32 bytes")
}

/// In hexadecimal digits, as the page "General Information" shows it.
pub fn public_key(world: &World) -> String {
    hex::encode(key(world).public_key())
}

/// "Validate over timestamp + body".
pub fn sign(world: &World, timestamp: &str, body: &str) -> String {
    hex::encode(key(world).sign(format!("{timestamp}{body}").as_bytes()))
}

impl Core {
    fn signed(&self, url: &str, payload: &Value) -> Signed {
        let (timestamp, body) = (self.now().timestamp().to_string(), payload.to_string());
        let signature = self.read(|world| sign(world, &timestamp, &body));
        Signed { url: url.to_owned(), timestamp, signature, body }
    }

    /// Status and body; the error says why there is no answer.
    async fn post(&self, request: &Signed) -> Result<(u16, Value), String> {
        let sending = self
            .http
            .post(&request.url)
            .header("content-type", "application/json")
            .header("user-agent", "Discord-Interactions/1.0 (+https://discord.com)")
            .header("x-signature-ed25519", &request.signature)
            .header("x-signature-timestamp", &request.timestamp)
            .body(request.body.clone())
            .timeout(DEADLINE)
            .send();
        let answer = sending.await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|error| error.to_string())?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// "Discord will send a PING … and will also perform security checks, including purposefully sending you invalid
    /// signatures": the first must be answered by a PONG, the others by 401.
    pub async fn check_endpoint(&self, url: &str) -> Result<(), Refusal> {
        let application = self.read(|world| world.application);
        let ping = json!({"id": "1", "application_id": application.to_string(), "type": 1, "token": "ping", "version": 1,
            "entitlements": []});
        let right = self.signed(url, &ping);
        let wrong = Signed { signature: "0".repeat(128), ..right.clone() };
        let refuses = self.post(&wrong).await.is_ok_and(|(status, _)| status == 401);
        let answers = self.post(&right).await.is_ok_and(|(status, body)| status == 200 && body["type"] == 1);
        if refuses && answers {
            return Ok(());
        }
        let text = "The specified interactions endpoint url could not be verified.";
        Err(super::refusal::invalid(
            &["interactions_endpoint_url"],
            "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID",
            text,
        ))
    }

    /// Sends an interaction to the endpoint, where its answer may be as well.
    pub async fn deliver(&self, url: &str, payload: &Value) {
        let request = self.signed(url, payload);
        *super::hub::lock(&self.last_delivery) = Some(request.clone());
        let token = payload["token"].as_str().unwrap_or_default();
        match self.post(&request).await {
            // "Respond to the original HTTP request with a 202 and no body": it is answered by the callback.
            Ok((202 | 204, _)) => {}
            Ok((200, body)) => self.inline(payload, token, body),
            failed => {
                tracing::warn!(?failed, "the interactions endpoint did not take an interaction");
                self.change(|world| interaction::fail(world, token));
            }
        }
    }

    /// "Inline HTTP response behaviour": the answer is what the callback would have been given.
    fn inline(&self, payload: &Value, token: &str, body: Value) {
        let id = payload["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
        let call = self.call("POST", Route::Callback(id, token.to_owned()), HashMap::new(), body, Vec::new(), true);
        let answered = self.change(|world| interaction::callback(world, &call, id, token));
        if let Err(refusal) = answered {
            self.violation(format!("an inline answer to an interaction: {}", refusal.body()));
            self.change(|world| interaction::fail(world, token));
        }
    }

    /// The last delivery once more, bit for bit; the status of its answer.
    pub async fn replay(&self) -> Option<u16> {
        let request = super::hub::lock(&self.last_delivery).clone()?;
        self.post(&request).await.ok().map(|(status, _)| status)
    }

    /// A request to the API as the handlers of routes see it.
    pub fn call(
        &self,
        method: &str,
        route: Route,
        query: HashMap<String, String>,
        body: Value,
        files: Vec<Value>,
        authorized: bool,
    ) -> Call {
        use super::gateway::intent;
        let privileged = self.privileged();
        let now = self.now();
        Call {
            method: method.to_owned(),
            route,
            query,
            body,
            files,
            authorized,
            now,
            nonce_memory: self.options.nonce_memory,
            message_content: privileged & intent::MESSAGE_CONTENT != 0,
            members_intent: privileged & intent::GUILD_MEMBERS != 0,
            old_edits: self.options.old_edits,
            gateway_url: self.gateway_url(),
            gateway_bot: self.gateway_bot(now),
        }
    }
}

/// To the endpoint as often as Discord delivers it.
pub fn deliver_in_background(core: &Arc<Core>, url: String, payload: Value, times: usize) {
    for _ in 0..times {
        let (core, url, payload) = (Arc::clone(core), url.clone(), payload.clone());
        tokio::spawn(async move { core.deliver(&url, &payload).await });
    }
}
