//! What a proposed route would have done with events of the past. Pure: it is fed one event after the other and
//! keeps counts, and of what the route takes what its noise options look at: those are judged in the order in which it
//! came, once all of it is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::noise::judge::{Counted, LATE_GATHERED, LATE_PATIENCE, Reason, Window};
use super::noise::{Noise, is_urgent};
use super::rule::{Route, decide};
use super::view::EventView;
use super::{Mode, pattern_matches};

pub const EXAMPLES: usize = 3;
/// The counts so far.
#[derive(Clone, Debug, Default)]
pub struct Backtest {
    pub looked_at: usize,
    /// Events that the route would have taken.
    pub matched: usize,
    /// New messages by destination, digests among them; a living card is one, however often it changed.
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
    /// Events that it would have posted when they came, changes of living cards included.
    pub at_once: usize,
    /// Events that it would have held back and told of later, by what.
    pub held: BTreeMap<Reason, usize>,
    /// Messages that tell of those, in one destination.
    pub digests: usize,
    /// Events that it would have counted, and not told, for their age.
    pub dropped: usize,
    past: Vec<Past>,
    way: Option<Way>,
}

/// Where the route leads and what it holds back: the same for every event.
#[derive(Clone, Debug)]
struct Way {
    destination_ids: Vec<Uuid>,
    noise: Arc<Noise>,
}

/// Of an event that the route takes what its noise options look at.
#[derive(Clone, Debug)]
struct Past {
    received_at: DateTime<Utc>,
    occurred_at: DateTime<Utc>,
    is_urgent: bool,
    /// Source and subject of its living card.
    card: Option<(Uuid, String)>,
    group: Option<String>,
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
        self.past.push(Past {
            received_at: view.event.received_at,
            occurred_at: view.event.occurred_at,
            is_urgent: is_urgent(view.event),
            card: view.event.subject.clone().filter(|_| hit.mode == Mode::Card).map(|key| (view.event.source_id, key)),
            group: hit.noise.group(view),
        });
        self.way.get_or_insert_with(|| Way { destination_ids: hit.destination_ids.clone(), noise: hit.noise.clone() });
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

    /// All events were there, the newest first: what is held back is judged, in the order in which they came. Every
    /// destination of the route sees the same, so one is judged for all.
    pub fn finish(mut self) -> Self {
        let (mut past, Some(way)) = (std::mem::take(&mut self.past), self.way.take()) else { return self };
        past.reverse();
        past.sort_by_key(|past| past.received_at);
        let mut cards: BTreeSet<(Uuid, String)> = BTreeSet::new();
        let mut windows: HashMap<String, Window> = HashMap::new();
        let mut digests: BTreeSet<(Reason, DateTime<Utc>)> = BTreeSet::new();
        let (mut late, mut posted) = (Vec::new(), 0);
        for past in past {
            if past.card.as_ref().is_some_and(|card| cards.contains(card)) {
                self.at_once += 1;
                self.edits += way.destination_ids.len();
                continue;
            }
            let now = past.received_at;
            let verdict = (!past.is_urgent).then_some(&way.noise).and_then(|noise| {
                noise.judge(past.occurred_at, now, |counted, most, minutes| {
                    // Between the key of a group and that of all there is no mistake: a group's is never this.
                    let key = match counted {
                        Counted::Group => format!("g{}", past.group.as_deref()?),
                        Counted::All => String::new(),
                    };
                    windows.entry(key).or_insert_with(|| Window::over(now)).full(most, minutes, now)
                })
            });
            let Some(verdict) = verdict else {
                self.at_once += 1;
                posted += 1;
                cards.extend(past.card);
                continue;
            };
            match verdict.listed {
                true => *self.held.entry(verdict.reason).or_default() += 1,
                false => self.dropped += 1,
            }
            match verdict.reason {
                Reason::Late => late.push(now),
                reason => drop(digests.insert((reason, verdict.due_at))),
            }
        }
        self.digests = digests.len() + gathered(&late);
        for destination in &way.destination_ids {
            *self.messages.entry(*destination).or_default() += posted + self.digests;
        }
        self
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

/// Messages that tell of what came late at these times: one once nothing more has come for a while, or waited long.
fn gathered(times: &[DateTime<Utc>]) -> usize {
    let Some(mut first) = times.first().copied() else { return 0 };
    let (mut last, mut messages) = (first, 1);
    for at in times.iter().copied() {
        if at - last > LATE_GATHERED || at - first > LATE_PATIENCE {
            messages += 1;
            first = at;
        }
        last = at;
    }
    messages
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
    use crate::routing::noise::NoiseWish;
    use crate::routing::rule::tests::{event, filter, route};
    use chrono::TimeDelta;
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
        let third = third.finish();
        assert_eq!((third.matched, third.edits), (3, 1), "two changes of one ticket are one card");
        assert_eq!(third.messages.values().sum::<usize>(), 2);
        assert_eq!(third.taken, [("r1".to_owned(), 1), ("r2".to_owned(), 2)].into());
    }
    /// What a route with these options would have done with ten alerts, three minutes apart from 10:00.
    fn calm(noise: Noise, old: i64) -> (usize, Vec<(&'static str, usize)>, usize, usize, usize) {
        let mut calm = route(9, "alert.*");
        calm.noise = Arc::new(noise);
        let mut backtest = Backtest::default();
        for n in (0..10).rev() {
            let mut event = event("alert.triggered");
            event.received_at = "2026-01-02T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(3 * n);
            event.occurred_at = event.received_at - TimeDelta::minutes(old);
            event.data = json!({ "source": format!("db-0{}", n % 2) });
            backtest.take(&EventView::new(&event, "x"), &[], std::slice::from_ref(&calm), calm.id);
        }
        let done = backtest.finish();
        let held = done.held.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
        (done.at_once, held, done.digests, done.dropped, done.messages.values().sum())
    }

    #[test]
    fn what_is_held_back_is_judged_in_the_order_in_which_it_came() {
        let wish = |wish: NoiseWish| {
            let mut noise = Noise::default();
            wish.apply(&mut noise).unwrap();
            noise
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(calm(Noise::default(), 0), (10, vec![], 0, 0, 10));
        let quiet = wish(NoiseWish { quiet_hours: some("10:10-10:20 UTC"), ..NoiseWish::default() });
        assert_eq!(calm(quiet, 0), (7, vec![("quiet", 3)], 1, 0, 8));
        let digest = wish(NoiseWish { digest: some("15m"), ..NoiseWish::default() });
        assert_eq!(calm(digest, 0), (0, vec![("digest", 10)], 2, 0, 2));
        let throttle = wish(NoiseWish { throttle: some("2 per 10m"), ..NoiseWish::default() });
        assert_eq!(calm(throttle, 0), (6, vec![("throttle", 4)], 2, 0, 8), "10:00, 10:12, 10:24 begin intervals");
        let group = NoiseWish { group_by: some("data.source"), repeat: some("1h"), ..NoiseWish::default() };
        assert_eq!(calm(wish(group), 0), (2, vec![("repeat", 8)], 2, 0, 4));
        let late = wish(NoiseWish { when_late: some("summarise after 30m"), ..NoiseWish::default() });
        assert_eq!(calm(late.clone(), 20), (10, vec![], 0, 0, 10));
        assert_eq!(calm(late, 40), (0, vec![("late", 10)], 10, 0, 10), "they come further apart than is waited");
        let dropped = wish(NoiseWish { when_late: some("drop after 30m"), ..NoiseWish::default() });
        assert_eq!(calm(dropped, 40), (0, vec![], 10, 10, 10));
    }

    #[test]
    fn what_comes_late_together_is_told_together() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(gathered(&[]), 0);
        assert_eq!(gathered(&[at(0), at(30), at(90), at(200), at(201)]), 2);
        let steady: Vec<DateTime<Utc>> = (0..=40).map(|n| at(n * 30)).collect();
        assert_eq!(gathered(&steady), 2, "after a quarter of an hour it is told, whatever comes");
    }
}
