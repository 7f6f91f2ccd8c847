//! What every route and template has to be like, whoever wants it, and by which door it came.

use uuid::Uuid;

use super::{Board, check_name, shown};
use crate::error::UserError;
use crate::event::kind;
use crate::routing::DEFAULT_PATTERN;
use crate::routing::change::{RouteBody, TemplateBody};
use crate::routing::filter::Filter;
use crate::routing::noise::NoiseFault;
use crate::routing::template::{Template, TemplateError};
use crate::store::route::ENV_POSITION;

/// Those whom a route mentions.
const MENTIONS: usize = 8;

/// What is wrong with one part of a route or template.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// As its body calls it, such as `fields[1].value`.
    pub field: String,
    pub words: String,
    /// What to do in Discord.
    hint: &'static str,
}

impl Wrong {
    fn new(field: impl Into<String>, words: impl Into<String>) -> Self {
        Self { field: field.into(), words: words.into(), hint: "" }
    }

    /// The same of something that is part of another.
    pub fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }
}

impl From<NoiseFault> for Wrong {
    fn from(fault: NoiseFault) -> Self {
        Self::new(fault.option, fault.words)
    }
}

impl From<Wrong> for anyhow::Error {
    fn from(wrong: Wrong) -> Self {
        UserError::new(format!("{} {}", wrong.words, wrong.hint).trim_end()).into()
    }
}

/// Writes the body as it is to be stored, and says what is odd about it without being wrong. `before` is the route
/// that is changed, with its id.
pub fn route(board: &Board, before: Option<(Uuid, &RouteBody)>, body: &mut RouteBody) -> Result<Vec<String>, Wrong> {
    let mut warnings = Vec::new();
    body.name = check_name(&body.name, "route").map_err(|error| Wrong::new("name", error.to_string()))?;
    let (id, before) = before.unzip();
    let same = |name: &str| name.eq_ignore_ascii_case(&body.name);
    let taken = board.routes.iter().find(|route| Some(route.id) != id && !route.from_env && same(&route.name));
    if let Some(taken) = taken {
        let words = format!("There is a route called {} already.", shown(&taken.name));
        return Err(Wrong { hint: "Change it with /route edit.", ..Wrong::new("name", words) });
    }
    body.pattern = pattern(&body.pattern, &mut warnings)?;
    if let Some(text) = &body.filter {
        let wrong = |error| Wrong::new("filter", format!("The filter cannot be used: {error}."));
        Filter::compile(text).map_err(wrong)?;
    }
    if !(1..ENV_POSITION).contains(&body.position) {
        return Err(Wrong::new("position", format!("A position is a number from 1 to {}.", ENV_POSITION - 1)));
    }
    mentions(&body.mentions)?;
    body.noise.place(board.zone);
    if body.template_id.is_some() && body.mode.as_deref() == Some("card") {
        let words = "A living card has its own look. Take the template out, or let the route post each event.";
        return Err(Wrong::new("mode", words));
    }
    known(board, before, body)?;
    Ok(warnings)
}

/// What it names has to be of its server; what it named before is not asked about again.
fn known(board: &Board, before: Option<&RouteBody>, body: &RouteBody) -> Result<(), Wrong> {
    if body.destination_ids.is_empty() && body.webhook_type.is_none() && body.webhook_scope.is_none() {
        let words = "Say where it goes: give a channel, or the type and scope of webhooks.";
        return Err(Wrong::new("destination_ids", words));
    }
    let stood = |id: &Uuid| before.is_some_and(|before| before.destination_ids.contains(id));
    let here = |id: &Uuid| board.destinations.iter().any(|destination| destination.id == *id);
    if !body.destination_ids.iter().all(|id| stood(id) || here(id)) {
        return Err(Wrong::new("destination_ids", "There is no destination of this id."));
    }
    if body.source_id.is_some_and(|id| board.sources.iter().all(|(known, _)| *known != id)) {
        return Err(Wrong::new("source_id", "There is no source of this id."));
    }
    if body.template_id.is_some_and(|id| board.templates.iter().all(|template| template.id != id)) {
        return Err(Wrong::new("template_id", "There is no template of this id."));
    }
    Ok(())
}

fn mentions(mentions: &[String]) -> Result<(), Wrong> {
    if mentions.len() > MENTIONS {
        return Err(Wrong::new("mentions", format!("A route mentions {MENTIONS} at most.")));
    }
    let is_one = |text: &String| {
        let id = text.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>'));
        let id = id.map(|id| id.strip_prefix('&').unwrap_or(id)).unwrap_or_default();
        (15..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
    };
    if !mentions.iter().all(is_one) {
        return Err(Wrong::new("mentions", "A mention is written as <@&role id> or <@member id>."));
    }
    Ok(())
}

pub fn pattern(pattern: &str, warnings: &mut Vec<String>) -> Result<String, Wrong> {
    let pattern = pattern.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | ':' | '/');
    if pattern.is_empty() || pattern.len() > 100 || !pattern.chars().all(fits) {
        return Err(Wrong::new("pattern", "A type is written as ticket.created, ticket.*, *.created, * or default."));
    }
    let known = kind::names().any(|name| crate::routing::pattern_matches(pattern, name));
    if !known && pattern != DEFAULT_PATTERN {
        let near = crate::config::did_you_mean(pattern, kind::names());
        if !near.is_empty() {
            warnings.push(format!("no known type is called {pattern}{near}"));
        }
    }
    Ok(pattern.to_owned())
}

/// The same for a template, `id` being that of the one that is changed. What it is compiled to has neither id nor version.
pub fn template(board: &Board, id: Option<Uuid>, body: &mut TemplateBody) -> Result<Template, Wrong> {
    body.name = check_name(&body.name, "template").map_err(|error| Wrong::new("name", error.to_string()))?;
    let same = |name: &str| name.eq_ignore_ascii_case(&body.name);
    if board.templates.iter().any(|template| Some(template.id) != id && same(&template.name)) {
        let words = format!("There is a template called {} already.", shown(&body.name));
        return Err(Wrong { hint: "Change it with /template edit.", ..Wrong::new("name", words) });
    }
    Template::compile(Uuid::nil(), &body.name, 0, body.parts.clone())
        .map_err(|error| Wrong::new(part(&error), format!("The template cannot be used.\n{error}.")))
}

/// `field 2 value` is `fields[1].value`, and what is said of the whole is said of its title.
fn part(error: &TemplateError) -> String {
    let words: Vec<&str> = error.part.split(' ').collect();
    match words.as_slice() {
        ["field", number, part] => {
            let number: usize = number.parse().unwrap_or(1);
            format!("fields[{}].{part}", number.saturating_sub(1))
        }
        ["template"] => "title".to_owned(),
        _ => error.part.clone(),
    }
}
