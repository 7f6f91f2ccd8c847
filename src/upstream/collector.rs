//! The way to an OpenTelemetry collector: posts what the exporter has encoded. The exporter's thread has
//! no runtime of its own, so the requests run on the program's.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::lifecycle::Lifecycle;
use crate::telemetry::traces::otlp::TIMEOUT;
use crate::upstream::guard::{Reach, guarded};

#[derive(Debug)]
pub struct CollectorClient {
    http: reqwest::Client,
    runtime: Handle,
    lifecycle: Lifecycle,
    /// Said once, until it works again.
    is_away: AtomicBool,
}

impl CollectorClient {
    /// To be called on the runtime that is to make the requests.
    pub fn new(lifecycle: &Lifecycle) -> Result<Self, reqwest::Error> {
        let http = guarded(&Reach::Operator)
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT / 2)
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let (runtime, lifecycle) = (Handle::current(), lifecycle.clone());
        Ok(Self { http, runtime, lifecycle, is_away: AtomicBool::new(false) })
    }

    fn say(&self, error: Option<&str>) {
        let was_away = self.is_away.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !was_away => {
                tracing::warn!(error, "the OpenTelemetry collector takes no traces; everything else goes on");
            }
            None if was_away => tracing::info!("the OpenTelemetry collector takes traces again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self.http.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        let (sender, answer) = oneshot::channel();
        self.lifecycle.spawn_on(&self.runtime, async move {
            // Whoever no longer waits has given up.
            let _ = sender.send(post(request).await);
        });
        let answer = answer.await.unwrap_or_else(|_| Err("the program stops".to_owned()));
        let refused = answer.as_ref().ok().map(Response::status).filter(|status| !status.is_success());
        let refused = refused.map(|status| format!("HTTP {status}"));
        self.say(answer.as_ref().err().or(refused.as_ref()).map(String::as_str));
        answer.map_err(Into::into)
    }
}

async fn post(request: reqwest::RequestBuilder) -> Result<Response<Bytes>, String> {
    // The address is the operator's own, but may hold a key.
    let describe = |error: reqwest::Error| error.without_url().to_string();
    let answer = request.send().await.map_err(describe)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(describe)?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}
