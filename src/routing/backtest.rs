//! What a proposed route would have done with events of the past. Pure: it is fed one event after the other and
//! keeps counts, so that its size does not depend on how many there are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::rule::{Route, decide};
use super::view::EventView;
use super::{Mode, pattern_matches};

pub const EXAMPLES: usize = 3;
/// Living cards that are told apart; beyond, they are counted as posts.
const CARDS: usize = 10_000;

/// The counts so far.
#[derive(Clone, Debug, Default)]
pub struct Backtest {
    pub looked_at: usize,
    /// Events that the route would have taken.
    pub matched: usize,
    /// New messages by destination; a living card is one, however often it changed.
    pub messages: BTreeMap<Uuid, usize>,
    /// Changes of living cards.
    pub edits: usize,
    /// It would have matched, and an earlier route takes the event: by the name of that route.
    pub instead: BTreeMap<String, usize>,
    /// Events that this route takes away from others: by their names.
    pub taken: BTreeMap<String, usize>,
    /// What failed, and how often.
    pub errors: BTreeMap<String, usize>,
    pub examples: Vec<Example>,
    /// The newest that were of the type and did not match.
    pub misses: Vec<Example>,
    cards: BTreeSet<(Uuid, Uuid, String)>,
}

/// One event, as people recognise it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub kind: String,
    pub at: DateTime<Utc>,
    pub headline: String,
    /// Why it did not match.
    pub because: String,
}

impl Backtest {
    /// One event, with the routes as they are and as they would be; `route_id` is the proposed one.
    pub fn take(&mut self, view: &EventView<'_>, present: &[Route], proposed: &[Route], route_id: Uuid) {
        self.looked_at += 1;
        let Some(route) = proposed.iter().find(|route| route.id == route_id) else { return };
        let decision = decide(view, proposed);
        for failure in decision.failures.iter().filter(|failure| failure.route_id == route_id) {
            *self.errors.entry(failure.why.clone()).or_default() += 1;
        }
        let Some(hit) = decision.hits.iter().find(|hit| hit.route_id == route_id) else {
            self.miss(view, route, &decision.plan.tried, decision.plan.matched.is_empty());
            return;
        };
        self.matched += 1;
        for destination in &hit.destination_ids {
            let card = view.event.subject.clone().filter(|_| hit.mode == Mode::Card && self.cards.len() < CARDS);
            let is_new = card.is_none_or(|key| self.cards.insert((*destination, view.event.source_id, key)));
            if is_new {
                *self.messages.entry(*destination).or_default() += 1;
            } else {
                self.edits += 1;
            }
        }
        if let Some(template) = &hit.template
            && let Err(error) = template.compiled.clone().and_then(|compiled| compiled.render(view))
        {
            *self.errors.entry(format!("template {}: {error}", template.name)).or_default() += 1;
        }
        let before = decide(view, present);
        for name in before.plan.tried.iter().filter(|tried| tried.matched && tried.route_id != route_id) {
            if !decision.plan.matched.contains(&name.route_id) {
                *self.taken.entry(name.name.clone()).or_default() += 1;
            }
        }
        if self.examples.len() < EXAMPLES {
            self.examples.push(example(view, String::new()));
        }
    }

    fn miss(&mut self, view: &EventView<'_>, route: &Route, tried: &[super::trace::Tried], nobody: bool) {
        if let Some(own) = tried.iter().find(|tried| tried.route_id == route.id) {
            let of_type = pattern_matches(&route.pattern, &view.event.kind);
            if of_type && self.misses.len() < EXAMPLES {
                self.misses.push(example(view, own.because.clone()));
            }
            return;
        }
        // It was not reached. On its own it might have matched.
        let alone = decide(view, std::slice::from_ref(route));
        if !nobody && !alone.hits.is_empty() {
            let winner = tried.iter().find(|tried| tried.matched).map(|tried| tried.name.clone());
            *self.instead.entry(winner.unwrap_or_default()).or_default() += 1;
        }
    }
}

pub fn example(view: &EventView<'_>, because: String) -> Example {
    Example { kind: view.event.kind.clone(), at: view.event.occurred_at, headline: headline(&view.event.data), because }
}

/// The words by which people know what an event is about.
pub fn headline(data: &Value) -> String {
    let names = ["title", "name", "hostname", "message", "username", "text", "subject", "server", "node", "peer_name"];
    let found = names.iter().find_map(|name| data.get(*name)?.as_str());
    super::embed::fit(found.unwrap_or_default(), 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::rule::tests::{event, filter, route};
    use serde_json::json;

    #[test]
    fn counts() {
        let present = vec![route(1, "alert.*"), route(2, "ticket.*")];
        let mut mine = route(9, "ticket.*");
        mine.filter = filter("data.priority == 'high' and data.title + 1 > 2");
        let mut wide = route(8, "*");
        wide.mode = Some(Mode::Card);
        let mut backtest = Backtest::default();
        let mut second = Backtest::default();
        for (n, kind) in ["ticket.created", "ticket.updated", "alert.triggered"].into_iter().enumerate() {
            let mut event = event(kind);
            event.data = json!({ "priority": if n == 1 { "high" } else { "low" }, "title": format!("t{n}") });
            let view = EventView::new(&event, "x");
            let proposed = [std::slice::from_ref(&mine), &present].concat();
            backtest.take(&view, &present, &proposed, mine.id);
            let last = [&present, std::slice::from_ref(&wide)].concat();
            second.take(&view, &present, &last, wide.id);
        }
        assert_eq!((backtest.looked_at, backtest.matched, backtest.errors.values().sum::<usize>()), (3, 0, 1));
        assert_eq!(backtest.misses.len(), 2);
        assert_eq!(second.instead, [("r1".to_owned(), 1), ("r2".to_owned(), 2)].into());

        let mut third = Backtest::default();
        let first = [std::slice::from_ref(&wide), &present].concat();
        for kind in ["ticket.created", "ticket.updated", "alert.triggered"] {
            third.take(&EventView::new(&event(kind), "x"), &present, &first, wide.id);
        }
        assert_eq!((third.matched, third.edits), (3, 1), "two changes of one ticket are one card");
        assert_eq!(third.messages.values().sum::<usize>(), 2);
        assert_eq!(third.taken, [("r1".to_owned(), 1), ("r2".to_owned(), 2)].into());
    }
}
