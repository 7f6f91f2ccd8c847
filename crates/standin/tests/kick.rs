//! The fake Kick keeps its contract: OAuth, the calls and their shapes, bytes and signatures of what it sends.

#![allow(clippy::unwrap_used)]

#[path = "kick/calls.rs"]
mod calls;
#[path = "kick/receiver.rs"]
mod receiver;
#[path = "kick/sending.rs"]
mod sending;
#[path = "kick/shapes.rs"]
mod shapes;

use chrono::TimeDelta;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use receiver::*;

#[tokio::test]
async fn consent_becomes_tokens_once_and_only_with_the_verifier() {
    let (kick, ..) = platform().await;
    let first = code(&kick, "NovaPlays");
    let (status, stolen) = exchange(&kick, &first, "somebody-elses-verifier").await;
    assert_eq!((status, &stolen["error"]), (400, &json!("invalid_grant")));
    assert_eq!(exchange(&kick, &first, VERIFIER).await.0, 400, "a code is good once");

    let second = code(&kick, "NovaPlays");
    let (status, tokens) = exchange(&kick, &second, VERIFIER).await;
    assert_eq!((status, &tokens["expires_in"], &tokens["scope"]), (200, &json!(7200), &json!(SCOPES)));
    assert_eq!(exchange(&kick, &second, VERIFIER).await.0, 400);
    let access = tokens["access_token"].as_str().unwrap();
    let me = get(&kick, "/public/v1/users", access).await;
    assert_eq!((&me["data"][0]["name"], me["data"].as_array().unwrap().len()), (&json!("NovaPlays"), 1));
    // Nobody finds a code or a token in the record.
    let record = serde_json::to_string(&kick.calls()).unwrap();
    assert!(!record.contains(access) && !record.contains(&second) && record.contains("NovaPlays"));
}

#[tokio::test]
async fn a_code_dies_after_ten_minutes() {
    let (kick, _, clock) = platform().await;
    let code = code(&kick, "NovaPlays");
    clock.advance(TimeDelta::minutes(10));
    assert_eq!(exchange(&kick, &code, VERIFIER).await.0, 400);
}

#[tokio::test]
async fn the_page_asks_a_person_and_refuses_what_kick_refuses() {
    let (kick, ..) = platform().await;
    let client = Client::builder().user_agent("a browser").redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = client.get(link(&kick)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("chat:write"));
    let query = link(&kick).split_once('?').unwrap().1.to_owned();
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("query", query.as_str()), ("who", "NovaPlays"), ("answer", "allow")])
        .finish();
    let sent = client.post(format!("{}/oauth/authorize", kick.origin())).body(form).send().await.unwrap();
    assert_eq!(sent.status(), 302);
    assert!(sent.headers()["location"].to_str().unwrap().starts_with(&format!("{CALLBACK}?code=")));

    assert_eq!(kick.refuse(&link(&kick), "NovaPlays").unwrap(), format!("{CALLBACK}?error=access_denied&state=st4te"));
    let changed = |from: &str, to: &str| kick.allow(&link(&kick).replace(from, to), "NovaPlays").unwrap_err();
    // Kick's frontend turns the first 127.0.0.1 into localhost.
    let url = "redirect_uri http://localhost:3000/kick/callback is not one of the application's settings";
    assert_eq!(changed("redirect=127.0.0.1&", ""), url);
    assert_eq!(
        changed("callback", "elsewhere"),
        url.replace("localhost", "127.0.0.1").replace("callback", "elsewhere")
    );
    assert_eq!(changed("S256", "plain"), "code_challenge_method has to be S256");
    assert_eq!(changed("state=st4te", "state="), "state is missing");
    assert_eq!(changed("chat%3Awrite", "everything"), "scope everything is not known");
}

#[tokio::test]
async fn a_refresh_token_is_used_up_and_dies() {
    let (kick, _, clock) = platform().await;
    let refresh = async |token_: &Value| {
        let refresh = token_["refresh_token"].as_str().unwrap();
        token(&kick, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await
    };
    let first = tokens_of(&kick, "NovaPlays").await;
    clock.advance(TimeDelta::hours(2));
    let old = call(&kick, Method::GET, "/public/v1/users", first["access_token"].as_str().unwrap(), Value::Null).await;
    assert_eq!((old.status, old.body), (401, json!({"data": {}, "message": "Unauthorized"})));
    let (_, second) = refresh(&first).await;
    assert_eq!(second["scope"], SCOPES);
    assert_eq!(refresh(&first).await.1["error"], "invalid_grant");

    clock.advance(TimeDelta::days(30));
    assert_eq!(refresh(&second).await.1["error"], "invalid_grant");
    let third = tokens_of(&kick, "NovaPlays").await;
    kick.revoke_grants("NovaPlays");
    assert_eq!(refresh(&third).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn what_is_undocumented_can_be_had_both_ways() {
    let (kick, ..) = platform_with(|options| standin::kick::Options {
        expires_in_as_text: true,
        flexible_refresh: true,
        rewrites_loopback: false,
        ..options
    })
    .await;
    let bare = link(&kick).replace("redirect=127.0.0.1&", "");
    assert!(kick.allow(&bare, "NovaPlays").is_ok());
    let first = tokens_of(&kick, "NovaPlays").await;
    assert_eq!(first["expires_in"], "7200");
    let refresh = first["refresh_token"].as_str().unwrap();
    for _ in 0..2 {
        assert_eq!(token(&kick, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await.0, 200);
    }
}

#[tokio::test]
async fn tokens_are_looked_into_and_revoked() {
    let (kick, ..) = platform().await;
    let (app, user) = (app_token(&kick).await, user_token(&kick, "NovaPlays").await);
    let look = async |token: &str| call(&kick, Method::POST, "/oauth/token/introspect", token, Value::Null).await.body;
    assert_eq!(look(&app).await["data"]["token_type"], "app");
    let seen = look(&user).await;
    assert_eq!((&seen["data"]["scope"], &seen["data"]["active"]), (&json!(SCOPES), &json!(true)));
    let path = format!("/oauth/revoke?token={user}&token_hint_type=access_token");
    assert_eq!(call(&kick, Method::POST, &path, "", Value::Null).await.body, json!("OK"));
    assert_eq!(look(&user).await, json!({"data": {"active": false}, "message": "OK"}));
    let own = Client::builder().user_agent("tests").build().unwrap();
    let basic =
        own.post(format!("{}/oauth/token", kick.origin())).basic_auth(kick.client_id(), Some(kick.client_secret()));
    let basic = basic.header("content-type", "application/x-www-form-urlencoded").body("grant_type=client_credentials");
    assert_eq!(basic.send().await.unwrap().status(), 401, "credentials go into the body");
}
