//! Looks at the events of the past: what a proposed route would have done, which fields events have, and examples
//! to preview a template with. Reads only, a bounded number of rows, a page at a time.

use std::collections::BTreeSet;

use anyhow::Result;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::delivery::look::{SourceNames, source_names};
use crate::event::Event;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::backtest::Backtest;
use crate::routing::view::{EventView, paths};
use crate::routing::{Route, pattern_matches};

/// Events that are looked at in one go, and in all.
const PAGE: i64 = 500;
const MOST: usize = 10_000;
/// For the fields and examples of a type.
const RECENT: TimeDelta = TimeDelta::days(7);
const RECENT_MOST: usize = 1000;

/// What came of a look.
pub struct Looked {
    pub backtest: Backtest,
    /// False: there were more events than are looked at.
    pub complete: bool,
}

/// Runs `proposed` over the stored events of the last `span`.
pub async fn backtest(
    ports: &Ports,
    guild_id: GuildId,
    span: TimeDelta,
    present: &[Route],
    proposed: &[Route],
    route_id: Uuid,
) -> Result<Looked> {
    let mut backtest = Backtest::default();
    let complete = walk(ports, guild_id, span, MOST, |event, names| {
        let view = EventView::new(event, names.get(&event.source_id).map_or("", |name| name));
        backtest.take(&view, present, proposed, route_id);
        true
    })
    .await?;
    Ok(Looked { backtest, complete })
}

/// The newest event of each kind that a pattern matches, and the paths that any of them has.
pub async fn recent(ports: &Ports, guild_id: GuildId, patterns: &[&str]) -> Result<(Vec<Event>, BTreeSet<String>)> {
    let (mut newest, mut known): (Vec<Event>, BTreeSet<String>) = Default::default();
    walk(ports, guild_id, RECENT, RECENT_MOST, |event, _| {
        let fits =
            |pattern: &&str| *pattern == crate::routing::DEFAULT_PATTERN || pattern_matches(pattern, &event.kind);
        if event.kind != "signalbox.notice" && patterns.iter().any(fits) {
            paths(event, &mut known);
            if newest.iter().all(|other| other.kind != event.kind) {
                newest.push(event.clone());
            }
        }
        true
    })
    .await?;
    Ok((newest, known))
}

/// Newest first, until `each` says false. Returns whether all were seen.
async fn walk(
    ports: &Ports,
    guild_id: GuildId,
    span: TimeDelta,
    most: usize,
    mut each: impl FnMut(&Event, &SourceNames) -> bool,
) -> Result<bool> {
    let since = ports.clock.now() - span;
    let (mut before, mut seen) = (None, 0);
    while seen < most {
        let page = ports.store.list_past_events(guild_id, since, before, PAGE).await?;
        let Some(last) = page.last() else { return Ok(true) };
        before = Some(last.id);
        seen += page.len();
        let mut tx = ports.store.begin().await?;
        let names = source_names(&ports.compiled, &mut tx, &page).await?;
        drop(tx);
        if !page.iter().all(|event| each(event, &names)) {
            return Ok(true);
        }
        if (page.len() as i64) < PAGE {
            return Ok(true);
        }
        // Others on this thread get their turn.
        tokio::task::yield_now().await;
    }
    Ok(false)
}
