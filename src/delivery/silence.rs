//! What people do with silences: propose one with a look at what it would have withheld, begin it, extend it, end it.
//! Each leaves a line in the audit log. What follows when one is over is in `held.rs`.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::bus::Topic;
use crate::error::UserError;
use crate::event::{Event, Severity};
use crate::id::{ChannelId, GuildId, MessageId, UserId};
use crate::ports::Ports;
use crate::routes::Board;
use crate::routes::check;
use crate::routes::look_back::{self, Withheld, recent};
use crate::routing::DEFAULT_PATTERN;
use crate::routing::filter::{Filter, lint};
use crate::routing::silence::{is_exact, must_be_named};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::silence::{NewSilence, StoredSilence, end_now, insert_silence, lock_silence, run_until};
use crate::store::source::ensure_person;
use crate::store::subject::lock_subject;
use crate::store::{Store, Tx};

/// How long a silence may last, all in all.
pub const SHORTEST: TimeDelta = TimeDelta::minutes(1);
pub const LONGEST: TimeDelta = TimeDelta::days(90);
/// Characters.
pub const REASON: usize = 300;
pub const SUBJECT: usize = 200;
/// How long those that are over are offered to be extended.
pub const OFFERED: TimeDelta = TimeDelta::days(7);

const GONE: &str = "This silence is not known in this server any more. /silence list shows those that are.";

/// What somebody wants silenced.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub pattern: String,
    pub severity: Option<Severity>,
    pub filter: Option<String>,
    /// By its name or its id.
    pub source: Option<String>,
    pub subject: Option<String>,
    pub reason: String,
    pub lasts: TimeDelta,
    /// Where it is asked for.
    pub channel_id: Option<ChannelId>,
}

/// What is wrong with a wish, and in which part.
#[derive(Debug)]
pub struct Fault {
    pub field: &'static str,
    pub words: String,
}

/// The member who wants it.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    pub guild_id: GuildId,
    pub user_id: UserId,
}

/// What is shown before a silence begins.
pub struct Preview {
    pub silence: StoredSilence,
    pub withheld: Withheld,
    pub warnings: Vec<String>,
}

/// Keeps a wish as a proposal, and looks at what it would have withheld.
pub async fn propose(ports: &Ports, who: Asker, wish: &Wish) -> Result<Preview> {
    let now = ports.clock.now();
    let board = Board::read(ports, who.guild_id).await?;
    let mut new = check(&board, who.guild_id, ports.clock.uuid(), wish).map_err(|fault| UserError::new(fault.words))?;
    let mut tx = ports.store.begin().await?;
    new.person_id = Some(ensure_person(&mut tx, who.user_id.0, ports.clock.uuid(), now).await?);
    insert_silence(&mut tx, &new, now).await?;
    let silence = lock_silence(&mut tx, who.guild_id, new.id).await?.ok_or_else(|| UserError::new(GONE))?;
    Store::commit(tx).await?;
    let withheld = look_back::withheld(ports, who.guild_id, &board, &silence).await?;
    let warnings = warnings(ports, &silence).await?;
    Ok(Preview { silence, withheld, warnings })
}

/// A wish as it is stored, or what is wrong with it.
pub fn check(board: &Board, guild_id: GuildId, id: Uuid, wish: &Wish) -> Result<NewSilence, Fault> {
    let fault = |field, words: String| Fault { field, words };
    let pattern = wish.pattern.trim();
    if pattern == DEFAULT_PATTERN {
        let words = "A silence names types, such as alert.triggered, alert.* or *; default is a word of routes.";
        return Err(fault("type", words.into()));
    }
    check::pattern(pattern, &mut Vec::new()).map_err(|wrong| fault("type", wrong.words))?;
    let filter = wish.filter.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(Err(error)) = filter.map(Filter::compile) {
        return Err(fault("filter", format!("The filter cannot be used: {error}.")));
    }
    let source = wish.source.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let source_id = source.map(|wanted| {
        let is_it = |id: &Uuid, name: &str| name.eq_ignore_ascii_case(wanted) || id.to_string() == wanted;
        let found = board.sources.iter().find(|(id, name)| is_it(id, name)).map(|(id, _)| *id);
        let names: Vec<&str> = board.sources.iter().map(|(_, name)| name.as_str()).collect();
        found.ok_or_else(|| fault("source", format!("There is no such source. There are: {}.", names.join(", "))))
    });
    let subject = wish.subject.as_deref().map(str::trim).filter(|subject| !subject.is_empty());
    if subject.is_some_and(|subject| subject.chars().count() > SUBJECT) {
        return Err(fault("subject", format!("What it is about has {SUBJECT} characters at most.")));
    }
    if wish.reason.chars().count() > REASON {
        return Err(fault("reason", format!("A reason has {REASON} characters at most.")));
    }
    check_span(wish.lasts).map_err(|words| fault("duration", words))?;
    Ok(NewSilence {
        id,
        guild_id,
        source_id: source_id.transpose()?,
        pattern: pattern.to_owned(),
        min_severity: wish.severity.unwrap_or(Severity::Debug),
        filter: filter.map(str::to_owned),
        subject: subject.map(str::to_owned),
        reason: wish.reason.trim().to_owned(),
        person_id: None,
        channel_id: wish.channel_id,
        lasts_seconds: wish.lasts.num_seconds(),
    })
}

fn check_span(span: TimeDelta) -> Result<(), String> {
    if (SHORTEST..=LONGEST).contains(&span) {
        return Ok(());
    }
    Err("A silence lasts from a minute to 90 days, such as 30m, 2h, 1d or 1w.".to_owned())
}

/// What is odd about it, without being wrong.
async fn warnings(ports: &Ports, silence: &StoredSilence) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    check::pattern(&silence.pattern, &mut warnings)?;
    if is_exact(&silence.pattern) && must_be_named(&silence.pattern) {
        warnings.push(match silence.pattern.as_str() {
            "machine.registered" => {
                "machines wait for somebody to decide: while this is silenced nobody is asked here, and /approvals list \
                 has what is open"
                    .to_owned()
            }
            _ => "these are Signalbox's own notices: what goes wrong meanwhile is told when it is over".to_owned(),
        });
    } else if silence.pattern.starts_with('*') || silence.pattern.starts_with("machine") {
        warnings.push(
            "machines that ask to be let in, and Signalbox's own notices, are shown all the same: \
                       they are silenced only by their full names"
                .to_owned(),
        );
    }
    if let Some(filter) = silence.filter.as_deref().and_then(|text| Filter::compile(text).ok()) {
        let (_, known) = recent(ports, silence.guild_id, &[silence.pattern.as_str()]).await?;
        warnings.extend(lint(&filter.variables, &known));
    }
    Ok(warnings)
}

/// Begins a proposed silence.
pub async fn start(ports: &Ports, who: Asker, id: Uuid) -> Result<StoredSilence> {
    change(ports, who, id, "silence_started", |silence, now| {
        if silence.started_at.is_some() {
            return Err(UserError::new("This silence has begun already.").into());
        }
        Ok(now + TimeDelta::seconds(silence.lasts_seconds))
    })
    .await
}

/// Lets a silence go on, or begin again once it is over.
pub async fn extend(ports: &Ports, who: Asker, id: Uuid, by: TimeDelta) -> Result<StoredSilence> {
    change(ports, who, id, "silence_extended", |silence, now| extended(silence, by, now)).await
}

/// Until when a silence lasts that is extended.
pub fn extended(silence: &StoredSilence, by: TimeDelta, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    check_span(by).map_err(UserError::new)?;
    let Some(ends_at) = silence.ends_at else { return Err(UserError::new(GONE).into()) };
    let until = ends_at.max(now) + by;
    if until - now > LONGEST {
        return Err(UserError::new("A silence lasts 90 days at most, from now on.").into());
    }
    Ok(until)
}

/// Ends a silence before its time. Its receipt follows.
pub async fn end(ports: &Ports, who: Asker, id: Uuid) -> Result<StoredSilence> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let silence = lock_silence(&mut tx, who.guild_id, id).await?.ok_or_else(|| UserError::new(GONE))?;
    if silence.ends_at.is_none_or(|at| at <= now) {
        return Err(UserError::new("This silence is over already.").into());
    }
    let person = ensure_person(&mut tx, who.user_id.0, ports.clock.uuid(), now).await?;
    end_now(&mut tx, id, Some(person), now).await?;
    record(&mut tx, &silence, Some(person), "silence_ended", now, now).await?;
    Store::commit(tx).await?;
    crate::crash::point("silence.ended");
    ports.wake.wake(Topic::Held);
    Ok(silence)
}

async fn change(
    ports: &Ports,
    who: Asker,
    id: Uuid,
    action: &'static str,
    until: impl FnOnce(&StoredSilence, DateTime<Utc>) -> Result<DateTime<Utc>>,
) -> Result<StoredSilence> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let silence = lock_silence(&mut tx, who.guild_id, id).await?.ok_or_else(|| UserError::new(GONE))?;
    let ends_at = until(&silence, now)?;
    let person = ensure_person(&mut tx, who.user_id.0, ports.clock.uuid(), now).await?;
    run_until(&mut tx, id, ends_at, now).await?;
    record(&mut tx, &silence, Some(person), action, ends_at, now).await?;
    Store::commit(tx).await?;
    Ok(StoredSilence { ends_at: Some(ends_at), ..silence })
}

async fn record(
    tx: &mut Tx,
    silence: &StoredSilence,
    person_id: Option<Uuid>,
    action: &'static str,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let detail = json!({ "silence": silence.id, "type": silence.pattern, "until": until });
    let line = NewAudit { guild_id: silence.guild_id, approval_id: None, person_id, action, detail };
    insert_audit(tx, &line, now).await?;
    Ok(())
}

/// What a message is about, as a silence would name it.
pub struct About {
    pub source: String,
    pub pattern: String,
    pub subject: Option<String>,
}

/// The newest event behind a message in Discord, and what it is about. `None`: it is none of ours.
pub async fn about_message(ports: &Ports, guild_id: GuildId, message: MessageId) -> Result<Option<(Uuid, About)>> {
    let Some(send) = ports.store.find_told_send(guild_id, Some(message), None).await? else { return Ok(None) };
    let events = ports.store.list_told_events(guild_id, &[], &send.message_ids).await?;
    let Some(last) = events.last() else { return Ok(None) };
    Ok(about_event(ports, guild_id, last.id).await?.map(|about| (last.id, about)))
}

/// A thing's card stands for all that is told of it.
async fn about_event(ports: &Ports, guild_id: GuildId, event_id: Uuid) -> Result<Option<About>> {
    let Some(event) = ports.store.find_event_view(guild_id, event_id).await? else { return Ok(None) };
    let pattern = if event.subject.is_some() { family(&event.kind) } else { event.kind };
    let source = source(ports, guild_id, event.source_id).await?;
    Ok(Some(About { source, pattern, subject: event.subject }))
}

/// What a card is about, by its subject. It is known as long as the card is, whatever became of its events.
pub async fn about_subject(ports: &Ports, guild_id: GuildId, subject_id: Uuid) -> Result<Option<About>> {
    let mut tx = ports.store.begin().await?;
    let Some(subject) = lock_subject(&mut tx, guild_id, subject_id).await? else { return Ok(None) };
    drop(tx);
    let of_kind = || format!("{}.*", subject.kind.as_str());
    let pattern = subject.state.timeline.last().map_or_else(of_kind, |entry| family(&entry.kind));
    let source = source(ports, guild_id, subject.source_id).await?;
    Ok(Some(About { source, pattern, subject: Some(subject.key) }))
}

/// `ticket.*` of `ticket.created`.
fn family(kind: &str) -> String {
    kind.rsplit_once('.').map_or_else(|| kind.to_owned(), |(family, _)| format!("{family}.*"))
}

async fn source(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<String> {
    let board = Board::read(ports, guild_id).await?;
    Ok(board.sources.into_iter().find(|(known, _)| *known == id).map(|(_, name)| name).unwrap_or_default())
}

/// What stands for something in a message or on a card.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    Event(Uuid),
    Subject(Uuid),
}

/// A silence about what is shown, begun at once.
pub async fn silence_shown(ports: &Ports, who: Asker, shown: Shown, lasts: TimeDelta) -> Result<Preview> {
    let about = match shown {
        Shown::Event(id) => about_event(ports, who.guild_id, id).await?,
        Shown::Subject(id) => about_subject(ports, who.guild_id, id).await?,
    };
    let about = about.ok_or_else(|| UserError::new("What this message was about is not kept any more."))?;
    let wish =
        Wish { pattern: about.pattern, source: Some(about.source), subject: about.subject, lasts, ..Wish::default() };
    let preview = propose(ports, who, &wish).await?;
    let silence = start(ports, who, preview.silence.id).await?;
    Ok(Preview { silence, ..preview })
}

/// True when an event would have been posted somewhere, for the look at what would have been withheld.
pub fn would_post(event: &Event, has_hits: bool) -> bool {
    has_hits || event.kind.starts_with("panel.")
}
