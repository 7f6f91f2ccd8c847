//! Privacy as use cases: what a member asks for, what follows when a server removes the bot, and what goes with
//! age. What is stored of whom is listed in `store/privacy.rs`; `PRIVACY.md` is made from that list here.

pub mod audit;

use std::fmt::Write as _;

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::bus::Topic;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::idempotency::ANSWERS_KEPT;
use crate::store::privacy::{Found, TABLES, Whom};
use crate::store::purge::Cutoffs;

/// How long a server's data is kept after the bot was removed from it.
pub const DEPARTED_KEPT: TimeDelta = TimeDelta::days(30);
/// A member may ask for a deletion this often.
const DELETION_EVERY: TimeDelta = TimeDelta::days(1);
/// After so long whoever began a deletion is not at it any more.
const DELETION_TAKES: TimeDelta = TimeDelta::minutes(2);
/// How long an event that comes again is recognised at least.
const REPEATS_KNOWN: TimeDelta = TimeDelta::days(90);
/// Four weeks are compared, and the stretch itself may be some days long.
const PULSE_KEPT: TimeDelta = TimeDelta::days(42);
const INTERACTION_KEPT: TimeDelta = TimeDelta::days(1);
/// Rows deleted in one statement, and statements of one visit.
const BATCH: i64 = 5000;
const BATCHES: usize = 50;
const SEALS: i64 = 1000;
/// Rows of one table in an export.
const EXPORTED: i64 = 5000;

/// What became of a wish to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    Done {
        /// False: there was nothing.
        anything: bool,
    },
    /// Asked for today already.
    NotBefore(DateTime<Utc>),
}

/// What is stored of a member, and how much.
pub async fn show(ports: &Ports, user_id: UserId) -> Result<Vec<Found>> {
    Ok(ports.store.count_of(Whom::Member(user_id)).await?)
}

/// All of it, as JSON.
pub async fn export(ports: &Ports, user_id: UserId) -> Result<Value> {
    let rows = ports.store.export_of_member(user_id, EXPORTED).await?;
    // A table may name a member in several columns.
    let mut tables: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (table, rows) in rows {
        tables.entry(table).or_default().extend(rows);
    }
    Ok(json!({
        "discord_user_id": user_id.to_string(),
        "at": ports.clock.now(),
        "at_most_of_each": EXPORTED,
        "tables": tables,
    }))
}

/// Forgets a member who asked for it, once a day.
pub async fn forget(ports: &Ports, user_id: UserId) -> Result<Forgotten> {
    let now = ports.clock.now();
    if let Some(at) = ports.store.find_privacy_request(user_id, now - DELETION_EVERY).await? {
        return Ok(Forgotten::NotBefore(at + DELETION_EVERY));
    }
    let anything = ports.store.forget_member(user_id, now).await?;
    // Last: what is interrupted before can be asked for again.
    ports.store.note_privacy_request(user_id, now).await?;
    tracing::info!("a member's data was deleted on request");
    ports.community_changed();
    ports.wake.wake(Topic::Deliverer);
    Ok(Forgotten::Done { anything })
}

/// Goes on with deletions whose process has died. Returns how many.
pub async fn resume_due(ports: &Ports) -> Result<usize> {
    let now = ports.clock.now();
    let left = ports.store.list_deletions(now - DELETION_TAKES).await?;
    for user_id in &left {
        ports.store.forget_member(*user_id, now).await?;
        ports.store.note_privacy_request(*user_id, now).await?;
        tracing::info!("a deletion that was interrupted is through");
        ports.community_changed();
    }
    if !left.is_empty() {
        ports.wake.wake(Topic::Deliverer);
    }
    Ok(left.len())
}

/// The bot was removed from a server.
pub async fn left(ports: &Ports, guild_id: GuildId) -> Result<()> {
    let now = ports.clock.now();
    if ports.store.note_departure(guild_id, now, now + DEPARTED_KEPT).await? {
        tracing::info!(guild = guild_id.0, "removed from a server; its data is deleted in 30 days");
    }
    Ok(())
}

/// The bot is in these servers. Where `of_shard` says that a server would be among them and it is not, the bot
/// was removed while it was away.
pub async fn present(ports: &Ports, guilds: &[i64], of_shard: impl Fn(GuildId) -> bool) -> Result<()> {
    returned(ports, guilds).await?;
    for known in ports.store.list_known_guilds().await? {
        if of_shard(known) && !guilds.contains(&known.0) {
            left(ports, known).await?;
        }
    }
    Ok(())
}

/// The bot is in these servers (again).
pub async fn returned(ports: &Ports, guilds: &[i64]) -> Result<()> {
    for guild_id in ports.store.note_return(guilds).await? {
        tracing::info!(guild = guild_id.0, "back in a server; its data stays");
    }
    Ok(())
}

/// Says how often refusals repeated whose hour is over, and seals lines of the audit log that wait for it. Returns how
/// many there were.
pub async fn seal_due(ports: &Ports) -> Result<usize> {
    let told = ports.store.tell_repeats(ports.clock.now(), SEALS).await?;
    Ok(usize::try_from(told)? + usize::try_from(ports.store.seal_audit(SEALS).await?)?)
}

/// Deletes what is old enough, and what is left of servers that were left. Bounded: the rest waits for the next
/// visit. Returns how many rows went.
pub async fn purge_due(ports: &Ports) -> Result<u64> {
    purge_at(ports, ports.clock.now()).await
}

/// The same, as if it were `now`.
pub async fn purge_at(ports: &Ports, now: DateTime<Utc>) -> Result<u64> {
    let config = &ports.config.store;
    let days = |n: u32| now - TimeDelta::days(i64::from(n));
    let cutoffs = Cutoffs {
        raw: days(config.raw_body_days),
        event: days(config.event_days),
        seen: days(config.event_days).min(now - REPEATS_KNOWN),
        pulse: now - PULSE_KEPT,
        interaction: now - INTERACTION_KEPT,
        request: now - ANSWERS_KEPT,
        card: days(config.card_days),
        audit: config.audit_days.map(days),
    };
    let mut gone = 0;
    for _ in 0..BATCHES {
        match ports.store.purge(&cutoffs, BATCH).await? {
            0 => break,
            some => gone += some,
        }
    }
    for _ in 0..BATCHES {
        let Some(guild_id) = ports.store.find_due_departure(now).await? else { break };
        let configured = ports.config.discord.guild_id == Some(guild_id);
        match ports.store.purge_guild(guild_id, configured, now, BATCH).await? {
            0 => tracing::info!(guild = guild_id.0, "the data of a server that was left is deleted"),
            some => gone += some,
        }
    }
    Ok(gone)
}

/// The text of `PRIVACY.md`.
pub fn document() -> String {
    let mut out = String::from(HEAD);
    out.push_str("\n## What names a member\n\n| where | what | `/privacy delete` |\n|---|---|---|\n");
    for table in TABLES {
        for member in table.members {
            let _ = writeln!(
                out,
                "| `{}.{}` | {} | {} |",
                table.name,
                member.column,
                member.what,
                member.on_delete.words()
            );
        }
    }
    out.push_str("\n## How long each table is kept\n\n| table | what is in it | kept | a server that was left |\n|---|---|---|---|\n");
    for table in TABLES {
        let of_guild = if table.of_guild.is_some() { "deleted" } else { "–" };
        let _ = writeln!(out, "| `{}` | {} | {} | {of_guild} |", table.name, table.holds, table.kept);
    }
    out.push_str(FOOT);
    out
}

const HEAD: &str = "\
# Privacy

Made from the program's own list of tables (`signalbox privacy policy`). It says what Signalbox itself stores; what
an operator does beyond that, such as backups, is the operator's to say.

Signalbox knows members by their Discord id, in one place: a table that links the id with a random one. Everything
else, the audit log included, holds the random id. It does not read messages, except those of a game server in the one channel that the operator
names for it, and asks Discord for no list of members.

- `/privacy show` says what is stored about you, `/privacy export` gives it to you as a file, `/privacy delete` deletes
  it (once a day, after you have typed DELETE). Only you see the answers.
- An operator can do the same for somebody who asks outside of Discord: `signalbox privacy delete-for <user id>`,
  and for a viewer without a Discord account: `signalbox privacy delete-for --kick-user <Kick user id>`.
- When the bot is removed from a server, that server's data is deleted 30 days later. Inviting it again stops that.
- A decision that you took stays in the log of its server, with the reason that you gave, under a random id that
  leads to nobody once the link is deleted. Cards in Discord that named you are shown anew without your name.
- An approval of yours that still waits for others no longer counts once you are deleted. When you were linked with the
  user of XTSystems who asked for something that is still open, a keyed hash of your Discord id stays with it until it
  is decided: you may not approve it then either.
- Webhook tokens and generated secrets are encrypted in the database (AES-256-GCM); the key is not in it.
";

const FOOT: &str = "
EVENT_DAYS (30), RAW_BODY_DAYS (7), CARD_DAYS (365) and AUDIT_DAYS (not set) are settings; the number is what holds
without them. Rows go in the half hour after their time has come.
";
