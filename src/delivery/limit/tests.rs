//! The limiter against a simulated Discord.

use super::*;
use std::collections::VecDeque;

use proptest::prelude::*;

const T0: i64 = 1_755_256_800_000;

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(T0 + ms).unwrap()
}

fn told(bucket: &str, limit: u32, remaining: u32, reset_ms: i64) -> LimitHeaders {
    LimitHeaders {
        limit: Some(limit),
        remaining: Some(remaining),
        reset_after: Some(TimeDelta::milliseconds(reset_ms)),
        bucket: Some(bucket.into()),
        ..LimitHeaders::default()
    }
}

fn create(channel: i64) -> RouteKey {
    RouteKey::new(Action::CreateMessage, channel)
}

/// How many go at once.
fn burst(limiter: &mut Limiter, route: &RouteKey, ms: i64) -> usize {
    (0..200).take_while(|_| limiter.check(route, at(ms)) == Gate::Go).count()
}

#[test]
fn an_unknown_bucket_takes_one_request_until_its_answer() {
    let mut limiter = Limiter::new(Limits::default());
    assert_eq!(burst(&mut limiter, &create(1), 0), 1);
    assert_eq!(limiter.check(&create(1), at(0)), Gate::WaitUntil(at(100)));
    assert_eq!(burst(&mut limiter, &create(2), 0), 1, "another channel is another bucket");
    limiter.observe(&create(1), &told("b", 5, 4, 5000), at(50));
    assert_eq!(burst(&mut limiter, &create(1), 60), 4);
    assert_eq!(limiter.check(&create(1), at(60)), Gate::WaitUntil(at(5050)));
}

#[test]
fn answers_that_never_come_free_the_bucket_in_the_end() {
    let mut limiter = Limiter::new(Limits::default());
    assert_eq!(burst(&mut limiter, &create(1), 0), 1);
    assert_eq!(burst(&mut limiter, &create(1), 29_999), 0);
    assert_eq!(burst(&mut limiter, &create(1), 30_000), 1);
    limiter.observe(&create(1), &LimitHeaders::default(), at(30_001));
    assert_eq!(burst(&mut limiter, &create(1), 30_001), 1);
}

#[test]
fn answers_out_of_order_never_raise_the_remainder() {
    let mut limiter = Limiter::new(Limits::default());
    assert_eq!(burst(&mut limiter, &create(1), 0), 1);
    limiter.observe(&create(1), &told("b", 5, 4, 5000), at(10));
    assert_eq!(burst(&mut limiter, &create(1), 10), 4);
    for remaining in [1, 0, 3, 2] {
        limiter.observe(&create(1), &told("b", 5, remaining, 4900), at(100));
    }
    assert_eq!(burst(&mut limiter, &create(1), 200), 0);
    assert_eq!(burst(&mut limiter, &create(1), 5010), 5);
}

#[test]
fn routes_that_share_a_bucket_share_its_remainder() {
    let edit = RouteKey::new(Action::EditMessage, 1);
    let mut limiter = Limiter::new(Limits::default());
    for (route, remaining) in [(create(1), 4), (edit, 3)] {
        assert_eq!(limiter.check(&route, at(0)), Gate::Go);
        limiter.observe(&route, &told("shared", 5, remaining, 5000), at(1));
    }
    assert_eq!(limiter.check(&edit, at(2)), Gate::Go);
    assert_eq!(burst(&mut limiter, &create(1), 2), 2);
    // The same name under another channel is another bucket.
    assert_eq!(limiter.check(&create(2), at(2)), Gate::Go);
    limiter.observe(&create(2), &told("shared", 5, 4, 5000), at(3));
    assert_eq!(burst(&mut limiter, &create(2), 3), 4);
    // A route whose bucket gets another name leaves the old one.
    limiter.observe(&edit, &told("own", 5, 4, 5000), at(4));
    assert_eq!(burst(&mut limiter, &edit, 4), 4);
}

#[test]
fn a_429_blocks_its_bucket_and_a_global_one_everything() {
    let mut limiter = Limiter::new(Limits::default());
    assert_eq!(limiter.check(&create(1), at(0)), Gate::Go);
    let mut refused = told("b", 5, 3, 1000);
    refused.retry_after = Some(TimeDelta::milliseconds(2500));
    refused.scope = Some(Scope::Shared);
    limiter.observe(&create(1), &refused, at(0));
    assert_eq!(limiter.check(&create(1), at(1)), Gate::WaitUntil(at(2500)));
    assert_eq!(limiter.check(&create(2), at(1)), Gate::Go);

    let everything = LimitHeaders { global: true, retry_after: Some(TimeDelta::seconds(7)), ..LimitHeaders::default() };
    limiter.observe(&create(2), &everything, at(100));
    assert_eq!(limiter.check(&create(3), at(200)), Gate::WaitUntil(at(7100)));
    limiter.pause_all(at(3000));
    assert_eq!(limiter.paused_until(at(200)), Some(at(7100)));
    assert_eq!(limiter.check(&create(3), at(7100)), Gate::Go);
}

#[test]
fn the_global_budget_spares_interactions() {
    let mut limiter = Limiter::new(Limits::default());
    let gone = (0..80).filter(|n| limiter.check(&create(*n), at(*n)) == Gate::Go).count();
    assert_eq!(gone, 50);
    assert_eq!(limiter.check(&create(99), at(80)), Gate::WaitUntil(at(1080)), "at the earliest");
    assert_eq!(limiter.check(&RouteKey::new(Action::Interaction, 5), at(80)), Gate::Go);
}

#[test]
fn where_questions_are_asked_the_last_place_is_for_the_next() {
    let mut limiter = Limiter::new(Limits::default());
    let question = |channel: i64| RouteKey::new(Action::ReadChannel, channel);
    let sends =
        |limiter: &mut Limiter, ms: i64| (0..80).filter(|n| limiter.check(&create(ms + n), at(ms)) == Gate::Go).count();
    assert_eq!(sends(&mut limiter, 0), 50);
    assert!(matches!(limiter.check(&question(1), at(10)), Gate::WaitUntil(_)), "sends had used up all of it");
    assert_eq!(sends(&mut limiter, 2000), 49, "each is under way for a second, and counts for another one");
    assert_eq!(limiter.check(&question(1), at(2000)), Gate::Go);
    assert!(matches!(limiter.check(&question(2), at(2000)), Gate::WaitUntil(_)));
    assert_eq!(sends(&mut limiter, 20_000), 50);
}

#[test]
fn others_have_room_while_they_ask() {
    let mut limiter = Limiter::new(Limits::default());
    limiter.make_room(at(2000));
    limiter.make_room(at(1000));
    let gone = |limiter: &mut Limiter, ms: i64| {
        let routes = (0..80).map(|n| create(ms + n));
        routes.filter(|route| limiter.check(route, at(ms)) == Gate::Go).count()
    };
    assert_eq!(gone(&mut limiter, 0), 45);
    assert_eq!(gone(&mut limiter, 1999), 0, "each is under way for a second, and counts for another one");
    assert_eq!(gone(&mut limiter, 2000), 50);
}

#[test]
fn a_small_budget_is_not_used_up_by_what_is_left_to_others() {
    let global = Some(Budget { count: 1, per: TimeDelta::seconds(1) });
    let mut limiter = Limiter::new(Limits { global, ..Limits::default() });
    limiter.make_room(at(9000));
    assert_eq!(limiter.check(&create(1), at(0)), Gate::Go);
    assert_eq!(limiter.check(&create(2), at(0)), Gate::WaitUntil(at(1000)));
}

#[test]
fn those_who_wait_for_the_global_budget_leave_little_of_it_unused() {
    let mut limiter = Limiter::new(Limits::default());
    // Each of 200 channels comes back when it was told to; an answer takes up to a quarter of a second.
    let mut lanes: Vec<(i64, i64)> = (0..200).map(|channel| (0, channel)).collect();
    let mut answers: Vec<(i64, i64)> = Vec::new();
    let (mut gone, mut asked) = (0, 0);
    for ms in 0..10_000 {
        for (_, channel) in answers.extract_if(.., |(due, _)| *due <= ms) {
            limiter.observe(&create(channel), &told(&format!("b{channel}"), 1000, 999, 1000), at(ms));
        }
        for (due, channel) in lanes.iter_mut().filter(|(due, _)| *due <= ms) {
            asked += 1;
            match limiter.check(&create(*channel), at(ms)) {
                Gate::Go => {
                    gone += 1;
                    answers.push((ms + 50 + *channel, *channel));
                    *due = ms + 1;
                }
                Gate::WaitUntil(until) => *due = (until - at(0)).num_milliseconds(),
            }
        }
    }
    assert!(gone > 420, "{gone} of 500: each is under way for 150 ms on average");
    assert!(asked < 20 * gone, "{asked} asked for {gone}");
}

#[test]
fn webhooks_have_priors_until_headers_speak() {
    let webhook = |id| RouteKey::webhook(id, Some(77));
    let mut limiter = Limiter::new(Limits::default());
    assert_eq!(burst(&mut limiter, &webhook(1), 0), 5);
    assert_eq!(limiter.check(&webhook(1), at(10)), Gate::WaitUntil(at(2010)));
    limiter.observe(&webhook(1), &told("w", 10, 9, 2000), at(20));
    assert_eq!(burst(&mut limiter, &webhook(1), 20), 5, "nine left, four of them on their way");
    // Ten of the channel's thirty are used; the rest is shared by its webhooks.
    let rest: usize = (2..10).map(|id| burst(&mut limiter, &webhook(id), 100)).sum();
    assert_eq!(rest, 20);
    assert_eq!(limiter.check(&webhook(50), at(100)), Gate::WaitUntil(at(60_020)));

    let mut bare = Limiter::new(Limits::without_priors());
    assert_eq!(burst(&mut bare, &webhook(1), 0), 1);
}

#[test]
fn a_refusal_reserves_nothing() {
    let mut limiter = Limiter::new(Limits::default());
    assert_eq!(limiter.check(&create(1), at(0)), Gate::Go);
    limiter.observe(&create(1), &told("b", 5, 0, 5000), at(0));
    for ms in 1..2000 {
        assert_eq!(limiter.check(&create(1), at(ms)), Gate::WaitUntil(at(5000)));
    }
    assert_eq!(burst(&mut limiter, &create(1), 5000), 5);
}

#[test]
fn what_is_not_used_is_forgotten() {
    let mut limiter = Limiter::new(Limits::default());
    for n in 0..200_000_i64 {
        let route = if n % 2 == 0 { create(n) } else { RouteKey::webhook(n, Some(n)) };
        let ms = n * 50;
        assert_eq!(limiter.check(&route, at(ms)), Gate::Go);
        limiter.observe(&route, &told(&format!("b{}", n % 7), 5, 4, 5000), at(ms + 1));
    }
    // 12,000 requests in ten minutes; at most twice as many are held.
    let held = [limiter.routes.len(), limiter.buckets.len(), limiter.webhooks.len(), limiter.channels.len()];
    assert!(held.iter().all(|len| *len <= 24_100), "{held:?}");
}

#[test]
fn headers_are_read_and_nonsense_is_left_out() {
    let some = [
        ("x-ratelimit-limit", "5"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset-after", "1.2341"),
        ("x-ratelimit-bucket", "abcd"),
        ("x-ratelimit-global", "true"),
        ("x-ratelimit-scope", "user"),
        ("retry-after", "65"),
    ];
    let read = LimitHeaders::read(|name| some.iter().find(|(n, _)| *n == name).map(|(_, value)| *value));
    let mut expected = told("abcd", 5, 0, 1235);
    expected.global = true;
    expected.scope = Some(Scope::User);
    expected.retry_after = Some(TimeDelta::seconds(65));
    assert_eq!(read, expected);
    for nonsense in ["", "-1", "NaN", "inf", "1e300", "x"] {
        assert_eq!(
            LimitHeaders::read(|name| (name != "x-ratelimit-bucket").then_some(nonsense)),
            LimitHeaders::default()
        );
    }
}

/// Discord as documented: a bucket counts requests in windows that begin with their first request.
struct Server {
    limit: usize,
    window_ms: i64,
    started: Option<i64>,
    used: usize,
}

impl Server {
    /// Panics when the client asks for more than there is.
    fn take(&mut self, ms: i64) -> LimitHeaders {
        let started = match self.started {
            Some(started) if ms < started + self.window_ms => started,
            _ => {
                self.used = 0;
                ms
            }
        };
        self.started = Some(started);
        self.used += 1;
        assert!(self.used <= self.limit, "{} of {} in the window from {started}", self.used, self.limit);
        told("b", self.limit as u32, (self.limit - self.used) as u32, started + self.window_ms - ms)
    }
}

proptest! {
    #[test]
    fn a_client_that_obeys_never_exceeds_a_bucket(
        limit in 1usize..8,
        window_ms in 50i64..6000,
        webhook in any::<bool>(),
        latencies in proptest::collection::vec((0i64..400, 0i64..4000), 20..80),
        gaps in proptest::collection::vec(0i64..900, 20..80),
    ) {
        // A webhook's prior is only right for what it is a prior of.
        let (limit, window_ms) = if webhook { (5, 2000) } else { (limit, window_ms) };
        let route = if webhook { RouteKey::webhook(9, Some(1)) } else { create(9) };
        let mut limiter = Limiter::new(Limits { global: None, ..Limits::default() });
        let mut server = Server { limit, window_ms, started: None, used: 0 };
        // Requests and answers take their time and overtake each other.
        let mut requests: Vec<(i64, i64)> = Vec::new();
        let mut answers: Vec<(i64, LimitHeaders)> = Vec::new();
        let (mut ms, mut gone, mut asked) = (0, 0, 0);
        while gone < latencies.len() {
            asked += 1;
            prop_assert!(asked < 100_000, "the client starves");
            requests.sort_by_key(|(due, _)| *due);
            while requests.first().is_some_and(|(due, _)| *due <= ms) {
                let (due, way_back) = requests.remove(0);
                answers.push((due + way_back, server.take(due)));
            }
            answers.sort_by_key(|(due, _)| *due);
            while answers.first().is_some_and(|(due, _)| *due <= ms) {
                let (due, headers) = answers.remove(0);
                limiter.observe(&route, &headers, at(due));
            }
            match limiter.check(&route, at(ms)) {
                Gate::Go => {
                    requests.push((ms + latencies[gone].0, latencies[gone].1));
                    ms += gaps[gone % gaps.len()] / 10;
                    gone += 1;
                }
                Gate::WaitUntil(until) => {
                    prop_assert!(until > at(ms));
                    ms = (until - at(0)).num_milliseconds();
                }
            }
        }
    }

    /// However long each request is under way, Discord never counts more than 50 in a second of its own.
    #[test]
    fn the_global_budget_holds_where_requests_arrive(
        latencies in proptest::collection::vec((0i64..1000, 0i64..300), 100..300),
        gaps in proptest::collection::vec(0i64..40, 100..300),
    ) {
        let mut limiter = Limiter::new(Limits::default());
        let mut server = Server { limit: 50, window_ms: 1000, started: None, used: 0 };
        let mut requests: Vec<(i64, i64)> = Vec::new();
        let mut answers: Vec<i64> = Vec::new();
        let (mut ms, mut gone, mut asked) = (0, 0, 0);
        while gone < latencies.len() {
            asked += 1;
            prop_assert!(asked < 10_000, "the client starves");
            requests.sort_unstable();
            while requests.first().is_some_and(|(due, _)| *due <= ms) {
                let (due, way_back) = requests.remove(0);
                server.take(due);
                answers.push(due + way_back);
            }
            answers.sort_unstable();
            while answers.first().is_some_and(|due| *due <= ms) {
                let due = answers.remove(0);
                limiter.observe(&create(0), &LimitHeaders::default(), at(due));
            }
            // Each in a channel of its own, so that the global budget alone is in the way.
            match limiter.check(&create(1_000 + gone as i64), at(ms)) {
                Gate::Go => {
                    requests.push((ms + latencies[gone].0, latencies[gone].1));
                    ms += gaps[gone % gaps.len()] / 10;
                    gone += 1;
                }
                Gate::WaitUntil(until) => {
                    prop_assert!(until > at(ms));
                    ms += 5;
                }
            }
        }
    }

    #[test]
    fn the_global_budget_holds_in_every_second(steps in proptest::collection::vec((0i64..60, 0i64..40), 100..400)) {
        let mut limiter = Limiter::new(Limits::default());
        let mut gone: VecDeque<i64> = VecDeque::new();
        let mut ms = 0;
        for (gap, channel) in steps {
            ms += gap / 6;
            if limiter.check(&create(channel), at(ms)) == Gate::Go {
                limiter.observe(&create(channel), &LimitHeaders::default(), at(ms));
                gone.push_back(ms);
                gone.retain(|then| *then > ms - 1000);
                prop_assert!(gone.len() <= 50);
            }
        }
    }
}
