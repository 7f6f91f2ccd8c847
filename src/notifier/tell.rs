//! Tells of a file, once, and says what came of it: through a Discord webhook, or by sending it to the bot.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::directory::Found;
use super::notice;
use crate::config::NotifierTarget;
use crate::delivery::classify::{Action, Reply, Transport, Verdict, classify};
use crate::upstream::discord::{DiscordClient, LookupError};
use crate::upstream::guard::WebhookAddress;
use crate::upstream::stats_upload::{Answer, NoAnswer, UploadClient};

const TIMEOUT: Duration = Duration::from_secs(15);
/// Where a 429 does not say for how long.
const DEFAULT_WAIT: TimeDelta = TimeDelta::seconds(5);

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It arrived. What there is to say about that begins with a colon.
    Done(String),
    /// It arrived, and the bot cannot read it: why.
    Unreadable(String),
    /// It certainly did not arrive.
    NotThere(String),
    /// Nothing may be sent for so long.
    Wait(TimeDelta, String),
    /// Something failed there. It may have arrived all the same; it is told again until it is known.
    Failed(String),
    /// Nobody can say whether it arrived.
    Unknown(String),
    /// This one is not wanted, now or later.
    Refused(String),
    /// Nothing will arrive until somebody mends what this says.
    Stop(String),
}

/// What a look at the receiver found.
#[derive(Clone, Debug, PartialEq)]
pub enum Reached {
    Good(String),
    Unclear(String),
    Wrong(String),
}

/// Names no file: what is sent under it is empty, and refused for that by a bot that believes it.
const CHECK: &str = "check";

pub enum Teller {
    Webhook { client: DiscordClient, webhook: WebhookAddress },
    Upload(UploadClient),
}

impl Teller {
    pub fn new(target: &NotifierTarget) -> anyhow::Result<Self> {
        Ok(match target {
            NotifierTarget::Webhook { address, api_url } => Self::webhook(address, api_url)?,
            NotifierTarget::Upload { url, secret } => Self::Upload(UploadClient::new(url, secret)?),
        })
    }

    fn webhook(address: &SecretString, api_url: &Url) -> anyhow::Result<Self> {
        let webhook = WebhookAddress::parse(address.expose_secret())?;
        // A webhook is used by its own token.
        let client = DiscordClient::new(api_url, SecretString::default(), TIMEOUT)?;
        Ok(Self::Webhook { client, webhook })
    }

    pub async fn tell(&self, file: &Found, bytes: &[u8], repeated: bool, now: DateTime<Utc>) -> Outcome {
        match self {
            Self::Webhook { client, webhook } => {
                let body = notice::body(&file.name, file.size, repeated, now);
                let answer = client.execute_webhook(webhook.id, webhook.token.expose_secret(), &body).await;
                noticed(&answer.reply)
            }
            Self::Upload(client) => match client.send(&file.name, bytes.to_vec(), now).await {
                Ok(answer) => uploaded(&answer, client.url()),
                Err(NoAnswer::NoConnection) => Outcome::NotThere(format!("{}: no connection", client.url())),
                // The bot knows the name, so it may be sent again as often as it takes.
                Err(why) => Outcome::Failed(format!("{}: {why}", client.url())),
            },
        }
    }

    /// Whether the receiver is there and knows us. Tells it nothing.
    pub async fn reach(&self, now: DateTime<Utc>) -> Reached {
        match self {
            Self::Webhook { client, webhook } => {
                let found = client.get_webhook_channel(webhook.id, webhook.token.expose_secret()).await.found;
                match found {
                    Ok(_) => Reached::Good("Discord knows the webhook".to_owned()),
                    Err(LookupError::Refused { status, explanation, .. }) => {
                        Reached::Wrong(no_webhook(&format!("HTTP {status}: {explanation}")))
                    }
                    Err(error) => Reached::Wrong(error.to_string()),
                }
            }
            Self::Upload(client) => match client.send(CHECK, Vec::new(), now).await {
                Ok(answer) if answer.status == 400 => Reached::Good(format!("{} knows the secret", client.url())),
                Ok(answer) => match uploaded(&answer, client.url()) {
                    Outcome::Stop(words) => Reached::Wrong(words),
                    Outcome::Failed(words) if answer.status == 401 => Reached::Wrong(words),
                    _ => Reached::Unclear(format!("{} answered HTTP {} to a check", client.url(), answer.status)),
                },
                Err(why) => Reached::Wrong(format!("{}: {why}", client.url())),
            },
        }
    }
}

fn noticed(reply: &Reply) -> Outcome {
    match classify(Action::Webhook, reply) {
        Verdict::Done(_) | Verdict::DeliveredAndDeleted => Outcome::Done(String::new()),
        Verdict::NotSent(why) => Outcome::NotThere(format!("Discord: {why}")),
        Verdict::Wait(wait, why) | Verdict::WaitAll(wait, why) | Verdict::EditWait(wait, why) => {
            Outcome::Wait(wait, format!("Discord: {why}"))
        }
        Verdict::Unknown(why) if reply.transport == Transport::Answered && reply.status >= 500 => {
            Outcome::Failed(format!("Discord: {why}"))
        }
        Verdict::Unknown(why) => Outcome::Unknown(format!("Discord: {why}")),
        Verdict::Unusable(_, words) | Verdict::Stop(words) => Outcome::Stop(no_webhook(&words)),
        Verdict::Rejected(words) if matches!(reply.status, 401 | 404) => Outcome::Stop(no_webhook(&words)),
        Verdict::Rejected(words) => Outcome::Refused(format!("Discord: {words}")),
        Verdict::Gone => Outcome::Refused("Discord: the post is gone".to_owned()),
    }
}

fn no_webhook(words: &str) -> String {
    format!(
        "Discord refuses the webhook of DISCORD_WEBHOOK_URL ({words}). Make a new one in Discord (the channel's settings, \
         Integrations, Webhooks), put its URL into DISCORD_WEBHOOK_URL and start again; what is told of then goes back 48 hours"
    )
}

fn uploaded(answer: &Answer, url: &Url) -> Outcome {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    if let (200..300, Some("quarantined"), Some(why)) =
        (answer.status, body["result"].as_str(), body["reason"].as_str())
    {
        return Outcome::Unreadable(why.to_owned());
    }
    let said = said(answer, &body).map_or(String::new(), |said| format!(": {said}"));
    let words = format!("HTTP {}{said}", answer.status);
    match answer.status {
        200..300 => Outcome::Done(said),
        300..400 => Outcome::Stop(format!(
            "{url} leads elsewhere ({words}): put the address that it leads to into STATS_UPLOAD_URL and start again"
        )),
        // A clock that is wrong now may be right in a minute, as after a start of the machine.
        401 if answer.text.contains("Timestamp") => {
            Outcome::Failed(format!("{words}. Is the clock of this machine right?"))
        }
        401 => Outcome::Stop(format!(
            "{url} refuses the signature ({words}): STATS_UPLOAD_SECRET has to be the bot's ETLEGACY_UPLOAD_SECRET. \
             Correct it and start again"
        )),
        404 | 405 | 410 => Outcome::Stop(format!(
            "{url} takes no files ({words}): STATS_UPLOAD_URL has to be the bot's address with /webhooks/etlegacy, and the \
             bot needs an ETLEGACY_UPLOAD_SECRET. Correct it and start again"
        )),
        429 => Outcome::Wait(answer.retry_after.unwrap_or(DEFAULT_WAIT), words),
        400 | 409 | 413 | 415 | 422 => Outcome::Refused(words),
        _ => Outcome::Failed(words),
    }
}

/// What the bot says of a file or of a refusal; of anything else that answers there, the beginning of what it says.
fn said(answer: &Answer, body: &Value) -> Option<String> {
    let known = match body["result"].as_str() {
        Some("new") => Some("the bot has it now"),
        Some("known") => Some("the bot had it already"),
        Some("corrected") => Some("the bot takes it instead of what it had by that name"),
        _ => body["error"].as_str(),
    };
    let text = known.unwrap_or(&answer.text);
    (!text.is_empty()).then(|| one_line(text))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
