//! Rate limits: buckets with their headers, the global limit, and the count of invalid requests.
//!
//! <https://discord.com/developers/docs/topics/rate-limits>. The numbers are not promised by Discord; these are the folklore
//! (issues #20 and #367 of discord-api-docs), and a bot that reads the headers never meets them.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::rest::Route;

/// Requests per second of one bot, and of one address for requests without authorization.
const GLOBAL: u32 = 50;
/// "IP addresses that make too many invalid HTTP requests are automatically and temporarily restricted": 10,000 per 10 minutes.
const INVALID: usize = 10_000;

#[derive(Debug, Default)]
pub struct Limiter {
    buckets: HashMap<String, Window>,
    global: HashMap<&'static str, Window>,
    invalid: VecDeque<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    used: u32,
    ends: DateTime<Utc>,
}

/// How many requests per how many milliseconds.
#[derive(Clone, Copy, Debug)]
struct Allowance(u32, i64);

pub enum Verdict {
    /// Headers for the answer.
    Pass(Vec<(&'static str, String)>),
    Refuse(Limited),
    /// Too many invalid requests: what the edge in front of Discord answers.
    Banned,
}

pub struct Limited {
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Limiter {
    pub fn check(&mut self, route: &Route, authorized: bool, now: DateTime<Utc>) -> Verdict {
        let Limiter { invalid, .. } = self;
        while invalid.front().is_some_and(|at| now - *at > Duration::minutes(10)) {
            invalid.pop_front();
        }
        if invalid.len() >= INVALID {
            return Verdict::Banned;
        }
        // "Interaction endpoints are not bound to the bot's Global Rate Limit."
        if !route.of_interaction() {
            let who = if authorized { "bot" } else { "address" };
            let window = self.global.entry(who).or_insert(Window { used: 0, ends: now });
            let (_, wait) = window.take(Allowance(GLOBAL, 1000), now);
            if let Some(wait) = wait {
                return Verdict::Refuse(limited(wait, "global", Vec::new()));
            }
        }
        // Webhooks: 30 per minute in one channel, whatever the number of its webhooks.
        if let Some(channel) = route.webhook_channel() {
            let window = self.bucket(format!("webhook-channel:{channel}"), now);
            let (_, wait) = window.take(Allowance(30, 60_000), now);
            if let Some(wait) = wait {
                let headers = Window::spent(wait, Allowance(30, 60_000), now).headers(
                    Allowance(30, 60_000),
                    "webhooks-of-channel",
                    now,
                );
                return Verdict::Refuse(limited(wait, "user", headers));
            }
        }
        let Some(allowance) = allowance(route) else {
            return Verdict::Pass(Vec::new());
        };
        let window = self.bucket(format!("{}:{}", route.name(), route.major()), now);
        let (window, wait) = window.take(allowance, now);
        let headers = window.headers(allowance, route.name(), now);
        match wait {
            None => Verdict::Pass(headers),
            Some(wait) => Verdict::Refuse(limited(wait, "user", headers)),
        }
    }

    /// 401, 403 and 429 count as invalid requests; 429 with the scope "shared" does not.
    pub fn count_invalid(&mut self, now: DateTime<Utc>) {
        self.invalid.push_back(now);
    }

    fn bucket(&mut self, key: String, now: DateTime<Utc>) -> &mut Window {
        self.buckets.entry(key).or_insert(Window { used: 0, ends: now })
    }
}

impl Window {
    /// Uses one up; if none is left, says how long to wait.
    fn take(&mut self, Allowance(limit, ms): Allowance, now: DateTime<Utc>) -> (Window, Option<Duration>) {
        if now >= self.ends {
            *self = Window { used: 0, ends: now + Duration::milliseconds(ms) };
        }
        if self.used >= limit {
            return (*self, Some(self.ends - now));
        }
        self.used += 1;
        (*self, None)
    }

    fn spent(wait: Duration, Allowance(limit, _): Allowance, now: DateTime<Utc>) -> Window {
        Window { used: limit, ends: now + wait }
    }

    fn headers(&self, Allowance(limit, _): Allowance, bucket: &str, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
        vec![
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", limit.saturating_sub(self.used).to_string()),
            ("x-ratelimit-reset", format!("{:.3}", millis(self.ends.timestamp_millis()))),
            ("x-ratelimit-reset-after", format!("{:.3}", millis((self.ends - now).num_milliseconds()))),
            ("x-ratelimit-bucket", bucket_id(bucket)),
        ]
    }
}

/// Headers where limits are switched off: a bucket that is never used up.
pub fn ample(route: &Route, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let window = Window { used: 1, ends: now + Duration::seconds(1) };
    window.headers(Allowance(10_000, 1000), route.name(), now)
}

/// A 429 as Discord words it: `retry_after` in seconds as a fraction, and no `code`.
pub fn limited(wait: Duration, scope: &str, mut headers: Vec<(&'static str, String)>) -> Limited {
    let seconds = millis(wait.num_milliseconds().max(1));
    headers.push(("retry-after", format!("{:.0}", seconds.ceil())));
    headers.push(("x-ratelimit-scope", scope.to_owned()));
    if scope == "global" {
        headers.push(("x-ratelimit-global", "true".to_owned()));
    }
    let message = match scope {
        "shared" => "The resource is being rate limited.",
        _ => "You are being rate limited.",
    };
    let body = json!({"message": message, "retry_after": seconds, "global": scope == "global"});
    Limited { headers, body }
}

fn allowance(route: &Route) -> Option<Allowance> {
    Some(match route {
        // An interaction's callback carries no bucket.
        Route::Callback(..) => return None,
        Route::CreateMessage(_) | Route::EditMessage(..) => Allowance(5, 5000),
        Route::DeleteMessage(..) => Allowance(5, 1000),
        Route::ExecuteWebhook { .. } | Route::WebhookMessage { .. } => Allowance(5, 2000),
        Route::Followup(..) | Route::Original(..) => Allowance(5, 5000),
        Route::React(..) => Allowance(1, 250),
        Route::Commands { .. } | Route::Command { .. } => Allowance(20, 20_000),
        Route::ListMessages(_) | Route::GetMessage(..) => Allowance(5, 5000),
        Route::CreateThread(..) => Allowance(50, 300_000),
        _ => Allowance(50, 10_000),
    })
}

fn millis(ms: i64) -> f64 {
    // Exact: milliseconds of this millennium fit the 52 bits of the mantissa.
    #[allow(clippy::cast_precision_loss)]
    let ms = ms as f64;
    ms / 1000.0
}

/// An opaque id that is the same for the same kind of route.
fn bucket_id(name: &str) -> String {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}{:016x}", hash.rotate_left(17))
}
