//! What became of the signals lately: refused ones, sources gone quiet, messages not delivered; and whether
//! there is a secret to verify them with.

use chrono::TimeDelta;

use super::report::Finding;
use super::{Doctor, Found};
use crate::id::{GuildId, derived};
use crate::routing::duration::span;
use crate::store::pulse::ANY;

/// Refusals older than this are history.
const LATELY: TimeDelta = TimeDelta::hours(24);
const GROUPS: i64 = 5;

impl Doctor<'_> {
    /// The id of the XTSystems source of this server, if one is configured.
    fn source_id(&self) -> Option<uuid::Uuid> {
        self.ports.config.xtsystems.as_ref()?;
        self.guild_id.map(source_id)
    }
}

fn source_id(guild: GuildId) -> uuid::Uuid {
    derived(&["source", &guild.to_string(), "xtsystems", "xtsystems"])
}

pub(super) async fn secrets(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Secret";
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
        let fix = "use /register-webhook, which makes one, or set WEBHOOK_SECRET";
        return Ok(vec![Finding::problem(CHECK, "none: every request is refused", fix)]);
    }
    if generated.iter().any(|row| row.confirmed_at.is_none()) {
        let fix = "use /webhook-secret rotate again: it goes on where it stopped";
        return Ok(vec![Finding::warning(CHECK, "a rotation was begun and XTSystems has not confirmed it", fix)]);
    }
    let text = if live == 1 { "one is live".to_owned() } else { format!("{live} are live, a rotation is under way") };
    Ok(vec![Finding::good(CHECK, text)])
}

pub(super) async fn refusals(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Refused requests";
    let Some(source) = doctor.source_id() else { return Ok(vec![]) };
    doctor.needs_database()?;
    let since = doctor.ports.clock.now() - LATELY;
    let groups = doctor.ports.store.list_refusal_groups(source, since, GROUPS).await?;
    if groups.is_empty() {
        return Ok(vec![Finding::good(CHECK, "none in the last 24 h")]);
    }
    let found = groups.into_iter().map(|group| {
        let times = format!("{}× {}", group.count, group.rule);
        // What would have matched, and what to do about it.
        match group.variant.as_deref().and_then(|variant| variant.split_once(": ")) {
            Some((matched, fix)) => Finding::warning(CHECK, format!("{times} {matched}"), fix.trim_end_matches('.')),
            None => Finding::warning(
                CHECK,
                times,
                "compare the secret here with the sender's; whoever has no right to send may be ignored",
            ),
        }
    });
    Ok(found.collect())
}

pub(super) async fn pulse(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Pulse";
    let Some(source) = doctor.source_id() else { return Ok(vec![]) };
    doctor.needs_database()?;
    let now = doctor.ports.clock.now();
    let pulses = doctor.ports.store.list_last_events(source).await?;
    let Some(whole) = pulses.iter().find(|pulse| pulse.kind == ANY) else {
        let fix = "use /test-webhook, or wait for something to happen there";
        return Ok(vec![Finding::warning(CHECK, "no event has arrived yet", fix)]);
    };
    let quiet: Vec<Finding> = pulses
        .iter()
        .filter(|pulse| pulse.quiet_since.is_some_and(|since| since == pulse.last_at))
        .map(|pulse| {
            let of = if pulse.kind == ANY { "XTSystems" } else { &pulse.kind };
            let text = format!("{of} has been quiet for {}, longer than usual", span(now - pulse.last_at));
            Finding::warning(CHECK, text, "use /test-webhook to see whether its events still arrive")
        })
        .collect();
    if !quiet.is_empty() {
        return Ok(quiet);
    }
    Ok(vec![Finding::good(CHECK, format!("the last event came {} ago", span(now - whole.last_at)))])
}

pub(super) async fn outbox(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Outbox";
    let Some(guild) = doctor.guild_id else { return Ok(vec![]) };
    doctor.needs_database()?;
    let counts = doctor.ports.store.count_outbox(guild).await?;
    let quarantined = doctor.ports.store.count_quarantine().await?;
    let doubtful = counts.in_doubt + counts.unresolved;
    let mut found = Vec::new();
    if counts.dead > 0 {
        let text = format!("{} not delivered", counts.dead);
        found.push(Finding::problem(CHECK, text, "see why with `signalbox replay`, and queue them again with --yes"));
    }
    if doubtful > 0 {
        let text = format!("{doubtful} in doubt: nobody knows yet whether Discord has them");
        found.push(Finding::warning(CHECK, text, "allow Read Message History, by which a doubt is resolved"));
    }
    if quarantined > 0 {
        let text = format!("{quarantined} events could not be taken in and are kept in quarantine");
        found.push(Finding::warning(CHECK, text, "look at the table `quarantine`, which names the reasons"));
    }
    if found.is_empty() {
        let text = format!("{} waiting, none in doubt, none undelivered", counts.queued);
        found.push(Finding::good(CHECK, text));
    }
    Ok(found)
}
