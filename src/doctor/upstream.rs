//! XTSystems: there, our key good, our webhook registered as we would register it.

use super::report::Finding;
use super::{Doctor, Found};
use crate::event::kind::xtsystems_kinds;
use crate::source::catch_up::find_ours;
use crate::upstream::xtsystems::{UpstreamError, Webhook};

pub(super) async fn api(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "API";
    if doctor.ports.config.xtsystems.is_none() {
        return Ok(vec![]);
    }
    let Some(client) = &doctor.ports.xtsystems else {
        let fix = "set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY";
        return Ok(vec![Finding::warning(CHECK, "not configured: decisions cannot be sent", fix)]);
    };
    Ok(vec![match client.health().await {
        Ok(_) => Finding::good(CHECK, format!("{} answers", client.origin())),
        Err(error) => wrong(CHECK, &error),
    }])
}

/// The texts of these errors say what is wrong, then what to do.
fn wrong(check: &str, error: &UpstreamError) -> Finding {
    let words = error.to_string();
    match words.rsplit_once(". ") {
        Some((what, fix)) => Finding::problem(check, what, lower(fix)),
        None => Finding::problem(check, words, "check XTSYSTEMS_API_URL and the server there"),
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

pub(super) async fn webhook(doctor: &Doctor<'_>) -> Found {
    let Some(client) = &doctor.ports.xtsystems else { return Ok(vec![]) };
    let webhooks = match client.list_webhooks().await {
        Ok(webhooks) => webhooks,
        // Not there at all: the line about the API says so.
        Err(UpstreamError::NotSent { .. }) => return Ok(vec![]),
        Err(error) => return Ok(vec![wrong("API key", &error)]),
    };
    let url = doctor.webhook_url();
    let ours = find_ours(webhooks, url.as_deref());
    Ok(vec![Finding::good("API key", "accepted"), judge(ours.as_ref(), url.as_deref())])
}

fn judge(ours: Option<&Webhook>, url: Option<&str>) -> Finding {
    const CHECK: &str = "Webhook";
    const FIX: &str = "use /register-webhook";
    let Some(webhook) = ours else {
        return Finding::problem(CHECK, "ours is not registered there, so nothing is sent to us", FIX);
    };
    if !webhook.active {
        return Finding::problem(CHECK, "registered but switched off", FIX);
    }
    let Some(url) = url else {
        return Finding::warning(CHECK, "registered; its address cannot be compared", "set PUBLIC_URL");
    };
    if webhook.url.trim_end_matches('/') != url.trim_end_matches('/') {
        let text = format!("registered with {}, our address is {url}", webhook.url);
        return Finding::problem(CHECK, text, FIX);
    }
    let lacking: Vec<&str> =
        xtsystems_kinds().filter(|k| *k != "webhook.test" && !webhook.events.iter().any(|e| e == k)).collect();
    if webhook.events.is_empty() || !lacking.is_empty() {
        let text = format!("registered, but not for {}", lacking.join(", "));
        return Finding::warning(CHECK, text, "use /register-webhook without events, unless that is what you want");
    }
    Finding::good(CHECK, format!("registered and active for all {} events", webhook.events.len()))
}

impl Doctor<'_> {
    /// Where XTSystems should send to.
    pub(super) fn webhook_url(&self) -> Option<String> {
        let config = &self.ports.config;
        let public = config.web.public_url.as_ref()?;
        Some(format!("{}{}", public.as_str().trim_end_matches('/'), config.xtsystems.as_ref()?.path))
    }
}
