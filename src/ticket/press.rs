//! The use case behind a press on a ticket's card, a chosen option, a form, or `/ticket create`: role, state,
//! row, in one commit. The call upstream runs after it, from the row.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use super::lists;
use super::{audit_action, may_act};
use crate::id::{GuildId, RoleId, UserId};
use crate::ports::Ports;
use crate::routing::embed::Select;
use crate::routing::ticket::{ActionState, ListItem, TicketVerb, is_closed, same_word, select, what};
use crate::store::audit::NewAudit;
use crate::store::audit_repeat::{Same, count_audit};
use crate::store::interaction::insert_interaction;
use crate::store::link::find_upstream_link;
use crate::store::source::ensure_person;
use crate::store::subject::{Subject, lock_subject};
use crate::store::ticket::{TicketAction, insert_action, list_open_actions};
use crate::store::upstream_list::ListKind;
use crate::store::{Store, Tx, card};

/// Who asks, and where they can be told.
#[derive(Clone, Debug)]
pub struct Asker {
    pub interaction_id: i64,
    pub application_id: i64,
    pub token: String,
    pub guild_id: GuildId,
    pub user_id: UserId,
    /// As notes in XTSystems name them.
    pub name: String,
    pub roles: Vec<RoleId>,
    /// The member's permissions as Discord computed them.
    pub permissions: u64,
}

/// A press on a ticket's card.
#[derive(Clone, Debug)]
pub struct Press {
    pub who: Asker,
    pub subject_id: Uuid,
    pub verb: TicketVerb,
    /// What was chosen: the id of a status or a priority.
    pub value: Option<String>,
    /// What was written: a note or a resolution.
    pub content: Option<String>,
}

/// A ticket to be created.
#[derive(Clone, Debug)]
pub struct NewTicket {
    pub title: String,
    pub description: String,
    /// Id or name of a priority.
    pub priority: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Committed; the card says so, and the call is due.
    Asked(Uuid),
    /// A form or a choice comes first; nothing is asked for yet.
    Open,
    Choose(Select),
    /// This interaction was handled before.
    Repeated,
    NotAllowed {
        roles: Vec<RoleId>,
    },
    /// No such ticket in this server.
    Unknown,
    NoUpstream,
    /// Somebody asked for the same thing, and XTSystems has not answered yet.
    Pending {
        what: String,
        by: Option<String>,
        is_doubtful: bool,
    },
    /// The presser is nobody in XTSystems.
    NotLinked,
    AlreadyClosed,
    NotClosed,
    /// XTSystems does not have it any more.
    NoSuchChoice,
    /// The list cannot be had; why, in words.
    NoList(String),
}

/// Looks at a press without asking for anything: for the form that comes first.
pub async fn preview(ports: &Ports, press: &Press) -> Result<Outcome> {
    take(ports, press, false).await
}

/// The choice for a card that was shown before the list was known.
pub async fn choices(ports: &Ports, press: &Press) -> Result<Outcome> {
    let outcome = take(ports, press, false).await?;
    let (Outcome::Open, Some(kind)) = (&outcome, list_of(press.verb)) else { return Ok(outcome) };
    let Some(source_id) = ports.store.find_ticket_source(press.who.guild_id, press.subject_id).await? else {
        return Ok(Outcome::Unknown);
    };
    Ok(match lists::current(ports, source_id, kind).await? {
        Ok(items) if items.is_empty() => Outcome::NoSuchChoice,
        Ok(items) => Outcome::Choose(select(press.verb, press.subject_id, &items, None)),
        Err(error) => Outcome::NoList(error.to_string()),
    })
}

/// Takes a press: the interaction and what was asked for in one transaction.
pub async fn press(ports: &Ports, press: &Press) -> Result<Outcome> {
    take(ports, press, true).await
}

fn list_of(verb: TicketVerb) -> Option<ListKind> {
    match verb {
        TicketVerb::Status | TicketVerb::Close | TicketVerb::Reopen => Some(ListKind::Status),
        TicketVerb::Priority | TicketVerb::Create => Some(ListKind::Priority),
        TicketVerb::Assign | TicketVerb::Note => None,
    }
}

/// Every press leaves a line in the audit log, whatever came of it.
async fn take(ports: &Ports, press: &Press, asks: bool) -> Result<Outcome> {
    // Before the transaction: XTSystems may have to be asked, and no lock waits for it.
    let list = if asks { wanted_list(ports, press).await? } else { Ok(Vec::new()) };
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !insert_interaction(&mut tx, press.who.interaction_id, now).await? {
        return Ok(Outcome::Repeated);
    }
    let person = ensure_person(&mut tx, press.who.user_id.0, ports.clock.uuid(), now).await?;
    let outcome = match judge(ports, &mut tx, press, person, list, asks).await? {
        Err(outcome) => outcome,
        Ok(None) => Outcome::Open,
        Ok(Some(action)) => {
            insert_action(&mut tx, &action).await?;
            card::touch_cards(&mut tx, &[press.subject_id]).await?;
            let detail = json!({ "value": action.value_name, "letters": letters(&action) });
            audit_action(&mut tx, ports, &action, "ticket_asked", detail).await?;
            Outcome::Asked(action.id)
        }
    };
    if !matches!(outcome, Outcome::Asked(_)) {
        let mut detail = json!({ "verb": press.verb.as_str(), "subject": press.subject_id });
        let what = match why(&outcome) {
            Some(why) => {
                detail["why"] = json!(why);
                "ticket_press_refused"
            }
            None => "ticket_form_opened",
        };
        let same = format!("{what} {} {}", press.verb.as_str(), detail["why"].as_str().unwrap_or_default());
        let line =
            NewAudit { guild_id: press.who.guild_id, approval_id: None, person_id: Some(person), action: what, detail };
        // Nothing was done: this can be repeated at will.
        count_audit(&mut tx, &line, &Same { person_id: person, about: press.subject_id, what: &same }, now).await?;
    }
    crate::crash::point("ticket.press.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("ticket.press.after_commit");
    ports.wake.wake(crate::bus::Topic::Deliverer);
    Ok(outcome)
}

/// The list that the press chooses from; why it cannot be had, in words.
async fn wanted_list(ports: &Ports, press: &Press) -> Result<Result<Vec<ListItem>, String>> {
    let may = may_act(ports, &press.who.roles, press.who.permissions).is_ok();
    let (true, Some(kind), true) = (may, list_of(press.verb), ports.xtsystems.is_some()) else {
        return Ok(Ok(Vec::new()));
    };
    match ports.store.find_ticket_source(press.who.guild_id, press.subject_id).await? {
        Some(source_id) => Ok(lists::current(ports, source_id, kind).await?.map_err(|error| error.to_string())),
        None => Ok(Ok(Vec::new())),
    }
}

/// What this press asks for; `None` when it only opens something. Else why not.
async fn judge(
    ports: &Ports,
    tx: &mut Tx,
    press: &Press,
    person: Uuid,
    list: Result<Vec<ListItem>, String>,
    asks: bool,
) -> Result<Result<Option<TicketAction>, Outcome>> {
    if let Err(roles) = may_act(ports, &press.who.roles, press.who.permissions) {
        return Ok(Err(Outcome::NotAllowed { roles }));
    }
    let subject = lock_subject(tx, press.who.guild_id, press.subject_id).await?;
    let Some(subject) = subject.filter(|s| s.kind == crate::event::kind::SubjectKind::Ticket) else {
        return Ok(Err(Outcome::Unknown));
    };
    if ports.xtsystems.is_none() {
        return Ok(Err(Outcome::NoUpstream));
    }
    let open = list_open_actions(tx, subject.id).await?;
    if let Some(other) = open.into_iter().find(|other| press.verb.excludes(other.verb)) {
        return Ok(Err(Outcome::Pending {
            what: what(other.verb, other.value_name.as_deref()),
            by: other.by,
            is_doubtful: other.state == ActionState::Unknown,
        }));
    }
    let closed = is_closed(&subject.state, list.as_deref().unwrap_or_default());
    match (press.verb, closed) {
        (TicketVerb::Reopen, false) => return Ok(Err(Outcome::NotClosed)),
        (TicketVerb::Reopen | TicketVerb::Note, _) | (_, false) => {}
        (_, true) => return Ok(Err(Outcome::AlreadyClosed)),
    }
    if !asks {
        return Ok(Ok(None));
    }
    let list = match list {
        Ok(list) => list,
        Err(why) => return Ok(Err(Outcome::NoList(why))),
    };
    let value = match press.verb {
        TicketVerb::Note => None,
        TicketVerb::Assign => match find_upstream_link(tx, subject.source_id, person).await? {
            Some(link) => Some(ListItem {
                id: link.upstream_user_id,
                name: link.upstream_name,
                color: None,
                is_closed: false,
                email: None,
            }),
            None => return Ok(Err(Outcome::NotLinked)),
        },
        _ => match pick(press, &list) {
            Some(item) => Some(item.clone()),
            None => return Ok(Err(Outcome::NoSuchChoice)),
        },
    };
    Ok(Ok(Some(action(ports, press, &subject, person, value))))
}

/// The entry of the list that is meant.
fn pick<'a>(press: &Press, list: &'a [ListItem]) -> Option<&'a ListItem> {
    match press.verb {
        // Several statuses may mean closed: the one that is called so, else the last of them.
        TicketVerb::Close => {
            let mut closing = list.iter().filter(|item| item.is_closed);
            closing.clone().find(|item| same_word(&item.name, "closed")).or_else(|| closing.next_back())
        }
        TicketVerb::Reopen => list.iter().find(|item| !item.is_closed),
        _ => list.iter().find(|item| Some(&item.id) == press.value.as_ref()),
    }
}

fn action(ports: &Ports, press: &Press, subject: &Subject, person: Uuid, value: Option<ListItem>) -> TicketAction {
    let is_closing = value.as_ref().is_some_and(|v| v.is_closed);
    TicketAction {
        source_id: subject.source_id,
        subject_id: Some(subject.id),
        verb: press.verb,
        is_closing,
        value_id: value.as_ref().map(|v| v.id.clone()),
        value_name: value.map(|v| v.name),
        content: press.content.clone(),
        ticket_id: subject.state.text("id").or_else(|| subject.key.split_once(':').map(|(_, id)| id.to_owned())),
        ticket_number: subject.state.text("seq_id"),
        ..blank(ports, &press.who, person)
    }
}

/// Asked for now, due at once.
fn blank(ports: &Ports, who: &Asker, person: Uuid) -> TicketAction {
    let now = ports.clock.now();
    TicketAction {
        id: ports.clock.uuid(),
        guild_id: who.guild_id,
        source_id: Uuid::nil(),
        subject_id: None,
        interaction_id: who.interaction_id,
        application_id: Some(who.application_id),
        interaction_token: Some(who.token.clone()),
        person_id: person,
        verb: TicketVerb::Create,
        value_id: None,
        value_name: None,
        is_closing: false,
        title: None,
        content: None,
        author: who.name.clone(),
        state: ActionState::Requested,
        asked_at: now,
        call_due_at: Some(now),
        call_attempts: 0,
        lease_token: None,
        leased_until: None,
        posted_at: None,
        upstream_status: None,
        upstream_text: None,
        ticket_id: None,
        ticket_number: None,
        settled_at: None,
        echo_event_id: None,
    }
}

/// Asks for a new ticket. The interaction is known already: it is the command's, and its first delivery.
pub async fn create(ports: &Ports, source_id: Uuid, who: &Asker, new: &NewTicket) -> Result<Outcome> {
    if let Err(roles) = may_act(ports, &who.roles, who.permissions) {
        return Ok(Outcome::NotAllowed { roles });
    }
    if ports.xtsystems.is_none() {
        return Ok(Outcome::NoUpstream);
    }
    let priority = match &new.priority {
        None => None,
        Some(wanted) => match lists::current(ports, source_id, ListKind::Priority).await? {
            Err(error) => return Ok(Outcome::NoList(error.to_string())),
            Ok(list) => match list.into_iter().find(|p| p.id == *wanted || same_word(&p.name, wanted)) {
                None => return Ok(Outcome::NoSuchChoice),
                found => found,
            },
        },
    };
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let person = ensure_person(&mut tx, who.user_id.0, ports.clock.uuid(), now).await?;
    let action = TicketAction {
        source_id,
        value_id: priority.as_ref().map(|p| p.id.clone()),
        value_name: priority.map(|p| p.name),
        title: Some(new.title.clone()),
        content: Some(new.description.clone()),
        ..blank(ports, who, person)
    };
    insert_action(&mut tx, &action).await?;
    audit_action(&mut tx, ports, &action, "ticket_asked", json!({ "letters": letters(&action) })).await?;
    Store::commit(tx).await?;
    Ok(Outcome::Asked(action.id))
}

/// The audit log is kept when a member is forgotten: of what they wrote it has the length alone.
fn letters(action: &TicketAction) -> Option<usize> {
    Some(action.content.as_ref()?.chars().count())
}

/// For the audit log; `None`: nothing was refused.
fn why(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Asked(_) | Outcome::Open | Outcome::Choose(_) | Outcome::Repeated => return None,
        Outcome::NotAllowed { .. } => "lacks the role".into(),
        Outcome::Unknown => "no such ticket in this server".into(),
        Outcome::NoUpstream => "no connection to XTSystems is configured".into(),
        Outcome::Pending { what, .. } => format!("already asked for: {what}"),
        Outcome::NotLinked => "not linked to a user".into(),
        Outcome::AlreadyClosed => "the ticket is closed".into(),
        Outcome::NotClosed => "the ticket is not closed".into(),
        Outcome::NoSuchChoice => "not in the list".into(),
        Outcome::NoList(_) => "the list cannot be had".into(),
    })
}
