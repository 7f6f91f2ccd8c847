//! Sends in doubt: the channel's history says whether the message is there, where it can be read.

use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::limit::Action;
use super::settle::{Finding, doubt};
use super::{Delivery, forum};
use crate::id::{ChannelId, MessageId, mark, snowflake_at};
use crate::store::destination::Target;
use crate::store::lane::Lane;
use crate::store::send::{Post, Send};
use crate::upstream::discord::LookupError;
use crate::upstream::permission::{READ_MESSAGE_HISTORY, VIEW_CHANNEL};

/// Clocks may differ; looking back this much further costs a page at most.
pub(super) const MARGIN: TimeDelta = TimeDelta::minutes(2);
/// Pages of 100 messages that are read before the question is given up for now.
pub(super) const PAGES: usize = 50;
/// Messages of a webhook that are read one by one: as many as its limit lets pass at once.
const READ_BY_WEBHOOK: usize = 4;
/// When Discord does not answer the question, it is asked again after this long.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(10);
/// An attempt without an answer may still be under way at Discord for this long.
const SETTLING: TimeDelta = TimeDelta::seconds(15);

/// Looks for the message of a send whose fate is unknown.
pub(super) async fn look(delivery: &Delivery, lane: &Lane, send: &Send) -> Finding {
    let Some(since) = doubt(send) else { return Finding::Absent };
    let now = delivery.ports.clock.now();
    if now - since < SETTLING {
        return Finding::Later(SETTLING - (now - since), "waiting for the attempt to settle".into());
    }
    match search(delivery, lane, send, since).await {
        Ok(finding) => finding,
        Err(LookupError::RateLimited(wait)) => Finding::Later(wait, "Discord asks to wait".into()),
        Err(LookupError::Unauthorized) => {
            delivery.stop_all("401 while reading a channel's history");
            Finding::Later(ASK_AGAIN, "Discord refuses the bot's token".into())
        }
        // The post that it was to go into was deleted, and everything in it.
        Err(LookupError::Refused { code: 10003, .. }) if matches!(send.post, Some(Post::Into(_))) => Finding::Absent,
        Err(LookupError::Refused { explanation, .. }) => Finding::Unreadable(explanation),
        Err(error) => Finding::Later(ASK_AGAIN, error.to_string()),
    }
}

async fn search(
    delivery: &Delivery,
    lane: &Lane,
    send: &Send,
    since: chrono::DateTime<chrono::Utc>,
) -> Result<Finding, LookupError> {
    let (channel, webhook) = match &lane.destination.target {
        Target::Channel(channel) | Target::Thread(channel) => (*channel, None),
        Target::Forum(forum) => match &send.post {
            Some(Post::Into(thread)) => (*thread, None),
            _ => (*forum, None),
        },
        Target::Webhook { id, .. } => (delivery.webhook_place(&lane.destination).await?.0, Some(*id)),
    };
    // Without these Discord answers an empty list, which does not mean that nothing is there.
    let Some((place, held)) = delivery.visit(lane.destination.guild_id, channel, &OnceCell::new()).await? else {
        return Ok(Finding::Unreadable("the channel is in another server".into()));
    };
    if held & VIEW_CHANNEL == 0 || held & READ_MESSAGE_HISTORY == 0 {
        return Ok(Finding::Unreadable("Read Message History is missing: nobody can tell whether it arrived".into()));
    }
    // No attempt began later than the nonce window allows, and none lasted longer than its deadline.
    let until = since + delivery.nonce_window() + SETTLING + MARGIN;
    if let (Target::Forum(forum), Some(Post::Open(_))) = (&lane.destination.target, &send.post) {
        let window = snowflake_at(since - MARGIN)..snowflake_at(until);
        return forum::find_post(delivery, lane, send, *forum, since, window).await;
    }
    if let (Some(webhook), true) = (webhook, place.is_forum()) {
        let window = snowflake_at(since - MARGIN)..snowflake_at(until);
        return forum::find_webhook_post(delivery, lane, send, (channel, webhook), since, window).await;
    }
    let messages = history(delivery, channel, snowflake_at(since - MARGIN), snowflake_at(until)).await?;
    let Some(messages) = messages else {
        return Ok(Finding::Unreadable("the channel's history since then is too long to search".into()));
    };
    let ending = ending(send);
    if let Some(id) = messages.iter().find(|m| has_mark(m, &ending)).and_then(message_id) {
        return Ok(Finding::Found(id));
    }
    let Some(webhook) = webhook else { return Ok(Finding::Absent) };
    let window = snowflake_at(since - MARGIN)..snowflake_at(until);
    match read_by_webhook(delivery, lane, messages, &window, &ending).await? {
        Ok(ours) => Ok(Finding::Found(ours)),
        Err(messages) => webhook_candidates(delivery, lane, &messages, webhook, window).await,
    }
}

/// All messages between two snowflakes, or `None` when there are too many.
async fn history(
    delivery: &Delivery,
    channel: ChannelId,
    after: i64,
    until: i64,
) -> Result<Option<Vec<Value>>, LookupError> {
    let mut all = Vec::new();
    let mut after = after;
    for _ in 0..PAGES {
        let request = delivery.ports.discord.list_messages_after(channel, after);
        let page = delivery.look_up(Action::ReadMessages, channel.0, request).await?;
        let full = page.len() == 100;
        after = page.iter().filter_map(message_id).map(|id| id.0).max().unwrap_or(after);
        all.extend(page);
        if !full || after > until {
            return Ok(Some(all));
        }
    }
    Ok(None)
}

/// What a webhook posts cannot be read without the message-content intent: one unknown message of it
/// in the time window is ours, none means absent, several stay in doubt.
async fn webhook_candidates(
    delivery: &Delivery,
    lane: &Lane,
    messages: &[Value],
    webhook: i64,
    window: std::ops::Range<i64>,
) -> Result<Finding, LookupError> {
    let webhook = webhook.to_string();
    // Ours has an embed and no mark to be read: with one of its own, or with words alone, it is another's.
    let unreadable = |m: &&Value| {
        m["embeds"].as_array().is_none_or(Vec::is_empty) && m["content"].as_str().is_none_or(str::is_empty)
    };
    let candidates: Vec<MessageId> = messages
        .iter()
        .filter(|m| m["webhook_id"].as_str() == Some(&webhook))
        .filter(unreadable)
        .filter_map(message_id)
        .filter(|id| window.contains(&id.0))
        .collect();
    only_unknown(delivery, lane, candidates, true).await
}

/// Of those that could be it, the one that is not known as another. Not `sure`: even one alone could be another's.
pub(super) async fn only_unknown(
    delivery: &Delivery,
    lane: &Lane,
    candidates: Vec<MessageId>,
    sure: bool,
) -> Result<Finding, LookupError> {
    let ids: Vec<i64> = candidates.iter().map(|id| id.0).collect();
    let known = match delivery.ports.store.list_known_messages(lane.destination.id, &ids).await {
        Ok(known) => known,
        Err(error) => return Ok(Finding::Later(ASK_AGAIN, error.to_string())),
    };
    let unknown: Vec<MessageId> = candidates.into_iter().filter(|id| !known.contains(&id.0)).collect();
    Ok(match unknown.as_slice() {
        [] => Finding::Absent,
        [one] if sure => Finding::Found(*one),
        [_] => Finding::Unreadable("one message of this webhook could be it".into()),
        several => Finding::Unreadable(format!("{} messages of this webhook could be it", several.len())),
    })
}

/// The webhook itself may read each of its messages: one with our mark is ours, one without is another's. Returns ours,
/// or what is left when those of others are taken out.
async fn read_by_webhook(
    delivery: &Delivery,
    lane: &Lane,
    messages: Vec<Value>,
    window: &std::ops::Range<i64>,
    ending: &str,
) -> Result<Result<MessageId, Vec<Value>>, LookupError> {
    let Target::Webhook { id: webhook, token, .. } = &lane.destination.target else { return Ok(Err(messages)) };
    let sender = webhook.to_string();
    let is_meant = |m: &&Value| m["webhook_id"].as_str() == Some(&sender) && !is_readable(m);
    let ids = messages.iter().filter(is_meant).filter_map(message_id).map(|id| id.0);
    let ids: Vec<i64> = ids.filter(|id| window.contains(id)).collect();
    // Where the database does not say now, it is asked once more below.
    let known = delivery.ports.store.list_known_messages(lane.destination.id, &ids).await.unwrap_or_default();
    let unknown: Vec<i64> = ids.into_iter().filter(|id| !known.contains(id)).collect();
    if unknown.len() > READ_BY_WEBHOOK {
        return Ok(Err(messages));
    }
    let mut of_others = Vec::new();
    for id in unknown {
        let request = delivery.ports.discord.get_webhook_message(*webhook, token, MessageId(id));
        match delivery.look_up(Action::ReadWebhookMessage, *webhook, request).await {
            Ok(message) if has_mark(&message, ending) => return Ok(Ok(MessageId(id))),
            Ok(message) if is_readable(&message) => of_others.push(MessageId(id)),
            Ok(_) | Err(LookupError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let is_left = |m: &Value| message_id(m).is_none_or(|id| !of_others.contains(&id));
    Ok(Err(messages.into_iter().filter(is_left).collect()))
}

/// Without the intent, words and embeds of others are left out.
fn is_readable(message: &Value) -> bool {
    message["embeds"].as_array().is_some_and(|embeds| !embeds.is_empty())
        || message["content"].as_str().is_some_and(|words| !words.is_empty())
}

/// What the footers of a send's message end with.
pub(super) fn ending(send: &Send) -> String {
    format!(" · {}", mark(send.id))
}

pub(super) fn has_mark(message: &Value, ending: &str) -> bool {
    let embeds = message["embeds"].as_array().into_iter().flatten();
    embeds.filter_map(|e| e["footer"]["text"].as_str()).any(|footer| footer.ends_with(ending))
}

fn message_id(message: &Value) -> Option<MessageId> {
    message["id"].as_str()?.parse().ok().map(MessageId)
}
