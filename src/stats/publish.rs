//! What is told of what was computed: one event for each round, map, file of awards and session whose report is another than
//! the one that was told last. History is silent.

mod withdraw;

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::withdraw::{withdraw, withdraw_gone, withdraw_sessions};
use super::import::HISTORY;
use super::surroundings::Surroundings;
use crate::event::{Event, NewEvent, Severity, Via, clean};
use crate::id::{GuildId, etlegacy_source};
use crate::matches::record::{RoundRecord, Session};
use crate::matches::report::honour::Context;
use crate::matches::report::{self, Payload, Told as Report, correction};
use crate::ports::Ports;
use crate::source::etlegacy::RoundNumber;
use crate::store::Tx;
use crate::store::event::insert_own_event;
use crate::store::stats::card::{CardKind, Told, list_told, save_told};
use crate::store::stats::history::find_history;
use crate::store::stats::person::list_display_names;
use crate::store::stats::session::StatsSession;

/// So long after its last round nothing can join a session any more.
const OVER: TimeDelta = TimeDelta::minutes(60);
/// What comes together is waited for.
const SETTLED: TimeDelta = TimeDelta::minutes(2);
/// Said of what was withdrawn and stands as it did.
const STANDS_AGAIN: &str = "it was withdrawn for a while, and stands";

pub struct Publisher<'a> {
    ports: &'a Ports,
    guild_id: GuildId,
    now: DateTime<Utc>,
    told: usize,
    /// Keys of maps whose cards stand.
    standing: BTreeSet<String>,
}

impl<'a> Publisher<'a> {
    pub fn new(ports: &'a Ports, guild_id: GuildId, now: DateTime<Utc>) -> Publisher<'a> {
        Publisher { ports, guild_id, now, told: 0, standing: BTreeSet::new() }
    }

    pub fn has_told(&self) -> bool {
        self.told > 0
    }

    /// What ended before is history.
    pub fn news_since(&self) -> DateTime<Utc> {
        self.now - HISTORY
    }

    /// Whether a round is told of although nothing was told of it before.
    fn is_news(&self, around: &Surroundings, round: &RoundRecord) -> bool {
        let silent = around.silent.get(&round.name).copied().unwrap_or(true);
        !silent && self.now - round.at <= HISTORY
    }

    /// When the summary of a session is due.
    pub fn session_due(&self, around: &Surroundings, session: &Session) -> Option<DateTime<Utc>> {
        let rounds = &around.record.rounds[session.rounds.clone()];
        let last = rounds.last()?.at;
        let is_news = rounds.iter().any(|round| self.is_news(around, round));
        is_news.then(|| (last + OVER).max(self.now + SETTLED))
    }
}

/// Tells what changed of a stretch; `keys` are those of its sessions, `before` the sessions that were there.
pub async fn publish(
    publisher: &mut Publisher<'_>,
    tx: &mut Tx,
    around: &Surroundings,
    keys: &[String],
    before: &[StatsSession],
) -> Result<()> {
    let sessions: Vec<&Session> = around.record.sessions.iter().collect();
    for (at, (session, key)) in sessions.into_iter().zip(keys).enumerate() {
        let was_told = before.iter().any(|old| old.is_told && old.key == *key);
        let mut telling = Telling::open(publisher, tx, around, session, key).await?;
        if telling.is_needed() {
            telling.rounds(tx).await?;
            telling.maps(tx, at).await?;
            telling.awards(tx).await?;
        }
        if was_told {
            telling.session(tx, at).await?;
        }
    }
    withdraw_gone(publisher, tx, &around.gone).await?;
    withdraw_sessions(publisher, tx, around, keys, before).await
}

/// Tells of one session, by its place in the record.
pub async fn publish_session(
    publisher: &mut Publisher<'_>,
    tx: &mut Tx,
    around: &Surroundings,
    at: usize,
    key: &str,
) -> Result<()> {
    let session = &around.record.sessions[at];
    Telling::open(publisher, tx, around, session, key).await?.session(tx, at).await
}

/// The key of a map's card: its first round, so that a second one that is played again changes the card.
fn map_key(first: &RoundRecord) -> String {
    format!("{}-{}", first.match_id, first.map)
}

/// As [`map_key`], by the name of the first round's file.
fn map_key_of(name: &str) -> Option<String> {
    name.strip_suffix("-round-1.txt").map(str::to_owned)
}

/// One session, and what was told of it.
struct Telling<'p, 'a> {
    publisher: &'p mut Publisher<'a>,
    around: &'p Surroundings,
    session: &'p Session,
    key: &'p str,
    told: HashMap<(CardKind, String), Told>,
    context: Option<Context>,
}

impl<'p, 'a> Telling<'p, 'a> {
    async fn open(
        publisher: &'p mut Publisher<'a>,
        tx: &mut Tx,
        around: &'p Surroundings,
        session: &'p Session,
        key: &'p str,
    ) -> Result<Telling<'p, 'a>> {
        let rounds = &around.record.rounds[session.rounds.clone()];
        let firsts = rounds.iter().filter(|round| round.round == RoundNumber::First);
        let mut keys: Vec<String> = rounds.iter().map(|round| round.name.clone()).chain(firsts.map(map_key)).collect();
        keys.push(key.to_owned());
        keys.extend(around.gone.iter().filter_map(|gone| map_key_of(&gone.name)));
        let told = list_told(tx, publisher.guild_id, &keys).await?;
        let told = told.into_iter().map(|told| ((told.kind, told.key.clone()), told)).collect();
        Ok(Telling { publisher, around, session, key, told, context: None })
    }

    fn all(&self) -> impl Iterator<Item = (usize, &'p RoundRecord)> + use<'p, 'a> {
        let around = self.around;
        self.session.rounds.clone().map(move |at| (at, &around.record.rounds[at]))
    }

    /// Whether anything is to be said, or was.
    fn is_needed(&self) -> bool {
        !self.told.is_empty() || self.all().any(|(_, round)| self.publisher.is_news(self.around, round))
    }

    /// What was before the session.
    async fn context(&mut self, tx: &mut Tx) -> Result<Context> {
        if let Some(context) = &self.context {
            return Ok(context.clone());
        }
        let players = self.all().flat_map(|(_, round)| &round.players);
        let guids: BTreeSet<&str> =
            players.filter(|player| !player.is_bot).map(|player| player.key.guid.as_str()).collect();
        let guids: Vec<String> = guids.into_iter().map(str::to_owned).collect();
        let maps: BTreeSet<&str> = self.all().map(|(_, round)| round.map.as_str()).collect();
        let maps: Vec<String> = maps.into_iter().map(str::to_owned).collect();
        let began = self.around.record.rounds[self.session.rounds.start].at;
        let history = find_history(tx, self.publisher.guild_id, began, &guids, &maps).await?;
        let names = list_display_names(tx, self.publisher.guild_id, &guids).await?.into_iter().collect();
        let team_names = self.publisher.ports.config.etlegacy.team_names.clone();
        let context = Context { history, names, team_names };
        self.context = Some(context.clone());
        Ok(context)
    }

    async fn rounds(&mut self, tx: &mut Tx) -> Result<()> {
        let context = self.context(tx).await?;
        for (at, round) in self.all() {
            let report = report::round(&self.around.record, at, &context);
            let news = self.publisher.is_news(self.around, round);
            self.tell(tx, CardKind::Round, &round.name, &report, news, correction::round).await?;
        }
        Ok(())
    }

    async fn maps(&mut self, tx: &mut Tx, session: usize) -> Result<()> {
        let context = self.context(tx).await?;
        let rounds = &self.around.record.rounds;
        let played = self.session.maps.iter().filter(|map| map.second.is_some());
        let mut there: BTreeSet<String> = played.map(|map| map_key(&rounds[map.first])).collect();
        for (map, result) in self.session.maps.iter().enumerate() {
            let Some(second) = result.second.map(|second| &rounds[second]) else { continue };
            let Some(report) = report::map(&self.around.record, session, map, &context) else { continue };
            let key = self.key_of_map(map_key(&rounds[result.first]), second, &there);
            let news = self.publisher.is_news(self.around, second);
            self.tell(tx, CardKind::Map, &key, &report, news, correction::map).await?;
            there.insert(key);
        }
        let of_nothing: Vec<String> = self.around.gone.iter().filter_map(|gone| map_key_of(&gone.name)).collect();
        let gone =
            |told: &&Told| told.kind == CardKind::Map && !there.contains(&told.key) && !of_nothing.contains(&told.key);
        let gone: Vec<Told> = self.told.values().filter(gone).cloned().collect();
        for told in gone {
            let words = "its second round does not count with it any more";
            withdraw::<report::MapReport>(self.publisher, tx, told, words).await?;
        }
        self.publisher.standing.extend(there);
        Ok(())
    }

    /// Its own, unless this second round was told of with another first one, which has none now: then that card goes on.
    fn key_of_map(&self, own: String, second: &RoundRecord, there: &BTreeSet<String>) -> String {
        if self.told.contains_key(&(CardKind::Map, own.clone())) {
            return own;
        }
        let at = serde_json::json!(second.at);
        let is_it = |told: &&Told| {
            told.kind == CardKind::Map && !there.contains(&told.key) && told.report["report"]["at"] == at
        };
        self.told.values().find(is_it).map_or(own, |told| told.key.clone())
    }

    async fn awards(&mut self, tx: &mut Tx) -> Result<()> {
        let context = self.context(tx).await?;
        for (_, round) in self.all() {
            let Some(file) = self.around.awards_of(&round.name) else { continue };
            let report = report::awards(round, &file, &context);
            let news = self.publisher.is_news(self.around, round);
            self.tell(tx, CardKind::Awards, &round.name, &report, news, correction::awards).await?;
        }
        Ok(())
    }

    async fn session(&mut self, tx: &mut Tx, at: usize) -> Result<()> {
        let context = self.context(tx).await?;
        let report = report::session(&self.around.record, at, &context, true);
        self.tell(tx, CardKind::Session, self.key, &report, true, correction::session).await
    }

    async fn tell<T: Report + DeserializeOwned>(
        &mut self,
        tx: &mut Tx,
        kind: CardKind,
        key: &str,
        report: &T,
        is_news: bool,
        corrections: fn(&T, &T) -> Vec<String>,
    ) -> Result<()> {
        let told = self.told.get(&(kind, key.to_owned()));
        if told.is_none() && !is_news {
            return Ok(());
        }
        // What an older version told may have been told otherwise; then it is told anew, and corrects nothing.
        let before = told.and_then(|told| Payload::<T>::deserialize(&told.report).ok());
        let mut corrected = before.as_ref().map(|before| corrections(&before.report, report)).unwrap_or_default();
        if corrected.is_empty() {
            corrected = match before {
                Some(before) if before.withdrawn => vec![STANDS_AGAIN.to_owned()],
                Some(before) => before.corrected,
                None => Vec::new(),
            };
        }
        let data = clean(report::data(report, corrected).context("a report as JSON")?);
        if told.is_some_and(|told| told.report == data) {
            return Ok(());
        }
        let (version, told_at) = told.map_or((0, None), |told| (told.version, Some(told.told_at)));
        let told = say::<T>(self.publisher, tx, kind, key, data, version + 1, told_at).await?;
        self.told.insert((kind, key.to_owned()), told);
        Ok(())
    }
}

/// The event, and the note that it was told.
async fn say<T: Report>(
    publisher: &mut Publisher<'_>,
    tx: &mut Tx,
    kind: CardKind,
    key: &str,
    data: Value,
    version: i32,
    told_at: Option<DateTime<Utc>>,
) -> Result<Told> {
    let Publisher { ports, guild_id, now, .. } = *publisher;
    // What is told later counts, also within one tick of the clock.
    let at = told_at.map_or(now, |told_at| now.max(told_at + TimeDelta::microseconds(1)));
    let told = Told { kind, key: key.to_owned(), report: data.clone(), version, told_at: at };
    let event = Event {
        id: ports.clock.uuid(),
        source_id: etlegacy_source(guild_id),
        guild_id,
        kind: T::KIND.to_owned(),
        subject: Some(report::subject::<T>(key)),
        occurred_at: at,
        received_at: now,
        severity: Severity::Info,
        dedup_key: format!("{}:{key}:{version}", T::KIND),
        data,
    };
    let raw = event.data.to_string().into_bytes();
    insert_own_event(tx, &NewEvent { event, raw, data_in_raw: false, via: Via::Internal }).await?;
    save_told(tx, guild_id, &told).await?;
    publisher.told += 1;
    Ok(told)
}
