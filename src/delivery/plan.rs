//! Plans stored events: routes, subjects, cards, approvals and outbox rows, in the transaction that
//! marks the events planned.

pub mod hold;
mod isolate;

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::look::{Look, SourceNames, compile, failures, look, source_names};
use super::typed;
use crate::approval;
use crate::bus::Topic;
use crate::community::earn;
use crate::event::Event;
use crate::event::kind::SubjectKind;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::trace::Plan;
use crate::routing::view::EventView;
use crate::routing::{Decision, Hit, Mode, Route, decide};
use crate::source::kick::stream as kick;
use crate::source::notice::tell_admins;
use crate::source::xtsystems::parse;
use crate::store::card::{self, WantedCard};
use crate::store::event::{self as events, PlanNote, Unplanned};
use crate::store::message::{NewMessage, insert_messages};
use crate::store::pulse::count_beats;
use crate::store::route::list_routes;
use crate::store::subject::{Subject, SubjectKey, lock_subjects, save_subjects};
use crate::store::{Store, Tx};
use crate::telemetry::traces::Step;
use crate::ticket::Echoes;
use hold::{Holds, Way};

pub use isolate::plan_due;

/// A batch that was not planned: nothing of it was kept.
struct Failed {
    /// Empty when not even this could be claimed.
    batch: Vec<Event>,
    error: anyhow::Error,
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { batch: vec![], error: error.into() }
    }
}

/// Plans up to `limit` events. Returns how many; 0 means that all are planned.
async fn plan_batch(ports: &Ports, limit: i64) -> Result<usize, Failed> {
    // The next durable commit is that of the frozen send, before anything is sent.
    let mut tx = ports.store.begin_preparing().await?;
    let claimed = events::claim_unplanned(&mut tx, limit).await.context("claiming events")?;
    if claimed.is_empty() {
        return Ok(0);
    }
    let began_at = ports.clock.now();
    let (mut batch, mut taken): (Vec<Event>, Vec<bool>) = claimed.into_iter().map(with_data).unzip();
    let planned = match plan(ports, &mut tx, &mut batch, &mut taken).await {
        Ok(planned) => planned,
        Err(error) => {
            // Now, and not when the connection is used again: who looks next passes over what is locked.
            Store::roll_back(tx).await;
            return Err(Failed { batch, error });
        }
    };
    crate::crash::point("plan.before_commit");
    if let Err(error) = Store::commit(tx).await {
        return Err(Failed { batch, error: error.into() });
    }
    crate::crash::point("plan.after_commit");
    follow_up(ports, &batch, planned, began_at).await;
    Ok(batch.len())
}

/// What is to be told of a batch when it is committed.
struct Planned {
    told: kick::Told,
    decisions: Vec<Decision>,
    messages: usize,
    has_tickets: bool,
}

async fn plan(ports: &Ports, tx: &mut Tx, batch: &mut [Event], taken: &mut [bool]) -> Result<Planned> {
    let told = kick::take_up(ports, tx, batch, taken).await?;
    let (batch, taken) = (&*batch, &*taken);
    let mut decisions = decide_all(ports, tx, batch).await?;
    told.hush(batch, &mut decisions);
    let typed = typed::find(tx, batch, &mut decisions).await.context("finding destinations by type")?;
    let mut subjects = take_subjects(ports, tx, batch).await?;
    apply_events(ports, tx, batch, &mut subjects).await?;
    earn::on_events(ports, tx, batch).await?;
    let names = source_names(&ports.compiled, tx, batch).await?;
    let mut holds = Holds::read(ports, tx, batch, &names, &decisions, &subjects).await?;
    let mut messages = queue(ports, tx, batch, &names, &mut decisions, &subjects, &mut holds).await?;
    messages += typed::queue(ports, tx, batch, typed, &mut decisions, &mut holds).await?;
    holds.save(ports, tx).await?;
    let notes: Vec<PlanNote> = batch
        .iter()
        .zip(taken)
        .zip(&decisions)
        .map(|((event, taken), decision)| PlanNote {
            event_id: event.id,
            plan: &decision.plan,
            data: taken.then_some(&event.data),
        })
        .collect();
    events::mark_planned(tx, &notes, ports.clock.now()).await?;
    count_beats(tx, batch).await.context("counting events")?;
    let has_tickets = subjects.values().any(|s| s.kind == SubjectKind::Ticket);
    Ok(Planned { told, decisions, messages, has_tickets })
}

async fn follow_up(ports: &Ports, batch: &[Event], planned: Planned, began_at: DateTime<Utc>) {
    let Planned { told, decisions, messages, has_tickets } = planned;
    tracing::debug!(events = batch.len(), messages, "planned");
    let ended_at = ports.clock.now();
    for (event, decision) in batch.iter().zip(&decisions) {
        ports.traces.note(|| {
            let step = Step::new("plan", event.id, began_at, ended_at).with("event.kind", &event.kind);
            step.with("plan.note", decision.note()).with("plan.routes", decision.hits.len())
        });
    }
    // The events are planned; the next one that fails tells it if this does not.
    if let Err(error) = tell_of_failures(ports, batch, &decisions).await {
        tracing::warn!(error = format!("{error:#}"), "the admins were not told of a failing filter or template");
    }
    ports.wake.wake(Topic::Deliverer);
    told.committed(ports);
    if has_tickets {
        // Their lists may have grown old.
        ports.wake.wake(Topic::Tickets);
    }
}

/// The event with its data, and whether that was taken from the body just now.
fn with_data(Unplanned { mut event, body }: Unplanned) -> (Event, bool) {
    let Some(body) = body else { return (event, false) };
    match parse::data_of(&body) {
        Ok(data) => event.data = data,
        // It was read once before it was stored.
        Err(error) => {
            tracing::error!(event = %event.id, %error, "a stored body cannot be read; planned without its data")
        }
    }
    (event, true)
}

async fn decide_all(ports: &Ports, tx: &mut Tx, batch: &[Event]) -> Result<Vec<Decision>> {
    let mut routes: HashMap<GuildId, Vec<Route>> = HashMap::new();
    for event in batch {
        if let std::collections::hash_map::Entry::Vacant(vacant) = routes.entry(event.guild_id) {
            let stored = list_routes(tx, event.guild_id).await?;
            vacant.insert(stored.iter().map(|route| compile(&ports.compiled, route)).collect());
        }
    }
    let names = source_names(&ports.compiled, tx, batch).await?;
    Ok(batch.iter().map(|event| decide(&view(event, &names), &routes[&event.guild_id])).collect())
}

fn view<'a>(event: &'a Event, names: &'a SourceNames) -> EventView<'a> {
    EventView::new(event, names.get(&event.source_id).map_or("", |name| name))
}

type Subjects = BTreeMap<(Uuid, String), Subject>;

/// Locks the subjects of the batch; every event about a lasting thing counts, routed or not.
async fn take_subjects(ports: &Ports, tx: &mut Tx, batch: &[Event]) -> Result<Subjects> {
    let mut wanted: BTreeMap<(Uuid, String), SubjectKey> = BTreeMap::new();
    for event in batch {
        let (Some(key), Some(kind)) = (&event.subject, event.subject_kind()) else {
            continue;
        };
        wanted.entry((event.source_id, key.clone())).or_insert_with(|| SubjectKey {
            id: ports.clock.uuid(),
            guild_id: event.guild_id,
            source_id: event.source_id,
            key: key.clone(),
            kind,
        });
    }
    if wanted.is_empty() {
        return Ok(Subjects::new());
    }
    let wanted: Vec<SubjectKey> = wanted.into_values().collect();
    let locked = lock_subjects(tx, &wanted, ports.clock.now()).await.context("locking subjects")?;
    Ok(locked.into_iter().map(|s| ((s.source_id, s.key.clone()), s)).collect())
}

async fn apply_events(ports: &Ports, tx: &mut Tx, batch: &[Event], subjects: &mut Subjects) -> Result<()> {
    let tickets: Vec<Uuid> = subjects.values().filter(|s| s.kind == SubjectKind::Ticket).map(|s| s.id).collect();
    let mut echoes = Echoes::lock(ports, tx, &tickets, batch).await?;
    for event in batch {
        let Some(subject) = subject_mut(subjects, event) else { continue };
        echoes.apply(ports, tx, event, subject).await?;
        approval::on_event(ports, tx, event, subject).await?;
    }
    if subjects.is_empty() {
        return Ok(());
    }
    let all: Vec<&Subject> = subjects.values().collect();
    save_subjects(tx, &all, ports.clock.now()).await?;
    let ids: Vec<Uuid> = all.iter().map(|s| s.id).collect();
    card::touch_cards(tx, &ids).await?;
    Ok(())
}

fn subject_of<'a>(subjects: &'a Subjects, event: &Event) -> Option<&'a Subject> {
    subjects.get(&(event.source_id, event.subject.clone()?))
}

fn subject_mut<'a>(subjects: &'a mut Subjects, event: &Event) -> Option<&'a mut Subject> {
    subjects.get_mut(&(event.source_id, event.subject.clone()?))
}

/// Makes the outbox rows: notices as they are, and the first message of cards that have none.
async fn queue(
    ports: &Ports,
    tx: &mut Tx,
    batch: &[Event],
    names: &SourceNames,
    decisions: &mut [Decision],
    subjects: &Subjects,
    holds: &mut Holds,
) -> Result<usize> {
    let now = ports.clock.now();
    let mut wanted = Vec::new();
    let mut wanted_pairs = HashSet::new();
    // What a new card's first message is due to: the first event of the batch that asked for it.
    let mut causes: HashMap<(Uuid, Uuid), (&Event, &Hit)> = HashMap::new();
    let mut messages = Vec::new();
    for (n, (event, decision)) in batch.iter().zip(decisions).enumerate() {
        let Decision { hits, plan, .. } = decision;
        for hit in &*hits {
            let (Mode::Card, Some(subject)) = (hit.mode, subject_of(subjects, event)) else {
                let way = Way { n, event, hit: Some(hit), destination_ids: &hit.destination_ids, subject_id: None };
                let destinations = holds.sift(&way, plan);
                post(event, names, hit, &destinations, plan, &mut messages);
                continue;
            };
            let subject_id = Some(subject.id);
            let way = Way { n, event, hit: Some(hit), destination_ids: &hit.destination_ids, subject_id };
            for destination_id in holds.sift(&way, plan) {
                let pair = (subject.id, destination_id);
                causes.entry(pair).or_insert((event, hit));
                if wanted_pairs.insert(pair) {
                    wanted.push(WantedCard {
                        id: ports.clock.uuid(),
                        guild_id: event.guild_id,
                        subject_id: subject.id,
                        destination_id,
                    });
                }
            }
        }
    }
    if !wanted.is_empty() {
        for (card_id, subject_id, destination_id) in card::want_cards(tx, &wanted, now).await? {
            let Some((event, hit)) = causes.get(&(subject_id, destination_id)) else { continue };
            messages.push(NewMessage {
                card_id: Some(card_id),
                embed: None,
                content: None,
                ..message(event, hit, destination_id, Look::default())
            });
        }
    }
    if !messages.is_empty() {
        insert_messages(tx, &messages, now).await.context("queueing messages")?;
    }
    Ok(messages.len())
}

/// A message of its own for each destination, rendered once.
fn post(
    event: &Event,
    names: &SourceNames,
    hit: &Hit,
    destination_ids: &[Uuid],
    plan: &mut Plan,
    messages: &mut Vec<NewMessage>,
) {
    if destination_ids.is_empty() {
        return;
    }
    let (look, used) = look(&view(event, names), hit);
    plan.templates.extend(used);
    for destination_id in destination_ids {
        messages.push(message(event, hit, *destination_id, look.clone()));
    }
}

fn message(event: &Event, hit: &Hit, destination_id: Uuid, look: Look) -> NewMessage {
    NewMessage {
        guild_id: event.guild_id,
        destination_id,
        event_id: event.id,
        route_id: Some(hit.route_id),
        card_id: None,
        embed: Some(json!(look.embed)),
        content: (!look.content.is_empty()).then_some(look.content),
        mentions: hit.mentions.clone(),
        change_id: look.change_id,
        receipt: None,
    }
}

/// Once for each version of what failed; the next event that fails tells it when this process ends before.
async fn tell_of_failures(ports: &Ports, batch: &[Event], decisions: &[Decision]) -> Result<()> {
    for (event, decision) in batch.iter().zip(decisions) {
        for (key, words) in failures(decision) {
            if !ports.compiled.has_told(&key) {
                tell_admins(ports, event.guild_id, &key, &words).await?;
                ports.compiled.note_told(key);
            }
        }
    }
    Ok(())
}
