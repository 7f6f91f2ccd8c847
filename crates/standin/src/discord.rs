//! A faithful Discord on loopback: REST, gateway, interactions, and a control face for tests, scripts and the demo.
//!
//! This file is the Rust face of it. It does not know the bot; whoever speaks Discord's protocol may connect.

mod check;
mod control;
mod door;
mod endpoint;
mod faults;
mod forum;
mod gateway;
mod hub;
mod interaction;
mod limits;
#[cfg(feature = "openapi")]
mod openapi;
mod page;
mod permission;
mod refusal;
mod rest;
mod server;
mod upload;
mod world;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub use faults::{Fault, What};

use self::hub::Core;
use crate::clock::Clock;

/// Whether rate limits are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    Discord,
    /// Headers of a bucket that is never used up, and no 429.
    Off,
}

#[derive(Clone)]
pub struct Options {
    /// A loopback address; any other is an error.
    pub bind: SocketAddr,
    pub limits: Limits,
    pub clock: Clock,
    /// How long Discord remembers a nonce.
    pub nonce_memory: chrono::Duration,
    /// Loaded at the start if it is there; written before a mutating request is answered.
    pub save_to: Option<PathBuf>,
    /// Discord's own description: request bodies are then validated against it as well.
    #[cfg(feature = "openapi")]
    pub openapi: Option<PathBuf>,
    /// Listen with TLS as `discord.com` too, on a port of its own.
    pub tls: bool,
    /// Further routes under `/_standin/`.
    pub extra: Option<axum::Router>,
    /// Lines of `GET /_standin/env` that replace or extend the default ones.
    pub env: Vec<(String, String)>,
    /// Further events of `DISCORD_WEBHOOK_CHANNELS`, each with the name of a channel.
    pub routes: Vec<(&'static str, &'static str)>,
    /// Bits of the privileged gateway intents that are switched on for the application.
    pub privileged_intents: u64,
    /// Heartbeat interval that the gateway asks for.
    pub heartbeat: Duration,
    /// The number of shards that is recommended.
    pub shards: u64,
    /// How many shards may log in at once, and after how long the next of the same key.
    pub max_concurrency: u64,
    pub identify_every: Duration,
    /// Log-ins in 24 hours.
    pub session_starts: usize,
    /// How often a message older than an hour may be edited within an hour (30046).
    pub old_edits: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            limits: Limits::Discord,
            clock: Clock::system(),
            nonce_memory: chrono::Duration::seconds(120),
            save_to: None,
            #[cfg(feature = "openapi")]
            openapi: None,
            tls: false,
            extra: None,
            env: Vec::new(),
            routes: Vec::new(),
            privileged_intents: 0,
            heartbeat: Duration::from_millis(41_250),
            shards: 1,
            max_concurrency: 1,
            identify_every: Duration::from_secs(5),
            session_starts: 1000,
            old_edits: 10,
        }
    }
}

/// A running stand-in. Clones are handles to the same one.
#[derive(Clone)]
pub struct Discord(Arc<Core>);

/// Where the TLS listener is and which authority to trust for it.
#[derive(Clone, Debug)]
pub struct Tls {
    pub addr: SocketAddr,
    pub ca_pem: String,
}

/// A request as the hook of [`Discord::on_request`] sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `create_message`, `execute_webhook`, `callback` …
    pub route: &'static str,
    pub phase: Phase,
    pub method: String,
    pub path: String,
    pub body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has happened yet.
    Before,
    /// The world has changed, the answer is not sent yet.
    AfterEffect,
}

/// What the hook wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Continue,
    /// Drop the connection without an answer; in [`Phase::Before`] without the effect too.
    Drop,
}

type Hook = Arc<dyn Fn(Seen) -> Pin<Box<dyn Future<Output = Then> + Send>> + Send + Sync>;

impl Discord {
    /// Binds and serves until [`Discord::shutdown`].
    pub async fn start(options: Options) -> Result<Discord> {
        ensure!(options.bind.ip().is_loopback(), "the stand-in listens on loopback only, not on {}", options.bind);
        let plain = tokio::net::TcpListener::bind(options.bind)
            .await
            .with_context(|| format!("bind the stand-in to {}", options.bind))?;
        let addr = plain.local_addr()?;
        let secure = match options.tls {
            true => Some(door::Secure::bind().await?),
            false => None,
        };
        let tls = secure.as_ref().map(|secure| secure.tls.clone());
        let extra = options.extra.clone();
        let core = Arc::new(Core::new(options, addr, tls)?);
        let router = server::router(&core, extra);
        if let Some(secure) = secure {
            core.spawn(secure.serve(router.clone(), Arc::clone(&core)));
        }
        core.spawn(door::serve(plain, router, Arc::clone(&core)));
        Ok(Discord(core))
    }

    /// The clock it was started with.
    pub fn clock(&self) -> Clock {
        self.0.options.clock.clone()
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        self.0.origin()
    }

    /// `ws://127.0.0.1:PORT`
    pub fn gateway_url(&self) -> String {
        self.0.gateway_url()
    }

    pub fn tls(&self) -> Option<Tls> {
        self.0.tls.clone()
    }

    pub fn token(&self) -> String {
        self.0.read(|world| world.token.clone())
    }

    /// The token is changed: the old one is refused from now on.
    pub fn set_token(&self, token: &str) {
        self.0.change(|world| world.token = token.to_owned());
    }

    /// Fields of the application as somebody sets them in the developer portal, such as
    /// `interactions_endpoint_url`: <https://discord.com/developers/docs/resources/application#application-object>
    pub fn set_application(&self, fields: Value) {
        self.0.change(|world| {
            for (name, value) in fields.as_object().into_iter().flatten() {
                world.portal.insert(name.clone(), value.clone());
            }
        });
    }

    /// The `Date` of answers is this much off the stand-in's clock.
    pub fn set_date_offset(&self, offset: chrono::Duration) {
        self.0.set_date_offset(offset);
    }

    pub fn application_id(&self) -> u64 {
        self.0.read(|world| world.application)
    }

    pub fn bot_id(&self) -> u64 {
        self.0.read(|world| world.bot)
    }

    /// The guild "Signal Town".
    pub fn guild_id(&self) -> u64 {
        world::GUILD
    }

    /// By name.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn channel_id(&self, name: &str) -> u64 {
        let found = self.0.read(|world| world.channel_named(name).map(|c| c.id));
        found.unwrap_or_else(|| panic!("the stand-in has no channel {name:?}"))
    }

    /// By name.
    ///
    /// # Panics
    /// If there is no such user.
    pub fn user_id(&self, name: &str) -> u64 {
        let found = self.0.read(|world| world.user_named(name).map(|u| u.id));
        found.unwrap_or_else(|| panic!("the stand-in has no user {name:?}"))
    }

    /// By name, in "Signal Town".
    ///
    /// # Panics
    /// If there is no such role.
    pub fn role_id(&self, name: &str) -> u64 {
        let guild = Some(world::GUILD);
        let found = self.0.read(|world| interaction::role_named(world, guild, name));
        found.unwrap_or_else(|| panic!("the stand-in has no role {name:?}"))
    }

    /// The environment with which the bot works against this world.
    pub fn env(&self) -> Vec<(String, String)> {
        control::env(&self.0)
    }

    /// Does what a person does; see the control face's `act`. Bad input: `{"error": …}`.
    pub async fn act(&self, what: Value) -> Value {
        match interaction::act(&self.0, what).await {
            Ok(outcome) => outcome,
            Err(error) => json!({"error": error}),
        }
    }

    /// Says something about what happens, to whoever watches the page; an empty text ends it.
    pub fn narrate(&self, text: &str) {
        self.0.change(|world| world.narration = text.to_owned());
    }

    /// What has come of something done before, by the `interaction_id` of its outcome.
    pub fn outcome(&self, interaction_id: u64) -> Value {
        interaction::outcome_of(&self.0, interaction_id)
    }

    /// Everything visible, as `GET /_standin/state`.
    pub fn state(&self) -> Value {
        control::state(&self.0)
    }

    /// Messages only this user sees.
    pub fn ephemeral(&self, user: &str) -> Value {
        control::ephemeral(&self.0, user).unwrap_or_else(|error| json!({"error": error}))
    }

    /// Messages of one channel, oldest first.
    pub fn messages(&self, channel: u64) -> Vec<Value> {
        self.0.read(|world| {
            let all = world.messages.get(&channel).into_iter().flatten();
            let public = all.filter(|(_, m)| m.only_for.is_none());
            public.map(|(_, m)| m.json.clone()).collect()
        })
    }

    pub fn fault(&self, fault: Fault) {
        self.0.arm(fault);
    }

    pub fn clear_faults(&self) {
        self.0.clear_faults();
    }

    /// What a faithful client never does: unknown routes, limits met, bodies against Discord's description.
    pub fn violations(&self) -> Vec<String> {
        self.0.violations()
    }

    /// The last 2,000 requests: `at, method, path, query, status, body`.
    pub fn requests(&self) -> Vec<Value> {
        self.0.requests()
    }

    /// Calls `hook` before and after the effect of every REST request. One hook at a time.
    pub fn on_request<F, Fut>(&self, hook: F)
    where
        F: Fn(Seen) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Then> + Send + 'static,
    {
        let hook: Hook = Arc::new(move |seen| Box::pin(hook(seen)));
        self.0.set_hook(Some(hook));
    }

    pub fn no_hook(&self) {
        self.0.set_hook(None);
    }

    /// Gateway sessions connected right now.
    pub fn connected_sessions(&self) -> usize {
        self.0.sessions().connected()
    }

    /// How often a session was begun, resumes not counted.
    pub fn log_ins(&self) -> usize {
        self.0.sessions().log_ins()
    }

    /// How often somebody connected to the gateway, whatever came of it.
    pub fn gateway_connections(&self) -> usize {
        self.0.sessions().connections()
    }

    /// The shards of the connected sessions, as `(number, count)`.
    pub fn connected_shards(&self) -> Vec<(u64, u64)> {
        self.0.sessions().shards()
    }

    /// The shards that were told of the last event of this name.
    pub fn shards_told(&self, name: &str) -> Vec<u64> {
        self.0.sessions().told(name)
    }

    /// From now on so many shards are recommended, and fewer are not let in: as for a bot in too many guilds.
    pub fn require_shards(&self, count: u64) {
        self.0.require_shards(count);
    }

    /// What interactions by HTTP are signed with, in hexadecimal digits.
    pub fn public_key(&self) -> String {
        self.0.read(endpoint::public_key)
    }

    /// The signature that Discord itself would give.
    pub fn sign(&self, timestamp: &str, body: &str) -> String {
        self.0.read(|world| endpoint::sign(world, timestamp, body))
    }

    /// As on the application's page: from now on interactions go there, if it passes the check, and not over the
    /// gateway. `None`: over the gateway again.
    pub async fn set_interactions_endpoint(&self, url: Option<&str>) -> Result<(), String> {
        if let Some(url) = url {
            self.0.check_endpoint(url).await.map_err(|refusal| refusal.body().to_string())?;
        }
        self.0.change(|world| world.interactions_endpoint_url = url.map(str::to_owned));
        Ok(())
    }

    /// Sends the last interaction by HTTP once more, bit for bit, as somebody would who had listened; the status.
    pub async fn replay_interaction(&self) -> Option<u16> {
        self.0.replay().await
    }

    /// Sends an event to every session as it stands, be it nonsense.
    pub fn emit(&self, name: &str, data: &Value) {
        self.0.sessions().push_to_all(name, data);
    }

    /// Sends the last event of this name once more: "a client must expect events more than once".
    pub fn repeat(&self, name: &str) {
        let mut sessions = self.0.sessions();
        if let Some(data) = sessions.last(name) {
            sessions.push_to_all(name, &data);
        }
    }

    /// False if there is no such message.
    pub fn delete_message(&self, channel: u64, message: u64) -> bool {
        self.0.change(|world| world.delete_message(channel, message))
    }

    /// False if there is no such channel.
    pub fn delete_channel(&self, channel: u64) -> bool {
        self.0.change(|world| world.delete_channel(channel).is_some())
    }

    /// Sets the overwrite of a role (`@everyone` has the guild's id) or a member; (0, 0) removes it.
    pub fn set_overwrite(&self, channel: u64, role_or_member: u64, allow: u64, deny: u64) {
        self.0.change(|world| {
            let member = world.users.contains_key(&role_or_member);
            let Some(found) = world.channels.get_mut(&channel) else {
                return;
            };
            found.overwrites.retain(|o| o.id != role_or_member);
            if (allow, deny) != (0, 0) {
                let id = role_or_member;
                found.overwrites.push(world::Overwrite { id, member, allow, deny });
            }
            let (guild, json) = (found.guild_id, found.clone());
            let json = world.channel_json(&json);
            world.emit("CHANNEL_UPDATE", json, guild, gateway::intent::GUILDS);
        });
    }

    /// A further guild with the bot, `admin` and `member` in it; answers its id.
    pub fn add_guild(&self, name: &str) -> u64 {
        let now = self.0.now();
        self.0.change(|world| world.add_guild(name, now))
    }

    /// The bot is thrown out of a guild. "If the unavailable field is not set, the user was removed from the guild":
    /// <https://discord.com/developers/docs/events/gateway-events#guild-delete>
    pub fn remove_bot(&self, guild: u64) {
        self.0.change(|world| {
            let bot = world.bot;
            if let Some(found) = world.guilds.get_mut(&guild) {
                found.members.remove(&bot);
            }
            world.emit("GUILD_DELETE", json!({ "id": guild.to_string() }), Some(guild), gateway::intent::GUILDS);
        });
    }

    /// Discord cannot serve a guild for a while; the bot is still in it.
    pub fn outage(&self, guild: u64) {
        self.0.change(|world| {
            let gone = json!({ "id": guild.to_string(), "unavailable": true });
            world.emit("GUILD_DELETE", gone, Some(guild), gateway::intent::GUILDS);
        });
    }

    /// The bot is invited (again).
    pub fn invite_bot(&self, guild: u64) {
        let now = self.0.now();
        self.0.change(|world| {
            let bot = world.bot;
            let Some(found) = world.guilds.get_mut(&guild) else { return };
            let roles = found.roles.iter().filter(|role| role.managed).map(|role| role.id).collect();
            found.members.insert(bot, world::Member { nick: None, roles, joined_at: now });
            let json = world.guilds.get(&guild).map(|found| world.guild_create_json(found, false));
            world.emit("GUILD_CREATE", json.unwrap_or_default(), Some(guild), gateway::intent::GUILDS);
        });
    }

    /// A further channel. `kind`: 0 text, 5 announcements, 15 forum.
    pub fn add_channel(&self, guild: u64, name: &str, kind: u8) -> u64 {
        let now = self.0.now();
        self.0.change(|world| world.add_channel(guild, name, kind, now))
    }

    /// A webhook that a person made: `(id, token, https://discord.com/api/webhooks/…)`.
    pub fn create_webhook(&self, channel: u64, name: &str) -> Result<(u64, String, String)> {
        let now = self.0.now();
        let admin = self.user_id("admin");
        let made = self.0.change(|world| rest::make_webhook(world, now, channel, name, None, admin));
        let made = made.map_err(|refusal| anyhow::anyhow!(refusal.message))?;
        let url = format!("https://discord.com/api/webhooks/{}/{}", made.id, made.token);
        Ok((made.id, made.token, url))
    }

    pub fn delete_webhook(&self, id: u64) -> bool {
        self.0.change(|world| world.webhooks.remove(&id).is_some())
    }

    /// Whether somebody takes direct messages of applications.
    pub fn set_direct_messages(&self, user: u64, open: bool) {
        self.0.change(|world| {
            if open {
                world.closed.remove(&user);
            } else {
                world.closed.insert(user);
            }
        });
    }

    /// What the bot has written to somebody alone, oldest first.
    pub fn direct_messages(&self, user: u64) -> Vec<Value> {
        let channel = self.0.read(|world| {
            let mut channels = world.channels.values();
            channels.find(|channel| channel.guild_id.is_none() && channel.recipient == Some(user)).map(|c| c.id)
        });
        channel.map(|channel| self.messages(channel)).unwrap_or_default()
    }

    /// Gives or takes a role.
    pub fn set_role(&self, user: u64, role: u64, held: bool) {
        self.0.change(|world| {
            for guild in world.guilds.values_mut() {
                let known = guild.roles.iter().any(|r| r.id == role);
                if let (true, Some(member)) = (known, guild.members.get_mut(&user)) {
                    member.roles.retain(|r| *r != role);
                    if held {
                        member.roles.push(role);
                    }
                }
            }
        });
    }

    /// Guild-wide permissions of a role.
    pub fn set_role_permissions(&self, role: u64, permissions: u64) {
        self.0.change(|world| {
            let all = world.guilds.values_mut().flat_map(|g| &mut g.roles);
            for found in all.filter(|r| r.id == role) {
                found.permissions = permissions;
            }
        });
    }

    /// Nobody listens any more, sessions are cut, nothing of it answers again.
    pub async fn shutdown(&self) {
        self.0.stop().await;
    }
}

/// The names of the channels with their ids.
pub fn default_channels() -> BTreeMap<String, u64> {
    let world = world::World::signal_town();
    let all = world.channels.values();
    all.map(|c| (c.name.clone(), c.id)).collect()
}
