//! Responses to interactions: the callback with its deadline, followups, and the original response.
//!
//! <https://discord.com/developers/docs/interactions/receiving-and-responding>

mod act;
mod build;
mod deed;
mod form;
mod options;

use std::time::Duration;

pub use act::{act, fail, outcome_of};
pub use deed::commands_for;
pub use options::role_named;
use serde_json::{Value, json};

use super::{
    check::{self, Carrier, EPHEMERAL},
    permission::{self as may, in_channel},
    refusal::{self, Problems, Refusal, invalid},
    rest::{Answer, Call, Draft, Reply, apply_edit, compose, edit_message, no_content, ok, publish},
    world::{Interaction, Modal, World},
};

/// "Interaction tokens are valid for 15 minutes … you must send an initial response within 3 seconds".
pub const DEADLINE: Duration = Duration::from_secs(3);

pub const COMMAND: u8 = 2;
pub const COMPONENT: u8 = 3;
pub const AUTOCOMPLETE: u8 = 4;
pub const MODAL_SUBMIT: u8 = 5;

/// Only what a response to an interaction may set: SUPPRESS_EMBEDS, EPHEMERAL, SUPPRESS_NOTIFICATIONS, IS_COMPONENTS_V2.
const FLAGS: u64 = 1 << 2 | EPHEMERAL | 1 << 12 | 1 << 15;
/// "This message is an Interaction Response and the bot is thinking".
const LOADING: u64 = 1 << 7;

/// A token nobody guesses: random letters and digits.
pub fn secret() -> String {
    let parts: [String; 3] = std::array::from_fn(|_| uuid::Uuid::new_v4().simple().to_string());
    parts.concat()
}

/// <https://discord.com/developers/docs/interactions/receiving-and-responding#create-interaction-response>
pub fn callback(world: &mut World, call: &Call, id: u64, token: &str) -> Answer {
    let known = world.interactions.get(token).filter(|i| i.id == id);
    let mut it = known.cloned().ok_or(refusal::UNKNOWN_INTERACTION)?;
    if it.answered.is_some() {
        return Err(refusal::ALREADY_ACKNOWLEDGED.into());
    }
    let elapsed = it.started.map(|at| at.elapsed());
    if it.expired || elapsed.is_none_or(|elapsed| elapsed > DEADLINE) {
        return Err(refusal::UNKNOWN_INTERACTION.into());
    }
    let body = &call.body;
    let kind = body["type"].as_u64().unwrap_or(0);
    let possible: &[u64] = match it.kind {
        COMMAND => &[4, 5, 9, 12],
        COMPONENT => &[4, 5, 6, 7, 9, 12],
        AUTOCOMPLETE => &[8],
        // "Not available for MODAL_SUBMIT": 9. And 6 and 7 only where a component opened the modal.
        MODAL_SUBMIT if it.source.is_some() => &[4, 5, 6, 7],
        _ => &[4, 5],
    };
    if !possible.contains(&kind) {
        let text = format!("Value must be one of {possible:?}.");
        return Err(invalid(&["type"], "INTERACTION_RESPONSE_TYPE_INVALID", &text));
    }
    let data = &body["data"];
    match kind {
        4 => {
            check_data(data, call.files.len(), Carrier::Response)?;
            let made = respond(world, call, &it, data, 0);
            it.ephemeral = made.1;
            it.original = Some(made.0);
        }
        5 => {
            let flags = data["flags"].as_u64().unwrap_or(0);
            // "the only valid message flag you may use is EPHEMERAL": deferred responses.
            if flags & !EPHEMERAL != 0 {
                return Err(invalid(&["data", "flags"], "BASE_TYPE_CHOICES", "Only EPHEMERAL may be set"));
            }
            let made = respond(world, call, &it, &json!({"flags": flags}), LOADING);
            it.ephemeral = made.1;
            it.original = Some(made.0);
            it.thinking = true;
        }
        6 => it.original = it.source,
        7 => {
            it.original = it.source;
            update_source(world, call, &it, data)?;
            it.updated = true;
        }
        8 => check_choices(data)?,
        9 => {
            check::check_modal(data)?;
            let user = it.user_id;
            world.modals.retain(|m| m.user_id != user);
            world.modals.push(Modal {
                user_id: user,
                guild_id: it.guild_id,
                channel_id: it.channel_id,
                source: it.source,
                opened_by: metadata(world, &it),
                data: data.clone(),
            });
        }
        _ => {}
    }
    it.answered = u8::try_from(kind).ok();
    it.response = body.clone();
    it.acknowledged_ms = elapsed.and_then(|e| u64::try_from(e.as_millis()).ok());
    let reply = with_response(world, call, &it, kind);
    world.interactions.insert(token.to_owned(), it);
    Ok(reply)
}

/// 204, or with `?with_response=true` 200 and the interaction callback object.
fn with_response(world: &World, call: &Call, it: &Interaction, kind: u64) -> Reply {
    if call.query.get("with_response").is_none_or(|v| v != "true" && v != "1") {
        return Reply { status: 204, body: None };
    }
    let message = it.original.and_then(|id| world.message(it.channel_id, id));
    let mut about = json!({"id": it.id.to_string(), "type": it.kind});
    let mut body = json!({});
    if let (Some(message), 4 | 5 | 7) = (message, kind) {
        about["response_message_id"] = message.json["id"].clone();
        about["response_message_loading"] = json!(it.thinking);
        about["response_message_ephemeral"] = json!(it.ephemeral);
        body["resource"] = json!({"type": kind, "message": message.json});
    }
    body["interaction"] = about;
    Reply { status: 200, body: Some(body) }
}

/// "Create a followup message for an Interaction". The first one after a deferred response fills that response.
pub fn followup(world: &mut World, call: &Call, token: &str) -> Answer {
    let it = usable(world, call, token)?;
    check::check_message(&call.body, call.files.len(), Carrier::Response)?;
    if let (true, Some(original)) = (it.thinking, it.original) {
        let message = fill(world, call, &it, original)?;
        return ok(message);
    }
    let (id, ephemeral) = respond(world, call, &it, &call.body, 0);
    if let Some(it) = world.interactions.get_mut(token) {
        it.followups.push(id);
    }
    let mut message = world.message(it.channel_id, id).map(|m| m.json.clone()).unwrap_or_default();
    if ephemeral {
        message["flags"] = json!(message["flags"].as_u64().unwrap_or(0) | EPHEMERAL);
    }
    if let Some(original) = it.original {
        message["message_reference"] =
            json!({"type": 0, "message_id": original.to_string(), "channel_id": it.channel_id.to_string()});
    }
    ok(message)
}

/// GET, PATCH, DELETE of the original response (`None`) or of a followup.
pub fn message(world: &mut World, call: &Call, token: &str, message: Option<u64>) -> Answer {
    let it = usable(world, call, token)?;
    let id = message.or(it.original).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let channel = it.channel_id;
    let found = world.message(channel, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let own = found.interaction.as_deref() == Some(token) || Some(id) == it.source;
    if !own {
        return Err(refusal::UNKNOWN_MESSAGE.into());
    }
    match call.method.as_str() {
        "GET" => ok(found.json.clone()),
        "DELETE" => {
            world.delete_message(channel, id);
            if let Some(it) = world.interactions.get_mut(token) {
                it.followups.retain(|f| *f != id);
                it.updated = true;
                it.thinking = false;
            }
            no_content()
        }
        _ if it.thinking && it.original == Some(id) => {
            let flags = found.json["flags"].as_u64().unwrap_or(0);
            check::check_message(&call.body, call.files.len(), Carrier::Edit { flags })?;
            if call.files.is_empty() && check::is_empty(&call.body) {
                return Err(refusal::EMPTY_MESSAGE.into());
            }
            ok(fill(world, call, &it, id)?)
        }
        _ => {
            let edited = edit_message(world, call, channel, id, false)?;
            if let Some(it) = world.interactions.get_mut(token) {
                it.updated = true;
            }
            ok(edited)
        }
    }
}

/// Turns "Signalbox is thinking…" into the real response.
fn fill(world: &mut World, call: &Call, it: &Interaction, id: u64) -> Result<Value, Refusal> {
    let found = world.message(it.channel_id, id).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let mut before = found.json.clone();
    before["flags"] = json!(before["flags"].as_u64().unwrap_or(0) & !LOADING);
    let mut filled = apply_edit(world, call.now, it.channel_id, &before, &call.body, &call.files, false);
    filled["flags"] =
        json!(before["flags"].as_u64().unwrap_or(0) | call.body["flags"].as_u64().unwrap_or(0) & FLAGS & !EPHEMERAL);
    let public = found.only_for.is_none();
    if let Some(message) = world.message_mut(it.channel_id, id) {
        message.json = filled.clone();
    }
    if public {
        let event = world.gateway_message(it.channel_id, &filled);
        world.emit_in(it.channel_id, "MESSAGE_UPDATE", event);
    }
    if let Some(it) = world.interactions.get_mut(&it.token) {
        it.thinking = false;
        it.updated = true;
    }
    Ok(filled)
}

/// The token still opens the webhook: answered before, and not older than 15 minutes.
fn usable(world: &World, call: &Call, token: &str) -> Result<Interaction, Refusal> {
    let it = world.interactions.get(token).ok_or(refusal::UNKNOWN_WEBHOOK)?;
    if call.now - it.at > chrono::Duration::minutes(15) {
        return Err(refusal::INVALID_WEBHOOK_TOKEN.into());
    }
    if it.answered.is_none() {
        return Err(refusal::UNKNOWN_WEBHOOK.into());
    }
    Ok(it.clone())
}

/// Makes the message of a response or followup; answers its id and whether it is ephemeral.
fn respond(world: &mut World, call: &Call, it: &Interaction, data: &Value, more_flags: u64) -> (u64, bool) {
    let ephemeral = data["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0;
    let first = it.answered.is_none();
    let channel = world.channels.get(&it.channel_id);
    let held = channel.map_or(0, |c| in_channel(world, c, world.bot));
    let draft = Draft {
        author: world.user_json(world.bot),
        // 20 a slash command's response, 23 a context menu command's, 19 a reply (to the message with the component).
        kind: match (it.kind, it.command_type) {
            (COMMAND, 1) if first => 20,
            (COMMAND, _) if first => 23,
            (COMPONENT, _) if first => 19,
            _ => 0,
        },
        all_mentions: false,
        may_mention_everyone: held & may::MENTION_EVERYONE != 0,
        flags: FLAGS,
        ..Draft::new(it.channel_id, data, &call.files)
    };
    let (id, mut message) = compose(world, call.now, draft);
    message["flags"] = json!(message["flags"].as_u64().unwrap_or(0) | more_flags);
    message["webhook_id"] = json!(world.application.to_string());
    message["application_id"] = json!(world.application.to_string());
    message["interaction_metadata"] = metadata(world, it);
    if it.kind == COMMAND {
        message["interaction"] = json!({
            "id": it.id.to_string(), "type": it.kind, "name": it.name, "user": world.user_json(it.user_id),
        });
    }
    if let (COMPONENT, Some(source)) = (it.kind, it.source) {
        message["message_reference"] =
            json!({"type": 0, "message_id": source.to_string(), "channel_id": it.channel_id.to_string()});
    }
    let only_for = ephemeral.then_some(it.user_id);
    publish(world, it.channel_id, id, message, only_for, Some(it.token.clone()));
    (id, ephemeral)
}

/// What a message says of the interaction that it answers.
///
/// <https://discord.com/developers/docs/resources/message#message-interaction-metadata-object>
fn metadata(world: &World, it: &Interaction) -> Value {
    let mut metadata = json!({
        "id": it.id.to_string(),
        "type": it.kind,
        "user": world.user_json(it.user_id),
        "authorizing_integration_owners": {"0": it.guild_id.map(|g| g.to_string()).unwrap_or_else(|| "0".into())},
    });
    match (it.kind, it.source) {
        (COMMAND, _) => {
            metadata["name"] = json!(it.name);
            metadata["command_type"] = json!(it.command_type);
        }
        (COMPONENT, Some(source)) => metadata["interacted_message_id"] = json!(source.to_string()),
        (MODAL_SUBMIT, _) => metadata["triggering_interaction_metadata"] = it.opened_by.clone(),
        _ => {}
    }
    metadata
}

fn update_source(world: &mut World, call: &Call, it: &Interaction, data: &Value) -> Result<(), Refusal> {
    let source = it.source.ok_or(refusal::UNKNOWN_MESSAGE)?;
    let found = world.message(it.channel_id, source).ok_or(refusal::UNKNOWN_MESSAGE)?;
    let flags = found.json["flags"].as_u64().unwrap_or(0);
    check_data(data, call.files.len(), Carrier::Edit { flags })?;
    let edited = apply_edit(world, call.now, it.channel_id, &found.json, data, &call.files, false);
    let public = found.only_for.is_none();
    if let Some(message) = world.message_mut(it.channel_id, source) {
        message.json = edited.clone();
    }
    if public {
        let event = world.gateway_message(it.channel_id, &edited);
        world.emit_in(it.channel_id, "MESSAGE_UPDATE", event);
    }
    Ok(())
}

/// The same checks as for a message, with the path of the problems inside `data`.
fn check_data(data: &Value, files: usize, carrier: Carrier) -> Result<(), Refusal> {
    let nothing = json!({});
    let data = if data.is_null() { &nothing } else { data };
    check::check_message(data, files, carrier).map_err(|mut refusal| {
        if let Some(errors) = refusal.errors.take() {
            refusal.errors = Some(json!({"data": errors}));
        }
        refusal
    })
}

/// "max of 25 choices"; names 1-100 characters.
fn check_choices(data: &Value) -> Result<(), Refusal> {
    let mut problems = Problems::new();
    let choices = data["choices"].as_array().map_or(&[][..], Vec::as_slice);
    problems.at("data", |p| {
        p.at("choices", |p| {
            p.length(choices.len(), 0, 25);
            for (n, choice) in choices.iter().enumerate() {
                p.at(n, |p| {
                    p.required_text(choice, "name", 100);
                    if choice["value"].is_null() {
                        p.at("value", Problems::required);
                    }
                    if choice["value"].is_string() {
                        p.text(choice, "value", 0, 100);
                    }
                });
            }
        });
    });
    problems.into_result()
}
