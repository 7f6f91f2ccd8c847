//! The lists that XTSystems chooses from: kept in the database with a bounded age, so that rendering a card
//! and most presses wait for nobody.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::bus::Topic;
use crate::id::xtsystems_source;
use crate::ports::Ports;
use crate::routing::ticket::ListItem;
use crate::store::upstream_list::ListKind;
use crate::upstream::xtsystems::UpstreamError;

/// Older than this a list is fetched again, when somebody needs it.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// While XTSystems does not answer, an older list serves until this age.
const USABLE: TimeDelta = TimeDelta::hours(24);
/// The pause after a vain attempt.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// What a list may take while somebody types.
const TYPING: Duration = Duration::from_millis(1500);
/// Cards brought up to date when what they offer did change.
const TOUCHED: i64 = 50;

/// Fetches the lists of tickets where they are old and tickets move. Returns how many it did.
pub async fn refresh_due(ports: &Ports) -> Result<usize> {
    let (Some(_), Some(guild_id)) = (&ports.xtsystems, ports.config.discord.guild_id) else { return Ok(0) };
    let source_id = xtsystems_source(guild_id);
    let mut done = 0;
    for kind in [ListKind::Status, ListKind::Priority] {
        let now = ports.clock.now();
        let known = ports.store.find_list(source_id, kind).await?;
        let fetched_at = known.as_ref().and_then(|k| k.fetched_at);
        let is_fresh = fetched_at.is_some_and(|at| now - at < FRESH);
        let is_tried = known.as_ref().is_some_and(|k| now - k.tried_at < AGAIN);
        if is_fresh || is_tried || !ports.store.has_ticket_since(source_id, fetched_at).await? {
            continue;
        }
        match fetch(ports, source_id, kind).await? {
            Ok(_) => done += 1,
            Err(error) => tracing::warn!(list = kind.as_str(), %error, "a list of XTSystems could not be fetched"),
        }
    }
    Ok(done)
}

/// A list for somebody who is about to choose from it: fresh, or as it was when XTSystems does not answer.
pub async fn current(ports: &Ports, source_id: Uuid, kind: ListKind) -> Result<Result<Vec<ListItem>, UpstreamError>> {
    let now = ports.clock.now();
    let known = ports.store.find_list(source_id, kind).await?;
    let aged = |limit| known.as_ref().filter(|k| k.fetched_at.is_some_and(|at| now - at < limit));
    if let Some(known) = aged(FRESH) {
        return Ok(Ok(known.items.clone()));
    }
    // Of several who choose while XTSystems is away, and of each key that one of them types, one asks.
    if known.as_ref().is_some_and(|k| now - k.tried_at < AGAIN) {
        let words = "it did not give this list a moment ago. Try again in a minute";
        return Ok(aged(USABLE).map(|known| known.items.clone()).ok_or_else(|| UpstreamError::Unusable(words.into())));
    }
    Ok(match (fetch(ports, source_id, kind).await?, aged(USABLE)) {
        (Err(_), Some(known)) => Ok(known.items.clone()),
        (fetched, _) => fetched,
    })
}

/// What is offered while somebody types: Discord waits 3 s, and XTSystems is given less.
pub async fn offered(ports: &Ports, source_id: Uuid, kind: ListKind) -> Result<Vec<ListItem>> {
    if let Ok(list) = tokio::time::timeout(TYPING, current(ports, source_id, kind)).await {
        return Ok(list?.unwrap_or_default());
    }
    ports.store.note_list_tried(source_id, kind, ports.clock.now()).await?;
    Ok(ports.store.find_list(source_id, kind).await?.map(|known| known.items).unwrap_or_default())
}

async fn fetch(ports: &Ports, source_id: Uuid, kind: ListKind) -> Result<Result<Vec<ListItem>, UpstreamError>> {
    let Some(client) = &ports.xtsystems else {
        return Ok(Err(UpstreamError::Unusable("XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY are not set".into())));
    };
    let company = ports.config.xtsystems.as_ref().and_then(|x| x.company_id.as_deref());
    let fetched = match kind {
        ListKind::Status => client.list_statuses(company).await,
        ListKind::Priority => client.list_priorities(company).await,
        ListKind::User => client.list_users(company).await,
    };
    let now = ports.clock.now();
    match &fetched {
        Ok(items) => {
            let changed = ports.store.save_list(source_id, kind, items, now).await?;
            if changed && kind != ListKind::User {
                ports.store.touch_latest_tickets(source_id, TOUCHED).await?;
                ports.wake.wake(Topic::Deliverer);
            }
        }
        Err(_) => ports.store.note_list_tried(source_id, kind, now).await?,
    }
    Ok(fetched)
}
