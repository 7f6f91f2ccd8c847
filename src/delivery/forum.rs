//! Forums: which post a message goes into, what the post of a card should be, and the requests that make it so.

use std::ops::Range;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Delivery;
use super::classify::{ARCHIVED_THREAD, Action, Verdict, classify};
use super::limit::{Action as RouteAction, Gate, RouteKey};
use super::reconcile::{MARGIN, PAGES, has_mark, only_unknown};
use super::settle::Finding;
use crate::id::{ChannelId, MessageId};
use crate::routing::embed::Embed;
use crate::routing::post::{About, NewPost, PostState, Tag, notice_name, tags};
use crate::store::card::CardView;
use crate::store::destination::{Destination, Target};
use crate::store::lane::Lane;
use crate::store::message::Queued;
use crate::store::send::{Post, Send};
use crate::upstream::discord::{Answer, LookupError, Thread, post_name};

/// Where in the forum a message goes, and what that post is about.
#[derive(Default)]
pub(super) struct Plan {
    pub post: Option<Post>,
    pub key: Option<String>,
}

/// A card has a post of its own. What else is said about the same thing goes into that, or into one that the first
/// of it opens.
pub(super) async fn plan(delivery: &Delivery, destination: &Destination, first: &Queued) -> Result<Plan> {
    if !matches!(destination.target, Target::Forum(_)) {
        return Ok(Plan::default());
    }
    let store = &delivery.ports.store;
    let topic = store.get_topic(destination.id, first.id).await?;
    let (name, words) = match first.card_id {
        Some(card_id) => {
            let view = store.get_card(card_id).await?;
            (about(&view).name(), about(&view).words())
        }
        None => {
            if let Some(thread) = topic.thread {
                return Ok(Plan { post: Some(Post::Into(thread)), key: topic.key });
            }
            let embed: Embed = first.embed.clone().and_then(|e| serde_json::from_value(e).ok()).unwrap_or_default();
            let family = topic.kind.split('.').next().unwrap_or_default().to_owned();
            (notice_name(&embed), vec![vec![topic.severity], vec![family]])
        }
    };
    let post = NewPost { name, tags: fitting(destination, &words) };
    Ok(Plan { post: Some(Post::Open(post)), key: topic.key })
}

/// What the card is about.
pub(super) fn about(view: &CardView) -> About<'_> {
    About {
        kind: view.kind,
        state: &view.state,
        approval: view.approval.as_ref(),
        statuses: view.controls.as_ref().map(|c| c.statuses.as_slice()).unwrap_or_default(),
    }
}

pub(super) fn fitting(destination: &Destination, words: &[Vec<String>]) -> Vec<String> {
    let available: Vec<Tag<'_>> =
        destination.forum_tags.iter().map(|tag| Tag { id: &tag.id, name: &tag.name, fallback: tag.fallback }).collect();
    tags(words, &available)
}

/// What the post of a card should be; `None` outside of forums.
pub(super) fn wanted(destination: &Destination, view: &CardView) -> Option<PostState> {
    if !matches!(destination.target, Target::Forum(_)) {
        return None;
    }
    let about = about(view);
    let archived = destination.archives_resolved && about.is_resolved();
    Some(PostState { tags: fitting(destination, &about.words()), archived })
}

/// Where the message of a card is, if that is no webhook's: in a forum, its own post.
pub(super) fn place(destination: &Destination, message: MessageId) -> Option<ChannelId> {
    match destination.target {
        Target::Channel(channel) | Target::Thread(channel) => Some(channel),
        Target::Forum(_) => Some(ChannelId(message.0)),
        Target::Webhook { .. } => None,
    }
}

/// How far the requests of an edit came.
pub(super) enum Step {
    /// Discord's last answer, and what it means.
    Answered(Verdict, Box<Answer>),
    WaitUntil(DateTime<Utc>),
    /// The lease is lost.
    Leave,
}

impl Step {
    fn is_done(&self) -> bool {
        matches!(self, Step::Answered(Verdict::Done(_), _))
    }

    /// What a post may not be made does not keep its message from being shown.
    fn lets_go_on(&self) -> bool {
        self.is_done() || matches!(self, Step::Answered(Verdict::Rejected(_), _))
    }
}

/// Brings the message of a card, and its post in a forum, to what they should be. A post is opened before its
/// message is edited ("archived threads are generally immutable"), and archived after it. What was done is done
/// again after a failure: each request says what should be.
pub(super) async fn show(
    delivery: &Delivery,
    lane: &Lane,
    view: &CardView,
    message: MessageId,
    body: &Value,
) -> Result<Step> {
    let wanted = wanted(&lane.destination, view);
    if let Some(wanted) = &wanted {
        let open = PostState { archived: false, ..wanted.clone() };
        if view.post.as_ref() != Some(&open) {
            let change = json!({ "archived": false, "applied_tags": wanted.tags });
            let step = change_post(delivery, lane, ChannelId(message.0), &change).await?;
            if !step.lets_go_on() {
                return Ok(step);
            }
        }
    }
    let mut step = edit(delivery, lane, message, body).await?;
    if let Step::Answered(Verdict::Rejected(_), answer) = &step
        && answer.reply.code == Some(ARCHIVED_THREAD)
        && let Some(thread) = place(&lane.destination, message)
    {
        let opened = change_post(delivery, lane, thread, &json!({ "archived": false })).await?;
        if !opened.is_done() {
            return Ok(opened);
        }
        step = edit(delivery, lane, message, body).await?;
    }
    if step.is_done() && wanted.is_some_and(|wanted| wanted.archived) {
        let archived = change_post(delivery, lane, ChannelId(message.0), &json!({ "archived": true })).await?;
        if !archived.lets_go_on() {
            return Ok(archived);
        }
    }
    Ok(step)
}

async fn edit(delivery: &Delivery, lane: &Lane, message: MessageId, body: &Value) -> Result<Step> {
    let discord = &delivery.ports.discord;
    match &lane.destination.target {
        Target::Webhook { id, token, channel } => {
            let route = RouteKey::webhook(*id, channel.map(|c| c.0));
            let request = discord.edit_webhook_message(*id, token, message, body);
            ask(delivery, lane, Action::Edit, route, request).await
        }
        Target::Channel(channel) | Target::Thread(channel) => {
            let route = RouteKey::new(RouteAction::EditMessage, channel.0);
            ask(delivery, lane, Action::Edit, route, discord.edit_message(*channel, message, body)).await
        }
        Target::Forum(_) => {
            let route = RouteKey::new(RouteAction::EditMessage, message.0);
            let request = discord.edit_message(ChannelId(message.0), message, body);
            ask(delivery, lane, Action::EditInPost, route, request).await
        }
    }
}

async fn change_post(delivery: &Delivery, lane: &Lane, thread: ChannelId, change: &Value) -> Result<Step> {
    let route = RouteKey::new(RouteAction::EditThread, thread.0);
    ask(delivery, lane, Action::ChangePost, route, delivery.ports.discord.change_thread(thread, change)).await
}

/// One request, within the limits and the lease.
async fn ask(
    delivery: &Delivery,
    lane: &Lane,
    action: Action,
    route: RouteKey,
    request: impl Future<Output = Answer>,
) -> Result<Step> {
    let ports = &delivery.ports;
    if let Gate::WaitUntil(at) = delivery.limiter().check(&route, ports.clock.now()) {
        return Ok(Step::WaitUntil(at));
    }
    if !ports.store.renew_lane(lane, ports.clock.now() + delivery.lease()).await? {
        return Ok(Step::Leave);
    }
    let answer = request.await;
    let verdict = classify(action, &answer.reply);
    delivery.watch_answer("edit", &verdict, &answer);
    let mut limits = answer.limits.clone();
    if matches!(verdict, Verdict::EditWait(..)) {
        // It speaks of this message, not of the bucket.
        limits.retry_after = None;
    }
    delivery.limiter().observe(&route, &limits, ports.clock.now());
    Ok(Step::Answered(verdict, Box::new(answer)))
}

/// Looks for the post that a send of unknown fate may have opened: no nonce there. Posts bear their time in their
/// id, so what is archived meanwhile is looked through as far back as that.
pub(super) async fn find_post(
    delivery: &Delivery,
    lane: &Lane,
    send: &Send,
    forum: ChannelId,
    since: DateTime<Utc>,
    window: Range<i64>,
) -> Result<Finding, LookupError> {
    let own = delivery.own_id().await?.to_string();
    let Some(threads) = threads(delivery, lane, forum, since).await? else {
        return Ok(Finding::Unreadable("too many posts were archived since then to search them".into()));
    };
    let parent = forum.to_string();
    let ours = threads.iter().filter(|thread| thread.owner_id.as_deref() == Some(own.as_str()));
    let here = ours.filter(|thread| thread.parent_id.as_deref() == Some(parent.as_str()));
    let ids: Vec<(i64, &Thread)> = here.filter_map(|thread| Some((thread.id.parse().ok()?, thread))).collect();
    let ending = super::reconcile::ending(send);
    for (id, thread) in ids.into_iter().filter(|(id, _)| window.contains(id)) {
        let request = delivery.ports.discord.get_message(ChannelId(id), MessageId(id));
        let is_it = match delivery.look_up(RouteAction::ReadMessages, id, request).await {
            Ok(first) => has_mark(&first, &ending),
            // Its first message was deleted by hand: only the name is left to go by.
            Err(LookupError::Refused { code: 10008, .. }) => {
                matches!(&send.post, Some(Post::Open(post)) if post.name == thread.name)
            }
            Err(LookupError::Refused { code: 10003, .. }) => false,
            Err(other) => return Err(other),
        };
        if is_it {
            return Ok(Finding::Found(MessageId(id)));
        }
    }
    Ok(Finding::Absent)
}

/// Looks for the post that a webhook may have opened. Its first message cannot be read without the message-content
/// intent, but who wrote it can, and how the post is called.
pub(super) async fn find_webhook_post(
    delivery: &Delivery,
    lane: &Lane,
    send: &Send,
    (forum, webhook): (ChannelId, i64),
    since: DateTime<Utc>,
    window: Range<i64>,
) -> Result<Finding, LookupError> {
    let Some(threads) = threads(delivery, lane, forum, since).await? else {
        return Ok(Finding::Unreadable("too many posts were archived since then to search them".into()));
    };
    let (parent, webhook, name) = (forum.to_string(), webhook.to_string(), post_name(&send.body));
    let here = threads.iter().filter(|thread| thread.parent_id.as_deref() == Some(parent.as_str()));
    let here = here.filter_map(|thread| Some((thread.id.parse().ok()?, thread)));
    let (mut called, mut others) = (Vec::new(), Vec::new());
    for (id, thread) in here.filter(|(id, _)| window.contains(id)) {
        let request = delivery.ports.discord.get_message(ChannelId(id), MessageId(id));
        let author = match delivery.look_up(RouteAction::ReadMessages, id, request).await {
            Ok(first) => first["webhook_id"].as_str().map(str::to_owned),
            // Its first message was deleted by hand: whoever opened it is left to go by.
            Err(LookupError::Refused { code: 10008, .. }) => thread.owner_id.clone(),
            Err(LookupError::Refused { code: 10003, .. }) => None,
            Err(other) => return Err(other),
        };
        if author.as_deref() == Some(&webhook) {
            let found = if thread.name == name { &mut called } else { &mut others };
            found.push(MessageId(id));
        }
    }
    match only_unknown(delivery, lane, called, true).await? {
        // One that is called otherwise may have been renamed since.
        Finding::Absent => only_unknown(delivery, lane, others, false).await,
        found => Ok(found),
    }
}

/// The open threads, and those that were archived since then; `None` when there are too many.
async fn threads(
    delivery: &Delivery,
    lane: &Lane,
    forum: ChannelId,
    since: DateTime<Utc>,
) -> Result<Option<Vec<Thread>>, LookupError> {
    let discord = &delivery.ports.discord;
    let guild = lane.destination.guild_id;
    let active = delivery.look_up(RouteAction::ReadThreads, guild.0, discord.list_active_threads(guild)).await?;
    let mut all = active.threads;
    let mut before = None;
    for _ in 0..PAGES {
        let request = discord.list_archived_threads(forum, before);
        let page = delivery.look_up(RouteAction::ReadThreads, forum.0, request).await?;
        before = page.threads.last().and_then(Thread::archived_at);
        all.extend(page.threads);
        if !page.has_more || before.is_none_or(|at| at < since - MARGIN) {
            return Ok(Some(all));
        }
    }
    Ok(None)
}
