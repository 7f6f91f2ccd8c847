//! What a person does, and waiting for what comes of it. Input from the control face.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    DEADLINE, build,
    deed::{autocomplete, command, delete, press, say, select, submit},
};
use crate::discord::{endpoint::deliver_in_background, hub::Core, upload, world::World};

/// How long `act` waits at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// The handler is done when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(50);
/// A bare acknowledgement (type 6) need not be followed by anything.
const AFTERTHOUGHT: Duration = Duration::from_secs(1);

/// Does it and waits for the outcome. The error says what is wrong with the input, as the person's client would.
pub async fn act(core: &Arc<Core>, what: Value) -> Result<Value, String> {
    let name = what["as"].as_str().ok_or("`as` is missing: the name or id of a user")?;
    let user = core.read(|world| world.user_named(name).map(|u| u.id));
    let user = user.ok_or_else(|| format!("there is no user {name:?}"))?;
    let now = core.now();
    let mut deed = match what["do"].as_str() {
        Some("say") => return core.change(|world| say(world, now, user, &what)),
        Some("delete") => return core.change(|world| delete(world, user, &what)),
        Some("dismiss") => {
            core.change(|world| world.modals.retain(|m| m.user_id != user));
            return Ok(json!({}));
        }
        Some("command" | "context") => core.read(|world| command(world, user, &what, None)),
        Some("autocomplete") => core.read(|world| autocomplete(world, user, &what)),
        Some("press") => core.read(|world| press(world, user, &what)),
        Some("select") => core.read(|world| select(world, user, &what)),
        Some("submit") => core.change(|world| submit(world, user, &what)),
        other => {
            return Err(format!(
                "unknown `do` {other:?}: one of command, press, select, submit, say, autocomplete, delete, dismiss"
            ));
        }
    }?;
    upload::keep(core, &mut deed.data);
    // "These two methods are mutually exclusive": an endpoint, or the gateway.
    let endpoint = core.read(|world| world.interactions_endpoint_url.clone());
    let reachable = endpoint.is_some() || core.sessions().alive() > 0;
    let times = 1 + usize::from(core.take_fault("interaction").is_some());
    let started = core.change(|world| {
        let (token, payload) = build::start(world, now, deed)?;
        let guild = world.interactions.get(&token).and_then(|it| it.guild_id);
        if endpoint.is_none() {
            // Sent to every session whatever its intents.
            (0..times).for_each(|_| world.emit("INTERACTION_CREATE", payload.clone(), guild, 0));
        }
        Some((token, payload))
    });
    let (token, payload) = started.ok_or("the channel is gone")?;
    if let Some(url) = endpoint {
        deliver_in_background(core, url, payload, times);
    }
    if !reachable {
        core.change(|world| fail(world, &token));
        return Ok(core.read(|world| outcome(world, &token)));
    }
    wait(core, &token).await;
    Ok(core.read(|world| outcome(world, &token)))
}

async fn wait(core: &Core, token: &str) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let Some(it) = core.read(|world| world.interactions.get(token).cloned()) else {
            return;
        };
        let waited = began.elapsed();
        if it.answered.is_none() {
            // A little grace: a callback that came in time may still be at work.
            if waited > DEADLINE + QUIET {
                core.change(|world| fail(world, token));
                return;
            }
            continue;
        }
        let acknowledged = Duration::from_millis(it.acknowledged_ms.unwrap_or(0));
        let settled = match it.answered {
            Some(5) => !it.thinking,
            Some(6) => it.updated || !it.followups.is_empty() || waited > acknowledged + AFTERTHOUGHT,
            _ => true,
        };
        let quiet = core.quiet_for().is_some_and(|quiet| quiet >= QUIET);
        if settled && quiet || waited > PATIENCE {
            return;
        }
    }
}

/// "The application did not respond": the token is dead from now on.
pub fn fail(world: &mut World, token: &str) {
    if let Some(it) = world.interactions.get_mut(token)
        && it.answered.is_none()
    {
        it.expired = true;
    }
}

/// What has come of an interaction so far, by its id: followups may come long after `act` returned.
pub fn outcome_of(core: &Core, id: u64) -> Value {
    core.read(|world| {
        let token = world.interactions.iter().find(|(_, it)| it.id == id).map(|(token, _)| token.clone());
        outcome(world, &token.unwrap_or_default())
    })
}

fn outcome(world: &World, token: &str) -> Value {
    let Some(it) = world.interactions.get(token) else {
        return json!({"failed": "The interaction is gone"});
    };
    let message = |id: u64| world.message(it.channel_id, id).map(|m| m.json.clone());
    let followups: Vec<Value> = it.followups.iter().filter_map(|id| message(*id)).collect();
    let modal = (it.answered == Some(9)).then(|| it.response["data"].clone());
    let mut outcome = json!({
        "interaction_id": it.id.to_string(),
        "acknowledged_ms": it.acknowledged_ms,
        "response": it.answered.map(|_| json!({"type": it.response["type"], "data": it.response["data"]})),
        "message": it.original.and_then(message),
        "ephemeral": it.ephemeral,
        "followups": followups,
        "modal": modal,
    });
    if it.answered.is_none() {
        outcome["failed"] = json!("The application did not respond");
    } else if it.thinking {
        outcome["failed"] = json!("The application is still thinking");
    }
    if it.answered == Some(8) {
        outcome["choices"] = it.response["data"]["choices"].clone();
    }
    outcome
}
