//! The control face under `/_standin/`: stable, scripts outside the project use it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use futures_util::stream::{self, Stream};
use serde_json::{Value, json};

use super::{endpoint, faults::Fault, hub::Core, interaction, world};

pub fn router() -> Router<Arc<Core>> {
    Router::new()
        .route("/_standin/state", get(|State(core): State<Arc<Core>>| async move { Json(state(&core)) }))
        .route("/_standin/act", post(act))
        .route("/_standin/fault", post(fault))
        .route("/_standin/env", get(print_env))
        .route("/_standin/live", get(live))
        .route("/_standin/ephemeral", get(print_ephemeral))
        .route("/_standin/commands", get(print_commands))
}

/// Everything that anybody in the guilds could see, and what the bot asked for.
pub fn state(core: &Core) -> Value {
    let mut state = core.read(|world| {
        let guilds = world.guilds.values().map(|guild| {
            let members = guild.members.iter().map(|(id, member)| {
                let roles: Vec<String> = member.roles.iter().map(u64::to_string).collect();
                json!({"id": id.to_string(), "name": world.users.get(id).map(|u| &u.username), "roles": roles})
            });
            json!({
                "id": guild.id.to_string(),
                "name": guild.name,
                "owner_id": guild.owner_id.to_string(),
                "roles": guild.roles.iter().map(|r| world.role_json(r)).collect::<Value>(),
                "members": members.collect::<Value>(),
            })
        });
        let channels = world.channels.values().map(|channel| {
            let all = world.messages.get(&channel.id).into_iter().flatten();
            let public = all.filter(|(_, m)| m.only_for.is_none());
            json!({
                "id": channel.id.to_string(),
                "name": channel.name,
                "guild_id": channel.guild_id.map(|id| id.to_string()),
                "type": channel.kind,
                "position": channel.position,
                "parent_id": channel.parent_id.map(|id| id.to_string()),
                "topic": channel.topic,
                "messages": public.map(|(_, m)| m.json.clone()).collect::<Value>(),
            })
        });
        let users = world.users.values().map(|user| {
            let held = world.guilds.values().filter_map(|g| g.members.get(&user.id));
            let roles: Vec<String> = held.flat_map(|m| &m.roles).map(u64::to_string).collect();
            json!({"id": user.id.to_string(), "name": user.username, "global_name": user.global_name, "bot": user.bot, "roles": roles})
        });
        let modals = world.modals.iter().map(|modal| {
            let mut shown = modal.data.clone();
            shown["user_id"] = json!(modal.user_id.to_string());
            shown["channel_id"] = json!(modal.channel_id.to_string());
            shown
        });
        json!({
            "guilds": guilds.collect::<Value>(),
            "channels": channels.collect::<Value>(),
            "commands": world.commands,
            "users": users.collect::<Value>(),
            "webhooks": world.webhooks.values().map(|w| world.webhook_json(w, false)).collect::<Value>(),
            "modals": modals.collect::<Value>(),
            "narration": world.narration,
        })
    });
    state["requests"] = json!(core.requests());
    state["violations"] = json!(core.violations());
    state["sessions"] = json!(core.sessions().connected());
    state
}

/// What only this user sees, oldest first.
pub fn ephemeral(core: &Core, user: &str) -> Result<Value, String> {
    core.read(|world| {
        let user = world.user_named(user).ok_or_else(|| format!("there is no user {user:?}"))?;
        let all = world.messages.values().flatten();
        let own = all.filter(|(_, m)| m.only_for == Some(user.id));
        let modals = world.modals.iter().filter(|m| m.user_id == user.id);
        Ok(json!({
            "messages": own.map(|(_, m)| m.json.clone()).collect::<Value>(),
            "modals": modals.map(|m| m.data.clone()).collect::<Value>(),
        }))
    })
}

/// The environment block with which the bot works against this world.
pub fn env(core: &Core) -> Vec<(String, String)> {
    let (token, public_key, channels) = core.read(|world| {
        let id = |name: &str| vec![world.channel_named(name).map_or(0, |c| c.id).to_string()];
        let mut routes = serde_json::Map::new();
        for (channel, kinds) in ROUTES {
            for kind in *kinds {
                routes.insert((*kind).to_owned(), json!(id(channel)));
            }
        }
        for (kind, channel) in &core.options.routes {
            routes.insert((*kind).to_owned(), json!(id(channel)));
        }
        (world.token.clone(), endpoint::public_key(world), Value::Object(routes).to_string())
    });
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut lines = vec![
        own("DISCORD_TOKEN", &token),
        own("DISCORD_PUBLIC_KEY", &public_key),
        own("DISCORD_API_URL", &core.origin()),
        own("DISCORD_GATEWAY_URL", &core.gateway_url()),
        own("DISCORD_GUILD_ID", &world::GUILD.to_string()),
        own("DISCORD_WEBHOOK_CHANNELS", &channels),
        own("XTSYSTEMS_API_URL", "http://127.0.0.1:20437"),
        own("XTSYSTEMS_API_KEY", "standin-api-key"),
        own("XTSYSTEMS_APPROVER_ROLES", &world::APPROVER_ROLE.to_string()),
        own("WEBHOOK_SECRET", "standin-webhook-secret"),
        own("WEBHOOK_PORT", "3000"),
        own("PUBLIC_URL", "http://127.0.0.1:3000"),
    ];
    for (name, value) in &core.options.env {
        match lines.iter_mut().find(|(known, _)| known == name) {
            Some(line) => line.1.clone_from(value),
            None => lines.push(own(name, value)),
        }
    }
    lines
}

/// Which kinds of event go to which channel in the printed environment.
const ROUTES: &[(&str, &[&str])] = &[
    ("tickets", &["ticket.created", "ticket.updated", "ticket.closed"]),
    ("machines", &["machine.registered", "machine.approved"]),
    ("alerts", &["alert.triggered"]),
    ("ops", &["asset.created", "asset.updated", "default"]),
];

async fn act(State(core): State<Arc<Core>>, headers: HeaderMap, body: String) -> Response {
    if is_foreign(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let what = match serde_json::from_str(&body) {
        Ok(what) => what,
        Err(error) => return bad(&format!("the body is not JSON: {error}")),
    };
    match interaction::act(&core, what).await {
        Ok(outcome) => Json(outcome).into_response(),
        Err(error) => bad(&error),
    }
}

async fn fault(State(core): State<Arc<Core>>, headers: HeaderMap, body: String) -> Response {
    if is_foreign(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let what: Value = match serde_json::from_str(&body) {
        Ok(what) => what,
        Err(error) => return bad(&format!("the body is not JSON: {error}")),
    };
    if what["what"] == "none" {
        core.clear_faults();
        return Json(json!({"armed": false})).into_response();
    }
    match Fault::parse(&what) {
        Ok(fault) => {
            core.arm(fault);
            Json(json!({"armed": true})).into_response()
        }
        Err(error) => bad(&error),
    }
}

async fn print_env(State(core): State<Arc<Core>>) -> String {
    let lines = env(&core);
    lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

type Params = Query<std::collections::HashMap<String, String>>;

async fn print_ephemeral(State(core): State<Arc<Core>>, Query(params): Params) -> Response {
    let Some(user) = params.get("as") else {
        return bad("say whose: ?as=<user>");
    };
    match ephemeral(&core, user) {
        Ok(found) => Json(found).into_response(),
        Err(error) => bad(&error),
    }
}

/// The commands that a user sees: `default_member_permissions` honoured.
async fn print_commands(State(core): State<Arc<Core>>, Query(params): Params) -> Response {
    let name = params.get("as").map_or("admin", String::as_str);
    let channel = params.get("channel").map_or("ops", String::as_str);
    match core.read(|world| interaction::commands_for(world, name, channel)) {
        Ok(found) => Json(found).into_response(),
        Err(error) => bad(&error),
    }
}

/// Server-sent events: "changed" whenever the world does, at most every 50 ms.
async fn live(State(core): State<Arc<Core>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = core.changes();
    let stop = Box::pin(core.stopped());
    let stream = stream::unfold((changes, stop), |(mut changes, mut stop)| async move {
        tokio::select! {
            changed = changes.changed() => changed.ok()?,
            () = &mut stop => return None,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let version = *changes.borrow_and_update();
        let event = Event::default().event("changed").data(json!({"version": version}).to_string());
        Some((Ok(event), (changes, stop)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// A browser says from which page a request comes: only the stand-in's own may act. Scripts say nothing.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let own = |origin: &str| origin.split_once("://").is_some_and(|(_, from)| from == host);
    text(header::ORIGIN).is_some_and(|origin| !own(origin))
}

fn bad(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
}
