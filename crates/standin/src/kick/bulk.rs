//! Chat in bulk, for measuring: signed beforehand, and sent at a rate. It is neither kept in the channel nor in the log.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Kick, body,
    sender::{Signed, signed_now},
    world::{ChatMessage, Subscription},
};

/// Messages under way at once.
const LANES: usize = 32;

/// Who says how much, and how fast.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Firehose {
    pub channel: String,
    pub messages: usize,
    pub per_second: u32,
    /// Named `viewer_1` and so on.
    pub viewers: usize,
}

impl Default for Firehose {
    fn default() -> Self {
        Self { channel: super::STREAMER.to_owned(), messages: 600, per_second: 100, viewers: 50 }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Poured {
    pub taken: usize,
    pub refused: usize,
}

const WORDS: [&str; 8] =
    ["gg", "that was close!", "LUL", "what a save", "hello from work", "[emote:37226:KEKW]", "W", "again, again"];

impl Kick {
    /// Subscribes the application to events of a channel, as if it had posted that itself. The answer's ids are Kick's.
    pub fn subscribe_app(&self, channel: &str, events: &[&str]) -> Vec<Subscription> {
        let Some(broadcaster_user_id) = self.channel(channel).map(|c| c.broadcaster_user_id) else { return Vec::new() };
        let now = self.clock().now();
        let made: Vec<Subscription> = events
            .iter()
            .map(|&event| Subscription {
                id: self.ulid(),
                broadcaster_user_id,
                event: event.to_owned(),
                version: 1,
                created_at: now,
                updated_at: now,
                user_id: None,
                lost: false,
                failing_since: None,
            })
            .collect();
        self.change(|world| world.subscriptions.extend(made.iter().cloned()));
        made
    }

    /// So many signed messages of so many viewers, for the first subscription to the channel's chat; none without one. It takes
    /// half a millisecond of processor time for each.
    pub fn signed_chat(&self, channel: &str, messages: usize, viewers: usize) -> Vec<Signed> {
        let names: Vec<_> = (1..=viewers.max(1)).map(|i| format!("viewer_{i}")).collect();
        let people = self.change(|world| world.people(&names));
        let now = self.clock().now();
        let bodies: Vec<String> = {
            let world = self.world();
            let Some(channel) = world.channel(channel) else { return Vec::new() };
            let said = |i: usize| ChatMessage {
                message_id: Uuid::new_v4().to_string(),
                user_id: people[i % people.len()].user_id,
                username: people[i % people.len()].username.clone(),
                content: WORDS[i % WORDS.len()].to_owned(),
                created_at: now,
                replies_to: None,
                by_api: None,
            };
            (0..messages).filter_map(|i| body::chat(&world, channel, &said(i))).collect()
        };
        let Some(id) = self.channel(channel).map(|c| c.broadcaster_user_id) else { return Vec::new() };
        let first = self.world().subscribed("chat.message.sent", id).into_iter().next();
        let Some(subscription) = first else { return Vec::new() };
        let sign = |body: String| signed_now(self, "chat.message.sent", &subscription.id, id, body, now);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = bodies.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> = bodies
                .chunks(share)
                .map(|part| scope.spawn(|| part.iter().cloned().map(sign).collect::<Vec<_>>()))
                .collect();
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        })
    }

    /// Signs everything, then sends it at the rate.
    pub async fn firehose(&self, wanted: Firehose) -> Poured {
        let kick = self.clone();
        let signing = tokio::task::spawn_blocking(move || {
            (kick.signed_chat(&wanted.channel, wanted.messages, wanted.viewers), wanted.per_second)
        });
        let Ok((messages, per_second)) = signing.await else { return Poured::default() };
        let Some(url) = self.world().webhook_url.clone() else { return Poured::default() };
        let (start, gap) = (Instant::now(), Duration::from_secs(1) / per_second.max(1));
        let lanes = (0..LANES).map(|lane| {
            let (messages, url) = (&messages, &url);
            async move {
                let mut poured = Poured::default();
                for (i, message) in messages.iter().enumerate().skip(lane).step_by(LANES) {
                    tokio::time::sleep_until((start + gap * i as u32).into()).await;
                    match self.pour(url, message).await {
                        true => poured.taken += 1,
                        false => poured.refused += 1,
                    }
                }
                poured
            }
        });
        let all = futures_util::future::join_all(lanes).await;
        all.into_iter().fold(Poured::default(), |sum, lane| Poured {
            taken: sum.taken + lane.taken,
            refused: sum.refused + lane.refused,
        })
    }

    async fn pour(&self, url: &str, message: &Signed) -> bool {
        let request = self.inner.http.post(url).header("content-type", "application/json");
        let request = request.header("accept", "application/json").header("user-agent", super::sender::AGENT);
        let request = message.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        match request.body(message.body.clone()).send().await {
            Ok(answer) => {
                let taken = answer.status().is_success();
                let _ = answer.bytes().await;
                taken
            }
            Err(_) => false,
        }
    }
}
