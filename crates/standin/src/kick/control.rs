//! The control face: what people and bad days do to the platform, by HTTP. No key; loopback only. Below `/_standin/kick/`:
//!
//! - `POST act` `{"do":"go_live"|"end_stream"|"title"|"category"|"viewers"|"chat"|"follow"|"subscribe"|"renew"|"gift"|"kicks"|
//!   "redeem"|"decide"|"ban"|"badge"|"firehose"|"deliver"|"resend"|"hold"|"release"|"webhooks"|"bot"|"revoke"|
//!   "forget_subscriptions"}` with the fields of `Deed`; the channel is the streamer's unless it is named. Answers
//!   `{"deliveries":[…]}`, or `{"pending":true}` when the receiver takes longer than 5 s.
//! - `POST sending` what happens to deliveries from now on: the fields of `Sending`; those that are left out are as usual.
//! - `POST mode` `{"mode":"ok"|"status"|"rate_limited"|"cloudflare"|"invalid_grant"|"timeout"|"effect_then_status"|
//!   "effect_then_hang"|"partial_error"|"limit_reached"|"never_listed","where":"token"|"subscribe"|"chat"|…|"any","times":n}`
//! - `GET panel?channel=…` what the page shows of one channel.
//! - `GET state` people, channels with their chat, subscriptions, the last deliveries and calls, modes. No tokens.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Delivery, EVENTS, Firehose, Kick, Mode, Order, STREAMER, Saying, Sending, lock};

const PATIENCE: Duration = Duration::from_secs(5);
/// How many calls and deliveries `state` shows.
const SHOWN: usize = 200;
/// How many messages and deliveries the page shows.
const GLANCE: usize = 60;

pub(super) fn router(kick: Kick) -> Router {
    Router::new()
        .route("/kick/act", post(act))
        .route("/kick/sending", post(sending))
        .route("/kick/mode", post(mode))
        .route("/kick/state", get(state))
        .route("/kick/panel", get(panel))
        .with_state(kick)
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default = "streamer")]
    channel: String,
    #[serde(flatten)]
    deed: Deed,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Deed {
    GoLive {
        title: Option<String>,
        category: Option<String>,
        #[serde(default)]
        minutes_ago: i64,
    },
    EndStream,
    Title {
        title: String,
    },
    Category {
        category: String,
    },
    Viewers {
        count: u64,
    },
    Chat {
        who: String,
        text: String,
        replies_to: Option<String>,
        #[serde(default)]
        seconds_ago: i64,
    },
    Follow {
        who: String,
    },
    Subscribe {
        who: String,
    },
    Renew {
        who: String,
    },
    /// Without `who`: from somebody who does not say who.
    Gift {
        who: Option<String>,
        to: Vec<String>,
    },
    Kicks {
        who: String,
        amount: u64,
        gift: Option<String>,
        #[serde(default)]
        message: String,
    },
    Redeem {
        who: String,
        reward: String,
        #[serde(default)]
        input: String,
    },
    Decide {
        id: String,
        accept: bool,
    },
    /// Without `minutes`: for ever.
    Ban {
        who: String,
        moderator: Option<String>,
        #[serde(default)]
        reason: String,
        minutes: Option<i64>,
    },
    Badge {
        who: String,
        badge: String,
    },
    Firehose {
        messages: Option<usize>,
        per_second: Option<u32>,
        viewers: Option<usize>,
    },
    /// Any body as an event of the channel.
    Deliver {
        event: String,
        body: Value,
    },
    /// A logged delivery once more, byte for byte; without `message_id`: the newest.
    Resend {
        message_id: Option<String>,
    },
    /// Events are kept back until `release`.
    Hold,
    Release {
        #[serde(default = "as_happened")]
        order: Order,
    },
    /// The webhook address of the application's settings; null switches webhooks off.
    Webhooks {
        url: Option<String>,
    },
    Bot {
        on: bool,
    },
    Revoke {
        who: String,
    },
    ForgetSubscriptions {
        event: Option<String>,
    },
}

fn streamer() -> String {
    STREAMER.to_owned()
}

fn as_happened() -> Order {
    Order::AsHappened
}

async fn act(State(kick): State<Kick>, Json(order): Json<Asked>) -> Response {
    if let Some(missing) = missing(&kick, &order) {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": format!("There is no {missing}")}))).into_response();
    }
    let doing = tokio::spawn(async move { perform(&kick, &order.channel, order.deed).await });
    match tokio::time::timeout(PATIENCE, doing).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        _ => Json(json!({"pending": true})).into_response(),
    }
}

/// What an order names that is not there.
fn missing(kick: &Kick, order: &Asked) -> Option<String> {
    let Some(channel) = kick.channel(&order.channel) else { return Some(format!("channel {}", order.channel)) };
    match &order.deed {
        Deed::Redeem { reward, .. } => {
            (!channel.rewards.iter().any(|r| r.title == *reward)).then(|| format!("reward {reward}"))
        }
        _ => None,
    }
}

async fn perform(kick: &Kick, channel: &str, deed: Deed) -> Value {
    let deliveries: Vec<Delivery> = match deed {
        Deed::GoLive { title, category, minutes_ago } => {
            let mut sent = Vec::new();
            if let Some(category) = category {
                sent = kick.change_category(channel, &category).await;
            }
            let title = title.unwrap_or_else(|| "Just chatting, and a game later".to_owned());
            sent.extend(kick.live_since(channel, &title, TimeDelta::minutes(minutes_ago)).await);
            sent
        }
        Deed::EndStream => kick.end_stream(channel).await,
        Deed::Title { title } => kick.change_title(channel, &title).await,
        Deed::Category { category } => kick.change_category(channel, &category).await,
        Deed::Chat { who, text, replies_to, seconds_ago } => {
            kick.chat_with(channel, &who, &text, Saying { replies_to, seconds_ago }).await
        }
        Deed::Follow { who } => kick.follow(channel, &who).await,
        Deed::Subscribe { who } => kick.subscribe(channel, &who).await,
        Deed::Renew { who } => kick.renew(channel, &who).await,
        Deed::Gift { who, to } => {
            let to: Vec<&str> = to.iter().map(String::as_str).collect();
            kick.gift_subs(channel, who.as_deref(), &to).await
        }
        Deed::Kicks { who, amount, gift, message } => {
            kick.give_kicks(channel, &who, amount, gift.as_deref().unwrap_or("Rage Quit"), &message).await
        }
        Deed::Redeem { who, reward, input } => {
            let id = kick.redeem(channel, &who, &reward, &input).await;
            return json!({"deliveries": newest(kick.deliveries(), 1), "redemption": id});
        }
        Deed::Decide { id, accept } => kick.decide_redemption(channel, &id, accept).await,
        Deed::Ban { who, moderator, reason, minutes } => {
            kick.ban(channel, moderator.as_deref().unwrap_or(STREAMER), &who, &reason, minutes).await
        }
        Deed::Deliver { event, body } => {
            let id = kick.channel(channel).map_or(0, |channel| channel.broadcaster_user_id);
            kick.deliver(&event, id, &body).await
        }
        Deed::Resend { message_id } => {
            let id = message_id.or_else(|| kick.deliveries().last().map(|d| d.message_id.clone()));
            kick.resend(&id.unwrap_or_default()).await.into_iter().collect()
        }
        Deed::Release { order } => kick.release(order).await,
        Deed::Firehose { messages, per_second, viewers } => {
            let usual = Firehose::default();
            let poured = kick
                .firehose(Firehose {
                    channel: channel.to_owned(),
                    messages: messages.unwrap_or(usual.messages),
                    per_second: per_second.unwrap_or(usual.per_second),
                    viewers: viewers.unwrap_or(usual.viewers),
                })
                .await;
            return json!({"poured": poured});
        }
        other => {
            set(kick, channel, other);
            Vec::new()
        }
    };
    json!({"deliveries": deliveries})
}

/// What sends nothing.
fn set(kick: &Kick, channel: &str, deed: Deed) {
    match deed {
        Deed::Viewers { count } => kick.set_viewers(channel, count),
        Deed::Badge { who, badge } => kick.give_badge(channel, &who, &badge),
        Deed::Hold => kick.hold(),
        Deed::Webhooks { url } => kick.set_webhook_url(url.as_deref()),
        Deed::Bot { on } => kick.set_bot(on),
        Deed::Revoke { who } => kick.revoke_grants(&who),
        Deed::ForgetSubscriptions { event } => kick.drop_subscriptions(event.as_deref()),
        _ => {}
    }
}

async fn sending(State(kick): State<Kick>, Json(rules): Json<Sending>) -> Json<Value> {
    kick.sending(rules.clone());
    Json(json!({"sending": rules}))
}

async fn mode(State(kick): State<Kick>, Json(mode): Json<Mode>) -> Json<Value> {
    kick.mode(mode);
    Json(json!({"modes": lock(&kick.inner.modes).list()}))
}

async fn state(State(kick): State<Kick>) -> Json<Value> {
    let (users, channels, subscriptions, rest) = {
        let world = kick.world();
        let rest = json!({
            "sending": world.sending, "holding": world.holding, "held": world.held.len(), "waiting": world.waiting.len(),
            "bot": world.bot, "webhook_url": world.webhook_url,
        });
        (world.users.clone(), world.channels.clone(), world.subscriptions.clone(), rest)
    };
    let mut state = json!({
        "users": users, "channels": channels, "subscriptions": subscriptions, "streamer": STREAMER, "events": EVENTS,
        "deliveries": newest(kick.deliveries(), SHOWN), "calls": newest(kick.calls(), SHOWN),
        "modes": lock(&kick.inner.modes).list(),
    });
    for (name, value) in rest.as_object().into_iter().flatten() {
        state[name] = value.clone();
    }
    Json(state)
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default = "streamer")]
    channel: String,
}

async fn panel(State(kick): State<Kick>, Query(shown): Query<Shown>) -> Response {
    let Some(channel) = kick.channel(&shown.channel) else { return StatusCode::NOT_FOUND.into_response() };
    let modes = json!(lock(&kick.inner.modes).list());
    let world = kick.world();
    let speaker = |id| world.user(id).map(|user| json!({"name": user.username, "color": user.username_color}));
    let chat: Vec<Value> = newest(channel.chat, GLANCE)
        .iter()
        .map(|m| json!({"id": m.message_id, "by": speaker(m.user_id), "text": m.content, "by_api": m.by_api}))
        .collect();
    let last = world.deliveries.len().saturating_sub(GLANCE / 10);
    let deliveries: Vec<Value> = world.deliveries[last..]
        .iter()
        .map(|d| json!({"id": d.message_id, "event": d.event, "status": d.status, "oddity": d.oddity}))
        .collect();
    let pending = channel.redemptions.iter().filter(|r| r.status == "pending").count();
    Json(json!({
        "slug": channel.slug, "title": channel.title, "category": channel.category.name, "live": channel.live,
        "followers": channel.followers.len(), "subscribers": channel.subscribers.len(), "pending": pending,
        "rewards": channel.rewards.iter().map(|r| &r.title).collect::<Vec<_>>(), "chat": chat,
        "channels": world.channels.iter().map(|c| &c.slug).collect::<Vec<_>>(),
        "people": world.users.iter().map(|u| &u.username).collect::<Vec<_>>(),
        "subscriptions": world.subscriptions.iter().filter(|s| s.broadcaster_user_id == channel.broadcaster_user_id).count(),
        "deliveries": deliveries, "sending": world.sending, "holding": world.holding, "held": world.held.len(),
        "waiting": world.waiting.len(), "modes": modes,
    }))
    .into_response()
}

/// The last ones, oldest first.
fn newest<T>(mut all: Vec<T>, most: usize) -> Vec<T> {
    all.split_off(all.len().saturating_sub(most))
}
