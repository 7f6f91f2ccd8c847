//! Questions that a set-up asks Discord: who the bot is, where it is, what is there.

use serde::Deserialize;

use super::{DiscordClient, Looked, LookupError};
use crate::id::{GuildId, UserId};
use crate::upstream::permission::Channel;

/// <https://discord.com/developers/docs/resources/guild#guild-object>, as far as it is used here.
#[derive(Clone, Debug, Deserialize)]
pub struct Guild {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

impl DiscordClient {
    /// The bot's user id and name.
    pub async fn get_own_user(&self) -> Looked<(UserId, String)> {
        #[derive(Deserialize)]
        struct Me {
            id: String,
            username: String,
        }
        self.look_up::<Me>("/users/@me").await.and_then(|me| {
            let id = me.id.parse().map_err(|_| LookupError::Unreadable("a user without an id".into()))?;
            Ok((id, me.username))
        })
    }

    pub async fn get_guild(&self, guild: GuildId) -> Looked<Guild> {
        self.look_up(&format!("/guilds/{guild}")).await
    }

    /// The servers that the bot is in, at most 200.
    pub async fn list_own_guilds(&self) -> Looked<Vec<Guild>> {
        self.look_up("/users/@me/guilds").await
    }

    pub async fn list_channels(&self, guild: GuildId) -> Looked<Vec<Channel>> {
        self.look_up(&format!("/guilds/{guild}/channels")).await
    }
}
