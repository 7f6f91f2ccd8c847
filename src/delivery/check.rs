//! Whether Discord lets us use a destination, asked before the first message and now and then,
//! so that a missing permission is named before it hurts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use futures_util::future::try_join_all;
use tokio::sync::OnceCell;

use super::Delivery;
use super::lookup::Standing;
use crate::bus::Topic;
use crate::id::{ChannelId, GuildId};
use crate::source::notice;
use crate::store::destination::{Destination, ForumTag, Place, Target};
use crate::upstream::discord::LookupError;
use crate::upstream::permission::{Channel, EMBED_LINKS, MANAGE_THREADS, SEND_MESSAGES, Tag, VIEW_CHANNEL, missing};

const EVERY: TimeDelta = TimeDelta::minutes(10);
/// A disabled one sooner: somebody may be at work on it.
const DISABLED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Without an answer about the destination it is asked again after this long.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(2);
/// What one check may take: a few questions, each of which may have to wait for its turn.
const DEADLINE: Duration = Duration::from_secs(30);
/// Longer than that.
const CLAIM: TimeDelta = TimeDelta::minutes(1);

/// A claimed check.
pub struct Check {
    destination: Destination,
    /// The bot's roles are asked once for all channels of a guild that were claimed together.
    standing: Arc<OnceCell<Standing>>,
}

impl Delivery {
    /// Checks destinations whose last check is old. Returns how many were checked.
    pub async fn check_destinations_due(&self, limit: i64) -> Result<usize> {
        let checks = self.claim_checks(limit).await?.into_iter().map(|check| self.check(check));
        let answered = try_join_all(checks).await?;
        Ok(answered.into_iter().filter(|answered| *answered).count())
    }

    /// Claims checks that are due; each is for [`Delivery::check`].
    pub async fn claim_checks(&self, limit: i64) -> Result<Vec<Check>> {
        if self.ports.lifecycle.is_stopping() || !self.may_send().await {
            return Ok(Vec::new());
        }
        let now = self.ports.clock.now();
        let store = &self.ports.store;
        let due = store
            .claim_destination_checks(self.owner, now - EVERY, now - DISABLED_EVERY, now, now + CLAIM, limit)
            .await?;
        let mut standings: HashMap<GuildId, Arc<OnceCell<Standing>>> = HashMap::new();
        let check = |destination: Destination| Check {
            standing: standings.entry(destination.guild_id).or_default().clone(),
            destination,
        };
        Ok(due.into_iter().map(check).collect())
    }

    /// One claimed check. Returns whether there was an answer about the destination.
    pub async fn check(&self, check: Check) -> Result<bool> {
        let Check { destination, standing } = &check;
        let _work = self.ports.lifecycle.pulse().begin("check of a destination");
        let examined = tokio::time::timeout(DEADLINE, self.examine(destination, standing)).await;
        let wait = match examined {
            Ok(Ok(problem)) => {
                self.record(destination, problem.as_deref()).await?;
                // What waited for this answer goes on, whoever is still being asked.
                self.ports.wake.wake(Topic::Deliverer);
                return Ok(true);
            }
            Ok(Err(LookupError::Unauthorized)) => {
                self.stop_all("401 while checking a destination");
                ASK_AGAIN
            }
            Ok(Err(LookupError::RateLimited(wait))) => {
                tracing::debug!(destination = %destination.id, %wait, "the check of a destination waits for a limit");
                wait
            }
            Ok(Err(error)) => {
                tracing::warn!(destination = %destination.id, %error, "a destination could not be checked");
                ASK_AGAIN
            }
            Err(_) => {
                tracing::warn!(destination = %destination.id, "the check of a destination takes too long");
                ASK_AGAIN
            }
        };
        self.ports.store.put_off_destination_check(destination.id, self.ports.clock.now() + wait).await?;
        Ok(false)
    }

    /// What is wrong with a destination, in words for an admin.
    pub(super) async fn examine(
        &self,
        destination: &Destination,
        standing: &OnceCell<Standing>,
    ) -> Result<Option<String>, LookupError> {
        match &destination.target {
            Target::Webhook { .. } => match self.webhook_place(destination).await {
                Ok((_, guild)) if guild.is_some_and(|g| g != destination.guild_id) => {
                    Ok(Some("the webhook belongs to another server".into()))
                }
                Ok(_) => Ok(None),
                Err(LookupError::Refused { code, explanation, .. }) => {
                    Ok(Some(problem_text(destination, code, &explanation)))
                }
                Err(other) => Err(other),
            },
            Target::Channel(channel) | Target::Thread(channel) | Target::Forum(channel) => {
                match self.visit(destination.guild_id, *channel, standing).await {
                    Ok(None) => Ok(Some(format!(
                        "channel {channel} is in another server; only channels of server {} can be used",
                        destination.guild_id
                    ))),
                    Ok(Some((found, held))) => {
                        self.remember(destination, &found, held).await;
                        Ok(lacking(*channel, &found, held))
                    }
                    Err(LookupError::Refused { code, explanation, .. }) => {
                        Ok(Some(problem_text(destination, code, &explanation)))
                    }
                    Err(other) => Err(other),
                }
            }
        }
    }

    /// What the channel is, and which tags its posts may have, stands with the destination.
    async fn remember(&self, destination: &Destination, found: &Channel, held: u64) {
        let usable = |tag: &&Tag| !tag.moderated || held & MANAGE_THREADS != 0;
        let tags: Vec<ForumTag> = found
            .available_tags
            .iter()
            .filter(usable)
            .enumerate()
            .map(|(n, tag)| ForumTag {
                id: tag.id.clone(),
                name: tag.name.clone(),
                fallback: n == 0 && found.requires_tag(),
            })
            .collect();
        let place = Place {
            kind: match found {
                _ if found.is_forum() => "forum",
                _ if found.is_thread() => "thread",
                _ => "channel",
            },
            name: found.name.as_deref(),
            tags: found.is_forum().then_some(&tags),
        };
        if let Err(error) = self.ports.store.save_destination_place(destination.id, &place).await {
            tracing::warn!(destination = %destination.id, %error, "what a channel is was not stored");
        }
    }

    pub(super) async fn record(&self, destination: &Destination, problem: Option<&str>) -> Result<()> {
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
    let named = delivery.examine(destination, &OnceCell::new()).await.ok().flatten();
    let problem = named.unwrap_or_else(|| problem_text(destination, code, why));
    delivery.record(destination, Some(&problem)).await
}

/// What the bot may not do, in Discord's words.
fn lacking(channel: ChannelId, found: &Channel, held: u64) -> Option<String> {
    if found.is_forum()
        && found.requires_tag()
        && found.available_tags.iter().all(|tag| tag.moderated)
        && held & MANAGE_THREADS == 0
    {
        return Some(format!(
            "posts in <#{channel}> must have a tag, and Signalbox may set none: add a tag that everyone may use, or allow Manage Threads"
        ));
    }
    if found.thread_metadata.is_some_and(|thread| thread.locked) && held & MANAGE_THREADS == 0 {
        return Some(format!(
            "the thread <#{channel}> is locked: unlock it, or allow Signalbox Manage Threads in its channel"
        ));
    }
    let vital = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS;
    if held & vital == vital {
        return None;
    }
    let words = missing(held).join(", ");
    if found.is_thread() {
        // The permission to send in a thread is another one.
        let words = words.replace("Send Messages", "Send Messages in Threads");
        return Some(format!(
            "Signalbox lacks {words} in the thread <#{channel}>: allow it in the permissions of its channel"
        ));
    }
    Some(format!("Signalbox lacks {words} in <#{channel}>: allow it in the channel's permissions"))
}

fn problem_text(destination: &Destination, code: i64, explanation: &str) -> String {
    let name = match &destination.target {
        Target::Channel(channel) => format!("channel {channel} (<#{channel}>)"),
        Target::Thread(thread) => format!("thread {thread} (<#{thread}>)"),
        Target::Forum(forum) => format!("forum {forum} (<#{forum}>)"),
        Target::Webhook { id, .. } => format!("webhook {id}"),
    };
    match code {
        10003 => format!("{name} does not exist any more, or its id is wrong"),
        10015 => format!("{name} was deleted"),
        50001 => format!("Signalbox lacks View Channel in {name}: allow it in the channel's permissions"),
        50083 => format!("{name} is archived and locked"),
        50013 => format!("Signalbox lacks a permission in {name}"),
        50027 => format!("the token of {name} is not valid"),
        _ => format!("of {name} Discord says: {explanation} ({code})"),
    }
}
