//! Whether Discord lets us use a destination, asked before the first message and every ten minutes,
//! so that a missing permission is named before it hurts.

use anyhow::Result;
use chrono::TimeDelta;

use super::{Delivery, lock};
use crate::bus::Topic;
use crate::id::{ChannelId, GuildId};
use crate::source::notice;
use crate::store::destination::{Destination, Target};
use crate::store::lane::Lane;
use crate::upstream::discord::LookupError;
use crate::upstream::permission::{EMBED_LINKS, SEND_MESSAGES, VIEW_CHANNEL, compute, missing};

const EVERY: TimeDelta = TimeDelta::minutes(10);

/// What the bot may do in a channel.
pub(super) enum Access {
    /// The channel belongs to another server: nothing of this guild may be shown there.
    Elsewhere,
    Held(u64),
}

pub(super) async fn access(delivery: &Delivery, guild: GuildId, channel: ChannelId) -> Result<Access, LookupError> {
    let discord = &delivery.ports.discord;
    let found = discord.get_channel(channel).await?;
    if found.guild_id.as_deref() != Some(guild.to_string().as_str()) {
        return Ok(Access::Elsewhere);
    }
    let own = delivery.own_id().await?;
    let roles = discord.list_roles(guild).await?;
    let member = discord.get_member(guild, own).await?;
    Ok(Access::Held(compute(&guild.to_string(), &own.to_string(), &member, &roles, &found)))
}

impl Delivery {
    /// Checks destinations whose last check is old. Returns how many were checked.
    pub async fn check_destinations_due(&self, limit: i64) -> Result<usize> {
        let now = self.ports.clock.now();
        let due = self.ports.store.list_unchecked_destinations(now - EVERY, limit).await?;
        let mut checked = 0;
        for destination in due {
            match self.examine(&destination).await {
                Ok(problem) => {
                    checked += 1;
                    self.record(&destination, problem.as_deref()).await?;
                }
                // Not an answer about the destination: asked again at the next turn.
                Err(error) => {
                    tracing::warn!(destination = %destination.id, %error, "a destination could not be checked");
                    break;
                }
            }
        }
        if checked > 0 {
            self.ports.wake.wake(Topic::Deliverer);
        }
        Ok(checked)
    }

    /// What is wrong with a destination, in words for an admin.
    async fn examine(&self, destination: &Destination) -> Result<Option<String>, LookupError> {
        match &destination.target {
            Target::Webhook { id, token, .. } => match self.ports.discord.get_webhook_channel(*id, token).await {
                Ok((_, guild)) if guild.is_some_and(|g| g != destination.guild_id) => {
                    Ok(Some("the webhook belongs to another server".into()))
                }
                Ok(_) => Ok(None),
                Err(LookupError::Unauthorized) => Ok(Some("the webhook's token is not valid".into())),
                Err(LookupError::Refused { code, explanation, .. }) => Ok(Some(problem_text(code, &explanation))),
                Err(other) => Err(other),
            },
            Target::Channel(channel) => match access(self, destination.guild_id, *channel).await {
                Ok(Access::Elsewhere) => Ok(Some(format!(
                    "channel {channel} is in another server; only channels of server {} can be used",
                    destination.guild_id
                ))),
                Ok(Access::Held(held)) => {
                    let vital = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS;
                    let lacking = missing(held);
                    Ok((held & vital != vital).then(|| {
                        format!(
                            "Signalbox lacks {} in <#{channel}>: allow it in the channel's permissions",
                            lacking.join(", ")
                        )
                    }))
                }
                Err(LookupError::Refused { code, explanation, .. }) => Ok(Some(problem_text(code, &explanation))),
                Err(other) => Err(other),
            },
        }
    }

    async fn record(&self, destination: &Destination, problem: Option<&str>) -> Result<()> {
        let now = self.ports.clock.now();
        let changed = self.ports.store.record_destination_check(destination.id, problem, now).await?;
        if let (true, Some(problem)) = (changed, problem) {
            tracing::warn!(destination = %destination.id, problem, "a destination cannot be used; its messages wait");
            let text = format!("A destination cannot be used, its messages wait: {problem}.");
            let key = format!("destination:{}:{}", destination.id, now.timestamp());
            notice::tell_admins(&self.ports, destination.guild_id, &key, &text).await?;
        } else if changed {
            tracing::info!(destination = %destination.id, "a destination can be used again");
        }
        Ok(())
    }

    /// The channel of a webhook destination, asked once.
    pub(super) async fn webhook_channel(&self, lane: &Lane) -> Result<ChannelId, LookupError> {
        if let Some(channel) = lock(&self.webhook_channels).get(&lane.destination.id) {
            return Ok(*channel);
        }
        let Target::Webhook { id, token, .. } = &lane.destination.target else {
            return Err(LookupError::Unreadable("not a webhook".into()));
        };
        let (channel, _) = self.ports.discord.get_webhook_channel(*id, token).await?;
        lock(&self.webhook_channels).insert(lane.destination.id, channel);
        Ok(channel)
    }
}

/// Discord refused a message for the destination's sake: find out why, and switch it off meanwhile.
pub(super) async fn disable(delivery: &Delivery, destination: &Destination, code: i64, why: &str) -> Result<()> {
    let named = delivery.examine(destination).await.ok().flatten();
    let problem = named.unwrap_or_else(|| problem_text(code, why));
    delivery.record(destination, Some(&problem)).await
}

fn problem_text(code: i64, explanation: &str) -> String {
    match code {
        10003 => "the channel does not exist any more, or its id is wrong".into(),
        10015 => "the webhook was deleted".into(),
        50001 => "Signalbox cannot see the channel: give it View Channel".into(),
        50013 => "Signalbox lacks a permission in the channel".into(),
        50027 => "the webhook's token is not valid".into(),
        _ => format!("Discord says: {explanation} ({code})"),
    }
}
