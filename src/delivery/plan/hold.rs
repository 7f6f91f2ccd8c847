//! What of a batch is held back instead of posted. Everything that it takes to say so is read once per batch.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::super::look::SourceNames;
use super::{Subjects, view};
use crate::event::{Event, dedup_hash};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::backtest::headline;
use crate::routing::duration::span;
use crate::routing::noise::judge::{Counted, Reason, Verdict, Window};
use crate::routing::noise::{Noise, is_urgent};
use crate::routing::rule::RouteFilter;
use crate::routing::silence::Silence;
use crate::routing::trace::{HeldBack, Plan};
use crate::routing::{Decision, Hit, Mode};
use crate::store::Tx;
use crate::store::held::{NewHeld, insert_held, list_shown};
use crate::store::noise::{WindowKey, lock_windows, save_windows};
use crate::store::silence::{StoredSilence, list_running, share_silences};

/// What holds events of a batch back.
pub(in crate::delivery) struct Holds {
    now: DateTime<Utc>,
    /// The silence of each event, in the order of the batch.
    silences: Vec<Option<Silence>>,
    /// Subjects and destinations whose card is there: it is edited, whatever is held back.
    shown: HashSet<(Uuid, Uuid)>,
    /// What tells the groups of a route apart, by the event's place in the batch.
    groups: HashMap<(usize, Uuid), String>,
    windows: HashMap<WindowKey, Window>,
    held: Vec<NewHeld>,
}

/// Where an event is to go.
pub(in crate::delivery) struct Way<'a> {
    /// Its place in the batch.
    pub n: usize,
    pub event: &'a Event,
    /// `None`: no route has chosen the destinations.
    pub hit: Option<&'a Hit>,
    pub destination_ids: &'a [Uuid],
    /// It is to be a living card.
    pub subject_id: Option<Uuid>,
}

/// Why something is held back, and until when.
struct Because {
    reason: &'static str,
    silence_id: Option<Uuid>,
    due_at: Option<DateTime<Utc>>,
    listed: bool,
    words: String,
}

impl Holds {
    pub async fn read(
        ports: &Ports,
        tx: &mut Tx,
        batch: &[Event],
        names: &SourceNames,
        decisions: &[Decision],
        subjects: &Subjects,
    ) -> Result<Self> {
        let mut holds = Self {
            now: ports.clock.now(),
            silences: silences(ports, tx, batch, names).await?,
            shown: HashSet::new(),
            groups: HashMap::new(),
            windows: HashMap::new(),
            held: Vec::new(),
        };
        holds.shown = holds.cards(tx, batch, decisions, subjects).await?;
        holds.read_windows(tx, batch, names, decisions).await?;
        Ok(holds)
    }

    /// The cards that are there, of what may be held back.
    async fn cards(
        &self,
        tx: &mut Tx,
        batch: &[Event],
        decisions: &[Decision],
        subjects: &Subjects,
    ) -> Result<HashSet<(Uuid, Uuid)>> {
        let (mut of, mut at) = (Vec::new(), Vec::new());
        for ((event, decision), silence) in batch.iter().zip(decisions).zip(&self.silences) {
            let Some(subject) = super::subject_of(subjects, event) else { continue };
            let cards = decision.hits.iter().filter(|hit| hit.mode == Mode::Card);
            for hit in cards.filter(|hit| silence.is_some() || !hit.noise.is_off()) {
                of.extend(hit.destination_ids.iter().map(|_| subject.id));
                at.extend(&hit.destination_ids);
            }
        }
        if of.is_empty() {
            return Ok(HashSet::new());
        }
        Ok(list_shown(tx, &of, &at).await?.into_iter().collect())
    }

    /// The running intervals of routes that count.
    async fn read_windows(
        &mut self,
        tx: &mut Tx,
        batch: &[Event],
        names: &SourceNames,
        decisions: &[Decision],
    ) -> Result<()> {
        let mut keys: HashSet<(GuildId, WindowKey)> = HashSet::new();
        for (n, (event, decision)) in batch.iter().zip(decisions).enumerate() {
            for hit in decision.hits.iter().filter(|hit| !hit.noise.is_off()) {
                if let Some(group) = hit.noise.group(&view(event, names)) {
                    self.groups.insert((n, hit.route_id), dedup_hash(hit.route_id, &group).to_string());
                }
                let group = self.groups.get(&(n, hit.route_id)).cloned();
                let all = hit.noise.throttle.map(|_| String::new());
                for key in group.into_iter().chain(all) {
                    let of = |destination: &Uuid| (event.guild_id, (hit.route_id, *destination, key.clone()));
                    keys.extend(hit.destination_ids.iter().map(of));
                }
            }
        }
        if !keys.is_empty() {
            let keys: Vec<(GuildId, WindowKey)> = keys.into_iter().collect();
            self.windows = lock_windows(tx, &keys, self.now).await.context("locking intervals of routes")?;
        }
        Ok(())
    }

    /// Of the destinations those that the event goes to now.
    pub fn sift(&mut self, way: &Way<'_>, plan: &mut Plan) -> Vec<Uuid> {
        let mut go = Vec::with_capacity(way.destination_ids.len());
        for destination_id in way.destination_ids {
            let is_shown = way.subject_id.is_some_and(|subject| self.shown.contains(&(subject, *destination_id)));
            let because = if is_shown { None } else { self.because(way, *destination_id) };
            match because {
                None => go.push(*destination_id),
                Some(because) => self.hold(way, *destination_id, because, plan),
            }
        }
        go
    }

    fn hold(&mut self, way: &Way<'_>, destination_id: Uuid, because: Because, plan: &mut Plan) {
        let (event, route_id) = (way.event, way.hit.map(|hit| hit.route_id));
        self.held.push(NewHeld {
            guild_id: event.guild_id,
            event_id: event.id,
            destination_id,
            route_id,
            reason: because.reason,
            silence_id: because.silence_id,
            subject_id: way.subject_id,
            kind: event.kind.clone(),
            occurred_at: event.occurred_at,
            headline: headline(&event.data),
            listed: because.listed,
            due_at: because.due_at,
        });
        match plan.held.iter_mut().find(|held| held.words == because.words && held.route_id == route_id) {
            Some(held) => held.destination_ids.push(destination_id),
            None => plan.held.push(HeldBack {
                reason: because.reason.to_owned(),
                route_id,
                silence_id: because.silence_id,
                destination_ids: vec![destination_id],
                words: because.words,
            }),
        }
    }

    /// The first that holds it back: a silence, then what the route says. `None`: it goes.
    fn because(&mut self, way: &Way<'_>, destination_id: Uuid) -> Option<Because> {
        if let Some(silence) = &self.silences[way.n] {
            return Some(Because {
                reason: "silence",
                silence_id: Some(silence.id),
                due_at: None,
                listed: true,
                words: silence.words(),
            });
        }
        let hit = way.hit.filter(|hit| !hit.noise.is_off() && !is_urgent(way.event))?;
        let (now, windows) = (self.now, &mut self.windows);
        let group = self.groups.get(&(way.n, hit.route_id));
        let verdict = hit.noise.judge(way.event.occurred_at, now, |counted, most, minutes| {
            let key = match counted {
                Counted::Group => group?.clone(),
                Counted::All => String::new(),
            };
            windows.get_mut(&(hit.route_id, destination_id, key))?.full(most, minutes, now)
        })?;
        Some(Because {
            reason: verdict.reason.as_str(),
            silence_id: None,
            due_at: Some(verdict.due_at),
            listed: verdict.listed,
            words: words(way.event, &hit.noise, &verdict, now),
        })
    }

    /// Stores what was held back.
    pub async fn save(self, ports: &Ports, tx: &mut Tx) -> Result<()> {
        if !self.windows.is_empty() {
            save_windows(tx, &self.windows).await.context("counting what routes posted")?;
        }
        if self.held.is_empty() {
            return Ok(());
        }
        insert_held(tx, &self.held, ports.clock.now()).await.context("holding messages back")
    }
}

/// Why it is held back, and until when.
fn words(event: &Event, noise: &Noise, verdict: &Verdict, now: DateTime<Utc>) -> String {
    let minutes = |minutes: u32| span(TimeDelta::minutes(minutes.into()));
    let end = format!("<t:{}:f>", verdict.due_at.timestamp());
    match verdict.reason {
        Reason::Late => format!("its age: it was {} old when it could be posted", span(now - event.occurred_at)),
        Reason::Quiet => format!("quiet hours until {end}"),
        Reason::Digest => format!("the digest of {end}"),
        Reason::Repeat => {
            let within = minutes(noise.repeat_minutes.unwrap_or_default());
            format!("being the same again within {within}, until {end}")
        }
        Reason::Throttle => {
            let (count, per) = noise.throttle.map(|t| (t.count, minutes(t.minutes))).unwrap_or_default();
            format!("its route's throttle of {count} per {per}, until {end}")
        }
    }
}

/// The first silence that matches each event, where it still is running.
async fn silences(ports: &Ports, tx: &mut Tx, batch: &[Event], names: &SourceNames) -> Result<Vec<Option<Silence>>> {
    let now = ports.clock.now();
    let mut running: HashMap<GuildId, Vec<Silence>> = HashMap::new();
    for event in batch {
        if let std::collections::hash_map::Entry::Vacant(vacant) = running.entry(event.guild_id) {
            let stored = list_running(tx, event.guild_id, now).await?;
            vacant.insert(stored.iter().map(|silence| compile(ports, silence)).collect());
        }
    }
    let matching = batch.iter().map(|event| {
        let all = running[&event.guild_id].iter();
        all.filter(|silence| silence.matches(&view(event, names))).cloned().collect::<Vec<Silence>>()
    });
    let matching: Vec<Vec<Silence>> = matching.collect();
    let ids: HashSet<Uuid> = matching.iter().flatten().map(|silence| silence.id).collect();
    if ids.is_empty() {
        return Ok(batch.iter().map(|_| None).collect());
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let ids: HashSet<Uuid> = share_silences(tx, &ids, now).await?.into_iter().collect();
    Ok(matching.into_iter().map(|all| all.into_iter().find(|silence| ids.contains(&silence.id))).collect())
}

/// A stored silence with what it takes to judge events. What it matches never changes.
pub fn compile(ports: &Ports, stored: &StoredSilence) -> Silence {
    let filter = |text: &str| -> RouteFilter { ports.compiled.filter(stored.id, 0, text) };
    Silence {
        id: stored.id,
        source_id: stored.source_id,
        pattern: stored.pattern.clone(),
        min_severity: stored.min_severity,
        filter: stored.filter.as_deref().map(filter),
        subject: stored.subject.clone(),
        ends_at: stored.ends_at.unwrap_or_default(),
    }
}
