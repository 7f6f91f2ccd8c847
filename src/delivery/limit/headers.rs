//! Discord's rate-limit headers (<https://discord.com/developers/docs/topics/rate-limits#header-format>).

use chrono::TimeDelta;

/// What one answer says about limits. All `None` when there was no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitHeaders {
    /// `X-RateLimit-Limit`
    pub limit: Option<u32>,
    /// `X-RateLimit-Remaining`
    pub remaining: Option<u32>,
    /// `X-RateLimit-Reset-After`
    pub reset_after: Option<TimeDelta>,
    /// `X-RateLimit-Bucket`
    pub bucket: Option<String>,
    /// `X-RateLimit-Global`, only with a 429.
    pub global: bool,
    /// `X-RateLimit-Scope`, only with a 429.
    pub scope: Option<Scope>,
    /// `Retry-After`, only with a 429. The JSON body's `retry_after` is finer; put it here when there is one.
    pub retry_after: Option<TimeDelta>,
}

/// Whose limit a 429 is about. Only `shared` ones don't count towards the ban for invalid requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    User,
    Global,
    Shared,
}

impl LimitHeaders {
    /// Reads the headers through `get`, which is asked in lower case. What can't be read is left out.
    pub fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            limit: get("x-ratelimit-limit").and_then(|text| text.trim().parse().ok()),
            remaining: get("x-ratelimit-remaining").and_then(|text| text.trim().parse().ok()),
            reset_after: get("x-ratelimit-reset-after").and_then(seconds),
            bucket: get("x-ratelimit-bucket").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
            global: get("x-ratelimit-global").is_some_and(|text| text.trim().eq_ignore_ascii_case("true")),
            scope: get("x-ratelimit-scope").and_then(|text| match text.trim() {
                "user" => Some(Scope::User),
                "global" => Some(Scope::Global),
                "shared" => Some(Scope::Shared),
                _ => None,
            }),
            retry_after: get("retry-after").and_then(seconds),
        }
    }
}

/// Seconds with a fraction, rounded up to the millisecond.
fn seconds(text: &str) -> Option<TimeDelta> {
    let seconds: f64 = text.trim().parse().ok()?;
    // A week is more than any limit lasts; beyond it the header is nonsense.
    (0.0..=604_800.0).contains(&seconds).then(|| TimeDelta::milliseconds((seconds * 1000.0).ceil() as i64))
}
