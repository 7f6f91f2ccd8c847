//! Changes that are made: what a draft says, a pause, a removal, and the undoing of any of them.

use anyhow::Result;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Board, shown};
use crate::bus::Topic;
use crate::error::UserError;
use crate::event::{Event, NewEvent, Severity, Via};
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::change::{Line, RouteBody, TemplateBody, compare_routes, compare_templates};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::event::insert_own_event;
use crate::store::route::{StoredRoute, delete_body, insert_body, update_body};
use crate::store::route_change::{Change, What, find_change, insert_change, lock_routes, mark_undone, take_draft};
use crate::store::source::{SourceKind, ensure_person};
use crate::store::template::{delete_template, insert_template, update_template};
use crate::store::{Store, Tx};

const STALE: &str = "Somebody has changed it since; nothing was saved. Look at it again and repeat your change.";
const GONE: &str =
    "This preview is over (it is kept for an hour, and saved once); nothing was done. Use the command again.";

/// What was changed, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// `Route urgent was added`
    pub headline: String,
    pub lines: Vec<Line>,
}

/// A state that a route or template is to have.
enum Body {
    Route(RouteBody),
    Template(TemplateBody),
}

/// Who changes what, where.
struct Act<'a> {
    ports: &'a Ports,
    guild_id: GuildId,
    by: UserId,
}

/// Saves a draft.
pub async fn save(ports: &Ports, guild_id: GuildId, by: UserId, draft_id: Uuid) -> Result<Changed> {
    let act = Act { ports, guild_id, by };
    let mut tx = ports.store.begin().await?;
    lock_routes(&mut tx, guild_id).await?;
    let draft = take_draft(&mut tx, guild_id, draft_id, ports.clock.now()).await?;
    let draft = draft.ok_or_else(|| UserError::new(GONE))?;
    let board = Board::read_in(&mut tx, guild_id).await?;
    let after = body_of(draft.what, &draft.body, &draft.mentions)?;
    let changed = match (draft.target_id, draft.base_version) {
        (Some(target), Some(version)) => act.put(&mut tx, &board, target, Some(version), Some(after)).await?,
        _ => act.put(&mut tx, &board, ports.clock.uuid(), None, Some(after)).await?,
    };
    act.commit(tx, changed).await
}

/// Pauses a route, or lets it go on.
pub async fn pause(ports: &Ports, guild_id: GuildId, by: UserId, name: &str, paused: bool) -> Result<Changed> {
    change_route(ports, guild_id, by, name, |route| {
        if route.is_paused == paused {
            let state = if paused { "is paused already" } else { "is not paused" };
            return Err(UserError::new(format!("The route {} {state}.", shown(&route.name))).into());
        }
        Ok(Some(RouteBody { paused, ..route.body() }))
    })
    .await
}

/// Removes a route.
pub async fn remove(ports: &Ports, guild_id: GuildId, by: UserId, name: &str) -> Result<Changed> {
    change_route(ports, guild_id, by, name, |_| Ok(None)).await
}

async fn change_route(
    ports: &Ports,
    guild_id: GuildId,
    by: UserId,
    name: &str,
    to: impl FnOnce(&StoredRoute) -> Result<Option<RouteBody>>,
) -> Result<Changed> {
    let act = Act { ports, guild_id, by };
    let mut tx = ports.store.begin().await?;
    lock_routes(&mut tx, guild_id).await?;
    let board = Board::read_in(&mut tx, guild_id).await?;
    let route = board.own_route(name)?;
    let after = to(route)?.map(Body::Route);
    let changed = act.put_what(&mut tx, &board, What::Route, route.id, Some(route.version), after).await?;
    act.commit(tx, changed).await
}

/// Removes a template that no route uses.
pub async fn remove_template(ports: &Ports, guild_id: GuildId, by: UserId, name: &str) -> Result<Changed> {
    let act = Act { ports, guild_id, by };
    let mut tx = ports.store.begin().await?;
    lock_routes(&mut tx, guild_id).await?;
    let board = Board::read_in(&mut tx, guild_id).await?;
    let template = board.template(name)?;
    let changed = act.put_what(&mut tx, &board, What::Template, template.id, Some(template.version), None).await?;
    act.commit(tx, changed).await
}

/// What a template is called.
pub async fn template_name(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<String> {
    let board = Board::read(ports, guild_id).await?;
    let found = board.templates.into_iter().find(|template| template.id == id);
    Ok(found.ok_or_else(|| UserError::new("This template has been removed since; nothing was done."))?.name)
}

/// Restores what was before a change, if nothing has changed since.
pub async fn undo(ports: &Ports, guild_id: GuildId, by: UserId, change_id: Uuid) -> Result<Changed> {
    let act = Act { ports, guild_id, by };
    let mut tx = ports.store.begin().await?;
    lock_routes(&mut tx, guild_id).await?;
    let change = find_change(&mut tx, guild_id, change_id).await?;
    let change = change.ok_or_else(|| UserError::new("This change is not known in this server. Nothing was done."))?;
    if change.is_undone {
        return Err(UserError::new("This change was undone already.").into());
    }
    let board = Board::read_in(&mut tx, guild_id).await?;
    let before = change.before.as_ref().map(|body| body_of(change.what, body, &change.mentions_before)).transpose()?;
    if board.version(change.what, change.target_id) != change.version {
        let words = format!(
            "The {} {} has been changed again since, so it is not set back. Undo the newer change first.",
            change.what.as_str(),
            shown(&change.name)
        );
        return Err(UserError::new(words).into());
    }
    let changed = act.put_what(&mut tx, &board, change.what, change.target_id, change.version, before).await?;
    let person = ensure_person(&mut tx, by.0, ports.clock.uuid(), ports.clock.now()).await?;
    mark_undone(&mut tx, guild_id, change.id, person, ports.clock.now()).await?;
    act.commit(tx, changed).await
}

/// A change with the notice that tells of it.
struct Made {
    changed: Changed,
    notice: NewEvent,
}

impl Act<'_> {
    async fn put(
        &self,
        tx: &mut Tx,
        board: &Board,
        id: Uuid,
        version: Option<i64>,
        after: Option<Body>,
    ) -> Result<Made> {
        let what = match &after {
            Some(Body::Template(_)) => What::Template,
            _ => What::Route,
        };
        self.put_what(tx, board, what, id, version, after).await
    }

    /// Gives a route or template this state. `version` is the one it must have; `None`: it must not be there.
    async fn put_what(
        &self,
        tx: &mut Tx,
        board: &Board,
        what: What,
        id: Uuid,
        version: Option<i64>,
        after: Option<Body>,
    ) -> Result<Made> {
        let now = self.ports.clock.now();
        let before = board.body(what, id);
        if let Some(after) = &after {
            board.allow(id, after)?;
        }
        // What is restored under its old id must not meet what was compiled for an earlier version.
        let fresh = now.timestamp_millis();
        let written = match (&after, version) {
            (Some(Body::Route(body)), Some(version)) => update_body(tx, self.guild_id, id, version, body, now).await?,
            (Some(Body::Route(body)), None) => {
                insert_body(tx, self.guild_id, id, body, fresh, now).await?;
                true
            }
            (Some(Body::Template(body)), Some(version)) => {
                update_template(tx, self.guild_id, id, version, body, now).await?
            }
            (Some(Body::Template(body)), None) => {
                insert_template(tx, self.guild_id, id, body, fresh, now).await?;
                true
            }
            (None, Some(version)) if what == What::Route => delete_body(tx, self.guild_id, id, version).await?,
            (None, Some(version)) => {
                let users = board.users_of(id);
                if !users.is_empty() {
                    let words = format!("It is used by {}. Give them another look first.", shown(&users.join(", ")));
                    return Err(UserError::new(words).into());
                }
                delete_template(tx, self.guild_id, id, version).await?
            }
            (None, None) => false,
        };
        if !written {
            return Err(UserError::new(STALE).into());
        }
        let version = after.as_ref().map(|_| match version {
            Some(version) => version + 1,
            None => fresh,
        });
        self.record(tx, board, what, id, version, before, after).await
    }

    #[expect(clippy::too_many_arguments, reason = "all of one change")]
    async fn record(
        &self,
        tx: &mut Tx,
        board: &Board,
        what: What,
        id: Uuid,
        version: Option<i64>,
        before: Option<Body>,
        after: Option<Body>,
    ) -> Result<Made> {
        let now = self.ports.clock.now();
        let name = after.as_ref().or(before.as_ref()).map(|body| body.name().to_owned()).unwrap_or_default();
        let verb = match (&before, &after) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(Body::Route(a)), Some(Body::Route(b))) if a.paused != b.paused => {
                if b.paused {
                    "paused"
                } else {
                    "resumed"
                }
            }
            _ => "changed",
        };
        let lines = compare(board, before.as_ref(), after.as_ref());
        let person = ensure_person(tx, self.by.0, self.ports.clock.uuid(), now).await?;
        let change = Change {
            id: self.ports.clock.uuid(),
            what,
            target_id: id,
            name: name.clone(),
            mentions_before: before.as_ref().map(Body::mentions).unwrap_or_default(),
            mentions_after: after.as_ref().map(Body::mentions).unwrap_or_default(),
            before: before.as_ref().map(Body::json),
            after: after.as_ref().map(Body::json),
            version,
            is_undone: false,
        };
        insert_change(tx, self.guild_id, person, &change, now).await?;
        let action = match what {
            What::Route => "route_changed",
            What::Template => "template_changed",
        };
        let detail = json!({ "name": name, "how": verb, "change": change.id });
        let line = NewAudit { guild_id: self.guild_id, approval_id: None, person_id: Some(person), action, detail };
        insert_audit(tx, &line, now).await?;
        let headline = format!("{} {name} was {verb}", if what == What::Route { "Route" } else { "Template" });
        let notice = self.notice(&change, &headline, &lines).await?;
        insert_own_event(tx, &notice).await?;
        Ok(Made { changed: Changed { headline, lines }, notice })
    }

    /// A mention is of no use to those who read the change, and must not outlive a member's deletion.
    async fn notice(&self, change: &Change, headline: &str, lines: &[Line]) -> Result<NewEvent> {
        let ports = self.ports;
        let now = ports.clock.now();
        let shown =
            lines.iter().map(|line| if line.label == "mentions" { "mentions: changed".into() } else { line.words() });
        let text = shown.collect::<Vec<_>>().join("\n");
        let source_id = ports
            .store
            .ensure_source(self.guild_id, SourceKind::Signalbox, "signalbox", ports.clock.uuid(), now)
            .await?;
        let event = Event {
            id: ports.clock.uuid(),
            source_id,
            guild_id: self.guild_id,
            kind: "signalbox.notice".into(),
            subject: None,
            occurred_at: now,
            received_at: now,
            severity: Severity::Info,
            dedup_key: format!("route-change:{}", change.id),
            data: json!({ "title": format!("⚙️ {headline}"), "text": text, "change_id": change.id }),
        };
        Ok(NewEvent { event, raw: text.into_bytes(), data_in_raw: false, via: Via::Internal })
    }

    async fn commit(&self, tx: Tx, made: Made) -> Result<Changed> {
        Store::commit(tx).await?;
        tracing::info!(guild = self.guild_id.0, change = made.changed.headline, event = %made.notice.event.id, "changed by a member");
        self.ports.wake.wake(Topic::Planner);
        Ok(made.changed)
    }
}

impl Body {
    fn name(&self) -> &str {
        match self {
            Body::Route(body) => &body.name,
            Body::Template(body) => &body.name,
        }
    }

    fn mentions(&self) -> Vec<String> {
        match self {
            Body::Route(body) => body.mentions.clone(),
            Body::Template(_) => Vec::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Body::Route(body) => json!(body),
            Body::Template(body) => json!(body),
        }
    }
}

fn body_of(what: What, body: &Value, mentions: &[String]) -> Result<Body> {
    fn read<T: DeserializeOwned>(body: &Value) -> Result<T> {
        serde_json::from_value(body.clone()).map_err(|_| {
            UserError::new("It was stored by another version of Signalbox, and cannot be restored.").into()
        })
    }
    Ok(match what {
        What::Route => Body::Route(RouteBody { mentions: mentions.to_vec(), ..read(body)? }),
        What::Template => Body::Template(read(body)?),
    })
}

fn compare(board: &Board, before: Option<&Body>, after: Option<&Body>) -> Vec<Line> {
    fn route(body: Option<&Body>) -> Option<&RouteBody> {
        body.and_then(|body| if let Body::Route(route) = body { Some(route) } else { None })
    }
    fn template(body: Option<&Body>) -> Option<&TemplateBody> {
        body.and_then(|body| if let Body::Template(template) = body { Some(template) } else { None })
    }
    match before.or(after) {
        Some(Body::Template(_)) => compare_templates(template(before), template(after)),
        _ => compare_routes(route(before), route(after), board),
    }
}

impl Board {
    fn body(&self, what: What, id: Uuid) -> Option<Body> {
        match what {
            What::Route => self.routes.iter().find(|route| route.id == id).map(|route| Body::Route(route.body())),
            What::Template => self.templates.iter().find(|template| template.id == id).map(|template| {
                Body::Template(TemplateBody { name: template.name.clone(), parts: template.parts.clone() })
            }),
        }
    }

    fn version(&self, what: What, id: Uuid) -> Option<i64> {
        match what {
            What::Route => self.routes.iter().find(|route| route.id == id).map(|route| route.version),
            What::Template => self.templates.iter().find(|template| template.id == id).map(|template| template.version),
        }
    }

    /// An error when something else has its name, or what it needs is gone.
    fn allow(&self, id: Uuid, body: &Body) -> Result<()> {
        let name = body.name();
        let same = |other: &str| other.eq_ignore_ascii_case(name);
        let taken = match body {
            Body::Route(_) => self.routes.iter().any(|route| route.id != id && !route.from_env && same(&route.name)),
            Body::Template(_) => self.templates.iter().any(|template| template.id != id && same(&template.name)),
        };
        if taken {
            return Err(
                UserError::new(format!("Something else is called {} by now; nothing was done.", shown(name))).into()
            );
        }
        if let Body::Route(route) = body
            && route.template_id.is_some_and(|id| self.templates.iter().all(|template| template.id != id))
        {
            return Err(UserError::new("Its template has been removed since; nothing was done.").into());
        }
        Ok(())
    }
}
