//! What is done to members: roles that they are given.
//!
//! <https://discord.com/developers/docs/resources/guild#add-guild-member-role>

use reqwest::Method;

use super::{Answer, DiscordClient};
use crate::id::{GuildId, RoleId, UserId};

impl DiscordClient {
    /// Gives a member a role; one that they have already is no error.
    pub async fn add_member_role(&self, guild: GuildId, user: UserId, role: RoleId) -> Answer {
        self.send(self.bot(Method::PUT, &format!("/guilds/{guild}/members/{user}/roles/{role}"))).await
    }
}
