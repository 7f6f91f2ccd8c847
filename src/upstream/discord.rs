//! Discord's REST interface as far as the outbox needs it. One request per call: no retry, no waiting;
//! what an answer means is decided in `delivery::classify`.

mod attachment;
mod inspect;
mod member;
mod place;
mod thread;
mod webhook;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::clock::Stopwatch;
use crate::delivery::classify::{Reply, Transport};
use crate::delivery::limit::LimitHeaders;
use crate::id::{ChannelId, GuildId, MessageId, UserId};
use crate::upstream::guard::{Reach, guarded};
use crate::upstream::permission::{Channel, Member, Role};

pub use attachment::FetchError;
pub use inspect::{Application, CONTENT_INTENT};
pub use place::Guild;
pub use thread::Thread;
pub use webhook::post_name;

/// Characters of Discord's explanation that are kept.
const EXPLANATION: usize = 400;

/// The message flag for "only you can see this".
const EPHEMERAL: u64 = 1 << 6;

/// A client for one bot. Cheap to clone.
#[derive(Clone)]
pub struct DiscordClient {
    http: reqwest::Client,
    /// `https://discord.com/api/v10`
    base: String,
    token: SecretString,
    /// `http` is to be used for everything, interaction answers included.
    is_given: bool,
    /// Webhooks that were found to post into a forum.
    forums: Arc<Mutex<HashSet<i64>>>,
}

/// An answer with what it says about limits and how long it took.
#[derive(Debug)]
pub struct Answer {
    pub reply: Reply,
    pub limits: LimitHeaders,
    pub duration_ms: i32,
}

/// What a question found, with what the answer says about limits.
#[derive(Debug)]
pub struct Looked<T> {
    pub found: Result<T, LookupError>,
    pub limits: LimitHeaders,
}

impl<T> Looked<T> {
    fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, LookupError>) -> Looked<U> {
        Looked { found: self.found.and_then(read), limits: self.limits }
    }
}

/// Why something could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("Discord cannot be reached: {0}")]
    Unreachable(String),
    #[error("Discord refused the bot's token: check DISCORD_TOKEN")]
    Unauthorized,
    /// Discord's code and words.
    #[error("Discord answered {status} ({code}): {explanation}")]
    Refused { status: u16, code: i64, explanation: String },
    #[error("Discord asks to wait")]
    RateLimited(TimeDelta),
    /// Something in front of Discord refuses us: every further request makes it worse.
    #[error("an answer that is not of Discord's API: HTTP {0}")]
    NotDiscord(u16),
    #[error("Discord's answer could not be read: {0}")]
    Unreadable(String),
}

impl DiscordClient {
    /// `origin` is Discord's, or the address of a stand-in or proxy, without a path.
    pub fn new(origin: &Url, token: SecretString, timeout: Duration) -> Result<Self, reqwest::Error> {
        let http = guarded(&Reach::Operator)
            .timeout(timeout)
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("DiscordBot (https://github.com/signalbox, ", env!("CARGO_PKG_VERSION"), ")"))
            .tcp_nodelay(true)
            .build()?;
        Ok(Self { is_given: false, ..Self::with_http(origin, token, http) })
    }

    /// With a client that knows its own way: a proxy, an authority to trust, another address of `discord.com`.
    pub fn with_http(origin: &Url, token: SecretString, http: reqwest::Client) -> Self {
        let base = format!("{}/api/v10", origin.as_str().trim_end_matches('/'));
        Self { http, base, token, is_given: true, forums: Arc::default() }
    }

    /// The HTTP client under serenity's own requests (interaction answers, command registration), which
    /// has no deadline of its own.
    pub fn interaction_http(&self) -> Result<reqwest::Client, LookupError> {
        if self.is_given {
            return Ok(self.http.clone());
        }
        guarded(&Reach::Operator)
            .timeout(Duration::from_secs(15))
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .build()
            .map_err(|e| LookupError::Unreachable(e.to_string()))
    }

    pub async fn create_message(&self, channel: ChannelId, body: &Value) -> Answer {
        self.send(self.bot(Method::POST, &format!("/channels/{channel}/messages")).json(body)).await
    }

    pub async fn edit_message(&self, channel: ChannelId, message: MessageId, body: &Value) -> Answer {
        self.send(self.bot(Method::PATCH, &format!("/channels/{channel}/messages/{message}")).json(body)).await
    }

    /// Tells a presser something privately, by the token of their interaction, which lives 15 minutes.
    pub async fn follow_up(&self, application: i64, token: &str, words: &str) -> Answer {
        let url = format!("{}/webhooks/{application}/{token}", self.base);
        let body = json!({ "content": words, "flags": EPHEMERAL, "allowed_mentions": { "parse": [] } });
        self.send(self.http.post(url).json(&body)).await
    }

    /// Up to 100 messages after `after`, in Discord's order (newest first).
    pub async fn list_messages_after(&self, channel: ChannelId, after: i64) -> Looked<Vec<Value>> {
        self.look_up(&format!("/channels/{channel}/messages?after={after}&limit=100")).await
    }

    pub async fn get_channel(&self, channel: ChannelId) -> Looked<Channel> {
        self.look_up(&format!("/channels/{channel}")).await
    }

    pub async fn list_roles(&self, guild: GuildId) -> Looked<Vec<Role>> {
        self.look_up(&format!("/guilds/{guild}/roles")).await
    }

    pub async fn get_member(&self, guild: GuildId, user: UserId) -> Looked<Member> {
        self.look_up(&format!("/guilds/{guild}/members/{user}")).await
    }

    /// The channel of direct messages with somebody.
    pub async fn open_direct(&self, user: UserId) -> Looked<ChannelId> {
        let body = json!({ "recipient_id": user.to_string() });
        let opened: Looked<Value> =
            Self::read(self.bot(Method::POST, "/users/@me/channels").json(&body).send().await).await;
        opened.and_then(|channel| {
            let id = channel["id"].as_str().and_then(|id| id.parse().ok());
            id.map(ChannelId).ok_or_else(|| LookupError::Unreadable("a channel without an id".into()))
        })
    }

    /// The bot's own user id; also the probe of whether the token works.
    pub async fn get_own_id(&self) -> Looked<UserId> {
        self.look_up::<Value>("/users/@me").await.and_then(|user| {
            let id = user["id"].as_str().and_then(|id| id.parse().ok());
            id.ok_or_else(|| LookupError::Unreadable("a user without an id".into()))
        })
    }

    fn bot(&self, method: Method, path: &str) -> RequestBuilder {
        let authorization = format!("Bot {}", self.token.expose_secret());
        self.http.request(method, format!("{}{path}", self.base)).header("Authorization", authorization)
    }

    async fn look_up<T: DeserializeOwned>(&self, path: &str) -> Looked<T> {
        Self::read(self.bot(Method::GET, path).send().await).await
    }

    async fn read<T: DeserializeOwned>(sent: Result<reqwest::Response, reqwest::Error>) -> Looked<T> {
        let response = match sent {
            Ok(response) => response,
            Err(e) => {
                return Looked { found: Err(LookupError::Unreachable(describe(&e))), limits: LimitHeaders::default() };
            }
        };
        let limits = limit_headers(&response);
        let status = response.status();
        let found = match response.bytes().await {
            Ok(bytes) => found(status, &bytes, &limits),
            Err(e) => Err(LookupError::Unreachable(describe(&e))),
        };
        Looked { found, limits }
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        let watch = Stopwatch::start();
        let (reply, limits) = match request.send().await {
            Err(error) => (unanswered(&error), LimitHeaders::default()),
            Ok(response) => {
                let status = response.status();
                let limits = limit_headers(&response);
                match response.bytes().await {
                    Ok(bytes) => (answered(status, &bytes, &limits), limits),
                    // The status line came but the body did not: a success cannot be told apart.
                    Err(error) => (unanswered(&error), limits),
                }
            }
        };
        let duration_ms = i32::try_from(watch.elapsed().as_millis()).unwrap_or(i32::MAX);
        Answer { reply, limits, duration_ms }
    }
}

fn found<T: DeserializeOwned>(status: StatusCode, bytes: &[u8], limits: &LimitHeaders) -> Result<T, LookupError> {
    if status.is_success() {
        return serde_json::from_slice(bytes).map_err(|e| LookupError::Unreadable(e.to_string()));
    }
    let json: Option<Value> = serde_json::from_slice(bytes).ok();
    Err(match status {
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if json.is_none() => {
            LookupError::NotDiscord(status.as_u16())
        }
        StatusCode::UNAUTHORIZED => LookupError::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = json.as_ref().and_then(retry_after).or(limits.retry_after);
            LookupError::RateLimited(wait.unwrap_or(TimeDelta::seconds(5)))
        }
        _ if status.is_server_error() || json.is_none() => LookupError::Unreadable(format!("HTTP {}", status.as_u16())),
        _ => LookupError::Refused {
            status: status.as_u16(),
            code: json.as_ref().and_then(|j| j["code"].as_i64()).unwrap_or(0),
            explanation: json.as_ref().map_or_else(String::new, explain),
        },
    })
}

fn answered(status: StatusCode, bytes: &[u8], limits: &LimitHeaders) -> Reply {
    let json: Option<Value> = serde_json::from_slice(bytes).ok().filter(Value::is_object);
    let id = json.as_ref().and_then(|j| j["id"].as_str()).and_then(|id| id.parse().ok()).map(MessageId);
    Reply {
        transport: Transport::Answered,
        status: status.as_u16(),
        code: json.as_ref().and_then(|j| j["code"].as_i64()),
        is_json: json.is_some(),
        message_id: if status.is_success() { id } else { None },
        explanation: json.as_ref().map_or_else(|| status.canonical_reason().unwrap_or("").to_owned(), explain),
        retry_after: json.as_ref().and_then(retry_after).or(limits.retry_after),
        global: limits.global || json.as_ref().is_some_and(|j| j["global"].as_bool() == Some(true)),
    }
}

fn unanswered(error: &reqwest::Error) -> Reply {
    Reply {
        transport: if error.is_connect() { Transport::NotSent } else { Transport::Broken },
        status: 0,
        code: None,
        is_json: false,
        message_id: None,
        explanation: describe(error),
        retry_after: None,
        global: false,
    }
}

/// The kind of a transport error in words, without the URL, which may hold a webhook's token.
fn describe(error: &reqwest::Error) -> String {
    if error.is_connect() {
        "no connection".into()
    } else if error.is_timeout() {
        "no answer in time".into()
    } else {
        "the connection broke off".into()
    }
}

/// Discord's message with the paths of the fields it complains about.
fn explain(json: &Value) -> String {
    let mut text = json["message"].as_str().unwrap_or("").to_owned();
    let mut found = Vec::new();
    collect_errors(&json["errors"], String::new(), &mut found);
    for problem in found.iter().take(3) {
        text.push_str("; ");
        text.push_str(problem);
    }
    text.chars().take(EXPLANATION).collect()
}

fn collect_errors(node: &Value, path: String, found: &mut Vec<String>) {
    let Some(map) = node.as_object() else { return };
    for (name, child) in map {
        if name == "_errors" {
            for error in child.as_array().into_iter().flatten() {
                found.push(format!("{path}: {}", error["message"].as_str().unwrap_or("refused")));
            }
        } else {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            collect_errors(child, path, found);
        }
    }
}

fn retry_after(json: &Value) -> Option<TimeDelta> {
    seconds(json["retry_after"].as_f64()?)
}

/// Rounded up to the millisecond, so that a wait never ends too early.
fn seconds(value: f64) -> Option<TimeDelta> {
    (value.is_finite() && value >= 0.0).then(|| TimeDelta::milliseconds((value.min(86_400.0) * 1000.0).ceil() as i64))
}

fn limit_headers(response: &reqwest::Response) -> LimitHeaders {
    LimitHeaders::read(|name| response.headers().get(name).and_then(|v| v.to_str().ok()))
}
