//! A route as somebody wants it: checked, compared with what is there, tried on the events of the last day, and kept
//! as a draft until it is saved.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::look_back::{self, Looked};
use super::{Board, check, shown};
use crate::delivery::look::{compile, compile_template};
use crate::error::UserError;
use crate::event::Severity;
use crate::id::{ChannelId, GuildId, UserId};
use crate::ports::Ports;
use crate::routing::Mode;
use crate::routing::change::{Line, RouteBody, compare_routes};
use crate::routing::filter::{Filter, lint};
use crate::routing::noise::{Noise, NoiseWish};
use crate::routing::rule::{Route, RouteFilter, RouteTemplate};
use crate::store::Store;
use crate::store::destination::ensure_channel;
use crate::store::destination::manage::{SCOPES, TYPES};
use crate::store::route::{DestinationLabel, ENV_POSITION, StoredRoute, list_destination_labels, list_selected};
use crate::store::route_change::{Draft, What, insert_draft};
use crate::store::source::ensure_person;

/// A draft that is not saved by then is gone.
pub const DRAFT_KEPT: TimeDelta = TimeDelta::hours(1);
/// How far back a proposal is tried.
pub const DAY: TimeDelta = TimeDelta::hours(24);
/// Between positions, so that others fit in between.
const STEP: i32 = 10;
/// Takes a value away again.
pub const NONE: &str = "none";

/// What somebody wants of a route; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub name: Option<String>,
    pub pattern: Option<String>,
    pub channel: Option<ChannelId>,
    /// Besides the channel.
    pub also: Option<ChannelId>,
    /// By its name.
    pub destination: Option<String>,
    pub webhook_type: Option<String>,
    pub webhook_scope: Option<String>,
    pub source: Option<String>,
    pub severity: Option<Severity>,
    pub filter: Option<String>,
    pub template: Option<String>,
    /// A mention such as `<@&7>`, or [`NONE`].
    pub mention: Option<String>,
    pub mode: Option<String>,
    pub continues: Option<bool>,
    pub position: Option<i32>,
    pub noise: NoiseWish,
}

/// What is shown before it is saved.
pub struct Preview {
    pub draft_id: Uuid,
    pub name: String,
    pub is_new: bool,
    pub lines: Vec<Line>,
    pub warnings: Vec<String>,
    pub looked: Looked,
    /// Names of destinations and others.
    pub board: Board,
}

/// A new route, or with `target` a change of one.
pub async fn propose(
    ports: &Ports,
    guild_id: GuildId,
    by: UserId,
    target: Option<&str>,
    wish: Wish,
) -> Result<Preview> {
    let now = ports.clock.now();
    let mut board = Board::read(ports, guild_id).await?;
    let present = target.map(|name| board.own_route(name)).transpose()?.cloned();
    let before = present.as_ref().map(StoredRoute::body);
    let mut body = before.clone().unwrap_or_else(|| empty(&board));
    apply(&board, &mut body, &wish)?;
    let mut tx = ports.store.begin().await?;
    let mut channels = Vec::new();
    if let Some(name) = wish.destination.as_deref().map(str::trim) {
        let named = |d: &&DestinationLabel| d.name.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name));
        let found = board.destinations.iter().find(named);
        let words =
            || UserError::new(format!("There is no destination called {}. /destination list shows them.", shown(name)));
        channels.push(found.ok_or_else(words)?.id);
    }
    for channel in [wish.channel, wish.also].into_iter().flatten() {
        let id = ensure_channel(&mut tx, guild_id, channel, ports.clock.uuid(), now).await?;
        if !channels.contains(&id) {
            channels.push(id);
        }
    }
    if !channels.is_empty() {
        body.destination_ids = channels;
        // One may have become a destination just now.
        board.destinations = list_destination_labels(&mut tx, guild_id).await?;
    }
    let mut warnings = check::route(&board, present.as_ref().map(|route| route.id).zip(before.as_ref()), &mut body)?;
    if before.as_ref() == Some(&body) {
        return Err(UserError::new("That is what the route says already; nothing was changed.").into());
    }
    let person = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    let draft = Draft {
        id: ports.clock.uuid(),
        what: What::Route,
        target_id: present.as_ref().map(|route| route.id),
        base_version: present.as_ref().map(|route| route.version),
        body: json!(body),
        mentions: body.mentions.clone(),
    };
    insert_draft(&mut tx, guild_id, person, &draft, now, now + DRAFT_KEPT).await?;
    Store::commit(tx).await?;
    warnings.extend(typos(ports, guild_id, &body).await?);
    let looked = try_out(ports, guild_id, &board, present.as_ref().map(|route| route.id), &body, DAY).await?;
    let lines = compare_routes(before.as_ref(), Some(&body), &board);
    Ok(Preview { draft_id: draft.id, name: body.name, is_new: present.is_none(), lines, warnings, looked, board })
}

/// Behind those that people made.
pub fn last_position(board: &Board) -> i32 {
    let last = board.routes.iter().filter(|route| !route.from_env).map(|route| route.position).max();
    last.map_or(STEP, |last| last.saturating_add(STEP)).min(ENV_POSITION - 1)
}

fn empty(board: &Board) -> RouteBody {
    RouteBody {
        name: String::new(),
        position: last_position(board),
        source_id: None,
        pattern: String::new(),
        min_severity: Severity::Debug,
        filter: None,
        destination_ids: Vec::new(),
        webhook_type: None,
        webhook_scope: None,
        mode: None,
        template_id: None,
        continues: false,
        paused: false,
        noise: Noise::default(),
        mentions: Vec::new(),
    }
}

/// The wish put into the body, with ids for names.
fn apply(board: &Board, body: &mut RouteBody, wish: &Wish) -> Result<()> {
    if let Some(name) = &wish.name {
        body.name.clone_from(name);
    }
    if let Some(pattern) = &wish.pattern {
        body.pattern.clone_from(pattern);
    }
    if let Some(source) = given(&wish.source) {
        let found = source.map(|name| {
            let found = board.sources.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
            found.map(|(id, _)| *id).ok_or_else(|| {
                let names: Vec<&str> = board.sources.iter().map(|(_, name)| name.as_str()).collect();
                UserError::new(format!("There is no source called {}. There are: {}.", shown(name), names.join(", ")))
            })
        });
        body.source_id = found.transpose()?;
    }
    body.min_severity = wish.severity.unwrap_or(body.min_severity);
    if let Some(filter) = given(&wish.filter) {
        body.filter = filter.map(str::to_owned);
    }
    if let Some(template) = given(&wish.template) {
        body.template_id = template.map(|name| board.template(name).map(|template| template.id)).transpose()?;
    }
    match given(&wish.mention) {
        Some(None) => body.mentions.clear(),
        Some(Some(one)) if !body.mentions.iter().any(|known| known == one) => body.mentions.push(one.to_owned()),
        _ => {}
    }
    if let Some(mode) = given(&wish.mode) {
        body.mode = mode.map(str::to_owned);
    }
    if let Some(kind) = given(&wish.webhook_type) {
        body.webhook_type = kind.map(|kind| one_of(kind, &TYPES, "type")).transpose()?;
    }
    if let Some(scope) = given(&wish.webhook_scope) {
        body.webhook_scope = scope.map(|scope| one_of(scope, &SCOPES, "scope")).transpose()?;
    }
    wish.noise.apply(&mut body.noise).map_err(|fault| UserError::new(fault.words))?;
    body.continues = wish.continues.unwrap_or(body.continues);
    body.position = wish.position.unwrap_or(body.position).clamp(1, ENV_POSITION - 1);
    Ok(())
}

fn one_of(word: &str, known: &[&str], what: &str) -> Result<String> {
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(word));
    let words = || UserError::new(format!("There is no {what} {}. There are {}.", shown(word), known.join(", ")));
    Ok((*found.ok_or_else(words)?).to_owned())
}

/// `Some(None)`: to be taken away.
fn given(value: &Option<String>) -> Option<Option<&str>> {
    let value = value.as_deref()?.trim();
    Some((!value.is_empty() && !value.eq_ignore_ascii_case(NONE)).then_some(value))
}

/// What the filter looks at and no recent event has.
pub async fn typos(ports: &Ports, guild_id: GuildId, body: &RouteBody) -> Result<Vec<String>> {
    let Some(filter) = body.filter.as_deref().and_then(|text| Filter::compile(text).ok()) else {
        return Ok(Vec::new());
    };
    let (_, known) = look_back::recent(ports, guild_id, &[body.pattern.as_str()]).await?;
    Ok(lint(&filter.variables, &known))
}

/// What this route would have done, in the place of the one with this id, or added to them.
pub async fn try_out(
    ports: &Ports,
    guild_id: GuildId,
    board: &Board,
    instead_of: Option<Uuid>,
    body: &RouteBody,
    span: TimeDelta,
) -> Result<Looked> {
    let compiled = &ports.compiled;
    let others = board.routes.iter().filter(|route| Some(route.id) != instead_of);
    let id = instead_of.unwrap_or(Uuid::max());
    let mut mine = (body.position, as_route(ports, board, id, body));
    if body.webhook_type.is_some() || body.webhook_scope.is_some() {
        let mut tx = ports.store.begin().await?;
        let (kind, scope) = (body.webhook_type.as_deref(), body.webhook_scope.as_deref());
        mine.1.destination_ids.extend(list_selected(&mut tx, guild_id, kind, scope).await?);
    }
    let mut placed: Vec<(i32, Route)> = others.map(|route| (route.position, compile(compiled, route))).collect();
    let at = placed.iter().position(|(position, _)| *position > mine.0).unwrap_or(placed.len());
    placed.insert(at, mine);
    let proposed: Vec<Route> = placed.into_iter().map(|(_, route)| route).collect();
    let present: Vec<Route> = board.routes.iter().map(|route| compile(compiled, route)).collect();
    look_back::backtest(ports, guild_id, span, &present, &proposed, id).await
}

/// A body that is not saved yet: its filter is compiled for this once.
fn as_route(ports: &Ports, board: &Board, id: Uuid, body: &RouteBody) -> Route {
    let template = body.template_id.and_then(|id| board.templates.iter().find(|template| template.id == id));
    let template: Option<RouteTemplate> = template.map(|template| compile_template(&ports.compiled, template));
    let filter = body
        .filter
        .as_deref()
        .map(|text| RouteFilter { text: text.to_owned(), compiled: Filter::compile(text).map(std::sync::Arc::new) });
    Route {
        id,
        name: body.name.clone(),
        version: 0,
        source_id: body.source_id,
        pattern: body.pattern.clone(),
        min_severity: body.min_severity,
        filter,
        destination_ids: body.destination_ids.clone(),
        mentions: body.mentions.clone(),
        mode: body.mode.as_deref().and_then(Mode::parse),
        template: template.map(std::sync::Arc::new),
        continues: body.continues,
        paused: body.paused,
        noise: std::sync::Arc::new(body.noise.clone()),
    }
}
