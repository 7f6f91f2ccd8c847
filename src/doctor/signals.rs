//! What became of the signals lately: refused ones, sources gone quiet, messages not delivered; and whether
//! there is a secret to verify them with.

use chrono::TimeDelta;

use super::report::Finding;
use super::text::signals as text;
use super::{Doctor, Found};
use crate::id::{kick_source, xtsystems_source};
use crate::routing::duration::span;
use crate::store::pulse::ANY;

/// Refusals older than this are history.
const LATELY: TimeDelta = TimeDelta::hours(24);
const GROUPS: i64 = 5;

impl Doctor<'_> {
    /// The id of the XTSystems source of this server, if one is configured.
    fn source_id(&self) -> Option<uuid::Uuid> {
        self.ports.config.xtsystems.as_ref()?;
        self.guild_id.map(xtsystems_source)
    }
}

pub(super) async fn secrets(doctor: &Doctor<'_>) -> Found {
    let (Some(settings), Some(source)) = (&doctor.ports.config.xtsystems, doctor.source_id()) else {
        return Ok(vec![]);
    };
    doctor.needs_database()?;
    let now = doctor.ports.clock.now();
    let rows = doctor.ports.store.list_webhook_secrets(source).await?;
    let generated: Vec<_> =
        rows.iter().filter(|row| !row.slot.starts_with("env:") && row.ends_at.is_none_or(|end| end > now)).collect();
    let live = settings.secrets.len() + generated.len();
    if live == 0 {
        return Ok(vec![text::no_secret()]);
    }
    if generated.iter().any(|row| row.confirmed_at.is_none()) {
        return Ok(vec![text::unconfirmed_secret()]);
    }
    Ok(vec![text::secrets(live)])
}

pub(super) async fn refusals(doctor: &Doctor<'_>) -> Found {
    let Some(source) = doctor.source_id() else { return Ok(vec![]) };
    doctor.needs_database()?;
    let since = doctor.ports.clock.now() - LATELY;
    let groups = doctor.ports.store.list_refusal_groups(source, since, GROUPS).await?;
    if groups.is_empty() {
        return Ok(vec![text::no_refusals()]);
    }
    let found = groups.into_iter().map(|group| text::refusals(group.count, &group.rule, group.variant.as_deref()));
    Ok(found.collect())
}

/// Webhooks that claimed to be Kick's and about a channel of this server.
pub(super) async fn kick_refusals(doctor: &Doctor<'_>) -> Found {
    let (Some(_), Some(guild)) = (&doctor.ports.config.kick, doctor.guild_id) else { return Ok(vec![]) };
    doctor.needs_database()?;
    let since = doctor.ports.clock.now() - LATELY;
    let groups = doctor.ports.store.list_refusal_groups(kick_source(guild), since, GROUPS).await?;
    Ok(groups.into_iter().map(|group| text::kick_refusals(group.count, &group.rule)).collect())
}

pub(super) async fn pulse(doctor: &Doctor<'_>) -> Found {
    let Some(source) = doctor.source_id() else { return Ok(vec![]) };
    doctor.needs_database()?;
    let now = doctor.ports.clock.now();
    let pulses = doctor.ports.store.list_last_events(source).await?;
    let Some(whole) = pulses.iter().find(|pulse| pulse.kind == ANY) else {
        return Ok(vec![text::no_event()]);
    };
    let quiet: Vec<Finding> = pulses
        .iter()
        .filter(|pulse| pulse.quiet_since.is_some_and(|since| since == pulse.last_at))
        .map(|pulse| {
            let of = if pulse.kind == ANY { "XTSystems" } else { &pulse.kind };
            text::quiet(of, &span(now - pulse.last_at))
        })
        .collect();
    if !quiet.is_empty() {
        return Ok(quiet);
    }
    Ok(vec![text::last_event(&span(now - whole.last_at))])
}

pub(super) async fn outbox(doctor: &Doctor<'_>) -> Found {
    let Some(guild) = doctor.guild_id else { return Ok(vec![]) };
    doctor.needs_database()?;
    let counts = doctor.ports.store.count_outbox(guild).await?;
    let quarantined = doctor.ports.store.count_quarantine().await?;
    let doubtful = counts.in_doubt + counts.unresolved;
    let mut found = Vec::new();
    if counts.dead > 0 {
        found.push(text::undelivered(counts.dead));
    }
    if doubtful > 0 {
        found.push(text::in_doubt(doubtful));
    }
    if quarantined > 0 {
        found.push(text::quarantined(quarantined));
    }
    if found.is_empty() {
        found.push(text::outbox(counts.queued));
    }
    Ok(found)
}
