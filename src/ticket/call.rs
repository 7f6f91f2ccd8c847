//! Carries what was asked for upstream: from committed rows, under a lease, until XTSystems has said what it
//! did. What would be there twice if it were posted twice is looked for before it is posted again.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::rules::{self, Answer};
use super::{audit_action, forget_settled, text};
use crate::bus::Topic;
use crate::id::{GuildId, mark};
use crate::ports::Ports;
use crate::routing::ticket::{ActionState, TicketVerb};
use crate::store::subject::{lock_subject, save_subjects};
use crate::store::ticket::{TicketAction, lock_action, save_action};
use crate::store::{Store, card};
use crate::upstream::xtsystems::{Fate, NewTicket, TicketInfo, TicketUpdate, UpstreamError, XtSystemsClient};

/// Longer than what one attempt makes: a look and a call with 10 s.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long a list of tickets may take, all pages together.
const LOOKING: Duration = Duration::from_secs(15);
/// How long Discord takes words for the presser.
pub const TOKEN_LIVES: TimeDelta = TimeDelta::minutes(15);

/// Makes the calls that are due, one after another. Returns how many.
pub async fn call_due(ports: &Ports, limit: usize) -> Result<usize> {
    for done in 0..limit {
        let Some(action) = claim_due(ports).await? else { return Ok(done) };
        carry_out(ports, &action).await?;
    }
    Ok(limit)
}

/// Claims one call that is due, for [`carry_out`]. At a stop whoever goes on makes the rest.
pub async fn claim_due(ports: &Ports) -> Result<Option<TicketAction>> {
    if ports.lifecycle.is_stopping() { Ok(None) } else { claim(ports, None).await }
}

/// Makes one claimed call and records what came of it.
pub async fn carry_out(ports: &Ports, action: &TicketAction) -> Result<()> {
    make(ports, action, true).await
}

/// Makes the call of one action now, unless somebody else is at it; the presser is still there to be told by
/// the caller.
pub async fn call_now(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<TicketAction> {
    if let Some(action) = claim(ports, Some(id)).await? {
        make(ports, &action, false).await?;
    }
    Ok(ports.store.get_action(guild_id, id).await?)
}

async fn claim(ports: &Ports, only: Option<Uuid>) -> Result<Option<TicketAction>> {
    if ports.xtsystems.is_none() {
        return Ok(None);
    }
    let now = ports.clock.now();
    let lease = if crate::crash::lacks("no-lease") { TimeDelta::zero() } else { LEASE };
    let claimed = ports.store.claim_action(only, ports.clock.uuid(), now, now + lease).await;
    let claimed = claimed.context("claiming a call about a ticket")?;
    if claimed.is_some() {
        crate::crash::point("ticket.claimed");
    }
    Ok(claimed)
}

async fn make(ports: &Ports, action: &TicketAction, tells: bool) -> Result<()> {
    let Some(client) = &ports.xtsystems else { return Ok(()) };
    let _work = ports.lifecycle.pulse().begin("call about a ticket");
    let Some(answer) = perform(ports, client, action).await? else { return Ok(()) };
    crate::crash::point("ticket.answered");
    finish(ports, action, &answer, tells).await
}

/// `None`: the lease is not ours any more.
async fn perform(ports: &Ports, client: &XtSystemsClient, a: &TicketAction) -> Result<Option<Answer>> {
    match a.verb {
        TicketVerb::Create | TicketVerb::Note => post(ports, client, a).await,
        _ => Ok(Some(change(client, a).await)),
    }
}

/// A change can be made again, but not over what somebody did since: after a doubt the ticket is looked at first.
async fn change(client: &XtSystemsClient, a: &TicketAction) -> Answer {
    let id = a.ticket_id.as_deref().unwrap_or_default();
    if a.state == ActionState::Unknown {
        match client.get_ticket(id).await {
            Ok(ticket) if rules::is_as_wanted(a, &ticket) == Some(true) => return Answer::Done(Some(Box::new(ticket))),
            Ok(_) => {}
            Err(error) => return looked_in_vain(&error),
        }
    }
    let mut update = TicketUpdate::default();
    let value = a.value_id.clone();
    match a.verb {
        TicketVerb::Priority => update.priority_id = value,
        TicketVerb::Assign => update.assigned_to = value,
        _ => update.status_id = value,
    }
    if a.verb == TicketVerb::Close {
        update.resolution = a.content.clone();
    }
    match client.update_ticket(id, &update).await {
        Ok(Some(ticket)) if rules::is_as_wanted(a, &ticket) == Some(false) => {
            let text = "XTSystems answered that it was done, but the ticket did not change".into();
            Answer::Refused { status: None, text }
        }
        Ok(ticket) => Answer::Done(ticket.map(Box::new)),
        Err(error) => failed(&error),
    }
}

/// Posts a note or a ticket once: if an earlier request may have arrived, what it left is looked for, and only
/// posted again when it is not there although there was time enough.
async fn post(ports: &Ports, client: &XtSystemsClient, a: &TicketAction) -> Result<Option<Answer>> {
    if let Some(posted_at) = a.posted_at {
        let is_early = ports.clock.now() - posted_at < rules::SETTLING;
        match look(ports, client, a).await? {
            Ok(Looked::Found(answer)) => return Ok(Some(answer)),
            Err(error) => return Ok(Some(looked_in_vain(&error))),
            Ok(_) if is_early => return Ok(Some(Answer::Unknown { text: "it is not there yet".into() })),
            Ok(Looked::Hidden) => return Ok(Some(Answer::Lost { text: text::NOT_KNOWN.into() })),
            Ok(Looked::Missing) => {}
        }
    }
    if !ports.store.mark_posting(a.id, a.lease_token, ports.clock.now()).await? {
        return Ok(None);
    }
    crate::crash::point("ticket.posting");
    let content = rules::signed_content(a);
    let outcome = match a.verb {
        TicketVerb::Create => {
            let new = NewTicket {
                title: a.title.as_deref().unwrap_or_default(),
                description: &content,
                priority_id: a.value_id.as_deref(),
                company_id: company(ports),
            };
            client.create_ticket(&new).await.map(Some)
        }
        _ => client.add_note(a.ticket_id.as_deref().unwrap_or_default(), &content).await.map(|()| None),
    };
    Ok(Some(match outcome {
        Ok(ticket) => Answer::Done(ticket.map(Box::new)),
        Err(error) => failed(&error),
    }))
}

/// What a look for an earlier request came to.
enum Looked {
    Found(Answer),
    Missing,
    /// It may be among what XTSystems does not list.
    Hidden,
}

/// What an earlier request left behind: by the mark in its text.
async fn look(ports: &Ports, client: &XtSystemsClient, a: &TicketAction) -> Result<Result<Looked, UpstreamError>> {
    if a.verb == TicketVerb::Create {
        return look_for_ticket(ports, client, a).await;
    }
    Ok(client.list_notes(a.ticket_id.as_deref().unwrap_or_default()).await.map(|notes| {
        match notes.iter().any(|note| rules::is_ours(a, &note.content)) {
            true => Looked::Found(Answer::Done(None)),
            false => Looked::Missing,
        }
    }))
}

/// Its event may have told of it already; else all that XTSystems lists is looked through.
async fn look_for_ticket(
    ports: &Ports,
    client: &XtSystemsClient,
    a: &TicketAction,
) -> Result<Result<Looked, UpstreamError>> {
    let found = |ticket| Looked::Found(Answer::Done(Some(Box::new(ticket))));
    let marked = format!("[{}]", mark(a.id));
    if let Some(id) = ports.store.find_ticket_with(a.source_id, &marked, a.asked_at - rules::SKEW).await? {
        return Ok(client.get_ticket(&id).await.map(found));
    }
    let Ok(listed) = tokio::time::timeout(LOOKING, client.list_tickets(company(ports))).await else {
        return Ok(Ok(Looked::Hidden));
    };
    Ok(listed.map(|listed| {
        let ours = |t: &TicketInfo| t.description.as_deref().is_some_and(|text| rules::is_ours(a, text));
        match listed.tickets.into_iter().find(ours) {
            Some(ticket) => found(ticket),
            None if listed.is_complete => Looked::Missing,
            None => Looked::Hidden,
        }
    }))
}

fn company(ports: &Ports) -> Option<&str> {
    ports.config.xtsystems.as_ref().and_then(|x| x.company_id.as_deref())
}

fn failed(error: &UpstreamError) -> Answer {
    let text = error.words();
    match error.fate() {
        Fate::NotDone => Answer::NotSent { text },
        Fate::Unknown => Answer::Unknown { text },
        Fate::Refused => Answer::Refused { status: error.status(), text },
    }
}

/// Looking changes nothing, so it ends no doubt: but a ticket that is gone takes no change any more.
fn looked_in_vain(error: &UpstreamError) -> Answer {
    match error {
        UpstreamError::NotFound { status, .. } => Answer::Refused { status: Some(*status), text: error.words() },
        _ => Answer::Unknown { text: error.words() },
    }
}

/// Records the answer where the lease is still ours; whoever took it over records theirs.
async fn finish(ports: &Ports, claimed: &TicketAction, answer: &Answer, tells: bool) -> Result<()> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let subject = match claimed.subject_id {
        Some(id) => lock_subject(&mut tx, claimed.guild_id, id).await?,
        None => None,
    };
    let Some(mut current) = lock_action(&mut tx, claimed.guild_id, claimed.id).await? else { return Ok(()) };
    if current.lease_token != claimed.lease_token || !current.state.is_open() {
        return Ok(());
    }
    let said = current.upstream_text.take();
    let what = rules::on_answer(&mut current, answer, now);
    // Once: it is looked for again and again.
    let is_news = current.upstream_text != said;
    if matches!(answer, Answer::NotSent { .. }) {
        // Nothing was posted, so nothing has to be looked for.
        current.posted_at = claimed.posted_at;
    }
    let token = current.interaction_token.clone().filter(|_| now - current.asked_at < TOKEN_LIVES);
    if !current.state.is_open() {
        current.interaction_token = None;
    }
    forget_settled(&mut tx, &mut current).await?;
    save_action(&mut tx, &current).await?;
    if let Some(mut subject) = subject {
        if current.state == ActionState::Confirmed {
            let at = match answer {
                Answer::Done(Some(ticket)) => ticket.updated_at,
                _ => None,
            };
            rules::show(&current, &mut subject.state, at, now);
            save_subjects(&mut tx, &[&subject], now).await?;
        }
        card::touch_cards(&mut tx, &[subject.id]).await?;
    }
    let detail = json!({
        "attempt": current.call_attempts, "upstream": current.upstream_text, "status": current.upstream_status,
    });
    audit_action(&mut tx, ports, &current, what, detail).await?;
    Store::commit(tx).await?;
    crate::crash::point("ticket.finished");
    tracing::info!(action = %current.id, what, "XTSystems answered about a ticket");
    ports.wake.wake(Topic::Deliverer);
    let words = match answer {
        Answer::Lost { .. } => is_news.then(|| text::not_known(&current)),
        _ => (current.state == ActionState::Refused).then(|| text::refused(&current)),
    };
    if let (Some(words), true, Some(token), Some(application)) = (words, tells, token, current.application_id) {
        tell(ports, application, &token, &words).await;
    }
    Ok(())
}

/// Best effort: the card says it, too.
async fn tell(ports: &Ports, application: i64, token: &str, words: &str) {
    let reply = ports.discord.follow_up(application, token, words).await.reply;
    if !(200..300).contains(&reply.status) {
        tracing::info!(status = reply.status, "the presser could not be told; the card says it");
    }
}
