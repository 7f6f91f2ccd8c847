//! Summaries of sessions, posted when nothing can join them any more.

use anyhow::Result;

use super::compute::rules;
use super::publish::{Publisher, publish_session};
use super::surroundings::{READY_WITHIN, surroundings};
use crate::bus::Topic;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::Store;
use crate::store::stats::file::list_current_files;
use crate::store::stats::lock_stats;
use crate::store::stats::session::{find_due_session, set_session_told};

/// Posts what is due in all servers. Returns how many summaries that were.
pub async fn sessions_due(ports: &Ports) -> Result<usize> {
    let mut done = 0;
    for guild_id in ports.store.list_stats_due(ports.clock.now()).await? {
        while tell_next(ports, guild_id).await? {
            done += 1;
        }
    }
    Ok(done)
}

/// False: nothing is due.
async fn tell_next(ports: &Ports, guild_id: GuildId) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    lock_stats(&mut tx, guild_id).await?;
    let Some(session) = find_due_session(&mut tx, guild_id, now).await? else { return Ok(false) };
    let stretch = (session.first_at, session.last_at);
    let files = list_current_files(&mut tx, guild_id, stretch, READY_WITHIN).await?;
    let around = surroundings(files, &rules(ports));
    let mut publisher = Publisher::new(ports, guild_id, now);
    // A file that came just now waits to be computed; then the summary is due again.
    if around.record.sessions.len() == 1 {
        publish_session(&mut publisher, &mut tx, &around, 0, &session.key).await?;
    }
    set_session_told(&mut tx, guild_id, &session.key).await?;
    crate::crash::point("stats.session");
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Planner);
    Ok(true)
}
