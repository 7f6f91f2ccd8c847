//! A template as somebody wants it: compiled, tried on recent events, kept as a draft until it is saved; and what one
//! looks like with real events.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use super::look_back::recent;
use super::propose::DRAFT_KEPT;
use super::{Board, check};
use crate::delivery::look::source_names;
use crate::error::UserError;
use crate::event::Event;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::change::{Line, TemplateBody, compare_templates};
use crate::routing::filter::lint;
use crate::routing::template::{Parts, Rendered, Template};
use crate::routing::view::EventView;
use crate::store::Store;
use crate::store::route_change::{Draft, What, insert_draft};
use crate::store::source::ensure_person;

/// Events that a template is shown with.
const SHOWN: usize = 3;

/// What is shown before a template is saved, or of one that is there.
pub struct Preview {
    /// `None`: there is nothing to be saved.
    pub draft_id: Option<Uuid>,
    pub name: String,
    pub is_new: bool,
    pub lines: Vec<Line>,
    pub warnings: Vec<String>,
    /// The newest event of each type that it is for, and what it makes of it.
    pub examples: Vec<(Event, std::result::Result<Rendered, String>)>,
    /// Events that it was tried on.
    pub tried: usize,
}

/// A new template, or with `target` a change of one.
pub async fn propose(
    ports: &Ports,
    guild_id: GuildId,
    by: UserId,
    target: Option<Uuid>,
    name: &str,
    parts: Parts,
) -> Result<Preview> {
    let now = ports.clock.now();
    let board = Board::read(ports, guild_id).await?;
    let present = match target {
        None => None,
        Some(id) => {
            let found = board.templates.iter().find(|template| template.id == id);
            Some(found.ok_or_else(|| UserError::new("This template has been removed since; nothing was done."))?)
        }
    };
    let mut body = TemplateBody { name: name.to_owned(), parts };
    let compiled = check::template(&board, present.map(|present| present.id), &mut body)?;
    let before = present.map(|t| TemplateBody { name: t.name.clone(), parts: t.parts.clone() });
    if before.as_ref() == Some(&body) {
        return Err(UserError::new("That is what the template says already; nothing was changed.").into());
    }
    let mut preview = try_out(ports, guild_id, &board, present.map(|present| present.id), &compiled, None).await?;
    if let Some(why) = preview.refused() {
        return Err(UserError::new(why).into());
    }
    let mut tx = ports.store.begin().await?;
    let person = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    let draft = Draft {
        id: ports.clock.uuid(),
        what: What::Template,
        target_id: present.map(|present| present.id),
        base_version: present.map(|present| present.version),
        body: json!(body),
        mentions: Vec::new(),
    };
    insert_draft(&mut tx, guild_id, person, &draft, now, now + DRAFT_KEPT).await?;
    Store::commit(tx).await?;
    preview.draft_id = Some(draft.id);
    preview.is_new = present.is_none();
    preview.lines = compare_templates(before.as_ref(), Some(&body));
    preview.name = body.name;
    Ok(preview)
}

/// What a saved template makes of recent events.
pub async fn preview(ports: &Ports, guild_id: GuildId, name: &str, kind: Option<&str>) -> Result<Preview> {
    let board = Board::read(ports, guild_id).await?;
    let stored = board.template(name)?;
    let compiled = ports.compiled.template(stored.id, stored.version, &stored.name, || stored.parts.clone());
    let compiled = compiled.map_err(|error| UserError::new(format!("The template cannot be used.\n{error}.")))?;
    let preview = try_out(ports, guild_id, &board, Some(stored.id), &compiled, kind).await?;
    Ok(Preview { name: stored.name.clone(), ..preview })
}

/// The types of the routes that use it; every type when none does.
fn patterns(board: &Board, id: Option<Uuid>) -> Vec<String> {
    let uses = |route: &&crate::store::route::StoredRoute| {
        id.is_some() && route.template.as_ref().map(|template| template.id) == id
    };
    let used: Vec<String> = board.routes.iter().filter(uses).map(|route| route.pattern.clone()).collect();
    if used.is_empty() { vec!["*".to_owned()] } else { used }
}

/// A template with recent events of this kind, or of those that the template with this id is for.
pub async fn try_out(
    ports: &Ports,
    guild_id: GuildId,
    board: &Board,
    id: Option<Uuid>,
    template: &Template,
    kind: Option<&str>,
) -> Result<Preview> {
    let patterns = kind.map_or_else(|| patterns(board, id), |kind| vec![kind.to_owned()]);
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let (events, known) = recent(ports, guild_id, &patterns).await?;
    let mut tx = ports.store.begin().await?;
    let names = source_names(&ports.compiled, &mut tx, &events).await?;
    drop(tx);
    let tried = events.len();
    let mut examples: Vec<(Event, std::result::Result<Rendered, String>)> = events
        .into_iter()
        .map(|event| {
            let view = EventView::new(&event, names.get(&event.source_id).map_or("", |name| name));
            let rendered = template.render(&view).map_err(|error| error.to_string());
            (event, rendered)
        })
        .collect();
    // What fails is seen first.
    examples.sort_by_key(|(_, rendered)| rendered.is_ok());
    examples.truncate(SHOWN);
    let warnings = lint(&template.variables, &known);
    Ok(Preview {
        draft_id: None,
        name: template.name.clone(),
        is_new: false,
        lines: Vec::new(),
        warnings,
        examples,
        tried,
    })
}

impl Preview {
    /// A template that works with none of the events that there were is not saved.
    pub fn refused(&self) -> Option<String> {
        let (event, Err(why)) = self.examples.first()? else { return None };
        if self.examples.iter().any(|(_, rendered)| rendered.is_ok()) {
            return None;
        }
        Some(format!("The template fails with the newest {}.\n{why}.", event.kind))
    }
}
