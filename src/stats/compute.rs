//! What files mean is computed anew around those that came: the session of each, from the files alone. So the order in which
//! they come cannot show. What changed is written, and told, in one transaction that has the server's matches alone.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::notice::{self, Help, Unread};
use super::publish::{self, Publisher};
use super::surroundings::{READY_WITHIN, Surroundings, surroundings};
use super::{awards, rows};
use crate::bus::Topic;
use crate::id::{GuildId, etlegacy_source};
use crate::matches::record::{Rules, Session};
use crate::ports::Ports;
use crate::source::etlegacy::PARSER_VERSION;
use crate::store::source::SourceKind;
use crate::store::stats::alias::{AliasChanges, Played, apply_alias_changes};
use crate::store::stats::file::{
    CurrentFile, find_surroundings, list_current_files, mark_files_done, next_waiting, quarantine_file,
};
use crate::store::stats::lock_stats;
use crate::store::stats::session::{StatsSession, list_later_sessions, list_sessions_within};
use crate::store::stats::write::{
    NewRound, NewSession, delete_rounds, insert_rounds, list_round_digests, replace_awards, replace_sessions,
};
use crate::store::{Store, Tx};

/// Rounds of a session follow each other within this time (Facts 5).
pub const GAP: TimeDelta = TimeDelta::minutes(60);
/// Files that share a transaction, more or less: it ends with a session.
const FILES: usize = 500;

/// From the first to the last instant, both included.
pub type Stretch = (DateTime<Utc>, DateTime<Utc>);

/// Computes what waits in all servers. Returns how many files that were.
pub async fn compute_due(ports: &Ports) -> Result<usize> {
    let mut done = 0;
    for guild_id in ports.store.list_stats_waiting().await? {
        done += compute_waiting(ports, guild_id).await?;
    }
    Ok(done)
}

/// Computes what waits in a server. Returns how many files that were.
pub async fn compute_waiting(ports: &Ports, guild_id: GuildId) -> Result<usize> {
    let mut done = 0;
    loop {
        match compute_some(ports, guild_id).await? {
            0 => return Ok(done),
            files => done += files,
        }
    }
}

/// As [`compute_waiting`], one transaction's worth; 0: nothing waits.
pub async fn compute_some(ports: &Ports, guild_id: GuildId) -> Result<usize> {
    ensure_source(ports, guild_id).await?;
    let mut tx = ports.store.begin().await?;
    lock_stats(&mut tx, guild_id).await?;
    let mut work = Work::new(ports, guild_id);
    let (mut from, mut files) = (None, 0);
    while files < FILES {
        let Some(at) = next_waiting(&mut tx, guild_id, from).await? else { break };
        let stretch = find_surroundings(&mut tx, guild_id, at, GAP).await?;
        files += work.compute(&mut tx, stretch).await?;
        from = Some(stretch.1.max(at));
    }
    if files == 0 {
        return Ok(0);
    }
    work.finish(&mut tx).await?;
    crate::crash::point("stats.computed");
    Store::commit(tx).await?;
    crate::crash::point("stats.committed");
    notice::tell(ports, guild_id, &work.unread).await?;
    if work.publisher.has_told() {
        ports.wake.wake(Topic::Planner);
    }
    Ok(files)
}

/// What is told comes from a source of the server's own.
pub async fn ensure_source(ports: &Ports, guild_id: GuildId) -> Result<()> {
    let (id, now) = (etlegacy_source(guild_id), ports.clock.now());
    ports.store.ensure_source(guild_id, SourceKind::Etlegacy, "etlegacy", id, now).await?;
    Ok(())
}

/// What this server's settings say of rounds.
pub fn rules(ports: &Ports) -> Rules {
    let config = &ports.config.etlegacy;
    Rules { filler_maps: config.filler_maps.clone(), bot_names: Some(config.bot_names.clone()) }
}

/// One transaction's worth.
pub struct Work<'a> {
    guild_id: GuildId,
    rules: Rules,
    /// Who had played in what changed.
    names: AliasChanges,
    /// The end of the first stretch in which a round changed.
    changed: Option<DateTime<Utc>>,
    pub publisher: Publisher<'a>,
    /// Awards are written whether they have changed or not.
    pub anew: bool,
    /// Files that another version could read: the admins hear of them after the commit.
    pub unread: Vec<Unread>,
}

impl<'a> Work<'a> {
    pub fn new(ports: &'a Ports, guild_id: GuildId) -> Work<'a> {
        let publisher = Publisher::new(ports, guild_id, ports.clock.now());
        let (names, unread) = (AliasChanges::default(), Vec::new());
        Work { guild_id, rules: rules(ports), names, changed: None, publisher, anew: false, unread }
    }

    /// Everything of a stretch of time that begins and ends with sessions. Returns how many of its files waited.
    pub async fn compute(&mut self, tx: &mut Tx, stretch: Stretch) -> Result<usize> {
        let files = list_current_files(tx, self.guild_id, stretch, READY_WITHIN).await?;
        let within = |file: &&CurrentFile| (stretch.0..=stretch.1).contains(&file.about.ended_at);
        let waiting: Vec<Uuid> = files.iter().filter(within).filter(|file| file.waiting).map(|file| file.id).collect();
        let around = surroundings(files, &self.rules);
        for file in &around.unreadable {
            quarantine_file(tx, self.guild_id, file.id, &file.fault, PARSER_VERSION).await?;
            self.unread.push(Unread {
                key: file.id.to_string(),
                name: file.name.clone(),
                way: None,
                why: file.fault.what.clone(),
                help: Help::Update,
            });
        }
        let before = list_sessions_within(tx, self.guild_id, stretch).await?;
        let keys = keys(&around, &before);
        self.write(tx, stretch, &around, &keys).await?;
        publish::publish(&mut self.publisher, tx, &around, &keys, &before).await?;
        mark_files_done(tx, self.guild_id, &waiting).await?;
        Ok(waiting.len())
    }

    async fn write(&mut self, tx: &mut Tx, stretch: Stretch, around: &Surroundings, keys: &[String]) -> Result<()> {
        let guild_id = self.guild_id;
        let rounds = rows::rounds(guild_id, around, keys);
        let stored = list_round_digests(tx, guild_id, stretch).await?;
        let change = Change::between(&rounds, &stored);
        if !change.is_empty() {
            self.changed = Some(self.changed.map_or(stretch.1, |before| before.min(stretch.1)));
        }
        if !change.gone.is_empty() {
            delete_rounds(tx, guild_id, &change.gone).await?.into_iter().for_each(|gone| self.names.remove(gone));
        }
        if !change.new.is_empty() {
            insert_rounds(tx, guild_id, &change.new).await?;
            change.new.iter().flat_map(|round| Played::in_round(round)).for_each(|new| self.names.add(new));
        }
        let sessions = self.sessions(around, keys);
        replace_sessions(tx, guild_id, stretch, &sessions).await?;
        let given = awards::rows(guild_id, around, &change.new, self.anew);
        if !given.rounds.is_empty() {
            replace_awards(tx, guild_id, &given.rounds, &given.awards, &given.duels).await?;
        }
        Ok(())
    }

    fn sessions(&self, around: &Surroundings, keys: &[String]) -> Vec<NewSession> {
        let session = |(session, key): (&Session, &String)| {
            let rounds = &around.record.rounds[session.rounds.clone()];
            let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
            let score = |points: u32| i32::try_from(points).unwrap_or(i32::MAX);
            NewSession {
                key: key.clone(),
                first_at: rounds[0].at,
                last_at: rounds[rounds.len() - 1].at,
                rounds: count(rounds.len()),
                maps: count(session.maps.len()),
                players: count(session.teams.members.len()),
                score: (score(session.score.0), score(session.score.1)),
                due_at: self.publisher.session_due(around, session),
            }
        };
        around.record.sessions.iter().zip(keys).map(session).collect()
    }

    /// What follows from all of it.
    pub async fn finish(&mut self, tx: &mut Tx) -> Result<()> {
        self.keep_names(tx).await?;
        self.tell_later_ones(tx).await?;
        self.keep_names(tx).await
    }

    async fn keep_names(&mut self, tx: &mut Tx) -> Result<()> {
        Ok(apply_alias_changes(tx, self.guild_id, std::mem::take(&mut self.names)).await?)
    }

    /// What was told of later sessions compares them with what was before them, which has changed.
    async fn tell_later_ones(&mut self, tx: &mut Tx) -> Result<()> {
        let Some(changed) = self.changed else { return Ok(()) };
        for stretch in list_later_sessions(tx, self.guild_id, changed, self.publisher.news_since()).await? {
            self.compute(tx, stretch).await?;
        }
        Ok(())
    }
}

/// Which rounds are to be removed, and which written; what changed is in both.
struct Change<'a> {
    gone: Vec<Uuid>,
    new: Vec<&'a NewRound>,
}

impl<'a> Change<'a> {
    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }

    fn between(rounds: &'a [NewRound], stored: &HashMap<Uuid, Vec<u8>>) -> Change<'a> {
        let same = |round: &&NewRound| stored.get(&round.id).is_some_and(|digest| *digest == round.digest);
        let kept: BTreeSet<Uuid> = rounds.iter().filter(same).map(|round| round.id).collect();
        let mut gone: Vec<Uuid> = stored.keys().filter(|id| !kept.contains(id)).copied().collect();
        gone.sort();
        Change { gone, new: rounds.iter().filter(|round| !kept.contains(&round.id)).collect() }
    }
}

/// The keys of the sessions: the stem of the first round, except that one which was told of keeps its own.
pub fn keys(around: &Surroundings, before: &[StatsSession]) -> Vec<String> {
    let record = &around.record;
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut keys = Vec::with_capacity(record.sessions.len());
    for session in &record.sessions {
        let rounds = &record.rounds[session.rounds.clone()];
        let (first, last) = (rounds[0].at, rounds[rounds.len() - 1].at);
        let told = before.iter().find(|old| {
            old.is_told && old.first_at <= last && old.last_at >= first && !taken.contains(old.key.as_str())
        });
        let key = told.map_or(rounds[0].stem.as_str(), |old| &old.key);
        taken.insert(key);
        keys.push(key.to_owned());
    }
    keys
}
