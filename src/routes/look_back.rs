//! Looks at the events of the past: what a proposed route would have done, which fields events have, and examples
//! to preview a template with. Reads only, a bounded number of rows, a page at a time.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use chrono::TimeDelta;
use uuid::Uuid;

use super::Board;
use super::propose::DAY;
use crate::delivery::look::{SourceNames, compile, source_names};
use crate::delivery::plan::hold;
use crate::delivery::silence::would_post;
use crate::event::Event;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::backtest::{Backtest, EXAMPLES, Example, example};
use crate::routing::view::{EventView, paths};
use crate::routing::{Route, decide, pattern_matches};
use crate::store::silence::StoredSilence;

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
    Ok(Looked { backtest: backtest.finish(), complete })
}

/// What a silence would have kept back.
#[derive(Debug, Default)]
pub struct Withheld {
    pub looked_at: usize,
    pub events: usize,
    /// By kind.
    pub kinds: BTreeMap<String, usize>,
    pub examples: Vec<Example>,
    /// False: there were more events than are looked at.
    pub complete: bool,
}

/// Runs a silence over the stored events of the last day: those that the routes of now would have posted.
pub async fn withheld(ports: &Ports, guild_id: GuildId, board: &Board, silence: &StoredSilence) -> Result<Withheld> {
    let routes: Vec<Route> = board.routes.iter().map(|route| compile(&ports.compiled, route)).collect();
    let silence = hold::compile(ports, silence);
    let mut withheld = Withheld::default();
    withheld.complete = walk(ports, guild_id, DAY, MOST, |event, names| {
        withheld.looked_at += 1;
        let view = EventView::new(event, names.get(&event.source_id).map_or("", |name| name));
        if silence.matches(&view) && would_post(event, !decide(&view, &routes).hits.is_empty()) {
            withheld.events += 1;
            *withheld.kinds.entry(event.kind.clone()).or_default() += 1;
            if withheld.examples.len() < EXAMPLES {
                withheld.examples.push(example(&view, String::new()));
            }
        }
        true
    })
    .await?;
    Ok(withheld)
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
