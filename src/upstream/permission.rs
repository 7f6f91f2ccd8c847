//! What the bot may do in a channel, computed from roles and overwrites as Discord does.
//!
//! <https://discord.com/developers/docs/topics/permissions#permission-overwrites>. Pure.

use serde::Deserialize;

use crate::id::RoleId;

pub const ADMINISTRATOR: u64 = 1 << 3;
pub const MANAGE_GUILD: u64 = 1 << 5;
pub const VIEW_CHANNEL: u64 = 1 << 10;
pub const SEND_MESSAGES: u64 = 1 << 11;
pub const EMBED_LINKS: u64 = 1 << 14;
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
pub const MANAGE_THREADS: u64 = 1 << 34;
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;

/// What every routed channel needs, in the words of Discord's settings.
pub const NEEDED: [(u64, &str); 4] = [
    (VIEW_CHANNEL, "View Channel"),
    (SEND_MESSAGES, "Send Messages"),
    (EMBED_LINKS, "Embed Links"),
    (READ_MESSAGE_HISTORY, "Read Message History"),
];

/// Whether these permissions of a member are enough to manage the server.
pub fn manages(permissions: u64) -> bool {
    permissions & (MANAGE_GUILD | ADMINISTRATOR) != 0
}

/// Whether a member has one of the roles that are needed, or manages the server where none is. Else the roles.
pub fn has_one_of(needed: &[RoleId], held: &[RoleId], permissions: u64) -> Result<(), Vec<RoleId>> {
    let may = if needed.is_empty() { manages(permissions) } else { needed.iter().any(|role| held.contains(role)) };
    if may { Ok(()) } else { Err(needed.to_vec()) }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Role {
    pub id: String,
    pub permissions: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    #[serde(default)]
    pub roles: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Channel {
    pub id: String,
    #[serde(default)]
    pub guild_id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    /// 0 is text, 5 announcement, 10 to 12 threads, 15 forum, 16 media.
    #[serde(default, rename = "type")]
    pub kind: u8,
    #[serde(default)]
    pub permission_overwrites: Vec<Overwrite>,
    #[serde(default)]
    pub parent_id: Option<String>,
    #[serde(default)]
    pub thread_metadata: Option<ThreadMetadata>,
    /// Of a forum.
    #[serde(default)]
    pub available_tags: Vec<Tag>,
    #[serde(default)]
    pub flags: u64,
}

/// <https://discord.com/developers/docs/resources/channel#thread-metadata-object>
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ThreadMetadata {
    #[serde(default)]
    pub archived: bool,
    #[serde(default)]
    pub locked: bool,
}

/// <https://discord.com/developers/docs/resources/channel#forum-tag-object>
#[derive(Clone, Debug, Deserialize)]
pub struct Tag {
    pub id: String,
    pub name: String,
    /// Only members with Manage Threads may set it.
    #[serde(default)]
    pub moderated: bool,
}

/// Posts of this forum must have a tag.
const REQUIRE_TAG: u64 = 1 << 4;

impl Channel {
    pub fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }

    /// Takes posts and no messages of its own; a media channel is one, too.
    pub fn is_forum(&self) -> bool {
        matches!(self.kind, 15 | 16)
    }

    pub fn requires_tag(&self) -> bool {
        self.flags & REQUIRE_TAG != 0
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Overwrite {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: u8,
    pub allow: String,
    pub deny: String,
}

/// The member's permissions in the channel. `guild_id` is also the id of the @everyone role.
pub fn compute(guild_id: &str, user_id: &str, member: &Member, roles: &[Role], channel: &Channel) -> u64 {
    let bits = |text: &str| text.parse::<u64>().unwrap_or(0);
    let held = |id: &str| id == guild_id || member.roles.iter().any(|r| r == id);
    let base = roles.iter().filter(|r| held(&r.id)).fold(0, |acc, r| acc | bits(&r.permissions));
    if base & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let overwrites = &channel.permission_overwrites;
    let mut result = base;
    if let Some(everyone) = overwrites.iter().find(|o| o.kind == 0 && o.id == guild_id) {
        result = (result & !bits(&everyone.deny)) | bits(&everyone.allow);
    }
    let of_roles = || overwrites.iter().filter(|o| o.kind == 0 && o.id != guild_id && held(&o.id));
    let denied = of_roles().fold(0, |acc, o| acc | bits(&o.deny));
    let allowed = of_roles().fold(0, |acc, o| acc | bits(&o.allow));
    result = (result & !denied) | allowed;
    if let Some(own) = overwrites.iter().find(|o| o.kind == 1 && o.id == user_id) {
        result = (result & !bits(&own.deny)) | bits(&own.allow);
    }
    // Without View Channel nothing else counts.
    if result & VIEW_CHANNEL == 0 { 0 } else { result }
}

/// What holds in a thread, from what holds in its parent: there another permission is needed to send.
///
/// <https://discord.com/developers/docs/topics/threads#permissions>
pub fn in_thread(held_in_parent: u64) -> u64 {
    let send = if held_in_parent & SEND_MESSAGES_IN_THREADS == 0 { 0 } else { SEND_MESSAGES };
    held_in_parent & !SEND_MESSAGES | send
}

/// The number in the invite link: all that is needed.
pub fn invite() -> u64 {
    NEEDED.iter().fold(0, |all, (bit, _)| all | bit)
}

/// Names of the needed permissions that are missing.
pub fn missing(held: u64) -> Vec<&'static str> {
    NEEDED.iter().filter(|(bit, _)| held & bit == 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overwrite(id: &str, kind: u8, allow: u64, deny: u64) -> Overwrite {
        Overwrite { id: id.into(), kind, allow: allow.to_string(), deny: deny.to_string() }
    }

    fn channel(permission_overwrites: Vec<Overwrite>) -> Channel {
        Channel { permission_overwrites, ..serde_json::from_str(r#"{"id": "9", "guild_id": "1"}"#).unwrap() }
    }

    fn roles() -> Vec<Role> {
        let all = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS | READ_MESSAGE_HISTORY;
        vec![Role { id: "1".into(), permissions: all.to_string() }, Role { id: "2".into(), permissions: "0".into() }]
    }

    #[test]
    fn overwrites_apply_in_discords_order() {
        let member = Member { roles: vec!["2".into()] };
        let held = |o: Vec<Overwrite>| compute("1", "7", &member, &roles(), &channel(o));
        assert!(missing(held(vec![])).is_empty());
        assert_eq!(missing(held(vec![overwrite("1", 0, 0, SEND_MESSAGES)])), ["Send Messages"]);
        assert!(
            missing(held(vec![overwrite("1", 0, 0, SEND_MESSAGES), overwrite("2", 0, SEND_MESSAGES, 0)])).is_empty()
        );
        assert_eq!(
            missing(held(vec![overwrite("2", 0, SEND_MESSAGES, 0), overwrite("7", 1, 0, SEND_MESSAGES)])),
            ["Send Messages"]
        );
        assert_eq!(held(vec![overwrite("1", 0, 0, VIEW_CHANNEL)]), 0);
    }

    #[test]
    fn a_thread_asks_for_a_permission_of_its_own() {
        assert_eq!(
            missing(in_thread(VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS)),
            ["Send Messages", "Read Message History"]
        );
        assert_eq!(in_thread(SEND_MESSAGES_IN_THREADS) & SEND_MESSAGES, SEND_MESSAGES);
    }

    #[test]
    fn an_administrator_may_everything() {
        let roles = vec![Role { id: "1".into(), permissions: ADMINISTRATOR.to_string() }];
        let locked = channel(vec![overwrite("1", 0, 0, u64::MAX)]);
        assert_eq!(compute("1", "7", &Member { roles: vec![] }, &roles, &locked), u64::MAX);
    }
}
