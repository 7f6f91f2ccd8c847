//! Discord's rate limits, known before a request is made. Pure: the time is handed in, and nothing is
//! sent or slept here.
//!
//! Three gates, all of which must be open: the bucket that Discord's headers describe
//! (<https://discord.com/developers/docs/topics/rate-limits>), the global budget, and for webhooks the
//! limits that no document names (5 per 2 s per webhook, 30 per 60 s per channel: staff statement,
//! discord-api-docs#367). What is known of a bucket is always the worst case: while its window lasts,
//! the remainder only falls; requests without an answer yet count as used.

mod bucket;
mod headers;
mod window;

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};

use bucket::{Bucket, later};
use window::Window;

pub use headers::{LimitHeaders, Scope};

/// What a request does; Discord limits each kind on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    CreateMessage,
    EditMessage,
    DeleteMessage,
    /// Opens a post of a forum.
    CreateThread,
    /// Changes a thread.
    EditThread,
    /// Executes a webhook, or edits what it sent.
    Webhook,
    /// Reads a channel, a webhook, a guild's roles, a member, oneself.
    ReadChannel,
    ReadMessages,
    ReadThreads,
    ReadRoles,
    ReadMember,
    ReadWebhook,
    ReadWebhookMessage,
    ReadSelf,
    /// Answers an interaction: exempt from the global budget.
    Interaction,
    /// Writes that are none of the above.
    Other,
}

/// The route of a request. Its identity is the action and the major parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteKey {
    pub action: Action,
    /// The channel, guild or webhook id.
    pub major: i64,
    /// For webhooks, the channel they post into, as far as it is known.
    pub channel: Option<i64>,
}

impl RouteKey {
    pub fn new(action: Action, major: i64) -> Self {
        Self { action, major, channel: None }
    }

    pub fn webhook(webhook_id: i64, channel: Option<i64>) -> Self {
        Self { action: Action::Webhook, major: webhook_id, channel }
    }

    fn id(&self) -> RouteId {
        (self.action, self.major)
    }
}

type RouteId = (Action, i64);

/// Whether a request may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Gate {
    /// Go, and tell [`Limiter::observe`] what came of it: one request is reserved.
    Go,
    /// Nothing is reserved; ask again then. Always later than now.
    WaitUntil(DateTime<Utc>),
}

/// At most this many within a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub count: usize,
    pub per: TimeDelta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All requests of the bot; `None` switches it off.
    pub global: Option<Budget>,
    /// How many of them are left to what asks Discord past this limiter, while it does: [`Limiter::make_room`].
    pub others: usize,
    /// Per webhook, until its bucket's headers are known.
    pub webhook: Option<Budget>,
    /// All webhooks of one channel together. No header ever speaks of it.
    pub webhook_channel: Option<Budget>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            global: Some(Budget { count: 50, per: TimeDelta::seconds(1) }),
            others: 5,
            webhook: Some(Budget { count: 5, per: TimeDelta::seconds(2) }),
            webhook_channel: Some(Budget { count: 30, per: TimeDelta::seconds(60) }),
        }
    }
}

impl Limits {
    /// Only what the headers say and the global budget: for a stand-in on loopback.
    pub fn without_priors() -> Self {
        Self { webhook: None, webhook_channel: None, ..Self::default() }
    }
}

/// What is not used for this long is forgotten.
const FORGET_AFTER: TimeDelta = TimeDelta::minutes(10);
/// How long to wait when only an outstanding answer can tell.
const POLL: TimeDelta = TimeDelta::milliseconds(100);
/// Of the global budget, for a question: sends use up the rest and must not keep it waiting.
const FOR_QUESTIONS: usize = 1;
/// Where nothing was asked for this long, sends use up all of it.
const QUESTIONS_LAST: TimeDelta = TimeDelta::seconds(10);
/// Entries below which nothing is swept.
const SWEEP_FROM: usize = 256;

/// The limits of one bot, for one process.
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    paused_until: Option<DateTime<Utc>>,
    others_until: Option<DateTime<Utc>>,
    questions_until: Option<DateTime<Utc>>,
    global: Window,
    routes: HashMap<RouteId, Route>,
    buckets: HashMap<BucketKey, Bucket>,
    webhooks: HashMap<i64, Window>,
    channels: HashMap<i64, Window>,
    sweep_at: usize,
}

/// Before an answer names the bucket, a route stands for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum BucketKey {
    Route(RouteId),
    Named(String, i64),
}

#[derive(Debug)]
struct Route {
    bucket: BucketKey,
    used_at: DateTime<Utc>,
}

impl Action {
    /// Something is asked, and mostly somebody waits for the answer.
    fn is_question(self) -> bool {
        use Action::*;
        match self {
            ReadChannel | ReadMessages | ReadThreads | ReadRoles | ReadMember | ReadWebhook | ReadWebhookMessage
            | ReadSelf => true,
            CreateMessage | EditMessage | DeleteMessage | CreateThread | EditThread | Webhook | Interaction | Other => {
                false
            }
        }
    }
}

impl Limiter {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            paused_until: None,
            others_until: None,
            questions_until: None,
            global: Window::default(),
            routes: HashMap::new(),
            buckets: HashMap::new(),
            webhooks: HashMap::new(),
            channels: HashMap::new(),
            sweep_at: SWEEP_FROM,
        }
    }

    /// Asks for one request on this route. `Go` reserves it at every gate.
    pub fn check(&mut self, route: &RouteKey, now: DateTime<Utc>) -> Gate {
        self.sweep(now);
        if route.action.is_question() {
            self.questions_until = Some(now + QUESTIONS_LAST);
        }
        let limits = self.limits;
        let is_webhook = route.action == Action::Webhook;
        let global = limits.global.filter(|_| route.action != Action::Interaction);
        let global = global.map(|budget| self.share(budget, route.action, now));
        let per_webhook = limits.webhook.filter(|_| is_webhook);
        let per_channel = limits.webhook_channel.zip(route.channel).filter(|_| is_webhook);

        let key = self.bucket_key(route, now);
        let bucket = self.buckets.entry(key).or_insert_with(|| Bucket::new(now));
        // Without headers one request goes first; a prior budget knows more. Those under way count against
        // it, however long ago they left: when Discord counts them nobody knows.
        let per_webhook = per_webhook.filter(|_| !bucket.is_known());
        let bucket_wait = bucket.wait(now, per_webhook.map_or(1, |budget| budget.count.max(1)));

        let waits = [
            self.paused_until.filter(|until| *until > now),
            bucket_wait,
            global.and_then(|budget| self.global.wait_in_turn(budget, now)),
            per_webhook.and_then(|budget| self.webhooks.get_mut(&route.major)?.wait(budget, now)),
            per_channel.and_then(|(budget, channel)| self.channels.get_mut(&channel)?.wait(budget, now)),
        ];
        if let Some(until) = waits.into_iter().flatten().max() {
            return Gate::WaitUntil(until.max(now + TimeDelta::milliseconds(1)));
        }
        bucket.reserve(now);
        if global.is_some() {
            self.global.add(now);
        }
        if per_webhook.is_some() {
            self.webhooks.entry(route.major).or_default().add(now);
        }
        if let Some((_, channel)) = per_channel {
            self.channels.entry(channel).or_default().add(now);
        }
        Gate::Go
    }

    /// Takes in the answer to a request that [`Limiter::check`] let go. Without an answer (time-out, or
    /// not sent after all) call it with `LimitHeaders::default()`, which only ends the reservation.
    pub fn observe(&mut self, route: &RouteKey, headers: &LimitHeaders, now: DateTime<Utc>) {
        let mut key = self.bucket_key(route, now);
        if let Some(name) = &headers.bucket {
            let named = BucketKey::Named(name.clone(), route.major);
            if named != key {
                self.rename(route, &key, named.clone(), now);
                key = named;
            }
        }
        let bucket = self.buckets.entry(key).or_insert_with(|| Bucket::new(now));
        bucket.answered(headers, now);
        if route.action != Action::Interaction {
            self.global.answered(now);
        }
        if route.action == Action::Webhook {
            let of_channel = route.channel.and_then(|channel| self.channels.get_mut(&channel));
            let windows = self.webhooks.get_mut(&route.major).into_iter().chain(of_channel);
            windows.for_each(|window| window.answered(now));
        }
        if let Some(after) = headers.retry_after {
            let until = later(now, after);
            if headers.global || headers.scope == Some(Scope::Global) {
                self.pause_all(until);
            } else {
                bucket.block(until);
            }
        }
    }

    /// What of the global budget this action may use up.
    fn share(&self, budget: Budget, action: Action, now: DateTime<Utc>) -> Budget {
        let lasts = |until: Option<DateTime<Utc>>| until.is_some_and(|until| until > now);
        let questions = if !action.is_question() && lasts(self.questions_until) { FOR_QUESTIONS } else { 0 };
        let others = if lasts(self.others_until) { self.limits.others } else { 0 };
        let count = budget.count.saturating_sub(questions + others).max(budget.count.min(1));
        Budget { count, ..budget }
    }

    /// Somebody asks Discord past this limiter until then: a part of the global budget is left alone.
    pub fn make_room(&mut self, until: DateTime<Utc>) {
        self.others_until = self.others_until.max(Some(until));
    }

    /// Nothing goes before this. A later pause stands.
    pub fn pause_all(&mut self, until: DateTime<Utc>) {
        self.paused_until = Some(self.paused_until.map_or(until, |standing| standing.max(until)));
    }

    /// Until when everything is paused, for the status shown to admins.
    pub fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.paused_until.filter(|until| *until > now)
    }

    fn bucket_key(&mut self, route: &RouteKey, now: DateTime<Utc>) -> BucketKey {
        let id = route.id();
        let entry = self.routes.entry(id).or_insert_with(|| Route { bucket: BucketKey::Route(id), used_at: now });
        entry.used_at = now;
        entry.bucket.clone()
    }

    /// A route learns its bucket's name, which other routes may know already. Its own requests under way
    /// move along when it stood for itself; from a bucket it shared, it just goes.
    fn rename(&mut self, route: &RouteKey, from: &BucketKey, to: BucketKey, now: DateTime<Utc>) {
        let own = matches!(from, BucketKey::Route(_)).then(|| self.buckets.remove(from)).flatten();
        let target = self.buckets.entry(to.clone()).or_insert_with(|| Bucket::new(now));
        match own {
            Some(own) => target.absorb(own),
            None => target.reserve(now),
        }
        if let Some(old) = self.buckets.get_mut(from) {
            old.answered(&LimitHeaders::default(), now);
        }
        self.routes.insert(route.id(), Route { bucket: to, used_at: now });
    }

    /// Forgets what wasn't used lately, each time the number of entries has doubled.
    fn sweep(&mut self, now: DateTime<Utc>) {
        let size = |l: &Self| l.routes.len().max(l.buckets.len()).max(l.webhooks.len()).max(l.channels.len());
        if size(self) < self.sweep_at {
            return;
        }
        self.routes.retain(|_, route| now - route.used_at < FORGET_AFTER);
        self.buckets.retain(|_, bucket| !bucket.is_idle(now, FORGET_AFTER));
        self.webhooks.retain(|_, window| window.is_used(now));
        self.channels.retain(|_, window| window.is_used(now));
        self.sweep_at = (size(self) * 2).max(SWEEP_FROM);
    }
}

#[cfg(test)]
mod tests;
