//! Which routes an event takes. Pure: routes and an event in, a decision with its reasons out.

use std::fmt::Write as _;
use std::sync::Arc;

use uuid::Uuid;

use super::Mode;
use super::filter::{Filter, FilterError, Outcome};
use super::noise::Noise;
use super::template::{Template, TemplateError};
use super::trace::{MISSES, Plan, Tried};
use super::view::EventView;
use crate::event::{Severity, SubjectKind, kind};

/// The pattern that is tried after all others.
pub const DEFAULT_PATTERN: &str = "default";

/// A route with what it needs to judge an event.
#[derive(Clone, Debug)]
pub struct Route {
    pub id: Uuid,
    /// What people call it; that of the environment goes by its pattern.
    pub name: String,
    /// Changes with every change of the route.
    pub version: i64,
    /// `None` matches every source of the guild.
    pub source_id: Option<Uuid>,
    /// `ticket.created`, `ticket.*`, `*` or `default`.
    pub pattern: String,
    pub min_severity: Severity,
    pub filter: Option<RouteFilter>,
    pub destination_ids: Vec<Uuid>,
    /// Users and roles to ping, as `<@id>` / `<@&id>`.
    pub mentions: Vec<String>,
    /// `None`: a card where the kind has a lasting subject, else a post.
    pub mode: Option<Mode>,
    /// What it posts is made with this instead of the built-in look.
    pub template: Option<Arc<RouteTemplate>>,
    pub continues: bool,
    pub paused: bool,
    /// What it holds back.
    pub noise: Arc<Noise>,
}

/// The template of a route, and what it was compiled to.
#[derive(Clone, Debug)]
pub struct RouteTemplate {
    pub id: Uuid,
    pub name: String,
    pub version: i64,
    pub compiled: Result<Arc<Template>, TemplateError>,
}

/// A filter as it was written, and what it was compiled to.
#[derive(Clone, Debug)]
pub struct RouteFilter {
    pub text: String,
    pub compiled: Result<Arc<Filter>, FilterError>,
}

/// One route's part in the plan of an event.
#[derive(Clone, Debug)]
pub struct Hit {
    pub route_id: Uuid,
    pub mode: Mode,
    pub destination_ids: Vec<Uuid>,
    pub mentions: Vec<String>,
    pub template: Option<Arc<RouteTemplate>>,
    pub noise: Arc<Noise>,
}

/// A filter that could not judge an event.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterFailure {
    pub route_id: Uuid,
    pub route_version: i64,
    pub name: String,
    pub why: String,
}

/// Where an event goes, with the reasons in words.
#[derive(Clone, Debug)]
pub struct Decision {
    pub hits: Vec<Hit>,
    pub plan: Plan,
    pub failures: Vec<FilterFailure>,
    /// No route took it but `default`.
    pub by_default: bool,
}

impl Decision {
    pub fn note(&self) -> &str {
        &self.plan.note
    }

    /// Something else than a route took the event, so `default` has nothing left to catch. `taken` says what.
    pub fn leave_default(&mut self, taken: &str) {
        if !self.by_default {
            return;
        }
        self.hits.clear();
        self.plan.matched.clear();
        for tried in self.plan.tried.iter_mut().filter(|tried| tried.matched) {
            tried.matched = false;
            tried.because = format!("{DEFAULT_PATTERN} is for what nothing else takes: {taken}");
        }
        self.plan.note = taken.to_owned();
    }
}

/// Why a route does not match. In the order in which conditions are looked at, so a later one is nearer.
enum Miss {
    Type,
    Source,
    Severity,
    Filter(String),
    FilterFailed(String),
    Paused,
}

impl Miss {
    fn nearness(&self) -> u8 {
        match self {
            Miss::Type => 0,
            Miss::Source => 1,
            Miss::Severity => 2,
            Miss::Filter(_) | Miss::FilterFailed(_) => 3,
            Miss::Paused => 4,
        }
    }

    fn words(&self, route: &Route, view: &EventView<'_>) -> String {
        let event = view.event;
        match self {
            Miss::Type => format!("type {} is not {}", event.kind, route.pattern),
            Miss::Source => format!("source {} is not the one of this route", view.source),
            Miss::Severity => {
                format!("severity {} is below {}", event.severity.as_str(), route.min_severity.as_str())
            }
            Miss::Filter(because) => {
                let text = route.filter.as_ref().map_or("", |filter| filter.text.as_str());
                format!("filter `{}` is false{because}", super::embed::fit(text, 100))
            }
            Miss::FilterFailed(why) => format!("filter failed: {why}"),
            Miss::Paused => "it is paused; everything else fits".to_owned(),
        }
    }
}

/// First match wins unless the route continues; `default` is tried last, and only when nothing matched.
/// `routes` are in their order.
pub fn decide(view: &EventView<'_>, routes: &[Route]) -> Decision {
    let event = view.event;
    let mut deciding = Deciding { hits: Vec::new(), served: Vec::new(), looked: Vec::new(), failures: Vec::new() };
    if kind::find(&event.kind).is_some_and(|k| !k.shown) {
        let note = format!("{} is recorded, not shown", event.kind);
        let plan = Plan { note, ..Plan::default() };
        return Decision { hits: Vec::new(), plan, failures: Vec::new(), by_default: false };
    }
    for route in routes.iter().filter(|r| r.pattern != DEFAULT_PATTERN) {
        if deciding.look(route, view) && !route.continues {
            break;
        }
    }
    let by_default = deciding.hits.is_empty();
    if by_default {
        for route in routes.iter().filter(|r| r.pattern == DEFAULT_PATTERN) {
            if deciding.look(route, view) {
                break;
            }
        }
    }
    Decision { by_default, ..deciding.decision(view) }
}

struct Deciding<'a> {
    hits: Vec<Hit>,
    /// Destinations that an earlier hit covers.
    served: Vec<Uuid>,
    looked: Vec<(&'a Route, Option<Miss>)>,
    failures: Vec<FilterFailure>,
}

impl<'a> Deciding<'a> {
    /// Whether the route matches.
    fn look(&mut self, route: &'a Route, view: &EventView<'_>) -> bool {
        let miss = miss(route, view);
        if let Some(Miss::FilterFailed(why)) = &miss {
            self.failures.push(FilterFailure {
                route_id: route.id,
                route_version: route.version,
                name: route.name.clone(),
                why: why.clone(),
            });
        }
        let matched = miss.is_none();
        self.looked.push((route, miss));
        if matched {
            self.push_hit(route, view);
        }
        matched
    }

    /// A destination that an earlier hit already covers is not served twice.
    fn push_hit(&mut self, route: &Route, view: &EventView<'_>) {
        let mut destination_ids = Vec::with_capacity(route.destination_ids.len());
        for id in &route.destination_ids {
            if !self.served.contains(id) {
                self.served.push(*id);
                destination_ids.push(*id);
            }
        }
        let event = view.event;
        let is_signal = event.subject_kind() == Some(SubjectKind::Signal);
        let has_subject = is_signal || event.subject.is_some() && kind::opens_card(&event.kind);
        // A living card has its own look: a template makes a post of each event.
        let mode = match route.mode {
            Some(Mode::Post) => Mode::Post,
            None if route.template.is_some() => Mode::Post,
            _ if has_subject => Mode::Card,
            _ => Mode::Post,
        };
        self.hits.push(Hit {
            route_id: route.id,
            mode,
            destination_ids,
            mentions: route.mentions.clone(),
            template: route.template.clone().filter(|_| mode == Mode::Post),
            noise: route.noise.clone(),
        });
    }

    fn decision(self, view: &EventView<'_>) -> Decision {
        let mut ranks: Vec<u8> = self.looked.iter().filter_map(|(_, miss)| Some(miss.as_ref()?.nearness())).collect();
        let misses = ranks.len();
        ranks.sort_unstable_by(|a, b| b.cmp(a));
        // The nearest are listed; of those that are equally near, the first.
        let least = ranks.get(MISSES - 1).copied().unwrap_or(0);
        let mut room = MISSES - ranks.iter().take(MISSES).filter(|rank| **rank > least).count();
        let mut tried = Vec::with_capacity(self.hits.len() + misses.min(MISSES));
        for (route, miss) in &self.looked {
            let because = match miss {
                None => String::new(),
                Some(miss) if miss.nearness() > least => miss.words(route, view),
                Some(miss) if miss.nearness() == least && room > 0 => {
                    room -= 1;
                    miss.words(route, view)
                }
                Some(_) => continue,
            };
            tried.push(Tried { route_id: route.id, name: route.name.clone(), matched: miss.is_none(), because });
        }
        let note = self.note(view);
        let plan = Plan {
            tried,
            others: misses.saturating_sub(MISSES),
            matched: self.hits.iter().map(|hit| hit.route_id).collect(),
            templates: Vec::new(),
            held: Vec::new(),
            note,
        };
        Decision { hits: self.hits, plan, failures: self.failures, by_default: false }
    }

    fn note(&self, view: &EventView<'_>) -> String {
        let mut matched = self.looked.iter().filter(|(_, miss)| miss.is_none()).map(|(route, _)| route);
        let Some(first) = matched.next() else { return format!("no route matches {}", view.event.kind) };
        let mut note = format!("routed by {}", first.name);
        for route in matched {
            let _ = write!(note, ", {}", route.name);
        }
        note
    }
}

/// The first condition that fails; `None`: the route matches.
fn miss(route: &Route, view: &EventView<'_>) -> Option<Miss> {
    let event = view.event;
    if route.pattern != DEFAULT_PATTERN && !pattern_matches(&route.pattern, &event.kind) {
        return Some(Miss::Type);
    }
    if route.source_id.is_some_and(|id| id != event.source_id) {
        return Some(Miss::Source);
    }
    if event.severity < route.min_severity {
        return Some(Miss::Severity);
    }
    if let Some(filter) = &route.filter {
        let outcome = match &filter.compiled {
            Ok(compiled) => compiled.judge(view),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        match outcome {
            Outcome::True => {}
            Outcome::False(because) => return Some(Miss::Filter(because)),
            Outcome::Failed(why) => return Some(Miss::FilterFailed(why)),
        }
    }
    route.paused.then_some(Miss::Paused)
}

/// `*` stands for any run of characters; dots and underscores are the same.
pub fn pattern_matches(pattern: &str, kind: &str) -> bool {
    let same = |a: u8, b: u8| a == b || (matches!(a, b'.' | b'_') && matches!(b, b'.' | b'_'));
    let (pattern, kind) = (pattern.as_bytes(), kind.as_bytes());
    // The last star seen, and how much of the kind it stands for so far.
    let (mut p, mut k, mut star) = (0, 0, None);
    while k < kind.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, k));
            p += 1;
        } else if pattern.get(p).is_some_and(|byte| same(*byte, kind[k])) {
            p += 1;
            k += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            k = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
pub(super) mod tests;
