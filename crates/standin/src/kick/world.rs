//! What Kick knows: people and their channels, streams, chat, rewards, subscriptions to events, tokens, the log of deliveries.
//!
//! No HTTP and no sending here: callers change the world and decide what they send about it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::sending::{Parcel, Sending};

/// The streamer of this world, and the account that speaks for the application.
pub const STREAMER: &str = "NovaPlays";
pub const BOT: &str = "SignalBot";

/// Logs keep this many entries, oldest dropped first.
const KEPT_DELIVERIES: usize = 1_000;
const KEPT_CHAT: usize = 500;
const FIRST_USER_ID: i64 = 4_100_001;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub user_id: i64,
    pub username: String,
    pub email: String,
    pub profile_picture: String,
    /// Often null in what Kick sends (KickDevDocs #238).
    pub is_verified: Option<bool>,
    pub username_color: String,
}

/// Everybody has one, streaming or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Channel {
    pub broadcaster_user_id: i64,
    /// Not the username: an underscore becomes a hyphen (KickDevDocs #324).
    pub slug: String,
    pub description: String,
    pub title: String,
    pub language: String,
    pub mature: bool,
    pub tags: Vec<String>,
    pub category: Category,
    pub live: Option<Stream>,
    pub followers: BTreeSet<i64>,
    /// Months, for each subscriber.
    pub subscribers: BTreeMap<i64, u32>,
    /// How many subscriptions each has given.
    pub gifted: BTreeMap<i64, u32>,
    /// Badge types that people have here: `moderator`, `vip`, `og` …
    pub badges: BTreeMap<i64, BTreeSet<String>>,
    /// Until when; null: for ever.
    pub banned: BTreeMap<i64, Option<DateTime<Utc>>>,
    pub chat: Vec<ChatMessage>,
    pub rewards: Vec<Reward>,
    pub redemptions: Vec<Redemption>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Category {
    pub id: i64,
    pub name: String,
    pub thumbnail: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stream {
    pub id: String,
    pub started_at: DateTime<Utc>,
    pub viewer_count: u64,
    pub thumbnail: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChatMessage {
    pub message_id: String,
    pub user_id: i64,
    pub username: String,
    pub content: String,
    pub created_at: DateTime<Utc>,
    pub replies_to: Option<String>,
    /// `bot` or `user` when it came through the API, null when a person typed it.
    pub by_api: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reward {
    pub id: String,
    pub title: String,
    pub description: String,
    pub cost: u64,
    pub is_user_input_required: bool,
    /// Whether the application made it and may decide about its redemptions.
    pub can_manage: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redemption {
    pub id: String,
    pub reward_id: String,
    pub user_id: i64,
    pub user_input: String,
    /// `pending`, `accepted` or `rejected`.
    pub status: String,
    pub redeemed_at: DateTime<Utc>,
}

/// A subscription to one event of one channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub broadcaster_user_id: i64,
    pub event: String,
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Whose token made it; null: the application's own.
    pub user_id: Option<i64>,
    /// Answered with an id, and yet never listed and never served (KickDevDocs #419).
    pub lost: bool,
    pub failing_since: Option<DateTime<Utc>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub access: String,
    pub refresh: Option<String>,
    /// Null: the application's own.
    pub user_id: Option<i64>,
    pub scopes: Vec<String>,
    pub expires_at: DateTime<Utc>,
    pub refresh_expires_at: DateTime<Utc>,
    pub revoked: bool,
    /// A refresh token was used: a newer one took its place.
    pub refreshed: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Code {
    pub code: String,
    pub user_id: i64,
    pub scopes: Vec<String>,
    pub redirect_uri: String,
    pub challenge: String,
    pub expires_at: DateTime<Utc>,
}

/// One row of the log: what became of one delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    pub message_id: String,
    pub subscription_id: String,
    pub event: String,
    pub version: String,
    pub broadcaster_user_id: i64,
    /// As in the header.
    pub timestamp: String,
    pub signature: Option<String>,
    /// The bytes that were sent.
    pub body: String,
    /// The receiver's last status; 0: it could not be reached.
    pub status: u16,
    pub attempts: u32,
    pub sent_at: DateTime<Utc>,
    /// What is odd about it: a copy, a forgery …
    pub oddity: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct World {
    pub users: Vec<User>,
    pub channels: Vec<Channel>,
    pub categories: Vec<Category>,
    pub subscriptions: Vec<Subscription>,
    pub tokens: Vec<Token>,
    pub codes: Vec<Code>,
    /// Not kept: there are many, and each would be written again with every change.
    #[serde(skip)]
    pub deliveries: Vec<Delivery>,
    /// Who speaks when the application sends messages of type `bot`; null: no bot was made in its settings.
    pub bot: Option<i64>,
    pub webhook_url: Option<String>,
    pub redirect_uris: Vec<String>,
    pub sending: Sending,
    pub holding: bool,
    pub held: Vec<Parcel>,
    /// Late, or not yet due.
    pub waiting: Vec<Parcel>,
}

impl Default for World {
    fn default() -> Self {
        let mut world = Self {
            users: Vec::new(),
            channels: Vec::new(),
            categories: Vec::new(),
            subscriptions: Vec::new(),
            tokens: Vec::new(),
            codes: Vec::new(),
            deliveries: Vec::new(),
            bot: None,
            webhook_url: None,
            redirect_uris: Vec::new(),
            sending: Sending::default(),
            holding: false,
            held: Vec::new(),
            waiting: Vec::new(),
        };
        world.category("Just Chatting");
        for name in [STREAMER, "Rook_TV", BOT] {
            world.person(name);
        }
        world.bot = world.find(BOT).map(|user| user.user_id);
        let rewards = [("Song Request", 100, true, true), ("Hydrate", 50, false, true), ("Say hello", 10, true, false)];
        if let Some(channel) = world.channel_mut(STREAMER) {
            "Games, music and slow mornings".clone_into(&mut channel.description);
            channel.rewards = rewards
                .into_iter()
                .enumerate()
                .map(|(i, (title, cost, input, ours))| Reward {
                    id: format!("01KREWARD0000000000000000{}", i + 1),
                    title: title.to_owned(),
                    description: String::new(),
                    cost,
                    is_user_input_required: input,
                    can_manage: ours,
                })
                .collect();
        }
        world
    }
}

impl World {
    /// By username, slug or user id.
    pub fn find(&self, who: &str) -> Option<&User> {
        let id = who.parse::<i64>().ok();
        let named = |user: &&User| Some(user.user_id) == id || slug_of(&user.username) == slug_of(who);
        self.users.iter().find(named)
    }

    pub fn user(&self, id: i64) -> Option<&User> {
        // Their ids are given in order.
        let place = usize::try_from(id - FIRST_USER_ID).ok()?;
        self.users.get(place).filter(|user| user.user_id == id)
    }

    /// The person of this name, who comes into being by being named.
    pub fn person(&mut self, name: &str) -> User {
        match self.find(name) {
            Some(user) => user.clone(),
            None => self.newcomer(name),
        }
    }

    /// As [`World::person`], for many names, none of them twice.
    pub fn people(&mut self, names: &[String]) -> Vec<User> {
        let known: HashMap<String, User> =
            self.users.iter().map(|user| (slug_of(&user.username), user.clone())).collect();
        let person = |name: &String| known.get(&slug_of(name)).cloned().unwrap_or_else(|| self.newcomer(name));
        names.iter().map(person).collect()
    }

    fn newcomer(&mut self, name: &str) -> User {
        let user_id = FIRST_USER_ID + self.users.len() as i64;
        let user = User {
            user_id,
            username: name.to_owned(),
            email: format!("{}@kick.example", slug_of(name)),
            profile_picture: format!("https://files.kick.com/images/user/{user_id}/profile_image/medium.webp"),
            is_verified: None,
            username_color: COLOURS[self.users.len() % COLOURS.len()].to_owned(),
        };
        let category = self.category("Just Chatting");
        self.channels.push(Channel::new(&user, category));
        self.users.push(user.clone());
        user
    }

    pub fn category(&mut self, name: &str) -> Category {
        if let Some(known) = self.categories.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
            return known.clone();
        }
        let id = 15 + self.categories.len() as i64;
        let thumbnail = format!("https://files.kick.com/images/subcategories/{id}/banner/thumb.webp");
        let category = Category { id, name: name.to_owned(), thumbnail };
        self.categories.push(category.clone());
        category
    }

    /// By slug, username or user id.
    pub fn channel(&self, which: &str) -> Option<&Channel> {
        let id = which.parse::<i64>().ok();
        self.channels.iter().find(|c| c.slug == slug_of(which) || Some(c.broadcaster_user_id) == id)
    }

    pub fn channel_mut(&mut self, which: &str) -> Option<&mut Channel> {
        let id = which.parse::<i64>().ok();
        self.channels.iter_mut().find(|c| c.slug == slug_of(which) || Some(c.broadcaster_user_id) == id)
    }

    /// Who gets this event.
    pub fn subscribed(&self, event: &str, broadcaster: i64) -> Vec<Subscription> {
        let wanted = |s: &&Subscription| s.event == event && s.broadcaster_user_id == broadcaster && !s.lost;
        self.subscriptions.iter().filter(wanted).cloned().collect()
    }

    /// The token, while it is good for anything.
    pub fn token(&self, access: &str, now: DateTime<Utc>) -> Option<&Token> {
        self.tokens.iter().find(|t| t.access == access && !t.revoked && t.expires_at > now)
    }

    pub fn log(&mut self, delivery: Delivery) {
        self.deliveries.push(delivery);
        let surplus = self.deliveries.len().saturating_sub(KEPT_DELIVERIES);
        self.deliveries.drain(..surplus);
    }
}

impl Channel {
    fn new(user: &User, category: Category) -> Self {
        Self {
            broadcaster_user_id: user.user_id,
            slug: slug_of(&user.username),
            description: String::new(),
            title: format!("{} is live", user.username),
            language: "en".to_owned(),
            mature: false,
            tags: Vec::new(),
            category,
            live: None,
            followers: BTreeSet::new(),
            subscribers: BTreeMap::new(),
            gifted: BTreeMap::new(),
            badges: BTreeMap::new(),
            banned: BTreeMap::new(),
            chat: Vec::new(),
            rewards: Vec::new(),
            redemptions: Vec::new(),
        }
    }

    pub(super) fn said(&mut self, message: ChatMessage) {
        self.chat.push(message);
        let surplus = self.chat.len().saturating_sub(KEPT_CHAT);
        self.chat.drain(..surplus);
    }

    pub(super) fn is_banned(&self, user_id: i64, now: DateTime<Utc>) -> bool {
        self.banned.get(&user_id).is_some_and(|until| until.is_none_or(|until| until > now))
    }
}

const COLOURS: [&str; 6] = ["#FF5733", "#75FD46", "#E9113C", "#31D6C2", "#DEB2FF", "#FBCFD8"];

/// `Te_Congalletas` has the slug `te-congalletas`.
pub(super) fn slug_of(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}
