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
use crate::store::audit::{Author, insert_audit};
use crate::store::event::insert_own_event;
use crate::store::route::{delete_body, insert_body, update_body};
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

/// The routes and templates of a server while somebody changes them: nobody else does until this is closed, and
/// nothing is changed when it is dropped instead.
pub struct Session<'a> {
    ports: &'a Ports,
    guild_id: GuildId,
    by: Author,
    tx: Tx,
    /// How things stood at the beginning.
    pub board: Board,
    made: Vec<Made>,
}

/// A change with the notice that tells of it.
struct Made {
    changed: Changed,
    notice: NewEvent,
}

/// Saves a draft.
pub async fn save(ports: &Ports, guild_id: GuildId, by: UserId, draft_id: Uuid) -> Result<Changed> {
    let mut session = Session::open(ports, guild_id, Author::Member(by)).await?;
    let draft = take_draft(&mut session.tx, guild_id, draft_id, ports.clock.now()).await?;
    let draft = draft.ok_or_else(|| UserError::new(GONE))?;
    let after = body_of(draft.what, &draft.body, &draft.mentions)?;
    match (draft.target_id, draft.base_version) {
        (Some(target), Some(version)) => session.put(draft.what, target, Some(version), Some(after)).await?,
        _ => session.put(draft.what, ports.clock.uuid(), None, Some(after)).await?,
    }
    session.close_one().await
}

/// Pauses a route, or lets it go on.
pub async fn pause(ports: &Ports, guild_id: GuildId, by: UserId, name: &str, paused: bool) -> Result<Changed> {
    let mut session = Session::open(ports, guild_id, Author::Member(by)).await?;
    let route = session.board.own_route(name)?;
    if route.is_paused == paused {
        let state = if paused { "is paused already" } else { "is not paused" };
        return Err(UserError::new(format!("The route {} {state}.", shown(&route.name))).into());
    }
    let (id, body) = (route.id, RouteBody { paused, ..route.body() });
    session.put_route(id, Some(body)).await?;
    session.close_one().await
}

/// Removes a route.
pub async fn remove(ports: &Ports, guild_id: GuildId, by: UserId, name: &str) -> Result<Changed> {
    let mut session = Session::open(ports, guild_id, Author::Member(by)).await?;
    let id = session.board.own_route(name)?.id;
    session.put_route(id, None).await?;
    session.close_one().await
}

/// Removes a template that no route uses.
pub async fn remove_template(ports: &Ports, guild_id: GuildId, by: UserId, name: &str) -> Result<Changed> {
    let mut session = Session::open(ports, guild_id, Author::Member(by)).await?;
    let id = session.board.template(name)?.id;
    session.put_template(id, None).await?;
    session.close_one().await
}

/// What a template is called.
pub async fn template_name(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<String> {
    let board = Board::read(ports, guild_id).await?;
    let found = board.templates.into_iter().find(|template| template.id == id);
    Ok(found.ok_or_else(|| UserError::new("This template has been removed since; nothing was done."))?.name)
}

/// Restores what was before a change, if nothing has changed since.
pub async fn undo(ports: &Ports, guild_id: GuildId, by: UserId, change_id: Uuid) -> Result<Changed> {
    let mut session = Session::open(ports, guild_id, Author::Member(by)).await?;
    let change = find_change(&mut session.tx, guild_id, change_id).await?;
    let change = change.ok_or_else(|| UserError::new("This change is not known in this server. Nothing was done."))?;
    if change.is_undone {
        return Err(UserError::new("This change was undone already.").into());
    }
    let before = change.before.as_ref().map(|body| body_of(change.what, body, &change.mentions_before)).transpose()?;
    if session.board.version(change.what, change.target_id) != change.version {
        let words = format!(
            "The {} {} has been changed again since, so it is not set back. Undo the newer change first.",
            change.what.as_str(),
            shown(&change.name)
        );
        return Err(UserError::new(words).into());
    }
    session.put(change.what, change.target_id, change.version, before).await?;
    let person = ensure_person(&mut session.tx, by.0, ports.clock.uuid(), ports.clock.now()).await?;
    mark_undone(&mut session.tx, guild_id, change.id, person, ports.clock.now()).await?;
    session.close_one().await
}

impl<'a> Session<'a> {
    pub async fn open(ports: &'a Ports, guild_id: GuildId, by: Author) -> Result<Self> {
        let mut tx = ports.store.begin().await?;
        lock_routes(&mut tx, guild_id).await?;
        let board = Board::read_in(&mut tx, guild_id).await?;
        Ok(Self { ports, guild_id, by, tx, board, made: Vec::new() })
    }

    /// Gives the route this state; `None` removes it. Once in a session.
    pub async fn put_route(&mut self, id: Uuid, after: Option<RouteBody>) -> Result<()> {
        let version = self.board.version(What::Route, id);
        self.put(What::Route, id, version, after.map(Body::Route)).await
    }

    /// The same for a template.
    pub async fn put_template(&mut self, id: Uuid, after: Option<TemplateBody>) -> Result<()> {
        let version = self.board.version(What::Template, id);
        self.put(What::Template, id, version, after.map(Body::Template)).await
    }

    /// Makes all of it so, and tells of it.
    pub async fn close(self) -> Result<Vec<Changed>> {
        Store::commit(self.tx).await?;
        for made in &self.made {
            let (guild, change) = (self.guild_id.0, &made.changed.headline);
            tracing::info!(guild, change, event = %made.notice.event.id, "routes were changed");
        }
        if !self.made.is_empty() {
            self.ports.wake.wake(Topic::Planner);
        }
        Ok(self.made.into_iter().map(|made| made.changed).collect())
    }

    async fn close_one(self) -> Result<Changed> {
        self.close().await?.pop().ok_or_else(|| UserError::new(STALE).into())
    }

    /// `version` is the one that it must have; `None`: it must not be there.
    async fn put(&mut self, what: What, id: Uuid, version: Option<i64>, after: Option<Body>) -> Result<()> {
        let now = self.ports.clock.now();
        let before = self.board.body(what, id);
        if let Some(after) = &after {
            self.board.allow(id, after)?;
        }
        // What is restored under its old id must not meet what was compiled for an earlier version.
        let fresh = now.timestamp_millis();
        let (tx, guild_id) = (&mut self.tx, self.guild_id);
        let written = match (&after, version) {
            (Some(Body::Route(body)), Some(version)) => update_body(tx, guild_id, id, version, body, now).await?,
            (Some(Body::Route(body)), None) => {
                insert_body(tx, guild_id, id, body, fresh, now).await?;
                true
            }
            (Some(Body::Template(body)), Some(version)) => {
                update_template(tx, guild_id, id, version, body, now).await?
            }
            (Some(Body::Template(body)), None) => {
                insert_template(tx, guild_id, id, body, fresh, now).await?;
                true
            }
            (None, Some(version)) if what == What::Route => delete_body(tx, guild_id, id, version).await?,
            (None, Some(version)) => {
                if let Some(why) = self.board.used(id) {
                    return Err(why.into());
                }
                delete_template(tx, guild_id, id, version).await?
            }
            (None, None) => false,
        };
        if !written {
            return Err(UserError::new(STALE).into());
        }
        let version = after.as_ref().map(|_| version.map_or(fresh, |version| version + 1));
        self.record(what, id, version, before, after).await
    }

    async fn record(
        &mut self,
        what: What,
        id: Uuid,
        version: Option<i64>,
        before: Option<Body>,
        after: Option<Body>,
    ) -> Result<()> {
        let (clock, guild_id) = (&self.ports.clock, self.guild_id);
        let now = clock.now();
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
        let lines = compare(&self.board, before.as_ref(), after.as_ref());
        let person = self.by.person(&mut self.tx, clock.uuid(), now).await?;
        let change = Change {
            id: clock.uuid(),
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
        insert_change(&mut self.tx, guild_id, person, self.by.key(), &change, now).await?;
        let action = match what {
            What::Route => "route_changed",
            What::Template => "template_changed",
        };
        let detail = json!({ "name": name, "how": verb, "change": change.id });
        insert_audit(&mut self.tx, &self.by.line(guild_id, person, action, detail), now).await?;
        let headline = format!("{} {name} was {verb}", if what == What::Route { "Route" } else { "Template" });
        let notice = self.notice(&change, &headline, &lines).await?;
        insert_own_event(&mut self.tx, &notice).await?;
        self.made.push(Made { changed: Changed { headline, lines }, notice });
        Ok(())
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
