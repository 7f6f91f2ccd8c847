//! A session as people ask for it: by its day, or the last one.

use std::collections::BTreeSet;

use anyhow::Result;
use chrono::{Days, NaiveDate, TimeDelta};

use super::{day, recall};
use crate::error::UserError;
use crate::id::GuildId;
use crate::matches::record::Record;
use crate::matches::report::{self, Context, MapReport, SessionReport};
use crate::ports::Ports;
use crate::store::stats::history::find_history;
use crate::store::stats::session::StatsSession;

/// So long after its last round nothing can join a session any more.
const OVER: TimeDelta = TimeDelta::minutes(60);
/// Sessions of one day that are looked at.
const OF_A_DAY: i64 = 20;

/// A session with everything that is told of it.
#[derive(Clone, Debug)]
pub struct Evening {
    pub session: StatsSession,
    pub report: SessionReport,
    /// Of each of its maps both rounds together; `None` while the second is missing.
    pub maps: Vec<Option<MapReport>>,
}

/// The session that is meant: a key, a day, or the last one. Of several on a day the one with most rounds.
pub async fn find(ports: &Ports, guild_id: GuildId, text: Option<&str>) -> Result<StatsSession> {
    let store = &ports.store;
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        let last = store.list_stats_sessions(guild_id, None, None, 0, 1).await?;
        return last.into_iter().next().ok_or_else(|| UserError::new("Nothing has been played here yet.").into());
    };
    if let Some(session) = by_key(ports, guild_id, text).await? {
        return Ok(session);
    }
    let zone = ports.config.etlegacy.time_zone;
    let today = day::today(ports.clock.now(), zone);
    let Some(wanted) = day::day(text, today) else {
        return Err(UserError::new("Write the day as 2025-10-14, today or yesterday; or choose from the list.").into());
    };
    let (since, before) = (day::begin(wanted, zone), day::begin(after(wanted), zone));
    let found = store.list_stats_sessions(guild_id, Some(since), Some(before), 0, OF_A_DAY).await?;
    // One that began the evening before belongs there.
    let begun = found.iter().filter(|session| session.key.starts_with(&wanted.to_string()));
    let session = begun.max_by_key(|session| session.rounds).or_else(|| found.first()).cloned();
    session.ok_or_else(|| UserError::new(format!("Nothing was played on {wanted}.")).into())
}

fn after(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

/// By its key, or by the stem of one of its rounds.
async fn by_key(ports: &Ports, guild_id: GuildId, text: &str) -> Result<Option<StatsSession>> {
    if let Some(session) = ports.store.find_stats_session(guild_id, text).await? {
        return Ok(Some(session));
    }
    match ports.store.find_stats_session_key(guild_id, text).await? {
        Some(key) => Ok(ports.store.find_stats_session(guild_id, &key).await?),
        None => Ok(None),
    }
}

/// What is told of a session, computed from its files.
pub async fn evening(ports: &Ports, guild_id: GuildId, session: StatsSession) -> Result<Evening> {
    let gone = || UserError::new("That session is being computed anew; ask again in a moment.");
    let record = recall::session(ports, guild_id, &session.key).await?.ok_or_else(gone)?;
    let is_it = |of: &crate::matches::record::Session| {
        record.rounds[of.rounds.clone()].iter().any(|round| round.at == session.first_at)
    };
    let at = record.sessions.iter().position(is_it).ok_or_else(gone)?;
    let context = context(ports, guild_id, &record).await?;
    let is_over = ports.clock.now() - session.last_at > OVER;
    let report = report::session(&record, at, &context, is_over);
    let maps = (0..report.maps.len()).map(|map| report::map(&record, at, map, &context)).collect();
    Ok(Evening { session, report, maps })
}

/// What was before, and what people are called.
async fn context(ports: &Ports, guild_id: GuildId, record: &Record) -> Result<Context> {
    let players = record.rounds.iter().flat_map(|round| &round.players);
    let guids: BTreeSet<String> = players.map(|player| player.key.guid.clone()).collect();
    let guids: Vec<String> = guids.into_iter().collect();
    let maps: BTreeSet<String> = record.rounds.iter().map(|round| round.map.clone()).collect();
    let maps: Vec<String> = maps.into_iter().collect();
    let Some(first) = record.rounds.first() else { return Ok(Context::default()) };
    let mut tx = ports.store.begin().await?;
    let history = find_history(&mut tx, guild_id, first.at, &guids, &maps).await?;
    drop(tx);
    let names = ports.store.list_stats_display_names(guild_id, &guids).await?.into_iter().collect();
    let team_names = ports.config.etlegacy.team_names.clone();
    Ok(Context { history, names, team_names })
}
