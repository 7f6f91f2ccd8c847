//! A plain HTTP client with the bot's token.
#![allow(dead_code, clippy::unwrap_used)]

use serde_json::Value;
use standin::{clock::Clock, discord::Discord};

pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    pub clock: Clock,
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    }
}

impl Client {
    pub fn new(world: &Discord) -> Client {
        Client {
            http: reqwest::Client::new(),
            base: format!("{}/api/v10", world.origin()),
            token: format!("Bot {}", world.token()),
            clock: world.clock(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(reqwest::Method::GET, path, None, true).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    pub async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        self.send(reqwest::Method::POST, path, Some(body), true).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(reqwest::Method::PUT, path, Some(body), true).await.unwrap()
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(reqwest::Method::PATCH, path, Some(body), true).await.unwrap()
    }

    pub async fn anonymous(&self, path: &str) -> Answer {
        self.send(reqwest::Method::GET, path, None, false).await.unwrap()
    }

    async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
        authorized: bool,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if authorized {
            request = request.header("authorization", &self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status, headers, text, body })
    }
}
