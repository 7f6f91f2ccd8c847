//! What of a batch is held back instead of posted. Everything that it takes to say so is read once per batch.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::look::SourceNames;
use super::{Subjects, view};
use crate::event::Event;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::backtest::headline;
use crate::routing::rule::RouteFilter;
use crate::routing::silence::Silence;
use crate::routing::trace::{HeldBack, Plan};
use crate::routing::{Decision, Hit, Mode};
use crate::store::Tx;
use crate::store::held::{NewHeld, insert_held, list_shown};
use crate::store::silence::{StoredSilence, list_running, share_silences};

/// What holds events of a batch back.
pub(in crate::delivery) struct Holds {
    /// The silence of each event, in the order of the batch.
    silences: Vec<Option<Silence>>,
    /// Subjects and destinations whose card is there: it is edited, whatever is silenced.
    shown: HashSet<(Uuid, Uuid)>,
    held: Vec<NewHeld>,
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
        let silences = silences(ports, tx, batch, names).await?;
        let mut holds = Self { silences, shown: HashSet::new(), held: Vec::new() };
        holds.shown = holds.cards(tx, batch, decisions, subjects).await?;
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
            let Some(subject) = super::subject_of(subjects, event).filter(|_| silence.is_some()) else { continue };
            for hit in decision.hits.iter().filter(|hit| hit.mode == Mode::Card) {
                of.extend(hit.destination_ids.iter().map(|_| subject.id));
                at.extend(&hit.destination_ids);
            }
        }
        if of.is_empty() {
            return Ok(HashSet::new());
        }
        Ok(list_shown(tx, &of, &at).await?.into_iter().collect())
    }

    /// Of a hit's destinations those that it goes to now. `subject_id`: it is to be a living card.
    pub fn sift(&mut self, n: usize, event: &Event, hit: &Hit, subject_id: Option<Uuid>, plan: &mut Plan) -> Vec<Uuid> {
        self.sift_all(n, event, Some(hit.route_id), &hit.destination_ids, subject_id, plan)
    }

    /// The same for destinations that no route has chosen.
    pub fn sift_all(
        &mut self,
        n: usize,
        event: &Event,
        route_id: Option<Uuid>,
        destination_ids: &[Uuid],
        subject_id: Option<Uuid>,
        plan: &mut Plan,
    ) -> Vec<Uuid> {
        let Some(because) = self.because(n) else { return destination_ids.to_vec() };
        let (go, stay): (Vec<Uuid>, Vec<Uuid>) = destination_ids
            .iter()
            .partition(|destination| subject_id.is_some_and(|subject| self.shown.contains(&(subject, **destination))));
        if stay.is_empty() {
            return go;
        }
        self.held.extend(stay.iter().map(|destination_id| NewHeld {
            guild_id: event.guild_id,
            event_id: event.id,
            destination_id: *destination_id,
            route_id,
            reason: because.reason,
            silence_id: because.silence_id,
            subject_id,
            kind: event.kind.clone(),
            occurred_at: event.occurred_at,
            headline: headline(&event.data),
            listed: because.listed,
            due_at: because.due_at,
        }));
        plan.held.push(HeldBack {
            reason: because.reason.to_owned(),
            route_id,
            silence_id: because.silence_id,
            destination_ids: stay,
            words: because.words,
        });
        go
    }

    fn because(&self, n: usize) -> Option<Because> {
        let silence = self.silences[n].as_ref()?;
        Some(Because {
            reason: "silence",
            silence_id: Some(silence.id),
            due_at: None,
            listed: true,
            words: silence.words(),
        })
    }

    /// Stores what was held back.
    pub async fn save(self, ports: &Ports, tx: &mut Tx) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        insert_held(tx, &self.held, ports.clock.now()).await.context("holding messages back")
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
