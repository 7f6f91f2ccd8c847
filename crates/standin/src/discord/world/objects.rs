//! Discord's JSON objects made from the world: users, members, roles, guilds, channels, messages, webhooks.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Channel, Guild, Member, Role, Webhook, World, is_id};
use crate::discord::permission;

impl World {
    /// <https://discord.com/developers/docs/resources/user#user-object>
    pub fn user_json(&self, id: u64) -> Value {
        let Some(user) = self.users.get(&id) else {
            return json!({"id": id.to_string(), "username": "Deleted User", "discriminator": "0",
                "global_name": null, "avatar": null, "public_flags": 0});
        };
        let mut value = json!({
            "id": user.id.to_string(),
            "username": user.username,
            "discriminator": if user.bot { "4711" } else { "0" },
            "global_name": user.global_name,
            "avatar": null,
            "banner": null,
            "accent_color": null,
            "avatar_decoration_data": null,
            "public_flags": 0,
        });
        if user.bot {
            value["bot"] = json!(true);
        }
        value
    }

    /// <https://discord.com/developers/docs/resources/guild#guild-member-object>
    pub fn member_json(&self, user_id: u64, member: &Member) -> Value {
        let mut value = self.bare_member_json(member);
        value["user"] = self.user_json(user_id);
        value
    }

    /// A member without its user, as it stands in messages and `resolved`.
    pub fn bare_member_json(&self, member: &Member) -> Value {
        let roles: Vec<String> = member.roles.iter().map(u64::to_string).collect();
        json!({
            "nick": member.nick,
            "avatar": null,
            "banner": null,
            "roles": roles,
            "joined_at": iso(member.joined_at),
            "premium_since": null,
            "communication_disabled_until": null,
            "deaf": false,
            "mute": false,
            "pending": false,
            "flags": 0,
        })
    }

    /// <https://discord.com/developers/docs/resources/channel#channel-object>
    pub fn channel_json(&self, channel: &Channel) -> Value {
        let last = self
            .messages
            .get(&channel.id)
            .and_then(|all| all.iter().rev().find(|(_, m)| m.only_for.is_none()))
            .map(|(id, _)| id.to_string());
        let mut value = json!({
            "id": channel.id.to_string(),
            "type": channel.kind,
            "last_message_id": last,
            "flags": 0,
        });
        let Some(guild) = channel.guild_id else {
            let other = channel.recipient.unwrap_or_default();
            value["recipients"] = json!([self.user_json(other)]);
            return value;
        };
        value["guild_id"] = json!(guild.to_string());
        value["name"] = json!(channel.name);
        value["parent_id"] = json!(channel.parent_id.map(|id| id.to_string()));
        value["rate_limit_per_user"] = json!(0);
        if let Some(thread) = &channel.thread {
            let messages = self.messages.get(&channel.id).map_or(0, |all| all.len());
            value["owner_id"] = json!(thread.owner_id.to_string());
            value["message_count"] = json!(messages);
            value["member_count"] = json!(1);
            value["total_message_sent"] = json!(messages);
            value["applied_tags"] = json!(thread.applied_tags);
            value["thread_metadata"] = json!({
                "archived": thread.archived,
                "auto_archive_duration": thread.auto_archive,
                "archive_timestamp": iso(thread.changed_at),
                "locked": thread.locked,
                "create_timestamp": iso(channel.created_at),
            });
            return value;
        }
        let overwrites = channel.overwrites.iter().map(|o| {
            json!({"id": o.id.to_string(), "type": u8::from(o.member),
                "allow": o.allow.to_string(), "deny": o.deny.to_string()})
        });
        value["position"] = json!(channel.position);
        value["topic"] = json!(channel.topic);
        value["nsfw"] = json!(false);
        value["permission_overwrites"] = overwrites.collect();
        if channel.kind == 15 {
            value["available_tags"] = json!(channel.tags);
            value["flags"] = json!(if channel.require_tag { 1 << 4 } else { 0 });
        }
        value
    }

    /// <https://discord.com/developers/docs/resources/guild#guild-object>
    pub fn guild_json(&self, guild: &Guild) -> Value {
        let roles: Vec<Value> = guild.roles.iter().map(|r| self.role_json(r)).collect();
        json!({
            "id": guild.id.to_string(),
            "name": guild.name,
            "icon": null,
            "splash": null,
            "discovery_splash": null,
            "description": null,
            "banner": null,
            "home_header": null,
            "owner_id": guild.owner_id.to_string(),
            "application_id": null,
            "region": "deprecated",
            "afk_channel_id": null,
            "afk_timeout": 300,
            "system_channel_id": null,
            "system_channel_flags": 0,
            "rules_channel_id": null,
            "public_updates_channel_id": null,
            "safety_alerts_channel_id": null,
            "verification_level": 1,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw": false,
            "nsfw_level": 0,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "premium_progress_bar_enabled": false,
            "preferred_locale": guild.locale,
            "vanity_url_code": null,
            "max_members": 25_000_000,
            "max_presences": null,
            "max_video_channel_users": 25,
            "max_stage_video_channel_users": 50,
            "widget_enabled": false,
            "widget_channel_id": null,
            "features": [],
            "emojis": [],
            "stickers": [],
            "roles": roles,
            "incidents_data": null,
        })
    }

    /// What GUILD_CREATE adds: <https://discord.com/developers/docs/events/gateway-events#guild-create>.
    /// Without the members intent only the bot itself is in `members`.
    pub fn guild_create_json(&self, guild: &Guild, all_members: bool) -> Value {
        let mut value = self.guild_json(guild);
        let here = |thread: bool| -> Value {
            let all = self.channels.values();
            let all = all.filter(|c| c.guild_id == Some(guild.id) && c.is_thread() == thread);
            all.map(|c| self.channel_json(c)).collect()
        };
        let members = guild.members.iter();
        let members = members.filter(|(id, _)| all_members || **id == self.bot);
        value["joined_at"] = json!(guild.members.get(&self.bot).map(|m| iso(m.joined_at)));
        value["large"] = json!(false);
        value["unavailable"] = json!(false);
        value["member_count"] = json!(guild.members.len());
        value["members"] = members.map(|(id, m)| self.member_json(*id, m)).collect();
        value["channels"] = here(false);
        value["threads"] = here(true);
        for empty in ["voice_states", "presences", "stage_instances", "guild_scheduled_events", "soundboard_sounds"] {
            value[empty] = json!([]);
        }
        value
    }

    /// <https://discord.com/developers/docs/resources/webhook#webhook-object>
    pub fn webhook_json(&self, webhook: &Webhook, with_user: bool) -> Value {
        let mut value = json!({
            "id": webhook.id.to_string(),
            "type": 1,
            "guild_id": webhook.guild_id.to_string(),
            "channel_id": webhook.channel_id.to_string(),
            "name": webhook.name,
            "avatar": null,
            "token": webhook.token,
            "application_id": webhook.application_id.map(|id| id.to_string()),
            "url": format!("https://discord.com/api/webhooks/{}/{}", webhook.id, webhook.token),
        });
        if with_user {
            value["user"] = self.user_json(webhook.creator);
        }
        value
    }

    /// A message as the gateway sends it: with guild and member.
    pub fn gateway_message(&self, channel_id: u64, message: &Value) -> Value {
        let mut value = message.clone();
        let Some(guild_id) = self.channels.get(&channel_id).and_then(|c| c.guild_id) else {
            return value;
        };
        value["guild_id"] = json!(guild_id.to_string());
        let author = value["author"]["id"].as_str().and_then(|id| id.parse().ok());
        let member = author.and_then(|id: u64| self.guilds.get(&guild_id)?.members.get(&id));
        if let Some(member) = member
            && value.get("webhook_id").is_none()
        {
            value["member"] = self.bare_member_json(member);
        }
        value
    }

    /// Without the message content intent, what others wrote arrives empty:
    /// <https://discord.com/developers/docs/events/gateway#message-content-intent>
    pub fn without_content(&self, mut message: Value) -> Value {
        let own = is_id(&message["author"]["id"], self.bot) || is_id(&message["application_id"], self.application);
        let mentioned =
            message["mentions"].as_array().is_some_and(|all| all.iter().any(|user| is_id(&user["id"], self.bot)));
        let channel = message["channel_id"].as_str().and_then(|id| id.parse().ok());
        let direct = channel.and_then(|id: u64| self.channels.get(&id)).is_some_and(|c| c.guild_id.is_none());
        if own || mentioned || direct {
            return message;
        }
        message["content"] = json!("");
        for list in ["embeds", "attachments", "components"] {
            message[list] = json!([]);
        }
        if let Some(map) = message.as_object_mut() {
            map.remove("poll");
        }
        message
    }

    /// A channel inside an interaction: with the invoking user's permissions.
    pub fn partial_channel_json(&self, channel: &Channel, user_id: u64) -> Value {
        let mut value = self.channel_json(channel);
        let held = permission::in_channel(self, channel, user_id);
        value["permissions"] = json!(held.to_string());
        value
    }

    /// <https://discord.com/developers/docs/topics/permissions#role-object>
    pub fn role_json(&self, role: &Role) -> Value {
        let mut value = json!({
            "id": role.id.to_string(),
            "name": role.name,
            "description": null,
            "color": role.color,
            "colors": {"primary_color": role.color, "secondary_color": null, "tertiary_color": null},
            "hoist": false,
            "icon": null,
            "unicode_emoji": null,
            "position": role.position,
            "permissions": role.permissions.to_string(),
            "managed": role.managed,
            "mentionable": role.mentionable,
            "flags": 0,
        });
        if role.managed {
            value["tags"] = json!({"bot_id": self.bot.to_string()});
        }
        value
    }
}

/// A timestamp as Discord writes it: `2026-01-01T00:00:00.123000+00:00`, no fraction when it is zero.
pub fn iso(at: DateTime<Utc>) -> String {
    if at.timestamp_subsec_micros() == 0 {
        at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
    } else {
        at.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
    }
}
