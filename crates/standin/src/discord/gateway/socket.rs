//! One WebSocket of the gateway: hello, identify or resume, heartbeats, and what the session sends.
//!
//! <https://discord.com/developers/docs/events/gateway#connection-lifecycle>

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Out, Start, intent};
use crate::discord::{faults::What, hub::Core, interaction::secret, rest};

/// <https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>
mod close {
    pub const UNKNOWN_OPCODE: u16 = 4001;
    pub const DECODE_ERROR: u16 = 4002;
    pub const NOT_AUTHENTICATED: u16 = 4003;
    pub const AUTHENTICATION_FAILED: u16 = 4004;
    pub const ALREADY_AUTHENTICATED: u16 = 4005;
    pub const RATE_LIMITED: u16 = 4008;
    pub const SESSION_TIMED_OUT: u16 = 4009;
    pub const INVALID_SHARD: u16 = 4010;
    pub const SHARDING_REQUIRED: u16 = 4011;
    pub const INVALID_INTENTS: u16 = 4013;
    pub const DISALLOWED_INTENTS: u16 = 4014;
}

struct Socket {
    core: Arc<Core>,
    to: UnboundedSender<Out>,
    session: Option<String>,
    sent: VecDeque<Instant>,
}

/// What follows from something received.
enum Then {
    Go,
    Close(u16),
    HalfOpen,
}

/// How a connection ends.
enum End {
    /// Nothing is said.
    Silent,
    /// A close frame without a code.
    Bare,
    Code(u16),
}

pub async fn serve(core: Arc<Core>, mut ws: WebSocket) {
    let (to, mut from) = unbounded_channel();
    core.sessions().note_connection();
    let interval = core.heartbeat();
    let hello = json!({"op": 10, "t": null, "s": null,
        "d": {"heartbeat_interval": u64::try_from(interval.as_millis()).unwrap_or(41_250), "_trace": []}});
    if ws.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    let mut socket = Socket { core: Arc::clone(&core), to, session: None, sent: VecDeque::new() };
    let stop = core.stopped();
    tokio::pin!(stop);
    // A client that misses its heartbeats is cut off ("session timed out").
    let patience = interval.mul_f32(1.75) + Duration::from_secs(5);
    let mut deadline = tokio::time::Instant::now() + patience;
    let end = loop {
        tokio::select! {
            () = &mut stop => break End::Silent,
            () = tokio::time::sleep_until(deadline) => break End::Code(close::SESSION_TIMED_OUT),
            out = from.recv() => match out {
                Some(Out::Send(value)) => {
                    if ws.send(Message::text(value.to_string())).await.is_err() {
                        break End::Silent;
                    }
                }
                Some(Out::Close(code)) => break code.map_or(End::Bare, End::Code),
                Some(Out::HalfOpen) => return half_open(socket, ws).await,
                None => break End::Silent,
            },
            received = ws.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    deadline = tokio::time::Instant::now() + patience;
                    match socket.receive(text.as_bytes()) {
                        Then::Go => {}
                        Then::Close(code) => break End::Code(code),
                        Then::HalfOpen => return half_open(socket, ws).await,
                    }
                }
                Some(Ok(Message::Binary(bytes))) => match socket.receive(&bytes) {
                    Then::Go => {}
                    Then::Close(code) => break End::Code(code),
                    Then::HalfOpen => return half_open(socket, ws).await,
                },
                Some(Ok(Message::Close(frame))) => {
                    let ended = frame.is_some_and(|f| matches!(f.code, 1000 | 1001));
                    socket.leave(ended);
                    return;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(_)) | None => break End::Silent,
            },
        }
    };
    // After these a new session must be made; after the others the old one can be resumed.
    socket.leave(matches!(end, End::Code(4003 | 4004 | 4007 | 4009..=4014)));
    let frame = match end {
        End::Silent => return,
        End::Bare => None,
        End::Code(code) => Some(CloseFrame { code, reason: reason(code).into() }),
    };
    let _ = ws.send(Message::Close(frame)).await;
    flush(&mut ws).await;
}

/// Gives the client a moment to answer the close frame, so that it sees the frame and not a broken pipe.
async fn flush(ws: &mut WebSocket) {
    let drained = async { while let Some(Ok(_)) = ws.recv().await {} };
    let _ = tokio::time::timeout(Duration::from_millis(500), drained).await;
}

/// Holds the socket without reading or writing until the stand-in stops.
async fn half_open(socket: Socket, ws: WebSocket) {
    socket.core.stopped().await;
    drop(ws);
}

impl Socket {
    /// "All events after a disconnect are kept for a resume", unless the session has `ended`.
    fn leave(&mut self, ended: bool) {
        if let Some(id) = self.session.take() {
            self.core.sessions().leave(&id, &self.to, ended);
            self.core.notify_change();
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Then {
        // "120 gateway events per connection every 60 seconds".
        let now = Instant::now();
        self.sent.retain(|at| now - *at < Duration::from_secs(60));
        self.sent.push_back(now);
        if self.sent.len() > 120 {
            return Then::Close(close::RATE_LIMITED);
        }
        // "payloads must not exceed 4096 bytes".
        if bytes.len() > 4096 {
            return Then::Close(close::DECODE_ERROR);
        }
        let Ok(payload) = serde_json::from_slice::<Value>(bytes) else {
            return Then::Close(close::DECODE_ERROR);
        };
        let data = &payload["d"];
        // After op 9 the client may identify again on the same connection.
        let held = |id: &String| self.core.sessions().holds(id, &self.to);
        if !self.session.as_ref().is_none_or(held) {
            self.session = None;
        }
        match payload["op"].as_u64() {
            Some(1) => {
                let _ = self.to.send(Out::Send(json!({"op": 11, "t": null, "s": null, "d": null})));
                Then::Go
            }
            Some(2) if self.session.is_some() => Then::Close(close::ALREADY_AUTHENTICATED),
            Some(2) => self.identify(data),
            Some(6) if self.session.is_some() => Then::Close(close::ALREADY_AUTHENTICATED),
            Some(6) => self.resume(data),
            Some(3 | 4 | 8 | 31) if self.session.is_none() => Then::Close(close::NOT_AUTHENTICATED),
            Some(3 | 4 | 31) => Then::Go,
            Some(8) => {
                self.members(data);
                Then::Go
            }
            _ => Then::Close(close::UNKNOWN_OPCODE),
        }
    }

    /// <https://discord.com/developers/docs/events/gateway-events#identify>
    fn identify(&mut self, data: &Value) -> Then {
        if !self.core.is_token(data["token"].as_str().unwrap_or_default()) {
            return Then::Close(close::AUTHENTICATION_FAILED);
        }
        let Some(intents) = data["intents"].as_u64().filter(|i| i & !intent::ALL == 0) else {
            return Then::Close(close::INVALID_INTENTS);
        };
        if intents & intent::PRIVILEGED & !self.core.privileged() != 0 {
            return Then::Close(close::DISALLOWED_INTENTS);
        }
        let shard = match (&data["shard"][0].as_u64(), &data["shard"][1].as_u64()) {
            (Some(n), Some(count)) if n < count => (*n, *count),
            _ if data["shard"].is_null() => (0, 1),
            _ => return Then::Close(close::INVALID_SHARD),
        };
        if let Some(then) = self.misbehave() {
            return then;
        }
        if shard.1 < self.core.fewest_shards() {
            return Then::Close(close::SHARDING_REQUIRED);
        }
        let key = shard.0 % self.core.options.max_concurrency.max(1);
        let (every, total) = (self.core.options.identify_every, self.core.options.session_starts);
        let start = self.core.sessions().start(key, every, self.core.now(), total);
        match start {
            Start::Granted => {}
            Start::TooSoon => {
                self.core.violation(format!("IDENTIFY of shard {} of {} too soon", shard.0, shard.1));
                let _ = self.to.send(Out::Send(json!({"op": 9, "t": null, "s": null, "d": false})));
                return Then::Go;
            }
            Start::UsedUp => {
                self.core.violation("more sessions begun than a day allows".into());
                self.core.change(|world| world.token = secret());
                self.core.sessions().tell_all(|| Out::Close(Some(close::AUTHENTICATION_FAILED)));
                return Then::Close(close::AUTHENTICATION_FAILED);
            }
        }
        let id = secret()[..32].to_owned();
        let ready = self.ready(&id, shard);
        let core = Arc::clone(&self.core);
        core.read(|world| {
            let mut sessions = core.sessions();
            sessions.add(id.clone(), intents, shard, self.to.clone());
            sessions.push_to(&id, "READY", ready);
            if intents & intent::GUILDS != 0 {
                for guild in world.guilds.values().filter(|g| g.members.contains_key(&world.bot)) {
                    if (guild.id >> 22) % shard.1 == shard.0 {
                        let all = intents & intent::GUILD_MEMBERS != 0;
                        sessions.push_to(&id, "GUILD_CREATE", world.guild_create_json(guild, all));
                    }
                }
            }
        });
        self.session = Some(id);
        core.notify_change();
        Then::Go
    }

    /// <https://discord.com/developers/docs/events/gateway-events#ready>
    fn ready(&self, id: &str, shard: (u64, u64)) -> Value {
        let privileged = self.core.privileged();
        let flags =
            rest::application_flags(privileged & intent::GUILD_MEMBERS != 0, privileged & intent::MESSAGE_CONTENT != 0);
        self.core.read(|world| {
            let mine = world.guilds.values().filter(|g| g.members.contains_key(&world.bot));
            let guilds: Vec<Value> = mine
                .filter(|g| (g.id >> 22) % shard.1 == shard.0)
                .map(|g| json!({"id": g.id.to_string(), "unavailable": true}))
                .collect();
            json!({
                "v": 10,
                "user": rest::me(world),
                "user_settings": {},
                "guilds": guilds,
                "private_channels": [],
                "relationships": [],
                "presences": [],
                "session_id": id,
                "session_type": "normal",
                "resume_gateway_url": self.core.gateway_url(),
                "shard": [shard.0, shard.1],
                "application": {"id": world.application.to_string(), "flags": flags},
                "_trace": [],
            })
        })
    }

    /// <https://discord.com/developers/docs/events/gateway#resuming>
    fn resume(&mut self, data: &Value) -> Then {
        if !self.core.is_token(data["token"].as_str().unwrap_or_default()) {
            return Then::Close(close::AUTHENTICATION_FAILED);
        }
        if let Some(then) = self.misbehave() {
            return then;
        }
        let id = data["session_id"].as_str().unwrap_or_default();
        let seq = data["seq"].as_u64().unwrap_or(u64::MAX);
        if self.core.sessions().resume(id, seq, self.to.clone()) {
            self.session = Some(id.to_owned());
            self.core.notify_change();
        } else {
            let _ = self.to.send(Out::Send(json!({"op": 9, "t": null, "s": null, "d": false})));
        }
        Then::Go
    }

    /// A fault that was armed while nobody was connected hits whoever comes.
    fn misbehave(&self) -> Option<Then> {
        let fault = self.core.take_fault_that("gateway", What::of_gateway)?;
        match fault.what {
            What::Close(Some(code)) => Some(Then::Close(code)),
            What::Close(None) => {
                let _ = self.to.send(Out::Close(None));
                Some(Then::Go)
            }
            What::HalfOpen => Some(Then::HalfOpen),
            What::InvalidSession(resumable) => {
                let _ = self.to.send(Out::Send(json!({"op": 9, "t": null, "s": null, "d": resumable})));
                Some(Then::Go)
            }
            _ => None,
        }
    }

    /// <https://discord.com/developers/docs/events/gateway-events#request-guild-members>
    fn members(&self, data: &Value) {
        let Some(session) = &self.session else { return };
        let core = &self.core;
        core.read(|world| {
            let guild = data["guild_id"].as_str().and_then(|id| id.parse::<u64>().ok());
            let Some(guild) = guild.and_then(|id| world.guilds.get(&id)) else {
                return;
            };
            let query = data["query"].as_str().unwrap_or_default().to_lowercase();
            let ids: Vec<&str> = match &data["user_ids"] {
                Value::String(id) => vec![id],
                Value::Array(ids) => ids.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let chosen = guild.members.iter().filter(|(id, _)| {
                let name = world.users.get(id).map(|u| u.username.to_lowercase());
                let named = name.is_some_and(|n| n.starts_with(&query));
                if ids.is_empty() { named } else { ids.contains(&id.to_string().as_str()) }
            });
            let members: Vec<Value> = chosen.map(|(id, m)| world.member_json(*id, m)).collect();
            let unknown: Vec<&&str> = ids
                .iter()
                .filter(|id| !members.iter().any(|m| m["user"]["id"] == **id))
                .collect();
            let mut chunk = json!({
                "guild_id": guild.id.to_string(), "members": members, "chunk_index": 0, "chunk_count": 1, "not_found": unknown,
            });
            if data["nonce"].is_string() {
                chunk["nonce"] = data["nonce"].clone();
            }
            core.sessions().push_to(session, "GUILD_MEMBERS_CHUNK", chunk);
        });
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.leave(false);
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        4001 => "Unknown opcode.",
        4002 => "Error while decoding payload.",
        4003 => "Not authenticated.",
        4004 => "Authentication failed.",
        4005 => "Already authenticated.",
        4007 => "Invalid seq.",
        4008 => "Rate limited.",
        4009 => "Session timed out.",
        4010 => "Invalid shard.",
        4011 => "Sharding required.",
        4012 => "Invalid API version.",
        4013 => "Invalid intent(s).",
        4014 => "Disallowed intent(s).",
        _ => "",
    }
}
