//! What streamers, viewers and moderators do: each changes the world and sends what Kick would send about it.
//!
//! The REST routes and the control face stand on these too, so an event is the same whoever caused it. People come into being by being
//! named; a channel is named by its slug, its owner's name or id.
//!
//! # Panics
//! Where a channel, a reward or a redemption is named that is not there.

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    Kick, body,
    world::{Channel, ChatMessage, Delivery, Redemption, Stream, User, World},
};

/// An event that a change brought about: its type, whose channel, its body.
pub(super) type Event = (&'static str, i64, String);

/// How a message is sent.
#[derive(Clone, Debug, Default)]
pub struct Saying {
    pub replies_to: Option<String>,
    /// Written so long ago: Kick is late with it.
    pub seconds_ago: i64,
}

impl Kick {
    /// The channel goes live; one that is live starts anew.
    pub async fn go_live(&self, channel: &str, title: &str) -> Vec<Delivery> {
        self.live_since(channel, title, TimeDelta::zero()).await
    }

    /// As `go_live`, so long ago: Kick is late to tell.
    pub async fn live_since(&self, channel: &str, title: &str, ago: TimeDelta) -> Vec<Delivery> {
        let id = self.ulid();
        let now = self.clock().now() - ago;
        let event = self.on_channel(channel, |channel, owner| {
            title.clone_into(&mut channel.title);
            let thumbnail = format!("https://images.kick.com/video_thumbnails/{}/720.webp", channel.slug);
            channel.live = Some(Stream { id, started_at: now, viewer_count: 1, thumbnail });
            ("livestream.status.updated", owner.user_id, body::status(&owner, title, now, None))
        });
        self.tell(event).await
    }

    /// The stream ends. Nothing happens where there is none.
    pub async fn end_stream(&self, channel: &str) -> Vec<Delivery> {
        let now = self.clock().now();
        let event = self.on_channel(channel, |channel, owner| {
            let stream = channel.live.take()?;
            let body = body::status(&owner, &channel.title, stream.started_at, Some(now));
            Some(("livestream.status.updated", owner.user_id, body))
        });
        match event {
            Some(event) => self.tell(event).await,
            None => Vec::new(),
        }
    }

    /// The state changes and nothing is sent: an event that Kick lost.
    pub fn set_live_silently(&self, channel: &str, live: bool) {
        let (id, now) = (self.ulid(), self.clock().now());
        self.on_channel(channel, |channel, _| {
            let stream = Stream { id, started_at: now, viewer_count: 1, thumbnail: String::new() };
            channel.live = live.then_some(stream);
        });
    }

    pub fn set_viewers(&self, channel: &str, viewer_count: u64) {
        self.on_channel(channel, |channel, _| {
            if let Some(live) = &mut channel.live {
                live.viewer_count = viewer_count;
            }
        });
    }

    pub async fn change_title(&self, channel: &str, title: &str) -> Vec<Delivery> {
        let event = self.on_channel(channel, |channel, owner| {
            title.clone_into(&mut channel.title);
            ("livestream.metadata.updated", owner.user_id, body::metadata(&owner, channel))
        });
        self.tell(event).await
    }

    pub async fn change_category(&self, channel: &str, category: &str) -> Vec<Delivery> {
        let category = self.change(|world| world.category(category));
        let event = self.on_channel(channel, |channel, owner| {
            channel.category = category;
            ("livestream.metadata.updated", owner.user_id, body::metadata(&owner, channel))
        });
        self.tell(event).await
    }

    /// Somebody says something. A person who is banned says it to nobody.
    pub async fn chat(&self, channel: &str, who: &str, text: &str) -> Vec<Delivery> {
        self.chat_with(channel, who, text, Saying::default()).await
    }

    pub async fn chat_with(&self, channel: &str, who: &str, text: &str, saying: Saying) -> Vec<Delivery> {
        let who = self.person(who);
        match self.said(channel, &who, text, saying, None) {
            Some((_, event)) => self.tell(event).await,
            None => Vec::new(),
        }
    }

    /// The message as it stands in the channel, and its event.
    pub(super) fn said(
        &self,
        channel: &str,
        who: &User,
        text: &str,
        saying: Saying,
        by_api: Option<&str>,
    ) -> Option<(ChatMessage, Event)> {
        let now = self.clock().now();
        let message = ChatMessage {
            message_id: Uuid::new_v4().to_string(),
            user_id: who.user_id,
            username: who.username.clone(),
            content: text.to_owned(),
            created_at: now - TimeDelta::seconds(saying.seconds_ago),
            replies_to: saying.replies_to,
            by_api: by_api.map(str::to_owned),
        };
        self.change(|world| {
            let channel = found(world.channel_mut(channel), channel);
            if channel.is_banned(who.user_id, now) {
                return None;
            }
            channel.said(message.clone());
            let id = channel.broadcaster_user_id;
            let body = body::chat(world, world.channel(&id.to_string())?, &message)?;
            Some((message, ("chat.message.sent", id, body)))
        })
    }

    /// Kick tells of it again when somebody has unfollowed in between; it never tells of that.
    pub async fn follow(&self, channel: &str, who: &str) -> Vec<Delivery> {
        let who = self.person(who);
        let event = self.on_channel(channel, |channel, owner| {
            channel.followers.insert(who.user_id);
            ("channel.followed", owner.user_id, body::followed(&owner, &who))
        });
        self.tell(event).await
    }

    /// For the first month.
    pub async fn subscribe(&self, channel: &str, who: &str) -> Vec<Delivery> {
        self.subscribed(channel, who, 1).await
    }

    /// For one more month than before.
    pub async fn renew(&self, channel: &str, who: &str) -> Vec<Delivery> {
        let id = self.person(who).user_id;
        let months = self.on_channel(channel, |channel, _| channel.subscribers.get(&id).copied().unwrap_or(1) + 1);
        self.subscribed(channel, who, months).await
    }

    async fn subscribed(&self, channel: &str, who: &str, months: u32) -> Vec<Delivery> {
        let (who, now) = (self.person(who), self.clock().now());
        let kind = if months == 1 { "channel.subscription.new" } else { "channel.subscription.renewal" };
        let event = self.on_channel(channel, |channel, owner| {
            channel.subscribers.insert(who.user_id, months);
            (kind, owner.user_id, body::subscribed(&owner, &who, months, now))
        });
        self.tell(event).await
    }

    /// Without a giver: from somebody who does not say who.
    pub async fn gift_subs(&self, channel: &str, giver: Option<&str>, to: &[&str]) -> Vec<Delivery> {
        let (giver, now) = (giver.map(|name| self.person(name)), self.clock().now());
        let to: Vec<User> = to.iter().map(|name| self.person(name)).collect();
        let event = self.on_channel(channel, |channel, owner| {
            for giftee in &to {
                channel.subscribers.entry(giftee.user_id).or_insert(1);
            }
            if let Some(giver) = &giver {
                *channel.gifted.entry(giver.user_id).or_default() += to.len() as u32;
            }
            ("channel.subscription.gifts", owner.user_id, body::gifted(&owner, giver.as_ref(), &to, now))
        });
        self.tell(event).await
    }

    pub async fn give_kicks(&self, channel: &str, who: &str, amount: u64, gift: &str, message: &str) -> Vec<Delivery> {
        let (who, now) = (self.person(who), self.clock().now());
        let event = self.on_channel(channel, |_, owner| {
            ("kicks.gifted", owner.user_id, body::kicks(&owner, &who, amount, gift, message, now))
        });
        self.tell(event).await
    }

    /// Somebody spends channel points of Kick's own on a reward; the id of the redemption.
    pub async fn redeem(&self, channel: &str, who: &str, reward: &str, input: &str) -> String {
        let (who, id, now) = (self.person(who), self.ulid(), self.clock().now());
        let event = self.on_channel(channel, |channel, owner| {
            let reward = found(channel.rewards.iter().find(|r| r.title == reward), reward).clone();
            let redemption = Redemption {
                id: id.clone(),
                reward_id: reward.id.clone(),
                user_id: who.user_id,
                user_input: input.to_owned(),
                status: "pending".to_owned(),
                redeemed_at: now,
            };
            let body = body::redemption(&owner, &who, &reward, &redemption);
            channel.redemptions.push(redemption);
            ("channel.reward.redemption.updated", owner.user_id, body)
        });
        self.tell(event).await;
        id
    }

    /// A decision in Kick's own pages. Nothing happens when it was decided before.
    pub async fn decide_redemption(&self, channel: &str, id: &str, accept: bool) -> Vec<Delivery> {
        match self.decided(channel, id, accept) {
            Some(event) => self.tell(event).await,
            None => Vec::new(),
        }
    }

    pub(super) fn decided(&self, channel: &str, id: &str, accept: bool) -> Option<Event> {
        let verdict = if accept { "accepted" } else { "rejected" };
        self.change(|world| {
            let all = found(world.channel_mut(channel), channel);
            let redemption = all.redemptions.iter_mut().find(|r| r.id == id && r.status == "pending")?;
            verdict.clone_into(&mut redemption.status);
            let redemption = redemption.clone();
            let reward = all.rewards.iter().find(|r| r.id == redemption.reward_id)?.clone();
            let owner = world.user(found(world.channel(channel), channel).broadcaster_user_id)?;
            let body = body::redemption(owner, world.user(redemption.user_id)?, &reward, &redemption);
            Some(("channel.reward.redemption.updated", owner.user_id, body))
        })
    }

    /// For so many minutes, or for ever.
    pub async fn ban(
        &self,
        channel: &str,
        moderator: &str,
        who: &str,
        reason: &str,
        minutes: Option<i64>,
    ) -> Vec<Delivery> {
        let (moderator, who, now) = (self.person(moderator), self.person(who), self.clock().now());
        let until = minutes.map(|minutes| now + TimeDelta::minutes(minutes));
        let event = self.on_channel(channel, |channel, owner| {
            channel.banned.insert(who.user_id, until);
            ("moderation.banned", owner.user_id, body::banned(&owner, &moderator, &who, reason, now, until))
        });
        self.tell(event).await
    }

    /// A badge that people have in the chat of a channel: `moderator`, `vip`, `og` …
    pub fn give_badge(&self, channel: &str, who: &str, badge: &str) {
        let id = self.person(who).user_id;
        self.on_channel(channel, |channel, _| channel.badges.entry(id).or_default().insert(badge.to_owned()));
    }

    /// The person keeps the id and has another name.
    pub fn rename(&self, who: &str, name: &str) {
        let id = self.person(who).user_id;
        self.change(|world| {
            if let Some(user) = world.users.iter_mut().find(|user| user.user_id == id) {
                name.clone_into(&mut user.username);
            }
            if let Some(channel) = world.channel_mut(&id.to_string()) {
                channel.slug = super::world::slug_of(name);
            }
        });
    }

    async fn tell(&self, (event, broadcaster, body): Event) -> Vec<Delivery> {
        self.send(event, broadcaster, body).await
    }

    fn on_channel<T>(&self, which: &str, change: impl FnOnce(&mut Channel, User) -> T) -> T {
        self.change(|world: &mut World| {
            let id = found(world.channel(which), which).broadcaster_user_id;
            let owner = found(world.user(id), which).clone();
            change(found(world.channel_mut(which), which), owner)
        })
    }
}

fn found<T>(thing: Option<T>, name: &str) -> T {
    thing.unwrap_or_else(|| panic!("the fake Kick has no {name:?}"))
}
