//! Between what is stored and what is decided and shown: routes with their filters and templates compiled, and
//! the look of one event's post.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use uuid::Uuid;

use crate::event::Event;
use crate::routing::compiled::Compiled;
use crate::routing::embed::Embed;
use crate::routing::rule::RouteTemplate;
use crate::routing::trace::UsedTemplate;
use crate::routing::view::EventView;
use crate::routing::{Decision, Hit, Route, notice};
use crate::store::Tx;
use crate::store::route::{StoredRoute, StoredTemplate, list_source_names};
use crate::store::source::SourceKind;

/// Sources by their ids.
pub type SourceNames = HashMap<Uuid, Arc<str>>;

/// What a post says.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub content: String,
    pub embed: Embed,
    /// The change of a route or template that it tells of.
    pub change_id: Option<Uuid>,
}

/// A stored route with what it takes to judge events.
pub fn compile(compiled: &Compiled, stored: &StoredRoute) -> Route {
    Route {
        id: stored.id,
        name: stored.name.clone(),
        version: stored.version,
        source_id: stored.source_id,
        pattern: stored.pattern.clone(),
        min_severity: stored.min_severity,
        filter: stored.filter.as_deref().map(|text| compiled.filter(stored.id, stored.version, text)),
        destination_ids: stored.destination_ids.iter().chain(&stored.selected_ids).copied().collect(),
        mentions: stored.mentions.clone(),
        mode: stored.mode,
        template: stored.template.as_ref().map(|template| Arc::new(compile_template(compiled, template))),
        continues: stored.continues,
        paused: stored.is_paused,
        noise: stored.noise.clone(),
    }
}

pub fn compile_template(compiled: &Compiled, stored: &StoredTemplate) -> RouteTemplate {
    RouteTemplate {
        id: stored.id,
        name: stored.name.clone(),
        version: stored.version,
        compiled: compiled.template(stored.id, stored.version, &stored.name, || stored.parts.clone()),
    }
}

/// The names of a batch's sources; asked for once in the life of a process.
pub async fn source_names(compiled: &Compiled, tx: &mut Tx, batch: &[Event]) -> Result<SourceNames> {
    let mut names = SourceNames::new();
    let mut unknown = Vec::new();
    for event in batch {
        if names.contains_key(&event.source_id) || unknown.contains(&event.source_id) {
            continue;
        }
        match compiled.source(event.source_id) {
            Some(name) => drop(names.insert(event.source_id, name)),
            None => unknown.push(event.source_id),
        }
    }
    if !unknown.is_empty() {
        for (id, name) in list_source_names(tx, &unknown).await? {
            compiled.remember_source(id, &name);
            names.insert(id, Arc::from(name));
        }
    }
    Ok(names)
}

/// What a hit posts: by its template, or the built-in look where there is none or it fails.
pub fn look(view: &EventView<'_>, hit: &Hit) -> (Look, Option<UsedTemplate>) {
    let built_in = || Look { content: String::new(), embed: notice::render(view.event), change_id: change_of(view) };
    let Some(template) = &hit.template else { return (built_in(), None) };
    let rendered = template.compiled.clone().and_then(|compiled| compiled.render(view));
    let used = UsedTemplate {
        route_id: hit.route_id,
        template_id: template.id,
        name: template.name.clone(),
        version: template.version,
        failed: rendered.as_ref().err().map(ToString::to_string),
    };
    let look = rendered
        .map_or_else(|_| built_in(), |r| Look { content: r.content, embed: r.embed, change_id: change_of(view) });
    (look, Some(used))
}

/// Only of what the program says itself.
fn change_of(view: &EventView<'_>) -> Option<Uuid> {
    let event = view.event;
    let own = event.kind == "signalbox.notice" && view.source == SourceKind::Signalbox.as_str();
    event.data.get("change_id").filter(|_| own)?.as_str()?.parse().ok()
}

/// What the admins have to know of, each with the key under which they are told once.
pub fn failures(decision: &Decision) -> Vec<(String, String)> {
    let of_filters = decision.failures.iter().map(|failure| {
        let words = format!(
            "The filter of the route {} cannot judge an event, which counts as not matched: {}. Mend it with /route edit.",
            failure.name, failure.why
        );
        (format!("filter-failed:{}:{}", failure.route_id, failure.route_version), words)
    });
    let of_templates = decision.plan.templates.iter().filter_map(|used| {
        let why = used.failed.as_ref()?;
        let words = format!(
            "The template {} failed, and the built-in look stands in for it: {why}. Mend it with /template edit.",
            used.name
        );
        Some((format!("template-failed:{}:{}", used.template_id, used.version), words))
    });
    of_filters.chain(of_templates).collect()
}
