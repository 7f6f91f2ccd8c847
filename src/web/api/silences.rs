//! `/silences`: what is withheld for a time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, may};
use super::input::{Id, JsonBody, Params};
use super::page::{Page, Wanted};
use super::problem::{FieldError, Problem};
use super::repeat::NewId;
use super::version::{ETag, IfMatch};
use super::{BASE, text};
use crate::bus::Topic;
use crate::delivery::silence::{LONGEST, Wish, check};
use crate::event::Severity;
use crate::id::{ChannelId, GuildId};
use crate::routes::Board;
use crate::store::audit::insert_audit;
use crate::store::silence::{StoredSilence, end_now, insert_silence, lock_silence, run_until};
use crate::store::{Store, Tx};
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(show, end)).routes(routes!(extend))
}

/// What is withheld until when. When it is over, one message in Discord tells what was.
#[derive(Serialize, ToSchema)]
struct Silence {
    id: Uuid,
    /// In the language of routes: `alert.triggered`, `alert.*`, `*`.
    #[serde(rename = "type")]
    pattern: String,
    /// Events of this severity and above.
    severity: SilencedSeverity,
    /// An expression over the event, as routes have them.
    filter: Option<String>,
    source_id: Option<Uuid>,
    /// The thing that events have to be about.
    subject: Option<String>,
    reason: String,
    started_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    state: SilenceState,
    /// Messages that it has withheld and that were not told of yet.
    withheld: i64,
}

#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SilencedSeverity {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SilenceState {
    Running,
    Over,
}

impl SilencedSeverity {
    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Debug => Self::Debug,
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
            Severity::Critical => Self::Critical,
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::Debug => Severity::Debug,
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
            Self::Critical => Severity::Critical,
        }
    }
}

fn state(silence: &StoredSilence, now: DateTime<Utc>) -> SilenceState {
    if silence.ends_at.is_some_and(|at| at > now) { SilenceState::Running } else { SilenceState::Over }
}

fn view(silence: StoredSilence, now: DateTime<Utc>) -> Silence {
    Silence {
        id: silence.id,
        state: state(&silence, now),
        pattern: silence.pattern,
        severity: SilencedSeverity::of(silence.min_severity),
        filter: silence.filter,
        source_id: silence.source_id,
        subject: silence.subject,
        reason: silence.reason,
        started_at: silence.started_at,
        ends_at: silence.ends_at,
        withheld: silence.withheld,
    }
}

/// The version of a silence: until when it lasts.
fn etag(silence: &StoredSilence) -> ETag {
    ETag::of(&(silence.id, silence.ends_at))
}

/// What is to be silenced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSilence {
    /// In the language of routes. `machine.registered` and Signalbox's own notices are silenced only by their full
    /// names.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 100, example = "alert.*")]
    pattern: String,
    /// Until when; 90 days at most.
    ends_at: DateTime<Utc>,
    #[serde(default)]
    severity: Option<SilencedSeverity>,
    #[serde(default)]
    #[schema(max_length = 1000)]
    filter: Option<String>,
    #[serde(default)]
    source_id: Option<Uuid>,
    #[serde(default)]
    #[schema(max_length = 200)]
    subject: Option<String>,
    #[serde(default)]
    #[schema(max_length = 300)]
    reason: Option<String>,
    /// Where it is told that nothing was withheld; left out: nowhere.
    #[serde(default)]
    channel_id: Option<String>,
}

/// Until when it is to last.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Extension {
    /// In the future, 90 days at most.
    ends_at: DateTime<Utc>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only those that run, or are over.
    #[param(inline)]
    state: Option<SilenceState>,
}

/// The server's silences, those that are over as long as they are kept
#[utoipa::path(
    get,
    path = "/silences",
    tag = "Silences",
    params(ListParams),
    responses((status = 200, description = "A page of silences", body = Page<Silence>)),
    security(("bearer" = ["routes:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesRead>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Silence>>, Problem> {
    let wanted = Wanted::<Uuid>::read("silences", params.cursor.as_deref(), params.limit)?;
    let now = web.ports.clock.now();
    // A server has few.
    let mut all = web.ports.store.list_silences(caller.guild_id, DateTime::UNIX_EPOCH).await?;
    all.retain(|silence| {
        wanted.after.is_none_or(|after| silence.id < after)
            && params.state.is_none_or(|only| only == state(silence, now))
    });
    Ok(Json(wanted.page("silences", all, |silence| silence.id, |silence| view(silence, now))))
}

/// One silence
#[utoipa::path(
    get,
    path = "/silences/{id}",
    tag = "Silences",
    params(("id" = Uuid, Path)),
    responses((
        status = 200,
        description = "The silence",
        body = Silence,
        headers(("ETag" = String, description = "Its version, for If-Match"))
    )),
    security(("bearer" = ["routes:read"]), ("header" = []))
)]
async fn show(State(web): State<Arc<Web>>, caller: By<may::RoutesRead>, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    // Without a lock: the planner holds one on a silence that withholds something just now.
    let all = web.ports.store.list_silences(caller.guild_id, DateTime::UNIX_EPOCH).await?;
    let silence = all.into_iter().find(|silence| silence.id == id).ok_or_else(Problem::not_found)?;
    Ok((etag(&silence), Json(view(silence, web.ports.clock.now()))).into_response())
}

/// One that has begun.
async fn locked(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<StoredSilence, Problem> {
    let silence = lock_silence(tx, guild_id, id).await?;
    silence.filter(|silence| silence.started_at.is_some()).ok_or_else(Problem::not_found)
}

/// Silence something, from now on
#[utoipa::path(
    post,
    path = "/silences",
    tag = "Silences",
    request_body = NewSilence,
    responses((
        status = 201,
        description = "It has begun",
        body = Silence,
        headers(("ETag" = String), ("Location" = String))
    )),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn create(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    NewId(new_id): NewId,
    JsonBody(new): JsonBody<NewSilence>,
) -> Result<Response, Problem> {
    let (guild_id, now) = (caller.guild_id, web.ports.clock.now());
    let channel_id = channel(new.channel_id.as_deref())?;
    let wish = Wish {
        pattern: new.pattern,
        severity: new.severity.map(SilencedSeverity::severity),
        filter: new.filter,
        source: new.source_id.map(|id| id.to_string()),
        subject: new.subject,
        reason: new.reason.unwrap_or_default(),
        lasts: span(new.ends_at, now)?,
        channel_id,
    };
    let mut tx = web.ports.store.begin().await?;
    let board = Board::read_in(&mut tx, guild_id).await.map_err(|error| Problem::internal(&error))?;
    let checked = check(&board, guild_id, new_id, &wish).map_err(|fault| {
        let field = if fault.field == "source" { "source_id" } else { fault.field };
        Problem::invalid(vec![FieldError::new(field, fault.words)])
    })?;
    // One that is there was made by this request, and the answer was lost.
    if insert_silence(&mut tx, &checked, now).await? {
        run_until(&mut tx, new_id, new.ends_at, now).await?;
        let detail = json!({ "silence": new_id, "type": checked.pattern, "until": new.ends_at });
        insert_audit(&mut tx, &caller.audit("silence_started", detail), now).await?;
    }
    let silence = locked(&mut tx, guild_id, new_id).await?;
    Store::commit(tx).await?;
    let location = [(header::LOCATION, format!("{BASE}/silences/{new_id}"))];
    Ok((StatusCode::CREATED, location, etag(&silence), Json(view(silence, now))).into_response())
}

fn channel(given: Option<&str>) -> Result<Option<ChannelId>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let fits = (15..=19).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_digit());
    let id = given.parse().ok().filter(|_| fits).map(ChannelId);
    id.map(Some).ok_or_else(|| Problem::invalid(vec![FieldError::new("channel_id", text::BAD_CHANNEL)]))
}

/// How long it is until then.
fn span(ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<TimeDelta, Problem> {
    let span = ends_at - now;
    if span <= TimeDelta::zero() || span > LONGEST {
        return Err(Problem::invalid(vec![FieldError::new("ends_at", text::SILENCE_ENDS)]));
    }
    // Rounded up: what ends in half a minute is a silence, too.
    Ok(span.max(crate::delivery::silence::SHORTEST))
}

/// Let a silence last until another time, or begin again
#[utoipa::path(
    post,
    path = "/silences/{id}/extend",
    tag = "Silences",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is changed")),
    request_body = Extension,
    responses(
        (status = 200, description = "As it is now", body = Silence, headers(("ETag" = String))),
        (status = 412, description = "It was changed meanwhile")
    ),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn extend(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
    JsonBody(extension): JsonBody<Extension>,
) -> Result<Response, Problem> {
    let now = web.ports.clock.now();
    span(extension.ends_at, now)?;
    let mut tx = web.ports.store.begin().await?;
    let before = locked(&mut tx, caller.guild_id, id).await?;
    if_match.check(&etag(&before))?;
    run_until(&mut tx, id, extension.ends_at, now).await?;
    let detail = json!({ "silence": id, "type": before.pattern, "until": extension.ends_at });
    insert_audit(&mut tx, &caller.audit("silence_extended", detail), now).await?;
    let silence = locked(&mut tx, caller.guild_id, id).await?;
    Store::commit(tx).await?;
    Ok((etag(&silence), Json(view(silence, now))).into_response())
}

/// End a silence now
///
/// One message in Discord tells what it withheld. One that is over stays as it is.
#[utoipa::path(
    delete,
    path = "/silences/{id}",
    tag = "Silences",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is ended")),
    responses((status = 204, description = "It is over"), (status = 412, description = "It was changed meanwhile")),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn end(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let now = web.ports.clock.now();
    let mut tx = web.ports.store.begin().await?;
    let before = locked(&mut tx, caller.guild_id, id).await?;
    if_match.check(&etag(&before))?;
    if state(&before, now) == SilenceState::Running {
        end_now(&mut tx, id, None, now).await?;
        let detail = json!({ "silence": id, "type": before.pattern, "until": now });
        insert_audit(&mut tx, &caller.audit("silence_ended", detail), now).await?;
        Store::commit(tx).await?;
        web.ports.wake.wake(Topic::Held);
    }
    Ok(StatusCode::NO_CONTENT)
}
