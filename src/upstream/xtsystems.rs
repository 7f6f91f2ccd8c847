//! XTSystems' REST interface, as far as it is used here (specification of XTSystems, Facts 2): webhooks and
//! their deliveries, and the decision about a machine. Nothing is retried here: callers know what may be.

mod decision;
pub(super) mod error;
mod machine;
pub(super) mod text;
mod ticket;
mod webhook;

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::{Host, Url};

use crate::clock::Stopwatch;
use crate::event::lenient;
use crate::routing::card::Verb;
use crate::telemetry::metrics::Metrics;

pub use decision::{Decision, Standing};
pub use error::{Fate, UpstreamError};
pub use machine::MachineInfo;
pub use ticket::{NewTicket, NoteInfo, TicketInfo, TicketList, TicketUpdate};
pub use webhook::{Delivery, NewWebhook, Webhook, WebhookUpdate};

use error::Transport;

use super::guard::{Reach, guarded};

/// The whole of a request, answer included.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer longer than this is not read to its end: it is no answer of this interface.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How the key is sent in the `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Auth {
    /// `Bearer <key>`, as Discord bots do.
    #[default]
    Bearer,
    /// The key alone, as the AGiXT extension does.
    Raw,
}

/// Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct XtSystemsClient {
    http: Client,
    base: Url,
    key: SecretString,
    authorization: HeaderValue,
    timeout: Duration,
    metrics: Metrics,
}

/// What `GET /health` answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The `status` field, if there is one.
    pub status: Option<String>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    /// Where a redirect points.
    location: Option<String>,
}

impl XtSystemsClient {
    /// `base` is `https://api.xt.systems` or what stands before `/v1`.
    pub fn new(base: Url, key: SecretString, auth: Auth) -> Result<Self, UpstreamError> {
        Self::with_timeout(base, key, auth, TIMEOUT)
    }

    /// As [`XtSystemsClient::new`], with another limit on the whole of a request; connecting gets half of it.
    pub fn with_timeout(base: Url, key: SecretString, auth: Auth, timeout: Duration) -> Result<Self, UpstreamError> {
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(UpstreamError::Unusable("the API URL must start with http:// or https://".into()));
        }
        let header = match auth {
            Auth::Bearer => format!("Bearer {}", key.expose_secret()),
            Auth::Raw => key.expose_secret().to_owned(),
        };
        let mut authorization = HeaderValue::from_str(&header)
            .map_err(|_| UpstreamError::Unusable("the API key has a line break or another control character".into()))?;
        authorization.set_sensitive(true);
        let mut http = guarded(&Reach::Operator)
            .timeout(timeout)
            .connect_timeout(timeout / 2)
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|e| UpstreamError::Unusable(error::innermost(&e)))?;
        Ok(Self { http, base, key, authorization, timeout, metrics: Metrics::default() })
    }

    /// Counts its requests there.
    pub fn counted(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// The server's address without path or credentials, for texts.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Whether the server is there at all. The key is not sent.
    pub async fn health(&self) -> Result<Health, UpstreamError> {
        let answer = self.send(Method::GET, &["health"], &[], None, false).await.map_err(|t| self.lost(t))?;
        let answer = self.success(answer)?;
        let status = lenient::parse_json(&answer.body).ok().and_then(|v| Some(v.get("status")?.as_str()?.to_owned()));
        Ok(Health { status: status.map(|status| self.clean(&status)) })
    }

    /// `GET /v1/webhooks`
    pub async fn list_webhooks(&self) -> Result<Vec<Webhook>, UpstreamError> {
        let value = self.call(Method::GET, &["v1", "webhooks"], &[], None).await?;
        self.list("the list of webhooks", &value, "webhooks", Webhook::read)
    }

    /// `POST /v1/webhooks`. Names are unique per company.
    pub async fn create_webhook(&self, new: &NewWebhook) -> Result<Webhook, UpstreamError> {
        let value = self.call(Method::POST, &["v1", "webhooks"], &[], Some(&new.body())).await?;
        self.one("the new webhook", &value, "webhook", Webhook::read)
    }

    /// `PUT /v1/webhooks/{id}` with the fields that change.
    pub async fn update_webhook(&self, id: &str, update: &WebhookUpdate) -> Result<Webhook, UpstreamError> {
        let path = ["v1", "webhooks", self.id(id)?];
        let value = self.call(Method::PUT, &path, &[], Some(&update.body())).await?;
        self.one("the webhook", &value, "webhook", Webhook::read)
    }

    /// `DELETE /v1/webhooks/{id}`
    pub async fn delete_webhook(&self, id: &str) -> Result<(), UpstreamError> {
        self.send_ok(Method::DELETE, &["v1", "webhooks", self.id(id)?], &[], None).await.map(drop)
    }

    /// `POST /v1/webhooks/{id}/test`: asks for a test delivery. False when XTSystems says it failed.
    pub async fn test_webhook(&self, id: &str) -> Result<bool, UpstreamError> {
        let path = ["v1", "webhooks", self.id(id)?, "test"];
        let value = self.call(Method::POST, &path, &[], Some(&json!({}))).await?;
        Ok(value.get("success").and_then(Value::as_bool).unwrap_or(true))
    }

    /// `GET /v1/webhooks/{id}/deliveries?limit=`: what was sent to a webhook, as XTSystems orders it.
    pub async fn list_deliveries(&self, webhook_id: &str, limit: u32) -> Result<Vec<Delivery>, UpstreamError> {
        let path = ["v1", "webhooks", self.id(webhook_id)?, "deliveries"];
        let value = self.call(Method::GET, &path, &[("limit", &limit.to_string())], None).await?;
        self.list("the list of deliveries", &value, "deliveries", Delivery::read)
    }

    /// `POST /v1/machine/approve` or `/v1/machine/deny`. Every outcome is a [`Decision`]; there is no error
    /// beside it. `allow_machine` goes into the query only when it is given.
    pub async fn decide_machine(
        &self,
        verb: Verb,
        asset_id: &str,
        company_id: Option<&str>,
        allow_machine: Option<bool>,
    ) -> Decision {
        let mut body = json!({"asset_id": asset_id});
        if let Some(company_id) = company_id {
            body["company_id"] = json!(company_id);
        }
        let allow = allow_machine.map(|yes| ("allow_machine", if yes { "true" } else { "false" }));
        let path = ["v1", "machine", verb.as_str()];
        match self.send(Method::POST, &path, allow.as_slice(), Some(&body), true).await {
            Ok(answer) => decision::judge(answer.status, &answer.body, |text| self.clean(text)),
            Err(Transport::NotSent(why)) => {
                Decision::NotSent { text: format!("no connection to {}: {why}", self.origin()) }
            }
            Err(Transport::TimedOut) => {
                Decision::Unknown { text: format!("no answer within {} s", self.timeout.as_secs_f32()) }
            }
            Err(Transport::Broken(why)) => Decision::Unknown { text: format!("the connection broke: {why}") },
        }
    }

    /// How XTSystems has a machine, from `GET /v1/companies/{id}/machines`. `None` when it does not list the
    /// machine or cannot be asked: then the call itself has to tell.
    pub async fn find_standing(&self, asset_id: &str, company_id: &str) -> Option<Standing> {
        let path = ["v1", "companies", self.id(company_id).ok()?, "machines"];
        let value = self.call(Method::GET, &path, &[], None).await.ok()?;
        let machines = self.list("the list of machines", &value, "machines", |machine| Some(machine.clone())).ok()?;
        decision::of_machine(&machines, asset_id, |text| self.clean(text))
    }

    /// Sends, insists on a 2xx, reads JSON.
    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, UpstreamError> {
        let answer = self.send_ok(method, path, query, body).await?;
        lenient::parse_json(&answer.body)
            .map_err(|e| UpstreamError::Unreadable { what: "an answer".into(), why: e.to_string() })
    }

    async fn send_ok(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, UpstreamError> {
        let answer = self.send(method, path, query, body, true).await.map_err(|t| self.lost(t))?;
        self.success(answer)
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
        authorized: bool,
    ) -> Result<Answer, Transport> {
        let watch = Stopwatch::start();
        let answer = self.send_once(method, path, query, body, authorized).await;
        let outcome = match &answer {
            Ok(answer) => match answer.status {
                200..=299 => "success",
                400..=499 => "refused",
                500.. => "failed",
                _ => "other",
            },
            Err(Transport::NotSent(_)) => "not_sent",
            Err(Transport::TimedOut) => "timed_out",
            Err(Transport::Broken(_)) => "broken",
        };
        self.metrics.call("xtsystems", outcome, watch.elapsed());
        answer
    }

    async fn send_once(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
        authorized: bool,
    ) -> Result<Answer, Transport> {
        let mut request = self.http.request(method, self.url(path));
        if authorized {
            request = request.header(AUTHORIZATION, self.authorization.clone());
        }
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let classify = |e: reqwest::Error| Transport::of(&e, |text| self.clean(text));
        let mut response = request.send().await.map_err(classify)?;
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok()).map(|text| self.clean(text));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| classify(e).after_bytes())? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Transport::Broken("the answer is longer than 16 MiB".into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body, location })
    }

    fn success(&self, answer: Answer) -> Result<Answer, UpstreamError> {
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let said = self.clean(&text::said(&answer.body));
        Err(UpstreamError::of_status(answer.status, said, answer.location))
    }

    fn lost(&self, transport: Transport) -> UpstreamError {
        let origin = self.origin();
        match transport {
            Transport::NotSent(why) => UpstreamError::NotSent { origin, why },
            Transport::TimedOut => UpstreamError::TimedOut { origin, seconds: self.timeout.as_secs_f32() },
            Transport::Broken(why) => UpstreamError::Broken { origin, why },
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        // Only URLs that can't be a base have no segments; `new` lets none in.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// An id that is safe in a path. Dots would name the parent.
    fn id<'a>(&self, id: &'a str) -> Result<&'a str, UpstreamError> {
        if matches!(id, "" | "." | "..") {
            return Err(UpstreamError::Unusable(format!("\"{id}\" is no id")));
        }
        Ok(id)
    }

    fn clean(&self, text: &str) -> String {
        text::clean(text, self.key.expose_secret())
    }

    /// A list, bare or under `name`, `items`, `data` or `results`.
    fn list<T>(
        &self,
        what: &str,
        value: &Value,
        name: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, UpstreamError> {
        let wrapped = || [name, "items", "data", "results"].iter().find_map(|n| value.get(n)?.as_array());
        let unreadable = |why: String| UpstreamError::Unreadable { what: what.to_owned(), why };
        let items = value.as_array().or_else(wrapped).ok_or_else(|| unreadable("it is no list".into()))?;
        let read_at = |(at, item)| read(item).ok_or_else(|| unreadable(format!("item {} has no id", at + 1)));
        items.iter().enumerate().map(read_at).collect()
    }

    /// An object, bare or under `name` or `data`.
    fn one<T>(
        &self,
        what: &str,
        value: &Value,
        name: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, UpstreamError> {
        let wrapped = || [name, "data"].iter().find_map(|n| read(value.get(n)?));
        read(value)
            .or_else(wrapped)
            .ok_or_else(|| UpstreamError::Unreadable { what: what.into(), why: "it has no id".into() })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
