//! What a member may do in a channel: base permissions, then overwrites.
//!
//! <https://discord.com/developers/docs/topics/permissions#permission-overwrites>

use super::world::{Channel, World};

pub const ADMINISTRATOR: u64 = 1 << 3;
pub const MANAGE_CHANNELS: u64 = 1 << 4;
pub const ADD_REACTIONS: u64 = 1 << 6;
pub const VIEW_CHANNEL: u64 = 1 << 10;
pub const SEND_MESSAGES: u64 = 1 << 11;
pub const SEND_TTS_MESSAGES: u64 = 1 << 12;
pub const MANAGE_MESSAGES: u64 = 1 << 13;
pub const EMBED_LINKS: u64 = 1 << 14;
pub const ATTACH_FILES: u64 = 1 << 15;
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
pub const MENTION_EVERYONE: u64 = 1 << 17;
pub const USE_EXTERNAL_EMOJIS: u64 = 1 << 18;
pub const CHANGE_NICKNAME: u64 = 1 << 26;
pub const MANAGE_ROLES: u64 = 1 << 28;
pub const MANAGE_WEBHOOKS: u64 = 1 << 29;
pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
pub const MANAGE_THREADS: u64 = 1 << 34;
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
pub const PIN_MESSAGES: u64 = 1 << 51;
/// Every bit that Discord has given a meaning so far.
pub const ALL: u64 = (1 << 53) - 1;

/// What `@everyone` may do in the default world.
pub const EVERYONE: u64 = VIEW_CHANNEL
    | SEND_MESSAGES
    | READ_MESSAGE_HISTORY
    | EMBED_LINKS
    | ATTACH_FILES
    | ADD_REACTIONS
    | CHANGE_NICKNAME
    | USE_APPLICATION_COMMANDS
    | SEND_MESSAGES_IN_THREADS;
/// What the bot's own (managed) role adds to that.
pub const BOT_ROLE: u64 = MANAGE_WEBHOOKS
    | MANAGE_MESSAGES
    | MANAGE_ROLES
    | MENTION_EVERYONE
    | USE_EXTERNAL_EMOJIS
    | CREATE_PUBLIC_THREADS
    | MANAGE_THREADS
    | PIN_MESSAGES;
/// In a direct message there are no roles: both may write and read.
const DIRECT: u64 = VIEW_CHANNEL
    | SEND_MESSAGES
    | READ_MESSAGE_HISTORY
    | EMBED_LINKS
    | ATTACH_FILES
    | ADD_REACTIONS
    | USE_APPLICATION_COMMANDS;

/// Guild-wide permissions: the union over the member's roles, everything for the owner and administrators.
pub fn base(world: &World, guild_id: u64, user_id: u64) -> u64 {
    let Some(guild) = world.guilds.get(&guild_id) else {
        return 0;
    };
    let Some(member) = guild.members.get(&user_id) else {
        return 0;
    };
    if guild.owner_id == user_id {
        return ALL;
    }
    let held = guild
        .roles
        .iter()
        .filter(|role| role.id == guild_id || member.roles.contains(&role.id))
        .fold(0, |sum, role| sum | role.permissions);
    if held & ADMINISTRATOR != 0 { ALL } else { held }
}

/// Permissions in one channel. A thread has those of its parent, with SEND_MESSAGES taken from SEND_MESSAGES_IN_THREADS.
pub fn in_channel(world: &World, channel: &Channel, user_id: u64) -> u64 {
    let Some(guild_id) = channel.guild_id else {
        return if channel.recipient == Some(user_id) || user_id == world.bot { DIRECT } else { 0 };
    };
    if channel.is_thread() {
        let parent = channel.parent_id.and_then(|id| world.channels.get(&id));
        let held = parent.map_or(0, |parent| in_channel(world, parent, user_id));
        let send = if held & SEND_MESSAGES_IN_THREADS != 0 { SEND_MESSAGES } else { 0 };
        return held & !SEND_MESSAGES | send;
    }
    let mut held = base(world, guild_id, user_id);
    if held & ADMINISTRATOR != 0 {
        return ALL;
    }
    let roles = world
        .guilds
        .get(&guild_id)
        .and_then(|guild| guild.members.get(&user_id))
        .map(|member| member.roles.clone())
        .unwrap_or_default();
    let find = |id: u64| channel.overwrites.iter().find(|o| o.id == id);
    if let Some(everyone) = find(guild_id) {
        held = held & !everyone.deny | everyone.allow;
    }
    let of_roles = channel.overwrites.iter().filter(|o| o.id != guild_id && roles.contains(&o.id));
    let (allow, deny) = of_roles.fold((0, 0), |(a, d), o| (a | o.allow, d | o.deny));
    held = held & !deny | allow;
    if let Some(own) = find(user_id) {
        held = held & !own.deny | own.allow;
    }
    // Without VIEW_CHANNEL nothing else holds; without SEND_MESSAGES what belongs to sending does not ("implicit permissions").
    if held & VIEW_CHANNEL == 0 {
        return 0;
    }
    if held & SEND_MESSAGES == 0 {
        held &= !(MENTION_EVERYONE | SEND_TTS_MESSAGES | ATTACH_FILES | EMBED_LINKS);
    }
    held
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::discord::world::Overwrite;

    /// What `user` may do in #ops under these overwrites of (role or member, allow, deny).
    fn held(user: &str, overwrites: &[(u64, u64, u64)]) -> u64 {
        let mut world = World::signal_town();
        let user = world.user_named(user).unwrap().id;
        let ops = world.channel_named("ops").unwrap().id;
        let members = world.users.clone();
        let ops = world.channels.get_mut(&ops).unwrap();
        ops.overwrites = overwrites
            .iter()
            .map(|&(id, allow, deny)| Overwrite { id, member: members.contains_key(&id), allow, deny })
            .collect();
        let ops = ops.clone();
        in_channel(&world, &ops, user)
    }

    #[test]
    fn roles_beat_everyone_and_the_member_beats_roles() {
        let everyone = crate::discord::world::GUILD;
        let role = crate::discord::world::APPROVER_ROLE;
        let world = World::signal_town();
        let approver = world.user_named("approver").unwrap().id;
        let closed = (everyone, 0, SEND_MESSAGES);
        let open = (role, SEND_MESSAGES, 0);
        assert_eq!(held("member", &[]), EVERYONE);
        assert_eq!(held("member", &[closed]) & SEND_MESSAGES, 0);
        assert_ne!(held("approver", &[closed, open]) & SEND_MESSAGES, 0);
        let own = (approver, 0, SEND_MESSAGES);
        assert_eq!(held("approver", &[closed, open, own]) & SEND_MESSAGES, 0);
    }

    #[test]
    fn an_administrator_ignores_overwrites_and_the_unseen_allows_nothing() {
        let everyone = crate::discord::world::GUILD;
        assert_eq!(held("admin", &[(everyone, 0, ALL)]), ALL);
        assert_eq!(held("member", &[(everyone, 0, VIEW_CHANNEL)]), 0);
        let mute = held("member", &[(everyone, 0, SEND_MESSAGES)]);
        assert_eq!(mute & (EMBED_LINKS | ATTACH_FILES), 0);
        assert_ne!(mute & READ_MESSAGE_HISTORY, 0);
    }
}
