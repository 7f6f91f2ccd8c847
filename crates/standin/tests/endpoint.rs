//! Interactions by HTTP: what an endpoint must do before it is taken, and what it is then sent.
#![allow(clippy::unwrap_used)]

mod bot;

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, response::IntoResponse, routing::post,
};
use serde_json::{Value, json};
use standin::discord::Discord;

/// An application that takes interactions by HTTP and answers in the same breath.
#[derive(Clone)]
struct Endpoint {
    world: Discord,
    careless: bool,
    got: Arc<Mutex<Vec<Value>>>,
}

async fn answer(State(here): State<Endpoint>, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    let text = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let signature = here.world.sign(&text("x-signature-timestamp"), &body);
    if !here.careless && signature != text("x-signature-ed25519") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let interaction: Value = serde_json::from_str(&body).unwrap();
    if interaction["type"] == 1 {
        return Json(json!({"type": 1})).into_response();
    }
    here.got.lock().unwrap().push(interaction);
    Json(json!({"type": 4, "data": {"content": "by http"}})).into_response()
}

async fn serve(world: &Discord, careless: bool) -> (String, Endpoint) {
    let here = Endpoint { world: world.clone(), careless, got: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(answer)).with_state(here.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, here)
}

/// `PATCH /applications/@me` as the application itself does it.
async fn set(world: &Discord, url: Value) -> (u16, Value) {
    let request = reqwest::Client::new()
        .patch(format!("{}/api/v10/applications/@me", world.origin()))
        .header("authorization", format!("Bot {}", world.token()))
        .json(&json!({"interactions_endpoint_url": url}));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_takes_the_place_of_the_gateway() {
    let (world, bot) = bot::in_town().await;
    let (url, endpoint) = serve(&world, false).await;
    let (status, application) = set(&world, json!(url)).await;
    assert_eq!((status, &application["interactions_endpoint_url"]), (200, &json!(url)));
    assert_eq!(application["verify_key"], world.public_key());
    let command = json!({"as": "member", "do": "command", "channel": "ops", "name": "secret"});
    let outcome = world.act(command.clone()).await;
    assert_eq!(outcome["message"]["content"], "by http", "{outcome:#}");
    assert_eq!(endpoint.got.lock().unwrap().len(), 1);

    assert_eq!(set(&world, Value::Null).await.0, 200);
    assert_eq!(world.act(command).await["message"]["content"], "psst", "over the gateway again");
    assert_eq!(endpoint.got.lock().unwrap().len(), 1);
    drop(bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_believes_anybody_is_not_taken() {
    let world = Discord::start(bot::options()).await.unwrap();
    let (careless, _) = serve(&world, true).await;
    for url in [careless, "http://127.0.0.1:1/".to_owned()] {
        let (status, refusal) = set(&world, json!(url)).await;
        assert_eq!((status, &refusal["code"]), (400, &json!(50035)), "{refusal}");
        let why = &refusal["errors"]["interactions_endpoint_url"]["_errors"][0]["code"];
        assert_eq!(why, "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID");
    }
    let outcome = world.act(json!({"as": "member", "do": "say", "channel": "ops", "content": "x"})).await;
    assert!(outcome["message"].is_object());
}
