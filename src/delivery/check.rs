//! Whether Discord lets us use a destination, asked before the first message and now and then,
//! so that a missing permission is named before it hurts.

use std::collections::HashMap;

use anyhow::Result;
use chrono::TimeDelta;

use super::Delivery;
use super::lookup::{Access, Standing};
use super::worker::PULSE;
use crate::bus::Topic;
use crate::id::GuildId;
use crate::source::notice;
use crate::store::destination::{Destination, Target};
use crate::upstream::discord::LookupError;
use crate::upstream::permission::{EMBED_LINKS, SEND_MESSAGES, VIEW_CHANNEL, missing};

const EVERY: TimeDelta = TimeDelta::minutes(10);
/// A disabled one sooner: somebody may be at work on it.
const DISABLED_EVERY: TimeDelta = TimeDelta::minutes(1);

impl Delivery {
    /// Checks destinations whose last check is old. Returns how many were checked.
    pub async fn check_destinations_due(&self, limit: i64) -> Result<usize> {
        let now = self.ports.clock.now();
        let due = self.ports.store.list_unchecked_destinations(now - EVERY, now - DISABLED_EVERY, limit).await?;
        if due.is_empty() || !self.may_send().await {
            return Ok(0);
        }
        let mut checked = 0;
        // The bot's roles are asked once for all channels of a guild.
        let mut standings: HashMap<GuildId, Option<Standing>> = HashMap::new();
        for destination in due {
            if self.ports.lifecycle.is_stopping() {
                break;
            }
            self.ports.lifecycle.pulse().beat(PULSE);
            let standing = standings.entry(destination.guild_id).or_default();
            match self.examine(&destination, standing).await {
                Ok(problem) => {
                    checked += 1;
                    self.record(&destination, problem.as_deref()).await?;
                }
                Err(LookupError::Unauthorized) => {
                    self.stop_all("401 while checking a destination");
                    break;
                }
                Err(LookupError::RateLimited(wait)) => {
                    tracing::debug!(%wait, "checks of destinations wait for a limit");
                    break;
                }
                // Not an answer about the destination: asked again at the next turn. Where nothing answers at
                // all, the others are not asked either.
                Err(error) => {
                    tracing::warn!(destination = %destination.id, %error, "a destination could not be checked");
                    if !matches!(error, LookupError::Unreadable(_)) {
                        break;
                    }
                }
            }
        }
        if checked > 0 {
            self.ports.wake.wake(Topic::Deliverer);
        }
        Ok(checked)
    }

    /// What is wrong with a destination, in words for an admin.
    async fn examine(
        &self,
        destination: &Destination,
        standing: &mut Option<Standing>,
    ) -> Result<Option<String>, LookupError> {
        match &destination.target {
            Target::Webhook { .. } => match self.webhook_place(destination).await {
                Ok((_, guild)) if guild.is_some_and(|g| g != destination.guild_id) => {
                    Ok(Some("the webhook belongs to another server".into()))
                }
                Ok(_) => Ok(None),
                Err(LookupError::Unauthorized) => Ok(Some(problem_text(destination, 50027, ""))),
                Err(LookupError::Refused { code, explanation, .. }) => {
                    Ok(Some(problem_text(destination, code, &explanation)))
                }
                Err(other) => Err(other),
            },
            Target::Channel(channel) => match self.access(destination.guild_id, *channel, standing).await {
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
                Err(LookupError::Refused { code, explanation, .. }) => {
                    Ok(Some(problem_text(destination, code, &explanation)))
                }
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
}

/// Discord refused a message for the destination's sake: find out why, and switch it off meanwhile.
pub(super) async fn disable(delivery: &Delivery, destination: &Destination, code: i64, why: &str) -> Result<()> {
    let named = delivery.examine(destination, &mut None).await.ok().flatten();
    let problem = named.unwrap_or_else(|| problem_text(destination, code, why));
    delivery.record(destination, Some(&problem)).await
}

fn problem_text(destination: &Destination, code: i64, explanation: &str) -> String {
    let name = match &destination.target {
        Target::Channel(channel) => format!("channel {channel} (<#{channel}>)"),
        Target::Webhook { id, .. } => format!("webhook {id}"),
    };
    match code {
        10003 => format!("{name} does not exist any more, or its id is wrong"),
        10015 => format!("{name} was deleted"),
        50001 => format!("Signalbox lacks View Channel in {name}: allow it in the channel's permissions"),
        50013 => format!("Signalbox lacks a permission in {name}"),
        50027 => format!("the token of {name} is not valid"),
        _ => format!("of {name} Discord says: {explanation} ({code})"),
    }
}
