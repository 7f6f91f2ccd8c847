//! What callers say of a route.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::destinations::input::{WebhookScope, WebhookType};
use super::super::input::{given, some, words};
use crate::event::Severity;
use crate::routes::check::Wrong;
use crate::routing::change::RouteBody;
use crate::routing::noise::{Noise, NoiseWish};

words! {
    /// How bad an event has to be.
    LeastSeverity {
        Debug = "debug",
        Info = "info",
        Warning = "warning",
        Error = "error",
        Critical = "critical",
    }
}

words! {
    /// `post`: a message for each event. `card`: one for each subject, kept up to date.
    RouteMode {
        Post = "post",
        Card = "card",
    }
}

fn severity(least: LeastSeverity) -> Severity {
    Severity::parse(least.as_str()).unwrap_or(Severity::Debug)
}

/// A route as it is to be. What is left out is as it is for a route that says nothing of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRoute)]
pub struct NewRoute {
    /// Letters, digits, spaces, - _ and dots; unique in the server.
    #[schema(min_length = 1, max_length = 40)]
    name: String,
    /// `ticket.created`, `ticket.*`, `*` or `default`.
    #[schema(min_length = 1, max_length = 100)]
    pattern: String,
    /// Where it leads; either these, or a type or scope.
    #[serde(default)]
    destination_ids: Vec<Uuid>,
    /// Besides: every destination of this type.
    #[serde(rename = "type")]
    webhook_type: Option<WebhookType>,
    /// Besides: every destination of this scope.
    #[serde(rename = "scope")]
    webhook_scope: Option<WebhookScope>,
    /// Events of this source alone.
    source_id: Option<Uuid>,
    min_severity: Option<LeastSeverity>,
    /// An expression over the event, such as `data.priority == 'high'`.
    filter: Option<String>,
    template_id: Option<Uuid>,
    mode: Option<RouteMode>,
    /// Who is mentioned: `<@&role id>` or `<@member id>`.
    #[serde(default)]
    #[schema(max_items = 8)]
    mentions: Vec<String>,
    /// Whether routes behind it are tried, too.
    #[serde(default)]
    continues: bool,
    #[serde(default)]
    paused: bool,
    /// Lower is tried first. Left out: behind the others, or where it stands.
    #[schema(minimum = 1, maximum = 999_999)]
    position: Option<i32>,
    /// When nothing but what is urgent is posted; what came is told in one message at their end. Without a time zone
    /// by the clocks of the server.
    #[schema(example = "22:00-07:00 Europe/Berlin", max_length = 60)]
    quiet_hours: Option<String>,
    /// One message lists what came, each 30m, 1h or 1d.
    #[schema(example = "1h", max_length = 20)]
    digest: Option<String>,
    /// At most so many messages at once; what is more is told in one.
    #[schema(example = "10 per 5m", max_length = 30)]
    throttle: Option<String>,
    /// What makes events the same; `repeat` says for how long.
    #[schema(example = "data.source", max_length = 200)]
    group_by: Option<String>,
    /// For how long the same is not posted again.
    #[schema(example = "1h", max_length = 20)]
    repeat: Option<String>,
    /// What is done with what came late; left out: it is posted all the same.
    #[schema(example = "summarise after 30m", max_length = 40)]
    when_late: Option<String>,
}

impl NewRoute {
    /// `position` is the one that it gets when it does not say any.
    pub fn body(self, position: i32) -> Result<RouteBody, Wrong> {
        let mut noise = Noise::default();
        let wish = NoiseWish {
            quiet_hours: self.quiet_hours,
            digest: self.digest,
            throttle: self.throttle,
            group_by: self.group_by,
            repeat: self.repeat,
            when_late: self.when_late,
        };
        wish.apply(&mut noise)?;
        Ok(RouteBody {
            name: self.name,
            position: self.position.unwrap_or(position),
            source_id: self.source_id,
            pattern: self.pattern,
            min_severity: self.min_severity.map_or(Severity::Debug, severity),
            filter: self.filter.and_then(filled),
            destination_ids: self.destination_ids,
            webhook_type: self.webhook_type.map(|kind| kind.as_str().to_owned()),
            webhook_scope: self.webhook_scope.map(|scope| scope.as_str().to_owned()),
            mode: self.mode.map(|mode| mode.as_str().to_owned()),
            template_id: self.template_id,
            continues: self.continues,
            paused: self.paused,
            noise,
            mentions: self.mentions,
        })
    }
}

fn filled(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What is to be different. What is left out stays, null clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutePatch {
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40)]
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    pattern: Option<String>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Vec<Uuid>, required = false)]
    destination_ids: Option<Vec<Uuid>>,
    #[serde(default, rename = "type", deserialize_with = "given")]
    #[schema(value_type = Option<WebhookType>)]
    webhook_type: Option<Option<WebhookType>>,
    #[serde(default, rename = "scope", deserialize_with = "given")]
    #[schema(value_type = Option<WebhookScope>)]
    webhook_scope: Option<Option<WebhookScope>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    source_id: Option<Option<Uuid>>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = LeastSeverity, required = false)]
    min_severity: Option<LeastSeverity>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    filter: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    template_id: Option<Option<Uuid>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RouteMode>)]
    mode: Option<Option<RouteMode>>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Vec<String>, required = false, max_items = 8)]
    mentions: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = bool, required = false)]
    continues: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = bool, required = false)]
    paused: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = i32, required = false, minimum = 1, maximum = 999_999)]
    position: Option<i32>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 60)]
    quiet_hours: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 20)]
    digest: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 30)]
    throttle: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200)]
    group_by: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 20)]
    repeat: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 40)]
    when_late: Option<Option<String>>,
}

impl RoutePatch {
    pub fn apply(self, before: &RouteBody) -> Result<RouteBody, Wrong> {
        let word = |word: &'static str| word.to_owned();
        let mut body = before.clone();
        put(&mut body.name, self.name);
        put(&mut body.pattern, self.pattern);
        put(&mut body.destination_ids, self.destination_ids);
        put(&mut body.webhook_type, self.webhook_type.map(|kind| kind.map(WebhookType::as_str).map(word)));
        put(&mut body.webhook_scope, self.webhook_scope.map(|scope| scope.map(WebhookScope::as_str).map(word)));
        put(&mut body.source_id, self.source_id);
        put(&mut body.min_severity, self.min_severity.map(severity));
        put(&mut body.filter, self.filter.map(|filter| filter.and_then(filled)));
        put(&mut body.template_id, self.template_id);
        put(&mut body.mode, self.mode.map(|mode| mode.map(RouteMode::as_str).map(word)));
        put(&mut body.mentions, self.mentions);
        put(&mut body.continues, self.continues);
        put(&mut body.paused, self.paused);
        put(&mut body.position, self.position);
        // An empty text takes an option away.
        let wish = NoiseWish {
            quiet_hours: self.quiet_hours.map(Option::unwrap_or_default),
            digest: self.digest.map(Option::unwrap_or_default),
            throttle: self.throttle.map(Option::unwrap_or_default),
            group_by: self.group_by.map(Option::unwrap_or_default),
            repeat: self.repeat.map(Option::unwrap_or_default),
            when_late: self.when_late.map(Option::unwrap_or_default),
        };
        wish.apply(&mut body.noise)?;
        Ok(body)
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// An order of the routes that people made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// All of them; the first is tried first.
    pub ids: Vec<Uuid>,
}

/// A route to be tried on events of the past: one that is there, one that is proposed, or one in the place of another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The route that is tried, or whose place `route` takes.
    pub route_id: Option<Uuid>,
    /// Left out: the one of `route_id` as it is.
    pub route: Option<NewRoute>,
    /// How far back events are looked at.
    #[schema(minimum = 1, maximum = 168, default = 24)]
    pub hours: Option<u32>,
}
