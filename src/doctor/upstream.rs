//! XTSystems: there, our key good, our webhook registered as we would register it.

use super::report::Finding;
use super::text::upstream as text;
use super::{Doctor, Found};
use crate::event::kind::xtsystems_kinds;
use crate::source::catch_up::find_ours;
use crate::upstream::xtsystems::{UpstreamError, Webhook};

pub(super) async fn api(doctor: &Doctor<'_>) -> Found {
    if doctor.ports.config.xtsystems.is_none() {
        return Ok(vec![]);
    }
    let Some(client) = &doctor.ports.xtsystems else { return Ok(vec![text::not_configured()]) };
    Ok(vec![match client.health().await {
        Ok(_) => text::answers(client.origin()),
        Err(error) => text::api_wrong(error.to_string()),
    }])
}

pub(super) async fn webhook(doctor: &Doctor<'_>) -> Found {
    let Some(client) = &doctor.ports.xtsystems else { return Ok(vec![]) };
    let webhooks = match client.list_webhooks().await {
        Ok(webhooks) => webhooks,
        // Not there at all: the line about the API says so.
        Err(UpstreamError::NotSent { .. }) => return Ok(vec![]),
        Err(error) => return Ok(vec![text::key_wrong(error.to_string())]),
    };
    let url = doctor.webhook_url();
    let ours = find_ours(webhooks, url.as_deref());
    Ok(vec![text::key_accepted(), judge(ours.as_ref(), url.as_deref())])
}

fn judge(ours: Option<&Webhook>, url: Option<&str>) -> Finding {
    let Some(webhook) = ours else { return text::not_registered() };
    if !webhook.active {
        return text::switched_off();
    }
    let Some(url) = url else { return text::no_address() };
    if webhook.url.trim_end_matches('/') != url.trim_end_matches('/') {
        return text::other_address(&webhook.url, url);
    }
    let lacking: Vec<&str> =
        xtsystems_kinds().filter(|k| *k != "webhook.test" && !webhook.events.iter().any(|e| e == k)).collect();
    if webhook.events.is_empty() || !lacking.is_empty() {
        return text::not_for(&lacking);
    }
    text::registered(webhook.events.len())
}

impl Doctor<'_> {
    /// Where XTSystems should send to.
    pub(super) fn webhook_url(&self) -> Option<String> {
        let config = &self.ports.config;
        let public = config.web.public_url.as_ref()?;
        Some(format!("{}{}", public.as_str().trim_end_matches('/'), config.xtsystems.as_ref()?.path))
    }
}
