//! A session as it was, made of its files again: what the commands show that ask for one.

use anyhow::Result;

use super::compute::rules;
use super::surroundings::{READY_WITHIN, Surroundings, surroundings};
use crate::id::GuildId;
use crate::matches::record::Record;
use crate::ports::Ports;
use crate::store::stats::file::list_current_files;
use crate::store::stats::session::StatsSession;

/// Everything about a session; `None`: there is none of this key.
pub async fn surroundings_of(
    ports: &Ports,
    guild_id: GuildId,
    key: &str,
) -> Result<Option<(StatsSession, Surroundings)>> {
    let Some(session) = ports.store.find_stats_session(guild_id, key).await? else { return Ok(None) };
    let mut tx = ports.store.begin().await?;
    let stretch = (session.first_at, session.last_at);
    let files = list_current_files(&mut tx, guild_id, stretch, READY_WITHIN).await?;
    Ok(Some((session, surroundings(files, &rules(ports)))))
}

/// The record of a session: one session, unless a file of it came just now.
pub async fn session(ports: &Ports, guild_id: GuildId, key: &str) -> Result<Option<Record>> {
    Ok(surroundings_of(ports, guild_id, key).await?.map(|(_, around)| around.record))
}
