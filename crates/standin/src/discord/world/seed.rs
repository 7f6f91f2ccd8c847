//! The default world: guild "Signal Town", its channels and people. All ids are fixed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Channel, Guild, Member, Role, User, World};
use crate::discord::permission;

pub const GUILD: u64 = 1_180_000_000_000_000_001;
pub const BOT: u64 = 1_180_000_000_000_000_002;
/// A bot's application has the same id as its user since 2016.
pub const APPLICATION: u64 = BOT;
const ADMIN: u64 = 1_180_000_000_000_000_011;
const APPROVER: u64 = 1_180_000_000_000_000_012;
const MEMBER: u64 = 1_180_000_000_000_000_013;
const ADMIN_ROLE: u64 = 1_180_000_000_000_000_021;
pub const APPROVER_ROLE: u64 = 1_180_000_000_000_000_022;
const BOT_ROLE: u64 = 1_180_000_000_000_000_023;
const FIRST_CHANNEL: u64 = 1_180_000_000_000_000_101;
const CHANNELS: [&str; 8] = ["ops", "tickets", "machines", "alerts", "stream", "matches", "party", "audit"];
/// The first part is the bot's id in base64, as in every bot token.
pub const TOKEN: &str = "MTE4MDAwMDAwMDAwMDAwMDAwMg.STANDI.not-a-secret-only-the-stand-in-takes-it";

/// Another one in each world: who has it can act as anybody.
pub fn signing_seed() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

impl World {
    pub fn signal_town() -> World {
        let joined_at = super::made_at(GUILD);
        let member = |roles: &[u64]| Member { nick: None, roles: roles.to_vec(), joined_at };
        let role = |id, name: &str, permissions, position, color, managed| Role {
            id,
            name: name.to_owned(),
            permissions,
            position,
            color,
            managed,
            mentionable: false,
        };
        let admin = permission::ADMINISTRATOR;
        let guild = Guild {
            id: GUILD,
            name: "Signal Town".into(),
            owner_id: ADMIN,
            locale: "en-US".into(),
            roles: vec![
                role(GUILD, "@everyone", permission::EVERYONE, 0, 0, false),
                role(APPROVER_ROLE, "Approver", 0, 1, 0x003b_a55d, false),
                role(BOT_ROLE, "Signalbox", permission::BOT_ROLE, 2, 0x0058_65f2, true),
                role(ADMIN_ROLE, "Admin", admin, 3, 0x00ed_4245, false),
            ],
            members: BTreeMap::from([
                (ADMIN, member(&[ADMIN_ROLE])),
                (APPROVER, member(&[APPROVER_ROLE])),
                (MEMBER, member(&[])),
                (BOT, member(&[BOT_ROLE])),
            ]),
        };
        let channels = (0u64..).zip(CHANNELS).map(|(n, name)| {
            let position = u16::try_from(n).unwrap_or(u16::MAX);
            let channel = Channel::text(FIRST_CHANNEL + n, GUILD, name, position, joined_at);
            (channel.id, channel)
        });
        let users = [
            User::new(ADMIN, "admin", "Ada Admin", false),
            User::new(APPROVER, "approver", "Abe Approver", false),
            User::new(MEMBER, "member", "Mia Member", false),
            User::new(BOT, "Signalbox", "Signalbox", true),
        ];
        World {
            bot: BOT,
            application: APPLICATION,
            token: TOKEN.into(),
            users: users.into_iter().map(|user| (user.id, user)).collect(),
            guilds: BTreeMap::from([(GUILD, guild)]),
            channels: channels.collect(),
            messages: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            commands: Vec::new(),
            created_commands: BTreeMap::new(),
            portal: serde_json::Map::new(),
            closed: BTreeSet::new(),
            nonces: Vec::new(),
            interactions: BTreeMap::new(),
            modals: Vec::new(),
            interactions_endpoint_url: None,
            signing_seed: signing_seed(),
            narration: String::new(),
            last_id: 0,
            events: Vec::new(),
        }
    }
}

impl Channel {
    pub fn text(id: u64, guild: u64, name: &str, position: u16, at: DateTime<Utc>) -> Channel {
        Channel {
            id,
            guild_id: Some(guild),
            name: name.to_owned(),
            kind: 0,
            position,
            parent_id: None,
            topic: None,
            overwrites: Vec::new(),
            recipient: None,
            thread: None,
            tags: Vec::new(),
            require_tag: false,
            created_at: at,
        }
    }
}

impl User {
    pub fn new(id: u64, username: &str, global_name: &str, bot: bool) -> User {
        User {
            id,
            username: username.to_owned(),
            global_name: (!bot).then(|| global_name.to_owned()),
            bot,
            locale: "en-US".into(),
        }
    }
}

impl World {
    /// A further guild with the bot, `admin` (its owner) and `member` in it.
    pub fn add_guild(&mut self, name: &str, now: DateTime<Utc>) -> u64 {
        let id = self.snowflake(now);
        let role = |id, name: &str, permissions, position, managed| Role {
            id,
            name: name.to_owned(),
            permissions,
            position,
            color: 0,
            managed,
            mentionable: false,
        };
        let bot_role = self.snowflake(now);
        let member = |roles: &[u64]| Member { nick: None, roles: roles.to_vec(), joined_at: now };
        let guild = Guild {
            id,
            name: name.to_owned(),
            owner_id: ADMIN,
            locale: "en-US".into(),
            roles: vec![
                role(id, "@everyone", permission::EVERYONE, 0, false),
                role(bot_role, "Signalbox", permission::BOT_ROLE, 1, true),
            ],
            members: BTreeMap::from([(ADMIN, member(&[])), (MEMBER, member(&[])), (BOT, member(&[bot_role]))]),
        };
        let json = self.guild_create_json(&guild, false);
        self.guilds.insert(id, guild);
        self.emit("GUILD_CREATE", json, Some(id), crate::discord::gateway::intent::GUILDS);
        id
    }

    pub fn add_channel(&mut self, guild: u64, name: &str, kind: u8, now: DateTime<Utc>) -> u64 {
        let id = self.snowflake(now);
        let siblings = self.channels.values().filter(|c| c.guild_id == Some(guild)).count();
        let position = u16::try_from(siblings).unwrap_or(u16::MAX);
        let mut channel = Channel::text(id, guild, name, position, now);
        channel.kind = kind;
        let json = self.channel_json(&channel);
        self.channels.insert(id, channel);
        self.emit("CHANNEL_CREATE", json, Some(guild), crate::discord::gateway::intent::GUILDS);
        id
    }
}
