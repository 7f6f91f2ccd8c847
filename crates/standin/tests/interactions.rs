//! Interactions with a bot made with serenity: what it is sent deserialises, what it answers is what the person sees.
#![allow(clippy::unwrap_used)]

mod bot;

use serde_json::json;
use standin::discord::{Discord, Fault, What};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_answered_in_the_channel() {
    let (world, _bot) = bot::in_town().await;
    let outcome = world
        .act(json!({"as": "member", "do": "command", "channel": "ops", "name": "ping", "options": {"word": "tram"}}))
        .await;
    assert_eq!(outcome["response"]["type"], 4, "{outcome:#}");
    assert_eq!(outcome["message"]["content"], "pong tram");
    assert_eq!(outcome["message"]["interaction_metadata"]["name"], "ping");
    let messages = world.messages(world.channel_id("ops"));
    assert_eq!(messages.len(), 1);
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_command_is_filled_by_the_first_followup() {
    let (world, _bot) = bot::in_town().await;
    let outcome = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "slow"})).await;
    assert_eq!(outcome["response"]["type"], 5, "{outcome:#}");
    assert_eq!(outcome["message"]["content"], "at last");
    assert_eq!(outcome["message"]["flags"], 0);
    assert_eq!(outcome["followups"][0]["content"], "and more");
    assert_eq!(world.messages(world.channel_id("ops")).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_reply_is_seen_by_one_person() {
    let (world, _bot) = bot::in_town().await;
    let outcome = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "secret"})).await;
    assert_eq!(outcome["ephemeral"], true, "{outcome:#}");
    assert!(world.messages(world.channel_id("ops")).is_empty());
    assert_eq!(world.ephemeral("member")["messages"][0]["content"], "psst");
    assert!(world.ephemeral("admin")["messages"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_opens_a_form_whose_answer_changes_the_message() {
    let (world, _bot) = bot::in_town().await;
    let panel = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "panel"})).await;
    let message = panel["message"]["id"].as_str().unwrap();
    let pressed = world.act(json!({"as": "approver", "do": "press", "message": message, "custom_id": "deny"})).await;
    assert_eq!(pressed["modal"]["title"], "Why?", "{pressed:#}");
    let wrong = world.act(json!({"as": "approver", "do": "submit", "modal": "why", "values": {"nope": "x"}})).await;
    assert!(wrong["error"].as_str().unwrap().contains("no field"), "{wrong:#}");
    let sent =
        world.act(json!({"as": "approver", "do": "submit", "modal": "why", "values": {"reason": "too dear"}})).await;
    assert_eq!(sent["response"]["type"], 7, "{sent:#}");
    assert_eq!(world.messages(world.channel_id("ops"))[0]["content"], "denied: too dear");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_select_and_an_autocomplete_and_a_menu() {
    let (world, _bot) = bot::in_town().await;
    let choices = world
        .act(json!({"as": "member", "do": "autocomplete", "channel": "ops", "name": "ping", "options": {"word": "tr"}}))
        .await;
    assert_eq!(choices["choices"][0]["name"], "tr!", "{choices:#}");
    let panel = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "panel"})).await;
    let message = panel["message"]["id"].as_str().unwrap();
    let chosen = world
        .act(json!({"as": "member", "do": "select", "message": message, "custom_id": "pick", "values": ["b"]}))
        .await;
    assert_eq!(chosen["followups"][0]["content"], "b it is", "{chosen:#}");
    let menu =
        world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "Why?", "message": message})).await;
    assert_eq!(menu["message"]["content"], "because", "{menu:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_would_not_send_is_refused() {
    let (world, _bot) = bot::in_town().await;
    let error = async |what| world.act(what).await["error"].as_str().unwrap().to_owned();
    let unknown = error(json!({"as": "member", "do": "command", "channel": "ops", "name": "pong"})).await;
    assert!(unknown.contains("ping"), "{unknown}");
    let option =
        error(json!({"as": "member", "do": "command", "channel": "ops", "name": "ping", "options": {"wrod": "x"}}))
            .await;
    assert!(option.contains("wrod") && option.contains("word"), "{option}");
    let missing = error(json!({"as": "member", "do": "command", "channel": "ops", "name": "ping"})).await;
    assert!(missing.contains("required"), "{missing}");
    let hidden = error(json!({"as": "member", "do": "command", "channel": "ops", "name": "reset"})).await;
    assert!(hidden.contains("does not see"), "{hidden}");
    let who = error(json!({"as": "nobody", "do": "say", "channel": "ops", "content": "x"})).await;
    assert!(who.contains("nobody"), "{who}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_the_application_does_not_respond() {
    let (world, bot) = bot::in_town().await;
    bot.stop().await;
    let outcome = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "secret"})).await;
    assert_eq!(outcome["failed"], "The application did not respond");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_late_and_twice() {
    let (world, bot) = bot::in_town().await;
    world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "twice"})).await;
    assert!(bot.notes().iter().any(|n| n.contains("already been acknowledged")), "{:?}", bot.notes());
    let outcome = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "late"})).await;
    assert_eq!(outcome["failed"], "The application did not respond");
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(bot.notes().iter().any(|n| n.contains("Unknown interaction")), "{:?}", bot.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_is_resumed_and_misses_nothing() {
    let (world, _bot) = bot::in_town().await;
    world.fault(Fault::new("gateway", What::Close(Some(4000))));
    let outcome = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "secret"})).await;
    assert_eq!(outcome["message"]["content"], "psst", "{outcome:#}");
    assert_eq!(world.connected_sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_both_get_the_interaction() {
    let world = Discord::start(bot::options()).await.unwrap();
    let first = bot::connect(&world).await;
    let second = bot::connect(&world).await;
    let outcome = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "secret"})).await;
    assert_eq!(outcome["message"]["content"], "psst");
    let notes = [first.notes(), second.notes()].concat();
    assert!(notes.iter().any(|n| n.contains("already been acknowledged")), "{notes:?}");
}
