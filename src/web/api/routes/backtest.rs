//! `POST /routes/backtest`: what a route would have done with the events of the past.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::caller::{By, may};
use super::super::input::JsonBody;
use super::super::problem::{FieldError, Problem};
use super::super::text;
use super::find;
use super::input::Trial;
use crate::routes::propose::{last_position, try_out, typos};
use crate::routes::{Board, check};
use crate::routing::backtest::Example;
use crate::routing::noise::judge::Reason;
use crate::web::Web;

const HOURS: u32 = 24;
const HOURS_MAX: u32 = 168;

/// What a route would have done.
#[derive(Serialize, ToSchema)]
pub struct Backtest {
    /// Events that were looked at, the newest first.
    looked_at: usize,
    /// False: there were more than are looked at.
    complete: bool,
    /// Events that the route would have taken.
    matched: usize,
    /// New messages by destination, digests among them; a living card is one, however often it changed.
    messages: BTreeMap<Uuid, usize>,
    /// Changes of living cards.
    edits: usize,
    /// Of those that it takes: posted when they came, changes of living cards included.
    at_once: usize,
    /// Of those that it takes: held back and told of later.
    held: Held,
    /// Messages that tell of what was held back, in each destination.
    digests: usize,
    /// Of those that it takes: only counted, not told, for their age.
    dropped: usize,
    /// Events that match, and that an earlier route takes: by the name of that route.
    instead: BTreeMap<String, usize>,
    /// Events that it takes away from other routes: by their names.
    taken: BTreeMap<String, usize>,
    /// What failed, and how often.
    errors: BTreeMap<String, usize>,
    /// What is odd about the route without being wrong.
    warnings: Vec<String>,
    /// Some of those that it takes.
    examples: Vec<PastEvent>,
    /// Some that are of its type and that it does not take.
    misses: Vec<PastEvent>,
}

/// Events that are told of later, by what held them back.
#[derive(Serialize, ToSchema)]
#[schema(as = HeldBack)]
struct Held {
    quiet_hours: usize,
    digest: usize,
    throttle: usize,
    /// The same again.
    repeat: usize,
    /// Their age.
    late: usize,
}

impl From<&BTreeMap<Reason, usize>> for Held {
    fn from(held: &BTreeMap<Reason, usize>) -> Self {
        let by = |reason| held.get(&reason).copied().unwrap_or_default();
        Self {
            quiet_hours: by(Reason::Quiet),
            digest: by(Reason::Digest),
            throttle: by(Reason::Throttle),
            repeat: by(Reason::Repeat),
            late: by(Reason::Late),
        }
    }
}

/// An event of the past.
#[derive(Serialize, ToSchema)]
pub struct PastEvent {
    kind: String,
    at: DateTime<Utc>,
    /// What it is about.
    headline: String,
    /// Why it does not match; empty when it does.
    because: String,
}

impl From<Example> for PastEvent {
    fn from(example: Example) -> Self {
        Self { kind: example.kind, at: example.at, headline: example.headline, because: example.because }
    }
}

/// Try a route on events of the past
///
/// One that is there, one that is proposed, or one in the place of another. What it would have held back is judged by
/// the times at which the events came. Nothing is posted, and nothing is saved.
#[utoipa::path(
    post,
    path = "/routes/backtest",
    tag = "Routes",
    request_body = Trial,
    responses((status = 200, description = "What it would have done", body = Backtest)),
    security(("bearer" = ["routes:read"]), ("header" = []))
)]
pub async fn backtest(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesRead>,
    JsonBody(trial): JsonBody<Trial>,
) -> Result<Json<Backtest>, Problem> {
    let hours = trial.hours.unwrap_or(HOURS);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(Problem::invalid(vec![FieldError::new("hours", format!("should be 1 to {HOURS_MAX}"))]));
    }
    let (ports, guild_id) = (&web.ports, caller.guild_id);
    let board = Board::read(ports, guild_id).await?;
    let unknown = |_| Problem::invalid(vec![FieldError::new("route_id", text::UNKNOWN_ID)]);
    let present = trial.route_id.map(|id| find(&board, id)).transpose().map_err(unknown)?;
    let before = present.map(|route| route.body());
    let (body, mut warnings) = match (trial.route, before) {
        (Some(new), before) => {
            let position = before.as_ref().map_or_else(|| last_position(&board), |before| before.position);
            let mut body = new.body(position).map_err(|wrong| wrong.within("route"))?;
            let before = present.map(|route| route.id).zip(before.as_ref());
            let warnings = check::route(&board, before, &mut body).map_err(|wrong| wrong.within("route"))?;
            (body, warnings)
        }
        (None, Some(before)) => (before, Vec::new()),
        (None, None) => {
            return Err(Problem::invalid(vec![FieldError::new("route", text::MISSING).hint(text::ONE_ROUTE)]));
        }
    };
    warnings.extend(typos(ports, guild_id, &body).await?);
    let span = TimeDelta::hours(i64::from(hours));
    let looked = try_out(ports, guild_id, &board, present.map(|route| route.id), &body, span).await?;
    let test = looked.backtest;
    Ok(Json(Backtest {
        looked_at: test.looked_at,
        complete: looked.complete,
        matched: test.matched,
        messages: test.messages,
        edits: test.edits,
        at_once: test.at_once,
        held: Held::from(&test.held),
        digests: test.digests,
        dropped: test.dropped,
        instead: test.instead,
        taken: test.taken,
        errors: test.errors,
        warnings,
        examples: test.examples.into_iter().map(PastEvent::from).collect(),
        misses: test.misses.into_iter().map(PastEvent::from).collect(),
    }))
}
