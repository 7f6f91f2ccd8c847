//! How messages are sent: retries, deadlines, limits.

use std::time::Duration;

use super::discord::DiscordConfig;
use super::reader::Reader;
use super::value::{boolean, duration, integer, items};
use super::variable::{Section, Variable};

/// The numbers of delivery. Those without a variable are part of the guarantee and fit together:
/// HTTP deadline < lease < nonce window.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// The waits before the second, third … attempt; the last one repeats.
    pub retry_schedule: Vec<Duration>,
    /// Each wait is multiplied by a random factor in `1 - jitter ..= 1 + jitter`.
    pub jitter: f64,
    /// The deadline of one request to Discord.
    pub http_timeout: Duration,
    /// How long a worker owns a lane.
    pub lease: Duration,
    /// How long Discord is trusted to remember a nonce, from the start of the first attempt.
    pub nonce_window: Duration,
    /// Whether the rate limits that Discord documents are kept before it states any. Off only for
    /// load measurements against a stand-in on this machine.
    pub webhook_priors: bool,
    /// How long notices are gathered after one went out; zero: each message goes as soon as it can.
    pub batch_window: Duration,
    /// Requests per second over all routes.
    pub global_per_second: u32,
}

pub(super) static SECTION: Section = Section {
    title: "Delivery",
    about: "The defaults are right for everyone but those who measure.",
    variables: &[
        Variable::new("DELIVERY_RETRY_SCHEDULE", "The waits between attempts; the last one repeats.", "5s,30s,2m,10m")
            .default("5s,30s,2m,10m,1h,6h"),
        Variable::new(
            "DELIVERY_BATCH_WINDOW",
            "After a notice went out, those of the next moment go together. 0ms: they do not wait.",
            "500ms",
        )
        .default("500ms"),
        Variable::new(
            "DELIVERY_GLOBAL_PER_SECOND",
            "Requests to Discord per second. Discord allows 50, and more to very large bots by arrangement.",
            "50",
        )
        .default("50"),
        Variable::new(
            "DELIVERY_PRIORS",
            "off: documented rate limits are not assumed before Discord states them. Only with DISCORD_API_URL on this machine.",
            "off",
        )
        .default("on"),
    ],
};

pub(super) fn read(r: &mut Reader, discord: Option<&DiscordConfig>) -> Option<DeliveryConfig> {
    let retry_schedule = r.value("DELIVERY_RETRY_SCHEDULE", schedule);
    let batch_window = r.value("DELIVERY_BATCH_WINDOW", window);
    let global_per_second = r.value("DELIVERY_GLOBAL_PER_SECOND", integer(1..=10_000));
    let webhook_priors = r.value("DELIVERY_PRIORS", |text| boolean(text).map_err(|_| "should be on or off".into()));
    if webhook_priors == Some(false) && discord.is_some_and(|discord| !discord.is_loopback()) {
        r.refuse("DELIVERY_PRIORS", "may be off only while DISCORD_API_URL is on this machine");
    }
    Some(DeliveryConfig {
        retry_schedule: retry_schedule?,
        jitter: 0.2,
        http_timeout: Duration::from_secs(10),
        lease: Duration::from_secs(15),
        nonce_window: Duration::from_secs(60),
        batch_window: batch_window?,
        webhook_priors: webhook_priors?,
        global_per_second: global_per_second?,
    })
}

fn window(text: &str) -> Result<Duration, String> {
    let window = duration(text).filter(|window| *window <= Duration::from_secs(60));
    window.ok_or_else(|| "should be a time of up to a minute, such as 500ms (units: ms s m)".into())
}

fn schedule(text: &str) -> Result<Vec<Duration>, String> {
    let should = "should be waits separated by commas, such as 5s,30s,2m,1h (units: ms s m h d)";
    let waits = items(text).enumerate().map(|(i, item)| {
        let wait = duration(item).filter(|wait| !wait.is_zero() && *wait <= Duration::from_secs(7 * 86_400));
        wait.ok_or_else(|| format!("{should}; item {} is not a wait of up to 7 days", i + 1))
    });
    let waits: Vec<Duration> = waits.collect::<Result<_, _>>()?;
    if waits.is_empty() { Err(should.into()) } else { Ok(waits) }
}
