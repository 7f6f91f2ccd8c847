//! Files as they came. They are never changed: what is made of them is.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Store, Tx};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Round,
    Awards,
    /// A message of STATS_READY.
    Ready,
    /// The same as the script writes it beside the file.
    GameTime,
    /// Nothing that is known.
    Other,
}

impl FileKind {
    fn as_str(self) -> &'static str {
        match self {
            FileKind::Round => "round",
            FileKind::Awards => "awards",
            FileKind::Ready => "ready",
            FileKind::GameTime => "gametime",
            FileKind::Other => "other",
        }
    }

    fn of(text: &str) -> FileKind {
        match text {
            "round" => FileKind::Round,
            "awards" => FileKind::Awards,
            "ready" => FileKind::Ready,
            "gametime" => FileKind::GameTime,
            _ => FileKind::Other,
        }
    }
}

/// Which round a file is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// `YYYY-MM-DD-HHMMSS`; a message of STATS_READY has none.
    pub stem: Option<String>,
    pub map: String,
    pub round: i16,
    pub ended_at: DateTime<Utc>,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub what: String,
    /// Line and column, from 1.
    pub place: Option<(u32, u32)>,
}

/// A file to be stored.
#[derive(Clone, Debug)]
pub struct NewStatsFile {
    pub id: Uuid,
    pub name: String,
    pub sha256: [u8; 32],
    pub bytes: Vec<u8>,
    pub kind: FileKind,
    pub about: Option<About>,
    pub way: &'static str,
    pub silent: bool,
    pub parser_version: i32,
    pub fault: Option<Fault>,
}

/// What became of a file that was to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredFile {
    New,
    /// The same bytes under this name are there.
    Known,
    /// It takes the place of other bytes under this name.
    Corrected,
    /// Kept, and cannot be read.
    Quarantined {
        why: String,
        /// It was not there before.
        is_new: bool,
    },
}

/// A version that counts.
#[derive(Clone, Debug)]
pub struct CurrentFile {
    pub id: Uuid,
    pub name: String,
    pub bytes: Vec<u8>,
    pub kind: FileKind,
    pub about: About,
    pub silent: bool,
    pub waiting: bool,
}

/// What is stored under a name.
struct Version {
    name: String,
    sha256: Vec<u8>,
    state: String,
    fault: Option<String>,
}

/// Stores what is not there yet, under the lock of [`super::lock_stats`]. No name occurs twice. Returns what became of each.
pub async fn insert_stats_files(
    tx: &mut Tx,
    guild_id: GuildId,
    files: &[NewStatsFile],
    now: DateTime<Utc>,
) -> Result<Vec<StoredFile>> {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let versions = sqlx::query_as!(
        Version,
        "SELECT name, sha256, state, fault FROM stats_file WHERE guild_id = $1 AND name = ANY ($2)",
        guild_id.0,
        &names as &[&str]
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut of_name: std::collections::HashMap<&str, Vec<&Version>> = std::collections::HashMap::new();
    for version in &versions {
        of_name.entry(&version.name).or_default().push(version);
    }
    let outcomes: Vec<StoredFile> =
        files.iter().map(|file| outcome(file, of_name.get(file.name.as_str()).map_or(&[], |all| all))).collect();
    let replaced: Vec<&str> = files
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == StoredFile::Corrected)
        .map(|(file, _)| file.name.as_str())
        .collect();
    if !replaced.is_empty() {
        sqlx::query!(
            "UPDATE stats_file SET state = 'replaced' WHERE guild_id = $1 AND name = ANY ($2) AND state IN ('waiting', 'done')",
            guild_id.0,
            &replaced as &[&str]
        )
        .execute(&mut **tx)
        .await?;
    }
    let is_new = |outcome: &StoredFile| match outcome {
        StoredFile::New | StoredFile::Corrected => true,
        StoredFile::Known => false,
        StoredFile::Quarantined { is_new, .. } => *is_new,
    };
    let new: Vec<&NewStatsFile> =
        files.iter().zip(&outcomes).filter(|(_, outcome)| is_new(outcome)).map(|(file, _)| file).collect();
    insert(tx, guild_id, &new, now).await?;
    Ok(outcomes)
}

fn outcome(file: &NewStatsFile, versions: &[&Version]) -> StoredFile {
    if let Some(same) = versions.iter().find(|version| version.sha256 == file.sha256) {
        return match &same.fault {
            Some(fault) => StoredFile::Quarantined { why: fault.clone(), is_new: false },
            None => StoredFile::Known,
        };
    }
    if let Some(fault) = &file.fault {
        return StoredFile::Quarantined { why: fault.what.clone(), is_new: true };
    }
    let is_current = |version: &&&Version| matches!(version.state.as_str(), "waiting" | "done");
    if versions.iter().find(is_current).is_some() { StoredFile::Corrected } else { StoredFile::New }
}

async fn insert(tx: &mut Tx, guild_id: GuildId, files: &[&NewStatsFile], now: DateTime<Utc>) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = files.iter().map(|file| file.id).collect();
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let hashes: Vec<&[u8]> = files.iter().map(|file| file.sha256.as_slice()).collect();
    let bytes: Vec<&[u8]> = files.iter().map(|file| file.bytes.as_slice()).collect();
    let kinds: Vec<&str> = files.iter().map(|file| file.kind.as_str()).collect();
    let about = |file: &&NewStatsFile| file.about.clone();
    let stems: Vec<Option<String>> = files.iter().map(|file| about(file).and_then(|about| about.stem)).collect();
    let maps: Vec<Option<String>> = files.iter().map(|file| about(file).map(|about| about.map)).collect();
    let rounds: Vec<Option<i16>> = files.iter().map(|file| about(file).map(|about| about.round)).collect();
    let ended: Vec<Option<DateTime<Utc>>> = files.iter().map(|file| about(file).map(|about| about.ended_at)).collect();
    let ways: Vec<&str> = files.iter().map(|file| file.way).collect();
    let silent: Vec<bool> = files.iter().map(|file| file.silent).collect();
    let versions: Vec<i32> = files.iter().map(|file| file.parser_version).collect();
    let faults: Vec<Option<&str>> =
        files.iter().map(|file| file.fault.as_ref().map(|fault| fault.what.as_str())).collect();
    let place = |file: &&NewStatsFile| file.fault.as_ref().and_then(|fault| fault.place);
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let lines: Vec<Option<i32>> = files.iter().map(|file| place(file).map(|(line, _)| number(line))).collect();
    let columns: Vec<Option<i32>> = files.iter().map(|file| place(file).map(|(_, column)| number(column))).collect();
    sqlx::query!(
        "INSERT INTO stats_file (id, guild_id, name, sha256, bytes, kind, stem, map, round, ended_at, way, silent,
             parser_version, received_at, state, fault, fault_line, fault_column)
         SELECT t.id, $2, t.name, t.sha256, t.bytes, t.kind, t.stem, t.map, t.round, t.ended_at, t.way, t.silent,
             t.parser_version, $3, CASE WHEN t.fault IS NULL THEN 'waiting' ELSE 'quarantined' END, t.fault, t.line, t.col
         FROM UNNEST($1::uuid[], $4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::text[], $9::text[], $10::smallint[],
             $11::timestamptz[], $12::text[], $13::boolean[], $14::integer[], $15::text[], $16::integer[], $17::integer[])
             AS t (id, name, sha256, bytes, kind, stem, map, round, ended_at, way, silent, parser_version, fault, line, col)",
        &ids,
        guild_id.0,
        now,
        &names as &[&str],
        &hashes as &[&[u8]],
        &bytes as &[&[u8]],
        &kinds as &[&str],
        &stems as &[Option<String>],
        &maps as &[Option<String>],
        &rounds as &[Option<i16>],
        &ended as &[Option<DateTime<Utc>>],
        &ways as &[&str],
        &silent,
        &versions,
        &faults as &[Option<&str>],
        &lines as &[Option<i32>],
        &columns as &[Option<i32>]
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// When the earliest file that waits was made; `None`: none waits from then on.
pub async fn next_waiting(
    tx: &mut Tx,
    guild_id: GuildId,
    from: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!(
        "SELECT min(ended_at) FROM stats_file
         WHERE guild_id = $1 AND state = 'waiting' AND ($2::timestamptz IS NULL OR ended_at > $2)",
        guild_id.0,
        from
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// From the first to the last round of which each follows the one before by at most `gap`, around an instant.
pub async fn find_surroundings(
    tx: &mut Tx,
    guild_id: GuildId,
    at: DateTime<Utc>,
    gap: TimeDelta,
) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let found = sqlx::query!(
        r#"WITH RECURSIVE later (at) AS (
               SELECT $2::timestamptz
               UNION ALL
               SELECT (SELECT max(f.ended_at) FROM stats_file f WHERE f.guild_id = $1 AND f.kind = 'round'
                   AND f.state IN ('waiting', 'done') AND f.ended_at > l.at AND f.ended_at <= l.at + $3::interval)
               FROM later l WHERE l.at IS NOT NULL
           ), earlier (at) AS (
               SELECT $2::timestamptz
               UNION ALL
               SELECT (SELECT min(f.ended_at) FROM stats_file f WHERE f.guild_id = $1 AND f.kind = 'round'
                   AND f.state IN ('waiting', 'done') AND f.ended_at < e.at AND f.ended_at >= e.at - $3::interval)
               FROM earlier e WHERE e.at IS NOT NULL
           )
           SELECT (SELECT min(at) FROM earlier) AS "first!", (SELECT max(at) FROM later) AS "last!""#,
        guild_id.0,
        at,
        gap as TimeDelta
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((found.first, found.last))
}

/// The files that count of a stretch of time, its ends included; messages of STATS_READY by `around` more.
pub async fn list_current_files(
    tx: &mut Tx,
    guild_id: GuildId,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    around: TimeDelta,
) -> Result<Vec<CurrentFile>> {
    let rows = sqlx::query!(
        r#"SELECT id, name, bytes, kind, stem, map AS "map!", round AS "round!", ended_at AS "ended_at!", silent,
               state = 'waiting' AS "waiting!"
           FROM stats_file WHERE guild_id = $1 AND state IN ('waiting', 'done')
             AND ended_at BETWEEN $2::timestamptz - $4::interval AND $3::timestamptz + $4::interval
             AND (ended_at BETWEEN $2 AND $3 OR kind IN ('ready', 'gametime'))
           ORDER BY ended_at, name"#,
        guild_id.0,
        first,
        last,
        around as TimeDelta
    )
    .fetch_all(&mut **tx)
    .await?;
    let file = rows.into_iter().map(|r| CurrentFile {
        id: r.id,
        name: r.name,
        bytes: r.bytes,
        kind: FileKind::of(&r.kind),
        about: About { stem: r.stem, map: r.map, round: r.round, ended_at: r.ended_at },
        silent: r.silent,
        waiting: r.waiting,
    });
    Ok(file.collect())
}

pub async fn mark_files_done(tx: &mut Tx, guild_id: GuildId, ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "UPDATE stats_file SET state = 'done' WHERE guild_id = $1 AND id = ANY ($2) AND state = 'waiting'",
        guild_id.0,
        ids
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One that was read before cannot be read any more.
pub async fn quarantine_file(tx: &mut Tx, guild_id: GuildId, id: Uuid, fault: &Fault, version: i32) -> Result<()> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    sqlx::query!(
        "UPDATE stats_file SET state = 'quarantined', fault = $3, fault_line = $4, fault_column = $5, parser_version = $6
         WHERE guild_id = $1 AND id = $2",
        guild_id.0,
        id,
        fault.what,
        fault.place.map(|(line, _)| number(line)),
        fault.place.map(|(_, column)| number(column)),
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A stored file, whatever became of it, but those that a corrected one took the place of.
#[derive(Clone, Debug)]
pub struct StoredBytes {
    pub id: Uuid,
    pub name: String,
    pub bytes: Vec<u8>,
    pub ended_at: Option<DateTime<Utc>>,
    pub is_quarantined: bool,
}

/// What it is as it is read now.
#[derive(Clone, Debug)]
pub struct ReadAgain {
    pub id: Uuid,
    pub kind: FileKind,
    pub about: Option<About>,
    pub fault: Option<Fault>,
}

/// The next ones in the order of their ids.
pub async fn list_stored_files(tx: &mut Tx, guild_id: GuildId, after: Uuid, limit: i64) -> Result<Vec<StoredBytes>> {
    Ok(sqlx::query_as!(
        StoredBytes,
        r#"SELECT id, name, bytes, ended_at, state = 'quarantined' AS "is_quarantined!" FROM stats_file
           WHERE guild_id = $1 AND id > $2 AND state <> 'replaced' ORDER BY id LIMIT $3"#,
        guild_id.0,
        after,
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// What is read otherwise than before waits to be computed, unless a newer version of its name counts.
pub async fn save_read_again(tx: &mut Tx, guild_id: GuildId, files: &[ReadAgain]) -> Result<()> {
    for file in files {
        let about = file.about.as_ref();
        let fault = file.fault.as_ref();
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        sqlx::query!(
            "UPDATE stats_file f SET kind = $3, stem = $4, map = $5, round = $6, ended_at = $7, parser_version = $8,
                 fault = $9, fault_line = $10, fault_column = $11,
                 state = CASE WHEN $9::text IS NOT NULL THEN 'quarantined'
                     WHEN EXISTS (SELECT FROM stats_file o WHERE o.guild_id = $1 AND o.name = f.name AND o.id <> f.id
                         AND o.state IN ('waiting', 'done')) THEN 'replaced'
                     ELSE 'waiting' END
             WHERE guild_id = $1 AND id = $2 AND state <> 'replaced'",
            guild_id.0,
            file.id,
            file.kind.as_str(),
            about.and_then(|about| about.stem.as_deref()),
            about.map(|about| about.map.as_str()),
            about.map(|about| about.round),
            about.map(|about| about.ended_at),
            crate::source::etlegacy::PARSER_VERSION,
            fault.map(|fault| fault.what.as_str()),
            fault.and_then(|fault| fault.place).map(|(line, _)| number(line)),
            fault.and_then(|fault| fault.place).map(|(_, column)| number(column))
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// All sessions of a server, in the order of time, as the first and the last end of their rounds.
pub async fn list_stretches(
    tx: &mut Tx,
    guild_id: GuildId,
    gap: TimeDelta,
) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"WITH step AS (
               SELECT ended_at, ended_at - lag(ended_at) OVER (ORDER BY ended_at) > $2::interval AS opens
               FROM stats_file WHERE guild_id = $1 AND kind = 'round' AND state IN ('waiting', 'done')
           ), grouped AS (
               SELECT ended_at, count(*) FILTER (WHERE opens) OVER (ORDER BY ended_at) AS number FROM step
           )
           SELECT min(ended_at) AS "first!", max(ended_at) AS "last!" FROM grouped GROUP BY number ORDER BY 1"#,
        guild_id.0,
        gap as TimeDelta
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|r| (r.first, r.last)).collect())
}

impl Store {
    /// As [`list_stored_files`], for who only looks.
    pub async fn list_stored_files_after(
        &self,
        guild_id: GuildId,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<StoredBytes>> {
        list_stored_files(&mut self.begin().await?, guild_id, after, limit).await
    }

    /// Servers that have files which wait, and how long ago the first of them was stored.
    pub async fn list_stats_waiting(&self) -> Result<Vec<GuildId>> {
        let rows =
            sqlx::query_scalar!("SELECT DISTINCT guild_id FROM stats_file WHERE state = 'waiting' ORDER BY guild_id")
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().map(GuildId).collect())
    }

    /// Which of these names are stored, with the size of each version.
    pub async fn list_known_stats_files(&self, guild_id: GuildId, names: &[String]) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!(
            r#"SELECT name, octet_length(bytes)::bigint AS "size!" FROM stats_file WHERE guild_id = $1 AND name = ANY ($2)"#,
            guild_id.0,
            names
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.name, r.size)).collect())
    }

    /// A file that cannot be read, as it came: its name and its bytes.
    pub async fn find_quarantined_file(&self, guild_id: GuildId, id: Uuid) -> Result<Option<(String, Vec<u8>)>> {
        let row = sqlx::query!(
            "SELECT name, bytes FROM stats_file WHERE guild_id = $1 AND id = $2 AND state = 'quarantined'",
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| (r.name, r.bytes)))
    }
}
