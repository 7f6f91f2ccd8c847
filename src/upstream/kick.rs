//! Kick's OAuth and REST interfaces, as far as they are used here (specification of Kick, Facts 1, 4, 5, 6). Nothing is
//! retried here and no token is kept: callers know what may be, and have them.

mod channel;
mod chat;
mod error;
mod heard;
mod oauth;
mod redemption;
mod subscription;

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::guard::{Reach, guarded};
use super::xtsystems::error::{Transport, innermost};
use super::xtsystems::text::clean;
use crate::clock::Stopwatch;
use crate::config::is_loopback;
use crate::event::lenient;
use crate::telemetry::metrics::Metrics;

pub use channel::{ChannelInfo, KickUser, StreamInfo};
pub use chat::{As, ChatPost, LONGEST_MESSAGE};
pub use error::KickError;
pub use heard::Heard;
pub use oauth::{AppToken, Scope, Tokens};
pub use redemption::{FailedRedemption, RedemptionVerb};
pub use subscription::{Created, Subscription};

/// The whole of a request, answer included.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// An answer longer than this is no answer of this interface.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

pub type Result<T> = std::result::Result<T, KickError>;

/// Where Kick is, and as which application we come.
#[derive(Clone, Debug)]
pub struct Application {
    /// `https://api.kick.com`
    pub api: Url,
    /// `https://id.kick.com`
    pub oauth: Url,
    pub client_id: String,
    pub client_secret: SecretString,
}

/// Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct KickClient {
    http: Client,
    application: Application,
    metrics: Metrics,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    retry_after: Option<Duration>,
}

impl KickClient {
    pub fn new(application: Application, metrics: Metrics) -> Result<Self> {
        // Cloudflare lets nobody through who does not say who they are (KickDevDocs #216).
        let mut http = guarded(&Reach::Operator)
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT / 2)
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&application.api) && is_loopback(&application.oauth) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|e| KickError::NotSent(innermost(&e)))?;
        Ok(Self { http, application, metrics })
    }

    /// The API's address without path, for texts.
    pub fn origin(&self) -> String {
        self.application.api.origin().ascii_serialization()
    }

    /// `GET /public/v1/public-key`: the key that webhooks are signed with, as PEM. Needs no token.
    pub async fn public_key(&self) -> Result<String> {
        let data = self.call(Method::GET, &["public", "v1", "public-key"], None, |request| request).await?;
        let key = data.get("public_key").and_then(Value::as_str);
        key.map(str::to_owned).ok_or_else(|| unreadable("the public key", "it has no public_key"))
    }

    /// A call of the REST interface; returns the `data` of its envelope.
    async fn call(
        &self,
        method: Method,
        path: &[&str],
        token: Option<&SecretString>,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Value> {
        let mut request = self.http.request(method, under(&self.application.api, path));
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        let answer = self.success(self.send(with(request), token).await?, token)?;
        // A 204 has no envelope, and nothing is expected of it.
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        let mut envelope = lenient::parse_json(&answer.body).map_err(|e| unreadable("an answer", &e.to_string()))?;
        Ok(envelope.get_mut("data").map(Value::take).unwrap_or_default())
    }

    /// A form posted to the OAuth server. Credentials are in the body, as it wants them.
    async fn form(&self, path: &[&str], fields: &[(&str, &str)]) -> Result<Value> {
        let credentials = [
            ("client_id", self.application.client_id.as_str()),
            ("client_secret", self.application.client_secret.expose_secret()),
        ];
        let all: Vec<(&str, &str)> = fields.iter().copied().chain(credentials).collect();
        let request = self.http.post(under(&self.application.oauth, path)).form(&all);
        let answer = self.success(self.send(request, None).await?, None)?;
        lenient::parse_json(&answer.body).map_err(|e| unreadable("an answer", &e.to_string()))
    }

    async fn send(&self, request: RequestBuilder, token: Option<&SecretString>) -> Result<Answer> {
        let watch = Stopwatch::start();
        let answer = self.send_once(request, token).await;
        let outcome = match &answer {
            Ok(Answer { status: 200..=299, .. }) => "success",
            Ok(Answer { status: 400..=499, .. }) => "refused",
            Ok(Answer { status: 500.., .. }) => "failed",
            Ok(_) => "other",
            Err(KickError::NotSent(_)) => "not_sent",
            Err(KickError::TimedOut) => "timed_out",
            Err(_) => "broken",
        };
        self.metrics.call("kick", outcome, watch.elapsed());
        answer
    }

    async fn send_once(&self, request: RequestBuilder, token: Option<&SecretString>) -> Result<Answer> {
        let lost = |e: reqwest::Error| KickError::from(Transport::of(&e, |text| self.clean(text, token)));
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let after_bytes = |e| KickError::from(Transport::of(&e, |t| self.clean(t, token)).after_bytes());
            let Some(chunk) = chunk.map_err(after_bytes)? else { break };
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(KickError::Broken("the answer is longer than 4 MiB".into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body, retry_after })
    }

    fn success(&self, answer: Answer, token: Option<&SecretString>) -> Result<Answer> {
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        Err(error::of_answer(answer.status, &answer.body, answer.retry_after, |text| self.clean(text, token)))
    }

    /// Fit to be shown: short, one line, without our secret and the token.
    fn clean(&self, text: &str, token: Option<&SecretString>) -> String {
        let text = clean(text, self.application.client_secret.expose_secret());
        clean(&text, token.map_or("", |token| token.expose_secret()))
    }
}

fn under(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only URLs that can't be a base have no segments; the configuration lets none in.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn unreadable(what: &str, why: &str) -> KickError {
    KickError::Unreadable { what: what.to_owned(), why: why.to_owned() }
}

/// The items of a list that can be read; one that cannot is left out, and `None` means that it is no list.
fn list<T>(what: &str, data: &Value, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>> {
    match data {
        Value::Array(items) => Ok(items.iter().filter_map(read).collect()),
        Value::Null => Ok(Vec::new()),
        _ => Err(unreadable(what, "it is no list")),
    }
}

/// A text that says something.
fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
