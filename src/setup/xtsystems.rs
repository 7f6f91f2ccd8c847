//! The steps that connect XTSystems: is it there, does it take the key, is our webhook registered, does a test
//! delivery arrive.

use anyhow::Result;

use super::{StepResult, Told, text};
use crate::config::Config;
use crate::error::UserError;
use crate::ports::Ports;
use crate::source::xtsystems::live::{Change, LiveSource, NotArrived, Registered, TestResult};
use crate::upstream::xtsystems::{UpstreamError, XtSystemsClient};

pub const ADDRESS: &str = "Address";
pub const KEY: &str = "Key";
pub const PUBLIC: &str = "Public URL";
pub const SECRET: &str = "Secret";
pub const WEBHOOK: &str = "Webhook";
pub const TEST: &str = "Test";

/// Reachability and key. False when it makes no sense to go on.
pub async fn reach(client: Option<&XtSystemsClient>, told: Told<'_>) -> bool {
    let Some(client) = client else {
        told(StepResult::failed(ADDRESS, text::NO_UPSTREAM, text::SET_UPSTREAM));
        return false;
    };
    let address = address(client).await;
    let goes_on = !address.is_failure();
    told(address);
    if !goes_on {
        return false;
    }
    let key = key(client).await;
    let goes_on = !key.is_failure();
    told(key);
    goes_on
}

async fn address(client: &XtSystemsClient) -> StepResult {
    let origin = client.origin();
    match client.health().await {
        Ok(health) => {
            let status = health.status.map(|status| format!(": {status}")).unwrap_or_default();
            StepResult::fine(ADDRESS, format!("{origin} answers{status}"))
        }
        // Something answers there, and whether it is XTSystems the next step shows.
        Err(UpstreamError::NotFound { status, .. }) => {
            StepResult::warning(ADDRESS, text::no_health(&origin, status), text::CHECK_API_URL)
        }
        Err(error) => failed(ADDRESS, &error),
    }
}

async fn key(client: &XtSystemsClient) -> StepResult {
    match client.list_webhooks().await {
        Ok(webhooks) => StepResult::fine(KEY, format!("accepted; {}", text::webhooks(webhooks.len()))),
        Err(error) => failed(KEY, &error),
    }
}

fn failed(name: &str, error: &UpstreamError) -> StepResult {
    StepResult::failed(name, text::capital(&error.summary()), error.fix().unwrap_or(text::AGAIN))
}

/// The address under which XTSystems is to reach us. False without one.
pub fn public_url(config: &Config, source: &LiveSource, port: u16, told: Told<'_>) -> bool {
    let (Some(public), Some(url)) = (&config.web.public_url, &source.url) else {
        told(StepResult::failed(PUBLIC, text::NO_PUBLIC_URL, text::SET_PUBLIC_URL));
        return false;
    };
    let upstream = config.xtsystems.as_ref().and_then(|settings| settings.api_url.as_ref());
    let is_here = crate::config::is_loopback(public);
    let step = if is_here && upstream.is_some_and(|upstream| !crate::config::is_loopback(upstream)) {
        StepResult::warning(PUBLIC, text::only_here(url), text::SET_PUBLIC_URL)
    } else if let Some(named) = public.port().filter(|named| *named != port) {
        StepResult::warning(PUBLIC, text::other_port(url, named, port), text::other_port_fix(named))
    } else if public.scheme() != "https" && !is_here {
        StepResult::warning(PUBLIC, text::in_the_clear(url), text::USE_HTTPS)
    } else {
        StepResult::fine(PUBLIC, url.clone())
    };
    told(step);
    true
}

/// Creates or completes our webhook upstream. `renew` sends the secret again, whether that is needed or not.
pub async fn register(
    ports: &Ports,
    source: &LiveSource,
    events: Option<&str>,
    renew: bool,
    told: Told<'_>,
) -> Result<bool> {
    let registered = match source.register(ports, events, renew).await {
        Ok(registered) => registered,
        Err(error) => {
            told(refused(WEBHOOK, error)?);
            return Ok(false);
        }
    };
    told(match (registered.secret_made, registered.secret_configured) {
        (true, _) => StepResult::changed(SECRET, text::SECRET_MADE),
        (false, true) => StepResult::fine(SECRET, text::SECRET_CONFIGURED),
        (false, false) => StepResult::fine(SECRET, text::SECRET_KEPT),
    });
    told(webhook(&registered));
    if let [other, ..] = registered.others.as_slice() {
        told(StepResult::warning(WEBHOOK, text::another_webhook(other), text::delete_webhook(&other.id)));
    }
    Ok(true)
}

fn webhook(registered: &Registered) -> StepResult {
    let kinds = text::kinds(&registered.events, &registered.left_out);
    match &registered.change {
        Change::Created => StepResult::changed(WEBHOOK, format!("created, for {kinds}")),
        Change::Updated(what) => StepResult::changed(WEBHOOK, format!("updated ({}), for {kinds}", what.join(", "))),
        Change::OnlySecret => StepResult::fine(WEBHOOK, format!("registered for {kinds}; its secret was sent again")),
        Change::Nothing => StepResult::fine(WEBHOOK, format!("registered already, for {kinds}")),
    }
}

/// A test delivery with its round trip. When it is refused, the secret is sent to XTSystems once more, if that may
/// be the reason and `mend` allows it, and the test is repeated.
pub async fn test(ports: &Ports, source: &LiveSource, mend: bool, told: Told<'_>) -> Result<bool> {
    let mut result = match source.test(ports).await {
        Ok(result) => result,
        Err(error) => {
            told(refused(TEST, error)?);
            return Ok(false);
        }
    };
    if mend && let TestResult::NotArrived(NotArrived { refused: Some(_), .. }) = &result {
        match source.register(ports, None, true).await {
            Ok(_) => told(StepResult::changed(WEBHOOK, text::SECRET_SENT)),
            Err(error) => {
                told(refused(WEBHOOK, error)?);
                return Ok(false);
            }
        }
        result = source.test(ports).await?;
    }
    let step = match &result {
        TestResult::Arrived { after } => StepResult::fine(TEST, text::arrived(*after)),
        TestResult::NotRegistered => StepResult::failed(TEST, text::NOT_REGISTERED, text::REGISTER),
        TestResult::NotArrived(why) => {
            let (said, fix) = text::not_arrived(why, source.url.as_deref().unwrap_or_default(), mend);
            StepResult::failed(TEST, said, fix)
        }
    };
    let arrived = !step.is_failure();
    told(step);
    Ok(arrived)
}

/// What a person can mend is a step that failed; anything else goes up.
fn refused(name: &str, error: anyhow::Error) -> Result<StepResult> {
    if let Some(upstream) = error.downcast_ref::<UpstreamError>() {
        return Ok(failed(name, upstream));
    }
    match error.downcast::<UserError>() {
        Ok(UserError(said)) => Ok(StepResult::failed(name, said, text::AGAIN)),
        Err(error) => Err(error),
    }
}
