//! A Kick with a receiver of its webhooks, and calls as a bot makes them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use standin::{
    axum,
    clock::Clock,
    kick::{EVENTS, Kick, Options, STREAMER},
};

pub const CALLBACK: &str = "http://127.0.0.1:3000/kick/callback";
pub const SCOPES: &str =
    "user:read channel:read chat:write events:subscribe channel:rewards:read channel:rewards:write";
/// Of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What arrived, and the statuses with which the next arrivals are answered (200 when there is none left).
#[derive(Clone, Default)]
pub struct Receiver(Arc<Mutex<(Vec<Arrival>, Vec<u16>)>>, Arc<Mutex<String>>);

#[derive(Clone)]
pub struct Arrival {
    pub headers: HeaderMap,
    pub raw: Bytes,
}

impl Arrival {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn verifies(&self, kick: &Kick) -> bool {
        let pem: String = kick.public_key_pem().lines().filter(|line| !line.starts_with('-')).collect();
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, STANDARD.decode(pem).unwrap()).unwrap();
        let (id, time) = (self.header("kick-event-message-id"), self.header("kick-event-message-timestamp"));
        let signed = [id.as_bytes(), b".", time.as_bytes(), b".", &self.raw].concat();
        let signature = STANDARD.decode(self.header("kick-event-signature")).unwrap_or_default();
        key.verify_sig(&signed, &signature).is_ok()
    }
}

impl Receiver {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = Router::new().route("/hook", post(arrive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        self.1.lock().unwrap().clone_from(&url);
        url
    }

    pub fn url(&self) -> String {
        self.1.lock().unwrap().clone()
    }

    pub fn answer(&self, statuses: &[u16]) {
        self.0.lock().unwrap().1 = statuses.to_vec();
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.0.lock().unwrap().0)
    }

    pub fn types(&self) -> Vec<String> {
        self.take().iter().map(|a| a.header("kick-event-type").to_owned()).collect()
    }
}

async fn arrive(State(receiver): State<Receiver>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let mut all = receiver.0.lock().unwrap();
    all.0.push(Arrival { headers, raw });
    let status = if all.1.is_empty() { 200 } else { all.1.remove(0) };
    StatusCode::from_u16(status).unwrap()
}

pub fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

/// A Kick on a clock that stands at noon, whose application is subscribed to everything of the streamer's channel.
pub async fn platform() -> (Kick, Receiver, Clock) {
    platform_with(|options| options).await
}

pub async fn platform_with(change: impl FnOnce(Options) -> Options) -> (Kick, Receiver, Clock) {
    let (receiver, clock) = (Receiver::default(), Clock::manual(noon()));
    let options = Options {
        webhook_url: Some(receiver.start().await),
        redirect_uris: vec![CALLBACK.to_owned()],
        retry_waits: vec![Duration::ZERO; 2],
        ..Options::local(clock.clone())
    };
    let kick = Kick::start(change(options)).await.unwrap();
    kick.subscribe_app(STREAMER, &EVENTS);
    (kick, receiver, clock)
}

pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub headers: HeaderMap,
}

pub async fn call(kick: &Kick, method: Method, path: &str, token: &str, body: Value) -> Answer {
    let client = Client::builder().user_agent("tests").build().unwrap();
    let request = client.request(method, format!("{}{path}", kick.origin())).bearer_auth(token);
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

pub async fn get(kick: &Kick, path: &str, token: &str) -> Value {
    let answer = call(kick, Method::GET, path, token, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

/// `POST /oauth/token`, with the credentials in the form.
pub async fn token(kick: &Kick, fields: &[(&str, &str)]) -> (u16, Value) {
    let own = [("client_id", kick.client_id()), ("client_secret", kick.client_secret())];
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(own).extend_pairs(fields).finish();
    let client = Client::builder().user_agent("tests").build().unwrap();
    let request = client.post(format!("{}/oauth/token", kick.origin()));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub async fn app_token(kick: &Kick) -> String {
    let (_, answer) = token(kick, &[("grant_type", "client_credentials")]).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

/// The address with which a bot asks for permission. The `redirect` before the `redirect_uri` is for Kick's frontend.
pub fn link(kick: &Kick) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("redirect", "127.0.0.1")
        .append_pair("client_id", kick.client_id())
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", CALLBACK)
        .append_pair("state", "st4te")
        .append_pair("scope", SCOPES)
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    format!("{}/oauth/authorize?{query}", kick.origin())
}

/// The code that a person's consent leads to.
pub fn code(kick: &Kick, who: &str) -> String {
    let to = kick.allow(&link(kick), who).unwrap();
    to.strip_prefix(&format!("{CALLBACK}?code=")).unwrap().strip_suffix("&state=st4te").unwrap().to_owned()
}

/// What a person's consent is exchanged for.
pub async fn tokens_of(kick: &Kick, who: &str) -> Value {
    let (status, answer) = exchange(kick, &code(kick, who), VERIFIER).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

pub async fn exchange(kick: &Kick, code: &str, verifier: &str) -> (u16, Value) {
    let fields =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", verifier)];
    token(kick, &fields).await
}

pub async fn user_token(kick: &Kick, who: &str) -> String {
    tokens_of(kick, who).await["access_token"].as_str().unwrap().to_owned()
}

pub async fn say(kick: &Kick, token: &str, text: &str) -> Answer {
    call(kick, Method::POST, "/public/v1/chat", token, json!({"content": text, "type": "bot"})).await
}
