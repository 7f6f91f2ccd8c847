//! Questions about the application itself: what the doctor wants to know.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::{DiscordClient, Looked, LookupError, describe};
use crate::id::{ChannelId, GuildId, UserId};

/// The application behind the token, as far as it can be set wrong.
#[derive(Clone, Debug, Deserialize)]
pub struct Application {
    pub id: String,
    pub name: String,
    #[serde(default)]
    flags: u64,
    #[serde(default)]
    pub bot_require_code_grant: bool,
    #[serde(default)]
    pub verify_key: Option<String>,
    #[serde(default)]
    pub interactions_endpoint_url: Option<String>,
}

/// What messages of others say.
pub const CONTENT_INTENT: &str = "Message Content Intent";
/// <https://discord.com/developers/docs/resources/application#application-object-application-flags>
const PRIVILEGED: [(u64, &str); 3] = [
    (1 << 12 | 1 << 13, "Presence Intent"),
    (1 << 14 | 1 << 15, "Server Members Intent"),
    (1 << 18 | 1 << 19, CONTENT_INTENT),
];

impl Application {
    /// Those that are switched on, in the words of the developer portal.
    pub fn privileged_intents(&self) -> Vec<&'static str> {
        PRIVILEGED.iter().filter(|(bits, _)| self.flags & bits != 0).map(|(_, name)| *name).collect()
    }
}

/// Messages looked through for buttons.
const NEWEST: u8 = 50;

impl DiscordClient {
    pub async fn get_application(&self) -> Looked<Application> {
        self.look_up("/applications/@me").await
    }

    /// Names of the application's commands, of one guild or of all.
    pub async fn list_command_names(&self, application: &str, guild: Option<GuildId>) -> Looked<Vec<String>> {
        let scope = guild.map_or_else(String::new, |guild| format!("/guilds/{guild}"));
        let commands: Looked<Vec<Value>> = self.look_up(&format!("/applications/{application}{scope}/commands")).await;
        commands.and_then(|all| {
            let mut names: Vec<String> = all.iter().filter_map(|c| c["name"].as_str().map(str::to_owned)).collect();
            names.sort();
            Ok(names)
        })
    }

    /// Discord's clock by the `Date` of an answer, in whole seconds.
    pub async fn read_clock(&self) -> Result<DateTime<Utc>, LookupError> {
        let sent = self.http.get(format!("{}/gateway", self.base)).send().await;
        let response = sent.map_err(|error| LookupError::Unreachable(describe(&error)))?;
        let date = response.headers().get("date").and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        date.map(|date| date.to_utc()).ok_or_else(|| LookupError::Unreadable("an answer without a date".into()))
    }

    /// The ids of buttons and selects on the newest messages of `own` in a channel.
    pub async fn list_own_custom_ids(&self, channel: ChannelId, own: UserId) -> Looked<Vec<String>> {
        let messages: Looked<Vec<Value>> = self.look_up(&format!("/channels/{channel}/messages?limit={NEWEST}")).await;
        let own = own.to_string();
        messages.and_then(|all| {
            let ours = all.iter().filter(|m| m["author"]["id"] == own.as_str() && m["webhook_id"].is_null());
            let rows = ours.flat_map(|m| m["components"].as_array().into_iter().flatten());
            let components = rows.flat_map(|row| row["components"].as_array().into_iter().flatten());
            Ok(components.filter_map(|c| c["custom_id"].as_str().map(str::to_owned)).collect())
        })
    }
}
