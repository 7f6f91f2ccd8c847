//! Creates: what is queued is rendered, frozen, sent and settled; what is unfinished is taken up again.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::classify::{Action, Verdict, classify};
use super::limit::{Action as RouteAction, Gate, RouteKey};
use super::settle::{Circumstances, doubt, settle, settle_finding, window_over};
use super::worker::{Next, lease};
use super::{Delivery, batch, check, forum, reconcile};
use crate::clock::jitter;
use crate::event::kind::SubjectKind;
use crate::id::{base62, mark};
use crate::lifecycle::together::Job;
use crate::ports::Ports;
use crate::routing::board::{self, Board};
use crate::routing::card;
use crate::routing::embed::{Button, ButtonStyle, CONTENT, Embed, MessageBody, escape};
use crate::routing::silence::Receipt;
use crate::routing::ticket;
use crate::store::audit::Author;
use crate::store::card::CardView;
use crate::store::destination::Target;
use crate::store::lane::Lane;
use crate::store::message::Queued;
use crate::store::send::{Finish, Freeze, NewAttempt, NewSend, Post, Send, SendState, SendUpdate};
use crate::upstream::discord::Answer;

/// Takes the next queued message, or as many notices as fit into one, and sends it. What is left are the notices that
/// may follow without another look.
pub(super) async fn next(delivery: &Delivery, lane: &mut Lane, queued: &mut Vec<Queued>) -> Result<Next> {
    let ports = &delivery.ports;
    let ahead = std::mem::take(queued);
    let Some(first) = ahead.first() else { return Ok(Next::Idle) };
    let plan = forum::plan(delivery, &lane.destination, first).await?;
    let window = delivery.window(first);
    if let Some(wait) = gate(delivery, lane, plan.post.as_ref()) {
        return Ok(Next::WaitUntil(wait));
    }
    let id = ports.clock.uuid();
    let new = match first.card_id {
        Some(card_id) => freeze_card(delivery, lane, id, first, card_id).await?,
        None => match first.change_id {
            Some(change_id) => freeze_change(delivery, id, first, change_id).await?,
            None if first.receipt.is_some() => freeze_receipt(lane, id, first),
            // A post is about one thing.
            None if plan.post.is_some() => freeze_notices(id, &ahead[..1], false),
            None => freeze_notices(id, &ahead, !window.is_zero()),
        },
    };
    let mut new = NewSend { post: plan.post, post_key: plan.key, ..new };
    if let Target::Webhook { .. } = lane.destination.target {
        as_sender(&mut new.body, first.sender_name.as_deref(), first.sender_avatar_url.as_deref());
    }
    let new = Arc::new(new);
    let Some(now) = freeze(delivery, lane, &new).await? else { return Ok(Next::Leave) };
    crate::crash::point("send.frozen");
    let new = Arc::unwrap_or_clone(new);
    let send = Send {
        id,
        message_ids: new.message_ids,
        card_id: new.card_id,
        body: new.body,
        state: SendState::Open,
        attempting_at: None,
        ambiguous_at: None,
        attempts: 0,
        own_failures: 0,
        set_aside: false,
        note: None,
        created_at: now,
        post: new.post,
        post_key: new.post_key,
    };
    let told = ahead.iter().filter(|message| send.message_ids.contains(&message.id));
    let events: HashMap<Uuid, DateTime<Utc>> = told.filter_map(|message| message.event).collect();
    // Posts of a forum are not gathered.
    let rests = send.card_id.is_none() && send.post.is_none() && !window.is_zero();
    match attempt(delivery, lane, &send, now, Some(events)).await? {
        Next::Go if rests => Ok(Next::WaitUntil(now + window)),
        Next::Go if send.card_id.is_none() && send.post.is_none() && send.post_key.is_none() => {
            *queued = ahead;
            queued.drain(..send.message_ids.len().min(queued.len()));
            if queued.first().is_some_and(|next| !next.is_notice()) {
                queued.clear();
            }
            Ok(Next::Go)
        }
        next => Ok(next),
    }
}

/// The row is committed before anything is sent, and the lease outlives the request. Returns when the attempt began, or
/// nothing when the lane is no longer ours.
async fn freeze(delivery: &Delivery, lane: &Lane, new: &Arc<NewSend>) -> Result<Option<DateTime<Utc>>> {
    if let Some(job) = Freeze::of(lane, new)
        && let Some(frozen) = delivery.freezing.join(&delivery.ports, job).await
    {
        return Ok(frozen);
    }
    let now = delivery.ports.clock.now();
    let is_frozen = delivery.ports.store.freeze_send(lane, new, now, now + delivery.lease()).await?;
    Ok(is_frozen.then_some(now))
}

/// As whom a webhook posts, <https://discord.com/developers/docs/resources/webhook#execute-webhook>.
pub(super) fn as_sender(body: &mut Value, name: Option<&str>, avatar_url: Option<&str>) {
    for (field, value) in [("username", name), ("avatar_url", avatar_url)] {
        if let Some(value) = value {
            body[field] = value.into();
        }
    }
}

/// Goes on with a send that is open or in doubt.
pub(super) async fn resume(delivery: &Delivery, lane: &mut Lane, send: Send) -> Result<Next> {
    let ports = &delivery.ports;
    let now = ports.clock.now();
    let in_doubt = matches!(send.state, SendState::InDoubt | SendState::Unresolved)
        || doubt(&send)
            .is_some_and(|since| window_over(since, now, delivery.nonce_window(), has_nonce(lane, send.post.as_ref())));
    if in_doubt {
        return reconcile_send(delivery, lane, &send).await;
    }
    if let Some(wait) = gate(delivery, lane, send.post.as_ref()) {
        return Ok(Next::WaitUntil(wait));
    }
    if !ports.store.begin_attempt(lane, send.id, now, now + delivery.lease()).await? {
        return Ok(Next::Leave);
    }
    attempt(delivery, lane, &send, now, None).await
}

async fn reconcile_send(delivery: &Delivery, lane: &mut Lane, send: &Send) -> Result<Next> {
    let ports = &delivery.ports;
    if !ports.store.renew_lane(lane, ports.clock.now() + delivery.lease()).await? {
        return Ok(Next::Leave);
    }
    let started_at = ports.clock.now();
    let finding = reconcile::look(delivery, lane, send).await;
    let update = settle_finding(send, &finding, &delivery.circumstances(lane, send, started_at));
    let attempt = NewAttempt {
        send_id: Some(send.id),
        card_id: send.card_id,
        started_at,
        duration_ms: 0,
        action: "reconcile",
        status: None,
        code: None,
        outcome: update.state.as_str(),
        note: update.note.clone(),
    };
    finish(delivery, lane, send, &update, &attempt).await
}

/// `events` is what the send tells of, with its arrival, where that is at hand.
async fn attempt(
    delivery: &Delivery,
    lane: &mut Lane,
    send: &Send,
    started_at: DateTime<Utc>,
    events: Option<HashMap<Uuid, DateTime<Utc>>>,
) -> Result<Next> {
    let ports = &delivery.ports;
    let with_nonce = || {
        let mut body = send.body.clone();
        if !crate::crash::lacks("no-nonce") {
            body["nonce"] = json!(base62(send.id));
            body["enforce_nonce"] = json!(true);
        }
        body
    };
    let (action, answer) = match (&lane.destination.target, &send.post) {
        (Target::Webhook { id, token, .. }, _) => {
            (Action::Webhook, ports.discord.execute_webhook(*id, token, &send.body).await)
        }
        (Target::Forum(forum), Some(Post::Open(post))) => {
            (Action::Post, ports.discord.create_post(*forum, &post.request(&send.body)).await)
        }
        (Target::Forum(_), Some(Post::Into(thread))) => {
            (Action::Reply, ports.discord.create_message(*thread, &with_nonce()).await)
        }
        (Target::Channel(place) | Target::Thread(place) | Target::Forum(place), _) => {
            (Action::Create, ports.discord.create_message(*place, &with_nonce()).await)
        }
    };
    crate::crash::point("send.answered");
    delivery.limiter().observe(&route(lane, send.post.as_ref()), &answer.limits, ports.clock.now());
    let verdict = classify(action, &answer.reply);
    let update = settle(send, &verdict, &delivery.circumstances(lane, send, started_at));
    delivery.watch_answer(if action == Action::Webhook { "webhook" } else { "create" }, &verdict, &answer);
    let log = attempt_line(send, started_at, &answer, &update);
    let next = finish(delivery, lane, send, &update, &log).await?;
    delivery.watch_send(send, started_at, update.state, &verdict, events).await;
    Ok(consequences(delivery, lane, &verdict).await?.unwrap_or(next))
}

/// What a verdict means beyond its own message.
pub(super) async fn consequences(delivery: &Delivery, lane: &Lane, verdict: &Verdict) -> Result<Option<Next>> {
    match verdict {
        Verdict::WaitAll(wait, why) => {
            delivery.pause_all(delivery.ports.clock.now() + *wait, why);
            Ok(Some(Next::Leave))
        }
        Verdict::Stop(why) => {
            delivery.stop_all(why);
            Ok(Some(Next::Leave))
        }
        Verdict::Unusable(code, why) => {
            check::disable(delivery, &lane.destination, *code, why).await?;
            Ok(Some(Next::Leave))
        }
        _ => Ok(None),
    }
}

async fn finish(
    delivery: &Delivery,
    lane: &mut Lane,
    send: &Send,
    update: &SendUpdate,
    attempt: &NewAttempt,
) -> Result<Next> {
    if update.state == SendState::Dead {
        tracing::warn!(send = %send.id, note = update.note, "a message was not delivered");
    }
    let held = put_down(delivery, lane, send, update, attempt).await?;
    crate::crash::point("send.finished");
    if !held {
        return Ok(Next::Leave);
    }
    lane.failures = update.lane_failures;
    Ok(update.lane_not_before.map_or(Next::Go, Next::WaitUntil))
}

/// Writes what an attempt came to. False when the lane is no longer ours.
async fn put_down(
    delivery: &Delivery,
    lane: &Lane,
    send: &Send,
    update: &SendUpdate,
    attempt: &NewAttempt,
) -> Result<bool> {
    let ports = &delivery.ports;
    if let Some(job) = Finish::of(lane, send, update, attempt)
        && let Some(held) = delivery.finishing.join(ports, job).await
    {
        return Ok(held);
    }
    // A finish that is repeated says the same again.
    Ok(ports.store.finish_send(lane, send, update, attempt, ports.clock.now()).await?)
}

fn attempt_line(send: &Send, started_at: DateTime<Utc>, answer: &Answer, update: &SendUpdate) -> NewAttempt {
    NewAttempt {
        send_id: Some(send.id),
        card_id: send.card_id,
        started_at,
        duration_ms: answer.duration_ms,
        action: "create",
        status: (answer.reply.status > 0).then_some(i32::from(answer.reply.status)),
        code: answer.reply.code,
        outcome: update.state.as_str(),
        note: update.note.clone(),
    }
}

/// A card's create is rendered from the state as it is now; what is newer follows as an edit.
async fn freeze_card(delivery: &Delivery, lane: &Lane, id: Uuid, queued: &Queued, card_id: Uuid) -> Result<NewSend> {
    let view = delivery.ports.store.get_card(card_id).await?;
    let mut body = card_body(delivery, &view);
    body.mentions = queued.mentions.clone();
    body.content = mention_line(&body.mentions);
    // A post is archived by an edit: one that begins resolved is behind from the start.
    let is_to_be_archived = forum::wanted(&lane.destination, &view).is_some_and(|post| post.archived);
    Ok(NewSend {
        id,
        message_ids: vec![queued.id],
        card_id: Some(card_id),
        card_version: Some(view.version - i64::from(is_to_be_archived)),
        body: body.to_json(&mark(id)),
        post: None,
        post_key: None,
    })
}

/// The leading notices that go into one message, up to the next card or change.
fn freeze_notices(id: Uuid, queued: &[Queued], lists: bool) -> NewSend {
    let notices = with_room(queued);
    let embed = |m: &&Queued| m.embed.clone().and_then(|e| serde_json::from_value(e).ok()).unwrap_or_default();
    let (count, embeds) = batch::pack(&notices.iter().map(embed).collect::<Vec<Embed>>(), lists);
    let mut body = MessageBody { embeds, ..MessageBody::default() };
    for mention in notices[..count].iter().flat_map(|message| &message.mentions) {
        if !body.mentions.contains(mention) {
            body.mentions.push(mention.clone());
        }
    }
    let contents = notices[..count].iter().filter_map(|message| message.content.clone());
    let lines: Vec<String> = mention_line(&body.mentions).into_iter().chain(contents).collect();
    body.content = (!lines.is_empty()).then(|| lines.join("\n"));
    let message_ids = notices[..count].iter().map(|message| message.id).collect();
    let body = body.to_json(&mark(id));
    NewSend { id, message_ids, card_id: None, card_version: None, body, post: None, post_key: None }
}

/// Notices whose own texts and mentions fit into one message; at least one.
fn with_room(queued: &[Queued]) -> Vec<&Queued> {
    let notices = queued.iter().take_while(|message| message.is_notice());
    let mut written = 0;
    let mut fitting: Vec<&Queued> = Vec::new();
    for message in notices {
        let content = message.content.as_ref().map_or(0, |content| content.chars().count() + 1);
        written += content + mention_line(&message.mentions).map_or(0, |line| line.len() + 1);
        if written > CONTENT && !fitting.is_empty() {
            break;
        }
        fitting.push(message);
    }
    fitting
}

/// A change of a route or template stands alone: who made it, and its Undo.
async fn freeze_change(delivery: &Delivery, id: Uuid, queued: &Queued, change_id: Uuid) -> Result<NewSend> {
    let by = delivery.ports.store.find_change_author(change_id).await?;
    let embed: Embed = queued.embed.clone().and_then(|e| serde_json::from_value(e).ok()).unwrap_or_default();
    let by = match by {
        Some(Author::Member(user)) => format!("<@{user}>"),
        Some(Author::Key(name)) => format!("the API key {}", escape(&name)),
        None => "someone".to_owned(),
    };
    let lines: Vec<String> = mention_line(&queued.mentions).into_iter().chain(queued.content.clone()).collect();
    let body = MessageBody {
        content: (!lines.is_empty()).then(|| lines.join("\n")),
        embeds: vec![embed.field("By", by, true)],
        buttons: vec![Button {
            custom_id: format!("v1:route:undo:{change_id}"),
            label: "Undo".to_owned(),
            emoji: None,
            style: ButtonStyle::Secondary,
        }],
        mentions: queued.mentions.clone(),
        ..MessageBody::default()
    };
    let body = body.to_json(&mark(id));
    Ok(NewSend {
        id,
        message_ids: vec![queued.id],
        card_id: None,
        card_version: None,
        body,
        post: None,
        post_key: None,
    })
}

/// What tells of things held back stands alone, with its buttons; those of a webhook would not work.
fn freeze_receipt(lane: &Lane, id: Uuid, queued: &Queued) -> NewSend {
    let embed: Embed = queued.embed.clone().and_then(|e| serde_json::from_value(e).ok()).unwrap_or_default();
    let receipt: Option<Receipt> = queued.receipt.clone().and_then(|r| serde_json::from_value(r).ok());
    let can_press = !matches!(lane.destination.target, Target::Webhook { .. });
    let buttons = receipt.filter(|_| can_press).map(|receipt| receipt.buttons()).unwrap_or_default();
    let body = MessageBody { embeds: vec![embed], buttons, ..MessageBody::default() };
    let body = body.to_json(&mark(id));
    NewSend { id, message_ids: vec![queued.id], card_id: None, card_version: None, body, post: None, post_key: None }
}

/// Mentions ping only in the content.
fn mention_line(mentions: &[String]) -> Option<String> {
    (!mentions.is_empty()).then(|| mentions.join(" "))
}

/// Neither webhooks nor the opening of a post know a nonce.
fn has_nonce(lane: &Lane, post: Option<&Post>) -> bool {
    match lane.destination.target {
        Target::Webhook { .. } => false,
        Target::Forum(_) => !matches!(post, Some(Post::Open(_))),
        Target::Channel(_) | Target::Thread(_) => true,
    }
}

fn route(lane: &Lane, post: Option<&Post>) -> RouteKey {
    match (&lane.destination.target, post) {
        (Target::Webhook { id, channel, .. }, _) => RouteKey::webhook(*id, channel.map(|c| c.0)),
        (Target::Forum(forum), Some(Post::Open(_))) => RouteKey::new(RouteAction::CreateThread, forum.0),
        (Target::Forum(_), Some(Post::Into(thread))) => RouteKey::new(RouteAction::CreateMessage, thread.0),
        (Target::Channel(place) | Target::Thread(place) | Target::Forum(place), _) => {
            RouteKey::new(RouteAction::CreateMessage, place.0)
        }
    }
}

/// The time a known limit asks to wait for, before the request is made.
fn gate(delivery: &Delivery, lane: &Lane, post: Option<&Post>) -> Option<DateTime<Utc>> {
    match delivery.limiter().check(&route(lane, post), delivery.ports.clock.now()) {
        Gate::Go => None,
        Gate::WaitUntil(at) => Some(at),
    }
}

impl Job for Freeze {
    type By = Ports;
    /// When the attempt began.
    type Outcome = Option<DateTime<Utc>>;

    async fn carry_out(ports: &Ports, jobs: &[Self]) -> Option<Vec<Self::Outcome>> {
        let now = ports.clock.now();
        let frozen = ports.store.freeze_together(jobs, now, now + lease(ports)).await;
        let frozen = frozen.inspect_err(|error| tracing::debug!(%error, "sends are frozen one by one")).ok()?;
        Some(frozen.into_iter().map(|is_frozen| is_frozen.then_some(now)).collect())
    }
}

impl Job for Finish {
    type By = Ports;
    /// Whether the lane was still ours.
    type Outcome = bool;

    async fn carry_out(ports: &Ports, jobs: &[Self]) -> Option<Vec<bool>> {
        let finished = ports.store.finish_together(jobs, ports.clock.now()).await;
        finished.inspect_err(|error| tracing::debug!(%error, "sends are finished one by one")).ok()
    }
}

impl Delivery {
    pub(super) fn nonce_window(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::from_std(self.ports.config.delivery.nonce_window).unwrap_or(chrono::TimeDelta::seconds(60))
    }

    /// How long a lane rests after a notice: as its destination has it, else as the configuration does.
    fn window(&self, queued: &Queued) -> chrono::TimeDelta {
        if crate::crash::lacks("batch-window") {
            return chrono::TimeDelta::zero();
        }
        let own = queued.batch_window_ms.map(|ms| chrono::TimeDelta::milliseconds(ms.into()));
        let general = || chrono::TimeDelta::from_std(self.ports.config.delivery.batch_window).unwrap_or_default();
        own.unwrap_or_else(general)
    }

    fn circumstances(&self, lane: &Lane, send: &Send, started_at: DateTime<Utc>) -> Circumstances<'_> {
        Circumstances {
            now: self.ports.clock.now(),
            started_at,
            schedule: &self.schedule,
            jitter: jitter(self.ports.config.delivery.jitter),
            nonce_window: self.nonce_window(),
            has_nonce: has_nonce(lane, send.post.as_ref()),
            lane_failures: lane.failures,
        }
    }
}

/// The card as it stands. Without a way to XTSystems there is nothing to press on a ticket but Silence.
fn card_body(delivery: &Delivery, view: &CardView) -> MessageBody {
    let answers = delivery.ports.xtsystems.is_some();
    let mut body = match view.kind {
        SubjectKind::Ticket => {
            let controls = view.controls.as_ref().filter(|_| answers);
            card::with_approval(ticket::render(&view.state, &view.actions, controls), view.approval.as_ref())
        }
        SubjectKind::Board => {
            let base = delivery.ports.config.web.public_url.as_ref().map(|url| url.as_str());
            board::render(view.board.as_ref().unwrap_or(&Board::Gone), base)
        }
        kind => card::render(kind, &view.state, view.approval.as_ref()),
    };
    body.buttons.extend(card::silence_button(&forum::about(view), view.subject_id));
    body
}

/// The body of a card's edit, under the mark of its create.
pub(super) fn card_json(delivery: &Delivery, view: &CardView) -> Value {
    let body = card_body(delivery, view);
    let mut json = body.to_json(&view.send_id.map(mark).unwrap_or_default());
    // An edit leaves the line of mentions as it is, and pings nobody.
    if let Some(map) = json.as_object_mut() {
        map.remove("content");
    }
    json
}
