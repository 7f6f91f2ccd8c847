//! A described source whose cards carry actions, set up as a manager does it, and the system that is told of presses.

use serde_json::{Value, json};
use standin::receiver::{Receiver, Request};

use super::machines::form;
use super::senders::{Sender, added};
use super::town::{Town, told};

/// The variable without which nothing on this machine is reached.
pub const LEAVE: (&str, &str) = ("OUTBOUND_ALLOWED_NETWORKS", "127.0.0.0/8");

pub struct Ci {
    pub sender: Sender,
    pub receiver: Receiver,
    /// By which presses are signed.
    pub secret: String,
}

/// Roll back for approvers, and Promote for admins alone, each where the message allows it.
pub fn actions(url: &str, admin: &str) -> Value {
    json!([
        { "id": "rollback", "label": "Roll back", "style": "danger", "url": url },
        { "id": "promote", "label": "Promote", "style": "success", "url": url, "roles": [admin] }
    ])
}

/// What is to be posted with them, and when they are on offer.
pub fn offers() -> Value {
    json!([
        { "action": "rollback", "when": "body.data.state == 'failed'",
          "body": [{ "name": "run", "value": "body.data.run" }, { "name": "ref", "value": "'v' ~ body.data.version" }] },
        { "action": "promote", "when": "body.data.state in ['failed', 'canary']" }
    ])
}

/// Describes one part of the source `ci` anew, in the form that `/source edit` opens; what was told.
pub async fn edit(town: &Town, part: &str, change: impl FnOnce(&mut Value)) -> String {
    let opened = town.command("admin", "source edit", json!({ "name": "ci", "part": part })).await;
    let text = opened["modal"]["components"][0]["components"][0]["value"].as_str();
    let mut value = serde_json::from_str(text.unwrap_or_else(|| panic!("a form: {opened}"))).unwrap();
    change(&mut value);
    told(&town.submit("admin", form(&opened), json!({ "value": value.to_string() })).await)
}

impl Ci {
    pub async fn new(town: &Town) -> Self {
        let receiver = Receiver::start().await.unwrap();
        let admin = town.discord.role_id("Admin").to_string();
        Self::with(town, receiver.clone(), actions(&receiver.url(), &admin)).await
    }

    pub async fn with(town: &Town, receiver: Receiver, actions: Value) -> Self {
        let sender = added(town, "standard", "ci").await;
        let words = edit(town, "actions", |all| *all = actions).await;
        let secret = words.split("||`").nth(1).unwrap_or_else(|| panic!("a secret in {words}"));
        let secret = secret.split('`').next().unwrap().to_owned();
        edit(town, "mapping", |mapping| mapping["actions"] = offers()).await;
        Self { sender, receiver, secret }
    }

    /// The sender tells of a deployment.
    pub async fn deploy(&self, town: &Town, id: &str, state: &str) {
        self.tell(
            town,
            id,
            json!({ "subject": "deploy/7", "title": "web 1.4.2", "state": state, "run": 7, "version": "1.4.1" }),
        )
        .await;
    }

    pub async fn tell(&self, town: &Town, id: &str, data: Value) {
        let answer = self.sender.standard(town, id, &json!({ "type": "deploy.changed", "data": data })).await;
        assert_eq!(answer.0, 202, "{answer:?}");
    }

    /// Whether the request is one of ours, by the reference library of Standard Webhooks.
    pub fn is_signed(&self, request: &Request) -> bool {
        let signer = standardwebhooks::Webhook::new(&self.secret).unwrap();
        let expected = signer.sign(&request.id, request.timestamp.parse().unwrap(), &request.body).unwrap();
        request.signature.split(' ').any(|one| one == expected)
    }

    pub fn ids(&self) -> Vec<String> {
        self.receiver.requests().into_iter().map(|request| request.id).collect()
    }
}

/// What the card says of the action, with names for ids.
pub fn status(town: &Town) -> String {
    let seen = super::machines::names(town, &town.see("ops"));
    let Some((_, rest)) = seen.split_once("Action: ") else { return String::new() };
    let end = rest.find("\nReason: ").or(rest.find("\n-- ")).unwrap_or(rest.len());
    rest[..end].to_owned()
}

/// The labels of the buttons on the newest card; but for Silence, which every open one has.
pub fn buttons(town: &Town) -> String {
    let seen = town.see("ops");
    let row = seen.lines().rfind(|line| line.starts_with('(')).unwrap_or_default();
    row.trim_end_matches("(Silence)").trim_end().to_owned()
}
