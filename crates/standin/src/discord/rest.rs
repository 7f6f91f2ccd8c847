//! The REST routes: which request is which, and what it does to the world.
//!
//! Everything here is synchronous and works on the locked world; limits, faults and connections are the server's.

mod channels;
mod commands;
mod guilds;
mod messages;
mod threads;
mod webhooks;

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::{
    interaction,
    refusal::{self, Refusal},
    world::World,
};

/// A recognised route with its ids.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    Gateway,
    GatewayBot,
    OauthApplication,
    Application,
    Me,
    User(u64),
    MyGuilds,
    CreateDm,
    Guild(u64),
    GuildChannels(u64),
    GuildRoles(u64),
    GuildMembers(u64),
    Member(u64, u64),
    MemberRole(u64, u64, u64),
    GuildWebhooks(u64),
    ActiveThreads(u64),
    Channel(u64),
    ListMessages(u64),
    CreateMessage(u64),
    BulkDelete(u64),
    GetMessage(u64, u64),
    EditMessage(u64, u64),
    DeleteMessage(u64, u64),
    React(u64, u64, String),
    Pin(u64, u64),
    Typing(u64),
    CreateThread(u64, Option<u64>),
    ArchivedThreads(u64),
    ThreadMember(u64),
    ChannelWebhooks(u64),
    Webhook(u64),
    ExecuteWebhook { id: u64, token: String, channel: Option<u64> },
    WebhookByToken(u64, String),
    WebhookMessage { id: u64, token: String, message: u64 },
    Followup(String),
    Original(String, Option<u64>),
    Callback(u64, String),
    Commands { guild: Option<u64> },
    Command { guild: Option<u64>, id: u64 },
}

/// One request, parsed.
pub struct Call {
    pub method: String,
    pub route: Route,
    pub query: HashMap<String, String>,
    pub body: Value,
    /// Uploaded files: Discord's attachment objects without id and url, with the signature of where they are kept.
    pub files: Vec<Value>,
    pub authorized: bool,
    pub now: DateTime<Utc>,
    pub nonce_memory: Duration,
    pub message_content: bool,
    pub members_intent: bool,
    pub old_edits: usize,
    /// Where the gateway is, as `GET /gateway` says.
    pub gateway_url: String,
    /// What `GET /gateway/bot` says.
    pub gateway_bot: Value,
}

pub struct Reply {
    pub status: u16,
    pub body: Option<Value>,
}

pub type Answer = Result<Reply, Refusal>;

pub fn ok(body: Value) -> Answer {
    Ok(Reply { status: 200, body: Some(body) })
}

pub fn no_content() -> Answer {
    Ok(Reply { status: 204, body: None })
}

impl Route {
    /// `path` without `/api` and version. The world tells interaction tokens and webhook tokens apart.
    pub fn recognise(method: &str, path: &str, world: &World) -> Option<Route> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let id = |text: &str| text.parse::<u64>().ok();
        Some(match (method, parts.as_slice()) {
            ("GET", ["gateway"]) => Route::Gateway,
            ("GET", ["gateway", "bot"]) => Route::GatewayBot,
            ("GET", ["oauth2", "applications", "@me"]) => Route::OauthApplication,
            ("GET" | "PATCH", ["applications", "@me"]) => Route::Application,
            ("GET", ["users", "@me"]) => Route::Me,
            ("GET", ["users", "@me", "guilds"]) => Route::MyGuilds,
            ("POST", ["users", "@me", "channels"]) => Route::CreateDm,
            ("GET", ["users", user]) => Route::User(id(user)?),
            ("GET", ["guilds", guild]) => Route::Guild(id(guild)?),
            ("GET" | "POST", ["guilds", guild, "channels"]) => Route::GuildChannels(id(guild)?),
            ("GET", ["guilds", guild, "roles"]) => Route::GuildRoles(id(guild)?),
            ("GET", ["guilds", guild, "members"]) => Route::GuildMembers(id(guild)?),
            ("GET", ["guilds", guild, "members", user]) => Route::Member(id(guild)?, id(user)?),
            ("PUT" | "DELETE", ["guilds", guild, "members", user, "roles", role]) => {
                Route::MemberRole(id(guild)?, id(user)?, id(role)?)
            }
            ("GET", ["guilds", guild, "webhooks"]) => Route::GuildWebhooks(id(guild)?),
            ("GET", ["guilds", guild, "threads", "active"]) => Route::ActiveThreads(id(guild)?),
            ("GET" | "PATCH" | "DELETE", ["channels", channel]) => Route::Channel(id(channel)?),
            ("GET", ["channels", channel, "messages"]) => Route::ListMessages(id(channel)?),
            ("POST", ["channels", channel, "messages"]) => Route::CreateMessage(id(channel)?),
            ("POST", ["channels", channel, "messages", "bulk-delete"]) => Route::BulkDelete(id(channel)?),
            ("GET", ["channels", channel, "messages", message]) => Route::GetMessage(id(channel)?, id(message)?),
            ("PATCH", ["channels", channel, "messages", message]) => Route::EditMessage(id(channel)?, id(message)?),
            ("DELETE", ["channels", channel, "messages", message]) => Route::DeleteMessage(id(channel)?, id(message)?),
            ("PUT" | "DELETE", ["channels", channel, "messages", message, "reactions", emoji, "@me"]) => {
                Route::React(id(channel)?, id(message)?, decode(emoji))
            }
            (
                "PUT" | "DELETE",
                ["channels", channel, "pins", message] | ["channels", channel, "messages", "pins", message],
            ) => Route::Pin(id(channel)?, id(message)?),
            ("POST", ["channels", channel, "typing"]) => Route::Typing(id(channel)?),
            ("POST", ["channels", channel, "threads"]) => Route::CreateThread(id(channel)?, None),
            ("POST", ["channels", channel, "messages", message, "threads"]) => {
                Route::CreateThread(id(channel)?, Some(id(message)?))
            }
            ("GET", ["channels", channel, "threads", "archived", "public"]) => Route::ArchivedThreads(id(channel)?),
            ("PUT" | "DELETE", ["channels", channel, "thread-members", "@me"]) => Route::ThreadMember(id(channel)?),
            ("GET" | "POST", ["channels", channel, "webhooks"]) => Route::ChannelWebhooks(id(channel)?),
            ("GET" | "PATCH" | "DELETE", ["webhooks", webhook]) => Route::Webhook(id(webhook)?),
            (_, ["webhooks", webhook, token, rest @ ..]) => {
                return Self::recognise_webhook(method, id(webhook)?, token, rest, world);
            }
            ("POST", ["interactions", interaction, token, "callback"]) => {
                Route::Callback(id(interaction)?, (*token).to_owned())
            }
            (_, ["applications", application, rest @ ..]) if id(application)? == world.application => {
                let (guild, rest) = match rest {
                    ["guilds", guild, rest @ ..] => (Some(id(guild)?), rest),
                    rest => (None, rest),
                };
                match (method, rest) {
                    ("GET" | "PUT" | "POST", ["commands"]) => Route::Commands { guild },
                    ("GET" | "PATCH" | "DELETE", ["commands", command]) => Route::Command { guild, id: id(command)? },
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    fn recognise_webhook(method: &str, id: u64, token: &str, rest: &[&str], world: &World) -> Option<Route> {
        let token = token.to_owned();
        let of_interaction = id == world.application;
        Some(match (method, rest) {
            ("POST", []) if of_interaction => Route::Followup(token),
            ("GET" | "PATCH" | "DELETE", ["messages", "@original"]) if of_interaction => Route::Original(token, None),
            ("GET" | "PATCH" | "DELETE", ["messages", message]) if of_interaction => {
                Route::Original(token, Some(message.parse().ok()?))
            }
            ("POST", []) => {
                let channel = world.webhooks.get(&id).map(|webhook| webhook.channel_id);
                Route::ExecuteWebhook { id, token, channel }
            }
            ("GET" | "PATCH" | "DELETE", []) => Route::WebhookByToken(id, token),
            ("GET" | "PATCH" | "DELETE", ["messages", message]) => {
                let message = message.parse().ok()?;
                Route::WebhookMessage { id, token, message }
            }
            _ => return None,
        })
    }

    /// The kind of route without its method: for buckets and for faults together with [`Call::name`].
    pub fn name(&self) -> &'static str {
        match self {
            Route::Gateway => "get_gateway",
            Route::GatewayBot => "get_gateway_bot",
            Route::OauthApplication | Route::Application => "get_application",
            Route::Me | Route::User(_) => "get_user",
            Route::MyGuilds => "list_my_guilds",
            Route::CreateDm => "create_dm",
            Route::Guild(_) => "get_guild",
            Route::GuildChannels(_) => "list_channels",
            Route::GuildRoles(_) => "list_roles",
            Route::GuildMembers(_) => "list_members",
            Route::Member(..) => "get_member",
            Route::MemberRole(..) => "member_role",
            Route::GuildWebhooks(_) | Route::ChannelWebhooks(_) => "list_webhooks",
            Route::ActiveThreads(_) | Route::ArchivedThreads(_) => "list_threads",
            Route::Channel(_) => "get_channel",
            Route::ListMessages(_) => "list_messages",
            Route::CreateMessage(_) => "create_message",
            Route::BulkDelete(_) => "bulk_delete",
            Route::GetMessage(..) => "get_message",
            Route::EditMessage(..) => "edit_message",
            Route::DeleteMessage(..) => "delete_message",
            Route::React(..) => "react",
            Route::Pin(..) => "pin",
            Route::Typing(_) => "typing",
            Route::CreateThread(..) => "create_thread",
            Route::ThreadMember(_) => "thread_member",
            Route::Webhook(_) | Route::WebhookByToken(..) => "get_webhook",
            Route::ExecuteWebhook { .. } => "execute_webhook",
            Route::WebhookMessage { .. } => "edit_webhook_message",
            Route::Followup(_) => "followup",
            Route::Original(..) => "edit_original",
            Route::Callback(..) => "callback",
            Route::Commands { .. } => "list_commands",
            Route::Command { .. } => "edit_command",
        }
    }

    /// "Top-level resources" that have buckets of their own: channel, guild, webhook with token.
    pub fn major(&self) -> String {
        match self {
            Route::Channel(id)
            | Route::ListMessages(id)
            | Route::CreateMessage(id)
            | Route::BulkDelete(id)
            | Route::GetMessage(id, _)
            | Route::EditMessage(id, _)
            | Route::DeleteMessage(id, _)
            | Route::React(id, ..)
            | Route::Pin(id, _)
            | Route::Typing(id)
            | Route::CreateThread(id, _)
            | Route::ArchivedThreads(id)
            | Route::ChannelWebhooks(id)
            | Route::Guild(id)
            | Route::GuildChannels(id)
            | Route::GuildRoles(id)
            | Route::GuildMembers(id)
            | Route::Member(id, _)
            | Route::MemberRole(id, ..)
            | Route::GuildWebhooks(id)
            | Route::ActiveThreads(id)
            | Route::Webhook(id) => id.to_string(),
            Route::ExecuteWebhook { id, token, .. }
            | Route::WebhookMessage { id, token, .. }
            | Route::WebhookByToken(id, token) => format!("{id}/{token}"),
            Route::Followup(token) | Route::Original(token, _) => token.clone(),
            Route::Commands { guild } | Route::Command { guild, .. } => format!("{guild:?}"),
            _ => String::new(),
        }
    }

    /// Endpoints that an interaction's token opens: no bot token, no global limit.
    pub fn of_interaction(&self) -> bool {
        matches!(self, Route::Callback(..) | Route::Followup(_) | Route::Original(..))
    }

    pub fn webhook_channel(&self) -> Option<u64> {
        match self {
            Route::ExecuteWebhook { channel, .. } => *channel,
            _ => None,
        }
    }

    /// Whether it works without `Authorization: Bot …`: the token in the path is enough.
    pub fn is_open(&self) -> bool {
        let by_webhook_token =
            matches!(self, Route::ExecuteWebhook { .. } | Route::WebhookMessage { .. } | Route::WebhookByToken(..));
        *self == Route::Gateway || by_webhook_token || self.of_interaction()
    }
}

/// Does what the request asks for.
pub fn answer(world: &mut World, call: &Call) -> Answer {
    if !call.authorized && !call.route.is_open() {
        return Err(refusal::UNAUTHORIZED.into());
    }
    match &call.route {
        Route::Gateway => ok(json!({"url": call.gateway_url})),
        Route::GatewayBot => ok(call.gateway_bot.clone()),
        Route::OauthApplication | Route::Application => guilds::application(world, call),
        Route::Me => ok(guilds::me(world)),
        Route::User(id) => match world.users.contains_key(id) {
            true => ok(world.user_json(*id)),
            false => Err(refusal::UNKNOWN_USER.into()),
        },
        Route::MyGuilds => guilds::mine(world),
        Route::CreateDm => channels::create_dm(world, call),
        Route::Guild(id) => guilds::get(world, *id),
        Route::GuildChannels(id) => guilds::channels(world, call, *id),
        Route::GuildRoles(id) => guilds::roles(world, *id),
        Route::GuildMembers(id) => guilds::members(world, call, *id),
        Route::Member(id, user) => guilds::member(world, *id, *user),
        Route::MemberRole(id, user, role) => guilds::member_role(world, call, *id, *user, *role),
        Route::GuildWebhooks(id) => webhooks::of_guild(world, *id),
        Route::ActiveThreads(id) => guilds::threads(world, *id),
        Route::Channel(id) => channels::channel(world, call, *id),
        Route::ListMessages(id) => messages::list(world, call, *id),
        Route::CreateMessage(id) => messages::create(world, call, *id),
        Route::BulkDelete(id) => messages::bulk_delete(world, call, *id),
        Route::GetMessage(id, message) => messages::get(world, call, *id, *message),
        Route::EditMessage(id, message) => messages::edit(world, call, *id, *message),
        Route::DeleteMessage(id, message) => messages::delete(world, *id, *message),
        Route::React(id, message, emoji) => messages::react(world, call, *id, *message, emoji),
        Route::Pin(id, message) => messages::pin(world, call, *id, *message),
        Route::Typing(id) => channels::typing(world, *id),
        Route::CreateThread(id, message) => threads::create(world, call, *id, *message),
        Route::ArchivedThreads(id) => threads::archived(world, call, *id),
        Route::ThreadMember(id) => threads::join(world, *id),
        Route::ChannelWebhooks(id) => webhooks::of_channel(world, call, *id),
        Route::Webhook(id) => webhooks::by_id(world, call, *id),
        Route::ExecuteWebhook { id, token, .. } => webhooks::execute(world, call, *id, token),
        Route::WebhookByToken(id, token) => webhooks::by_token(world, call, *id, token),
        Route::WebhookMessage { id, token, message } => webhooks::message(world, call, *id, token, *message),
        Route::Followup(token) => interaction::followup(world, call, token),
        Route::Original(token, message) => interaction::message(world, call, token, *message),
        Route::Callback(id, token) => interaction::callback(world, call, *id, token),
        Route::Commands { guild } => commands::all(world, call, *guild),
        Route::Command { guild, id } => commands::one(world, call, *guild, *id),
    }
}

pub use guilds::{application_flags, me};
pub use messages::{Draft, apply_edit, compose, edit_message, publish};
pub use threads::{set_archived, start as start_thread};
pub use webhooks::make as make_webhook;

/// Percent-decoding, as emoji in a path need it.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| char::from(b?).to_digit(16);
        match byte {
            b'%' => match (hex(rest.next()), hex(rest.next())) {
                (Some(high), Some(low)) => bytes.extend(u8::try_from(high * 16 + low)),
                _ => bytes.push(b'%'),
            },
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
