//! How a server's connection with Kick stands, for `/kick status` and `/kick doctor`.

use anyhow::Result;
use chrono::TimeDelta;
use url::Url;

use super::check::{self, WANTED};
use super::client;
use super::connect::redirect_uri;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::kick::KickChannel;
use crate::store::kick::stream::KickStream;
use crate::store::kick::subscription::KickSubscription;
use crate::store::kick_account::{KickAccount, Purpose};
use crate::store::kick_check::KickCheck;

/// How far back what was not said is shown.
const UNSAID: TimeDelta = TimeDelta::hours(24);

/// A server's connection.
pub struct Status {
    pub channels: Vec<ChannelStatus>,
    /// The account that speaks where the application's bot may not.
    pub speaker: Option<KickAccount>,
    /// False: the operator has switched the reception off.
    pub receives: bool,
    /// What the app's settings at Kick have to hold.
    pub redirect_uri: Option<Url>,
}

pub struct ChannelStatus {
    pub channel: KickChannel,
    pub account: Option<KickAccount>,
    pub check: Option<KickCheck>,
    /// By kind, those that Kick delivers by.
    pub subscriptions: Vec<KickSubscription>,
    pub stream: Option<KickStream>,
    /// Why something was not said lately, the newest first.
    pub unsaid: Vec<String>,
}

impl ChannelStatus {
    /// How many of the wanted kinds Kick sends.
    pub fn delivered(&self) -> usize {
        let is_there = |kind: &&&str| self.subscriptions.iter().any(|s| s.kind == **kind && s.listed_at.is_some());
        WANTED.iter().filter(is_there).count()
    }
}

pub async fn status(ports: &Ports, guild_id: GuildId) -> Result<Status> {
    client(ports)?;
    let accounts = ports.store.list_kick_accounts(guild_id).await?;
    let now = ports.clock.now();
    let mut channels = Vec::new();
    for channel in ports.store.list_kick_channels(guild_id).await? {
        let broadcaster = channel.broadcaster_user_id;
        let is_of = |a: &&KickAccount| a.purpose == Purpose::Streamer && a.kick_user_id == broadcaster;
        let unsaid = ports.store.list_unsaid_kick_chat(guild_id, channel.id, now - UNSAID).await?;
        channels.push(ChannelStatus {
            account: accounts.iter().find(is_of).cloned(),
            check: ports.store.find_kick_check(broadcaster).await?,
            subscriptions: ports.store.list_kick_subscriptions(Some(broadcaster)).await?,
            stream: ports.store.find_live_kick_stream(guild_id, channel.id).await?,
            unsaid: unsaid.into_iter().map(|(_, why)| why).collect(),
            channel,
        });
    }
    Ok(Status {
        channels,
        speaker: accounts.into_iter().find(|account| account.purpose == Purpose::Bot),
        receives: check::is_on(ports),
        redirect_uri: redirect_uri(&ports.config),
    })
}

/// The same after every channel was looked after, which mends what can be mended.
pub async fn examine(ports: &Ports, guild_id: GuildId) -> Result<Status> {
    client(ports)?;
    if check::is_on(ports) {
        for channel in ports.store.list_kick_channels(guild_id).await? {
            check::check_now(ports, channel.broadcaster_user_id).await?;
        }
    }
    status(ports, guild_id).await
}
