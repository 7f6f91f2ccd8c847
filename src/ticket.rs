//! Tickets from Discord: a press becomes a row, the row a call upstream, and XTSystems' word the card. States
//! and transitions are table 3 of `ARCHITECTURE.md`.

pub mod call;
pub mod link;
pub mod lists;
pub mod press;
pub mod rules;
pub mod text;

use anyhow::Result;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::event::Event;
use crate::id::{GuildId, RoleId};
use crate::ports::Ports;
use crate::store::Tx;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::subject::Subject;
use crate::store::ticket::{TicketAction, is_known, lock_unechoed, save_action};
use crate::upstream::permission::has_one_of;

/// What events of one batch may be the echo of. Locked with the batch's subjects.
pub struct Echoes(Vec<TicketAction>);

impl Echoes {
    /// Looks for actions of the tickets among these subjects, once for all events. An event may have been fetched
    /// long after it happened, so its own time counts.
    pub async fn lock(ports: &Ports, tx: &mut Tx, subject_ids: &[Uuid], events: &[Event]) -> Result<Self> {
        let first = events.iter().map(|event| event.occurred_at).min();
        let Some(first) = first.filter(|_| !subject_ids.is_empty() && ports.xtsystems.is_some()) else {
            return Ok(Self(Vec::new()));
        };
        Ok(Self(lock_unechoed(tx, subject_ids, first - rules::ECHO).await?))
    }

    /// Takes an event about a ticket in. Where it tells what was asked for here, its fields count and it gets
    /// no line of its own in the timeline.
    pub async fn apply(&mut self, ports: &Ports, tx: &mut Tx, event: &Event, subject: &mut Subject) -> Result<()> {
        let now = ports.clock.now();
        let mut actions = self.0.iter_mut().filter(|a| a.subject_id == Some(subject.id));
        let Some(action) = actions.find(|a| rules::is_echo(a, event, &subject.state)) else {
            subject.state.apply(event);
            return Ok(());
        };
        action.echo_event_id = Some(event.id);
        let mut what = "ticket_echo";
        if rules::proves(action, event, &subject.state) {
            rules::confirm(action, now);
            forget_settled(tx, action).await?;
            rules::show(action, &mut subject.state, Some(event.occurred_at), now);
            what = "ticket_confirmed_by_event";
        }
        subject.state.absorb(event);
        save_action(tx, action).await?;
        audit_action(tx, ports, action, what, json!({ "event": event.id })).await
    }
}

/// Whether a member may change tickets: a configured role, or Manage Server where none is configured.
pub fn may_act(ports: &Ports, roles: &[RoleId], permissions: u64) -> Result<(), Vec<RoleId>> {
    let needed = ports.config.xtsystems.as_ref().map(|x| x.ticket_roles.as_slice()).unwrap_or_default();
    has_one_of(needed, roles, permissions)
}

/// Of what somebody asked for who was forgotten meanwhile, nothing that they wrote is kept once it is settled.
async fn forget_settled(tx: &mut Tx, action: &mut TicketAction) -> Result<()> {
    if !action.state.is_open() && !is_known(tx, action.person_id).await? {
        (action.title, action.content) = (None, None);
    }
    Ok(())
}

/// A line about something asked for; `detail` is added to what it was.
async fn audit_action(
    tx: &mut Tx,
    ports: &Ports,
    action: &TicketAction,
    what: &'static str,
    detail: Value,
) -> Result<()> {
    let mut all = json!({ "action": action.id, "verb": action.verb.as_str(), "ticket": action.ticket_id });
    if let (Some(all), Value::Object(detail)) = (all.as_object_mut(), detail) {
        all.extend(detail.into_iter().filter(|(_, value)| !value.is_null()));
    }
    audit(tx, ports, action.guild_id, Some(action.person_id), what, all).await
}

async fn audit(
    tx: &mut Tx,
    ports: &Ports,
    guild_id: GuildId,
    person_id: Option<Uuid>,
    action: &'static str,
    detail: Value,
) -> Result<()> {
    let line = NewAudit { guild_id, approval_id: None, person_id, action, detail };
    insert_audit(tx, &line, ports.clock.now()).await?;
    Ok(())
}
